//! SQL in colour, lightly: keywords, strings, numbers, comments.

use std::borrow::Cow;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::keywords::is_keyword;
use super::lexer::{Lexer, TokenKind};

const KEYWORD: Style = AnsiColor::Blue.on_default().bold();
const STRING: Style = AnsiColor::Green.on_default();
const NUMBER: Style = AnsiColor::Cyan.on_default();
const FAINT: Style = Style::new().dimmed();

/// `sql` with colour codes; as wide on the screen as before.
pub(super) fn highlight(sql: &str) -> Cow<'_, str> {
    if sql.starts_with('.') {
        return Cow::Borrowed(sql);
    }
    let mut coloured = String::with_capacity(sql.len() * 2);
    for token in Lexer::new(sql) {
        let text = &sql[token.range];
        let style = match token.kind {
            TokenKind::Word if is_keyword(text) => KEYWORD,
            TokenKind::String => STRING,
            TokenKind::Number => NUMBER,
            TokenKind::Comment => FAINT,
            _ => Style::new(),
        };
        // Writing to a string cannot fail.
        let _ = write!(coloured, "{style}{text}{style:#}");
    }
    Cow::Owned(coloured)
}

/// What could be typed next, faint.
pub(super) fn faint(text: &str) -> String {
    format!("{FAINT}{text}{FAINT:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_do_not_change_the_text() {
        let sql = "select 'it', 1 from t -- é";
        let coloured = highlight(sql);
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), sql);
        assert!(coloured.starts_with("\u{1b}[1m\u{1b}[34mselect\u{1b}[0m"), "{coloured:?}");
        assert_eq!(highlight(".read select"), ".read select");
    }
}
