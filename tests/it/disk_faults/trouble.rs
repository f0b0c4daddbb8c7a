//! The trouble that a disk makes.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use mmevol::store::{DiskOperation, DiskWatch};

/// What every refused operation says.
pub const MESSAGE: &str = "trouble with the disk";

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It fails, and no other does.
    Fails,
    /// Nothing can be written any more; what was written can be read, renamed and removed.
    Fills,
    /// It and all others fail, as if the process were not there any more.
    Stops,
    /// The same, and of the tables' files that were not synced only the names are left.
    LosesPower,
}

/// A watch that makes trouble at one operation.
#[derive(Debug)]
pub struct Trouble {
    manner: Manner,
    at: u64,
    seen: AtomicU64,
    told: Mutex<Vec<(DiskOperation, PathBuf)>>,
}

impl Trouble {
    /// At the operation with this number, from 0, of those that the manner counts.
    pub fn at(manner: Manner, at: u64) -> Trouble {
        Trouble { manner, at, seen: AtomicU64::new(0), told: Mutex::default() }
    }

    /// Never, but it counts.
    pub fn none(manner: Manner) -> Trouble {
        Trouble::at(manner, u64::MAX)
    }

    /// Operations so far.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    /// Every operation that was allowed, in order.
    pub fn told(&self) -> Vec<(DiskOperation, PathBuf)> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// After a power loss, empties what was not on disk.
    pub fn end(&self) {
        if self.manner != Manner::LosesPower {
            return;
        }
        let mut unsynced = BTreeSet::new();
        for (operation, path) in self.told() {
            match operation {
                DiskOperation::Write | DiskOperation::Rename if is_of_a_table(&path) => drop(unsynced.insert(path)),
                DiskOperation::Sync => drop(unsynced.remove(&path)),
                _ => {}
            }
        }
        for path in unsynced.iter().filter(|path| path.is_file()) {
            fs::write(path, []).unwrap();
        }
    }

    /// A failure may strike anywhere; what stops everything makes a difference only where something is about to change.
    fn counts(&self, operation: DiskOperation) -> bool {
        match self.manner {
            Manner::Fails => true,
            Manner::Fills => operation == DiskOperation::Write,
            Manner::Stops | Manner::LosesPower => !matches!(operation, DiskOperation::Read | DiskOperation::List),
        }
    }
}

impl DiskWatch for Trouble {
    fn before(&self, operation: DiskOperation, path: &Path) -> io::Result<()> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = self.counts(operation);
        let number = if counts { self.seen.fetch_add(1, Ordering::SeqCst) } else { self.seen.load(Ordering::SeqCst) };
        let refused = match self.manner {
            Manner::Fails => number == self.at,
            Manner::Fills => counts && number >= self.at,
            Manner::Stops | Manner::LosesPower => number >= self.at,
        };
        if refused {
            let kind = if self.manner == Manner::Fills { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
            return Err(io::Error::new(kind, format!("{MESSAGE} at {}", path.display())));
        }
        told.push((operation, path.to_owned()));
        Ok(())
    }
}

fn is_of_a_table(path: &Path) -> bool {
    path.ancestors().any(|part| part.extension().is_some_and(|extension| extension == "lance") && part.is_dir())
}
