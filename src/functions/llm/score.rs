//! `llm_score(image_ids, caption, objects, pairs)`: each rewritten item judged against the item it was made from.

use std::sync::Arc;

use serde::Deserialize;

use super::ModelSession;
use super::call::{PromptedOutcome, RowCall, ask_until_usable};
use crate::error::Result;
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::instruction::scores::{match_scores, parse_scores};
use crate::instruction::{DetectedObject, Instruction};
use crate::model::{CallKind, ChatRequest, ScorePair, ScoreTask, Task};
use crate::prompt::scored_instructions_schema;

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "image_ids", kind: ParameterKind::Texts, description: "The images to send; NULL or empty sends none." },
    Parameter { name: "caption", kind: ParameterKind::Text, description: "What the image shows, NULL if unknown." },
    Parameter { name: "objects", kind: ParameterKind::Objects, description: "Structs of label and bbox [x1, y1, x2, y2] in 0..1." },
    Parameter {
        name: "pairs",
        kind: ParameterKind::Pairs,
        description: "Structs of original (an item, or NULL) and rewritten (an item), numbered from 1 in the prompt.",
    },
];

/// `llm_score`.
pub static LLM_SCORE: Description = Description {
    name: "llm_score",
    parameters: PARAMETERS,
    optional: 0,
    section: "Models",
    summary: "Asks the judge whether each rewritten item is better than the one it was made from; one request a row. Gives the answer's text, for \
              parse_scores; NULL where the judge gave none or the row has no pairs.",
    example: "SELECT parse_scores(llm_score(NULL, 'A dog.', [], [{original: {question: 'What is it?', answer: 'A dog.'}, \
              rewritten: {question: 'Which animal is it?', answer: 'A dog.'}}]), 1)['items'][1]",
};

/// `try_llm_score`.
pub static TRY_LLM_SCORE: Description = Description {
    name: "try_llm_score",
    summary: "Like llm_score, as struct(value, error_kind, error, attempts, prompt_tokens, completion_tokens, cost_usd, latency_ms, cached, \
              request_id, finish_reason, model, prompt_id): a failed request is a value of its row.",
    example: "SELECT try_llm_score(NULL, 'A dog.', [], [{original: {question: 'What is it?', answer: 'A dog.'}, \
              rewritten: {question: 'Which animal is it?', answer: 'A dog.'}}])['error_kind']",
    ..LLM_SCORE
};

/// The arguments of a row.
#[derive(Deserialize)]
pub struct Row {
    image_ids: Option<Vec<Option<String>>>,
    caption: Option<String>,
    objects: Option<Vec<DetectedObject>>,
    pairs: Option<Vec<Pair>>,
}

#[derive(Deserialize)]
struct Pair {
    #[serde(default)]
    original: Option<Instruction>,
    rewritten: Instruction,
}

/// Makes the request of a row.
pub struct Score(pub Arc<ModelSession>);

impl RowCall for Score {
    type Row = Row;

    async fn call(&self, row: Row) -> Result<Option<PromptedOutcome>> {
        let Some(pairs) = row.pairs.filter(|pairs| !pairs.is_empty()) else { return Ok(None) };
        let pairs: Vec<ScorePair> =
            (1..).zip(pairs).map(|(item, Pair { original, rewritten })| ScorePair { item, original, rewritten }).collect();
        let count = pairs.len();
        let task = ScoreTask { caption: row.caption, objects: row.objects.unwrap_or_default(), pairs };
        let image_ids: Vec<String> = row.image_ids.unwrap_or_default().into_iter().flatten().collect();
        let rendered = self.0.prompts.render_score(&task, image_ids.len())?;
        let service = &self.0.judge;
        let mut request = ChatRequest {
            kind: CallKind::Score,
            prompt: rendered.prompt,
            image_ids,
            parameters: self.0.parameters,
            schema: Some(scored_instructions_schema()),
            sample_index: 0,
            task: Task::Score(task),
        };
        let outcome =
            ask_until_usable(service, &mut request, |text| match_scores(&parse_scores(text).items, count).iter().any(Option::is_some))
                .await?;
        Ok(Some(PromptedOutcome { model: service.model.name().to_owned(), prompt_id: rendered.prompt_id, outcome }))
    }
}
