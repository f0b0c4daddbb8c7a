//! What is done to the files of a store: the few operations that are our own, and who may watch these and Lance's.

mod durable;
mod journal_file;
mod objects;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use lance::io::ObjectStoreRegistry;

pub(super) use durable::{DurableFiles, blocking};
pub(super) use journal_file::open_journal;

/// What is about to be done to a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DiskOperation {
    /// Its content, or a part, is read.
    Read,
    /// The names in it are read.
    List,
    /// It is made, or a part of it is written.
    Write,
    /// What was written to it is made to survive a power loss.
    Sync,
    /// It is put in place, under this name, whole.
    Rename,
    /// It is removed.
    Remove,
}

/// Is told of every operation on the tables, the catalog and the journal of a store before it happens, and may refuse it: so the behaviour of a
/// store on a failing, full or suddenly silent disk is tested, and what a command does to its disk is counted. Called from many threads at once.
///
/// The write lock, files of intermediate results and exports are not told of.
pub trait DiskWatch: fmt::Debug + Send + Sync {
    /// Before `operation` on the file or folder `path`.
    ///
    /// # Errors
    /// With an error the operation does not happen, and fails with that error.
    fn before(&self, operation: DiskOperation, path: &Path) -> io::Result<()>;
}

/// The disk as one store uses it.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    watch: Option<Arc<dyn DiskWatch>>,
}

impl Disk {
    pub fn watched(watch: Arc<dyn DiskWatch>) -> Disk {
        Disk { watch: Some(watch) }
    }

    /// Through what Lance reaches its files.
    pub fn registry(&self) -> Arc<ObjectStoreRegistry> {
        let registry = ObjectStoreRegistry::default();
        if let Some(watch) = &self.watch {
            objects::watch(&registry, watch);
        }
        Arc::new(registry)
    }

    /// Writes a new file, or an existing one anew, and syncs it.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.before(DiskOperation::Write, path)?;
        let mut file = std::fs::File::create(path)?;
        file.write_all(bytes)?;
        self.before(DiskOperation::Sync, path)?;
        file.sync_all()
    }

    /// Gives a synced file the name `to`, in place of what has it, so that it survives a power loss: before or after, never in between.
    pub fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before(DiskOperation::Rename, to)?;
        std::fs::rename(from, to)?;
        to.parent().map_or(Ok(()), |directory| self.sync(directory))
    }

    /// Makes a file, or the names in a directory, survive a power loss.
    pub fn sync(&self, path: &Path) -> io::Result<()> {
        self.before(DiskOperation::Sync, path)?;
        std::fs::File::open(path)?.sync_all()
    }

    pub fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.before(DiskOperation::Remove, path)?;
        std::fs::remove_file(path)
    }

    /// Removes a directory with all that is in it.
    pub fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.before(DiskOperation::Remove, path)?;
        std::fs::remove_dir_all(path)
    }

    fn before(&self, operation: DiskOperation, path: &Path) -> io::Result<()> {
        self.watch.as_ref().map_or(Ok(()), |watch| watch.before(operation, path))
    }
}
