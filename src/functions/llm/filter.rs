//! `llm_filter(prompt [, image_ids] [, options])`: whether a condition holds, for WHERE.

use std::sync::Arc;

use arrow::datatypes::DataType;
use serde::Deserialize;

use super::ModelSession;
use super::call::{Asked, RowCall};
use super::options::ModelOptions;
use super::outcome::try_summary;
use super::question::{IMAGE_IDS, Row, unfenced, unusable};
use crate::error::Result;
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::model::ChatRequest;
use crate::model::outcome::{Answer, CallFailure};
use crate::model::service::ModelService;
use crate::prompt::filter_answer_schema;

const OPTIONS: &[&str] = &["temperature", "max_tokens", "seed", "sample"];

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "prompt", kind: ParameterKind::Text, description: "The condition, or a question to be answered with yes or no." },
    IMAGE_IDS,
    Parameter {
        name: "options",
        kind: ParameterKind::Options(OPTIONS),
        description: "temperature (0 to 2), max_tokens, seed and sample (which of several answers to the same request), as {temperature: 0}, as a \
                      map, or each by name: temperature => 0.",
    },
];

/// `llm_filter`.
pub static LLM_FILTER: Description = Description {
    name: "llm_filter",
    parameters: PARAMETERS,
    optional: 2,
    section: "Models",
    summary: "Asks the model whether a condition holds; one request a row. True or false as the model says, NULL where it does not say or the \
              prompt is NULL or empty: WHERE keeps such rows out, try_llm_filter shows them.",
    example: "SELECT llm_filter('A whale is a fish.', temperature => 0)",
};

/// `try_llm_filter`.
pub static TRY_LLM_FILTER: Description = Description {
    name: "try_llm_filter",
    summary: try_summary!("llm_filter"),
    example: "SELECT try_llm_filter('A whale is a fish.', {temperature: 0})['error_kind']",
    ..LLM_FILTER
};

/// Makes the request of a row.
pub struct Filter(pub Arc<ModelSession>);

impl RowCall for Filter {
    type Row = Row;
    type Value = bool;

    fn value_type(&self) -> DataType {
        DataType::Boolean
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
        let rendered = self.0.prompts.render_filter(&question.prompt, question.image_ids.len())?;
        let asked = question.request(&self.0, options);
        let request = ChatRequest { prompt: rendered.prompt, schema: Some(filter_answer_schema()), ..asked };
        Ok(Asked::Request { request, prompt_id: Some(rendered.prompt_id) })
    }

    fn value(&self, _request: &ChatRequest, answer: &Answer) -> Result<bool, CallFailure> {
        verdict(&answer.text).ok_or_else(|| unusable("{\"answer\": true} or {\"answer\": false}", answer, "it says neither yes nor no"))
    }
}

/// What an answer says: JSON as it was asked for, or the bare word. Anything else says nothing, however it leans.
fn verdict(text: &str) -> Option<bool> {
    #[derive(Deserialize)]
    struct Verdict {
        answer: bool,
    }
    let text = unfenced(text);
    if text.starts_with('{') {
        return serde_json::from_str(text).ok().map(|Verdict { answer }| answer);
    }
    let word = text.trim_matches(|letter: char| letter.is_ascii_punctuation() || letter.is_whitespace());
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn verdicts_are_json_or_one_word() {
        for text in [
            r#"{"answer": true}"#,
            "```json\n{\"answer\": true}\n```",
            r#"{"reason": "it is", "answer": true}"#,
            "true",
            "**Yes.**",
            "```\nYES\n```",
        ] {
            assert_eq!(verdict(text), Some(true), "{text}");
        }
        for text in [r#" {"answer":false} "#, "False", "no", "\"No\"", "`no`!"] {
            assert_eq!(verdict(text), Some(false), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_verdict() {
        for text in [
            "",
            "Yes, but no.",
            "not true",
            "maybe",
            "1",
            "{}",
            r#"{"answer": "yes"}"#,
            r#"{"answer": true, "answer": false}"#,
            r#"{"answer": true"#,
            "[true]x",
            "<html><body>yes</body></html>",
            "yes\nno",
        ] {
            assert_eq!(verdict(text), None, "{text}");
        }
    }
}
