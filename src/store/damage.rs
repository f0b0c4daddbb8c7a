//! Damage to a store, as far as rows do not show it: versions that are gone, files that are damaged, and what commands that were cut off
//! left behind.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use lance::Dataset;

use super::catalog::{Catalog, NEW_CATALOG_FILE};
use super::disk::Disk;
use super::journal::{Journal, NEW_JOURNAL_FILE};
use super::lock::WriterLock;
use super::schema::Table;
use super::snapshot::{open_dataset, reason, table_error, table_path};
use super::state::NOW;
use super::writer::has_unpublished_version;
use super::{Snapshot, Store};
use crate::error::{Error, Result};

/// Where commands keep intermediate results; all of it is garbage once they have ended.
const SCRATCH: &str = "scratch";

/// The folder of a table with the files of its rows.
const DATA: &str = "data";

/// The folder of a table with the files that say which of its rows are deleted.
const DELETIONS: &str = "_deletions";

/// A file that a version of a table needs.
struct NeededFile {
    /// Within the table's folder.
    path: String,
    /// How long it was written, where the manifest says so: of files of deletions it does not.
    bytes: Option<u64>,
}

/// A version of a table that a state of the store names, and that the table does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostVersion {
    /// The state; `None` for the one that is published now.
    pub tag: Option<String>,
    /// The table's name.
    pub table: &'static str,
    /// Its version.
    pub version: u64,
}

/// What commands that were cut off left behind. None of it is part of the store's state, and the next writer deals with all that it meets.
#[derive(Debug, Clone, Default)]
pub struct LeftOver {
    /// Columns `request_id` and `created_at` of the calls in the journal that the next publication adds to table `calls`.
    pub calls: Vec<RecordBatch>,
    /// Records of the journal that the catalog says are in table `calls` already.
    pub recorded_calls: u64,
    /// Tables with versions that were never published.
    pub unpublished: Vec<Table>,
    /// Files and folders that belong to nothing.
    pub files: Vec<PathBuf>,
    /// What is wrong with the journal, if it cannot be read. Then nothing is known of what it holds.
    pub damaged_journal: Option<String>,
}

impl Store {
    /// Versions that the published state or a tag names and that are gone; each once, under the first state that names it. Lists names of
    /// files, and opens the published versions.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn lost_versions(&self) -> Result<Vec<LostVersion>> {
        let catalog = Catalog::load(&self.root)?;
        let mut lost = BTreeSet::new();
        for table in Table::ALL {
            let Some(version) = catalog.version(table)? else { continue };
            let published = open_dataset(&self.root, table, Some(version), &self.session).await;
            let is_lost = published.is_err();
            // Any version lists all of them.
            let opened = match published {
                Ok(dataset) => Some(dataset),
                Err(_) => open_dataset(&self.root, table, None, &self.session).await.ok(),
            };
            let mut known = match opened {
                Some(dataset) => versions(&dataset, table).await?,
                None => HashSet::new(),
            };
            if is_lost {
                known.remove(&version);
            }
            let mut named = HashSet::new();
            let states = std::iter::once((None, &catalog.tables)).chain(catalog.tags.iter().map(|(tag, tables)| (Some(tag), tables)));
            for (tag, tables) in states {
                let Some(&version) = tables.get(table.name()) else { continue };
                if named.insert(version) && !known.contains(&version) {
                    lost.insert(LostVersion { tag: tag.cloned(), table: table.name(), version });
                }
            }
        }
        Ok(lost.into_iter().collect())
    }

    /// Files of rows and of deletions that only earlier states need, and that are not there or not as long as they were when they were written:
    /// each once, with the first state that needs it, its table and what is wrong. So are manifests that cannot be read. Reads the manifest of
    /// every version that a tag names, and no rows. Versions that are gone are left to [`Store::lost_versions`].
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn wrong_earlier_files(&self) -> Result<Vec<(String, Table, String)>> {
        let catalog = Catalog::load(&self.root)?;
        let mut wrong = Vec::new();
        for table in Table::ALL {
            let mut named = HashSet::new();
            let mut files = HashSet::new();
            let mut unopened = Vec::new();
            let mut listed = None;
            for (tag, state) in std::iter::once((NOW, catalog.now())).chain(catalog.tagged()) {
                let Some(&version) = state.tables.get(table.name()).filter(|version| named.insert(**version)) else { continue };
                let dataset = match open_dataset(&self.root, table, Some(version), &self.session).await {
                    Ok(dataset) => dataset,
                    Err(error) if tag != NOW => {
                        unopened.push((tag, version, error));
                        continue;
                    }
                    Err(_) => continue,
                };
                for file in needed_files(&dataset) {
                    if files.insert(file.path.clone()) && tag != NOW {
                        wrong.extend(problem_with(&self.root, table, &file).map(|problem| (tag.to_owned(), table, problem)));
                    }
                }
                // Any version lists all of them.
                if listed.is_none() {
                    listed = Some(versions(&dataset, table).await?);
                }
            }
            for (tag, version, error) in unopened {
                if listed.as_ref().is_some_and(|listed| listed.contains(&version)) {
                    let problem = format!("the manifest of version {version} cannot be read: {}", cause_of(error));
                    wrong.push((tag.to_owned(), table, problem));
                }
            }
        }
        Ok(wrong)
    }

    /// What is left of commands that were cut off. Takes the write lock for a moment: while a command writes, nothing is left over.
    ///
    /// # Errors
    /// [`Error::StoreInUse`], [`Error::ReadOnlyStore`]; those of the tables.
    pub async fn left_over(&self) -> Result<LeftOver> {
        let lock = Arc::new(WriterLock::acquire(&self.root, "check", self.clock.now())?);
        let snapshot = self.snapshot().await?;
        let mut left_over = LeftOver { files: self.garbage(), ..LeftOver::default() };
        for table in Table::ALL {
            let unpublished = match snapshot.dataset(table) {
                Some(dataset) => has_unpublished_version(dataset, table, snapshot.catalog()).await?,
                None => table_path(&self.root, table).exists(),
            };
            if unpublished {
                left_over.unpublished.push(table);
            }
        }
        if Journal::exists(&self.root) {
            match self.read_journal(lock, snapshot.catalog().journaled).await {
                Ok((recorded_calls, calls)) => (left_over.recorded_calls, left_over.calls) = (recorded_calls, calls),
                Err(error @ Error::Io { .. }) => left_over.damaged_journal = Some(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(left_over)
    }

    /// How many records of the journal the table has already, and those that it has not.
    async fn read_journal(&self, lock: Arc<WriterLock>, journaled: u64) -> Result<(u64, Vec<RecordBatch>)> {
        // From the first record on: what is in the table already is to be seen here, not cleared.
        let journal = Arc::new(Journal::open(&self.root, &self.disk, 0, lock)?);
        let all = journal.numbers(0)?;
        let new = all.start.max(journaled)..all.end.max(journaled);
        let calls = journal.batches(new).map_err(Error::from).and_then(identify).try_collect().await?;
        Ok((all.end.min(journaled).saturating_sub(all.start), calls))
    }

    /// Makes the published state what the last publication made it, where its tag tells that it is something else. Gives the tables that were at
    /// another version.
    ///
    /// # Errors
    /// Where a version that the tag names is gone, and then nothing is changed; [`Error::StoreInUse`], [`Error::ReadOnlyStore`].
    pub(crate) async fn take_tagged_versions(&self) -> Result<Vec<String>> {
        let lock = Arc::new(WriterLock::acquire(&self.root, "check --repair", self.clock.now())?);
        let mut catalog = Catalog::load(&self.root)?;
        let strays = catalog.strays();
        let Some(tagged) = catalog.last_tagged().filter(|_| !strays.is_empty()).cloned() else { return Ok(Vec::new()) };
        catalog.tables = tagged;
        // What cannot be opened is no state to go on from.
        Snapshot::open(&self.root, catalog.clone(), &self.session).await?;
        catalog.publish(&self.root, &self.disk, &lock).await?;
        Ok(strays.into_iter().map(|stray| stray.table).collect())
    }

    /// Removes files and folders that no running command can own any more. Returns how many.
    ///
    /// # Errors
    /// [`Error::Io`] when one of them cannot be removed.
    pub(crate) fn remove_garbage(&self) -> Result<u64> {
        let garbage = self.garbage();
        for path in &garbage {
            let removed = if path.is_dir() { self.disk.remove_directory(path) } else { self.disk.remove_file(path) };
            removed.map_err(|cause| Error::io("remove", path, cause))?;
        }
        // Empty now, unless it was never there.
        let _ = std::fs::remove_dir(self.root.join(SCRATCH));
        Ok(garbage.len() as u64)
    }

    /// Where a run keeps intermediate results.
    pub(crate) fn scratch_folder(&self, run_id: &str) -> PathBuf {
        self.root.join(SCRATCH).join(run_id)
    }

    fn garbage(&self) -> Vec<PathBuf> {
        let scratch = std::fs::read_dir(self.root.join(SCRATCH)).into_iter().flatten().flatten().map(|entry| entry.path());
        let unfinished = [NEW_CATALOG_FILE, NEW_JOURNAL_FILE].map(|name| self.root.join(name));
        let mut garbage: Vec<PathBuf> = scratch.chain(unfinished.into_iter().filter(|path| path.exists())).collect();
        garbage.sort();
        garbage
    }
}

impl Snapshot {
    /// Files of tables that are not there, or do not hold what the table says, each with what is wrong. Opens every file, and reads no rows.
    pub async fn damaged_files(&self) -> Vec<(Table, String)> {
        let mut damaged = self.wrong_files();
        for table in Table::ALL {
            let Some(dataset) = self.dataset(table).filter(|_| damaged.iter().all(|(known, _)| *known != table)) else { continue };
            if let Err(cause) = dataset.validate().await {
                damaged.push((table, damage(dataset, &cause).await));
            }
        }
        damaged
    }

    /// Files of rows and of deletions that are not there, or not as long as they were when they were written, each with what is wrong. Reads none
    /// of them.
    pub fn wrong_files(&self) -> Vec<(Table, String)> {
        let mut wrong = Vec::new();
        for table in Table::ALL {
            let Some(dataset) = self.dataset(table) else { continue };
            wrong.extend(needed_files(dataset).filter_map(|file| Some((table, problem_with(self.root(), table, &file)?))));
        }
        wrong
    }
}

fn needed_files(dataset: &Dataset) -> impl Iterator<Item = NeededFile> {
    dataset.fragments().iter().flat_map(|fragment| {
        let rows = fragment.files.iter().map(|file| NeededFile {
            path: format!("{DATA}/{}", file.path),
            bytes: file.file_size_bytes.get().map(std::num::NonZero::get),
        });
        // Named as Lance names them: it has no function for that outside of its own crates.
        let deletions = fragment.deletion_file.iter().map(move |file| NeededFile {
            path: format!("{DELETIONS}/{}-{}-{}.{}", fragment.id, file.read_version, file.id, file.file_type.suffix()),
            bytes: None,
        });
        rows.chain(deletions)
    })
}

/// What is wrong with a file as far as its length tells; `None` where nothing is.
fn problem_with(root: &Path, table: Table, file: &NeededFile) -> Option<String> {
    let path = table_path(root, table).join(&file.path);
    let length = std::fs::File::open(path).and_then(|file| file.metadata()).map(|metadata| metadata.len());
    let problem = match (length, file.bytes) {
        (Ok(length), Some(written)) if length != written => format!("has {length} bytes instead of {written}"),
        (Ok(0), None) => "is empty".to_owned(),
        (Ok(_), _) => return None,
        (Err(cause), _) if cause.kind() == io::ErrorKind::NotFound => "is gone".to_owned(),
        (Err(cause), _) => format!("cannot be read: {cause}"),
    };
    Some(format!("{} {problem}", file.path))
}

/// Why a table could not be opened, without saying once more that it could not.
fn cause_of(error: Error) -> String {
    match error {
        Error::Table { cause, .. } => cause.to_string(),
        other => other.to_string(),
    }
}

/// Which file it is that makes a table unreadable, as far as that can be told.
async fn damage(dataset: &Dataset, cause: &lance::Error) -> String {
    for fragment in dataset.get_fragments() {
        if let Err(cause) = fragment.validate().await {
            let files: Vec<String> = fragment.metadata().files.iter().map(|file| format!("{DATA}/{}", file.path)).collect();
            return format!("{} cannot be read: {}", files.join(", "), reason(&cause));
        }
    }
    reason(cause)
}

async fn versions(dataset: &Dataset, table: Table) -> Result<HashSet<u64>> {
    let versions = dataset.version_refs().await.map_err(|cause| table_error("list versions of", table, cause))?;
    Ok(versions.into_iter().map(|version| version.version).collect())
}

/// Removes the versions of a table that are newer than its published one and that no state of the store names. Only for the writer.
pub(super) fn remove_versions_after(root: &Path, disk: &Disk, table: Table, published: u64, catalog: &Catalog) -> io::Result<()> {
    let is_unpublished = |version: u64| version > published && !catalog.is_published(table, version);
    for entry in std::fs::read_dir(table_path(root, table).join("_versions"))? {
        let path = entry?.path();
        if path.file_name().and_then(OsStr::to_str).and_then(version_of).is_some_and(is_unpublished) {
            disk.remove_file(&path)?;
        }
    }
    Ok(())
}

/// The version that a manifest of this name describes. Lance counts the names down from the largest number, so that the newest comes first.
fn version_of(name: &str) -> Option<u64> {
    let number: u64 = name.strip_suffix(".manifest")?.parse().ok()?;
    Some(if name.len() == "18446744073709551615.manifest".len() { u64::MAX - number } else { number })
}

/// Of calls, the columns that tell them apart.
async fn identify(calls: RecordBatch) -> Result<RecordBatch> {
    let schema = calls.schema();
    Ok(calls.project(&[schema.index_of("request_id")?, schema.index_of("created_at")?])?)
}
