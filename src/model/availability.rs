//! Whether an endpoint still answers. When it has gone, what is left to ask fails at once instead of one patience after the other.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::{ChatError, ChatErrorKind};

/// Calls in a row that reach nothing before the endpoint counts as gone. A request that the endpoint dies of, sent a few times, is not enough.
const SILENT_CALLS: u32 = 5;

/// What the calls of one service show of its endpoint.
///
/// The endpoint counts as gone when five calls in a row, each with all its retries, reached nothing, and one of them began
/// after another had been given up. So it was silent for as long as two calls are patient, however many were in flight at once; calls that
/// fail together tell no more than one of them.
#[derive(Debug, Default)]
pub struct Availability {
    gone: OnceLock<ChatError>,
    silence: Mutex<Silence>,
}

/// Calls in a row that reached nothing.
#[derive(Debug, Default)]
struct Silence {
    /// Tells this silence from earlier ones: how often an answer came.
    answers: u64,
    calls: u32,
    last: Option<ChatError>,
}

/// How things stood when a call began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    answers: u64,
    silent: bool,
}

impl Availability {
    /// Why nothing more is asked.
    pub fn gone(&self) -> Option<&ChatError> {
        self.gone.get()
    }

    /// The error that the endpoint is gone with, also where the calls were too few to give it up: none of them reached anything.
    pub fn lost(&self) -> Option<ChatError> {
        let silence = self.silence();
        self.gone.get().or(silence.last.as_ref().filter(|_| silence.answers == 0)).cloned()
    }

    /// Nothing more is asked, for this reason. The first one stays.
    pub(super) fn give_up(&self, error: &ChatError) {
        let _ = self.gone.set(error.clone());
    }

    pub(super) fn call_begins(&self) -> Beginning {
        let silence = self.silence();
        Beginning { answers: silence.answers, silent: silence.calls > 0 }
    }

    /// Something answered, be it with an error.
    pub(super) fn answered(&self) {
        let mut silence = self.silence();
        *silence = Silence { answers: silence.answers + 1, ..Silence::default() };
    }

    /// Notes how a call failed. Whether the endpoint has gone.
    pub(super) fn failed(&self, beginning: Beginning, error: &ChatError) -> bool {
        if !reached_nothing(error) {
            if error.attempts > 0 {
                self.answered();
            }
            return false;
        }
        let mut silence = self.silence();
        silence.calls += 1;
        silence.last = Some(error.clone());
        silence.calls >= SILENT_CALLS && beginning.silent && beginning.answers == silence.answers
    }

    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reached_nothing(error: &ChatError) -> bool {
    matches!(error.kind, ChatErrorKind::Connection | ChatErrorKind::Timeout) && error.http_status.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ChatErrorKind, http_status: Option<u16>) -> ChatError {
        ChatError { kind, message: "no".into(), attempts: 6, http_status }
    }

    fn refused() -> ChatError {
        error(ChatErrorKind::Connection, None)
    }

    #[test]
    fn calls_that_fail_together_are_not_enough() {
        let availability = Availability::default();
        let together: Vec<Beginning> = (0..100).map(|_| availability.call_begins()).collect();
        assert!(together.into_iter().all(|beginning| !availability.failed(beginning, &refused())));
        assert!(availability.failed(availability.call_begins(), &refused()), "one more, begun when the others had been given up");
    }

    #[test]
    fn a_few_calls_are_not_enough() {
        let availability = Availability::default();
        let outcomes: Vec<bool> = (0..6).map(|_| availability.failed(availability.call_begins(), &refused())).collect();
        assert_eq!(outcomes, [false, false, false, false, true, true]);
    }

    #[test]
    fn an_answer_in_between_begins_anew() {
        for answer in [None, Some(error(ChatErrorKind::ServerError, Some(500))), Some(error(ChatErrorKind::Timeout, Some(408)))] {
            let availability = Availability::default();
            for call in 0..40 {
                let beginning = availability.call_begins();
                let failure = if call % 4 == 3 { answer.clone() } else { Some(refused()) };
                match failure {
                    Some(failure) => assert!(!availability.failed(beginning, &failure), "call {call}, {answer:?}"),
                    None => availability.answered(),
                }
            }
            assert_eq!(availability.lost(), None);
        }
    }

    #[test]
    fn a_call_that_began_before_the_last_answer_tells_of_an_earlier_silence() {
        let availability = Availability::default();
        assert!(!availability.failed(availability.call_begins(), &refused()));
        let slow = availability.call_begins();
        availability.answered();
        let together: Vec<Beginning> = (0..5).map(|_| availability.call_begins()).collect();
        assert!(together.into_iter().all(|beginning| !availability.failed(beginning, &refused())));
        assert!(!availability.failed(slow, &refused()));
    }

    #[test]
    fn without_any_answer_few_calls_show_that_it_is_lost() {
        let availability = Availability::default();
        assert_eq!(availability.lost(), None);
        availability.failed(availability.call_begins(), &refused());
        assert_eq!((availability.lost(), availability.gone()), (Some(refused()), None));
        availability.answered();
        assert_eq!(availability.lost(), None);
    }
}
