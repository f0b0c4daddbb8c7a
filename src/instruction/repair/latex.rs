//! LaTeX commands whose backslash JSON would read as an escape.
//!
//! `"\frac"` is valid JSON for a form feed and `rac`; no model means that. `"\times"` and `"\neq"` are of the same kind.

/// Commands that begin with `t` or `n` and cannot be a tab or a line break before a word.
const COMMANDS: [&str; 8] = ["times", "theta", "triangle", "tilde", "text", "textbf", "neq", "nabla"];

/// Whether `after_backslash`, what follows a single backslash in a string, is a LaTeX command.
pub(super) fn is_command(after_backslash: &str) -> bool {
    let word_end = after_backslash.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after_backslash.len());
    let word = &after_backslash[..word_end];
    match word.as_bytes() {
        // Form feeds, backspaces and lone carriage returns do not precede words.
        [b'f' | b'b' | b'r', _, ..] => true,
        [b't' | b'n', ..] => COMMANDS.contains(&word),
        _ => false,
    }
}

/// Whether any string of the JSON `text` holds such a command.
pub(super) fn occurs_in(text: &str) -> bool {
    let mut rest = text;
    while let Some(backslash) = rest.find('\\') {
        let after = &rest[backslash + 1..];
        if is_command(after) {
            return true;
        }
        let escaped = after.chars().next().map_or(0, char::len_utf8);
        rest = &after[escaped..];
    }
    false
}
