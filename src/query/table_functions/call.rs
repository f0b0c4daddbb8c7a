//! The arguments of one call.

use std::fmt;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

use super::TableFunction;
use crate::error::{Error, Result, suggest};
use crate::store::{Snapshot, Table};

/// A call of a function over a state of the store.
pub(super) struct Call<'a> {
    function: &'static TableFunction,
    arguments: &'a [Expr],
    pub(super) snapshot: &'a Snapshot,
}

impl<'a> Call<'a> {
    /// # Errors
    /// When there are too many arguments, or too few.
    pub(super) fn new(function: &'static TableFunction, arguments: &'a [Expr], snapshot: &'a Snapshot) -> Result<Call<'a>> {
        let call = Call { function, arguments, snapshot };
        let most = function.parameters.len();
        match (most - function.optional..=most).contains(&arguments.len()) {
            true => Ok(call),
            false => Err(Error::sql(format!("{}: wrong number of arguments; write {}", function.name, function.syntax()))),
        }
    }

    /// A text, such as an id.
    pub(super) fn text(&self, index: usize) -> Result<&'a str> {
        match &self.arguments[index] {
            Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => {
                Ok(text)
            }
            other => Err(self.expected(index, "a text", other)),
        }
    }

    /// A text; `None` where it is left out.
    pub(super) fn optional_text(&self, index: usize) -> Result<Option<&'a str>> {
        self.arguments.get(index).map(|_| self.text(index)).transpose()
    }

    /// A number; `None` where it is left out.
    pub(super) fn number(&self, index: usize) -> Result<Option<f64>> {
        match self.arguments.get(index) {
            None => Ok(None),
            Some(Expr::Literal(ScalarValue::Float64(Some(number)), _)) => Ok(Some(*number)),
            Some(Expr::Literal(ScalarValue::Int64(Some(number)), _)) => Ok(Some(*number as f64)),
            Some(other) => Err(self.expected(index, "a number", other)),
        }
    }

    /// A table of the store, by its name.
    pub(super) fn table(&self, index: usize) -> Result<Table> {
        let name = self.text(index)?;
        Table::from_name(name).ok_or_else(|| Error::Sql {
            message: format!("{}: the store has no table '{name}'", self.function.name),
            position: None,
            hints: match suggest(name, Table::ALL.map(Table::name)) {
                none if none.is_empty() => vec![format!("its tables are {}", Table::ALL.map(Table::name).join(", "))],
                some => some,
            },
        })
    }

    /// The version that a table has in a state of the store, given by the state's name or as the version itself; `None` in a state in which the
    /// table had not been written.
    pub(super) fn version(&self, index: usize, table: Table) -> Result<Option<u64>> {
        let catalog = self.snapshot.catalog();
        let Expr::Literal(ScalarValue::Int64(Some(version)), _) = self.arguments[index] else {
            let name = self.text(index).map_err(|_| self.expected(index, "a tag or a version number", &self.arguments[index]))?;
            return Ok(catalog.state(name)?.tables.get(table.name()).copied());
        };
        let published = u64::try_from(version).ok().filter(|version| catalog.is_published(table, *version));
        published.map(Some).ok_or_else(|| Error::Sql {
            message: format!("{}: no state of the store has version {version} of table '{table}'", self.function.name),
            position: None,
            hints: vec![format!("list versions with: SELECT tag, version FROM versions('{table}')")],
        })
    }

    fn expected(&self, index: usize, what: &str, got: &Expr) -> Error {
        let TableFunction { name, parameters, .. } = self.function;
        Error::sql(format!("{name}: argument {} ({}) must be {what}, not {got}", index + 1, parameters[index]))
    }
}

/// As it stands in the statement.
impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> = self.arguments.iter().map(|argument| argument.human_display().to_string()).collect();
        write!(f, "{}({})", self.function.name, arguments.join(", "))
    }
}
