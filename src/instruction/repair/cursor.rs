//! A place in a text, and what can be said of the characters that follow it.

/// Keys longer than this are no keys but prose: it bounds how far a quote looks ahead.
const LONGEST_KEY_BYTES: usize = 256;

/// Longer lines are no comments that a value would have before its first member: it bounds how far a `#` looks ahead.
const LONGEST_COMMENT_CHARACTERS: usize = 256;

/// A place in a text. Every method is total: past the end there is nothing to see and nowhere to go.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, position: usize) -> Self {
        Self { text, position }
    }

    pub fn position(&self) -> usize {
        self.position
    }

    pub fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// What the cursor has passed.
    pub fn passed(&self) -> &'a str {
        self.text.get(..self.position).unwrap_or_default()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The next character, which the cursor passes.
    pub fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    /// Passes `prefix` if it comes next.
    pub fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.position += prefix.len();
        }
        found
    }

    /// Moves to a position that an earlier look found.
    pub fn jump(&mut self, position: usize) {
        self.position = position;
    }

    /// Passes the longest run of characters that satisfy `wanted` and returns it.
    pub fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }

    /// Passes white space, control characters and comments. An unfinished comment reaches to the end.
    pub fn skip_blank(&mut self) {
        loop {
            self.take_while(is_blank);
            let rest = self.rest();
            let length = if rest.starts_with("//") || starts_hash_comment(rest) {
                rest.find('\n')
            } else if rest.starts_with("/*") {
                rest.find("*/").map(|end| end + 2)
            } else {
                return;
            };
            self.position += length.unwrap_or(rest.len());
        }
    }
}

/// White space between tokens, with the invisible characters that editors and models leave there.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}')
}

pub(super) fn is_quote(c: char) -> bool {
    is_double_quote(c) || is_single_quote(c)
}

pub(super) fn is_double_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '‟' | '＂')
}

pub(super) fn is_single_quote(c: char) -> bool {
    matches!(c, '\'' | '‘' | '’' | '‚')
}

pub(super) fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '-')
}

pub(super) fn starts_comment(text: &str) -> bool {
    text.starts_with("//") || text.starts_with("/*")
}

/// Whether `text` begins with a comment as Python writes it. `#3` and `#ff0000` are values.
pub(super) fn starts_hash_comment(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|comment| !comment.starts_with(char::is_alphanumeric))
}

/// What follows the line of such a comment, if the line has none of `excluded` in it.
pub(super) fn after_hash_comment<'a>(text: &'a str, excluded: &[char]) -> Option<&'a str> {
    let (end, ending) = text.char_indices().take(LONGEST_COMMENT_CHARACTERS).find(|(_, c)| *c == '\n' || excluded.contains(c))?;
    (ending == '\n' && starts_hash_comment(text)).then(|| text[end..].trim_start_matches(is_blank))
}

/// Whether `text`, which follows a `{` in prose, begins an object.
pub(super) fn opens_object(text: &str) -> bool {
    let text = text.trim_start_matches(is_blank);
    match text.chars().next() {
        None | Some('}') => true,
        Some(c) if is_quote(c) => true,
        Some('#') => after_hash_comment(text, &['}']).is_some_and(|rest| rest.starts_with(is_quote)),
        Some(_) => starts_comment(text) || name_and_colon(text),
    }
}

/// Whether `text`, which follows a `[` in prose, begins a list.
pub(super) fn opens_list(text: &str) -> bool {
    let text = text.trim_start_matches(is_blank);
    match text.chars().next() {
        None | Some('{' | '[' | ']' | '-' | '0'..='9') => true,
        Some(c) if is_quote(c) => true,
        // `[# of dogs]` is prose.
        Some('#') => after_hash_comment(text, &[']']).is_some_and(|rest| rest.starts_with(['{', '[', '"'])),
        Some(_) => starts_comment(text),
    }
}

/// Whether `text`, which stands where a value does, begins with a tuple as Python writes it: `('dog', 'cat')`. `(a) red` and `(1) dog` are texts.
pub(super) fn opens_tuple(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('(') else { return false };
    let inside = inside.trim_start_matches(|c: char| c == '(' || is_blank(c));
    let behind_number = inside.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let has_number = behind_number.len() < inside.len() && behind_number.trim_start_matches(is_blank).starts_with(',');
    let has_constant = behind_constant(inside).is_some_and(|behind| behind.starts_with(','));
    has_number || has_constant || inside.starts_with(|c: char| is_quote(c) || matches!(c, '{' | '['))
}

/// What follows a value that is neither text nor number, as JSON or Python writes it, if `text` begins with one.
pub(super) fn behind_constant(text: &str) -> Option<&str> {
    let constants = ["null", "true", "false", "None", "True", "False"];
    constants.iter().find_map(|constant| text.strip_prefix(*constant)).map(|behind| behind.trim_start_matches(is_blank))
}

/// Whether `text` begins with a name and a colon: an unquoted key.
pub(super) fn name_and_colon(text: &str) -> bool {
    let end = text.find(|c| !is_name_character(c)).unwrap_or(text.len());
    (1..=LONGEST_KEY_BYTES).contains(&end) && text[end..].trim_start_matches(is_blank).starts_with([':', '：'])
}

/// Whether `text` begins with a quoted key and its colon, on one line.
pub(super) fn quoted_key_and_colon(text: &str) -> bool {
    let mut characters = text.char_indices();
    let Some((_, opening)) = characters.next().filter(|(_, c)| is_quote(*c)) else { return false };
    let same_kind = if is_double_quote(opening) { is_double_quote } else { is_single_quote };
    let closing = characters
        .take_while(|(at, c)| *at <= LONGEST_KEY_BYTES && *c != '\n')
        .find(|(_, c)| same_kind(*c))
        .map(|(at, c)| at + c.len_utf8());
    closing.is_some_and(|end| text[end..].trim_start_matches(is_blank).starts_with([':', '：']))
}
