//! Models behind an OpenAI-compatible `/chat/completions` or `/embeddings`: OpenAI, vLLM, Ollama, llama.cpp, SGLang and many more.
//!
//! A request takes the next free [slot](crate::model::limits) of its endpoint, is sent, and gives the slot back. What failed
//! by chance is tried again after a while, without a slot in between ([`RetryPolicy`]), and once a connection was lost, over new
//! ones; what the endpoint does not take is worded differently. This folder is the only one that knows the endpoint's JSON.

mod config;
mod dialect;
mod embedding;
mod failure;
mod lenient;
mod retry;
mod wire;

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backon::Retryable;
use chrono::Utc;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use tokio::time::Instant;

pub use config::{ApiKey, DEFAULT_BASE_URL, OpenAiConfigError, OpenAiModelBuilder};
use dialect::{Concession, Dialect, Negotiation, Parameter, is_vague, refuses_schema};
use failure::{Failure, unended};
pub use retry::RetryPolicy;
use retry::{Patience, Retry, retry_after};

use super::limits::{Limiter, LimiterStats};
use super::request_state::RequestState;
use super::{CallKind, ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, ErrorScope, RequestImage, Task};

/// The largest answer that is read; more is no chat completion.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// What is read of the body of an error.
const MAX_COMPLAINT_BYTES: usize = 64 << 10;

/// Tokens of an image at `detail: low`, as OpenAI counts them.
const TOKENS_PER_IMAGE: u64 = 85;

const MODEL_LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// Attempts in a row that find nothing behind the endpoint until somebody is told.
const UNAVAILABLE_TOLD: u32 = 3;

/// A model behind an OpenAI-compatible endpoint. Made by [`OpenAiModel::builder`]; cheap to share behind an `Arc`.
pub struct OpenAiModel {
    model: String,
    base_url: String,
    completions_url: String,
    embeddings_url: String,
    models_url: String,
    api_key: Option<ApiKey>,
    http: reqwest::Client,
    /// Keeps no connections: each request goes over one of its own.
    unpooled_http: reqwest::Client,
    connect_timeout: Duration,
    request_timeout: Duration,
    retry_policy: RetryPolicy,
    limiter: Arc<Limiter>,
    negotiation: Negotiation,
    /// The last failure that concerned the whole endpoint, for the requests that were waiting at that time.
    endpoint_failure: Mutex<Option<(Instant, Failure)>>,
    /// Attempts in a row that found nothing behind the endpoint; once it was told, no answer begins it anew.
    unavailable: AtomicU32,
}

impl fmt::Debug for OpenAiModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiModel").field("model", &self.model).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl OpenAiModel {
    /// Starts to describe the client of a model, by the name its endpoint knows.
    pub fn builder(model: impl Into<String>) -> OpenAiModelBuilder {
        OpenAiModelBuilder::new(model.into())
    }

    /// Waiting and requests in flight, of all clients of this endpoint and model in this process.
    pub fn limiter_stats(&self) -> LimiterStats {
        self.limiter.stats()
    }

    /// Asks until there is an answer or a failure worth trying again, once per wording that the endpoint does not take.
    async fn attempt(&self, call: &Call<'_>) -> Result<ChatReply, Failure> {
        // A wording that this request tries for itself alone, and the refusal, which does not say what it is about, that made it try.
        let mut guess: Option<(Dialect, String)> = None;
        let mut turn = None;
        loop {
            if turn.is_none()
                && let Some(wants_structure) = call.wants_structure()
            {
                turn = self.negotiation.turn(wants_structure).await;
            }
            let slot = self.limiter.acquire(call.estimated_tokens).await;
            if let Some(failure) = self.endpoint_failure_since(call.started_at) {
                return Err(failure);
            }
            let agreed = self.negotiation.dialect();
            let dialect = guess.as_ref().map_or(agreed, |(dialect, _)| *dialect);
            let failure = match self.exchange(call, dialect).await {
                Ok(reply) => {
                    slot.succeeded(reply.usage.total_tokens());
                    self.note_available();
                    if let Some((_, cause)) = &guess
                        && self.negotiation.adopt(dialect)
                    {
                        self.tell_refused(agreed.spelling(Parameter::Structure), cause);
                    }
                    if let Some(wants_structure) = call.wants_structure() {
                        self.negotiation.settle(wants_structure);
                    }
                    return Ok(reply);
                }
                Err(failure) => self.bounded(failure),
            };
            if let Some(refused) = failure.refused {
                if failure.is_vague || guess.is_some() {
                    if let Some(other) = self.negotiation.guess(dialect, refused) {
                        let cause = guess.map_or_else(|| failure.cause.clone(), |(_, cause)| cause);
                        guess = Some((other, cause));
                        continue;
                    }
                } else {
                    let concession = self.negotiation.concede(dialect, refused);
                    if concession == Concession::New {
                        self.tell_refused(dialect.spelling(refused), &failure.cause);
                    }
                    if concession != Concession::Impossible {
                        continue;
                    }
                }
            }
            // The slot is kept until the failure is known, so that nobody who waits for it asks in vain.
            let failure = self.explain(failure, call.started_at).await;
            if failure.kind.is_delay() {
                slot.overloaded(failure.retry_after);
            }
            return Err(failure);
        }
    }

    fn tell_refused(&self, parameter: &str, cause: &str) {
        tracing::warn!("model '{}' at {} refuses {parameter}, asking without it: {cause}", self.model, self.base_url);
    }

    /// A failure that asks for no longer wait than an endpoint is believed.
    fn bounded(&self, failure: Failure) -> Failure {
        Failure { retry_after: failure.retry_after.map(|wait| wait.min(self.retry_policy.max_retry_after)), ..failure }
    }

    /// One HTTP request.
    async fn exchange(&self, call: &Call<'_>, dialect: Dialect) -> Result<ChatReply, Failure> {
        let (url, body) = match call.request.task {
            Task::Embed => (&self.embeddings_url, embedding::request_body(&self.model, call.request)),
            _ => (&self.completions_url, wire::request_body(&self.model, dialect, call.request, call.images)),
        };
        let body = body.map_err(|error| {
            Failure::new(ChatErrorKind::BadRequest, Retry::Never, format!("the request cannot be written as JSON: {error}"))
        })?;
        let attempts = call.requests_made.fetch_add(1, Ordering::Relaxed) + 1;
        let sent_at = Instant::now();
        let http = if call.lost_connection.load(Ordering::Relaxed) { &self.unpooled_http } else { &self.http };
        let request = http.post(url).header(CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(|error| self.transport_failure(&error, call))?;
        self.limiter.mark_reachable();
        let status = response.status();
        if !status.is_success() {
            return Err(self.status_failure(response, call, dialect).await);
        }
        let (body, complete) = read_body(response, MAX_ANSWER_BYTES).await.map_err(|error| self.transport_failure(&error, call))?;
        if !complete {
            let cause = format!("the answer is longer than {} MiB", MAX_ANSWER_BYTES >> 20);
            return Err(Failure {
                http_status: Some(status.as_u16()),
                ..Failure::new(ChatErrorKind::InvalidResponse, Retry::Never, cause)
            });
        }
        let latency_ms = u64::try_from(sent_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let written = match call.request.task {
            Task::Embed => embedding::parse(&body),
            _ => wire::parse_completion(&body),
        };
        let written = written.map_err(|reason| Failure::from_no_answer(status, reason, self.api_key.as_ref()))?;
        Ok(ChatReply {
            text: written.text,
            finish_reason: written.finish_reason,
            usage: written.usage,
            attempts,
            http_status: Some(status.as_u16()),
            latency_ms,
        })
    }

    async fn status_failure(&self, response: reqwest::Response, call: &Call<'_>, dialect: Dialect) -> Failure {
        let status = response.status();
        let retry_after = retry_after(response.headers(), Utc::now());
        // The status says enough when its explanation is lost on the way.
        let body = read_body(response, MAX_COMPLAINT_BYTES).await.map(|(body, _)| body).unwrap_or_default();
        let complaint = wire::parse_complaint(&body);
        let failure = Failure::from_status(status, &complaint, self.api_key.as_ref());
        // A user's schema is one row's; ours go with every request of their kind, and their answers are read without them, too.
        let is_ours = call.request.kind != CallKind::Complete;
        let wants_structure = call.wants_structure().filter(|_| is_ours || !refuses_schema(&complaint));
        let is_bad_request = failure.kind == ChatErrorKind::BadRequest || status == StatusCode::NOT_IMPLEMENTED;
        // A server that fails over a structure may call that an error of its own.
        let is_server_error = failure.kind == ChatErrorKind::ServerError;
        let refused = wants_structure
            .and_then(|wants_structure| dialect.refused_parameter(&complaint, wants_structure))
            .filter(|refused| is_bad_request || (is_server_error && *refused == Parameter::Structure));
        let is_vague = refused.is_none() && is_ours && is_bad_request && wants_structure == Some(true) && is_vague(&complaint);
        let refused = refused.or_else(|| is_vague.then_some(Parameter::Structure));
        Failure { retry_after: retry_after.or(failure.retry_after), refused, is_vague, ..failure }
    }

    fn transport_failure(&self, error: &reqwest::Error, call: &Call<'_>) -> Failure {
        call.lost_connection.store(true, Ordering::Relaxed);
        Failure::from_transport(error, self.connect_timeout, self.request_timeout, self.limiter.is_reachable())
    }

    /// Adds what helps against a failure of the whole endpoint, and keeps it for the requests that are waiting. Of several in
    /// flight at once, the first to fail speaks for all.
    async fn explain(&self, mut failure: Failure, call_started_at: Instant) -> Failure {
        if failure.kind.scope() == ErrorScope::Request {
            return failure;
        }
        if let Some(known) = self.endpoint_failure_since(call_started_at) {
            return known;
        }
        if failure.kind == ChatErrorKind::NotFound {
            failure.cause = format!("{}. {}", unended(&failure.cause), self.not_found_hint().await);
        }
        *self.endpoint_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), failure.clone()));
        failure
    }

    /// As long as nothing was answered, what is behind the endpoint counts as gone; later as busy.
    fn charge(&self, retry: Retry) -> Retry {
        match retry {
            Retry::Unavailable if self.limiter.has_answered() => Retry::Later,
            retry => retry,
        }
    }

    fn note_available(&self) {
        let anew = |attempts| (attempts < UNAVAILABLE_TOLD).then_some(0);
        // Refused once it was told.
        let _ = self.unavailable.fetch_update(Ordering::Relaxed, Ordering::Relaxed, anew);
    }

    /// Tells once that nothing answers: the requests wait ever longer until they are tried again.
    fn note_unavailable(&self, failure: &Failure) {
        if self.unavailable.fetch_add(1, Ordering::Relaxed) + 1 == UNAVAILABLE_TOLD {
            let answer = unended(&failure.cause);
            tracing::warn!("model '{}' at {} answers {answer}; trying again", self.model, self.base_url);
        }
    }

    fn endpoint_failure_since(&self, instant: Instant) -> Option<Failure> {
        let last = self.endpoint_failure.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(failed_at, _)| *failed_at >= instant).map(|(_, failure)| failure.clone())
    }

    async fn not_found_hint(&self) -> String {
        let offered = self.offered_models().await;
        if offered.is_empty() || offered.contains(&self.model) {
            let suggestion = if self.base_url.ends_with("/v1") { "" } else { "; many servers want it to end in /v1" };
            return format!("Check the model's name and the base URL{suggestion}.");
        }
        failure::model_hint(&self.model, &offered, self.api_key.as_ref())
    }

    /// Over a connection of its own: one that was lost while it was idle would say nothing of the endpoint.
    async fn ask_for_models(&self) -> reqwest::Result<reqwest::Response> {
        self.unpooled_http.get(&self.models_url).timeout(MODEL_LIST_TIMEOUT).send().await
    }

    /// The models that the endpoint lists; empty when it lists none.
    async fn offered_models(&self) -> Vec<String> {
        let Ok(response) = self.ask_for_models().await else { return Vec::new() };
        match read_body(response, MAX_ANSWER_BYTES).await {
            Ok((body, true)) => wire::parse_model_names(&body),
            _ => Vec::new(),
        }
    }
}

#[async_trait]
impl ChatModel for OpenAiModel {
    fn name(&self) -> &str {
        &self.model
    }

    fn endpoint(&self) -> &str {
        &self.base_url
    }

    /// It need not list its models: any answer will do that is not a proxy's whose backend is gone.
    async fn is_reachable(&self) -> bool {
        self.ask_for_models().await.is_ok_and(|response| !matches!(response.status().as_u16(), 502..=504))
    }

    fn limiter(&self) -> Option<&Limiter> {
        Some(&self.limiter)
    }

    async fn chat(&self, request: &ChatRequest, images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        let call = Call {
            request,
            images,
            estimated_tokens: estimate_tokens(request, images),
            started_at: Instant::now(),
            requests_made: AtomicU32::new(0),
            lost_connection: AtomicBool::new(false),
        };
        let mut patience = Patience::new(&self.retry_policy);
        let outcome = (|| self.attempt(&call))
            .retry(self.retry_policy.backoff(jitter_seed(request)))
            .when(|failure| patience.allows(self.charge(failure.retry)))
            .adjust(|failure, delay| failure.retry_after.or(delay))
            .notify(|failure, delay| {
                tracing::debug!(model = self.model, ?delay, "trying again: {}", failure.cause);
                if failure.retry == Retry::Unavailable {
                    self.note_unavailable(failure);
                }
                if let Some(request) = RequestState::observing() {
                    request.rest();
                }
            })
            .await;
        outcome.map_err(|failure| failure.into_error(call.requests_made.load(Ordering::Relaxed)))
    }
}

/// One call of [`ChatModel::chat`].
struct Call<'a> {
    request: &'a ChatRequest,
    images: &'a [Arc<RequestImage>],
    estimated_tokens: u64,
    started_at: Instant,
    requests_made: AtomicU32,
    /// One of its requests lost its connection, or got no answer over it. A proxy may have dropped the idle ones as well, which shows only
    /// when they are used: each would cost an attempt, so what follows goes over new ones.
    lost_connection: AtomicBool,
}

impl Call<'_> {
    /// Whether the answer is to have a structure; `None` for a request without parameters, about which there is nothing to negotiate.
    fn wants_structure(&self) -> Option<bool> {
        (self.request.task != Task::Embed).then_some(self.request.schema.is_some())
    }
}

/// Four bytes of prompt to a token, and what a small image costs. The answer is not known yet; the limiter learns of it later.
fn estimate_tokens(request: &ChatRequest, images: &[Arc<RequestImage>]) -> u64 {
    (request.prompt.len() / 4) as u64 + TOKENS_PER_IMAGE * images.len() as u64
}

/// Different for each request, so that retries spread out, and the same in each run, so that runs repeat.
fn jitter_seed(request: &ChatRequest) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&request.prompt, &request.image_ids, request.sample_index).hash(&mut hasher);
    hasher.finish()
}

/// The body up to a limit, and whether that is all of it.
async fn read_body(mut response: reqwest::Response, limit: usize) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}
