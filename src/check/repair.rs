//! Repair: what can be made good without asking a model again, as one run of its own.

use arrow::array::AsArray;
use serde::Serialize;

use super::invariants::COUNTS_AGREE;
use crate::error::Result;
use crate::query::{Session, Statement, statement};
use crate::store::{Store, Table, Writer, counters, ids_in};

/// Evolutions as they are when their items are counted.
const COUNTED: Statement = statement!("check/counted");

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Tables that were at another version than the last publication left them at; they are at that one again.
    pub strays: Vec<String>,
    /// Calls of the journal that became rows of `calls`.
    pub calls: u64,
    /// Evolutions whose items were counted again.
    pub evolutions: u64,
    /// Tables with versions that were never published; they are what was published again.
    pub unpublished: Vec<&'static str>,
    /// Files and folders that belonged to nothing.
    pub files: u64,
}

impl Repair {
    /// Whether there was anything to do.
    pub fn did_nothing(&self) -> bool {
        *self == Repair::default()
    }
}

/// Mends what the store itself has the means for, and records that as a run: tables at another version than the last run left them at, calls
/// that are still in the journal, counts of evolutions, versions and files that commands left when they were cut off. What else is broken
/// stays as it is; [`check`](super::check) says so.
/// Asks no model, and does nothing to a store in which nothing is to be mended.
///
/// # Errors
/// Those of [`Store::writer`] and of the tables. After an error the published state is what it was, or what the last run left.
pub async fn repair(store: &Store) -> Result<Repair> {
    // First: counted over tables of different times, items that are there would be counted as missing, for good.
    let strays = store.take_tagged_versions().await?;
    let mut writer = store.writer("check --repair", serde_json::json!({})).await?;
    let files = store.remove_garbage()?;
    let unpublished = writer.restore_published().await?.into_iter().map(Table::name).collect();
    // Opening it drops the records that are in the table already; publishing adds the others.
    let calls = writer.journal()?.len()?;
    let evolutions = count_again(&mut writer).await?;
    let done = Repair { strays, calls, evolutions, unpublished, files };
    if !done.did_nothing() {
        writer.publish(counters(&done)?).await?;
    }
    Ok(done)
}

async fn count_again(writer: &mut Writer) -> Result<u64> {
    // As it is now: it still has the rows that are deleted here.
    let session = Session::builder().snapshot(writer.snapshot().clone()).build().await?;
    let batches = session.collect(COUNTS_AGREE.text()).await?;
    let ids: Vec<&str> = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten()).collect();
    for listed in ids_in("evolution_id", &ids) {
        let counted = session.stream(&format!("SELECT * FROM ({}) WHERE {listed}", COUNTED.text())).await?;
        writer.delete(Table::Evolutions, &listed).await?;
        writer.append(Table::Evolutions, counted).await?;
    }
    Ok(ids.len() as u64)
}
