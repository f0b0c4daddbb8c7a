//! The engine's errors in words that help: where in the statement, and which name was probably meant.

mod cross_join;
mod unsupported;

use std::collections::{BTreeMap, BTreeSet};

use arrow::error::ArrowError;
use datafusion::common::{Column, Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use self::cross_join::condition_of_cross_join;
use self::unsupported::{Unsupported, unsupported};
use super::statement_kind::DEFAULT_SCHEMA;
use super::table_functions::TABLE_FUNCTIONS;
use crate::error::{Error, Position, is_of_full_disk, suggest, unwrap_passenger, without_places};
use crate::store::read_failure;

/// The names a session knows.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Tables and views with their columns.
    pub tables: BTreeMap<String, Vec<String>>,
    /// Which of them are views, the store's and those that statements created.
    pub views: BTreeSet<String>,
    /// Scalar, aggregate and window functions, in no order.
    pub functions: Vec<String>,
}

/// Explains an error of a statement: its position, and near-miss names among `names`.
pub fn explain_query(error: DataFusionError, sql: &str, names: &Names) -> Error {
    if let Some(ours) = unwrap_passenger(&error) {
        return ours;
    }
    // The statement is not at fault.
    if let Some(reason) = read_failure(&error) {
        return Error::Unreadable { reason };
    }
    if is_of_full_disk(&error) {
        return error.into();
    }
    let position = error.diagnostic().and_then(position);
    let of_engine = |message: String| Explanation { message, position, hints: Vec::new() };
    let Explanation { message, position, hints } = match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let names_exactly = valid_fields.iter().any(|column| column.name == field.name);
                // The right column of a table that is not there.
                let shown = |column: &Column| if names_exactly { column.flat_name() } else { column.name.clone() };
                let known: Vec<String> = valid_fields.iter().map(shown).collect();
                let missing = shown(field);
                Explanation {
                    position: position.or_else(|| locate(sql, &missing)),
                    hints: suggest(&missing, known.iter().map(String::as_str)),
                    message: format!("no column is called '{missing}'"),
                }
            }
            other => of_engine(other.to_string()),
        },
        DataFusionError::SQL(parser, _) => explain_syntax(parser, sql),
        DataFusionError::Plan(message) => explain_plan(message, sql, position, names),
        DataFusionError::NotImplemented(message) | DataFusionError::Internal(message) if unsupported(message).is_some() => {
            explain_plan(message, sql, position, names)
        }
        DataFusionError::ArrowError(cause, _) => {
            let hints = encoding_hint(cause).map(str::to_owned).into_iter().collect();
            Explanation { hints, ..of_engine(of_null(without_kind(cause))) }
        }
        DataFusionError::Execution(message) => of_engine(message.clone()),
        other => of_engine(of_null(without_places(&other.strip_backtrace()))),
    };
    Error::Sql { message, position, hints }
}

/// An error of the engine in our words.
struct Explanation {
    message: String,
    position: Option<Position>,
    hints: Vec<String>,
}

/// The parser puts its position into its text, except for the end.
fn explain_syntax(error: &ParserError, sql: &str) -> Explanation {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "it is nested too deeply",
    };
    let place = text.rsplit_once(" at Line: ").and_then(|(cause, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((cause, Position { line: line.parse().ok()?, column: column.parse().ok()? }))
    });
    let (cause, position) = match (place, text.strip_suffix("found: EOF")) {
        (Some((cause, position)), _) => (cause.to_owned(), Some(position)),
        (None, Some(expected)) => (format!("{expected}found the end"), Some(Position::of(sql.len(), sql))),
        (None, None) => (text.to_owned(), None),
    };
    if let Some(condition) = position.and_then(|place| condition_of_cross_join(sql, place)) {
        return Explanation {
            message: format!("CROSS JOIN takes no {condition}: it pairs each row with all of the other table"),
            position,
            hints: vec![format!("write JOIN: a JOIN b {condition} ...")],
        };
    }
    Explanation { message: format!("the statement does not parse: {cause}"), position, hints: Vec::new() }
}

fn explain_plan(message: &str, sql: &str, position: Option<Position>, names: &Names) -> Explanation {
    let message = message.lines().next().unwrap_or_default();
    if let Some(Unsupported { message, hint }) = unsupported(message) {
        return Explanation { message, position, hints: hint.map(str::to_owned).into_iter().collect() };
    }
    if let Some(full_name) = message.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found")) {
        let without = |name, part: &str| str::strip_prefix(name, part).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
        let table = DEFAULT_SCHEMA.iter().fold(full_name, |name, part| without(name, part));
        let hints = match names.tables.is_empty() {
            true => vec!["this session has no store: name one with --store, or read a file with FROM 'file.jsonl'".into()],
            false => suggest(table.rsplit('.').next().unwrap_or(table), names.tables.keys().map(String::as_str)),
        };
        return Explanation { message: format!("no table is called '{table}'"), position: position.or_else(|| locate(sql, table)), hints };
    }
    let unknown_function = message.strip_prefix("Invalid function '").or_else(|| message.strip_prefix("table function '"));
    if let Some(function) = unknown_function.and_then(|rest| rest.split('\'').next()) {
        if let Some(known) = names.functions.iter().find(|known| *known == function) {
            let gives_table = TABLE_FUNCTIONS.iter().any(|function| function.name == known);
            let (message, hint) = match message.starts_with("table function") {
                true => (format!("'{known}' gives a value, not a table"), format!("call it where a value stands: SELECT {known}(...)")),
                false if gives_table => {
                    (format!("'{known}' gives a table, not a value"), format!("read it as one: SELECT * FROM {known}(...)"))
                }
                // The only others that the engine looks for elsewhere.
                false => (format!("'{known}' is computed over a window"), format!("name it: {known}(...) OVER (ORDER BY ...)")),
            };
            return Explanation { message, position: position.or_else(|| locate(sql, known)), hints: vec![hint] };
        }
        return Explanation {
            message: format!("no function is called '{function}'"),
            position: position.or_else(|| locate(sql, function)),
            hints: suggest(function, names.functions.iter().map(String::as_str)),
        };
    }
    Explanation { message: message.to_owned(), position, hints: Vec::new() }
}

/// The message alone: which part of the engine failed says nothing to who wrote the statement.
pub(super) fn without_kind(error: &ArrowError) -> String {
    match error {
        ArrowError::CastError(message)
        | ArrowError::ParseError(message)
        | ArrowError::ComputeError(message)
        | ArrowError::InvalidArgumentError(message)
        | ArrowError::CsvError(message)
        | ArrowError::JsonError(message) => message.clone(),
        other => other.to_string(),
    }
}

/// What to do about a file that is no UTF-8.
pub(super) const SAVE_AS_UTF8: &str = "save it as CSV UTF-8";

/// What to do about a CSV file, if it is in another encoding.
pub(super) fn encoding_hint(error: &ArrowError) -> Option<&'static str> {
    matches!(error, ArrowError::CsvError(message) if message.contains("UTF-8")).then_some(SAVE_AS_UTF8)
}

/// A message about a NULL among the VALUES of an INSERT in words that help; any other as it is.
fn of_null(message: String) -> String {
    let explained = place_of_null(&message).map(|place| format!("value {place} of a row is NULL, and its column must have a value"));
    explained.unwrap_or(message)
}

/// Which of the VALUES of an INSERT is NULL and must not be: the engine names it by the column of a table without names.
fn place_of_null(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("Column 'column")?;
    rest.strip_suffix("' is declared as non-nullable but contains null values")
}

fn position(diagnostic: &Diagnostic) -> Option<Position> {
    diagnostic.span.map(|span| Position { line: span.start.line, column: span.start.column })
}

/// Where a name stands in the statement, for errors that carry no span.
fn locate(sql: &str, name: &str) -> Option<Position> {
    let start = sql.to_ascii_lowercase().find(&name.to_ascii_lowercase())?;
    Some(Position::of(start, sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine takes the names of functions that give a table as they are written: it is not one that gives a value.
    #[test]
    fn a_table_function_in_capitals_is_offered_as_it_is_called() {
        let names = Names { functions: vec!["versions".into()], ..Names::default() };
        let unknown = DataFusionError::Plan("table function 'Versions' not found".into());
        let error = explain_query(unknown, "SELECT * FROM Versions('samples')", &names);
        assert_eq!(error.to_string(), "no function is called 'Versions' (line 1, column 15)");
        assert_eq!(error.hints(), ["did you mean 'versions'?"]);
    }
}
