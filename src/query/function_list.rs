//! `SHOW FUNCTIONS`: each function once, with what it does, an example and how it is called.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use serde::Serialize;

use super::table_functions::TABLE_FUNCTIONS;
use crate::error::Error;

/// The engine's functions that give a table, of which it has no documentation: name, syntax, what it gives, example.
const TABLE_FUNCTIONS_OF_ENGINE: [[&str; 4]; 2] = [
    [
        "generate_series",
        "generate_series([start, ] end [, step])",
        "The numbers from start (0 if left out) to end, which is among them, as column value. Dates and times take an interval as step.",
        "SELECT value FROM generate_series(1, 3)",
    ],
    [
        "range",
        "range([start, ] end [, step])",
        "The numbers from start (0 if left out) to end, which is not among them, as column value. Dates and times take an interval as step.",
        "SELECT value FROM range(1, 3)",
    ],
];

#[derive(Serialize)]
struct Row {
    function_name: String,
    function_type: &'static str,
    description: Option<String>,
    /// A statement.
    example: Option<String>,
    syntax: Option<String>,
}

impl Row {
    fn new(name: &str, function_type: &'static str, documentation: Option<&Documentation>) -> Row {
        let (description, syntax) = documentation.map(|text| (text.description.clone(), text.syntax_example.clone())).unzip();
        let example = documentation.and_then(|text| text.sql_example.as_deref()).map(statement);
        Row { function_name: name.to_owned(), function_type, description, example, syntax }
    }

    fn of_table(name: &str) -> Row {
        let ours = TABLE_FUNCTIONS.iter().find(|function| function.name == name);
        let ours = ours.map(|function| [function.description(), function.example.to_owned(), function.syntax()]);
        let of_engine = TABLE_FUNCTIONS_OF_ENGINE.iter().find(|[known, ..]| *known == name);
        let of_engine =
            of_engine.map(|[_, syntax, summary, example]| [format!("{syntax}: {summary}"), (*example).to_owned(), (*syntax).to_owned()]);
        let [description, example, syntax] = ours.or(of_engine).map_or_else(Default::default, |texts| texts.map(Some));
        Row { function_name: name.to_owned(), function_type: "table", description, example, syntax }
    }
}

/// The first statement of an example. The engine's stand in a block of Markdown, after a prompt and before their result.
fn statement(example: &str) -> String {
    let lines: Vec<&str> = example.lines().filter(|line| !line.starts_with("```")).collect();
    let Some(prompt) = lines.iter().position(|line| line.starts_with("> ")) else { return lines.join("\n").trim().to_owned() };
    let after = &lines[prompt + 1..];
    let end = after.iter().position(|line| line.starts_with(['+', '>'])).unwrap_or(after.len());
    let statement = lines[prompt..=prompt + end].join("\n");
    statement.trim_start_matches("> ").trim_end().trim_end_matches(';').to_owned()
}

/// The functions of a session, all or those whose name is LIKE `pattern`.
///
/// The engine's own statement joins them with every list of argument types it knows: hundreds of rows, and none for functions that check
/// their arguments themselves, as ours do.
pub(super) fn function_list(context: &SessionContext, pattern: Option<&str>) -> Result<DataFrame> {
    let rows = rows(context);
    let field = |name| Field::new(name, DataType::Utf8, true);
    let fields = ["function_name", "function_type", "description", "example", "syntax"].map(|name| Arc::new(field(name)));
    let batch = serde_arrow::to_record_batch(&fields, &rows).map_err(Error::from)?;
    let list = context.read_batch(batch)?;
    let list = match pattern {
        Some(pattern) => list.filter(col("function_name").like(lit(pattern)))?,
        None => list,
    };
    list.sort_by(vec![col("function_name"), col("function_type")])
}

fn rows(context: &SessionContext) -> Vec<Row> {
    let state = context.state_ref();
    let state = state.read();
    let scalar = state.scalar_functions().iter().map(|(name, function)| Row::new(name, "scalar", function.documentation()));
    let aggregate = state.aggregate_functions().iter().map(|(name, function)| Row::new(name, "aggregate", function.documentation()));
    let window = state.window_functions().iter().map(|(name, function)| Row::new(name, "window", function.documentation()));
    let table = state.table_functions().keys().map(|name| Row::of_table(name));
    scalar.chain(aggregate).chain(window).chain(table).collect()
}
