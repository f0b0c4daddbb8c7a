//! The end of statements that ask models.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::note;
use crate::error::Result;
use crate::model::in_flight::InFlight;
use crate::model::spending::Spending;
use crate::store::{SharedWriter, counters};

/// How long the end may take before it is explained.
const SILENCE: Duration = Duration::from_secs(1);

/// What is left to do when the statements have run: what was sent is waited for, since it is paid, and the calls become part of the store.
pub(super) struct Recording {
    pub(super) in_flight: Arc<InFlight>,
    /// `None` without a store.
    pub(super) writer: Option<SharedWriter>,
}

impl Recording {
    /// `stop` is cancelled by a signal, which says itself what is waited for.
    pub(super) async fn finish(self, spending: &Spending, stop: &CancellationToken) -> Result<()> {
        let mut settled = pin!(self.in_flight.settled());
        if tokio::time::timeout(SILENCE, settled.as_mut()).await.is_err() {
            if !stop.is_cancelled() {
                note("waiting for calls that are on their way, which are paid for");
            }
            settled.await;
        }
        let Some(writer) = &self.writer else { return Ok(()) };
        // Not taken out of the session: what was interrupted may hold it a moment longer.
        let mut writer = writer.lock().await;
        if writer.has_changes()? {
            writer.checkpoint(counters(&spending.spent())?).await?;
        }
        Ok(())
    }
}
