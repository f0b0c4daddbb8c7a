//! A disk that fails, fills, falls silent or loses power at any operation of a small piece of work: what is on it is sound, and the same work done
//! again ends as if nothing had happened.
//!
//! Here every operation that the store does is told to a watch before it happens (`Store::with_disk_watch`), and the watch refuses some.

mod trouble;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use mmevol::evolution::Settings;
use mmevol::export::Images;
use mmevol::formats::export::ExportFormat;
use mmevol::import::{BadRecords, MissingImages};
use mmevol::store::DiskOperation;
use mmevol::{Error, Evolution, Export, Import, Result, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::trouble::{Manner, Trouble};
use crate::chance::Chance;
use crate::contents::{Contents, assert_same, contents};
use crate::endpoint::Endpoint;
use crate::golden_stores::data;
use crate::stores::client;

/// Samples of the work, and so the requests that can be in flight at once.
const SAMPLES: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_once() {
    suffer(Manner::Fails, Points::Few).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full() {
    suffer(Manner::Fills, Points::Few).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stops() {
    suffer(Manner::Stops, Points::Few).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_loss() {
    suffer(Manner::LosesPower, Points::Few).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: make test-slow"]
async fn a_disk_that_fails_once_at_every_operation() {
    suffer(Manner::Fails, Points::Every).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: make test-slow"]
async fn a_disk_that_is_full_at_every_operation() {
    suffer(Manner::Fills, Points::Every).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: make test-slow"]
async fn a_process_that_stops_at_every_operation() {
    suffer(Manner::Stops, Points::Every).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: make test-slow"]
async fn a_power_loss_at_every_operation() {
    suffer(Manner::LosesPower, Points::Every).await;
}

/// At how many of its operations the work is disturbed.
enum Points {
    Few,
    Every,
}

impl Points {
    /// One in each of so many equal parts of the work.
    fn choose(&self, operations: u64) -> Vec<u64> {
        match self {
            Points::Every => (0..operations).collect(),
            Points::Few => {
                let mut chance = Chance::seeded(1);
                println!("{chance}");
                let parts = 2;
                (0..parts).map(|part| (operations * part + chance.below(operations)) / parts).collect()
            }
        }
    }
}

/// Does the work once for each point, and once more after the trouble is over.
async fn suffer(manner: Manner, points: Points) {
    let quiet = Work::new();
    let watch = Arc::new(Trouble::none(manner));
    quiet.run(Some(&watch)).await.unwrap();
    let (complete, operations) = (quiet.contents().await, watch.seen());
    println!("{operations} operations");

    let points = points.choose(operations);
    let suffered = stream::iter(points.iter().copied()).map(|at| tokio::spawn(suffer_at(manner, at))).buffered(2);
    let outcomes: Vec<(u64, Disturbed)> = stream::iter(points.iter().copied()).zip(suffered.map(|joined| joined.unwrap())).collect().await;
    for (at, Disturbed { work, .. }) in &outcomes {
        let story = format!("{manner:?} at operation {at}");
        assert_same(&work.contents().await, &complete, &story);
        let (asked, distinct) = (work.endpoint.requests(), work.endpoint.distinct_requests());
        assert_eq!(distinct, quiet.endpoint.distinct_requests(), "{story}");
        assert!(asked <= distinct + SAMPLES, "{asked} requests, {distinct} of them distinct: {story}");
        assert_eq!(work.exported(), quiet.exported(), "{story}");
    }
    let failed = outcomes.iter().filter(|(_, disturbed)| disturbed.failed).count();
    // What could not be read is read again by Lance, and nobody notices.
    let noticed = manner == Manner::Fails || failed * 2 >= outcomes.len();
    assert!(noticed, "only {failed} of {} commands noticed", outcomes.len());
}

/// Work that was disturbed and completed.
struct Disturbed {
    work: Work,
    /// Whether a command failed.
    failed: bool,
}

async fn suffer_at(manner: Manner, at: u64) -> Disturbed {
    let work = Work::new();
    let watch = Arc::new(Trouble::at(manner, at));
    let outcome = work.run(Some(&watch)).await;
    watch.end();
    if let Err(error) = &outcome {
        println!("{manner:?} at operation {at}: {error}");
        assert!(error.to_string().contains(trouble::MESSAGE), "{manner:?} at operation {at}: {error}");
    }
    match Store::open(work.store()).await {
        Ok(store) => {
            let violations = mmevol::check::check(&store).await.unwrap();
            assert!(violations.is_empty(), "{manner:?} at operation {at}: {violations:?}");
        }
        Err(error) => assert!(matches!(error, Error::NoStore { .. }), "{manner:?} at operation {at}: {error}"),
    }
    work.run(None).await.unwrap_or_else(|error| panic!("after {manner:?} at operation {at}: {error}"));
    Disturbed { work, failed: outcome.is_err() }
}

/// An import with a record that cannot be imported, a round, and an export.
struct Work {
    folder: TempDir,
    endpoint: Endpoint,
}

impl Work {
    fn new() -> Work {
        Work { folder: tempfile::tempdir().unwrap(), endpoint: Endpoint::evolving() }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    async fn run(&self, watch: Option<&Arc<Trouble>>) -> Result<()> {
        let mut store = Store::create(self.store()).await?;
        if let Some(watch) = watch {
            store = store.with_disk_watch(Arc::clone(watch) as _);
        }
        let seeds = self.folder.path().join("seeds.json");
        let mut records: Vec<Value> = serde_json::from_slice(&std::fs::read(data("seeds.json")).unwrap()).unwrap();
        records.push(json!({ "id": "nothing" }));
        std::fs::write(&seeds, json!(records).to_string()).unwrap();
        let import = Import::new(seeds).images(data("images")).missing_images(MissingImages::Allow).bad_records(BadRecords::Skip);
        import.run(&store).await?;
        let settings = Settings { rounds: 1, ..Settings::default() };
        Evolution::new(store.clone(), client(&self.endpoint)).settings(settings).run().await?;
        Export::new(self.export(), ExportFormat::Llava).images(Images::None).run(&store).await?;
        Ok(())
    }

    fn export(&self) -> PathBuf {
        self.folder.path().join("dataset.json")
    }

    async fn contents(&self) -> Contents {
        contents(&self.store()).await
    }

    fn exported(&self) -> Vec<String> {
        let samples: Vec<Value> = serde_json::from_slice(&std::fs::read(self.export()).unwrap()).unwrap();
        let mut samples: Vec<String> = samples.iter().map(Value::to_string).collect();
        samples.sort();
        samples
    }
}

/// Whatever a catalog names is on disk before the catalog is.
#[tokio::test]
async fn a_publication_syncs_what_it_names() {
    let work = Work::new();
    let watch = Arc::new(Trouble::none(Manner::Stops));
    work.run(Some(&watch)).await.unwrap();
    let mut unsynced: Vec<PathBuf> = Vec::new();
    let mut publications = 0;
    for (operation, path) in watch.told() {
        let is_table = path.components().any(|part| Path::new(&part).extension().is_some_and(|extension| extension == "lance"));
        match operation {
            DiskOperation::Write | DiskOperation::Rename if is_table => unsynced.push(path),
            DiskOperation::Sync => unsynced.retain(|unsynced| *unsynced != path),
            DiskOperation::Rename if path.ends_with("catalog.json") => {
                publications += 1;
                // What was a step to a name of its own is gone.
                unsynced.retain(|path| path.exists() && !path.ends_with("latest_version_hint.json"));
                assert!(unsynced.is_empty(), "publication {publications}: {unsynced:?}");
            }
            _ => {}
        }
    }
    assert_eq!(publications, 2, "the import and the round");
}
