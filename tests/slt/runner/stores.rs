//! The stores that files run over: made once, copied for each file, so that no file sees another's rows.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mmevol::ids::Clock;
use mmevol::import::MissingImages;
use mmevol::model::rules::RulesModel;
use mmevol::{Error, Evolution, Import, Result, Store};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// `examples/seeds` after three rounds by the embedded model.
    Photos,
    /// `tests/slt/seeds/finished.json`: two samples without image files, with finished rounds.
    Finished,
}

/// It is always noon of the first day of 2025.
#[derive(Debug)]
pub struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_735_732_800, 0).unwrap_or_default()
    }
}

/// Each store, made when it is first asked for.
#[derive(Debug, Default)]
pub struct Stores {
    photos: OnceCell<TempDir>,
    finished: OnceCell<TempDir>,
}

impl Stores {
    /// A copy of a store.
    pub async fn copy(&self, kind: StoreKind) -> Result<TempDir> {
        let original = match kind {
            StoreKind::Photos => self.photos.get_or_try_init(make_photos).await,
            StoreKind::Finished => self.finished.get_or_try_init(make_finished).await,
        }?;
        let copy = temporary()?;
        copy_folder(original.path(), copy.path()).map_err(|cause| Error::io("copy", original.path(), cause))?;
        Ok(copy)
    }
}

async fn make_photos() -> Result<TempDir> {
    let directory = temporary()?;
    let store = create(&directory).await?;
    Import::new("examples/seeds/seed.json").source("photos").run(&store).await?;
    Box::pin(Evolution::new(store, Arc::new(RulesModel)).run()).await?;
    Ok(directory)
}

async fn make_finished() -> Result<TempDir> {
    let directory = temporary()?;
    let store = create(&directory).await?;
    Import::new("tests/slt/seeds/finished.json").missing_images(MissingImages::Allow).run(&store).await?;
    Ok(directory)
}

async fn create(directory: &TempDir) -> Result<Store> {
    Ok(Store::create(directory.path()).await?.with_clock(Arc::new(FixedClock)))
}

fn temporary() -> Result<TempDir> {
    tempfile::tempdir().map_err(|cause| Error::io("create a folder in", std::env::temp_dir(), cause))
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => std::fs::copy(entry.path(), target).map(drop)?,
        }
    }
    Ok(())
}
