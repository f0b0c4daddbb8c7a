//! `llm_score(image_ids, caption, objects, pairs [, options])`: each rewritten item judged against the item it was made from.

use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::Deserialize;

use super::ModelSession;
use super::call::{Asked, RowCall};
use super::call_options::GivenOptions;
use super::options::ModelOptions;
use super::outcome::try_summary;
use crate::error::Result;
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::instruction::scores::{match_scores, parse_scores};
use crate::instruction::{DetectedObject, Instruction};
use crate::model::outcome::{Answer, CallFailure};
use crate::model::service::ModelService;
use crate::model::{CallKind, ChatRequest, ScorePair, ScoreTask, Task};
use crate::prompt::scored_instructions_schema;

const OPTIONS: &[&str] = &["temperature", "max_tokens", "seed", "sample"];

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "image_ids", kind: ParameterKind::Texts, description: "The images to send; NULL or empty sends none." },
    Parameter { name: "caption", kind: ParameterKind::Text, description: "What the image shows, NULL if unknown." },
    Parameter { name: "objects", kind: ParameterKind::Objects, description: "Structs of label and bbox [x1, y1, x2, y2] in 0..1." },
    Parameter {
        name: "pairs",
        kind: ParameterKind::Pairs,
        description: "Structs of original (an item, or NULL) and rewritten (an item), numbered from 1 in the prompt.",
    },
    Parameter {
        name: "options",
        kind: ParameterKind::Options(OPTIONS),
        description: "temperature (0 to 2), max_tokens, seed and sample (which of several answers to the same request), as {temperature: 0}, as a map, or each by name: temperature => 0.",
    },
];

/// `llm_score`.
pub static LLM_SCORE: Description = Description {
    name: "llm_score",
    parameters: PARAMETERS,
    optional: 1,
    section: "Models",
    summary: "Asks the judge whether each rewritten item is better than the one it was made from; one request a row. Gives the answer's text, for \
              parse_scores; NULL where the judge gave none or the row has no pairs.",
    example: "SELECT parse_scores(llm_score(NULL, 'A dog.', [], [{original: {question: 'What is it?', answer: 'A dog.'}, \
              rewritten: {question: 'Which animal is it?', answer: 'A dog.'}}]), 1)['items'][1]",
};

/// `try_llm_score`.
pub static TRY_LLM_SCORE: Description = Description {
    name: "try_llm_score",
    summary: try_summary!("llm_score"),
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
    #[serde(default)]
    options: GivenOptions,
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
    type Value = String;

    fn value_type(&self) -> DataType {
        DataType::Utf8
    }

    fn service(&self) -> &ModelService {
        &self.0.judge
    }

    fn ask(&self, row: Row, options: &ModelOptions) -> Result<Asked> {
        let Some(pairs) = row.pairs.filter(|pairs| !pairs.is_empty()) else { return Ok(Asked::Nothing) };
        let given = match row.options.read(OPTIONS) {
            Ok(given) => given,
            Err(failure) => return Ok(Asked::Refused(failure)),
        };
        let pairs: Vec<ScorePair> =
            (1..).zip(pairs).map(|(item, Pair { original, rewritten })| ScorePair { item, original, rewritten }).collect();
        let task = ScoreTask { caption: row.caption, objects: row.objects.unwrap_or_default(), pairs };
        let image_ids: Vec<String> = row.image_ids.unwrap_or_default().into_iter().flatten().collect();
        let rendered = self.0.prompts.render_score(&task, image_ids.len())?;
        let request = ChatRequest {
            kind: CallKind::Score,
            prompt: rendered.prompt,
            image_ids,
            parameters: given.parameters(options.parameters(self.0.parameters)),
            schema: Some(scored_instructions_schema()),
            sample_index: given.sample.unwrap_or_default(),
            task: Task::Score(task),
        };
        Ok(Asked::Request { request, prompt_id: Some(rendered.prompt_id) })
    }

    /// The text as it is, whatever is wrong with it: `parse_scores` says that.
    fn value(&self, _request: &ChatRequest, answer: &Answer) -> Result<String, CallFailure> {
        Ok(answer.text.clone())
    }

    /// Whether there is a verdict on any of the pairs.
    fn is_usable(&self, request: &ChatRequest, answer: &Answer) -> bool {
        let Task::Score(task) = &request.task else { return false };
        match_scores(&parse_scores(&answer.text).items, task.pairs.len()).iter().any(Option::is_some)
    }
}
