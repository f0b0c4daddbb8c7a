//! SQL text cut into tokens, leniently: half-typed text has tokens too, the last of them unclosed.

use std::ops::Range;

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Space,
    /// `-- ...` or `/* ... */`.
    Comment,
    /// A keyword or a name without quotes.
    Word,
    /// A name in double quotes or backticks.
    QuotedName,
    /// `'...'`, `E'...'` or `$tag$...$tag$`.
    String,
    Number,
    Symbol(char),
}

/// A piece of SQL text. The tokens of a text follow each other without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: Range<usize>,
    /// False where a quote or comment runs to the end of the text.
    pub(super) closed: bool,
}

impl Token {
    /// Whether it means something to SQL.
    pub(super) fn is_significant(&self) -> bool {
        // A comment left open is an error that only the engine can report, so it counts.
        !matches!(self.kind, TokenKind::Space | TokenKind::Comment) || !self.closed
    }
}

/// What a text left open at its end: the next text goes on inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Open {
    /// A string or a quoted name, by its quote.
    Quoted(char),
    /// `E'...`.
    Escaped,
    /// `$tag$...`, by its tag.
    Dollar(String),
    /// So many block comments inside each other.
    Comment(usize),
}

impl Open {
    fn kind(&self) -> TokenKind {
        match self {
            Self::Quoted('\'') | Self::Escaped | Self::Dollar(_) => TokenKind::String,
            Self::Quoted(_) => TokenKind::QuotedName,
            Self::Comment(_) => TokenKind::Comment,
        }
    }

    /// How far it goes in `text`, which it goes on with; `None` where that does not end it.
    fn length_in(&mut self, text: &str) -> Option<usize> {
        match self {
            Self::Quoted(quote) => quoted_length(text, *quote),
            Self::Escaped => escape_string_length(text),
            Self::Dollar(tag) => text.find(tag.as_str()).map(|end| end + tag.len()),
            Self::Comment(depth) => block_comment_length(text, depth),
        }
    }
}

/// Iterates over the tokens of a text.
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
    open: Option<Open>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self::inside(None, text)
    }

    /// Of a text that follows another one, which ended with a line and left `open` what there is.
    pub(super) fn inside(open: Option<Open>, text: &'a str) -> Self {
        Self { text, position: 0, open }
    }

    /// What is open where the lexer is.
    pub(super) fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// Where the next token starts.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Goes on behind `bytes` more bytes, which must end between two characters.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.position = (self.position + bytes).min(self.text.len());
    }

    /// What the next token starts with.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let (kind, length) = match self.open.take().map(|open| (open, 0)).or_else(|| opening(rest)) {
            Some((mut open, behind)) => {
                let (kind, length) = (open.kind(), open.length_in(&rest[behind..]));
                self.open = length.is_none().then_some(open);
                (kind, length.map(|length| behind + length))
            }
            None => scan(rest).map(|(kind, length)| (kind, Some(length)))?,
        };
        let start = self.position;
        self.position += length.unwrap_or(rest.len());
        Some(Token { kind, range: start..self.position, closed: length.is_some() })
    }
}

/// What the token that `text` starts with opens, and where its inside starts; `None` for one that needs no end.
fn opening(text: &str) -> Option<(Open, usize)> {
    let mut characters = text.chars();
    match (characters.next()?, characters.next()) {
        ('/', Some('*')) => Some((Open::Comment(1), 2)),
        ('e' | 'E', Some('\'')) => Some((Open::Escaped, 2)),
        (quote @ ('\'' | '"' | '`'), _) => Some((Open::Quoted(quote), 1)),
        ('$', _) => dollar_tag(text).map(|tag| (Open::Dollar(tag.to_owned()), tag.len())),
        _ => None,
    }
}

/// The kind and length of the token that `text` starts with, of those that need no end.
fn scan(text: &str) -> Option<(TokenKind, usize)> {
    let mut characters = text.chars();
    let first = characters.next()?;
    let second = characters.next();
    let while_all = |accepted: fn(char) -> bool| text.find(|character| !accepted(character)).unwrap_or(text.len());
    Some(match (first, second) {
        (space, _) if space.is_whitespace() => (TokenKind::Space, while_all(char::is_whitespace)),
        ('-', Some('-')) => (TokenKind::Comment, while_all(|character| character != '\n')),
        (letter, _) if letter.is_alphabetic() || letter == '_' => (TokenKind::Word, while_all(is_word_part)),
        (digit, _) if digit.is_ascii_digit() => (TokenKind::Number, while_all(|character| is_word_part(character) || character == '.')),
        (symbol, _) => (TokenKind::Symbol(symbol), symbol.len_utf8()),
    })
}

/// Whether `character` can go on a word.
pub(super) fn is_word_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Of `depth` comments, which nest as in the SQL standard. It counts those that are open.
fn block_comment_length(text: &str, depth: &mut usize) -> Option<usize> {
    let mut position = 0;
    loop {
        let found = position + text[position..].find(['/', '*'])?;
        let after_two = found + 2;
        match text.get(found..after_two) {
            Some("/*") => *depth += 1,
            Some("*/") if *depth == 1 => return Some(after_two),
            Some("*/") => *depth -= 1,
            _ => {
                position = found + 1;
                continue;
            }
        }
        position = after_two;
    }
}

/// A doubled quote inside stands for one.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut position = 0;
    loop {
        position += text[position..].find(quote)? + quote.len_utf8();
        if !text[position..].starts_with(quote) {
            return Some(position);
        }
        position += quote.len_utf8();
    }
}

/// `E'...'`: besides doubled quotes, a backslash keeps the next character from ending the string.
fn escape_string_length(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '\'' if characters.next_if(|(_, next)| *next == '\'').is_none() => return Some(index + 1),
            _ => {}
        }
    }
    None
}

/// `$$` or `$tag$`, if `text` starts with one.
fn dollar_tag(text: &str) -> Option<&str> {
    let name = &text[1..];
    let length = name.find(|character| !is_word_part(character))?;
    let is_tag = name[length..].starts_with('$') && !name.starts_with(|first: char| first.is_ascii_digit());
    is_tag.then(|| &text[..length + 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str, bool)> {
        Lexer::new(text)
            .filter(|token| token.kind != TokenKind::Space)
            .map(|token| (token.kind, &text[token.range], token.closed))
            .collect()
    }

    #[test]
    fn quotes_and_comments_are_one_token_each() {
        use TokenKind::{Comment, QuotedName, String, Word};
        assert_eq!(
            kinds(r#"a 'it''s;' "x"";" -- ;'"#),
            [(Word, "a", true), (String, "'it''s;'", true), (QuotedName, "\"x\"\";\"", true), (Comment, "-- ;'", true)]
        );
        assert_eq!(kinds("/* a /* b */ ; */x"), [(Comment, "/* a /* b */ ; */", true), (Word, "x", true)]);
        assert_eq!(kinds("/*/ */x"), [(Comment, "/*/ */", true), (Word, "x", true)]);
        assert_eq!(kinds(r"E'\';' x"), [(String, r"E'\';'", true), (Word, "x", true)]);
        assert_eq!(kinds("$$;'$$ $t$ $$ $t$"), [(String, "$$;'$$", true), (String, "$t$ $$ $t$", true)]);
    }

    #[test]
    fn what_does_not_end_is_unclosed() {
        for text in ["'a", "'a''", "\"a", "/* /* */", "$$ $", "E'\\'", "$é$ $"] {
            let tokens = kinds(text);
            assert_eq!(tokens.iter().filter(|(_, _, closed)| !closed).count(), 1, "{text}: {tokens:?}");
        }
        assert_eq!(kinds("$1"), [(TokenKind::Symbol('$'), "$", true), (TokenKind::Number, "1", true)]);
    }

    proptest! {
        #[test]
        fn tokens_cover_any_text(text in "([a-eE$'\"`/*;\\\\ \n-]|\\PC)*") {
            let mut end = 0;
            for token in Lexer::new(&text) {
                prop_assert_eq!(token.range.start, end);
                prop_assert!(token.range.end > end);
                end = token.range.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
