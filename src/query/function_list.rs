//! `SHOW FUNCTIONS`: each function once, with what it does and an example.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use serde::Serialize;

use super::table_functions::TABLE_FUNCTIONS;
use crate::error::Error;

#[derive(Serialize)]
struct Row {
    function_name: String,
    function_type: &'static str,
    description: Option<String>,
    example: Option<String>,
}

impl Row {
    fn new(name: &str, function_type: &'static str, documentation: Option<&Documentation>) -> Row {
        let (description, example) = documentation.map(|text| (text.description.clone(), text.syntax_example.clone())).unzip();
        Row { function_name: name.to_owned(), function_type, description, example }
    }

    fn of_table(name: &str) -> Row {
        let ours = TABLE_FUNCTIONS.iter().find(|function| function.name == name);
        let (description, example) = ours.map(|function| (function.description(), function.example.to_owned())).unzip();
        Row { function_name: name.to_owned(), function_type: "table", description, example }
    }
}

/// The functions of a session, all or those whose name is LIKE `pattern`.
///
/// The engine's own statement joins them with every list of argument types it knows: hundreds of rows, and none for functions that check
/// their arguments themselves, as ours do.
pub(super) fn function_list(context: &SessionContext, pattern: Option<&str>) -> Result<DataFrame> {
    let rows = rows(context);
    let field = |name| Field::new(name, DataType::Utf8, true);
    let fields = ["function_name", "function_type", "description", "example"].map(|name| Arc::new(field(name)));
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
