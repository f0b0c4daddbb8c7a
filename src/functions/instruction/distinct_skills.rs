//! `distinct_skills(labels)`: the abilities that an item names.

use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;

use super::texts_type;
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

#[derive(Deserialize)]
pub(super) struct Row {
    labels: Option<Vec<Option<String>>>,
}

/// The function.
pub fn distinct_skills() -> ScalarUDF {
    let name = |label: &str| normalize_skill(label).map_or_else(|| label.trim().to_lowercase(), Into::into);
    PureFunction::of_rows(&DESCRIPTION, texts_type(), move |row: Row| distinct(row, name))
}

/// The names of labels, each once, in the order of the labels; what says nothing is left out. Quadratic in the list, of which items have a handful.
pub(super) fn distinct(row: Row, name: impl Fn(&str) -> String) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for label in row.labels.unwrap_or_default().into_iter().flatten() {
        let name = name(&label);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
