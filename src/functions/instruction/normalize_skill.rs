//! `normalize_skill(label)`: the canonical name of an ability.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;

use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::instruction::vocabulary;

static DESCRIPTION: Description = Description {
    name: "normalize_skill",
    parameters: &[Parameter { name: "label", kind: ParameterKind::Text, description: "A label as a model wrote it." }],
    optional: 0,
    section: "Instructions",
    summary: "The one of the nine abilities that a label means, by the alias table; NULL for a label it does not know.",
    example: "SELECT normalize_skill('ocr')",
};

#[derive(Deserialize)]
struct Row {
    label: Option<String>,
}

/// The function.
pub fn normalize_skill() -> ScalarUDF {
    PureFunction::of_rows(&DESCRIPTION, DataType::Utf8, |row: Row| vocabulary::normalize_skill(&row.label?))
}
