//! `rewritten_items(items, given_objects, parents [, truncated])`: each item of an answer with the item it was made from and with its faults.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::ScalarUDF;
use serde::{Deserialize, Serialize};

use super::instruction_faults::{GivenObject, sound_objects};
use super::{item_type, texts_type};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::instruction::Instruction;
use crate::instruction::faults::{self, Fault};

static DESCRIPTION: Description = Description {
    name: "rewritten_items",
    parameters: &[
        Parameter { name: "items", kind: ParameterKind::Items, description: "The items of an answer, as parse_instructions gives them." },
        Parameter { name: "given_objects", kind: ParameterKind::Objects, description: "The sample's objects: structs of label and bbox." },
        Parameter {
            name: "parents",
            kind: ParameterKind::Items,
            description: "The items that were to be rewritten, in the order of their numbers.",
        },
        Parameter {
            name: "truncated",
            kind: ParameterKind::Boolean,
            description: "Whether the answer was cut off; each item then has that fault.",
        },
    ],
    optional: 1,
    section: "Instructions",
    summary: "Each item of an answer as struct(position, parent, original, rewritten, faults): its place from 0, the number of the parent it names \
              (NULL where it names none), that parent, the item itself, and its faults as instruction_faults gives them. NULL for NULL items.",
    example: "SELECT rewritten_items([{item: 1, question: 'Which animal is it?', answer: 'A dog.'}], [], [{question: 'What is it?', answer: 'A dog.'}])",
};

#[derive(Deserialize)]
struct Row {
    items: Option<Vec<Option<Instruction>>>,
    given_objects: Option<Vec<Option<GivenObject>>>,
    parents: Option<Vec<Option<Instruction>>>,
    #[serde(default)]
    truncated: Option<bool>,
}

#[derive(Serialize)]
struct RewrittenItem {
    position: i64,
    parent: Option<i64>,
    original: Option<Instruction>,
    rewritten: Instruction,
    faults: Vec<&'static str>,
}

/// The function.
pub fn rewritten_items() -> ScalarUDF {
    let fields = vec![
        Field::new("position", DataType::Int64, true),
        Field::new("parent", DataType::Int64, true),
        Field::new("original", item_type(), true),
        Field::new("rewritten", item_type(), true),
        Field::new("faults", texts_type(), true),
    ];
    let result = DataType::List(Arc::new(Field::new("item", DataType::Struct(fields.into()), true)));
    PureFunction::of_rows(&DESCRIPTION, result, |row: Row| {
        let given = sound_objects(row.given_objects);
        let parents: Vec<Instruction> = row.parents.unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect();
        let truncated = row.truncated == Some(true);
        let items = row.items?.into_iter().map(Option::unwrap_or_default);
        let rewritten = (0..).zip(items).map(|(position, rewritten)| {
            let parent = rewritten.item.filter(|number| usize::try_from(*number).is_ok_and(|number| (1..=parents.len()).contains(&number)));
            let original = parent.and_then(|number| parents.get(usize::try_from(number).ok()? - 1).cloned());
            let mut faults: Vec<&str> = faults::instruction_faults(&rewritten, &given, &parents).into_iter().map(Fault::name).collect();
            faults.extend(truncated.then_some(Fault::Truncated.name()));
            RewrittenItem { position, parent, original, rewritten, faults }
        });
        Some(rewritten.collect::<Vec<_>>())
    })
}
