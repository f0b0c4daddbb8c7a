//! `instruction_faults(item, given_objects, parents)`: what is wrong with an item, without asking a model.

use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;

use super::texts_type;
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::instruction::faults::{self, Fault};
use crate::instruction::{DetectedObject, Instruction};

static DESCRIPTION: Description = Description {
    name: "instruction_faults",
    parameters: &[
        Parameter {
            name: "item",
            kind: ParameterKind::Item,
            description: "A struct with question, answer, objects, skills, format, steps; with item (the number of the parent it names) the parent is checked too.",
        },
        Parameter { name: "given_objects", kind: ParameterKind::Objects, description: "The sample's objects: structs of label and bbox." },
        Parameter {
            name: "parents",
            kind: ParameterKind::Items,
            description: "The items it was made from: structs of question and answer.",
        },
    ],
    optional: 0,
    section: "Instructions",
    summary: "Codes of what is wrong with an item. Fatal: box_not_given, placeholder, prompt_leak, answer_not_an_option, copies_parent, needs_boxes, \
              empty_text; others: unknown_skill, empty_skills, no_parent. Empty for a sound item, NULL for a NULL item.",
    example: "SELECT instruction_faults({question: 'Where is bbx_1?', answer: 'There.', skills: ['OCR']}, [], [])",
};

#[derive(Deserialize)]
struct Row {
    item: Option<Instruction>,
    given_objects: Option<Vec<Option<GivenObject>>>,
    parents: Option<Vec<Option<Instruction>>>,
}

/// An object whose box may be anything a query gives.
#[derive(Deserialize)]
pub(super) struct GivenObject {
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    bbox: Option<Vec<Option<f64>>>,
}

/// The function.
pub fn instruction_faults() -> ScalarUDF {
    PureFunction::of_rows(&DESCRIPTION, texts_type(), |row: Row| {
        let item = row.item?;
        let given = sound_objects(row.given_objects);
        let parents: Vec<Instruction> = row.parents.unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect();
        Some(faults::instruction_faults(&item, &given, &parents).into_iter().map(Fault::name).collect::<Vec<_>>())
    })
}

/// The objects that have a box; none for NULL.
pub(super) fn sound_objects(given: Option<Vec<Option<GivenObject>>>) -> Vec<DetectedObject> {
    given.unwrap_or_default().into_iter().flatten().filter_map(object).collect()
}

fn object(given: GivenObject) -> Option<DetectedObject> {
    let corners: Vec<f64> = given.bbox?.into_iter().collect::<Option<_>>()?;
    Some(DetectedObject { label: given.label.unwrap_or_default(), bbox: corners.try_into().ok()?, confidence: None })
}
