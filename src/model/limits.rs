//! How fast one endpoint may be asked: one [`Limiter`] per endpoint and model for the whole process.
//!
//! Requests enter in the order in which they came; one that is tried again goes ahead of those that were never sent, so that what was
//! begun is ended first. Only the first in line waits for anything: for its share of the requests and tokens per minute, for a pause the
//! endpoint asked for, and for a place among those in flight. The number of places follows the endpoint as TCP follows a network: it grows while answers come, and shrinks when the endpoint is overloaded.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::request_state::RequestState;

/// Requests in flight at most, where nobody said otherwise.
pub const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// Places at the start: a cold server, or one with few slots, is not hit by everything at once.
const PLACES_AT_START: f64 = 64.0;

/// What remains of the places when the endpoint is overloaded; the factor of TCP CUBIC (RFC 9438).
const SHRINK_FACTOR: f64 = 0.7;

const MINUTE: Duration = Duration::from_secs(60);

/// By base URL and model.
type Limiters = HashMap<(String, String), Arc<Limiter>>;

static LIMITERS: LazyLock<Mutex<Limiters>> = LazyLock::new(Mutex::default);

/// What a user allows. `None` leaves a limit as it stands: [`DEFAULT_CONCURRENCY`], and no limit per minute, unless another
/// client of the same endpoint and model set one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests in flight at most.
    pub concurrency: Option<NonZeroUsize>,
    /// Requests started within any 60 seconds at most.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens within 60 seconds, prompt and answer. What a request will cost is estimated when it starts, without its answer;
    /// the difference to what the endpoint counted is settled with the requests that follow.
    pub tokens_per_minute: Option<NonZeroU32>,
}

/// What a limiter did since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimiterStats {
    /// Time that requests waited before they were sent, summed over them.
    pub waiting_ms: u64,
    /// Requests sent and not answered yet.
    pub in_flight: usize,
    /// The most that were in flight at once.
    pub peak_in_flight: usize,
    /// Requests that may be in flight at present: at most the configured concurrency, less after an overload.
    pub places: usize,
}

/// Holds requests back until the endpoint may be asked. See the [module](self).
#[derive(Debug)]
pub struct Limiter {
    /// Held by the first in line while it waits; tokio's mutex is first come, first served.
    turnstile: tokio::sync::Mutex<()>,
    /// Held by the first of those that were never sent, while it stands in line with those that were.
    newcomers: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// Wakes the first in line when a place may be free.
    place_freed: Notify,
    reachable: AtomicBool,
    answered: AtomicBool,
}

impl Limiter {
    /// The process's limiter for a model at an endpoint, created on first use. Each limit that `limits` names replaces the one
    /// in force, also for clients made earlier: the last word counts, and a client that does not care changes nothing.
    pub fn shared(base_url: &str, model: &str, limits: Limits) -> Arc<Limiter> {
        let mut limiters = LIMITERS.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.entry((base_url.to_owned(), model.to_owned())).or_insert_with(|| Arc::new(Limiter::new(Limits::default())));
        limiter.set_limits(limits);
        Arc::clone(limiter)
    }

    /// A limiter of its own, shared with nobody.
    pub fn new(limits: Limits) -> Limiter {
        let limiter = Limiter {
            turnstile: tokio::sync::Mutex::default(),
            newcomers: tokio::sync::Mutex::default(),
            state: Mutex::new(State::new()),
            place_freed: Notify::new(),
            reachable: AtomicBool::new(false),
            answered: AtomicBool::new(false),
        };
        limiter.set_limits(limits);
        limiter
    }

    /// Replaces each limit that `limits` names.
    pub fn set_limits(&self, limits: Limits) {
        self.state().set_limits(limits);
        self.place_freed.notify_one();
    }

    /// Requests in flight at most in place of those that [`Limits`] name, as a session says; `None` takes that back.
    pub fn set_session_concurrency(&self, concurrency: Option<NonZeroUsize>) {
        self.state().set_session_concurrency(concurrency);
        self.place_freed.notify_one();
    }

    /// Requests in flight at most, as configured.
    pub fn concurrency(&self) -> usize {
        self.state().concurrency().get()
    }

    /// Waits until one request of about `tokens` tokens may be sent. Dropping the future leaves the line. The first slot of a request that
    /// is [observed](super::request_state::observed) counts as its sending; a withdrawn request never gets one.
    pub async fn acquire(self: &Arc<Self>, tokens: u64) -> Slot {
        let joined_line_at = Instant::now();
        let request = RequestState::observing();
        let _first_newcomer = match request.as_ref().and_then(|request| request.sent_at()) {
            Some(_) => None,
            None => Some(self.newcomers.lock().await),
        };
        let _first_in_line = self.turnstile.lock().await;
        self.wait_for_rates(tokens).await;
        loop {
            let entered = self.state().enter(joined_line_at);
            let obstacle = match entered {
                Ok(entered_at) => {
                    let slot = Slot { limiter: Arc::clone(self), entered_at, estimated_tokens: tokens };
                    if request.as_ref().is_none_or(|request| request.send_after(entered_at - joined_line_at)) {
                        return slot;
                    }
                    drop(slot);
                    return std::future::pending().await;
                }
                Err(obstacle) => obstacle,
            };
            match obstacle {
                Obstacle::PausedUntil(instant) => tokio::time::sleep_until(instant).await,
                Obstacle::NoPlace => self.place_freed.notified().await,
            }
        }
    }

    async fn wait_for_rates(&self, tokens: u64) {
        let (requests, token_rate, tokens_due) = {
            let mut state = self.state();
            let tokens_due = state.settle_tokens(tokens);
            (state.requests.clone(), state.tokens.clone(), tokens_due)
        };
        if let Some(rate) = token_rate {
            rate.spend(tokens_due).await;
        }
        if let Some(rate) = requests {
            rate.spend(1).await;
        }
    }

    /// Notes that something answers at the endpoint, be it with an error.
    pub fn mark_reachable(&self) {
        self.reachable.store(true, Ordering::Relaxed);
    }

    /// Whether anything has ever answered there.
    pub fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }

    /// Whether it has ever given an answer of use, to any client of this process.
    pub fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// What happened so far.
    pub fn stats(&self) -> LimiterStats {
        let state = self.state();
        LimiterStats {
            waiting_ms: u64::try_from(state.waited.as_millis()).unwrap_or(u64::MAX),
            in_flight: state.in_flight,
            peak_in_flight: state.peak_in_flight,
            places: state.whole_places(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to have one request in flight, given back on drop. Say how it went with [`succeeded`](Slot::succeeded) or
/// [`overloaded`](Slot::overloaded); a request that failed for its own reasons is simply dropped.
#[derive(Debug)]
pub struct Slot {
    limiter: Arc<Limiter>,
    entered_at: Instant,
    estimated_tokens: u64,
}

impl Slot {
    /// The endpoint answered, and counted this many tokens where it counts.
    pub fn succeeded(self, tokens_used: Option<u64>) {
        self.limiter.answered.store(true, Ordering::Relaxed);
        let mut state = self.limiter.state();
        state.grow();
        if let Some(tokens_used) = tokens_used {
            state.token_debt += i128::from(tokens_used) - i128::from(self.estimated_tokens);
        }
    }

    /// The endpoint could not cope. No request is sent before `pause` has passed.
    pub fn overloaded(self, pause: Option<Duration>) {
        let mut state = self.limiter.state();
        state.shrink(self.entered_at);
        if let Some(until) = pause.and_then(|pause| Instant::now().checked_add(pause)) {
            state.paused_until = state.paused_until.max(Some(until));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.limiter.state().in_flight -= 1;
        self.limiter.place_freed.notify_one();
    }
}

/// Why the first in line may not enter.
enum Obstacle {
    PausedUntil(Instant),
    NoPlace,
}

#[derive(Debug)]
struct State {
    concurrency: NonZeroUsize,
    /// In place of `concurrency`.
    session_concurrency: Option<NonZeroUsize>,
    /// How many may be in flight, with the fraction that successes add up; from 1 to the concurrency.
    places: f64,
    /// No overload so far: every success adds a whole place.
    starting: bool,
    shrunk_at: Option<Instant>,
    paused_until: Option<Instant>,
    in_flight: usize,
    peak_in_flight: usize,
    waited: Duration,
    requests: Option<Rate>,
    tokens: Option<Rate>,
    /// Tokens used beyond the estimates so far; negative when the estimates were too high.
    token_debt: i128,
}

impl State {
    fn new() -> State {
        State {
            concurrency: DEFAULT_CONCURRENCY,
            session_concurrency: None,
            places: PLACES_AT_START,
            starting: true,
            shrunk_at: None,
            paused_until: None,
            in_flight: 0,
            peak_in_flight: 0,
            waited: Duration::ZERO,
            requests: None,
            tokens: None,
            token_debt: 0,
        }
    }

    fn set_limits(&mut self, limits: Limits) {
        self.concurrency = limits.concurrency.unwrap_or(self.concurrency);
        if self.peak_in_flight == 0 {
            // Limits come one after the other, the process's own first: what a lower one took away was never tried.
            self.places = PLACES_AT_START;
        }
        self.places = self.places.min(self.concurrency().get() as f64);
        for (rate, per_minute) in [(&mut self.requests, limits.requests_per_minute), (&mut self.tokens, limits.tokens_per_minute)] {
            let changed = per_minute.is_some_and(|per_minute| rate.as_ref().is_none_or(|rate| rate.per_minute != per_minute));
            if changed {
                *rate = per_minute.and_then(Rate::new);
            }
        }
    }

    fn set_session_concurrency(&mut self, concurrency: Option<NonZeroUsize>) {
        if self.session_concurrency == concurrency {
            return;
        }
        self.session_concurrency = concurrency;
        if self.starting {
            // What a lower limit took away was no overload.
            self.places = self.places.max(PLACES_AT_START);
        }
        self.places = self.places.min(self.concurrency().get() as f64);
    }

    fn concurrency(&self) -> NonZeroUsize {
        self.session_concurrency.unwrap_or(self.concurrency)
    }

    fn enter(&mut self, joined_line_at: Instant) -> Result<Instant, Obstacle> {
        let now = Instant::now();
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Err(Obstacle::PausedUntil(until));
        }
        if self.in_flight >= self.whole_places() {
            return Err(Obstacle::NoPlace);
        }
        self.in_flight += 1;
        self.peak_in_flight = self.peak_in_flight.max(self.in_flight);
        self.waited = self.waited.saturating_add(now - joined_line_at);
        Ok(now)
    }

    fn whole_places(&self) -> usize {
        self.places as usize
    }

    /// One more place for each success at the start, and later for each round of successes.
    fn grow(&mut self) {
        let gain = if self.starting { 1.0 } else { 1.0 / self.places };
        self.places = (self.places + gain).min(self.concurrency().get() as f64);
    }

    /// Requests that were already in flight when the places last shrank tell nothing about their new number.
    fn shrink(&mut self, entered_at: Instant) {
        self.starting = false;
        if self.shrunk_at.is_none_or(|shrunk_at| entered_at >= shrunk_at) {
            self.places = (self.places * SHRINK_FACTOR).max(1.0);
            self.shrunk_at = Some(Instant::now());
        }
    }

    /// What the next request has to wait for: its own tokens and what earlier estimates missed.
    fn settle_tokens(&mut self, estimated: u64) -> u64 {
        if self.tokens.is_none() {
            self.token_debt = 0;
            return 0;
        }
        let due = i128::from(estimated) + self.token_debt;
        self.token_debt = due.min(0);
        u64::try_from(due.max(0)).unwrap_or(u64::MAX)
    }
}

/// So many units per minute: a tenth of them may come at once, the rest evenly, so that no 60 seconds see more.
#[derive(Debug, Clone)]
struct Rate {
    per_minute: NonZeroU32,
    at_once: NonZeroU32,
    bucket: Arc<RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>>,
}

impl Rate {
    fn new(per_minute: NonZeroU32) -> Option<Rate> {
        let at_once = NonZeroU32::new(per_minute.get() / 10).unwrap_or(NonZeroU32::MIN);
        let evenly = per_minute.get() - at_once.get() + 1;
        let quota = Quota::with_period(MINUTE / evenly)?.allow_burst(at_once);
        let bucket = Arc::new(RateLimiter::direct_with_clock(quota, TokioClock { origin: Instant::now() }));
        Some(Rate { per_minute, at_once, bucket })
    }

    /// Waits until `units` more may pass. More than may come at once pass in pieces.
    async fn spend(&self, units: u64) {
        let mut left = units;
        while let Some(piece) = NonZeroU32::new(u32::try_from(left).unwrap_or(u32::MAX).min(self.at_once.get())) {
            match self.bucket.check_n(piece) {
                Ok(Err(too_early)) => tokio::time::sleep(too_early.wait_time_from(self.bucket.clock().now())).await,
                Ok(Ok(())) | Err(_) => left -= u64::from(piece.get()),
            }
        }
    }
}

/// Tokio's clock for governor, so that waiting and counting agree when tests stop the time.
#[derive(Debug, Clone)]
struct TokioClock {
    origin: Instant,
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

#[cfg(test)]
mod tests;
