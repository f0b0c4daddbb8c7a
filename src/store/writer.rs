//! The one writer: rows go into new versions of the tables, and all of them appear at once when it publishes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::error::Result as EngineResult;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{FutureExt, StreamExt, TryStreamExt};
use lance::Dataset;
use lance::dataset::transaction::Transaction;
use lance::dataset::{CommitBuilder, DeleteBuilder, InsertBuilder, NewColumnTransform, UpdateBuilder, WriteMode, WriteParams};
use lance::session::Session;
use serde::Serialize;
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinHandle;

use super::Store;
use super::catalog::Catalog;
use super::condition::remove_versions_after;
use super::conform::conform;
use super::disk::{Disk, DurableFiles};
use super::journal::Journal;
use super::lock::WriterLock;
use super::new_tables::{create_table, create_tables, remove_table};
use super::schema::Table;
use super::snapshot::{Snapshot, open_for_blobs, table_error, table_path};
use super::upkeep;
use super::vectors::{self, VectorColumn};
use crate::error::{Error, Result};
use crate::ids::Clock;

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

/// Rows written to disk that belong to no version yet. Dropped, they are garbage that no reader sees.
#[derive(Debug)]
pub struct Staged {
    table: Table,
    transaction: Transaction,
    /// How many rows were written.
    pub rows: u64,
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

    /// Starts writing rows of `table` to disk in the background, without changing the table. Columns are matched by name; memory is
    /// bounded by the stream's batches. Finish with [`Writer::commit`]. Rows of `embeddings` are [appended](Writer::append) instead.
    pub async fn stage(&mut self, table: Table, rows: SendableRecordBatchStream) -> Result<JoinHandle<Result<Staged>>> {
        let mut dataset = self.prepare(table).await?;
        if table == Table::Images {
            let opened = Box::pin(open_for_blobs(&self.root, table, dataset.version().version, &self.session)).await?;
            dataset = Arc::new(opened);
        }
        let schema = table.stored_schema();
        let stored = Arc::clone(&schema);
        Ok(self.spawn(write_rows(dataset, table, schema, rows, move |batch| conform(batch, table, &stored))).await)
    }

    /// Like [`Writer::stage`], for rows of table `embeddings` in its logical form.
    async fn stage_vectors(&mut self, column: VectorColumn, rows: SendableRecordBatchStream) -> Result<JoinHandle<Result<Staged>>> {
        let table = Table::Embeddings;
        let field = column.field()?;
        let known = self.snapshot.vector_columns().into_iter().find(|known| known.model == column.model);
        if let Some(known) = known.as_ref().filter(|known| known.dimensions != column.dimensions) {
            return Err(known.other_length(column.dimensions));
        }
        let mut dataset = self.prepare(table).await?;
        if known.is_none() {
            let mut extended = dataset.as_ref().clone();
            let nulls = NewColumnTransform::AllNulls(Arc::new(Schema::new(vec![field.clone()])));
            extended.add_columns(nulls, None, None).await.map_err(|cause| table_error("add columns to", table, cause))?;
            dataset = Arc::new(extended);
            self.snapshot = self.snapshot.with_dataset(table, Arc::clone(&dataset));
        }
        let fields = table.stored_schema().fields().iter().cloned().chain([Arc::new(field)]).collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(fields));
        let packed = Arc::clone(&schema);
        Ok(self.spawn(write_rows(dataset, table, schema, rows, move |batch| Ok(column.pack(batch, &packed)?))).await)
    }

    async fn spawn(&self, write: impl Future<Output = Result<Staged>> + Send + 'static) -> JoinHandle<Result<Staged>> {
        let writing = Arc::clone(&self.staging).read_owned().await;
        tokio::spawn(async move {
            let staged = write.await;
            drop(writing);
            staged
        })
    }

    /// Adds staged rows to their table.
    pub async fn commit(&mut self, staged: Staged) -> Result<u64> {
        let Staged { table, transaction, rows } = staged;
        let dataset = self.prepare(table).await?;
        let committed = CommitBuilder::new(dataset)
            .with_session(Arc::clone(&self.session))
            .with_skip_auto_cleanup(true)
            .execute(transaction)
            .await
            .map_err(|cause| table_error("commit", table, cause))?;
        self.snapshot = self.snapshot.with_dataset(table, Arc::new(committed));
        Ok(rows)
    }

    /// Writes rows and adds them to their table. Returns how many there were. An empty stream changes nothing, but that a table which was
    /// never written is made.
    ///
    /// # Errors
    /// Those of the stream; a row that does not fit its table. Vectors that are appended together must be of one model, of one length and
    /// [of use](super::defect).
    pub async fn append(&mut self, table: Table, rows: SendableRecordBatchStream) -> Result<u64> {
        match self.write(table, rows).await? {
            Some(staged) => self.commit(staged).await,
            None => Ok(0),
        }
    }

    /// Writes rows to disk without changing their table; `None` for no rows.
    pub(super) async fn write(&mut self, table: Table, rows: SendableRecordBatchStream) -> Result<Option<Staged>> {
        // Boxed, so that the futures of those who append do not hold all of these.
        let staged = match table {
            Table::Embeddings => match vectors::begin(rows).boxed().await? {
                Some((column, rows)) => self.stage_vectors(column, rows).boxed().await?,
                None => return Ok(None),
            },
            _ => self.stage(table, rows).boxed().await?,
        };
        let staged = staged.await.map_err(|cause| Error::internal("the task that writes rows ended early", cause))??;
        Ok((staged.rows > 0).then_some(staged))
    }

    /// Writes rows given as structs, matched to columns by field name.
    pub async fn append_rows<T: Serialize>(&mut self, table: Table, rows: &[T]) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let schema = table.schema();
        let batch = serde_arrow::to_record_batch(schema.fields(), &rows)?;
        let stream = futures::stream::once(async move { Ok(batch) });
        self.append(table, Box::pin(RecordBatchStreamAdapter::new(schema, stream))).await
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

    /// Puts the published version of a table back on top, where a writer that was cut off left versions that were never published; every writer
    /// does so for the tables it changes. Returns which tables had any.
    pub async fn restore_published(&mut self) -> Result<Vec<Table>> {
        let mut restored = Vec::new();
        for table in Table::ALL {
            match self.snapshot.dataset(table) {
                Some(dataset) if has_unpublished_version(dataset, table, &self.catalog).await? => {
                    self.prepare(table).await?;
                    restored.push(table);
                }
                None if table_path(&self.root, table).exists() => {
                    remove_table(&self.root, &self.disk, table)?;
                    restored.push(table);
                }
                _ => {}
            }
        }
        Ok(restored)
    }

    /// Makes a table what it was at an earlier version, as a new version on top of the newest: no data is copied, none removed. Without a
    /// version, when it had not been written yet, it loses its rows.
    pub(super) async fn restore(&mut self, table: Table, version: Option<u64>) -> Result<()> {
        let failed = |cause| table_error("restore", table, cause);
        let Some(version) = version else { return self.delete(table, "true").await.map(drop) };
        let Some(present) = self.snapshot.dataset(table) else {
            return Err(Error::internal("failed to restore", format!("the catalog names no version of table '{table}'")));
        };
        let files = self.found_files(table).await?;
        let mut earlier = present.checkout_version(version).await.map_err(failed)?;
        earlier.restore().await.map_err(failed)?;
        self.snapshot = self.snapshot.with_dataset(table, Arc::new(earlier));
        self.add_new_columns(table).boxed().await?;
        self.prepared.entry(table).or_insert(files);
        Ok(())
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
        next.publish(&self.root, &self.disk)?;
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

    /// The table's dataset, newest and published being the same; a table that was never written is made. A crashed writer may have left
    /// versions that were never published; a commit on top of them would bring their rows back.
    pub(super) async fn prepare(&mut self, table: Table) -> Result<Arc<Dataset>> {
        let Some(published) = self.snapshot.dataset(table).cloned() else {
            let (created, files) = create_table(&self.root, &self.disk, &self.session, table).boxed().await?;
            let created = Arc::new(created);
            self.snapshot = self.snapshot.with_dataset(table, Arc::clone(&created));
            self.prepared.insert(table, files);
            return Ok(created);
        };
        if !self.prepared.contains_key(&table) {
            let files = self.found_files(table).await?;
            if has_newer_version(&published, table).await? {
                let mut restored = published.as_ref().clone();
                match restored.restore().await {
                    Ok(()) => self.snapshot = self.snapshot.with_dataset(table, Arc::new(restored)),
                    // After a power loss they may be files without content, and nothing can be put on top of those.
                    Err(cause) => remove_versions_after(&self.root, &self.disk, table, published.version().version, &self.catalog)
                        .map_err(|_| table_error("restore", table, cause))?,
                }
            }
            self.add_new_columns(table).boxed().await?;
            self.prepared.insert(table, files);
        }
        Ok(self.snapshot.dataset(table).cloned().unwrap_or(published))
    }

    async fn found_files(&self, table: Table) -> Result<DurableFiles> {
        DurableFiles::found(&self.disk, table_path(&self.root, table)).await
    }

    /// Gives a table of an earlier mmevol the columns it has now, NULL in the rows that are there. Writes no data.
    async fn add_new_columns(&mut self, table: Table) -> Result<()> {
        let Some(dataset) = self.snapshot.dataset(table) else { return Ok(()) };
        let stored = table.stored_schema();
        let new: Vec<_> = stored.fields().iter().filter(|field| dataset.schema().field(field.name()).is_none()).cloned().collect();
        if !new.is_empty() {
            let mut extended = dataset.as_ref().clone();
            let nulls = NewColumnTransform::AllNulls(Arc::new(Schema::new(new)));
            extended.add_columns(nulls, None, None).await.map_err(|cause| table_error("add columns to", table, cause))?;
            self.snapshot = self.snapshot.with_dataset(table, Arc::new(extended));
        }
        Ok(())
    }
}

/// Whether versions were committed on top of this one.
async fn has_newer_version(dataset: &Dataset, table: Table) -> Result<bool> {
    Ok(newest_version(dataset, table).await? != dataset.version().version)
}

/// Whether the newest version of a table is one that no state of the store names.
pub(super) async fn has_unpublished_version(dataset: &Dataset, table: Table, catalog: &Catalog) -> Result<bool> {
    Ok(!catalog.is_published(table, newest_version(dataset, table).await?))
}

async fn newest_version(dataset: &Dataset, table: Table) -> Result<u64> {
    dataset.latest_version_id().await.map_err(|cause| table_error("open", table, cause))
}

pub(super) fn write_parameters(mode: WriteMode) -> WriteParams {
    WriteParams {
        mode,
        // Versions that the catalog or a tag names must stay.
        auto_cleanup: None,
        skip_auto_cleanup: true,
        ..WriteParams::default()
    }
}

/// Writes rows to the disk, each batch in the form that `form` gives it, which is that of `schema`.
async fn write_rows(
    dataset: Arc<Dataset>,
    table: Table,
    schema: SchemaRef,
    rows: SendableRecordBatchStream,
    form: impl Fn(&RecordBatch) -> EngineResult<RecordBatch> + Send + 'static,
) -> Result<Staged> {
    let counter = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = Arc::clone(&counter);
    let conformed = rows.map(move |batch| form(&batch?)).inspect_ok(move |batch| {
        counted.fetch_add(batch.num_rows() as u64, std::sync::atomic::Ordering::Relaxed);
    });
    let stream: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema, conformed));
    let parameters = write_parameters(WriteMode::Append);
    let transaction = InsertBuilder::new(dataset)
        .with_params(&parameters)
        .execute_uncommitted_stream(stream)
        .await
        .map_err(|cause| table_error("write rows of", table, cause))?;
    Ok(Staged { table, transaction, rows: counter.load(std::sync::atomic::Ordering::Relaxed) })
}
