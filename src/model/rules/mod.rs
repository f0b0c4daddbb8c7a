//! The embedded model: rules, not a neural network.
//!
//! [`RulesModel`] answers requests by hand-written rules over what a request carries as data: boxes, caption, given items and,
//! where there is exactly one image, its pixels. It says nothing it cannot show: where no fact has a clear margin it writes fewer
//! items than it was given. It has no world knowledge, reads no text in images and understands no free-form question beyond its
//! kind; it is the default for trying mmevol and for tests, and no substitute for a multimodal model.
//!
//! From `scene` (boxes, caption, pixels) come `facts`; the operators (`fine_grained_perception`, `cognitive_reasoning`,
//! `interaction`) turn facts into items; `judge` scores items. Everything is deterministic: equal requests get equal answers.

mod choice;
mod cognitive_reasoning;
mod colour;
mod facts;
mod fine_grained_perception;
mod given;
mod interaction;
mod judge;
mod reasoned;
mod scene;
mod wording;
mod writing;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use self::colour::Pixels;
use self::given::Given;
use self::scene::Scene;
use self::writing::Work;
use super::{ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, EvolveTask, FinishReason, RequestImage, Task, Usage};
use crate::instruction::{Instruction, Operator};

/// What a token is taken to be when `max_tokens` limits an answer: there is no tokenizer.
const CHARACTERS_PER_TOKEN: usize = 4;

/// The embedded rule-based model; see the [module](self).
///
/// Evolves and scores; other requests are refused with [`ChatErrorKind::Model`]. Costs nothing, needs no network, and takes
/// milliseconds, on a blocking thread. Temperature has no effect; the seed and the sample index vary the answer. Token counts are `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct RulesModel;

impl RulesModel {
    /// The name in `--model` and `calls.model`.
    pub const NAME: &'static str = "rules";
}

#[async_trait]
impl ChatModel for RulesModel {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn chat(&self, request: &ChatRequest, images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        let started = Instant::now();
        let (seed, sample_index) = (request.parameters.seed, request.sample_index);
        let answer: Box<dyn FnOnce() -> Result<String, ChatError> + Send> = match request.task.clone() {
            Task::Evolve(task) => {
                // Boxes and pixels agree only where there is one image they can belong to.
                let image = if let [image] = images { Some(Arc::clone(image)) } else { None };
                let has_several = images.len() > 1;
                Box::new(move || evolve(&task, image.as_deref(), has_several, seed, sample_index).and_then(|items| fenced(&items)))
            }
            Task::Score(task) => Box::new(move || fenced(&judge::verdicts(&task))),
            Task::Complete | Task::Embed => {
                let message = "the embedded rules answer only llm_evolve and llm_score; name another model with --model";
                return Err(failure(message.to_owned()));
            }
        };
        let text = tokio::task::spawn_blocking(answer).await.map_err(|error| failure(format!("the rules model stopped: {error}")))??;
        let (text, finish_reason) = cut(text, request.parameters.max_tokens);
        Ok(ChatReply {
            text,
            finish_reason,
            usage: Usage::default(),
            attempts: 1,
            http_status: None,
            latency_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// One item for each given one for which there is something true to say, in the given order.
fn evolve(
    task: &EvolveTask,
    image: Option<&RequestImage>,
    has_several_images: bool,
    seed: i64,
    sample_index: u32,
) -> Result<Vec<Instruction>, ChatError> {
    let pixels = image
        .map(|image| Pixels::decode(&image.jpeg).map_err(|error| failure(format!("image {} cannot be decoded: {error}", image.image_id))))
        .transpose()?;
    let objects = if has_several_images { &[] } else { task.objects.as_slice() };
    let scene = Scene::new(task.caption.as_deref(), objects, pixels);
    let facts = facts::all(&scene);
    let givens: Vec<Given<'_>> = task.items.iter().enumerate().map(|(place, item)| Given::new(item, place, objects, &scene)).collect();
    let mut work = Work::new(task, &scene, &facts, &givens);
    let rewrite = match task.operator {
        Operator::FineGrainedPerception => fine_grained_perception::rewrite,
        Operator::CognitiveReasoning => cognitive_reasoning::rewrite,
        Operator::Interaction => interaction::rewrite,
    };
    let mut items = Vec::new();
    for given in &givens {
        let choice = writing::choice_for(seed, sample_index, task.operator, given);
        let draft = rewrite(&mut work, given, &choice);
        items.extend(draft.and_then(|draft| work.finish(draft, given)));
    }
    Ok(items)
}

/// A list as models write it: JSON in a fence.
fn fenced(items: &impl serde::Serialize) -> Result<String, ChatError> {
    let json = serde_json::to_string_pretty(items).map_err(|error| failure(format!("the answer cannot be written as JSON: {error}")))?;
    Ok(format!("```json\n{json}\n```"))
}

/// Cuts a text that is longer than the limit, as any model would.
fn cut(mut text: String, max_tokens: u32) -> (String, FinishReason) {
    let limit = usize::try_from(max_tokens).unwrap_or(usize::MAX).saturating_mul(CHARACTERS_PER_TOKEN);
    match text.char_indices().nth(limit) {
        None => (text, FinishReason::Stop),
        Some((end, _)) => {
            text.truncate(end);
            (text, FinishReason::Length)
        }
    }
}

fn failure(message: String) -> ChatError {
    ChatError { kind: ChatErrorKind::Model, message, attempts: 1, http_status: None, usage: Usage::default() }
}

#[cfg(test)]
mod tests;
