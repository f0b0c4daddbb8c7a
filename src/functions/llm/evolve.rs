//! `llm_evolve(operator, image_ids, caption, objects, items [, persona [, sample]] [, options])`: one sample's items, rewritten in one direction.

use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::Deserialize;

use super::ModelSession;
use super::call::{Asked, RowCall};
use super::call_options::{GivenOptions, refused_sample, sample_index};
use super::options::ModelOptions;
use super::outcome::try_summary;
use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::instruction::parse::parse_instructions;
use crate::instruction::{DetectedObject, Instruction};
use crate::model::outcome::{Answer, CallFailure};
use crate::model::service::ModelService;
use crate::model::{CallKind, ChatRequest, EvolveTask, Task};
use crate::prompt::evolved_instructions_schema;

const OPTIONS: &[&str] = &["temperature", "max_tokens", "seed"];

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "operator", kind: ParameterKind::Text, description: "fine_grained_perception, cognitive_reasoning or interaction." },
    Parameter { name: "image_ids", kind: ParameterKind::Texts, description: "The images to send; NULL or empty sends none." },
    Parameter { name: "caption", kind: ParameterKind::Text, description: "What the image shows, NULL if unknown." },
    Parameter { name: "objects", kind: ParameterKind::Objects, description: "Structs of label and bbox [x1, y1, x2, y2] in 0..1." },
    Parameter { name: "items", kind: ParameterKind::Items, description: "The items to rewrite, numbered from 1 in the prompt." },
    Parameter { name: "persona", kind: ParameterKind::Text, description: "Whom the questions are for, NULL for nobody in particular." },
    Parameter {
        name: "sample",
        kind: ParameterKind::Integer,
        description: "Which of several answers to the same request is wanted; it is added to the seed.",
    },
    Parameter {
        name: "options",
        kind: ParameterKind::Options(OPTIONS),
        description: "temperature (0 to 2), max_tokens and seed, as {temperature: 0}, as a map, or each by name: temperature => 0.",
    },
];

/// `llm_evolve`.
pub static LLM_EVOLVE: Description = Description {
    name: "llm_evolve",
    parameters: PARAMETERS,
    optional: 3,
    section: "Models",
    summary: "Asks the model to rewrite a sample's items in one direction; one request a row. Gives the answer's text, for parse_instructions; \
              NULL where the model gave none or the row has no items.",
    example: "SELECT parse_instructions(llm_evolve('interaction', NULL, 'A dog.', [], [{question: 'What is it?', answer: 'A dog.'}]))['items']",
};

/// `try_llm_evolve`.
pub static TRY_LLM_EVOLVE: Description = Description {
    name: "try_llm_evolve",
    summary: try_summary!("llm_evolve"),
    example: "SELECT try_llm_evolve('interaction', NULL, 'A dog.', [], [{question: 'What is it?', answer: 'A dog.'}])['error_kind']",
    ..LLM_EVOLVE
};

/// The arguments of a row.
#[derive(Deserialize)]
pub struct Row {
    operator: Option<String>,
    image_ids: Option<Vec<Option<String>>>,
    caption: Option<String>,
    objects: Option<Vec<DetectedObject>>,
    items: Option<Vec<Instruction>>,
    #[serde(default)]
    persona: Option<String>,
    #[serde(default)]
    sample: Option<i64>,
    #[serde(default)]
    options: GivenOptions,
}

/// Makes the request of a row.
pub struct Evolve(pub Arc<ModelSession>);

impl Row {
    /// The task and the images of a row; `None` for a row without operator or items.
    ///
    /// # Errors
    /// When the operator is none.
    pub fn into_task(self) -> Result<Option<(EvolveTask, Vec<String>)>> {
        let (Some(operator), Some(mut items)) = (self.operator, self.items.filter(|items| !items.is_empty())) else { return Ok(None) };
        let operator = operator.parse().map_err(|error| Error::argument("llm_evolve", format!("{error}")))?;
        for (number, item) in (1..).zip(&mut items) {
            item.item = Some(number);
        }
        let objects = self.objects.unwrap_or_default();
        let image_ids = self.image_ids.unwrap_or_default().into_iter().flatten().collect();
        Ok(Some((EvolveTask { operator, caption: self.caption, objects, items, persona: self.persona }, image_ids)))
    }
}

impl RowCall for Evolve {
    type Row = Row;
    type Value = String;

    fn value_type(&self) -> DataType {
        DataType::Utf8
    }

    fn service(&self) -> &ModelService {
        &self.0.model
    }

    fn ask(&self, mut row: Row, options: &ModelOptions) -> Result<Asked> {
        let sample = row.sample.unwrap_or_default();
        let given = std::mem::take(&mut row.options);
        let Some((task, image_ids)) = row.into_task()? else { return Ok(Asked::Nothing) };
        let Some(sample_index) = sample_index(Some(sample)) else { return Ok(Asked::Refused(refused_sample(sample))) };
        let given = match given.read(OPTIONS) {
            Ok(given) => given,
            Err(failure) => return Ok(Asked::Refused(failure)),
        };
        let rendered = self.0.prompts.render_evolve(&task, image_ids.len())?;
        let request = ChatRequest {
            kind: CallKind::Evolve,
            prompt: rendered.prompt,
            image_ids,
            parameters: given.parameters(options.parameters(self.0.parameters)),
            schema: Some(evolved_instructions_schema()),
            sample_index,
            task: Task::Evolve(task),
        };
        Ok(Asked::Request { request, prompt_id: Some(rendered.prompt_id) })
    }

    /// The text as it is, whatever is wrong with it: `parse_instructions` says that.
    fn value(&self, _request: &ChatRequest, answer: &Answer) -> Result<String, CallFailure> {
        Ok(answer.text.clone())
    }

    fn is_usable(&self, _request: &ChatRequest, answer: &Answer) -> bool {
        parse_instructions(&answer.text).error.is_none()
    }
}
