//! Models: what is asked ([`ChatRequest`]), what comes back ([`ChatReply`], [`ChatError`]), and who answers ([`ChatModel`]).

pub mod answers;
pub mod availability;
pub mod in_flight;
pub mod lexical;
pub mod limits;
pub mod openai;
pub mod outcome;
pub mod prices;
pub mod reasons;
pub mod request_image;
pub mod request_state;
pub mod rules;
pub mod service;
pub mod spending;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::instruction::{DetectedObject, Instruction, Operator};
use limits::{Limiter, Limits};
pub use request_image::RequestImage;

/// Where a model inside this process answers.
pub(crate) const EMBEDDED_ENDPOINT: &str = "embedded";

/// Answers chat requests. Implement this to use a model of your own.
///
/// Implementations are called from many tasks at once; an implementation that can serve only so many at a time waits inside `chat`.
#[async_trait]
pub trait ChatModel: Send + Sync + fmt::Debug {
    /// The model's name, as recorded in `calls.model` and hashed into request ids.
    fn name(&self) -> &str;

    /// Where it answers, as recorded in `calls.endpoint`; never holds a key. `embedded` for a model inside this process.
    fn endpoint(&self) -> &str {
        EMBEDDED_ENDPOINT
    }

    /// Answers one request. `images` are the request's images in the order of [`ChatRequest::image_ids`].
    ///
    /// # Errors
    /// A [`ChatError`] whose [`scope`](ChatError::scope) says whether it concerns this request alone or every request to this endpoint.
    async fn chat(&self, request: &ChatRequest, images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError>;

    /// Whether the endpoint answers at all, be it with an error: asked at no cost where the last calls reached nothing, to tell an endpoint that
    /// is gone from a request that it dies of.
    async fn is_reachable(&self) -> bool {
        true
    }

    /// What `chat` gets a slot of before it sends anything. Until then a request that nobody waits for any more can be withdrawn at no
    /// cost; a model without a limiter counts as asked when `chat` begins.
    fn limiter(&self) -> Option<&Limiter> {
        None
    }

    /// How many requests this model has use for at once: its limiter's concurrency, 64 without one.
    fn concurrency(&self) -> usize {
        self.limiter().map_or(CONCURRENCY_WITHOUT_LIMITER, Limiter::concurrency)
    }

    /// Changes the limits of the model's limiter; without one, nothing.
    fn limit(&self, limits: Limits) {
        if let Some(limiter) = self.limiter() {
            limiter.set_limits(limits);
        }
    }
}

/// Requests at once for a model that does not say how many it can serve.
const CONCURRENCY_WITHOUT_LIMITER: usize = 64;

/// What a call is for; `calls.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// Rewrite items.
    Evolve,
    /// Judge items.
    Score,
    /// Answer a free prompt.
    Complete,
    /// Turn text into a vector.
    Embed,
}

impl CallKind {
    /// The name in `calls.kind`.
    pub fn name(self) -> &'static str {
        match self {
            CallKind::Evolve => "evolve",
            CallKind::Score => "score",
            CallKind::Complete => "complete",
            CallKind::Embed => "embed",
        }
    }
}

/// One request, fully rendered. Everything a model sees, and the task it was rendered from.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// What it is for; part of no id.
    pub kind: CallKind,
    /// The whole text the model is sent.
    pub prompt: String,
    /// Content hashes of the images, in order.
    pub image_ids: Vec<String>,
    /// Sampling.
    pub parameters: Parameters,
    /// The shape the answer must have, for endpoints with structured output.
    pub schema: Option<Arc<ResponseSchema>>,
    /// Tells apart requests of which several answers are wanted. Part of the request's id; in no prompt.
    pub sample_index: u32,
    /// The same content as data, for models that are not language models. `prompt` is what counts.
    pub task: Task,
}

impl ChatRequest {
    /// The seed to sample with: that of the parameters for the first answer, another one for each further answer.
    pub fn seed(&self) -> i64 {
        self.parameters.seed.wrapping_add(i64::from(self.sample_index))
    }
}

/// Sampling parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parameters {
    /// 0 for the likeliest answer; endpoints take up to 2.
    pub temperature: f64,
    /// Most tokens of an answer; a longer one is cut off.
    pub max_tokens: u32,
    /// For endpoints that sample repeatably.
    pub seed: i64,
}

impl Parameters {
    /// The temperatures that endpoints take.
    pub(crate) const TEMPERATURES: RangeInclusive<f64> = 0.0..=2.0;
}

impl Default for Parameters {
    /// The reference's: temperature 1, 4,096 tokens, seed 3407.
    fn default() -> Self {
        Parameters { temperature: 1.0, max_tokens: 4096, seed: 3407 }
    }
}

/// A named JSON schema for structured output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResponseSchema {
    /// For the endpoint: letters, digits, `_` and `-`.
    pub name: String,
    /// The JSON schema.
    pub schema: serde_json::Value,
}

/// What a request asks for, as data.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Rewrite items.
    Evolve(EvolveTask),
    /// Judge items.
    Score(ScoreTask),
    /// A free prompt: there is nothing but its text.
    Complete,
    /// A vector for the prompt, which is the text to embed. The answer is a JSON array of numbers.
    Embed,
}

/// Rewrite these items of one sample in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct EvolveTask {
    /// The direction.
    pub operator: Operator,
    /// The sample's; `None` where it has none.
    pub caption: Option<String>,
    /// The sample's boxes; may be empty.
    pub objects: Vec<DetectedObject>,
    /// Numbered from 1 in [`Instruction::item`].
    pub items: Vec<Instruction>,
    /// Whose questions to write; `None` for nobody in particular.
    pub persona: Option<String>,
}

/// Judge each rewritten item against the item it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTask {
    /// The sample's; `None` where it has none.
    pub caption: Option<String>,
    /// The sample's boxes; may be empty.
    pub objects: Vec<DetectedObject>,
    /// Numbered from 1 in [`ScorePair::item`].
    pub pairs: Vec<ScorePair>,
}

/// One item to judge. Serialized, it is what the prompt shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScorePair {
    /// The pair's number, from 1, which the judge echoes.
    pub item: i64,
    /// The parent; `None` when the rewriting model did not say which item it rewrote.
    pub original: Option<Instruction>,
    /// The item to judge.
    pub rewritten: Instruction,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatReply {
    /// As the model wrote it; may be empty.
    pub text: String,
    /// Why it ends where it ends.
    pub finish_reason: FinishReason,
    /// What it cost; for embedded models the default, which says nothing.
    pub usage: Usage,
    /// HTTP requests made for this answer, 1 without retries.
    pub attempts: u32,
    /// Of the answer; `None` for embedded models.
    pub http_status: Option<u16>,
    /// Of the attempt that was answered, without waiting for a slot.
    pub latency_ms: u64,
}

/// Why a model stopped writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    /// The model had said all.
    Stop,
    /// The answer hit `max_tokens` and is cut off.
    Length,
    /// The provider withheld the answer.
    ContentFilter,
    /// What else the endpoint said, word for word.
    Other(String),
    /// The endpoint did not say.
    Unknown,
}

impl FinishReason {
    /// The text in `calls.finish_reason`.
    pub fn name(&self) -> &str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::ContentFilter => "content_filter",
            FinishReason::Other(text) => text,
            FinishReason::Unknown => "unknown",
        }
    }
}

/// Why a request has no answer. The message never holds a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ChatError {
    /// For `error_kind` in tables; decides whether to try again.
    pub kind: ChatErrorKind,
    /// What failed, why, and what to do.
    pub message: String,
    /// HTTP requests made, 0 where none could be.
    pub attempts: u32,
    /// Of the last response; `None` where there was none.
    pub http_status: Option<u16>,
    /// What it cost nevertheless: a refusal is paid for like an answer.
    pub usage: Usage,
}

/// Tokens, as an endpoint counted them; `None` where it does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of what was asked.
    pub prompt_tokens: Option<u64>,
    /// Of what was answered.
    pub completion_tokens: Option<u64>,
}

impl Usage {
    /// All tokens that were counted; `None` where none were.
    pub fn total_tokens(self) -> Option<u64> {
        [self.prompt_tokens, self.completion_tokens].into_iter().flatten().reduce(u64::saturating_add)
    }
}

/// The kinds of failure, as `error_kind` in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChatErrorKind {
    /// 401, 403, or no key for an endpoint that wants one.
    Authentication,
    /// 404: no such model, or no such path.
    NotFound,
    /// 400 and 422 that are none of the kinds below.
    BadRequest,
    /// The prompt is longer than the model's context.
    ContextOverflow,
    /// Still 429 after all retries.
    RateLimited,
    /// Still 5xx after all retries.
    ServerError,
    /// No answer in the time allowed, after all retries.
    Timeout,
    /// Refused, reset, cut off, or an unknown host.
    Connection,
    /// A 2xx whose body is no chat completion.
    InvalidResponse,
    /// The model declined to answer, or a moderation to pass the request on.
    Refusal,
    /// An image of the request cannot be read or sent, or the model takes none.
    Image,
    /// The model itself failed (a custom or embedded one).
    Model,
}

impl ChatErrorKind {
    /// What an endpoint that could not cope, or was silent, has put off: asked less, or later, it may well answer.
    pub const DELAYS: [ChatErrorKind; 4] =
        [ChatErrorKind::Connection, ChatErrorKind::Timeout, ChatErrorKind::ServerError, ChatErrorKind::RateLimited];

    /// What an endpoint answers everybody with, until somebody changes the key, the address or the name of the model.
    pub const REFUSALS_OF_ALL: [ChatErrorKind; 2] = [ChatErrorKind::Authentication, ChatErrorKind::NotFound];

    /// Whether the endpoint put the request off: one of [`Self::DELAYS`].
    pub fn is_delay(self) -> bool {
        Self::DELAYS.contains(&self)
    }

    /// Whether a failure of this kind is one of every request ([`Self::REFUSALS_OF_ALL`]) or of one. A bad request, or a lost connection before
    /// anything ever succeeded, is raised to the endpoint's scope by the caller that counts successes.
    pub fn scope(self) -> ErrorScope {
        match Self::REFUSALS_OF_ALL.contains(&self) {
            true => ErrorScope::Endpoint,
            false => ErrorScope::Request,
        }
    }

    /// The text in `evolutions.error_kind` and `calls.error`.
    pub fn name(self) -> &'static str {
        match self {
            ChatErrorKind::Authentication => "authentication",
            ChatErrorKind::NotFound => "not_found",
            ChatErrorKind::BadRequest => "bad_request",
            ChatErrorKind::ContextOverflow => "context_overflow",
            ChatErrorKind::RateLimited => "rate_limited",
            ChatErrorKind::ServerError => "server_error",
            ChatErrorKind::Timeout => "timeout",
            ChatErrorKind::Connection => "connection",
            ChatErrorKind::InvalidResponse => "invalid_response",
            ChatErrorKind::Refusal => "refusal",
            ChatErrorKind::Image => "image",
            ChatErrorKind::Model => "model",
        }
    }
}

/// Whom a failure concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorScope {
    /// This request alone; others may well succeed.
    Request,
    /// Every request to this endpoint: asking again is useless.
    Endpoint,
}

impl ChatError {
    /// That of its [kind](ChatErrorKind::scope).
    pub fn scope(&self) -> ErrorScope {
        self.kind.scope()
    }
}
