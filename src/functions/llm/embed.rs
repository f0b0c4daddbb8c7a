//! `llm_embed(text [, options])`: a text as a vector, for distances between texts.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use serde::Deserialize;

use super::ModelSession;
use super::call::{Asked, RowCall};
use super::call_options::GivenOptions;
use super::options::ModelOptions;
use super::outcome::try_summary;
use super::question::unusable;
use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::model::outcome::{Answer, CallFailure};
use crate::model::service::ModelService;
use crate::model::{CallKind, ChatRequest, Parameters, ResponseSchema, Task};

/// The endpoint draws nothing when it embeds, so there is nothing else to choose.
const OPTIONS: &[&str] = &["sample"];

/// The same for every session: no vector depends on them, and none is to be paid for again because they changed.
const SAMPLING: Parameters = Parameters { temperature: 0.0, max_tokens: u32::MAX, seed: 0 };

/// The shape of the answer. No endpoint is sent it: it tells the request apart from the prompt of the same words.
static VECTOR: LazyLock<Arc<ResponseSchema>> = LazyLock::new(|| {
    let schema = serde_json::json!({ "type": "array", "items": { "type": "number" } });
    Arc::new(ResponseSchema { name: "embedding".to_owned(), schema })
});

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "text", kind: ParameterKind::Text, description: "What to embed." },
    Parameter {
        name: "options",
        kind: ParameterKind::Options(OPTIONS),
        description: "sample: which of several answers to the same request, for endpoints that do not always answer the same.",
    },
];

/// `llm_embed`.
pub static LLM_EMBED: Description = Description {
    name: "llm_embed",
    parameters: PARAMETERS,
    optional: 1,
    section: "Models",
    summary: "The embedding model's vector of a text, as a list of Float32; one request a row. NULL where the model gave none or the text is NULL or \
              empty. The embedded model (lexical, with --model rules) compares words and letters, not meaning.",
    example: "SELECT array_distance(llm_embed('a red car'), llm_embed('a red cart'))",
};

/// `try_llm_embed`.
pub static TRY_LLM_EMBED: Description = Description {
    name: "try_llm_embed",
    summary: try_summary!("llm_embed"),
    example: "SELECT cardinality(try_llm_embed('a red car')['value'])",
    ..LLM_EMBED
};

/// The arguments of a row.
#[derive(Deserialize)]
pub struct Row {
    text: Option<String>,
    #[serde(default)]
    options: GivenOptions,
}

fn request(text: String, sample_index: u32) -> ChatRequest {
    ChatRequest {
        kind: CallKind::Embed,
        prompt: text,
        image_ids: Vec::new(),
        parameters: SAMPLING,
        schema: Some(Arc::clone(&VECTOR)),
        sample_index,
        task: Task::Embed,
    }
}

/// The session's embedding model's vector of one text, from an earlier call where there is one.
///
/// # Errors
/// When the model gives none.
pub async fn embed_text(session: &ModelSession, text: String) -> Result<Vec<f32>> {
    let service = &session.embedder;
    let outcome = service.call(&service.prepare(request(text, 0))).await?;
    let vector = outcome.result.and_then(|answer| vector(&answer.text).map_err(|problem| unusable("a vector", &answer, &problem)));
    vector
        .map_err(|failure| Error::sql(format!("'{}' did not embed the text: {}: {}", service.model.name(), failure.kind, failure.message)))
}

/// Makes the request of a row.
pub struct Embed(pub Arc<ModelSession>);

impl RowCall for Embed {
    type Row = Row;
    type Value = Vec<f32>;

    fn value_type(&self) -> DataType {
        DataType::new_list(DataType::Float32, true)
    }

    fn service(&self) -> &ModelService {
        &self.0.embedder
    }

    fn ask(&self, row: Row, _options: &ModelOptions) -> Result<Asked> {
        let Some(text) = row.text.filter(|text| !text.trim().is_empty()) else { return Ok(Asked::Nothing) };
        let options = match row.options.read(OPTIONS) {
            Ok(options) => options,
            Err(failure) => return Ok(Asked::Refused(failure)),
        };
        Ok(Asked::Request { request: request(text, options.sample.unwrap_or_default()), prompt_id: None })
    }

    fn value(&self, _request: &ChatRequest, answer: &Answer) -> Result<Vec<f32>, CallFailure> {
        vector(&answer.text).map_err(|problem| unusable("a vector", answer, &problem))
    }

    /// A vector is not sampled: asked for again, it would be the same, also where it is of no use to anybody.
    fn is_usable(&self, _request: &ChatRequest, answer: &Answer) -> bool {
        numbers(&answer.text).is_ok()
    }
}

/// The numbers of a vector, as they came. JSON has no word for one that is not finite; most write null.
fn numbers(text: &str) -> serde_json::Result<Vec<Option<f64>>> {
    serde_json::from_str(text)
}

fn vector(text: &str) -> Result<Vec<f32>, String> {
    let numbers = numbers(text).map_err(|cause| cause.to_string())?;
    let finite = numbers.into_iter().map(|number| number.map(|number| number as f32).filter(|number| number.is_finite()));
    match finite.collect::<Option<Vec<f32>>>() {
        Some(vector) if vector.is_empty() => Err("it is empty".to_owned()),
        Some(vector) => Ok(vector),
        None => Err("one of its numbers is not finite".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{numbers, vector};

    #[test]
    fn a_vector_is_a_list_of_numbers() {
        assert_eq!(vector("[0.5, -1, 2e-3]"), Ok(vec![0.5, -1.0, 0.002]));
        for text in ["[]", "", "[1, null]", "{\"embedding\": [1]}", "[1e300]", "a dog"] {
            assert!(vector(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_vector_of_no_use_is_a_vector_and_is_not_asked_for_again() {
        for text in ["[]", "[1, null]", "[0, 0]", "[1e300]"] {
            assert!(numbers(text).is_ok(), "{text}");
        }
        for text in ["", "{\"embedding\": [1]}", "a dog", "[\"1\"]"] {
            assert!(numbers(text).is_err(), "{text}");
        }
    }
}
