//! LaTeX commands whose backslash JSON would read as an escape.
//!
//! `"\frac"` is valid JSON for a form feed and `rac`; no model means that. `"\times"` and `"\neq"` are of the same kind. `"\ne"` can
//! also be a line break before an option `e`: such commands count only where the text around them is mathematics.

/// Commands that begin with `t` or `n` and cannot be a tab or a line break before a word.
const COMMANDS: [&str; 47] = [
    "tag",
    "tanh",
    "tau",
    "tbinom",
    "text",
    "textbf",
    "textcolor",
    "textit",
    "textnormal",
    "textrm",
    "textsc",
    "textsf",
    "textstyle",
    "texttt",
    "textup",
    "tfrac",
    "therefore",
    "theta",
    "thicksim",
    "thinspace",
    "tilde",
    "times",
    "tiny",
    "triangle",
    "triangleleft",
    "triangleq",
    "triangleright",
    "nabla",
    "natural",
    "ncong",
    "nearrow",
    "neg",
    "neq",
    "newline",
    "ngeq",
    "ngtr",
    "nleftarrow",
    "nleq",
    "nolimits",
    "nonumber",
    "notin",
    "nrightarrow",
    "nsim",
    "nsubseteq",
    "nsupseteq",
    "nvdash",
    "nwarrow",
];

/// Commands that can also be a tab or a line break before a word, and stand between two operands.
const RELATIONS: [&str; 7] = ["ne", "ni", "nless", "nmid", "not", "nparallel", "to"];

/// Commands that can also be a tab or a line break before a word, and stand beside an operator or another command.
const SYMBOLS: [&str; 5] = ["nexists", "not", "nu", "tan", "top"];

/// How far the text around an ambiguous command is looked at.
const CHARACTERS_AROUND: usize = 100;

/// Whether a single backslash in a string, between `before` and `after`, begins a LaTeX command.
pub(super) fn is_command(before: &str, after: &str) -> bool {
    let word = leading_word(after);
    match word.as_bytes() {
        // Form feeds, backspaces and lone carriage returns do not precede words.
        [b'f' | b'b' | b'r', _, ..] => true,
        [b't' | b'n', ..] => COMMANDS.contains(&word) || is_in_mathematics(before, word, &after[word.len()..]),
        _ => false,
    }
}

/// Whether any string of the JSON `text` holds such a command.
pub(super) fn occurs_in(text: &str) -> bool {
    let mut position = 0;
    while let Some(distance) = text[position..].find('\\') {
        let backslash = position + distance;
        let after = &text[backslash + 1..];
        if is_command(&text[..backslash], after) {
            return true;
        }
        position = backslash + 1 + after.chars().next().map_or(0, char::len_utf8);
    }
    false
}

/// Whether `word` is an ambiguous command and what stands before and after it is mathematics.
fn is_in_mathematics(before: &str, word: &str, after: &str) -> bool {
    let (is_relation, is_symbol) = (RELATIONS.contains(&word), SYMBOLS.contains(&word));
    // A line break or tab and the label of an option: `\ne) bird`, `\ni. dog`.
    let is_label = is_relation && after.starts_with([')', '.', ':']);
    if is_label || !(is_relation || is_symbol) {
        return false;
    }
    let (left, right) = (end_of_string(before), start_of_string(after));
    is_delimited(left, right)
        || (is_relation && ends_with_operand(left) && starts_with_operand(right))
        || (is_symbol && is_beside_operator(left, word, right))
}

fn leading_word(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len())]
}

/// What of the same string stands right before a place.
fn end_of_string(before: &str) -> &str {
    let start = before.char_indices().rev().take(CHARACTERS_AROUND).last().map_or(before.len(), |(start, _)| start);
    before[start..].rsplit('"').next().unwrap_or_default()
}

/// What of the same string stands right after a place.
fn start_of_string(after: &str) -> &str {
    let end = after.char_indices().nth(CHARACTERS_AROUND).map_or(after.len(), |(end, _)| end);
    after[..end].split('"').next().unwrap_or_default()
}

/// Whether a place is inside `\( \)`, `\[ \]`, `$$ $$` or `$ $`.
fn is_delimited(left: &str, right: &str) -> bool {
    let is_open =
        |opening: &str, closing: &str| left.rfind(opening).is_some_and(|start| !left[start..].contains(closing)) && right.contains(closing);
    let is_between_double = left.matches("$$").count() % 2 == 1 && right.contains("$$");
    is_open("\\(", "\\)") || is_open("\\[", "\\]") || is_between_double || is_between_dollars(left, right)
}

/// Whether a place is inside `$ $` by Pandoc's rule, which leaves prices alone: no blank at either end, no digit behind.
fn is_between_dollars(left: &str, right: &str) -> bool {
    let is_odd = left.matches('$').count() % 2 == 1;
    match (left.rsplit_once('$'), right.split_once('$')) {
        (Some((_, start)), Some((end, behind))) if is_odd => {
            !start.starts_with(char::is_whitespace)
                && !end.ends_with(char::is_whitespace)
                && !behind.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => false,
    }
}

fn ends_with_operand(left: &str) -> bool {
    let left = left.trim_end();
    left.ends_with(|c: char| c.is_ascii_digit() || matches!(c, ')' | '}' | ']')) || ends_with_letter(left) || ends_with_command(left)
}

fn starts_with_operand(right: &str) -> bool {
    let right = right.trim_start();
    let right = right.strip_prefix('-').unwrap_or(right);
    right.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '(' | '{' | '='))
        || starts_with_letter(right)
        || starts_with_command(right)
}

fn is_beside_operator(left: &str, word: &str, right: &str) -> bool {
    let trimmed = left.trim_end();
    trimmed.ends_with(['=', '<', '^', '_', '{', '(', '&'])
        || ends_with_command(trimmed)
        || (word == "nu" && ends_with_letter(left))
        || right.starts_with(['^', '_', '{', '('])
        || starts_with_command(right.trim_start())
}

/// A variable: a letter that is not part of a word.
fn ends_with_letter(left: &str) -> bool {
    let mut characters = left.chars().rev();
    characters.next().is_some_and(char::is_alphabetic) && characters.next().is_none_or(|c| !c.is_alphabetic() && c != '\\')
}

fn starts_with_letter(right: &str) -> bool {
    let mut characters = right.chars();
    characters.next().is_some_and(char::is_alphabetic) && characters.next().is_none_or(|c| !c.is_alphabetic())
}

fn ends_with_command(left: &str) -> bool {
    let name_start = left.rfind(|c: char| !c.is_ascii_alphabetic()).filter(|at| left[*at..].starts_with('\\')).map(|at| at + 1);
    name_start.is_some_and(|start| is_command_name(&left[start..]))
}

fn starts_with_command(right: &str) -> bool {
    right.starts_with('\\') && is_command_name(leading_word(right.trim_start_matches('\\')))
}

/// Whether the letters behind a backslash are surely no tab or line break before a word.
fn is_command_name(name: &str) -> bool {
    name.len() > 1 && (!name.starts_with(['n', 't']) || COMMANDS.contains(&name))
}
