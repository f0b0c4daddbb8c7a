//! What the query of an export gives: a sample with its chosen items.

use serde::Deserialize;

use crate::formats::export::ExportInstruction;
use crate::instruction::{DetectedObject, Instruction, Step};

#[derive(Deserialize)]
pub(super) struct SampleRow {
    pub(super) sample_id: String,
    pub(super) source: String,
    pub(super) source_id: Option<String>,
    pub(super) caption: Option<String>,
    pub(super) objects: Option<Vec<DetectedObject>>,
    pub(super) topics: Option<Vec<String>>,
    pub(super) image_ids: Option<Vec<String>>,
    pub(super) missing_images: Option<Vec<String>>,
    pub(super) instructions: Vec<ItemRow>,
}

#[derive(Deserialize)]
pub(super) struct ItemRow {
    instruction_id: String,
    parent_id: Option<String>,
    root_id: Option<String>,
    round: i32,
    operator: Option<String>,
    image_position: Option<String>,
    objects: Option<Vec<String>>,
    skills: Option<Vec<String>>,
    format: String,
    question: String,
    steps: Option<Vec<Step>>,
    answer: String,
    improved: Option<bool>,
    score: Option<i64>,
    status: String,
    model: Option<String>,
    pub(super) judge: Option<String>,
}

impl From<ItemRow> for ExportInstruction {
    fn from(row: ItemRow) -> Self {
        ExportInstruction {
            instruction_id: row.instruction_id,
            parent_id: row.parent_id,
            root_id: row.root_id,
            round: row.round,
            // An imported finished round does not say.
            operator: row.operator.unwrap_or_default(),
            instruction: Instruction {
                item: None,
                image_position: row.image_position,
                objects: row.objects.unwrap_or_default(),
                skills: row.skills.unwrap_or_default(),
                format: row.format,
                question: row.question,
                steps: row.steps.unwrap_or_default(),
                answer: row.answer,
            },
            improved: row.improved,
            score: row.score,
            status: row.status,
            model: row.model,
        }
    }
}
