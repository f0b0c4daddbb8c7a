//! A text cut into SQL statements and dot commands.

use std::ops::Range;

use super::lexer::{Lexer, Open, TokenKind};
use crate::error::Position;

/// One SQL statement of a longer text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The statement without its `;` and without comments around it.
    pub text: &'a str,
    /// Where it starts in the whole text, in bytes.
    pub offset: usize,
}

impl Statement<'_> {
    /// Where it starts in `whole`, the text it was cut from.
    pub fn position_in(&self, whole: &str) -> Position {
        Position::of(self.offset, whole)
    }
}

/// What can be typed at the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input<'a> {
    Sql(Statement<'a>),
    /// A dot command: one line, without its line end.
    Command(Statement<'a>),
}

/// A text read as the shell reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Script<'a> {
    pub(super) inputs: Vec<Input<'a>>,
    /// What follows the last `;`, if anything does.
    pub(super) unfinished: Option<Statement<'a>>,
}

impl<'a> Script<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        scan(text, Dialect::Shell)
    }

    /// All inputs, the unfinished one as if it were ended: for the end of a file.
    pub(super) fn into_inputs(mut self) -> Vec<Input<'a>> {
        self.inputs.extend(self.unfinished.map(Input::Sql));
        self.inputs
    }
}

/// The statements of `text`, split at `;` outside of strings (`'..'`, `E'..'`, `$tag$..$tag$`), quoted names and comments
/// (`--`, nested `/* */`). The last one needs no `;`; empty ones and lone comments are left out. An unclosed quote or comment
/// goes on to the end of the text. Does not check the SQL.
pub fn split_statements(text: &str) -> Vec<Statement<'_>> {
    let script = scan(text, Dialect::Sql);
    let statements = script.into_inputs().into_iter().map(|input| match input {
        Input::Sql(statement) | Input::Command(statement) => statement,
    });
    statements.collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Sql,
    /// SQL with dot commands between statements.
    Shell,
}

fn scan(text: &str, dialect: Dialect) -> Script<'_> {
    let mut script = Script::default();
    let mut current: Option<Statement<'_>> = None;
    for piece in (Pieces { lexer: Lexer::new(text), dialect, is_in_statement: false }) {
        match piece {
            Piece::Command(Range { start, end }) => {
                script.inputs.push(Input::Command(Statement { text: &text[start..end], offset: start }));
            }
            Piece::EndOfStatement => script.inputs.extend(current.take().map(Input::Sql)),
            Piece::Part(Range { start, end }) => {
                let offset = current.map_or(start, |statement| statement.offset);
                current = Some(Statement { text: &text[offset..end], offset });
            }
        }
    }
    script.unfinished = current;
    script
}

/// A text of the shell that comes line by line. It looks at each line once, however long a statement gets.
#[derive(Debug, Default)]
pub(super) struct Reading {
    open: Option<Open>,
    is_in_statement: bool,
}

impl Reading {
    /// Whether nothing is unfinished after `line`, the next one, with its end.
    pub(super) fn is_complete_after(&mut self, line: &str) -> bool {
        let lexer = Lexer::inside(self.open.take(), line);
        let mut pieces = Pieces { lexer, dialect: Dialect::Shell, is_in_statement: self.is_in_statement };
        pieces.by_ref().for_each(drop);
        *self = Self { open: pieces.lexer.open().cloned(), is_in_statement: pieces.is_in_statement };
        self.open.is_none() && !self.is_in_statement
    }
}

/// What commands and statements are made of, without what means nothing.
struct Pieces<'a> {
    lexer: Lexer<'a>,
    dialect: Dialect,
    is_in_statement: bool,
}

enum Piece {
    Command(Range<usize>),
    Part(Range<usize>),
    EndOfStatement,
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let may_be_command = self.dialect == Dialect::Shell && !self.is_in_statement && self.lexer.open().is_none();
            if may_be_command && let Some(line) = command_line(self.lexer.rest()) {
                let start = self.lexer.position();
                self.lexer.advance(line.len());
                return Some(Piece::Command(start..self.lexer.position()));
            }
            let token = self.lexer.next()?;
            if token.kind == TokenKind::Symbol(';') {
                self.is_in_statement = false;
                return Some(Piece::EndOfStatement);
            }
            if token.is_significant() {
                // Once it is closed, a comment is no statement.
                self.is_in_statement |= token.kind != TokenKind::Comment;
                return Some(Piece::Part(token.range));
            }
        }
    }
}

/// The line that `text` starts with, if it is a command. Words that leave other shells work without the dot.
fn command_line(text: &str) -> Option<&str> {
    let line = text.lines().next()?;
    let word = line.trim_end_matches([';', ' ', '\t']);
    let is_bare_command = ["exit", "quit", "help"].iter().any(|command| word.eq_ignore_ascii_case(command));
    (line.starts_with('.') || is_bare_command).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<&str> {
        split_statements(text).iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn statements_end_at_semicolons_outside_quotes_and_comments() {
        assert_eq!(texts("SELECT 1; SELECT 2"), ["SELECT 1", "SELECT 2"]);
        assert_eq!(texts("SELECT 'a;b', \"c;d\", `e;f`; SELECT $$;$$;"), ["SELECT 'a;b', \"c;d\", `e;f`", "SELECT $$;$$"]);
        assert_eq!(texts("-- first; comment\nSELECT 1 -- why; not\n, 2; /* ; */"), ["SELECT 1 -- why; not\n, 2"]);
        assert_eq!(texts(" ;; -- nothing\n ;"), Vec::<&str>::new());
        assert_eq!(texts("SELECT 'open; SELECT 2"), ["SELECT 'open; SELECT 2"]);
        assert_eq!(texts("SELECT 1; /* open"), ["SELECT 1", "/* open"]);
    }

    #[test]
    fn statements_know_where_they_stand() {
        let text = "-- é\nSELECT 1;\n\n  SELECT 2;";
        let statements = split_statements(text);
        let places: Vec<_> = statements.iter().map(|statement| (statement.offset, statement.position_in(text))).collect();
        assert_eq!(places, [(6, Position { line: 2, column: 1 }), (19, Position { line: 4, column: 3 })]);
        assert!(statements.iter().all(|statement| text[statement.offset..].starts_with(statement.text)));
    }

    #[test]
    fn dot_commands_stand_between_statements_on_their_own_line() {
        let script = Script::read(".mode csv\nSELECT .5,\n.7;\nexit\n");
        let inputs = script.inputs.iter().map(|input| match input {
            Input::Sql(statement) => ("sql", statement.text),
            Input::Command(command) => ("command", command.text),
        });
        assert_eq!(inputs.collect::<Vec<_>>(), [("command", ".mode csv"), ("sql", "SELECT .5,\n.7"), ("command", "exit")]);
        assert_eq!(script.unfinished, None);
        assert_eq!(split_statements(".mode csv").len(), 1, "plain SQL files know no commands");
    }

    #[test]
    fn a_script_knows_what_is_unfinished() {
        for text in ["SELECT 1", "SELECT ';", "SELECT 1; SELECT", "/* ;", "SELECT 1 -- ;"] {
            assert!(Script::read(text).unfinished.is_some(), "{text}");
        }
        for text in ["", " ", "-- note", "SELECT 1;", "SELECT 1; -- done", ".tables", "exit", "HELP;"] {
            assert_eq!(Script::read(text).unfinished, None, "{text}");
        }
        assert!(Script::read("exit_code").unfinished.is_some(), "a name that only starts like a command");
    }

    #[test]
    fn lines_complete_what_is_pending_at_once() {
        let mut reading = Reading::default();
        let lines = [
            "SELECT 'a;\n",
            "b; it''s;\n",
            "c', $x$ ;\n",
            "$x$ /* ;\n",
            "*/ ;\n",
            "/* ;\n",
            "; */\n",
            ".read it's\n",
            "SELECT 1; SELECT\n",
            "2; -- done\n",
        ];
        let complete = lines.map(|line| reading.is_complete_after(line));
        assert_eq!(complete, [false, false, false, false, true, false, true, true, false, true]);
    }

    proptest! {
        #[test]
        fn reading_line_by_line_agrees_with_reading_the_whole(text in "([a-eE.$'\"`/*;\\\\ \n-]|\\PC)*") {
            let mut reading = Reading::default();
            let mut end = 0;
            for line in text.split_inclusive('\n') {
                end += line.len();
                prop_assert_eq!(reading.is_complete_after(line), Script::read(&text[..end]).unfinished.is_none(), "{}", &text[..end]);
            }
        }

        #[test]
        fn any_text_splits_into_its_own_parts(text in "([a-e.$'\"/*; \n-]|\\PC)*") {
            for statement in split_statements(&text) {
                prop_assert!(text[statement.offset..].starts_with(statement.text));
                prop_assert!(!statement.text.is_empty());
            }
            Script::read(&text);
        }
    }
}
