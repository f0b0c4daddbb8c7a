//! The SQL of `sql/`: one statement a file, with `$name` parameters that become literals before it is run or shown.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::store::quoted;

/// One file of `sql/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    name: &'static str,
    text: &'static str,
}

/// The statement of a file, by its path in `sql/` without the extension: written once, the name is always that of the text.
macro_rules! statement {
    ($path:literal) => {
        $crate::query::Statement::new($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $path, ".sql")))
    };
}
pub(crate) use statement;

/// What a `$name` stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A text, quoted when it is bound.
    Text(String),
    /// NULL of whatever type fits.
    Null,
    /// SQL that stands in parentheses: an expression, such as a predicate that was [checked](super::Session::check_where), or a query.
    Predicate(String),
}

impl Parameter {
    fn literal(&self) -> String {
        match self {
            Parameter::Integer(value) => value.to_string(),
            Parameter::Boolean(value) => value.to_string(),
            Parameter::Text(text) => quoted(text),
            Parameter::Null => "NULL".into(),
            Parameter::Predicate(sql) => in_parentheses(sql),
        }
    }
}

/// SQL in parentheses, whatever it ends in: a comment would make the closing one a part of it.
pub(crate) fn in_parentheses(sql: &str) -> String {
    let ends_in_comment = sql.rsplit('\n').next().is_some_and(|line| line.contains("--"));
    format!("({sql}{})", if ends_in_comment { "\n" } else { "" })
}

impl Statement {
    /// A statement under the name of its file, without `sql/` and `.sql`.
    pub const fn new(name: &'static str, text: &'static str) -> Statement {
        Statement { name, text }
    }

    /// The file's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name without its folder.
    pub(crate) fn file_stem(&self) -> &'static str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }

    /// The file's text.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// The text with every `$name` outside comments and quotes replaced by its literal: what is run is what `--dry-run` prints.
    ///
    /// # Errors
    /// When the text names a parameter that is not given.
    pub fn bind(&self, parameters: &BTreeMap<&str, Parameter>) -> Result<String> {
        let mut bound = String::with_capacity(self.text.len());
        let mut rest = self.text;
        while let Some(next) = rest.find(['$', '\'', '-']) {
            let (before, from) = rest.split_at(next);
            bound += before;
            let verbatim = match from.as_bytes() {
                [b'\'', ..] => from[1..].find('\'').map_or(from.len(), |end| end + 2),
                [b'-', b'-', ..] => from.find('\n').unwrap_or(from.len()),
                [b'$', ..] => 0,
                _ => 1,
            };
            if verbatim > 0 {
                bound += &from[..verbatim];
                rest = &from[verbatim..];
                continue;
            }
            let end = from[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(from.len(), |end| end + 1);
            let name = &from[1..end];
            let parameter = parameters
                .get(name)
                .ok_or_else(|| Error::internal(format!("failed to bind statement '{}'", self.name), format!("it names ${name}")))?;
            bound += &parameter.literal();
            rest = &from[end..];
        }
        Ok(bound + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_literals_outside_comments_and_quotes() {
        let statement = Statement::new("test", "SELECT $a, '$a', $b -- costs $c\nWHERE x - $a > 0");
        let parameters = BTreeMap::from([("a", Parameter::Integer(7)), ("b", Parameter::Text("it's".into()))]);
        assert_eq!(statement.bind(&parameters).unwrap(), "SELECT 7, '$a', 'it''s' -- costs $c\nWHERE x - 7 > 0");
    }

    #[test]
    fn a_comment_does_not_hide_the_closing_parenthesis() {
        for (sql, expected) in [("a = 1", "(a = 1)"), ("a = 1 -- x", "(a = 1 -- x\n)"), ("-- x\na = 1", "(-- x\na = 1)")] {
            assert_eq!(in_parentheses(sql), expected);
        }
    }

    #[test]
    fn a_parameter_that_is_not_given_is_an_error() {
        assert!(Statement::new("test", "SELECT $missing").bind(&BTreeMap::new()).is_err());
    }
}
