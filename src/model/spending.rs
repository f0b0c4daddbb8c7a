//! What a command spends, and when it stops.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::outcome::CallFailure;
use super::prices::PriceTable;
use super::reasons::Reasons;
use super::{ChatReply, Usage};
use crate::error::{Error, Result};

/// `error_kind` of requests that were not made because `--max-calls` or `--budget-usd` was reached.
pub const BUDGET: &str = "budget";

/// `error_kind` of requests that were not made because the command was told to stop.
pub const STOPPED: &str = "stopped";

/// `error_kind` of an answer that is none of what was asked for, also when it was asked for once more.
pub const UNUSABLE_ANSWER: &str = "unusable_answer";

/// Counts what a command spends, and says when to stop.
#[derive(Debug, Default)]
pub struct Spending {
    max_calls: Option<u64>,
    budget_usd: Option<f64>,
    stop: CancellationToken,
    /// Cancelled when nothing more may be sent: with `stop`, or when the budget is spent.
    closed: CancellationToken,
    started: AtomicU64,
    answered: AtomicU64,
    cached: AtomicU64,
    joined: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    /// The bits of the sum: atomics have no floats.
    cost_usd: AtomicU64,
    unpriced: AtomicU64,
    uncounted: AtomicU64,
    /// Rows that are NULL for want of an answer.
    unanswered: Mutex<Reasons>,
    /// Rows that have an error for a value because their answer is of no use.
    unusable: Mutex<Reasons>,
}

/// What was spent so far.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Spent {
    /// Requests made and answered.
    pub calls: u64,
    /// Requests answered by earlier calls.
    pub cached: u64,
    /// Requests answered by a call for the same request that was in flight, or that their query made for another row in vain.
    pub joined: u64,
    /// Requests that brought no answer: made in vain, or not made because the endpoint is gone or one of their images cannot be read.
    pub failed: u64,
    /// Requests not made because a limit was reached, or because the command was told to stop.
    pub not_asked: u64,
    /// Of the calls whose endpoint counts.
    pub prompt_tokens: u64,
    /// Of the calls whose endpoint counts.
    pub completion_tokens: u64,
    /// Of the calls whose price is known.
    pub cost_usd: f64,
    /// Calls that were paid for, but it is not known how much.
    pub unpriced: u64,
    /// Of these, those whose endpoint did not count their tokens.
    #[serde(skip_serializing_if = "is_zero")]
    pub uncounted: u64,
}

impl Spent {
    /// What was spent after `earlier`.
    pub(crate) fn since(&self, earlier: &Spent) -> Spent {
        Spent {
            calls: self.calls.saturating_sub(earlier.calls),
            cached: self.cached.saturating_sub(earlier.cached),
            joined: self.joined.saturating_sub(earlier.joined),
            failed: self.failed.saturating_sub(earlier.failed),
            not_asked: self.not_asked.saturating_sub(earlier.not_asked),
            prompt_tokens: self.prompt_tokens.saturating_sub(earlier.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_sub(earlier.completion_tokens),
            cost_usd: (self.cost_usd - earlier.cost_usd).max(0.0),
            unpriced: self.unpriced.saturating_sub(earlier.unpriced),
            uncounted: self.uncounted.saturating_sub(earlier.uncounted),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Rows without an answer of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// How many.
    pub rows: u64,
    /// The kind of error that most of them have, with one of its texts.
    pub commonest: String,
    /// How many have it.
    pub times: u64,
}

/// The right to make one call, given back when it is dropped without having been [used](Admission::used).
#[derive(Debug)]
pub(super) struct Admission<'a>(&'a Spending);

impl Spending {
    /// Stops new calls after `max_calls` of them, or once `budget_usd` is spent. Calls in flight are finished.
    pub fn new(max_calls: Option<u64>, budget_usd: Option<f64>) -> Spending {
        Spending { max_calls, budget_usd, ..Spending::default() }
    }

    /// Stops new calls when `stop` is cancelled, too. Calls on their way are finished; those that wait for a slot, or to be tried again, are
    /// given up.
    pub fn until(mut self, stop: CancellationToken) -> Spending {
        self.closed = stop.child_token();
        self.stop = stop;
        self
    }

    /// Whether the command was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Calls that may still be begun under the limit of calls; `None` without one. Those in flight are begun.
    pub fn calls_left(&self) -> Option<u64> {
        self.max_calls.map(|most| most.saturating_sub(self.started.load(Ordering::Relaxed)))
    }

    /// Waits until nothing more may be sent, even if it was admitted: the command was told to stop, or the budget is spent.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Counts a request as not made because nothing more may be sent.
    pub(super) fn refuse_closed(&self) -> CallFailure {
        if self.is_stopped() {
            return self.refuse_stopped();
        }
        let budget = self.budget_usd.unwrap_or_default();
        self.refuse_over(match self.uncounted.load(Ordering::Relaxed) {
            0 => format!("not asked: the budget of ${budget} is spent"),
            _ => format!("not asked: the endpoint does not count tokens, so the budget of ${budget} could not be kept"),
        })
    }

    fn refuse_over(&self, message: String) -> CallFailure {
        self.refused.fetch_add(1, Ordering::Relaxed);
        CallFailure { kind: BUDGET, message }
    }

    /// Counts a request as not made because the command was told to stop.
    pub fn refuse_stopped(&self) -> CallFailure {
        self.refused.fetch_add(1, Ordering::Relaxed);
        CallFailure { kind: STOPPED, message: "not asked: the command was stopped".into() }
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
            joined: read(&self.joined),
            failed: read(&self.failed),
            not_asked: read(&self.refused),
            prompt_tokens: read(&self.prompt_tokens),
            completion_tokens: read(&self.completion_tokens),
            cost_usd: f64::from_bits(read(&self.cost_usd)),
            unpriced: read(&self.unpriced),
            uncounted: read(&self.uncounted),
        }
    }

    /// Counts requests that were answered by earlier calls.
    pub fn count_cached(&self, requests: u64) {
        self.cached.fetch_add(requests, Ordering::Relaxed);
    }

    pub(super) fn count_joined(&self) {
        self.joined.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a row whose value is NULL because its call failed, so that somebody can be told.
    pub fn count_unanswered(&self, failure: &CallFailure) {
        count(&self.unanswered, failure);
    }

    /// Counts a row whose value is an error because its answer is of no use: no other count tells of it, for it was answered.
    pub fn count_unusable(&self, failure: &CallFailure) {
        count(&self.unusable, failure);
    }

    /// The rows since the last call that are NULL for want of an answer, and the commonest reason; `None` when there are none.
    pub fn take_unanswered(&self) -> Option<Unanswered> {
        taken(&self.unanswered)
    }

    /// The rows since the last call that have an error for a value because their answer is of no use; `None` when there are none.
    pub fn take_unusable(&self) -> Option<Unanswered> {
        taken(&self.unusable)
    }

    pub(super) fn count_answered(&self, reply: &ChatReply, cost_usd: Option<f64>) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.count_usage(reply.usage, cost_usd);
    }

    /// Counts what a call took, whether it was answered or not; `None` for a cost that is not known.
    pub(super) fn count_usage(&self, usage: Usage, cost_usd: Option<f64>) {
        self.prompt_tokens.fetch_add(usage.prompt_tokens.unwrap_or_default(), Ordering::Relaxed);
        self.completion_tokens.fetch_add(usage.completion_tokens.unwrap_or_default(), Ordering::Relaxed);
        match cost_usd {
            Some(cost) => {
                let add = |sum| Some((f64::from_bits(sum) + cost).to_bits());
                // Never refused: the closure always gives a sum.
                let _ = self.cost_usd.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
            }
            None => {
                let is_counted = usage.prompt_tokens.is_some() && usage.completion_tokens.is_some();
                self.uncounted.fetch_add(u64::from(!is_counted), Ordering::Relaxed);
                self.unpriced.fetch_add(1, Ordering::Relaxed);
            }
        }
        if self.is_budget_over() {
            self.closed.cancel();
        }
    }

    /// Whether the budget is spent, or nobody can tell any more.
    fn is_budget_over(&self) -> bool {
        let spent = f64::from_bits(self.cost_usd.load(Ordering::Relaxed));
        self.budget_usd.is_some_and(|budget| spent >= budget || self.uncounted.load(Ordering::Relaxed) > 0)
    }

    pub(super) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn nothing_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed) == 0
    }

    /// Whether one more call may be made; counts it if so.
    pub(super) fn admit(&self) -> std::result::Result<Admission<'_>, CallFailure> {
        if self.is_stopped() {
            return Err(self.refuse_stopped());
        }
        if self.is_budget_over() {
            return Err(self.refuse_closed());
        }
        let most = self.max_calls.unwrap_or(u64::MAX);
        let one_more = |started: u64| (started < most).then(|| started + 1);
        match self.started.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            Ok(_) => Ok(Admission(self)),
            Err(_) => Err(self.refuse_over(format!("not asked: the limit of {most} calls is reached"))),
        }
    }
}

fn count(reasons: &Mutex<Reasons>, failure: &CallFailure) {
    reasons.lock().unwrap_or_else(PoisonError::into_inner).count(failure.kind, &failure.message);
}

fn taken(reasons: &Mutex<Reasons>) -> Option<Unanswered> {
    let reasons = std::mem::take(&mut *reasons.lock().unwrap_or_else(PoisonError::into_inner));
    let commonest = reasons.commonest()?;
    Some(Unanswered { rows: reasons.rows(), commonest: commonest.reason, times: commonest.times })
}

impl Admission<'_> {
    /// The call was made.
    pub(super) fn used(self) {
        std::mem::forget(self);
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.0.started.fetch_sub(1, Ordering::Relaxed);
    }
}
