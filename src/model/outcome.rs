//! What becomes of a request: its answer or why there is none, and what it took.

use super::service::PreparedRequest;
use super::{ChatError, FinishReason};
use crate::store::StoredCall;

/// What became of one request.
#[derive(Debug, Clone)]
pub struct CallOutcome {
    /// Names the row of `calls`; `None` where nothing was asked, because of a limit or because the endpoint answers nobody.
    pub request_id: Option<String>,
    /// The answer, or why there is none.
    pub result: Result<Answer, CallFailure>,
    /// HTTP requests made; 0 for a cached or joined answer.
    pub attempts: u32,
    /// Of the call that was answered, whoever made it.
    pub prompt_tokens: Option<u64>,
    /// Of the call that was answered, whoever made it.
    pub completion_tokens: Option<u64>,
    /// `None` where the price or the tokens are unknown; 0 for a cached or joined answer.
    pub cost_usd: Option<f64>,
    /// Of the attempt that was answered; `None` for a cached or joined answer.
    pub latency_ms: Option<u64>,
    /// The answer came from an earlier call.
    pub cached: bool,
    /// An identical request was in flight, or was made for another row of the query in vain, and its outcome is this one's too.
    pub joined: bool,
    /// Time that the request waited until the endpoint could be asked.
    pub waited_ms: u64,
}

/// A model's answer, whoever paid for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// As the model wrote it.
    pub text: String,
    /// As in `calls.finish_reason`.
    pub finish_reason: String,
}

/// Why a request has no answer, as data of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    /// As in `error_kind`.
    pub kind: &'static str,
    /// What went wrong.
    pub message: String,
}

impl CallOutcome {
    /// Adds what an earlier request for the same row took, and names that one where this one was not made.
    pub fn add_cost(&mut self, earlier: &CallOutcome) {
        let sum = |a: Option<u64>, b: Option<u64>| a.map_or(b, |a| Some(a + b.unwrap_or_default()));
        // What failed without a count was not paid; what was answered without one was, and nobody knows how much.
        let is_free = self.result.is_err() && self.prompt_tokens.is_none() && self.completion_tokens.is_none();
        self.cost_usd = if is_free { earlier.cost_usd } else { self.cost_usd.zip(earlier.cost_usd).map(|(own, earlier)| own + earlier) };
        self.request_id = self.request_id.take().or_else(|| earlier.request_id.clone());
        self.attempts += earlier.attempts;
        self.prompt_tokens = sum(self.prompt_tokens, earlier.prompt_tokens);
        self.completion_tokens = sum(self.completion_tokens, earlier.completion_tokens);
        self.waited_ms += earlier.waited_ms;
        self.cached &= earlier.cached;
        self.joined &= earlier.joined;
    }

    /// The outcome of a request that has no answer, at no cost.
    pub fn failed(request_id: Option<String>, failure: CallFailure) -> CallOutcome {
        CallOutcome {
            request_id,
            result: Err(failure),
            attempts: 0,
            prompt_tokens: None,
            completion_tokens: None,
            cost_usd: None,
            latency_ms: None,
            cached: false,
            joined: false,
            waited_ms: 0,
        }
    }

    pub(super) fn cached(request: &PreparedRequest, answer: StoredCall) -> CallOutcome {
        CallOutcome {
            request_id: Some(request.request_id.clone()),
            result: Ok(Answer { text: answer.response, finish_reason: answer.finish_reason }),
            attempts: 0,
            prompt_tokens: answer.prompt_tokens,
            completion_tokens: answer.completion_tokens,
            cost_usd: Some(0.0),
            latency_ms: None,
            cached: true,
            joined: false,
            waited_ms: 0,
        }
    }

    /// The same outcome, for a request that cost nothing of its own.
    pub(super) fn joined(self) -> CallOutcome {
        let cost_usd = self.result.is_ok().then_some(0.0);
        CallOutcome { attempts: 0, cost_usd, latency_ms: None, joined: !self.cached, waited_ms: 0, ..self }
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.result.as_ref().is_ok_and(|answer| answer.finish_reason == FinishReason::Length.name())
    }
}

impl From<&ChatError> for CallFailure {
    fn from(error: &ChatError) -> Self {
        CallFailure { kind: error.kind.name(), message: error.message.clone() }
    }
}
