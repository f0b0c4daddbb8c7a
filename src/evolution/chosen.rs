//! Evolutions that a predicate chooses to be made again.

use arrow::array::AsArray;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::statements::{CHOSEN, RunValues};
use super::{Evolution, RoundReport};
use crate::error::{Error, Result};
use crate::query::Session;
use crate::store::Store;

/// From the last run backwards.
const RUNS: &str = "SELECT settings, counters, run_id FROM runs WHERE command = 'evolve' ORDER BY CAST(substr(run_id, 5) AS BIGINT) DESC";

/// Settings that say when to stop, and nothing of what is done.
const LIMITS: [&str; 2] = ["max_calls", "budget_usd"];

/// Columns of `history` that are the same for every item of a sample.
const SAMPLE_COLUMNS: [&str; 4] = ["sample_id", "source", "source_id", "caption"];

/// What [`Due::Chosen`](super::Due::Chosen) makes again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// Evolutions that stand and have an item for which the predicate holds.
    pub evolutions: u64,
    /// Their samples.
    pub samples: u64,
}

/// The columns of items that a predicate over `history` names, rather than those of their sample: with such a one `mmevol evolve --where`
/// chooses evolutions to make again, without it samples.
///
/// # Errors
/// Those of the store, and of a predicate that does not plan.
pub async fn item_columns(store: &Store, predicate: &str) -> Result<Vec<String>> {
    let session = Session::builder().store(store.clone()).build().await?;
    let columns = session.check_where(predicate).await?;
    Ok(columns.into_iter().filter(|column| !SAMPLE_COLUMNS.contains(&column.as_str())).collect())
}

pub(super) async fn chosen(evolution: &Evolution, session: &Session) -> Result<Chosen> {
    let made_again = evolution.made_again(session).await?;
    let parameters = evolution.parameters(1, RunValues { made_again: &made_again, ..RunValues::UNRECORDED });
    let batches = session.collect(&CHOSEN.bind(&parameters)?).await?;
    let rows = batches.iter().map(serde_arrow::from_record_batch::<Vec<Chosen>>).collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().flatten().next().ok_or_else(|| Error::internal("failed to count evolutions", "the query gave no row"))
}

/// The runs of the same evolution that were stopped before it was complete: going on, it leaves alone what they made again. A run of a round is
/// stopped, or belongs to the command whose later round was.
pub(super) async fn unfinished_runs(evolution: &Evolution, session: &Session) -> Result<Vec<String>> {
    let settings = without_limits(evolution.recorded_settings());
    let mut unfinished: Vec<String> = Vec::new();
    let mut next_round = 0;
    let mut batches = session.stream(RUNS).await?;
    while let Some(batch) = batches.try_next().await? {
        let [recorded, counters, run_ids] = [0, 1, 2].map(|column| batch.column(column).as_string::<i32>());
        for row in 0..batch.num_rows() {
            let same = serde_json::from_str(recorded.value(row)).is_ok_and(|recorded| without_limits(recorded) == settings);
            // A run of a mmevol that did not count like this was finished.
            let round: RoundReport = serde_json::from_str(counters.value(row)).unwrap_or_default();
            if !same || !(round.stopped || round.round < next_round) {
                return Ok(unfinished);
            }
            next_round = round.round;
            unfinished.push(run_ids.value(row).to_owned());
        }
    }
    Ok(unfinished)
}

fn without_limits(mut settings: serde_json::Value) -> serde_json::Value {
    if let Some(settings) = settings.as_object_mut() {
        settings.retain(|name, _| !LIMITS.contains(&name.as_str()));
    }
    settings
}
