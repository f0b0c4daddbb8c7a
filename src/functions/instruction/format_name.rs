//! `format_name(format)`: the name under which a question form is counted.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;

use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::instruction::vocabulary::normalize_format;

static DESCRIPTION: Description = Description {
    name: "format_name",
    parameters: &[Parameter { name: "format", kind: ParameterKind::Text, description: "A question form as an item has it." }],
    optional: 0,
    section: "Instructions",
    summary: "The canonical name of a question form, or where it has none its own in lower case and without spaces around it. \
              'unnamed' for NULL and for what is empty then.",
    example: "SELECT format_name('Limerick Battle')",
};

#[derive(Deserialize)]
struct Row {
    format: Option<String>,
}

/// The function.
pub fn format_name() -> ScalarUDF {
    PureFunction::of_rows(&DESCRIPTION, DataType::Utf8, |row: Row| name(&row.format.unwrap_or_default()))
}

fn name(format: &str) -> String {
    let own = || format.trim_matches(' ').to_lowercase();
    match normalize_format(format).map_or_else(own, Into::into) {
        nothing if nothing.is_empty() => "unnamed".to_owned(),
        name => name,
    }
}
