//! Whether a request was sent: while it waits for that, be it to be sent again, it can be withdrawn at no cost; when it is on its way, it is
//! paid for.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

tokio::task_local! {
    static OBSERVED: Arc<RequestState>;
}

/// The state of one request: waiting at first, then either sent or withdrawn, whichever comes first. What failed waits again.
#[derive(Debug, Default)]
pub struct RequestState {
    stage: watch::Sender<Stage>,
    waiting_micros: AtomicU64,
    sent_at: OnceLock<Instant>,
}

/// How far a request is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// To be sent, for the first time or again.
    #[default]
    Waiting,
    /// On its way, or being answered.
    Sent,
    /// As [`Stage::Sent`], but nobody waits for it: should it fail, it is not sent again.
    Unwanted,
    /// Never to be sent.
    Withdrawn,
}

/// Lets [`Limiter::acquire`](super::limits::Limiter::acquire), called anywhere in `future`, note that this request is sent.
pub async fn observed<F: Future>(request: Arc<RequestState>, future: F) -> F::Output {
    OBSERVED.scope(request, future).await
}

impl RequestState {
    /// The request that the present task is [observed](observed) for.
    pub(super) fn observing() -> Option<Arc<RequestState>> {
        OBSERVED.try_with(Arc::clone).ok()
    }

    /// Notes that the request is sent now, for the first time or again. False for a withdrawn one, which must not be sent.
    pub fn send(&self) -> bool {
        let stage = self.advance(|stage| if stage == Stage::Waiting { Stage::Sent } else { stage });
        let sent = stage != Stage::Withdrawn;
        if sent {
            self.sent_at.get_or_init(Instant::now);
        }
        sent
    }

    /// When the request was sent for the first time.
    pub(super) fn sent_at(&self) -> Option<Instant> {
        self.sent_at.get().copied()
    }

    /// Notes that the request failed and waits to be sent again. One that nobody waits for is withdrawn.
    pub fn rest(&self) {
        self.advance(|stage| match stage {
            Stage::Sent => Stage::Waiting,
            Stage::Unwanted => Stage::Withdrawn,
            Stage::Waiting | Stage::Withdrawn => stage,
        });
    }

    /// Waits until the request is not on its way any more, because it failed and waits to be sent again.
    pub async fn rested(&self) {
        self.reach(|stage| matches!(stage, Stage::Waiting | Stage::Withdrawn)).await;
    }

    /// Withdraws the request. False when it is on its way.
    pub fn withdraw(&self) -> bool {
        self.advance(|stage| if stage == Stage::Waiting { Stage::Withdrawn } else { stage }) == Stage::Withdrawn
    }

    /// Notes that nobody waits for the request any more: it is withdrawn now, or, if it is on its way, when it comes to rest. Whether it
    /// is withdrawn already.
    pub(super) fn abandon(&self) -> bool {
        let stage = self.advance(|stage| match stage {
            Stage::Waiting => Stage::Withdrawn,
            Stage::Sent => Stage::Unwanted,
            Stage::Unwanted | Stage::Withdrawn => stage,
        });
        stage == Stage::Withdrawn
    }

    /// Notes that somebody waits for the request, again if it was abandoned. False when it is withdrawn already.
    pub(super) fn take_up(&self) -> bool {
        self.advance(|stage| if stage == Stage::Unwanted { Stage::Sent } else { stage }) != Stage::Withdrawn
    }

    /// Waits until the request is withdrawn.
    pub(super) async fn withdrawn(&self) {
        self.reach(|stage| stage == Stage::Withdrawn).await;
    }

    /// The stage after a step, which is taken at once.
    fn advance(&self, step: impl FnOnce(Stage) -> Stage) -> Stage {
        let mut reached = Stage::default();
        self.stage.send_if_modified(|stage| {
            let before = *stage;
            *stage = step(before);
            reached = *stage;
            reached != before
        });
        reached
    }

    async fn reach(&self, is_reached: impl Fn(Stage) -> bool) {
        // The sender lives as long as `self`.
        let _ = self.stage.subscribe().wait_for(|stage| is_reached(*stage)).await;
    }

    /// Time that the request waited for slots so far.
    pub fn waiting(&self) -> Duration {
        Duration::from_micros(self.waiting_micros.load(Ordering::Relaxed))
    }

    /// As [`RequestState::send`], after it waited this long for a slot.
    pub(super) fn send_after(&self, waiting: Duration) -> bool {
        self.waiting_micros.fetch_add(u64::try_from(waiting.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.send()
    }
}
