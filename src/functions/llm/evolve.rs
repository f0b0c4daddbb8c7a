//! `llm_evolve(operator, image_ids, caption, objects, items [, persona [, sample]])`: one sample's items, rewritten in one direction.

use std::sync::Arc;

use serde::Deserialize;

use super::ModelSession;
use super::call::{PromptedOutcome, RowCall, ask_until_usable};
use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::instruction::parse::parse_instructions;
use crate::instruction::{DetectedObject, Instruction};
use crate::model::{CallKind, ChatRequest, EvolveTask, Task};
use crate::prompt::evolved_instructions_schema;

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
];

/// `llm_evolve`.
pub static LLM_EVOLVE: Description = Description {
    name: "llm_evolve",
    parameters: PARAMETERS,
    optional: 2,
    section: "Models",
    summary: "Asks the model to rewrite a sample's items in one direction; one request a row. Gives the answer's text, for parse_instructions; \
              NULL where the model gave none or the row has no items.",
    example: "SELECT parse_instructions(llm_evolve('interaction', NULL, 'A dog.', [], [{question: 'What is it?', answer: 'A dog.'}]))['items']",
};

/// `try_llm_evolve`.
pub static TRY_LLM_EVOLVE: Description = Description {
    name: "try_llm_evolve",
    summary: "Like llm_evolve, as struct(value, error_kind, error, attempts, prompt_tokens, completion_tokens, cost_usd, latency_ms, cached, \
              request_id, finish_reason, model, prompt_id): a failed request is a value of its row.",
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

    async fn call(&self, row: Row) -> Result<Option<PromptedOutcome>> {
        let sample_index = row.sample.and_then(|sample| u32::try_from(sample).ok()).unwrap_or_default();
        let Some((task, image_ids)) = row.into_task()? else { return Ok(None) };
        let rendered = self.0.prompts.render_evolve(&task, image_ids.len())?;
        let service = &self.0.model;
        let mut request = ChatRequest {
            kind: CallKind::Evolve,
            prompt: rendered.prompt,
            image_ids,
            parameters: self.0.parameters,
            schema: Some(evolved_instructions_schema()),
            sample_index,
            task: Task::Evolve(task),
        };
        let outcome = ask_until_usable(service, &mut request, |text| parse_instructions(text).error.is_none()).await?;
        Ok(Some(PromptedOutcome { model: service.model.name().to_owned(), prompt_id: rendered.prompt_id, outcome }))
    }
}
