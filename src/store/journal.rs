//! The journal: finished calls are on disk here before anything uses their answers.
//!
//! Records stay until they are rows of table `calls`. A publication copies them there, names in the catalog the number up to which it came, and
//! clears them here; wherever the process ends, the next one neither misses an answer nor doubles a row.

mod writing;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use serde::de::DeserializeOwned;

use self::writing::{Done, Entry, Order, Writing, clear};
use super::call::{CallRecord, StoredCall, id_key, request_key};
use super::disk::{Disk, open_journal};
use super::lock::WriterLock;
use super::schema::Table;
use crate::error::{Error, Result};

/// The journal's file name inside the store directory.
pub(crate) const JOURNAL_FILE: &str = "journal.redb";

/// Where a new journal is made before it has its name: one that was cut off while it was made could not be opened.
pub(super) const NEW_JOURNAL_FILE: &str = "journal.redb.new";

/// Records as JSON, by number.
const RECORDS: TableDefinition<u64, &[u8]> = TableDefinition::new("records");

/// The number of the latest answer to a request.
const LATEST_ANSWERS: TableDefinition<u128, u64> = TableDefinition::new("latest_answers");

/// Memory for pages of the file.
const CACHE_BYTES: usize = 64 << 20;

/// Limits of one batch on its way into `calls`.
const BATCH_RECORDS: usize = 4096;
const BATCH_BYTES: usize = 8 << 20;

/// Finished calls that are not in table `calls` yet. An empty journal is removed when it is closed.
#[derive(Debug)]
pub struct Journal {
    /// `None` for a journal without a name, which ends with its process.
    path: Option<PathBuf>,
    disk: Disk,
    /// Both are there until the journal is dropped.
    database: Option<Arc<Database>>,
    writing: Option<Writing>,
    /// Nobody else writes to the store, or opens this file, as long as requests may be journaled.
    _lock: Option<Arc<WriterLock>>,
}

/// What a command that was cut off left in the journal, as far as this process can look at it.
#[derive(Debug)]
pub enum LeftJournal {
    /// Nothing.
    Empty,
    /// Its calls, in a copy.
    Open(Arc<Journal>),
    /// It cannot be told: another command writes, or the store cannot be written and so not be locked.
    Held,
}

impl Journal {
    /// Opens the journal of the store in directory `root`, or makes it. `first` is the number of the first record that is not in table
    /// `calls`, as the catalog says: records before it are left from a process that ended before it cleared them.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read or written.
    pub(super) fn open(root: &Path, disk: &Disk, first: u64, lock: Arc<WriterLock>) -> Result<Journal> {
        let path = root.join(JOURNAL_FILE);
        let opened = || -> std::result::Result<Database, redb::Error> {
            if !path.exists() {
                let new = root.join(NEW_JOURNAL_FILE);
                disk.write(&new, &[])?;
                drop(open_journal(disk, &builder(), &new)?);
                disk.replace(&new, &path)?;
            }
            refuse_empty(std::fs::metadata(&path)?.len())?;
            open_journal(disk, &builder(), &path)
        };
        let database = opened().map_err(|cause| redb_error("open", &path, cause))?;
        Journal::over(database, first, Some(path), disk.clone(), Some(lock))
    }

    /// A copy of the journal of the store in directory `root`, with whose lock nobody writes to it meanwhile. It ends with its process.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, or the folder for temporary files cannot be written.
    pub(super) fn copy(root: &Path, first: u64) -> Result<Journal> {
        let (path, folder) = (root.join(JOURNAL_FILE), std::env::temp_dir());
        let mut copy = tempfile::tempfile().map_err(|cause| Error::io("make a file in", &folder, cause))?;
        let copied = std::fs::File::open(&path).and_then(|mut file| io::copy(&mut file, &mut copy));
        let length = copied.map_err(|cause| Error::io("copy", &path, cause))?;
        let opened = || {
            refuse_empty(length)?;
            Ok(builder().create_with_backend(FileBackend::new(copy)?)?)
        };
        let database = opened().map_err(|cause| redb_error("open", &path, cause))?;
        Journal::over(database, first, None, Disk::default(), None)
    }

    /// Whether the store in directory `root` has records that are not in table `calls`, or may have some.
    pub(super) fn exists(root: &Path) -> bool {
        root.join(JOURNAL_FILE).exists()
    }

    /// A journal that ends with its process, for sessions without a store to write to.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder for temporary files cannot be written.
    pub fn temporary() -> Result<Journal> {
        let folder = std::env::temp_dir();
        let file = tempfile::tempfile().map_err(|cause| Error::io("make a file in", &folder, cause))?;
        let made = || Ok(builder().create_with_backend(FileBackend::new(file)?)?);
        let database = made().map_err(|cause| redb_error("make a journal in", &folder, cause))?;
        Journal::over(database, 0, None, Disk::default(), None)
    }

    fn over(database: Database, first: u64, path: Option<PathBuf>, disk: Disk, lock: Option<Arc<WriterLock>>) -> Result<Journal> {
        let place = path.clone().unwrap_or_else(std::env::temp_dir);
        let database = Arc::new(database);
        let next = clear(&database, first).and_then(|()| numbers(&database)).map_err(|cause| redb_error("read", &place, cause))?.end;
        let writing = Writing::start(Arc::clone(&database), next.max(first));
        let writing = writing.map_err(|cause| Error::io("start the thread that writes", &place, cause))?;
        Ok(Journal { path, disk, database: Some(database), writing: Some(writing), _lock: lock })
    }

    /// Writes a record down; done when it is on disk. Records that wait at the same time share the wait for the disk.
    ///
    /// # Errors
    /// [`Error::Io`] for every record that waits, and for all later ones: after a failed write it is unknown what the file holds.
    pub async fn append(&self, record: CallRecord) -> Result<()> {
        let request = record.error.is_none().then(|| request_key(&record.request_id)).transpose()?;
        let record = serde_json::to_vec(&record).map_err(|cause| Error::internal("failed to write a call as JSON", cause))?;
        self.order(|done| Order::Append(Entry { record, request }, done)).await
    }

    /// The latest answer to a request, whatever limit it was made under; see [`StoredCall::answers`].
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read.
    pub fn answer(&self, request_id: &str) -> Result<Option<StoredCall>> {
        Ok(self.answers(&[request_id])?.pop().flatten())
    }

    /// As [`Journal::answer`], for many requests at once. Costs next to nothing while the journal is empty.
    pub fn answers(&self, request_ids: &[&str]) -> Result<Vec<Option<StoredCall>>> {
        let answers = self.read(|database| {
            let transaction = database.begin_read()?;
            let latest = transaction.open_table(LATEST_ANSWERS)?;
            if latest.is_empty()? {
                return Ok(request_ids.iter().map(|_| None).collect());
            }
            let records = transaction.open_table(RECORDS)?;
            let answer = |request_id: &&str| -> std::result::Result<Option<Result<StoredCall>>, redb::Error> {
                let Some(number) = id_key(request_id).map(|key| latest.get(key)).transpose()?.flatten() else { return Ok(None) };
                Ok(records.get(number.value())?.map(|record| parse(record.value())))
            };
            request_ids.iter().map(answer).collect::<std::result::Result<Vec<_>, _>>()
        })?;
        answers.into_iter().map(Option::transpose).collect()
    }

    /// The numbers of the records, of which those before `first` are in table `calls`.
    pub(super) fn numbers(&self, first: u64) -> Result<Range<u64>> {
        let numbers = self.read(numbers)?;
        Ok(numbers.start.max(first)..numbers.end.max(first))
    }

    /// The records of these numbers in order, as rows of table `calls`; memory is that of one batch.
    pub(super) fn batches(self: &Arc<Self>, numbers: Range<u64>) -> SendableRecordBatchStream {
        let schema = Table::Calls.schema();
        let fields = schema.fields().clone();
        let batches = futures::stream::try_unfold((Arc::clone(self), numbers), move |(journal, numbers)| {
            let fields = fields.clone();
            async move {
                let reading = tokio::task::spawn_blocking(move || journal.read_batch(numbers.clone()).map(|read| (journal, numbers, read)));
                let (journal, numbers, records) = reading.await.map_err(|cause| Error::task_ended("reads the journal", cause))??;
                let Some((last, _)) = records.last() else { return Ok(None) };
                let rest = last + 1..numbers.end;
                let records: Vec<CallRecord> = records.into_iter().map(|(_, record)| record).collect();
                let batch = serde_arrow::to_record_batch(&fields, &records).map_err(Error::from)?;
                Ok::<_, DataFusionError>(Some((batch, (journal, rest))))
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }

    fn read_batch(&self, numbers: Range<u64>) -> Result<Vec<(u64, CallRecord)>> {
        let records = self.read(|database| {
            let table = database.begin_read()?.open_table(RECORDS)?;
            let (mut records, mut bytes) = (Vec::new(), 0);
            for entry in table.range(numbers)? {
                let (number, record) = entry?;
                bytes += record.value().len();
                records.push((number.value(), record.value().to_vec()));
                if records.len() == BATCH_RECORDS || bytes >= BATCH_BYTES {
                    break;
                }
            }
            Ok(records)
        })?;
        records.into_iter().map(|(number, record)| Ok((number, parse(&record)?))).collect()
    }

    /// Removes the records before number `end`.
    pub(super) async fn clear(&self, end: u64) -> Result<()> {
        self.order(|done| Order::Clear(end, done)).await
    }

    /// How many records there are.
    pub fn len(&self) -> Result<u64> {
        self.read(|database| Ok(database.begin_read()?.open_table(RECORDS)?.len()?))
    }

    /// Whether every call of the journal is in table `calls`.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    async fn order(&self, order: impl FnOnce(Done) -> Order) -> Result<()> {
        let ended = || Error::internal("failed to record a call", "the journal's thread has ended");
        let outcome = self.writing.as_ref().ok_or_else(ended)?.order(order).await.ok_or_else(ended)?;
        outcome.map_err(|fault| Error::io("write", self.place(), fault.into()))
    }

    fn read<T>(&self, read: impl FnOnce(&Database) -> std::result::Result<T, redb::Error>) -> Result<T> {
        let database = self.database.as_ref().ok_or_else(|| Error::internal("failed to read the journal", "it is closed"))?;
        read(database).map_err(|cause| redb_error("read", &self.place(), cause))
    }

    fn place(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(std::env::temp_dir)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            writing.end();
        }
        let holds_nothing = self.is_empty().unwrap_or(false);
        drop(self.database.take());
        if let Some(path) = self.path.as_ref().filter(|_| holds_nothing) {
            // Left behind, it does no harm.
            let _ = self.disk.remove_file(path);
        }
    }
}

/// Refuses a journal of no bytes, which redb would make a new one of: ours has its name only once it is whole, so this one has lost what it held.
fn refuse_empty(bytes: u64) -> io::Result<()> {
    match bytes {
        0 => Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty")),
        _ => Ok(()),
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// From the first record to after the last one.
fn numbers(database: &Database) -> std::result::Result<Range<u64>, redb::Error> {
    let records = database.begin_read()?.open_table(RECORDS)?;
    let first = records.first()?.map_or(0, |(number, _)| number.value());
    Ok(first..records.last()?.map_or(0, |(number, _)| number.value() + 1))
}

fn parse<T: DeserializeOwned>(record: &[u8]) -> Result<T> {
    serde_json::from_slice(record).map_err(|cause| Error::internal("failed to read a call in the journal", cause))
}

fn redb_error(action: &'static str, path: &Path, cause: redb::Error) -> Error {
    Error::io(
        action,
        path,
        match cause {
            redb::Error::Io(cause) => cause,
            other => io::Error::other(other),
        },
    )
}

#[cfg(test)]
mod tests;
