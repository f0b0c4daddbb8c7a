//! One writer at a time, by a lock that the operating system releases when its process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};

const LOCK_FILE: &str = "write.lock";

/// The right to write to a store, held until dropped.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock of the store at `root`, noting who holds it: `command`, from `now` on.
    ///
    /// # Errors
    /// [`Error::StoreInUse`] with the holder's note, [`Error::ReadOnlyStore`].
    pub fn acquire(root: &Path, command: &str, now: DateTime<Utc>) -> Result<WriterLock> {
        let path = root.join(LOCK_FILE);
        let read_only = |cause| Error::ReadOnlyStore { path: root.to_owned(), cause };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(read_only)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The note is a courtesy; a lock without one is still a lock.
                let _ = file.read_to_string(&mut holder);
                let holder = Some(holder.trim().to_owned()).filter(|note| !note.is_empty());
                return Err(Error::StoreInUse { path: root.to_owned(), holder });
            }
            Err(TryLockError::Error(cause)) => return Err(read_only(cause)),
        }
        let host = host_name().map(|host| format!(" on {host}")).unwrap_or_default();
        let note = format!("process {}{host}: {command}, since {}", std::process::id(), now.format("%Y-%m-%d %H:%M:%S UTC"));
        // On a full disk it stays empty, which is no reason not to remove something.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
        Ok(WriterLock { _file: file })
    }
}

/// A store on a network disk may be held from another machine. `None` where the system does not say.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Removes the lock file of a store that is being removed.
pub(super) fn remove(root: &Path) {
    let _ = std::fs::remove_file(root.join(LOCK_FILE));
}

/// Whether a directory entry belongs to a store that was never published.
pub(super) fn is_lock_file(name: &std::ffi::OsStr) -> bool {
    name == LOCK_FILE
}
