//! The store: Lance tables in one directory, at one consistent state. The only folder that imports `lance`.

mod call;
mod catalog;
mod columns;
mod conform;
mod damage;
mod disk;
mod id_lists;
mod insert;
mod journal;
mod lock;
mod lookup;
mod missing_columns;
mod nearest;
mod new_tables;
mod past;
mod provider;
mod restore;
mod scan;
mod schema;
mod snapshot;
mod state;
mod upkeep;
mod vectors;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lance::session::Session;
use tokio::sync::RwLock;

pub use call::{CallRecord, StoredCall};
pub use catalog::{CATALOG_FILE, Catalog, FORMAT_VERSION, REJECTS_FOLDER};
pub(crate) use columns::column;
pub use damage::{LeftOver, LostVersion};
pub use disk::{DiskOperation, DiskWatch};
pub(crate) use id_lists::{ids_in, quoted};
pub(crate) use journal::JOURNAL_FILE;
pub use journal::{Journal, LeftJournal};
pub use lookup::{IdIndex, StoredCalls, StoredImages};
pub use nearest::{Indexed, Neighbour};
pub use past::PastTable;
pub use provider::StoreTable;
pub use restore::{RestorePlan, RestoredTable};
pub(crate) use schema::list;
pub use schema::{Table, object_type, step_type};
pub use snapshot::Snapshot;
pub(crate) use snapshot::read_failure;
pub use state::{NOW, State, StrayTable};
pub use vectors::VectorColumn;
pub(crate) use vectors::defect;
pub(crate) use writer::counters;
pub use writer::{SharedWriter, Staged, Writer};

use self::disk::Disk;
use crate::error::{Error, Result};
use crate::ids::{Clock, SystemClock};

/// Cache for Lance's manifests and column metadata; data pages are not cached.
const METADATA_CACHE_BYTES: usize = 128 << 20;
/// Cache for partitions of vector indexes: the codes of a million vectors of 384 numbers take 100 MB.
const INDEX_CACHE_BYTES: usize = 256 << 20;

/// A dataset store: a directory of tables with one catalog.
///
/// Any number of readers work beside one writer. Readers see the last published state; see [`Store::snapshot`].
///
/// ```
/// # #[tokio::main] async fn main() -> mmevol::Result<()> {
/// let directory = tempfile::tempdir().unwrap();
/// let store = mmevol::store::Store::create(directory.path().join("store")).await?;
/// let writer = store.writer("example", serde_json::json!({})).await?;
/// writer.publish(serde_json::json!({})).await?;
/// assert_eq!(store.snapshot().await?.count_rows(mmevol::store::Table::Samples).await?, 0);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    /// The directories that [`Store::create`] made, outermost first.
    made: Vec<PathBuf>,
    session: Arc<Session>,
    disk: Disk,
    clock: Arc<dyn Clock>,
    /// The last snapshot handed out, kept while the catalog stays what it is.
    latest: Arc<Mutex<Option<Snapshot>>>,
    /// Held, to read, by what writers write in the background, also when they are gone.
    staging: Arc<RwLock<()>>,
}

impl Store {
    /// Opens the store in directory `root`.
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::NotAStore`], [`Error::LostCatalog`], [`Error::NewerStore`].
    pub async fn open(root: impl Into<PathBuf>) -> Result<Store> {
        let store = Store::at(root.into());
        Catalog::load(&store.root)?;
        Ok(store)
    }

    /// Opens the store in `root`, or prepares a new one where there is none. A new store exists for others
    /// once its first writer has published.
    pub async fn create(root: impl Into<PathBuf>) -> Result<Store> {
        let mut store = Store::at(root.into());
        match Catalog::load(&store.root) {
            Ok(_) => {}
            Err(Error::NoStore { .. }) => {
                store.made = missing_directories(&store.root);
                std::fs::create_dir_all(&store.root).map_err(|cause| Error::ReadOnlyStore { path: store.root.clone(), cause })?;
            }
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    fn at(root: PathBuf) -> Store {
        let disk = Disk::default();
        Store {
            root,
            made: Vec::new(),
            session: session(&disk),
            disk,
            clock: Arc::new(SystemClock),
            latest: Arc::default(),
            staging: Arc::default(),
        }
    }

    /// The same store with another source of time.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Store {
        self.clock = clock;
        self
    }

    /// The same store with someone who is told of every operation on its files before it happens, and may refuse it. Slower: tables are read and
    /// written in the way of remote object stores.
    pub fn with_disk_watch(mut self, watch: Arc<dyn DiskWatch>) -> Store {
        self.disk = Disk::watched(watch);
        self.session = session(&self.disk);
        self.latest = Arc::default();
        self
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The last published state. Reads one small file; opens tables only when the state has changed.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let catalog = Catalog::load(&self.root)?;
        if let Some(latest) = self.latest().as_ref().filter(|latest| *latest.catalog() == catalog) {
            return Ok(latest.clone());
        }
        let snapshot = Snapshot::open(&self.root, catalog, &self.session).await?;
        *self.latest() = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// The state called `name`, as [`Catalog::state`] takes it, to read from. It stays readable while writers go on, and whatever they restore.
    ///
    /// # Errors
    /// An [`Error::Argument`] when no state has that name.
    pub async fn snapshot_at(&self, name: &str) -> Result<Snapshot> {
        let catalog = Catalog::load(&self.root)?;
        let State { generation, tables } = catalog.state(name)?;
        Snapshot::open(&self.root, Catalog { generation, tables, ..catalog }, &self.session).await
    }

    /// The state of that name, or the last published one without a name.
    ///
    /// # Errors
    /// As [`Store::snapshot_at`].
    pub async fn snapshot_of(&self, state: Option<&str>) -> Result<Snapshot> {
        match state {
            Some(state) => self.snapshot_at(state).await,
            None => self.snapshot().await,
        }
    }

    /// The states that have a name, in the order in which they were published: before and after each run. The names are those that
    /// [`Store::snapshot_at`] takes; a table that had not been written yet is not in the state. Reads one small file.
    ///
    /// # Errors
    /// As [`Store::open`]: a store that was never published has no states.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> mmevol::Result<()> {
    /// let directory = tempfile::tempdir().unwrap();
    /// let store = mmevol::Store::create(directory.path().join("store")).await?;
    /// mmevol::Import::new("examples/seeds/seed.json").run(&store).await?;
    /// let names: Vec<String> = store.versions()?.into_iter().map(|(name, _)| name).collect();
    /// assert_eq!(names, ["before-run-1", "after-run-1"]);
    /// # Ok(()) }
    /// ```
    pub fn versions(&self) -> Result<Vec<(String, State)>> {
        let catalog = Catalog::load(&self.root)?;
        Ok(catalog.tagged().into_iter().map(|(name, state)| (name.to_owned(), state)).collect())
    }

    /// Becomes the store's one writer. `command` and `settings` (which must hold no secrets) go into table `runs`.
    ///
    /// # Errors
    /// [`Error::StoreInUse`], [`Error::ReadOnlyStore`].
    pub async fn writer(&self, command: &str, settings: serde_json::Value) -> Result<Writer> {
        Writer::start(self, command, settings).await
    }

    /// The journal that a command which was cut off left, to look answers up in: a copy, which keeps no writer out. While it is made, `command` is
    /// what others are told that holds the store.
    ///
    /// # Errors
    /// [`Error::Io`] when its file cannot be read, or the folder for temporary files cannot be written.
    pub fn left_journal(&self, command: &str) -> Result<LeftJournal> {
        if !Journal::exists(&self.root) {
            return Ok(LeftJournal::Empty);
        }
        match lock::WriterLock::acquire(&self.root, command, self.clock.now()) {
            Ok(_lock) => {
                let first = Catalog::load(&self.root)?.journaled;
                Ok(LeftJournal::Open(Arc::new(Journal::copy(&self.root, first)?)))
            }
            Err(Error::StoreInUse { .. } | Error::ReadOnlyStore { .. }) => Ok(LeftJournal::Held),
            Err(error) => Err(error),
        }
    }

    /// Removes what an unfinished first command left of a store that was never published, and the directories that were made for it. Does
    /// nothing to any other store, nor to one that a writer is about to publish.
    pub async fn remove_unpublished(&self) -> Result<()> {
        let Ok(_lock) = lock::WriterLock::acquire(&self.root, "remove", self.clock.now()) else { return Ok(()) };
        // What a writer began to write would make the directories anew. No other writer begins anything while the lock is held.
        drop(self.staging.write().await);
        if self.root.join(CATALOG_FILE).exists() {
            return Ok(());
        }
        for table in Table::ALL {
            new_tables::remove_table(&self.root, &self.disk, table)?;
        }
        let rejects = self.root.join(REJECTS_FOLDER);
        let files = [catalog::NEW_CATALOG_FILE, journal::JOURNAL_FILE, journal::NEW_JOURNAL_FILE].map(|name| self.root.join(name));
        // The only run that a store has before it is published.
        for path in files.into_iter().chain([rejects.join("run-1.jsonl")]) {
            match self.disk.remove_file(&path) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", path, cause)),
                _ => {}
            }
        }
        let _ = std::fs::remove_dir(rejects);
        lock::remove(&self.root);
        for directory in self.made.iter().rev() {
            // Fails, rightly, when the directory holds anything of someone else's.
            let _ = std::fs::remove_dir(directory);
        }
        Ok(())
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, Option<Snapshot>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lance's caches, and its way to the disk.
fn session(disk: &Disk) -> Arc<Session> {
    Arc::new(Session::new(INDEX_CACHE_BYTES, METADATA_CACHE_BYTES, disk.registry()))
}

/// Which of `path` and the directories above it do not exist yet, outermost first.
fn missing_directories(path: &Path) -> Vec<PathBuf> {
    let ancestors = path.ancestors().take_while(|directory| !directory.as_os_str().is_empty() && !directory.exists());
    let mut missing: Vec<PathBuf> = ancestors.map(Path::to_owned).collect();
    missing.reverse();
    missing
}
