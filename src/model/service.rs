//! A model at work: requests become answers, every answer is recorded, none is paid for twice, and spending stops where it was told to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use tokio::sync::mpsc;

use super::prices::PriceTable;
use super::request_image::RequestImages;
use super::{ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, ErrorScope};
use crate::error::{Error, Result};
use crate::ids::stable_id;
use crate::store::StoredCalls;

/// A model together with what a request needs besides it.
#[derive(Debug, Clone)]
pub struct ModelService {
    /// Who answers.
    pub model: Arc<dyn ChatModel>,
    /// What it costs.
    pub prices: Arc<PriceTable>,
    /// Where requests get their images; without it, only requests without images can be made.
    pub images: Option<Arc<RequestImages>>,
    /// Answers of earlier commands.
    pub answered: Option<Arc<StoredCalls>>,
    /// Where finished calls are written down.
    pub log: Option<mpsc::Sender<CallRecord>>,
    /// What may be spent and what was.
    pub spending: Arc<Spending>,
    /// Set once an error shows that the endpoint answers nobody.
    pub halted: Arc<OnceLock<ChatError>>,
}

/// What became of one request.
#[derive(Debug, Clone)]
pub struct CallOutcome {
    /// Names the row of `calls`; `None` where nothing was asked, because of a limit or because the endpoint answers nobody.
    pub request_id: Option<String>,
    pub result: std::result::Result<Answer, CallFailure>,
    pub attempts: u32,
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    /// `None` where the price or the tokens are unknown; 0 for a cached answer.
    pub cost_usd: Option<f64>,
    pub latency_ms: Option<u64>,
    /// The answer came from an earlier call.
    pub cached: bool,
}

/// A model's answer, whoever paid for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    pub finish_reason: String,
}

/// Why a request has no answer, as data of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    pub kind: &'static str,
    pub message: String,
}

/// `error_kind` of requests that were not made because `--max-calls` or `--budget-usd` was reached.
pub const BUDGET: &str = "budget";

/// One row of `calls`, but for the run and the time.
#[derive(Debug, Clone, Serialize)]
pub struct CallRecord {
    pub request_id: String,
    pub kind: &'static str,
    pub model: String,
    pub endpoint: String,
    pub response: Option<String>,
    pub finish_reason: Option<String>,
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    pub cost_usd: Option<f64>,
    pub latency_ms: Option<u64>,
    pub attempts: u32,
    pub http_status: Option<u16>,
    pub error: Option<String>,
}

/// Counts what a command spends, and says when to stop.
#[derive(Debug, Default)]
pub struct Spending {
    max_calls: Option<u64>,
    budget_usd: Option<f64>,
    started: AtomicU64,
    answered: AtomicU64,
    cached: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    /// In millionths of a dollar: atomics have no floats.
    cost_micros: AtomicU64,
    unpriced: AtomicU64,
}

/// What was spent so far.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Spent {
    /// Requests made and answered.
    pub calls: u64,
    /// Requests answered by earlier calls.
    pub cached: u64,
    /// Requests made that brought no answer.
    pub failed: u64,
    /// Requests not made because a limit was reached.
    pub not_asked: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Of the calls whose price is known.
    pub cost_usd: f64,
    /// Answered calls whose price is not known.
    pub unpriced: u64,
}

impl Spending {
    /// Stops new calls after `max_calls` of them, or once `budget_usd` is spent. Calls in flight are finished.
    pub fn new(max_calls: Option<u64>, budget_usd: Option<f64>) -> Spending {
        Spending { max_calls, budget_usd, ..Spending::default() }
    }

    /// Checks that the budget can be kept: what a model costs must be known.
    ///
    /// # Errors
    /// When there is a budget and one of the models has no price.
    pub fn check_prices<'a>(&self, models: impl IntoIterator<Item = &'a str>, prices: &PriceTable) -> Result<()> {
        let unpriced = models.into_iter().find(|model| prices.cost_usd(model, 0, 0).is_none());
        match (self.budget_usd, unpriced) {
            (Some(_), Some(model)) => Err(Error::Argument {
                name: "--budget-usd".into(),
                message: format!("the price of '{model}' is not known, so a budget could not be kept"),
                hints: vec!["name its price in a file with --prices, or limit the calls with --max-calls".into()],
            }),
            _ => Ok(()),
        }
    }

    /// The counts so far.
    pub fn spent(&self) -> Spent {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Spent {
            calls: read(&self.answered),
            cached: read(&self.cached),
            failed: read(&self.failed),
            not_asked: read(&self.refused),
            prompt_tokens: read(&self.prompt_tokens),
            completion_tokens: read(&self.completion_tokens),
            cost_usd: read(&self.cost_micros) as f64 / 1e6,
            unpriced: read(&self.unpriced),
        }
    }

    /// Whether one more call may be made; counts it if so.
    fn admit(&self) -> std::result::Result<(), CallFailure> {
        let over = |message: String| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Err(CallFailure { kind: BUDGET, message })
        };
        let spent = self.cost_micros.load(Ordering::Relaxed) as f64 / 1e6;
        if let Some(budget) = self.budget_usd.filter(|budget| spent >= *budget) {
            return over(format!("not asked: the budget of ${budget} is spent"));
        }
        let started = self.started.fetch_add(1, Ordering::Relaxed);
        match self.max_calls {
            Some(most) if started >= most => over(format!("not asked: the limit of {most} calls is reached")),
            _ => Ok(()),
        }
    }
}

impl ModelService {
    /// The service of a model with the embedded price table and no limits, log, images or earlier answers.
    pub fn new(model: Arc<dyn ChatModel>) -> ModelService {
        ModelService {
            model,
            prices: Arc::new(PriceTable::embedded()),
            images: None,
            answered: None,
            log: None,
            spending: Arc::default(),
            halted: Arc::default(),
        }
    }

    /// The id of a request to this model: what is asked, of whom, and which of several answers is wanted.
    ///
    /// `max_tokens` is left out: an answer that was not cut off is the same under any limit.
    pub fn request_id(&self, request: &ChatRequest) -> String {
        let temperature = request.parameters.temperature.to_string();
        let seed = request.parameters.seed.to_string();
        let sample_index = request.sample_index.to_string();
        let schema = request.schema.as_ref().map(|schema| format!("{}{}", schema.name, schema.schema));
        let images = request.image_ids.join(",");
        stable_id([
            Some("request"),
            Some(self.model.name()),
            Some(&request.prompt),
            Some(&images),
            Some(&temperature),
            Some(&seed),
            schema.as_deref(),
            Some(&sample_index),
        ])
    }

    /// Answers a request, from an earlier call where there is one.
    ///
    /// A failure that concerns this request alone is part of the outcome.
    ///
    /// # Errors
    /// [`Error::Model`] when the endpoint cannot answer anybody and no request of this command has succeeded; failures to read the store.
    pub async fn call(&self, request: &ChatRequest) -> Result<CallOutcome> {
        let request_id = self.request_id(request);
        if let Some(outcome) = self.earlier_answer(&request_id).await? {
            return Ok(outcome);
        }
        if let Err(failure) = self.spending.admit() {
            return Ok(CallOutcome::failed(None, failure));
        }
        if let Some(error) = self.halted.get() {
            self.spending.failed.fetch_add(1, Ordering::Relaxed);
            return Ok(CallOutcome::failed(None, error.into()));
        }
        let outcome = match self.ask(request).await? {
            Ok(reply) => self.answered(request_id, request, reply).await,
            Err(error) => self.failed(request_id, request, error).await?,
        };
        Ok(outcome)
    }

    async fn earlier_answer(&self, request_id: &str) -> Result<Option<CallOutcome>> {
        let Some(answered) = &self.answered else { return Ok(None) };
        let Some(call) = answered.get(request_id).await? else { return Ok(None) };
        self.spending.cached.fetch_add(1, Ordering::Relaxed);
        Ok(Some(CallOutcome {
            request_id: Some(request_id.to_owned()),
            result: Ok(Answer { text: call.response.unwrap_or_default(), finish_reason: call.finish_reason.unwrap_or_default() }),
            attempts: 0,
            prompt_tokens: call.prompt_tokens.map(i64::unsigned_abs),
            completion_tokens: call.completion_tokens.map(i64::unsigned_abs),
            cost_usd: Some(0.0),
            latency_ms: None,
            cached: true,
        }))
    }

    async fn ask(&self, request: &ChatRequest) -> Result<std::result::Result<ChatReply, ChatError>> {
        let mut images = Vec::with_capacity(request.image_ids.len());
        for image_id in &request.image_ids {
            let Some(source) = &self.images else {
                let message = format!("image '{image_id}' cannot be sent: this session has no store to read it from");
                return Ok(Err(ChatError { kind: ChatErrorKind::BadRequest, message, attempts: 0, http_status: None }));
            };
            match source.get(image_id).await {
                Ok(image) => images.push(image),
                Err(error) => {
                    let message = error.to_string();
                    return Ok(Err(ChatError { kind: ChatErrorKind::Image, message, attempts: 0, http_status: None }));
                }
            }
        }
        Ok(self.model.chat(request, &images).await)
    }

    async fn answered(&self, request_id: String, request: &ChatRequest, reply: ChatReply) -> CallOutcome {
        let cost_usd = match (reply.prompt_tokens, reply.completion_tokens) {
            (Some(prompt), Some(completion)) => self.prices.cost_usd(self.model.name(), prompt, completion),
            _ => self.prices.cost_usd(self.model.name(), 0, 0).filter(|_| self.model.endpoint() == "embedded"),
        };
        let spending = &self.spending;
        spending.answered.fetch_add(1, Ordering::Relaxed);
        spending.prompt_tokens.fetch_add(reply.prompt_tokens.unwrap_or_default(), Ordering::Relaxed);
        spending.completion_tokens.fetch_add(reply.completion_tokens.unwrap_or_default(), Ordering::Relaxed);
        spending.unpriced.fetch_add(u64::from(cost_usd.is_none()), Ordering::Relaxed);
        spending.cost_micros.fetch_add((cost_usd.unwrap_or_default() * 1e6).round() as u64, Ordering::Relaxed);
        let answer = Answer { text: reply.text, finish_reason: reply.finish_reason.name().to_owned() };
        self.record(CallRecord {
            response: Some(answer.text.clone()),
            finish_reason: Some(answer.finish_reason.clone()),
            prompt_tokens: reply.prompt_tokens,
            completion_tokens: reply.completion_tokens,
            cost_usd,
            latency_ms: Some(reply.latency_ms),
            attempts: reply.attempts,
            http_status: reply.http_status,
            ..self.blank_record(&request_id, request)
        })
        .await;
        CallOutcome {
            request_id: Some(request_id),
            result: Ok(answer),
            attempts: reply.attempts,
            prompt_tokens: reply.prompt_tokens,
            completion_tokens: reply.completion_tokens,
            cost_usd,
            latency_ms: Some(reply.latency_ms),
            cached: false,
        }
    }

    async fn failed(&self, request_id: String, request: &ChatRequest, error: ChatError) -> Result<CallOutcome> {
        self.spending.failed.fetch_add(1, Ordering::Relaxed);
        // Nothing ever succeeded: a request that the endpoint cannot take, or an endpoint that is not there, rather than one bad row.
        let hopeless = self.spending.answered.load(Ordering::Relaxed) == 0
            && matches!(error.kind, ChatErrorKind::BadRequest | ChatErrorKind::Connection)
            && error.attempts > 0;
        if hopeless || error.scope() == ErrorScope::Endpoint {
            let _ = self.halted.set(error.clone());
            if self.spending.answered.load(Ordering::Relaxed) == 0 {
                let (model, endpoint) = (self.model.name().to_owned(), self.model.endpoint().to_owned());
                return Err(Error::Model { model, endpoint, cause: error });
            }
        }
        self.record(CallRecord {
            attempts: error.attempts,
            http_status: error.http_status,
            error: Some(format!("{}: {}", error.kind.name(), error.message)),
            ..self.blank_record(&request_id, request)
        })
        .await;
        Ok(CallOutcome { attempts: error.attempts, ..CallOutcome::failed(Some(request_id), (&error).into()) })
    }

    fn blank_record(&self, request_id: &str, request: &ChatRequest) -> CallRecord {
        CallRecord {
            request_id: request_id.to_owned(),
            kind: request.kind.name(),
            model: self.model.name().to_owned(),
            endpoint: self.model.endpoint().to_owned(),
            response: None,
            finish_reason: None,
            prompt_tokens: None,
            completion_tokens: None,
            cost_usd: None,
            latency_ms: None,
            attempts: 0,
            http_status: None,
            error: None,
        }
    }

    async fn record(&self, record: CallRecord) {
        if let Some(log) = &self.log {
            // The receiver is gone only when its command has failed already, and says so itself.
            let _ = log.send(record).await;
        }
    }
}

impl CallOutcome {
    fn failed(request_id: Option<String>, failure: CallFailure) -> CallOutcome {
        CallOutcome {
            request_id,
            result: Err(failure),
            attempts: 0,
            prompt_tokens: None,
            completion_tokens: None,
            cost_usd: None,
            latency_ms: None,
            cached: false,
        }
    }
}

impl From<&ChatError> for CallFailure {
    fn from(error: &ChatError) -> Self {
        CallFailure { kind: error.kind.name(), message: error.message.clone() }
    }
}
