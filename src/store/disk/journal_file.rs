//! The file of the journal, as the database under it uses it.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Builder, Database, StorageBackend};

use super::{Disk, DiskOperation, DiskWatch};

/// Opens the database in file `path`, or makes it there.
pub(in crate::store) fn open_journal(disk: &Disk, builder: &Builder, path: &Path) -> Result<Database, redb::Error> {
    let Some(watch) = &disk.watch else { return Ok(builder.create(path)?) };
    watch.before(DiskOperation::Write, path)?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let plain = FileBackend::new(file)?;
    Ok(builder.create_with_backend(Watched { plain, path: path.to_owned(), watch: Arc::clone(watch) })?)
}

/// A file under a watch. It takes no lock of its own, since whoever has the journal has the write lock of its store.
#[derive(Debug)]
struct Watched {
    plain: FileBackend,
    path: PathBuf,
    watch: Arc<dyn DiskWatch>,
}

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.plain.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.watch.before(DiskOperation::Read, &self.path)?;
        self.plain.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.watch.before(DiskOperation::Write, &self.path)?;
        self.plain.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.watch.before(DiskOperation::Sync, &self.path)?;
        self.plain.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.watch.before(DiskOperation::Write, &self.path)?;
        self.plain.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.plain.close()
    }
}
