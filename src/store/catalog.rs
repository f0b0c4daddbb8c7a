//! The catalog: one small file that names the version of every table, so that all tables change together.
//!
//! Lance commits one table at a time. A reader opens the versions the catalog names; a writer adds versions, then
//! publishes them all by replacing the file. A crash before that leaves the old state; what was written is never seen.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::disk::{Disk, blocking};
use super::journal::{JOURNAL_FILE, NEW_JOURNAL_FILE};
use super::lock::WriterLock;
use super::schema::Table;
use super::snapshot::table_path;
use crate::error::{Error, Result};

/// The catalog's file name inside the store directory.
pub const CATALOG_FILE: &str = "catalog.json";

/// Where a new catalog is written before it takes the place of the old one.
pub(super) const NEW_CATALOG_FILE: &str = "catalog.json.new";

/// The folder in the store directory for records that imports left out, a file for each run.
pub const REJECTS_FOLDER: &str = "rejects";

/// The newest version of the store's layout that this code reads and writes. A catalog names the oldest one that its store needs:
///
/// 1. The first seven tables.
/// 2. Tables that are made when they are first written. A writer of version 1 would drop them from the catalog; one of version 2 keeps tables
///    that it does not know, so that tables of later times need no version of their own.
pub const FORMAT_VERSION: u32 = 2;

/// One consistent state of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// The oldest version of the layout that has everything in this store.
    pub format_version: u32,
    /// Counts published states, from 1.
    pub generation: u64,
    /// The number the next run gets.
    pub next_run: u64,
    /// The Lance version of each table in this state, also of tables that this code does not know. One that was never written is not here.
    pub tables: BTreeMap<String, u64>,
    /// Named earlier states: the versions of each table.
    #[serde(default)]
    pub tags: BTreeMap<String, BTreeMap<String, u64>>,
    /// The number of the first record of the journal that is not in table `calls`.
    #[serde(default)]
    pub journaled: u64,
}

impl Catalog {
    /// The published version of a table; `None` for one that was never written, which is as good as empty.
    ///
    /// # Errors
    /// When a table is missing that every store has.
    pub fn version(&self, table: Table) -> Result<Option<u64>> {
        let version = self.tables.get(table.name()).copied();
        match version.is_none() && table.format_version() == 1 {
            true => Err(Error::internal("the catalog is incomplete", format!("it names no version of table '{table}'"))),
            false => Ok(version),
        }
    }

    /// The same state with tables at other versions.
    pub(super) fn with_tables(mut self, versions: impl IntoIterator<Item = (Table, u64)>) -> Catalog {
        for (table, version) in versions {
            self.tables.insert(table.name().to_owned(), version);
            self.format_version = self.format_version.max(table.format_version());
        }
        self
    }

    /// Reads the published state of the store at `root`.
    ///
    /// # Errors
    /// [`Error::NoStore`] when the directory does not exist or is empty, [`Error::NotAStore`] when it holds something else,
    /// [`Error::LostCatalog`] when it holds the tables of a store, [`Error::NewerStore`].
    pub fn load(root: &Path) -> Result<Catalog> {
        let path = root.join(CATALOG_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(cause) if matches!(cause.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Err(missing_catalog(root));
            }
            Err(cause) => return Err(Error::io("read", path, cause)),
        };
        let unreadable = |cause: serde_json::Error| {
            let (path, reason) = (root.to_owned(), format!("its {CATALOG_FILE} cannot be read: {cause}"));
            if has_tables(root) { Error::LostCatalog { path, reason } } else { Error::NotAStore { path, reason } }
        };
        // The version first: a newer catalog may hold fields this code cannot read.
        #[derive(Deserialize)]
        struct Versioned {
            format_version: u32,
        }
        let Versioned { format_version } = serde_json::from_slice(&text).map_err(unreadable)?;
        if format_version > FORMAT_VERSION {
            return Err(Error::NewerStore { path: root.to_owned(), found: format_version, supported: FORMAT_VERSION });
        }
        serde_json::from_slice(&text).map_err(unreadable)
    }

    /// Replaces the published state at `root` by this one, atomically and durably. The lock is held to the end, also where nobody waits for it.
    pub(super) async fn publish(&self, root: &Path, disk: &Disk, lock: &Arc<WriterLock>) -> Result<()> {
        let path = root.join(CATALOG_FILE);
        let temporary = root.join(NEW_CATALOG_FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|cause| Error::internal("failed to write the catalog as JSON", cause))?;
        let lock = Arc::clone(lock);
        blocking(disk, move |disk| {
            let _held = lock;
            disk.write(&temporary, &text).map_err(|cause| Error::io("write", &temporary, cause))?;
            disk.replace(&temporary, &path).map_err(|cause| Error::io("replace", &path, cause))
        })
        .await
    }
}

fn missing_catalog(root: &Path) -> Error {
    if was_published(root) {
        return Error::LostCatalog { path: root.to_owned(), reason: format!("its {CATALOG_FILE} is gone") };
    }
    match fs::read_dir(root) {
        // Tables without a catalog are what a first command left that was cut off before it published.
        Ok(mut entries) => match entries.all(|entry| entry.is_ok_and(|entry| is_unpublished(&entry.file_name()))) {
            true => Error::NoStore { path: root.to_owned() },
            false => Error::NotAStore { path: root.to_owned(), reason: format!("the directory has no {CATALOG_FILE}") },
        },
        Err(cause) if cause.kind() == std::io::ErrorKind::NotADirectory => {
            Error::NotAStore { path: root.to_owned(), reason: "it is a file".into() }
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => Error::io("open", root, cause),
        Err(_) => Error::NoStore { path: root.to_owned() },
    }
}

/// Whether a catalog has named these tables before. Each publication adds a file to the table of runs, and none of them is ever removed, since
/// every state keeps its tag; a first one that was cut off may have left one, too.
fn was_published(root: &Path) -> bool {
    fs::read_dir(table_path(root, Table::Runs).join("data")).is_ok_and(|files| files.count() > 1)
}

fn has_tables(root: &Path) -> bool {
    Table::ALL.into_iter().any(|table| table_path(root, table).is_dir())
}

fn is_unpublished(name: &std::ffi::OsStr) -> bool {
    super::lock::is_lock_file(name)
        || [JOURNAL_FILE, NEW_JOURNAL_FILE, NEW_CATALOG_FILE, REJECTS_FOLDER].iter().any(|ours| name == *ours)
        || name.to_str().and_then(|name| name.strip_suffix(".lance")).is_some_and(|stem| Table::from_name(stem).is_some())
}
