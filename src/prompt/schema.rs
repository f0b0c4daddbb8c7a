//! The shapes of the answers, for endpoints with structured output.
//!
//! All keep to what OpenAI's strict mode takes: the root is an object, every property is required, nothing further is allowed.

use std::sync::{Arc, LazyLock};

use crate::model::ResponseSchema;

static EVOLVED_INSTRUCTIONS: LazyLock<Arc<ResponseSchema>> =
    LazyLock::new(|| schema("evolved_instructions", include_str!("../../prompts/schemas/evolved_instructions.json")));

static SCORED_INSTRUCTIONS: LazyLock<Arc<ResponseSchema>> =
    LazyLock::new(|| schema("scored_instructions", include_str!("../../prompts/schemas/scored_instructions.json")));

static FILTER_ANSWER: LazyLock<Arc<ResponseSchema>> =
    LazyLock::new(|| schema("filter_answer", include_str!("../../prompts/schemas/filter_answer.json")));

/// What an answer to a rewriting prompt looks like: `{"items": [...]}` with one rewritten item each.
///
/// Formats are open, since the interaction operator may invent one; abilities are the nine, so that their names cannot drift.
pub fn evolved_instructions_schema() -> Arc<ResponseSchema> {
    Arc::clone(&EVOLVED_INSTRUCTIONS)
}

/// What an answer to the judging prompt looks like: `{"items": [...]}` with one verdict each.
///
/// The reason comes before the verdict, so that a model that writes in this order has thought before it decides.
pub fn scored_instructions_schema() -> Arc<ResponseSchema> {
    Arc::clone(&SCORED_INSTRUCTIONS)
}

/// What an answer to the prompt for conditions looks like: `{"answer": true}`.
pub fn filter_answer_schema() -> Arc<ResponseSchema> {
    Arc::clone(&FILTER_ANSWER)
}

fn schema(name: &str, json: &str) -> Arc<ResponseSchema> {
    let schema = serde_json::from_str(json).expect("the embedded schemas are checked by the tests");
    Arc::new(ResponseSchema { name: name.to_owned(), schema })
}
