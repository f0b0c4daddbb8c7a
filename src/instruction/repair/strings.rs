//! Strings: which quote ends one, and what its escapes mean.
//!
//! Models forget to escape quotes. A quote ends a string only where the JSON goes on after it in a way that fits the string's
//! [`Place`]; otherwise it belongs to the text. Where the text plainly ran into the next member, the string counts as lost, so
//! that no item is kept with a text that is not its own. Every look ahead is bounded by white space and one key.

use super::cursor::{
    Cursor, after_hash_comment, behind_constant, is_blank, is_double_quote, is_quote, is_single_quote, name_and_colon,
    quoted_key_and_colon, starts_comment, starts_hash_comment,
};
use super::latex;

/// How far behind a closing bracket another quote makes the first one doubtful.
const SAME_SENTENCE_BYTES: usize = 256;

/// Where in a value a string stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Key,
    /// The value of an object's member.
    Member {
        bare_keys: bool,
        outermost: bool,
    },
    /// An element of a list, or of a tuple, which is a list in round brackets.
    Element {
        in_object: bool,
        in_tuple: bool,
        outermost: bool,
    },
}

/// Why a string could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StringError {
    /// The text ends inside it.
    Cut,
    /// Its end is missing; the cursor stands where reading may go on.
    Lost,
}

/// What a quote inside a string is.
enum Quote {
    /// The end of the string, with how many characters it takes: models also double the quote.
    Closing { quotes: usize },
    /// Part of the text.
    Inner,
    /// The beginning of the next key: the string's own end is missing.
    NextKey { resume: usize },
}

/// Reads the string whose opening quote comes next.
///
/// # Errors
/// [`StringError::Cut`] at the end of the text, [`StringError::Lost`] when the string ran into the next member.
pub(super) fn read_string(cursor: &mut Cursor<'_>, place: Place) -> Result<String, StringError> {
    let opening = cursor.bump().ok_or(StringError::Cut)?;
    if let Some(text) = read_triple_quoted(cursor, opening) {
        return text;
    }
    let mut text = String::new();
    let mut open_curly_quotes = 0_usize;
    let mut inner_quotes = 0_usize;
    // The last character that is not blank, with its position: a quote after `{` or `,` may begin a key.
    let mut before = (opening, cursor.position());
    while let Some(next) = cursor.peek() {
        if ends(opening, next, place, open_curly_quotes) {
            match judge(cursor, place, before, inner_quotes) {
                Quote::Closing { quotes } => {
                    for _ in 0..quotes {
                        cursor.bump();
                    }
                    return Ok(text);
                }
                Quote::NextKey { resume } => {
                    cursor.jump(resume);
                    return Err(StringError::Lost);
                }
                Quote::Inner => inner_quotes += 1,
            }
        }
        match next {
            '“' => open_curly_quotes += 1,
            '”' => open_curly_quotes = open_curly_quotes.saturating_sub(1),
            _ => {}
        }
        if !is_blank(next) {
            before = (next, cursor.position());
        }
        cursor.bump();
        match next {
            '\\' => read_escape(cursor, &mut text),
            '\r' if cursor.peek() == Some('\n') => {}
            '\r' => text.push('\n'),
            '\n' | '\t' => text.push(next),
            _ if next.is_control() => {}
            _ => text.push(next),
        }
    }
    Err(StringError::Cut)
}

/// Python's `"""text"""`, taken as it stands. `None` if the string is not of that kind.
fn read_triple_quoted(cursor: &mut Cursor<'_>, opening: char) -> Option<Result<String, StringError>> {
    let two_more = match opening {
        '"' => "\"\"",
        '\'' => "''",
        _ => return None,
    };
    let inside = cursor.rest().strip_prefix(two_more)?;
    if inside.trim_start_matches(is_blank).starts_with([',', '}', ']', ':']) {
        return None;
    }
    let Some(length) = inside.find(&format!("{opening}{two_more}")) else { return Some(Err(StringError::Cut)) };
    let after = cursor.position() + two_more.len() + length + 1 + two_more.len();
    cursor.jump(after);
    Some(Ok(inside.get(..length).unwrap_or_default().to_owned()))
}

/// Whether `quote` can end a string that `opening` began. Typographic quotes in pairs are part of the text.
fn ends(opening: char, quote: char, place: Place, open_curly_quotes: usize) -> bool {
    match (is_double_quote(opening), place) {
        (true, Place::Key) => is_double_quote(quote),
        (true, _) => quote == '"' || (quote == '”' && open_curly_quotes == 0) || (quote == '＂' && opening == '＂'),
        (false, _) if opening == '\'' => quote == '\'',
        (false, _) => is_single_quote(quote),
    }
}

/// Decides what the quote under the cursor is. `before` is the last character of the text that is not blank.
fn judge(cursor: &Cursor<'_>, place: Place, before: (char, usize), inner_quotes: usize) -> Quote {
    let from_quote = cursor.rest();
    let mut after_quote = cursor.clone();
    let quote = after_quote.bump();
    let after = after_quote.rest();
    if place == Place::Key || closes(after, place) {
        return Quote::Closing { quotes: 1 };
    }
    if inner_quotes.is_multiple_of(2) && joined_string(after).is_some() {
        return Quote::Closing { quotes: 1 };
    }
    let doubled = after_quote.bump() == quote;
    if doubled && closes(after_quote.rest(), place) {
        // After an odd number of quotes the first one ends what another began: `"it is "so""`.
        return if inner_quotes.is_multiple_of(2) { Quote::Closing { quotes: 2 } } else { Quote::Inner };
    }
    if matches!(before.0, ',' | '{') && quoted_key_and_colon(from_quote) {
        let resume = if before.0 == '{' { before.1 } else { cursor.position() };
        return Quote::NextKey { resume };
    }
    Quote::Inner
}

/// Whether JSON goes on with `after`, the text behind a quote.
fn closes(after: &str, place: Place) -> bool {
    let blank_length = after.len() - after.trim_start_matches(is_blank).len();
    let (blank, after) = after.split_at(blank_length);
    let Some(next) = after.chars().next() else { return true };
    let rest = &after[next.len_utf8()..];
    match (next, place) {
        (',', _) | (';' | '；' | '，', Place::Member { .. }) => goes_on_after_comma(rest.trim_start_matches(is_blank), place),
        ('}' | ']', _) | (')', Place::Element { in_tuple: true, .. }) => goes_on_after_bracket(rest, place),
        (':' | '：', Place::Element { in_object, .. }) => in_object,
        ('/', _) => starts_comment(after),
        ('#', _) => {
            !blank.is_empty() && goes_on_after_comment(after, &['"'], |next| next.starts_with([',', '}', ']']) || begins_next(next, place))
        }
        ('`', _) => after.starts_with("```"),
        (c, Place::Element { .. }) if is_quote(c) => blank.contains('\n') || quoted_key_and_colon(after),
        (c, _) if is_quote(c) => quoted_key_and_colon(after),
        (_, Place::Member { bare_keys, .. }) => bare_keys && blank.contains('\n') && name_and_colon(after),
        _ => false,
    }
}

/// Where in `after`, the text behind a string, another one begins that a `+` joins to it, as programs do: `"Is there " + "a dog?"`.
pub(super) fn joined_string(after: &str) -> Option<usize> {
    let plus = after.trim_start_matches(is_blank);
    // Without a blank it is the plus sign that is in quotes: `What does "+" mean?`.
    if plus.len() == after.len() {
        return None;
    }
    let joined = plus.strip_prefix('+')?.trim_start_matches(is_blank);
    let opening = joined.chars().next().filter(|c| is_quote(*c))?;
    let same_kind = if is_double_quote(opening) { is_double_quote } else { is_single_quote };
    let mut is_escaped = false;
    let (end, closing) = joined.char_indices().skip(1).find(|(_, c)| {
        let is_end = same_kind(*c) && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    })?;
    let behind = joined[end + closing.len_utf8()..].trim_start_matches(is_blank);
    (behind.is_empty() || behind.starts_with([',', ';', '}', ']', '+'])).then_some(after.len() - joined.len())
}

fn goes_on_after_comma(after: &str, place: Place) -> bool {
    let Some(next) = after.chars().next() else { return true };
    match place {
        _ if next == '#' => goes_on_after_comment(after, &[], |next| goes_on_after_comma(next, place)),
        Place::Element { in_tuple: true, .. } if matches!(next, ')' | '(') => true,
        _ if matches!(next, '}' | ']' | '{' | ',') || starts_comment(after) || after.starts_with("...") || after.starts_with("```") => true,
        Place::Member { .. } | Place::Key if is_quote(next) => quoted_key_and_colon(after),
        Place::Member { bare_keys, .. } => bare_keys && name_and_colon(after),
        Place::Element { in_tuple, .. } => {
            let is_constant =
                behind_constant(after).is_some_and(|behind| behind.starts_with([',', ']']) || (in_tuple && behind.starts_with(')')));
            is_quote(next) || matches!(next, '[' | '-' | '0'..='9') || is_constant
        }
        Place::Key => false,
    }
}

/// Whether JSON goes on behind the line of a comment. In a text, a `#` behind a quote may be code, or prose.
fn goes_on_after_comment(comment: &str, excluded: &[char], goes_on: impl Fn(&str) -> bool) -> bool {
    after_hash_comment(comment, excluded).is_some_and(|next| next.is_empty() || starts_hash_comment(next) || goes_on(next))
}

/// Whether `text` begins with the next key, or the next text of a list.
fn begins_next(text: &str, place: Place) -> bool {
    match place {
        Place::Element { .. } => text.starts_with(is_quote),
        Place::Member { bare_keys, .. } => quoted_key_and_colon(text) || (bare_keys && name_and_colon(text)),
        Place::Key => false,
    }
}

/// A bracket behind a quote may still be part of the text, as in `"the set {"a"} is small"`: then text follows, and another quote.
fn goes_on_after_bracket(after: &str, place: Place) -> bool {
    let line = after.trim_start_matches(|c| c != '\n' && is_blank(c));
    let Some(next) = line.chars().next() else { return true };
    if matches!(next, '\n' | ',' | ']' | '}' | '{' | '[' | '`' | '<' | '.' | '/' | ';' | ')') {
        return true;
    }
    let is_bracket = |next: &str| next.starts_with([',', ']', '}', '{', '[', '`']) || quoted_key_and_colon(next);
    if goes_on_after_comment(line, &[], is_bracket) {
        return true;
    }
    if is_quote(next) {
        return quoted_key_and_colon(line);
    }
    let outermost = matches!(place, Place::Member { outermost: true, .. } | Place::Element { outermost: true, .. });
    let quote_follows = line.char_indices().take_while(|(at, c)| *at < SAME_SENTENCE_BYTES && *c != '\n').any(|(_, c)| is_double_quote(c));
    outermost && !quote_follows
}

/// Reads what follows a backslash. An escape that JSON does not know keeps its backslash, unless it is one of Markdown.
fn read_escape(cursor: &mut Cursor<'_>, text: &mut String) {
    let before = cursor.passed().strip_suffix('\\').unwrap_or_default();
    if latex::is_command(before, cursor.rest()) {
        text.push('\\');
        return;
    }
    let Some(escaped) = cursor.bump() else { return };
    match escaped {
        'n' => text.push('\n'),
        't' => text.push('\t'),
        'r' => text.push('\r'),
        'b' | 'f' | '\r' => {}
        'u' => text.push_str(&read_code_unit(cursor, 4).map_or_else(|| "\\u".to_owned(), |unit| join_surrogates(cursor, unit).to_string())),
        'x' => match read_code_unit(cursor, 2).and_then(char::from_u32) {
            Some(c) => text.push(c),
            None => text.push_str("\\x"),
        },
        '\n' => text.push('\n'),
        '\\' | '/' | '_' | '*' | '#' | '-' | '.' | '!' | '~' | '>' | '+' | '|' | '=' | '`' => text.push(escaped),
        _ if is_quote(escaped) => text.push(escaped),
        _ => {
            text.push('\\');
            text.push(escaped);
        }
    }
}

/// `digits` hexadecimal digits; `None`, and the cursor stays, if they are not there.
fn read_code_unit(cursor: &mut Cursor<'_>, digits: usize) -> Option<u32> {
    let hexadecimal = cursor.rest().get(..digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let unit = u32::from_str_radix(hexadecimal, 16).ok()?;
    cursor.jump(cursor.position() + digits);
    Some(unit)
}

/// The character of a UTF-16 code unit, with the next escape if the two are a pair; half a pair is the replacement character.
fn join_surrogates(cursor: &mut Cursor<'_>, unit: u32) -> char {
    if !(0xd800..0xdc00).contains(&unit) {
        return char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = cursor.clone();
    let low = if ahead.eat("\\u") { read_code_unit(&mut ahead, 4) } else { None };
    match low {
        Some(low) if (0xdc00..0xe000).contains(&low) => {
            *cursor = ahead;
            char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => char::REPLACEMENT_CHARACTER,
    }
}
