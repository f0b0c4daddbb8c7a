//! A prompt of the user's own, with images and options: what `llm_complete` and `llm_filter` take, and how their answers are read.

use serde::Deserialize;

use super::ModelSession;
use super::call_options::{CallOptions, GivenOptions};
use super::options::ModelOptions;
use crate::functions::arguments::{Parameter, ParameterKind};
use crate::model::outcome::{Answer, CallFailure};
use crate::model::spending::UNUSABLE_ANSWER;
use crate::model::{CallKind, ChatErrorKind, ChatRequest, Task};
use crate::text::beginning;

/// Characters of an answer that an error quotes.
const QUOTED_CHARACTERS: usize = 80;

/// Parameter `image_ids`.
pub const IMAGE_IDS: Parameter = Parameter {
    name: "image_ids",
    kind: ParameterKind::TextOrTexts,
    description: "The image to send, or a list of them; NULL or empty sends none.",
};

/// The arguments of a row.
#[derive(Deserialize)]
pub struct Row {
    prompt: Option<String>,
    #[serde(default)]
    image_ids: Option<Vec<Option<String>>>,
    #[serde(default)]
    options: GivenOptions,
}

/// What a row asks.
pub struct Question {
    pub prompt: String,
    pub image_ids: Vec<String>,
    pub options: CallOptions,
}

impl Row {
    /// The question, whose options are some of `known`; `None` for a row without a prompt.
    ///
    /// # Errors
    /// The row's failure: an option that cannot be taken, or a NULL among the images, one of which was to be sent.
    pub fn into_question(self, known: &[&str]) -> Result<Option<Question>, CallFailure> {
        let Some(prompt) = self.prompt.filter(|prompt| !prompt.trim().is_empty()) else { return Ok(None) };
        let options = self.options.read(known)?;
        let images = self.image_ids.unwrap_or_default().into_iter();
        let image_ids: Option<Vec<String>> = images.collect();
        let image_ids =
            image_ids.ok_or_else(|| CallFailure { kind: ChatErrorKind::Image.name(), message: "one of image_ids is NULL".to_owned() })?;
        Ok(Some(Question { prompt, image_ids, options }))
    }
}

impl Question {
    /// The request that asks it as it stands, in such a session.
    pub fn request(self, session: &ModelSession, options: &ModelOptions) -> ChatRequest {
        ChatRequest {
            kind: CallKind::Complete,
            prompt: self.prompt,
            image_ids: self.image_ids,
            parameters: self.options.parameters(options.parameters(session.parameters)),
            sample_index: self.options.sample.unwrap_or_default(),
            schema: self.options.schema,
            task: Task::Complete,
        }
    }
}

/// The failure of a row whose answer is not `expected`, for this reason.
pub fn unusable(expected: &str, answer: &Answer, reason: &str) -> CallFailure {
    let (quoted, is_cut) = beginning(answer.text.trim(), QUOTED_CHARACTERS);
    let quoted: String = quoted.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let more = if is_cut { "..." } else { "" };
    let cut = if answer.finish_reason == "length" { "; it was cut off at max_tokens" } else { "" };
    CallFailure { kind: UNUSABLE_ANSWER, message: format!("the answer is not {expected}: {reason}{cut}: '{quoted}{more}'") }
}

/// A text without the markdown fence that models like to put around it.
pub fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inside = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    inside.and_then(|inside| inside.split_once('\n')).map_or(text, |(_language, inside)| inside.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_around_a_text_is_no_part_of_it() {
        for text in ["yes", " yes\n", "```\nyes\n```", "```json\nyes\n```\n", "```text\n\n  yes```"] {
            assert_eq!(unfenced(text), "yes", "{text}");
        }
        for text in ["```yes```", "``` yes", "a ```\nb\n```"] {
            assert_eq!(unfenced(text), text, "{text}");
        }
    }
}
