//! The rows that an import adds. Columns that it leaves NULL have no field.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::FinishedRound;
use super::ancestry::Descent;
use crate::formats::SeedItem;
use crate::instruction::faults::Fault;
use crate::instruction::{DetectedObject, Step};

/// The run that adds the rows, and when it began.
pub(super) struct Stamp {
    pub(super) run_id: String,
    pub(super) time: DateTime<Utc>,
}

#[derive(Serialize)]
pub(super) struct SampleRow {
    pub(super) sample_id: String,
    pub(super) source: String,
    pub(super) source_id: Option<String>,
    pub(super) image_ids: Vec<String>,
    pub(super) missing_images: Vec<String>,
    pub(super) caption: Option<String>,
    pub(super) objects: Vec<DetectedObject>,
    pub(super) topics: Vec<String>,
    pub(super) content_hash: String,
    pub(super) run_id: String,
    pub(super) imported_at: DateTime<Utc>,
}

#[derive(Serialize)]
pub(super) struct InstructionRow {
    instruction_id: String,
    sample_id: String,
    evolution_id: Option<String>,
    parent_id: Option<String>,
    root_id: Option<String>,
    round: i32,
    operator: Option<String>,
    position: i32,
    image_position: Option<String>,
    question: String,
    answer: String,
    objects: Vec<String>,
    skills: Vec<String>,
    format: String,
    steps: Vec<Step>,
    improved: Option<bool>,
    score: Option<i32>,
    faults: Vec<&'static str>,
    status: &'static str,
    run_id: String,
    created_at: DateTime<Utc>,
}

impl InstructionRow {
    pub(super) fn seed(stamp: &Stamp, instruction_id: String, sample_id: &str, position: i32, item: SeedItem) -> InstructionRow {
        InstructionRow {
            root_id: Some(instruction_id.clone()),
            operator: Some("seed".to_owned()),
            ..InstructionRow::kept(stamp, instruction_id, sample_id, 0, position, item)
        }
    }

    pub(super) fn evolved(
        stamp: &Stamp,
        sample_id: &str,
        round: i32,
        evolution_id: &str,
        position: i32,
        item: SeedItem,
        descent: Descent,
    ) -> InstructionRow {
        let Descent { instruction_id, parent_id, root_id } = descent;
        InstructionRow {
            evolution_id: Some(evolution_id.to_owned()),
            faults: if parent_id.is_none() { vec![Fault::NoParent.name()] } else { Vec::new() },
            parent_id,
            root_id,
            operator: item.origin.operator.clone(),
            // The authors' filter keeps exactly what the judge called improved.
            improved: Some(item.origin.improved.unwrap_or(true)),
            ..InstructionRow::kept(stamp, instruction_id, sample_id, round, position, item)
        }
    }

    /// What a seed and an evolved item have in common.
    fn kept(stamp: &Stamp, instruction_id: String, sample_id: &str, round: i32, position: i32, item: SeedItem) -> InstructionRow {
        let SeedItem { instruction, score, origin: _ } = item;
        InstructionRow {
            instruction_id,
            sample_id: sample_id.to_owned(),
            evolution_id: None,
            parent_id: None,
            root_id: None,
            round,
            operator: None,
            position,
            image_position: instruction.image_position,
            question: instruction.question,
            answer: instruction.answer,
            objects: instruction.objects,
            skills: instruction.skills,
            format: instruction.format,
            steps: instruction.steps,
            improved: None,
            score: score.and_then(|score| i32::try_from(score).ok()),
            faults: Vec::new(),
            status: "kept",
            run_id: stamp.run_id.clone(),
            created_at: stamp.time,
        }
    }
}

/// A finished round, of which only the survivors are known.
#[derive(Serialize)]
pub(super) struct EvolutionRow {
    evolution_id: String,
    sample_id: String,
    round: i32,
    part: i32,
    attempt: i32,
    parent_evolution_id: Option<String>,
    operator: Option<String>,
    status: &'static str,
    sample_hash: String,
    parents: i32,
    kept: i32,
    run_id: String,
    created_at: DateTime<Utc>,
}

impl EvolutionRow {
    pub(super) fn of(stamp: &Stamp, sample_id: &str, content_hash: &str, round: &FinishedRound) -> EvolutionRow {
        EvolutionRow {
            evolution_id: round.evolution_id.clone(),
            sample_id: sample_id.to_owned(),
            round: round.round,
            part: 0,
            attempt: 0,
            parent_evolution_id: round.parent_evolution_id.clone(),
            operator: round.common_operator(),
            status: "kept",
            sample_hash: content_hash.to_owned(),
            parents: round.parents as i32,
            kept: round.items.len() as i32,
            run_id: stamp.run_id.clone(),
            created_at: stamp.time,
        }
    }
}
