//! Import: a seed file and its images become rows of `images`, `samples`, `instructions` and, for finished rounds, `evolutions`.
//!
//! Records stream through: read, resolve images (on all cores), drop what the store has, write. Memory is bounded by the queues between
//! these steps plus 16 to 80 bytes for each sample, image and finished round the store holds, and the ids of what is replaced. Nothing is visible before everything is written.

mod known;
mod prepare;
mod replaced;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::error::{Error, Result};
use crate::formats::detect::{Format, detect, read_seeds};
use crate::formats::{FormatError, RecordFault, SeedRecord};
use crate::ids::stable_id;
use crate::image::ImageFolder;
use crate::store::{REJECTS_FOLDER, Store, counters};
use known::Known;
use prepare::{Prepared, prepare};
use rows::Rows;

/// Records that one task prepares at a time.
const RECORDS_PER_TASK: usize = 32;
/// Prepared groups that wait for the writer; with 25 KB images about 25 MB.
const GROUPS_WAITING: usize = 16;

/// The folder beside a seed file that images are looked for in first.
const IMAGES: &str = "images";

/// What to import and how.
#[derive(Debug, Clone)]
pub struct Import {
    path: PathBuf,
    images: Option<PathBuf>,
    format: Option<Format>,
    source: Option<String>,
    ids: Ids,
    missing_images: MissingImages,
    bad_records: BadRecords,
    changed_records: ChangedRecords,
    progress: Arc<ImportProgress>,
}

/// A record's number with what it became.
type Numbered = (u64, Result<Prepared, RecordFault>);

/// What tells the records of a source apart. Under the other rule than before, a record that is in the store comes in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ids {
    /// The record's own id; where it has none, its content.
    #[default]
    Record,
    /// Its content. Several records may have one id, and one that has changed is another one: [`ChangedRecords`] has nothing to decide.
    Content,
}

/// What to do with a record whose image file does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingImages {
    /// It is a bad record.
    #[default]
    Refuse,
    /// It comes in without the image; the path is kept in `samples.missing_images`.
    Allow,
}

/// What to do with a record that cannot be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadRecords {
    /// The import fails and changes nothing.
    #[default]
    Fail,
    /// The record goes to the rejects file, and the import goes on.
    Skip,
}

/// What to do with a record that is in the store with other content: another image, caption, box, topic or conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChangedRecords {
    /// It is a bad record.
    #[default]
    Fail,
    /// It replaces its sample and the sample's seed items. What was evolved from the old ones stays, and is stale, also where it came in finished;
    /// states that were published before keep the old ones. Seed items that the record no longer has stay as `eliminated`. If a finished round of
    /// the record is another one than came in before, its rounds replace all that came in so: those become `superseded`. What was evolved here is
    /// not replaced.
    Update,
}

/// How far an import is; safe to read while it runs.
#[derive(Debug, Default)]
pub struct ImportProgress {
    records: AtomicU64,
}

impl ImportProgress {
    /// Records read and prepared so far.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }
}

/// What an import added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Records read, whatever became of them.
    pub records: u64,
    /// New samples.
    pub samples: u64,
    /// Samples that the store, or an earlier record of the file, had already.
    pub known_samples: u64,
    /// Samples that were replaced, or whose finished rounds were, with [`ChangedRecords::Update`].
    pub updated_samples: u64,
    /// New images; equal files count once.
    pub images: u64,
    /// Image files that were not found, with `--allow-missing-images`.
    pub missing_images: u64,
    /// New items of every round, without the seed items of replaced samples.
    pub instructions: u64,
    /// Finished rounds of single samples.
    pub evolutions: u64,
    /// Records left out, with [`BadRecords::Skip`].
    pub rejected: u64,
    /// Where the rejected records are listed: a file named after the run, or after its content if nothing was added and there is no run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects_file: Option<PathBuf>,
}

/// A record that was left out, as the rejects file lists it.
#[derive(Debug, Serialize)]
struct Reject {
    record: u64,
    source_id: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Import {
    /// Imports the file at `path`. Its format is found from its name and first record, its images in the folder `images` beside it if there is
    /// one, else beside it; the source is named after it.
    pub fn new(path: impl Into<PathBuf>) -> Import {
        Import {
            path: path.into(),
            images: None,
            format: None,
            source: None,
            ids: Ids::default(),
            missing_images: MissingImages::default(),
            bad_records: BadRecords::default(),
            changed_records: ChangedRecords::default(),
            progress: Arc::default(),
        }
    }

    /// The folder that image paths are relative to.
    pub fn images(mut self, folder: impl Into<PathBuf>) -> Self {
        self.images = Some(folder.into());
        self
    }

    /// The file's format.
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// The name in `samples.source`; with the record's own key, or its content, it makes the sample's id.
    pub fn source(mut self, name: impl Into<String>) -> Self {
        self.source = Some(name.into());
        self
    }

    /// What tells records apart; their own ids by default.
    pub fn ids(mut self, rule: Ids) -> Self {
        self.ids = rule;
        self
    }

    /// What to do about image files that are not there; the import fails by default.
    pub fn missing_images(mut self, rule: MissingImages) -> Self {
        self.missing_images = rule;
        self
    }

    /// What to do about records that cannot be imported; the import fails by default.
    pub fn bad_records(mut self, rule: BadRecords) -> Self {
        self.bad_records = rule;
        self
    }

    /// What to do about records that have changed since they were imported; the import fails by default.
    pub fn changed_records(mut self, rule: ChangedRecords) -> Self {
        self.changed_records = rule;
        self
    }

    /// Where to watch the import from another task.
    pub fn progress(&self) -> Arc<ImportProgress> {
        Arc::clone(&self.progress)
    }

    /// Runs the import as one command: all of its rows appear, or none.
    ///
    /// # Errors
    /// [`Error::Record`] for the first record that cannot be imported (unless they are skipped); errors of the file and of the store.
    /// After an error the store is as it was; one that this import would have created is gone.
    pub async fn run(self, store: &Store) -> Result<ImportReport> {
        let report = self.write(store).await;
        if report.is_err() {
            // The error to tell is the one that came first; what cannot be removed now is recognised and replaced by the next import.
            let _ = store.remove_unpublished().await;
        }
        report
    }

    async fn write(self, store: &Store) -> Result<ImportReport> {
        let format = match self.format {
            Some(format) => format,
            None => match detect(&self.path) {
                // Whatever the format, each of its records is refused, or left out, for its own fault.
                Err(FormatError::Unreadable { .. }) => Format::Mmevol,
                found => found?,
            },
        };
        let source = self.source.clone().unwrap_or_else(|| file_stem(&self.path));
        let folder = Arc::new(self.image_folder()?);
        let settings = serde_json::json!({ "path": self.path, "format": format.to_string(), "source": source, "ids": self.ids });
        let mut writer = store.writer("import", settings).await?;
        let mut known = Known::load(writer.snapshot()).await?;
        let mut report = ImportReport::default();
        let mut rejects = Vec::new();
        let mut rows = Rows::start(&mut writer, source, self.ids, self.changed_records).await?;

        let mut groups = self.prepared_groups(format, folder)?;
        while let Some(group) = groups.try_next().await? {
            for (number, prepared) in group {
                report.records += 1;
                let outcome = match prepared {
                    Ok(prepared) => rows.add(number, prepared, &mut known, &mut report).await?,
                    Err(fault) => Err(fault),
                };
                if let Err(RecordFault { source_id, message, hint }) = outcome {
                    match self.bad_records {
                        BadRecords::Fail => return Err(Error::Record { path: self.path, number, source_id, message, hint }),
                        BadRecords::Skip => rejects.push(Reject { record: number, source_id, message, hint }),
                    }
                }
            }
        }
        rows.finish(&mut writer).await?;
        report.rejected = rejects.len() as u64;
        let is_run = report.samples + report.updated_samples + report.evolutions > 0 || writer.snapshot().catalog().generation == 0;
        report.rejects_file = write_rejects(store.root(), is_run.then(|| writer.run_id()), &rejects)?;
        if is_run {
            writer.publish(counters(&report)?).await?;
        }
        Ok(report)
    }

    /// Groups of prepared records, in the file's order.
    fn prepared_groups(
        &self,
        format: Format,
        folder: Arc<ImageFolder>,
    ) -> Result<impl futures::Stream<Item = Result<Vec<Numbered>>> + Unpin + use<>> {
        let records = read_seeds(&self.path, format)?;
        let (sender, receiver) = mpsc::channel(GROUPS_WAITING);
        tokio::task::spawn_blocking(move || send_groups(records, &sender));
        let missing_images = self.missing_images;
        let progress = Arc::clone(&self.progress);
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(ReceiverStream::new(receiver)
            .map(move |group: Result<Vec<SeedRecord>>| {
                let (folder, progress) = (Arc::clone(&folder), Arc::clone(&progress));
                async move {
                    let group = group?;
                    let prepare_all = move || {
                        group
                            .into_iter()
                            .map(|record| {
                                let prepared = prepare(record.sample, &folder, missing_images);
                                progress.records.fetch_add(1, Ordering::Relaxed);
                                (record.number, prepared)
                            })
                            .collect::<Vec<_>>()
                    };
                    let prepared = tokio::task::spawn_blocking(prepare_all).await;
                    prepared.map_err(|cause| Error::task_ended("reads images", cause))
                }
            })
            .buffered(threads * 2))
    }

    fn image_folder(&self) -> Result<ImageFolder> {
        if let Some(folder) = &self.images {
            return Ok(ImageFolder::open(folder)?);
        }
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let images = parent.join(IMAGES);
        match images.is_dir() {
            // Some files, such as our own exports, name the folder in their paths, and some do not.
            true => Ok(ImageFolder::open(images)?.named(IMAGES)),
            false => Ok(ImageFolder::open(parent)?),
        }
    }
}

/// Reads records on the blocking thread it is called on, until the file ends, fails, or nobody listens.
fn send_groups(
    mut records: Box<dyn Iterator<Item = Result<SeedRecord, FormatError>> + Send>,
    sender: &mpsc::Sender<Result<Vec<SeedRecord>>>,
) {
    loop {
        let group: Result<Vec<SeedRecord>, _> = records.by_ref().take(RECORDS_PER_TASK).collect();
        let last = !matches!(&group, Ok(group) if group.len() == RECORDS_PER_TASK);
        let sent = match group {
            Ok(group) if group.is_empty() => Ok(()),
            group => sender.blocking_send(group.map_err(Error::from)),
        };
        if last || sent.is_err() {
            return;
        }
    }
}

/// Lists the records that were left out; `run_id` is `None` where the import is no run, whose name the next command would use again.
fn write_rejects(root: &Path, run_id: Option<&str>, rejects: &[Reject]) -> Result<Option<PathBuf>> {
    if rejects.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    for reject in rejects {
        text += &serde_json::to_string(reject).map_err(|cause| Error::internal("failed to list a rejected record", cause))?;
        text.push('\n');
    }
    // Importing again adds nothing, not even another list of the same.
    let name = run_id.map_or_else(|| format!("no-run-{}", stable_id([Some("rejects"), Some(text.as_str())])), str::to_owned);
    let folder = root.join(REJECTS_FOLDER);
    let path = folder.join(format!("{name}.jsonl"));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, text));
    written.map_err(|cause| Error::io("write", &path, cause))?;
    Ok(Some(path))
}

fn file_stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "seeds".into(), |stem| stem.to_string_lossy().into_owned())
}
