//! `items_to_judge(rewritten)`: the items of an answer that are worth a judge's time.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::ScalarUDF;
use serde::{Deserialize, Serialize};

use super::item_type;
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::instruction::Instruction;
use crate::instruction::faults::Fault;

static DESCRIPTION: Description = Description {
    name: "items_to_judge",
    parameters: &[Parameter {
        name: "rewritten",
        kind: ParameterKind::Pairs,
        description: "Structs of position, original, rewritten and faults, as rewritten_items gives them.",
    }],
    optional: 0,
    section: "Instructions",
    summary: "The items without a fatal fault, as struct(position, original, rewritten), for llm_score: the others are eliminated whatever a judge \
              says. Empty when none is left, NULL for NULL.",
    example: "SELECT items_to_judge([{position: 0, rewritten: {question: 'Which animal is it?', answer: 'A dog.'}, faults: ['no_parent']}])",
};

#[derive(Deserialize)]
struct Row {
    rewritten: Option<Vec<Option<GivenItem>>>,
}

#[derive(Deserialize)]
struct GivenItem {
    #[serde(default)]
    position: Option<i64>,
    #[serde(default)]
    original: Option<Instruction>,
    rewritten: Option<Instruction>,
    #[serde(default)]
    faults: Option<Vec<Option<String>>>,
}

#[derive(Serialize)]
struct ItemToJudge {
    position: Option<i64>,
    original: Option<Instruction>,
    rewritten: Option<Instruction>,
}

/// The function.
pub fn items_to_judge() -> ScalarUDF {
    let fields = vec![
        Field::new("position", DataType::Int64, true),
        Field::new("original", item_type(), true),
        Field::new("rewritten", item_type(), true),
    ];
    let result = DataType::List(Arc::new(Field::new("item", DataType::Struct(fields.into()), true)));
    PureFunction::of_rows(&DESCRIPTION, result, |row: Row| {
        let is_fatal = |code: &String| Fault::ALL.iter().any(|fault| fault.name() == code && fault.is_fatal());
        let sound = |item: &GivenItem| !item.faults.iter().flatten().flatten().any(is_fatal);
        let items = row.rewritten?.into_iter().flatten().filter(sound);
        Some(items.map(|GivenItem { position, original, rewritten, .. }| ItemToJudge { position, original, rewritten }).collect::<Vec<_>>())
    })
}
