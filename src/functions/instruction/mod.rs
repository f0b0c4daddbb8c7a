//! Functions over answers and items: thin adapters to the pure code in [`crate::instruction`].

pub mod distinct_objects;
pub mod distinct_skills;
pub mod fatal_faults;
pub mod format_name;
pub mod instruction_faults;
pub mod items_to_judge;
pub mod normalize_format;
pub mod normalize_skill;
pub mod parse_instructions;
pub mod parse_scores;
pub mod rewritten_items;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use serde::Deserialize;

use crate::store::{list, step_type};

/// The struct type of an item as `parse_instructions` gives it and `llm_evolve` takes it.
pub fn item_type() -> DataType {
    DataType::Struct(
        vec![
            Field::new("item", DataType::Int64, true),
            Field::new("image_position", DataType::Utf8, true),
            list("objects", DataType::Utf8),
            list("skills", DataType::Utf8),
            Field::new("format", DataType::Utf8, true),
            Field::new("question", DataType::Utf8, true),
            list("steps", step_type()),
            Field::new("answer", DataType::Utf8, true),
        ]
        .into(),
    )
}

/// What both parsers say of an answer beside its items.
fn answer_type(items: DataType) -> DataType {
    let rejected = DataType::Struct(
        vec![
            Field::new("position", DataType::Int64, true),
            Field::new("reason", DataType::Utf8, true),
            Field::new("text", DataType::Utf8, true),
        ]
        .into(),
    );
    DataType::Struct(
        vec![
            list("items", items),
            list("rejected", rejected),
            Field::new("truncated", DataType::Boolean, true),
            Field::new("error_kind", DataType::Utf8, true),
            Field::new("error", DataType::Utf8, true),
        ]
        .into(),
    )
}

fn texts_type() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))
}

/// The one argument of functions that take an item's labels.
#[derive(Deserialize)]
struct LabelsRow {
    labels: Option<Vec<Option<String>>>,
}

/// The names of labels, each once, in the order of the labels; what says nothing is left out. Quadratic in the list, of which items have a
/// handful.
fn distinct(row: LabelsRow, name: impl Fn(&str) -> String) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for label in row.labels.unwrap_or_default().into_iter().flatten() {
        let name = name(&label);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
