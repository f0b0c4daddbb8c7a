//! The one writer: rows go into new versions of the tables, and all of them appear at once when it publishes.

mod newest;
mod staging;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use lance::Dataset;
use lance::dataset::{DeleteBuilder, UpdateBuilder};
use lance::session::Session;
use serde::Serialize;
use tokio::sync::{Mutex, RwLock};

use super::Store;
use super::catalog::Catalog;
use super::disk::{Disk, DurableFiles};
use super::journal::Journal;
use super::lock::WriterLock;
use super::new_tables::create_tables;
use super::schema::Table;
use super::snapshot::{Snapshot, table_error};
use super::upkeep;
use crate::error::{Error, Result};
use crate::ids::Clock;

pub(super) use newest::has_unpublished_version;
pub use staging::Staged;
pub(super) use staging::write_parameters;

/// A writer that several tasks of one command share.
pub type SharedWriter = Arc<Mutex<Writer>>;

/// The right to change a store, from taking its lock to publishing. Dropped without [`Writer::publish`], nothing has happened.
#[derive(Debug)]
pub struct Writer {
    root: PathBuf,
    disk: Disk,
    session: Arc<Session>,
    staging: Arc<RwLock<()>>,
    clock: Arc<dyn Clock>,
    catalog: Catalog,
    snapshot: Snapshot,
    /// Tables whose newest version is the one in `snapshot`, so that a commit builds on it and on nothing else. Each with its files that will
    /// survive a power loss.
    prepared: HashMap<Table, DurableFiles>,
    run: RunRow,
    journal: Option<Arc<Journal>>,
    lock: Arc<WriterLock>,
}

/// What a command did, as [`Writer::publish`] writes it into table `runs`.
pub(crate) fn counters(report: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(report).map_err(|cause| Error::internal("failed to write the run's counters", cause))
}

#[derive(Debug, Clone, Serialize)]
struct RunRow {
    run_id: String,
    command: String,
    settings: String,
    status: String,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    counters: String,
}

impl Writer {
    pub(super) async fn start(store: &Store, command: &str, settings: serde_json::Value) -> Result<Writer> {
        let Store { root, disk, session, staging, clock, .. } = store;
        // A store that was never published is removed when its command fails, and may be written again.
        std::fs::create_dir_all(root).map_err(|cause| Error::ReadOnlyStore { path: root.to_owned(), cause })?;
        let lock = Arc::new(WriterLock::acquire(root, command, clock.now())?);
        let (catalog, prepared) = match Catalog::load(root) {
            Ok(catalog) => (catalog, HashMap::new()),
            Err(Error::NoStore { .. }) => create_tables(store).await?,
            Err(error) => return Err(error),
        };
        let snapshot = Snapshot::open(root, catalog.clone(), session).await?;
        let now = clock.now();
        let run = RunRow {
            run_id: format!("run-{}", catalog.next_run),
            command: command.to_owned(),
            settings: settings.to_string(),
            status: "finished".to_owned(),
            started_at: now,
            finished_at: now,
            counters: String::new(),
        };
        let (root, disk, session, clock) = (root.clone(), disk.clone(), Arc::clone(session), Arc::clone(clock));
        let staging = Arc::clone(staging);
        Ok(Writer { root, disk, session, staging, clock, catalog, snapshot, prepared, run, journal: None, lock })
    }

    /// The id of this command in table `runs`.
    pub fn run_id(&self) -> &str {
        &self.run.run_id
    }

    /// When this command started.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.run.started_at
    }

    /// The source of time of the store.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Where this command's calls are written down. Whatever is there becomes part of table `calls` whenever this writer publishes. As long
    /// as anybody holds the journal, no other command writes to the store.
    ///
    /// # Errors
    /// When its file cannot be read or written.
    pub fn journal(&mut self) -> Result<Arc<Journal>> {
        match &self.journal {
            Some(journal) => Ok(Arc::clone(journal)),
            None => {
                let journal = Arc::new(Journal::open(&self.root, &self.disk, self.catalog.journaled, Arc::clone(&self.lock))?);
                self.journal = Some(Arc::clone(&journal));
                Ok(journal)
            }
        }
    }

    /// Whether there is anything to publish: rows of this writer, or calls in the journal.
    pub fn has_changes(&self) -> Result<bool> {
        for (table, version) in self.snapshot.versions() {
            if Some(version) != self.catalog.version(table)? {
                return Ok(true);
            }
        }
        self.journal.as_ref().map_or(Ok(false), |journal| journal.is_empty().map(|empty| !empty))
    }

    /// The store as this writer has changed it so far.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Sets one column of the rows that match `predicate` (SQL over the table's columns) to the SQL expression `value`.
    pub async fn update(&mut self, table: Table, predicate: &str, column: &str, value: &str) -> Result<u64> {
        if self.snapshot.dataset(table).is_none() {
            return Ok(0);
        }
        let dataset = self.prepare(table).await?;
        let update = UpdateBuilder::new(dataset)
            .update_where(predicate)
            .and_then(|builder| builder.set(column, value))
            .and_then(|builder| builder.build())
            .map_err(|cause| table_error("update", table, cause))?;
        let updated = update.execute().await.map_err(|cause| table_error("update", table, cause))?;
        self.snapshot = self.snapshot.with_dataset(table, updated.new_dataset);
        Ok(updated.rows_updated)
    }

    /// Removes the rows that match `predicate` (SQL over the table's columns). States that were published before keep them.
    pub async fn delete(&mut self, table: Table, predicate: &str) -> Result<u64> {
        if self.snapshot.dataset(table).is_none() {
            return Ok(0);
        }
        let dataset = self.prepare(table).await?;
        let deleted =
            DeleteBuilder::new(dataset, predicate).execute().await.map_err(|cause| table_error("delete rows of", table, cause))?;
        self.snapshot = self.snapshot.with_dataset(table, deleted.new_dataset);
        Ok(deleted.num_deleted_rows)
    }

    /// Goes on from what became of [prepared](Writer::prepare) `table`.
    pub(super) fn replace_dataset(&mut self, table: Table, dataset: Dataset) {
        self.snapshot = self.snapshot.with_dataset(table, Arc::new(dataset));
    }

    /// Makes everything this writer did visible at once, with a row in `runs`, and lets the next writer in.
    pub async fn publish(mut self, counters: serde_json::Value) -> Result<Catalog> {
        self.checkpoint(counters).await
    }

    /// Like [`Writer::publish`], and goes on writing under a new run.
    pub async fn checkpoint(&mut self, counters: serde_json::Value) -> Result<Catalog> {
        self.run.finished_at = self.clock.now();
        self.run.counters = counters.to_string();
        let run = self.run.clone();
        self.append_rows(Table::Runs, &[run]).await?;
        let journaled = self.append_journal().boxed().await?;
        upkeep::compact(&mut self.snapshot, self.prepared.keys().copied()).boxed().await;

        let mut next = self.catalog.clone().with_tables(self.snapshot.versions());
        next.journaled = journaled;
        next.generation += 1;
        next.next_run += 1;
        next.tags.insert(format!("before-{}", self.run.run_id), self.catalog.tables.clone());
        next.tags.insert(format!("after-{}", self.run.run_id), next.tables.clone());
        for files in self.prepared.values_mut() {
            *files = files.clone().sync(&self.disk).await?;
        }
        next.publish(&self.root, &self.disk, &self.lock).await?;
        self.run.run_id = format!("run-{}", next.next_run);
        self.run.started_at = self.run.finished_at;
        let cleared = journaled > self.catalog.journaled;
        self.catalog = next.clone();
        if let Some(journal) = self.journal.as_ref().filter(|_| cleared) {
            journal.clear(journaled).await?;
        }
        upkeep::clean_up(&self.snapshot, self.prepared.keys().copied(), &self.catalog).boxed().await;
        Ok(next)
    }

    /// Adds what the journal holds to table `calls`, also what a command that ended early left there. Returns the number of the first record
    /// that is not in the table.
    async fn append_journal(&mut self) -> Result<u64> {
        if self.journal.is_none() && !Journal::exists(&self.root) {
            return Ok(self.catalog.journaled);
        }
        let journal = self.journal()?;
        let numbers = journal.numbers(self.catalog.journaled)?;
        if !numbers.is_empty() {
            self.append(Table::Calls, journal.batches(numbers.clone())).await?;
        }
        Ok(numbers.end)
    }
}
