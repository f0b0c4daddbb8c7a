//! What stands in a store: by which models it was made, and what of it a plain run leaves alone.

use std::sync::Arc;

use arrow::array::AsArray;
use futures::TryStreamExt;

use super::Evolution;
use super::statements::single_count;
use crate::error::Result;
use crate::query::Session;
use crate::store::Store;

/// The runs that evolved what stands, from the last one backwards.
const RUNS: &str = "SELECT settings FROM runs \
                    WHERE command = 'evolve' AND run_id IN (SELECT run_id FROM evolutions WHERE status <> 'superseded') \
                    ORDER BY CAST(substr(run_id, 5) AS BIGINT) DESC";

/// Evolutions that [`Due::New`](super::Due::New) leaves alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftAlone {
    /// Those that failed: due with [`Due::Failed`](super::Due::Failed).
    pub failed: u64,
    /// Those that would come out otherwise today: due with [`Due::Stale`](super::Due::Stale), as far as their parents will be others.
    pub stale: u64,
}

/// The models that made the evolutions that stand, that of the latest run first, as their runs were told. Empty where none was made here: what
/// was imported finished has no such run.
///
/// # Errors
/// Those of the store.
pub async fn standing_models(store: &Store) -> Result<Vec<String>> {
    let session = Session::builder().store(store.clone()).build().await?;
    let mut batches = session.stream(RUNS).await?;
    let mut models: Vec<String> = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        for settings in batch.column(0).as_string::<i32>().iter().flatten() {
            let settings: serde_json::Value = serde_json::from_str(settings).unwrap_or_default();
            if let Some(model) = settings["model"].as_str().filter(|model| models.iter().all(|known| known != model)) {
                models.push(model.to_owned());
            }
        }
    }
    Ok(models)
}

impl Evolution {
    /// What [`Due::New`](super::Due::New) leaves alone in the store. No text is read.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn left_alone(&self) -> Result<LeftAlone> {
        let session = Session::builder().store(self.store.clone()).prompts(Arc::clone(&self.prompts)).build().await?;
        Ok(LeftAlone {
            failed: single_count(&session, "SELECT count(*) FROM evolutions WHERE status = 'failed'").await?,
            stale: single_count(&session, "SELECT count(DISTINCT evolution_id) FROM stale").await?,
        })
    }
}
