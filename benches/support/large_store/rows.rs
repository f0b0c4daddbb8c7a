//! Rows of the tables, by the names of their columns.

use chrono::{DateTime, Utc};
use mmevol::instruction::{DetectedObject, Instruction, Step};
use mmevol::model::Parameters;
use mmevol::store::CallRecord;
use serde::{Serialize, Serializer};

/// The run whose rows are made.
pub struct Making {
    pub run_id: String,
    pub time: DateTime<Utc>,
}

impl Making {
    /// A kept item; what it comes from is for its maker to say.
    pub fn instruction(&self, instruction_id: String, sample_id: &str, round: usize, position: usize, item: Instruction) -> InstructionRow {
        InstructionRow {
            instruction_id,
            sample_id: sample_id.to_owned(),
            evolution_id: None,
            parent_id: None,
            root_id: None,
            round: round as i32,
            operator: "",
            position: position as i32,
            image_position: item.image_position,
            question: item.question,
            answer: item.answer,
            objects: item.objects,
            skills: item.skills,
            format: item.format,
            steps: item.steps,
            improved: None,
            score: None,
            reason: None,
            faults: Vec::new(),
            status: "kept",
            run_id: self.run_id.clone(),
            created_at: self.time,
        }
    }

    /// A call with its answer, if it has one.
    pub fn call(&self, request_id: String, kind: &str, model: &str, response: Option<String>) -> CallRecord {
        let answered = response.is_some();
        CallRecord {
            request_id,
            kind: kind.to_owned(),
            model: model.to_owned(),
            endpoint: "http://127.0.0.1/v1".to_owned(),
            max_tokens: Some(Parameters::default().max_tokens),
            finish_reason: answered.then(|| "stop".to_owned()),
            prompt_tokens: answered.then_some(1500),
            completion_tokens: response.as_ref().map(|text| text.len() as u64 / 4),
            cost_usd: answered.then_some(0.001),
            latency_ms: answered.then_some(1200),
            attempts: 1,
            http_status: Some(if answered { 200 } else { 503 }),
            error: None,
            response,
            run_id: self.run_id.clone(),
            created_at: self.time,
        }
    }
}

#[derive(Serialize)]
pub struct ImageRow {
    pub image_id: String,
    pub uri: String,
    pub format: &'static str,
    pub width: i32,
    pub height: i32,
    pub bytes: Bytes,
}

/// Bytes as one value, not as a list of numbers.
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

#[derive(Serialize)]
pub struct SampleRow {
    pub sample_id: String,
    pub source: &'static str,
    pub source_id: String,
    pub image_ids: Vec<String>,
    pub missing_images: Vec<String>,
    pub caption: Option<String>,
    pub objects: Vec<DetectedObject>,
    pub topics: Vec<String>,
    pub content_hash: String,
    pub run_id: String,
    pub imported_at: DateTime<Utc>,
}

#[derive(Serialize)]
pub struct InstructionRow {
    pub instruction_id: String,
    pub sample_id: String,
    pub evolution_id: Option<String>,
    pub parent_id: Option<String>,
    pub root_id: Option<String>,
    pub round: i32,
    pub operator: &'static str,
    pub position: i32,
    pub image_position: Option<String>,
    pub question: String,
    pub answer: String,
    pub objects: Vec<String>,
    pub skills: Vec<String>,
    pub format: String,
    pub steps: Vec<Step>,
    pub improved: Option<bool>,
    pub score: Option<i32>,
    pub reason: Option<String>,
    pub faults: Vec<&'static str>,
    pub status: &'static str,
    pub run_id: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Serialize)]
pub struct EvolutionRow {
    pub evolution_id: String,
    pub sample_id: String,
    pub round: i32,
    pub part: i32,
    pub attempt: i32,
    pub parent_evolution_id: Option<String>,
    pub operator: &'static str,
    pub status: &'static str,
    pub error_kind: Option<&'static str>,
    pub error: Option<String>,
    pub model: &'static str,
    pub judge: Option<&'static str>,
    pub parameters: String,
    pub sample_hash: String,
    pub prompt_id: String,
    pub judge_prompt_id: Option<String>,
    pub request_id: String,
    pub score_request_id: Option<String>,
    pub parents: i32,
    pub generated: i32,
    pub kept: i32,
    pub run_id: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Serialize)]
pub struct PromptRow {
    pub prompt_id: String,
    pub name: String,
    pub template: String,
    pub created_at: DateTime<Utc>,
}
