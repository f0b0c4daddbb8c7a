//! `distinct_skills(labels)`: the abilities that an item names.

use datafusion::logical_expr::ScalarUDF;

use super::{LabelsRow, distinct, texts_type};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::instruction::vocabulary::normalize_skill;

static DESCRIPTION: Description = Description {
    name: "distinct_skills",
    parameters: &[Parameter { name: "labels", kind: ParameterKind::Texts, description: "Abilities as an item lists them." }],
    optional: 0,
    section: "Instructions",
    summary: "Each ability once, under its canonical name, or where it has none in lower case and without white space around it. \
              Empty for NULL and for an empty list.",
    example: "SELECT distinct_skills(['OCR', 'ocr ability', 'Planning'])",
};

/// The function.
pub fn distinct_skills() -> ScalarUDF {
    let name = |label: &str| normalize_skill(label).map_or_else(|| label.trim().to_lowercase(), Into::into);
    PureFunction::of_rows(&DESCRIPTION, texts_type(), move |row: LabelsRow| distinct(row, name))
}
