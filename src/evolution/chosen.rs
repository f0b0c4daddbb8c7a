//! Evolutions that a predicate chooses to be made again.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::AsArray;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::statements::{BEYOND, FALLEN_AWAY, FRONTIER, MADE_AGAIN, RUNS, RunValues, samples_of, single_count};
use super::{Evolution, RoundReport};
use crate::error::Result;
use crate::query::{Session, StatementParameter as Parameter};
use crate::store::{SharedWriter, Store};

/// Settings that say when to stop and where the models answer, and nothing of what is done.
const CIRCUMSTANCES: [&str; 4] = ["max_calls", "budget_usd", "endpoint", "judge_endpoint"];

/// Columns of `history` that are the same for every item of a sample.
const SAMPLE_COLUMNS: [&str; 4] = ["sample_id", "source", "source_id", "caption"];

/// What [`Due::Chosen`](super::Due::Chosen) makes again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// Evolutions that stand and have an item for which the predicate holds; of each sample, those of the first such round.
    pub evolutions: u64,
    /// Their samples.
    pub samples: u64,
    /// Evolutions that the same command made again before it was cut off, or beside others that failed. They are left alone.
    pub made_before: u64,
    /// Evolutions with such an item that have no place any more, as their parents were replaced. They are left to [`Due::Stale`](super::Due::Stale),
    /// which makes others in their place.
    pub of_replaced_parents: u64,
    /// Where there are no evolutions to make again: those with such an item in rounds beyond [`Settings::rounds`](super::Settings::rounds).
    pub beyond: u64,
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
    let made_before = MADE_AGAIN.bind(&evolution.parameters(1, RunValues { made_again: &made_again, ..RunValues::UNRECORDED }))?;
    let mut chosen = Chosen { made_before: single_count(session, &made_before).await?, ..Chosen::default() };
    let mut taken_up = HashSet::new();
    for round in 1..=evolution.settings.rounds {
        let mut due = due_samples(evolution, session, round, &made_again).await?;
        due.retain(|sample| !taken_up.contains(sample));
        chosen.evolutions += due.len() as u64;
        let fallen_away = FALLEN_AWAY.bind(&evolution.parameters(round, RunValues { made_again: &made_again, ..RunValues::UNRECORDED }))?;
        let unplaced = samples_of(session, &fallen_away).await?;
        chosen.of_replaced_parents += unplaced.iter().filter(|sample| !taken_up.contains(*sample)).count() as u64;
        taken_up.extend(due);
    }
    chosen.samples = taken_up.len() as u64;
    if chosen.evolutions == 0 {
        chosen.beyond = single_count(session, &BEYOND.bind(&evolution.parameters(1, RunValues::UNRECORDED))?).await?;
    }
    Ok(chosen)
}

/// The sample of each evolution that is due in a round.
async fn due_samples(evolution: &Evolution, session: &Session, round: u32, made_again: &[String]) -> Result<Vec<u128>> {
    let frontier = FRONTIER.bind(&evolution.parameters(round, RunValues { made_again, ..RunValues::UNRECORDED }))?;
    samples_of(session, &frontier).await
}

/// Whether anything chosen is left to do when `round` is done as far as it goes: something failed, was stopped, or belongs to a later round.
pub(super) async fn is_unfinished(evolution: &Evolution, writer: &SharedWriter, round: u32, made_again: &[String]) -> Result<bool> {
    let session = Session::builder().writer(Arc::clone(writer)).build().await?;
    for round in round..=evolution.settings.rounds {
        if !due_samples(evolution, &session, round, made_again).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The runs of the same evolution that left something to do, since the last one that did not: going on, it leaves alone what they made again.
/// The command may have been stopped, or killed between two rounds, or some of its requests failed; whatever else ran meanwhile is passed over.
pub(super) async fn unfinished_runs(evolution: &Evolution, session: &Session) -> Result<Vec<String>> {
    let settings = without_circumstances(evolution.recorded_settings());
    let mut unfinished: Vec<String> = Vec::new();
    let mut batches = session.stream(&RUNS.bind(&[("runs", Parameter::Predicate("true".to_owned()))].into())?).await?;
    while let Some(batch) = batches.try_next().await? {
        let [recorded, counters, run_ids] = [0, 1, 2].map(|column| batch.column(column).as_string::<i32>());
        for row in 0..batch.num_rows() {
            if !serde_json::from_str(recorded.value(row)).is_ok_and(|recorded| without_circumstances(recorded) == settings) {
                continue;
            }
            // A run of a mmevol that did not count like this was finished.
            let round: RoundReport = serde_json::from_str(counters.value(row)).unwrap_or_default();
            if !round.unfinished.unwrap_or(round.stopped) {
                return Ok(unfinished);
            }
            unfinished.push(run_ids.value(row).to_owned());
        }
    }
    Ok(unfinished)
}

fn without_circumstances(mut settings: serde_json::Value) -> serde_json::Value {
    if let Some(settings) = settings.as_object_mut() {
        settings.retain(|name, _| !CIRCUMSTANCES.contains(&name.as_str()));
    }
    settings
}
