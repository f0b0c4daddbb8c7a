//! Whether an endpoint still answers. When it has gone, what is left to ask fails at once instead of one patience after the other.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::SetOnce;
use tokio::time::Instant;

use super::request_state::RequestState;
use super::{ChatError, ChatErrorKind};

/// Calls in a row that reach nothing before the endpoint counts as gone. A request that the endpoint dies of, sent a few times, is not enough.
const SILENT_CALLS: u32 = 5;

/// Requests that are refused for what is in them, before any is answered, until it must be what they have in common. One row's own
/// fault may come first, and again with every new start.
const REFUSED_CALLS: u32 = 3;

/// What the calls of one service show of its endpoint.
///
/// The endpoint counts as gone when five calls in a row, each with all its retries, reached nothing, and one of them was sent
/// after another had been given up. So it was silent for as long as two calls are patient, however many were in flight at once; calls that
/// fail together tell no more than one of them.
#[derive(Debug, Default)]
pub struct Availability {
    gone: SetOnce<ChatError>,
    silence: Mutex<Silence>,
    /// Calls that were refused for what is in them, or for its length.
    refused: AtomicU32,
    /// When these became [`REFUSED_CALLS`].
    refuses_since: OnceLock<Instant>,
}

/// Calls in a row that reached nothing.
#[derive(Debug, Default)]
struct Silence {
    calls: u32,
    /// When the first of them was given up.
    since: Option<Instant>,
    last: Option<ChatError>,
    /// Whether anything ever answered.
    answered: bool,
}

impl Availability {
    /// Why nothing more is asked.
    pub fn gone(&self) -> Option<&ChatError> {
        self.gone.get()
    }

    /// The error that the endpoint is gone with, also where the calls were too few to give it up: none of them reached anything.
    pub fn lost(&self) -> Option<ChatError> {
        let silence = self.silence();
        self.gone.get().or(silence.last.as_ref().filter(|_| !silence.answered)).cloned()
    }

    /// The error of the last calls, where they reached nothing and were too few to give the endpoint up.
    pub fn last_silence(&self) -> Option<ChatError> {
        self.silence().last.clone()
    }

    /// Nothing more is asked, for this reason. The first one stays.
    pub(super) fn give_up(&self, error: &ChatError) {
        // It was given up before.
        let _ = self.gone.set(error.clone());
    }

    /// Waits until the endpoint is given up, and withdraws the request if it still waits for its turn by then; a request that was sent,
    /// once or more, is left to end by itself.
    pub(super) async fn withdraws(&self, request: &RequestState) -> &ChatError {
        let error = self.gone.wait().await;
        match request.sent_at().is_none() && request.withdraw() {
            true => error,
            false => std::future::pending().await,
        }
    }

    /// A model answered, be it with an error.
    pub(super) fn answered(&self) {
        *self.silence() = Silence { answered: true, ..Silence::default() };
    }

    /// Since when so many calls have been refused that it cannot be their rows, if none was answered. A call that was sent before may still be:
    /// refusing is quick, and writing is slow.
    pub(super) fn refuses_since(&self) -> Option<Instant> {
        self.refuses_since.get().copied()
    }

    /// Notes how a call failed that was first sent at `sent_at`. Whether the endpoint has gone.
    pub(super) fn failed(&self, sent_at: Option<Instant>, error: &ChatError) -> bool {
        if !reached_nothing(error) {
            if is_refusal(error) {
                let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
                if refused == REFUSED_CALLS {
                    self.refuses_since.get_or_init(Instant::now);
                }
            }
            if error.attempts > 0 {
                self.answered();
            }
            return false;
        }
        let mut silence = self.silence();
        silence.calls += 1;
        silence.last = Some(error.clone());
        let since = *silence.since.get_or_insert_with(Instant::now);
        silence.calls >= SILENT_CALLS && sent_at.is_some_and(|sent_at| sent_at >= since)
    }

    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the endpoint refused a call for what is in it, or for its length. What it forbids may also be forbidden to whoever asks, in words that
/// are taken for those of a moderation.
pub(super) fn is_refusal(error: &ChatError) -> bool {
    match error.kind {
        ChatErrorKind::BadRequest | ChatErrorKind::ContextOverflow => true,
        ChatErrorKind::Refusal => error.http_status == Some(403),
        _ => false,
    }
}

/// Whether a call reached no model: nobody answered, or a proxy that finds nothing behind it.
pub(super) fn reached_nothing(error: &ChatError) -> bool {
    match error.kind {
        ChatErrorKind::Connection | ChatErrorKind::Timeout => error.http_status.is_none(),
        ChatErrorKind::ServerError => matches!(error.http_status, Some(502..=504)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Usage;

    fn error(kind: ChatErrorKind, http_status: Option<u16>) -> ChatError {
        ChatError { kind, message: "no".into(), attempts: 6, http_status, usage: Usage::default() }
    }

    fn refused() -> ChatError {
        error(ChatErrorKind::Connection, None)
    }

    /// The clock stands still in between, and goes on here.
    async fn sent() -> Option<Instant> {
        tokio::time::advance(Duration::from_millis(1)).await;
        let sent_at = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        Some(sent_at)
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_fail_together_are_not_enough() {
        let availability = Availability::default();
        let together = sent().await;
        assert!((0..100).all(|_| !availability.failed(together, &refused())));
        assert!(availability.failed(sent().await, &refused()), "one more, sent when the others had been given up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_calls_are_not_enough() {
        let availability = Availability::default();
        let mut outcomes = Vec::new();
        for _ in 0..6 {
            outcomes.push(availability.failed(sent().await, &refused()));
        }
        assert_eq!(outcomes, [false, false, false, false, true, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_without_its_backend_is_no_answer() {
        for code in 502..=504 {
            let availability = Availability::default();
            availability.answered();
            let without_backend = error(ChatErrorKind::ServerError, Some(code));
            let mut outcomes = Vec::new();
            for _ in 0..5 {
                outcomes.push(availability.failed(sent().await, &without_backend));
            }
            assert_eq!(outcomes, [false, false, false, false, true], "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_between_begins_anew() {
        for answer in [None, Some(error(ChatErrorKind::ServerError, Some(500))), Some(error(ChatErrorKind::Timeout, Some(408)))] {
            let availability = Availability::default();
            for call in 0..40 {
                let sent_at = sent().await;
                let failure = if call % 4 == 3 { answer.clone() } else { Some(refused()) };
                match failure {
                    Some(failure) => assert!(!availability.failed(sent_at, &failure), "call {call}, {answer:?}"),
                    None => availability.answered(),
                }
            }
            assert_eq!(availability.lost(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_sent_before_the_last_answer_tells_of_an_earlier_silence() {
        let availability = Availability::default();
        assert!(!availability.failed(sent().await, &refused()));
        let slow = sent().await;
        availability.answered();
        let together = sent().await;
        assert!((0..5).all(|_| !availability.failed(together, &refused())));
        assert!(!availability.failed(slow, &refused()));
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_answer_few_calls_show_that_it_is_lost() {
        let availability = Availability::default();
        assert_eq!(availability.lost(), None);
        availability.failed(sent().await, &refused());
        assert_eq!((availability.lost(), availability.gone()), (Some(refused()), None));
        availability.answered();
        assert_eq!((availability.lost(), availability.last_silence()), (None, None));
        availability.failed(sent().await, &refused());
        assert_eq!((availability.lost(), availability.last_silence()), (None, Some(refused())), "it answered before");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_withdrawn_and_what_was_sent_is_not() {
        let (availability, waiting, sent) = (Availability::default(), RequestState::default(), RequestState::default());
        assert!(sent.send());
        availability.give_up(&refused());
        assert_eq!(*availability.withdraws(&waiting).await, refused());
        assert!(!waiting.send());
        let outcome = tokio::time::timeout(Duration::from_secs(60), availability.withdraws(&sent)).await;
        assert!(outcome.is_err(), "it ends by itself");
    }
}
