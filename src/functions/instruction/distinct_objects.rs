//! `distinct_objects(labels)`: the things that an item names.

use datafusion::logical_expr::ScalarUDF;

use super::{LabelsRow, distinct, texts_type};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;

static DESCRIPTION: Description = Description {
    name: "distinct_objects",
    parameters: &[Parameter { name: "labels", kind: ParameterKind::Texts, description: "Objects as an item lists them." }],
    optional: 0,
    section: "Instructions",
    summary: "Each object once, in lower case and without white space around it. Empty for NULL and for an empty list.",
    example: "SELECT distinct_objects(['Dog', 'dog ', 'cat'])",
};

/// The function.
pub fn distinct_objects() -> ScalarUDF {
    PureFunction::of_rows(&DESCRIPTION, texts_type(), |row: LabelsRow| distinct(row, |label| label.trim().to_lowercase()))
}
