//! A model at work: requests become answers, every answer is recorded, none is paid for twice, and spending stops where it was told to.

use std::sync::Arc;

use tokio::time::Instant;

use super::answers::Answers;
use super::availability::{Availability, is_refusal, reached_nothing};
use super::in_flight::InFlight;
use super::outcome::{Answer, CallOutcome};
use super::prices::PriceTable;
use super::request_image::RequestImages;
use super::request_state::{RequestState, observed};
use super::spending::Spending;
use super::{CallKind, ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, EMBEDDED_ENDPOINT, ErrorScope, Usage};
use crate::error::{Error, Result};
use crate::ids::stable_id;
use crate::store::{CallRecord, StoredCall};

/// A model together with what a request needs besides it. Clones share everything.
#[derive(Debug, Clone)]
pub struct ModelService {
    /// Who answers.
    pub model: Arc<dyn ChatModel>,
    /// What it costs.
    pub prices: Arc<PriceTable>,
    /// Where requests get their images; without it, only requests without images can be made.
    pub images: Option<Arc<RequestImages>>,
    /// What was answered before, and where finished calls are written down.
    pub answers: Arc<Answers>,
    /// What is being asked at present; services that share answers must share this.
    pub in_flight: Arc<InFlight>,
    /// What may be spent and what was.
    pub spending: Arc<Spending>,
    /// Whether the endpoint still answers.
    pub availability: Arc<Availability>,
}

/// A request with its id.
#[derive(Debug, Clone)]
pub struct PreparedRequest {
    /// What is asked.
    pub request: Arc<ChatRequest>,
    /// Names the row of `calls`: what is asked, of whom, and which of several answers is wanted.
    pub request_id: String,
}

impl PreparedRequest {
    /// Whether a new call could not better this answer.
    pub(super) fn is_answered_by(&self, answer: &StoredCall) -> bool {
        answer.answers(self.request.parameters.max_tokens)
    }
}

impl ModelService {
    /// The service of a model with the embedded price table, no limits, no images, and a journal that ends with the process.
    pub fn new(model: Arc<dyn ChatModel>) -> ModelService {
        ModelService {
            model,
            prices: Arc::new(PriceTable::embedded()),
            images: None,
            answers: Arc::default(),
            in_flight: Arc::default(),
            spending: Arc::default(),
            availability: Arc::default(),
        }
    }

    /// Gives a request its id.
    ///
    /// `max_tokens` is not part of it: an answer that was not cut off is the same under any limit.
    pub fn prepare(&self, request: ChatRequest) -> PreparedRequest {
        let temperature = request.parameters.temperature.to_string();
        let seed = request.parameters.seed.to_string();
        let sample_index = request.sample_index.to_string();
        let schema = request.schema.as_ref().map(|schema| format!("{}{}", schema.name, schema.schema));
        let images = request.image_ids.join(",");
        let request_id = stable_id([
            Some(if request.kind == CallKind::Embed { "embedding" } else { "request" }),
            Some(self.model.name()),
            Some(&request.prompt),
            Some(&images),
            Some(&temperature),
            Some(&seed),
            schema.as_deref(),
            Some(&sample_index),
        ]);
        PreparedRequest { request: Arc::new(request), request_id }
    }

    /// Answers of earlier calls, looked up together; `None` for requests that must be asked. Whoever takes one counts it with
    /// [`Spending::count_cached`].
    ///
    /// # Errors
    /// Failures to read the journal or the store.
    pub async fn cached(&self, requests: &[&PreparedRequest]) -> Result<Vec<Option<CallOutcome>>> {
        let answers = self.answers.get_many(requests).await?.into_iter().zip(requests);
        Ok(answers.map(|(answer, request)| Some(CallOutcome::cached(request, answer?))).collect())
    }

    /// Answers a request: from an earlier call, from an identical request in flight, or by asking the model.
    ///
    /// A failure that concerns this request alone is part of the outcome; identical requests in flight share it, later ones ask again.
    /// Dropped before the request was sent, nothing is asked; dropped later, the answer is still written down, and a request that fails is not
    /// sent again.
    ///
    /// # Errors
    /// [`Error::Model`] when the endpoint cannot answer anybody and no request of this command has succeeded; failures to read the store or
    /// to write the journal.
    pub async fn call(&self, request: &PreparedRequest) -> Result<CallOutcome> {
        loop {
            if let Some(outcome) = self.cached(&[request]).await?.pop().flatten() {
                self.spending.count_cached(1);
                return Ok(outcome);
            }
            let mut waiter = self.in_flight.join(request, |state| self.clone().answer(request.clone(), state));
            let outcome = waiter.outcome().await?;
            if waiter.leads {
                return Ok(outcome);
            }
            if outcome.is_cut_off() && waiter.max_tokens < request.request.parameters.max_tokens {
                continue;
            }
            return Ok(self.share(outcome));
        }
    }

    /// What became of a request, for another one that asks the same; counts that.
    pub fn share(&self, outcome: CallOutcome) -> CallOutcome {
        match (outcome.result.is_ok(), outcome.cached) {
            (true, true) => self.spending.count_cached(1),
            (true, false) => self.spending.count_joined(),
            (false, _) => {}
        }
        outcome.joined()
    }

    /// The error that the endpoint is gone with, once all calls are done. Where only the last of them reached nothing, too few to tell, it is
    /// asked whether anything answers.
    pub async fn lost(&self) -> Option<ChatError> {
        if let Some(error) = self.availability.lost() {
            return Some(error);
        }
        let error = self.availability.last_silence()?;
        (!self.model.is_reachable().await).then_some(error)
    }

    /// Asks the model, once this request is the only one of its kind.
    async fn answer(self, request: PreparedRequest, state: Arc<RequestState>) -> Result<CallOutcome> {
        // An identical request may have been answered since the caller looked.
        if let Some(answer) = self.answers.journaled(&[&request])?.pop().flatten() {
            self.spending.count_cached(1);
            return Ok(CallOutcome::cached(&request, answer));
        }
        if let Some(error) = self.availability.gone() {
            self.spending.count_failed();
            return Ok(CallOutcome::failed(None, error.into()));
        }
        let admission = match self.spending.admit() {
            Ok(admission) => admission,
            Err(failure) => return Ok(CallOutcome::failed(None, failure)),
        };
        let asked = tokio::select! {
            biased;
            asked = self.ask_unless_closed(&request.request, &state) => asked,
            error = self.availability.withdraws(&state) => {
                self.spending.count_failed();
                return Ok(CallOutcome::failed(None, error.into()));
            }
        };
        let Some(asked) = asked else {
            return Ok(CallOutcome::failed(None, self.spending.refuse_closed()));
        };
        // What could not be sent, for want of an image or of an endpoint, leaves its call to others.
        if !matches!(&asked, Err(error) if error.attempts == 0) {
            admission.used();
        }
        let outcome = match asked {
            Ok(reply) => self.answered(&request, reply).await?,
            Err(error) => self.failed(&request, error, state.sent_at()).await?,
        };
        Ok(CallOutcome { waited_ms: u64::try_from(state.waiting().as_millis()).unwrap_or(u64::MAX), ..outcome })
    }

    /// Asks the model. `None` when the command was stopped, or its budget was spent, before the request was sent, or while it waited to be
    /// sent again.
    async fn ask_unless_closed(
        &self,
        request: &ChatRequest,
        state: &Arc<RequestState>,
    ) -> Option<std::result::Result<ChatReply, ChatError>> {
        let mut asking = std::pin::pin!(self.ask(request, state));
        tokio::select! {
            // In this order: a place that comes free just as the command is told to stop is not taken any more.
            biased;
            () = self.spending.closed() => {}
            asked = &mut asking => return Some(asked),
        }
        if state.withdraw() {
            return None;
        }
        tokio::select! {
            biased;
            asked = &mut asking => Some(asked),
            () = state.rested() => None,
        }
    }

    async fn ask(&self, request: &ChatRequest, state: &Arc<RequestState>) -> std::result::Result<ChatReply, ChatError> {
        let failed = |kind, message| ChatError { kind, message, attempts: 0, http_status: None, usage: Usage::default() };
        let mut images = Vec::with_capacity(request.image_ids.len());
        for image_id in &request.image_ids {
            let Some(source) = &self.images else {
                let message = format!(
                    "image '{image_id}' cannot be sent: this session has no store to read it from: add it to one with 'mmevol import', and \
                     name that with --store"
                );
                return Err(failed(ChatErrorKind::Image, message));
            };
            images.push(source.get(image_id).await.map_err(|error| failed(ChatErrorKind::Image, error.to_string()))?);
        }
        if self.model.limiter().is_none() && !state.send() {
            // Withdrawn: this task is being ended.
            return std::future::pending().await;
        }
        observed(Arc::clone(state), self.model.chat(request, &images)).await
    }

    /// `None` where the price or the tokens are unknown. An embedded model costs its price of nothing.
    fn cost_usd(&self, usage: Usage) -> Option<f64> {
        match (usage.prompt_tokens, usage.completion_tokens) {
            (Some(prompt), Some(completion)) => self.prices.cost_usd(self.model.name(), prompt, completion),
            _ => self.prices.cost_usd(self.model.name(), 0, 0).filter(|_| self.model.endpoint() == EMBEDDED_ENDPOINT),
        }
    }

    async fn answered(&self, request: &PreparedRequest, reply: ChatReply) -> Result<CallOutcome> {
        let cost_usd = self.cost_usd(reply.usage);
        let Usage { prompt_tokens, completion_tokens } = reply.usage;
        self.spending.count_answered(&reply, cost_usd);
        self.availability.answered();
        let answer = Answer { text: reply.text, finish_reason: reply.finish_reason.name().to_owned() };
        let record = CallRecord {
            response: Some(answer.text.clone()),
            finish_reason: Some(answer.finish_reason.clone()),
            prompt_tokens,
            completion_tokens,
            cost_usd,
            latency_ms: Some(reply.latency_ms),
            attempts: reply.attempts,
            http_status: reply.http_status,
            ..self.blank_record(request)
        };
        self.answers.record(record).await?;
        Ok(CallOutcome {
            request_id: Some(request.request_id.clone()),
            result: Ok(answer),
            attempts: reply.attempts,
            prompt_tokens,
            completion_tokens,
            cost_usd,
            latency_ms: Some(reply.latency_ms),
            cached: false,
            joined: false,
            waited_ms: 0,
        })
    }

    async fn failed(&self, request: &PreparedRequest, error: ChatError, sent_at: Option<Instant>) -> Result<CallOutcome> {
        use ChatErrorKind::{Connection, Image, Timeout};
        self.spending.count_failed();
        // Nothing ever succeeded: requests that the endpoint cannot take, or an endpoint that is not there, rather than one bad row.
        let gone = self.availability.failed(sent_at, &error);
        let refuses_everything = || {
            let since = self.availability.refuses_since();
            since.is_some_and(|since| !self.in_flight.has_another_sent_before(since, &request.request_id))
        };
        let hopeless = self.spending.nothing_answered()
            && error.attempts > 0
            && match error.kind {
                Image | Connection | Timeout => true,
                _ => reached_nothing(&error) || (is_refusal(&error) && refuses_everything()),
            };
        if hopeless || gone || error.scope() == ErrorScope::Endpoint {
            self.availability.give_up(&error);
            if self.spending.nothing_answered() {
                let (model, endpoint) = (self.model.name().to_owned(), self.model.endpoint().to_owned());
                return Err(Error::Model { model, endpoint, cause: error });
            }
        }
        let Usage { prompt_tokens, completion_tokens } = error.usage;
        // What an endpoint counts nothing for was not paid.
        let is_paid = error.usage.total_tokens().is_some();
        let cost_usd = if is_paid { self.cost_usd(error.usage) } else { None };
        if is_paid {
            self.spending.count_usage(error.usage, cost_usd);
        }
        let record = CallRecord {
            prompt_tokens,
            completion_tokens,
            cost_usd,
            attempts: error.attempts,
            http_status: error.http_status,
            error: Some(format!("{}: {}", error.kind.name(), error.message)),
            ..self.blank_record(request)
        };
        self.answers.record(record).await?;
        let outcome = CallOutcome::failed(Some(request.request_id.clone()), (&error).into());
        Ok(CallOutcome { attempts: error.attempts, prompt_tokens, completion_tokens, cost_usd, ..outcome })
    }

    fn blank_record(&self, request: &PreparedRequest) -> CallRecord {
        CallRecord {
            request_id: request.request_id.clone(),
            kind: request.request.kind.name().to_owned(),
            model: self.model.name().to_owned(),
            endpoint: self.model.endpoint().to_owned(),
            // A vector has no length to limit.
            max_tokens: (request.request.kind != CallKind::Embed).then_some(request.request.parameters.max_tokens),
            response: None,
            finish_reason: None,
            prompt_tokens: None,
            completion_tokens: None,
            cost_usd: None,
            latency_ms: None,
            attempts: 0,
            http_status: None,
            error: None,
            run_id: self.answers.run_id().to_owned(),
            created_at: self.answers.now(),
        }
    }
}

#[cfg(test)]
mod tests;
