//! The engine's errors in words that help: where in the statement, and which name was probably meant.

use std::collections::BTreeMap;

use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;

use crate::error::{Error, unwrap_passenger};

/// The names a session knows.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Tables and views with their columns.
    pub tables: BTreeMap<String, Vec<String>>,
    pub functions: Vec<String>,
}

/// Explains an error of a statement: its position, and near-miss names among `names`.
pub fn explain_query(error: DataFusionError, sql: &str, names: &Names) -> Error {
    if let Some(ours) = unwrap_passenger(&error) {
        return ours;
    }
    let position = error.diagnostic().and_then(position);
    let (message, hints) = match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
                let position = position.or_else(|| locate(sql, &field.name));
                (format!("no column is called '{}'{}", field.name, at(position)), suggest(&field.name, known))
            }
            other => (format!("{other}{}", at(position)), Vec::new()),
        },
        DataFusionError::SQL(parser, _) => (format!("the statement does not parse: {parser}"), Vec::new()),
        DataFusionError::Plan(message) => explain_plan(message, sql, position, names),
        DataFusionError::Execution(message) => (message.clone(), Vec::new()),
        other => {
            let message = other.strip_backtrace();
            let of_null = place_of_null(&message).map(|place| format!("value {place} of a row is NULL, and its column must have a value"));
            (of_null.unwrap_or(message), Vec::new())
        }
    };
    Error::Sql { message, hints }
}

fn explain_plan(message: &str, sql: &str, position: Option<(u64, u64)>, names: &Names) -> (String, Vec<String>) {
    let message = message.lines().next().unwrap_or_default();
    if let Some(table) = message.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found")) {
        let table = table.rsplit('.').next().unwrap_or(table);
        let position = position.or_else(|| locate(sql, table));
        let hints = match names.tables.is_empty() {
            true => vec!["this session has no store: name one with --store, or read a file with FROM 'file.jsonl'".into()],
            false => suggest(table, names.tables.keys().map(String::as_str)),
        };
        return (format!("no table is called '{table}'{}", at(position)), hints);
    }
    if let Some(function) = message.strip_prefix("Invalid function '").and_then(|rest| rest.split('\'').next()) {
        let position = position.or_else(|| locate(sql, function));
        return (
            format!("no function is called '{function}'{}", at(position)),
            suggest(function, names.functions.iter().map(String::as_str)),
        );
    }
    (format!("{message}{}", at(position)), Vec::new())
}

/// Which of the VALUES of an INSERT is NULL and must not be: the engine names it by the column of a table without names.
fn place_of_null(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("Column 'column")?;
    rest.strip_suffix("' is declared as non-nullable but contains null values")
}

fn position(diagnostic: &Diagnostic) -> Option<(u64, u64)> {
    diagnostic.span.map(|span| (span.start.line, span.start.column))
}

/// Line and column, from 1, of a name in the statement: for errors that carry no span.
fn locate(sql: &str, name: &str) -> Option<(u64, u64)> {
    let start = sql.to_ascii_lowercase().find(&name.to_ascii_lowercase())?;
    let before = &sql[..start];
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    Some((before.matches('\n').count() as u64 + 1, column as u64))
}

fn at(position: Option<(u64, u64)>) -> String {
    position.map(|(line, column)| format!(" (line {line}, column {column})")).unwrap_or_default()
}

/// The names most like `name`, best first, three at most.
pub fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut close: Vec<(f64, &str)> = known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    close.dedup_by_key(|(_, candidate)| *candidate);
    match close.iter().take(3).map(|(_, candidate)| format!("'{candidate}'")).collect::<Vec<_>>() {
        none if none.is_empty() => Vec::new(),
        some => vec![format!("did you mean {}?", some.join(" or "))],
    }
}
