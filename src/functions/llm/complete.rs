//! `llm_complete(prompt [, image_ids] [, options])`: a prompt of the user's own, answered.

use std::sync::Arc;

use arrow::datatypes::DataType;
use serde_json::Value;

use super::ModelSession;
use super::call::{Asked, RowCall};
use super::options::ModelOptions;
use super::outcome::try_summary;
use super::question::{IMAGE_IDS, Row, unfenced, unusable};
use super::schema::check_shape;
use crate::error::Result;
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::model::ChatRequest;
use crate::model::outcome::{Answer, CallFailure};
use crate::model::service::ModelService;

const OPTIONS: &[&str] = &["temperature", "max_tokens", "seed", "schema", "sample"];

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "prompt", kind: ParameterKind::Text, description: "What to ask, word for word." },
    IMAGE_IDS,
    Parameter {
        name: "options",
        kind: ParameterKind::Options(OPTIONS),
        description: "temperature (0 to 2), max_tokens, seed, schema (the JSON schema of the answer, as text) and sample (which of several answers \
                      to the same request), as {temperature: 0}, as a map, or each by name: temperature => 0.",
    },
];

/// `llm_complete`.
pub static LLM_COMPLETE: Description = Description {
    name: "llm_complete",
    parameters: PARAMETERS,
    optional: 2,
    section: "Models",
    summary: "Asks the model and gives its answer's text; one request a row. With a schema, the text is JSON of the schema's type that has the \
              properties it requires. NULL where the model gave none or the prompt is NULL or empty.",
    example: "SELECT llm_complete('Name a colour.', temperature => 0)",
};

/// `try_llm_complete`.
pub static TRY_LLM_COMPLETE: Description = Description {
    name: "try_llm_complete",
    summary: try_summary!("llm_complete"),
    example: "SELECT try_llm_complete('Name a colour.', {temperature: 0})['error_kind']",
    ..LLM_COMPLETE
};

/// Makes the request of a row.
pub struct Complete(pub Arc<ModelSession>);

impl RowCall for Complete {
    type Row = Row;
    type Value = String;

    fn value_type(&self) -> DataType {
        DataType::Utf8
    }

    fn service(&self) -> &ModelService {
        &self.0.model
    }

    fn ask(&self, row: Row, options: &ModelOptions) -> Result<Asked> {
        let question = match row.into_question(OPTIONS) {
            Ok(Some(question)) => question,
            Ok(None) => return Ok(Asked::Nothing),
            Err(failure) => return Ok(Asked::Refused(failure)),
        };
        Ok(Asked::Request { request: question.request(&self.0, options), prompt_id: None })
    }

    /// The text as it is; with a schema, the JSON in it.
    fn value(&self, request: &ChatRequest, answer: &Answer) -> Result<String, CallFailure> {
        let Some(schema) = &request.schema else {
            return match answer.text.trim().is_empty() {
                true => Err(unusable("a text", answer, "it is empty")),
                false => Ok(answer.text.clone()),
            };
        };
        let json = unfenced(&answer.text);
        let value: Value = serde_json::from_str(json).map_err(|cause| unusable("JSON", answer, &cause.to_string()))?;
        check_shape(&schema.schema, &value).map_err(|problem| unusable("what the schema asks for", answer, &problem))?;
        Ok(json.to_owned())
    }
}
