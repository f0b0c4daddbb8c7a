//! Whether a request was sent: until then it can be withdrawn at no cost, from then on it is paid for.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

const WAITING: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;

tokio::task_local! {
    static OBSERVED: Arc<RequestState>;
}

/// The state of one request: waiting at first, then either sent or withdrawn, whichever comes first.
#[derive(Debug, Default)]
pub struct RequestState {
    stage: AtomicU8,
    waiting_micros: AtomicU64,
    sent_at: OnceLock<Instant>,
    /// Sent, failed, and not sent again yet.
    is_resting: AtomicBool,
    begins_to_rest: Notify,
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
        let sent = self.leave_waiting_for(SENT) != WITHDRAWN;
        if sent {
            self.sent_at.get_or_init(Instant::now);
        }
        sent
    }

    /// When the request was sent for the first time.
    pub(super) fn sent_at(&self) -> Option<Instant> {
        self.sent_at.get().copied()
    }

    /// Notes that the request failed and waits to be sent again.
    pub fn rest(&self) {
        self.is_resting.store(true, Ordering::Release);
        self.begins_to_rest.notify_one();
    }

    /// Waits until the request waits to be sent again.
    pub async fn rested(&self) {
        while !self.is_resting.load(Ordering::Acquire) {
            self.begins_to_rest.notified().await;
        }
    }

    /// Withdraws the request. False when it was sent already.
    pub fn withdraw(&self) -> bool {
        self.leave_waiting_for(WITHDRAWN) != SENT
    }

    /// The stage before: what it stays at, unless that is waiting.
    fn leave_waiting_for(&self, stage: u8) -> u8 {
        self.stage.compare_exchange(WAITING, stage, Ordering::AcqRel, Ordering::Acquire).unwrap_or_else(|present| present)
    }

    /// Time that the request waited for slots so far.
    pub fn waiting(&self) -> Duration {
        Duration::from_micros(self.waiting_micros.load(Ordering::Relaxed))
    }

    /// As [`RequestState::send`], after it waited this long for a slot.
    pub(super) fn send_after(&self, waiting: Duration) -> bool {
        self.is_resting.store(false, Ordering::Release);
        self.waiting_micros.fetch_add(u64::try_from(waiting.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.send()
    }
}
