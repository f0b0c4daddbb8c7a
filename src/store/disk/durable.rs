//! Lance syncs none of its files, and a table's newest ones would be empty after a power loss. So a writer syncs what it has added to a table
//! before it publishes that.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::{Disk, DiskOperation};
use crate::error::{Error, Result};

/// The files of one table's directory that a writer need not sync: those it found there, and those it has synced.
#[derive(Debug, Clone)]
pub(in crate::store) struct DurableFiles {
    directory: PathBuf,
    files: BTreeSet<PathBuf>,
}

impl DurableFiles {
    /// Of a directory as it is now, which may not be there yet. Reads names.
    pub async fn found(disk: &Disk, directory: PathBuf) -> Result<DurableFiles> {
        blocking(disk, move |disk| {
            let files = disk.files_in(&directory).map_err(|cause| Error::io("list", &directory, cause))?;
            Ok(DurableFiles { directory, files })
        })
        .await
    }

    /// Syncs the files that have come since, and the folders that have their names.
    pub async fn sync(self, disk: &Disk) -> Result<DurableFiles> {
        blocking(disk, move |disk| {
            let DurableFiles { directory, files: durable } = self;
            let files = disk.files_in(&directory).map_err(|cause| Error::io("list", &directory, cause))?;
            let new: Vec<&PathBuf> = files.difference(&durable).collect();
            let folders: BTreeSet<&Path> = new.iter().flat_map(|file| file.ancestors().skip(1)).collect();
            let within = folders.into_iter().filter(|folder| folder.starts_with(&directory));
            for path in new.iter().map(|file| file.as_path()).chain(within) {
                disk.sync(path).map_err(|cause| Error::io("sync", path, cause))?;
            }
            Ok(DurableFiles { directory, files })
        })
        .await
    }
}

impl Disk {
    /// The files in a directory and the folders in it; none where there is no directory.
    fn files_in(&self, directory: &Path) -> io::Result<BTreeSet<PathBuf>> {
        self.before(DiskOperation::List, directory)?;
        let mut files = BTreeSet::new();
        let mut folders = vec![directory.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                match entry.file_type()?.is_dir() {
                    true => folders.push(entry.path()),
                    false => drop(files.insert(entry.path())),
                }
            }
        }
        Ok(files)
    }
}

/// Work on the disk, on a thread that may wait for it. It goes on when nobody waits for the work any more.
pub(in crate::store) async fn blocking<T: Send + 'static>(
    disk: &Disk,
    work: impl FnOnce(&Disk) -> Result<T> + Send + 'static,
) -> Result<T> {
    let disk = disk.clone();
    let working = tokio::task::spawn_blocking(move || work(&disk));
    working.await.map_err(|cause| Error::task_ended("syncs files", cause))?
}
