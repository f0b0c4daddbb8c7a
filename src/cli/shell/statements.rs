//! A text cut into SQL statements and dot commands.

use super::lexer::{Lexer, TokenKind};
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
    let mut lexer = Lexer::new(text);
    let mut current: Option<Statement<'_>> = None;
    loop {
        if dialect == Dialect::Shell
            && current.is_none()
            && let Some(line) = command_line(lexer.rest())
        {
            let offset = text.len() - lexer.rest().len();
            script.inputs.push(Input::Command(Statement { text: line, offset }));
            lexer.advance(line.len());
        }
        let Some(token) = lexer.next() else { break };
        match token.kind {
            TokenKind::Symbol(';') => script.inputs.extend(current.take().map(Input::Sql)),
            _ if token.is_significant() => {
                let offset = current.map_or(token.range.start, |statement| statement.offset);
                current = Some(Statement { text: &text[offset..token.range.end], offset });
            }
            _ => {}
        }
    }
    script.unfinished = current;
    script
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

    proptest! {
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
