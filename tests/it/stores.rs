//! Stores to test with, and the clients that evolve them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mmevol::import::{ChangedRecords, ImportReport, MissingImages};
use mmevol::model::ChatModel;
use mmevol::model::openai::{ApiKey, OpenAiModel, RetryPolicy};
use mmevol::{Import, Session, Store};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::bundled_seeds;
use crate::endpoint::Endpoint;

/// The key that tests give; it must appear nowhere.
pub const KEY: &str = "sk-test-0123456789abcdef";

/// A store in a folder that goes away with it.
pub struct TestStore {
    folder: TempDir,
    pub store: Store,
}

impl TestStore {
    pub async fn empty() -> TestStore {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path().join("store")).await.unwrap();
        TestStore { folder, store }
    }

    /// The seven bundled photos with their fifteen items.
    pub async fn with_photos() -> TestStore {
        let test = TestStore::empty().await;
        test.import(Path::new(&bundled_seeds())).await;
        test
    }

    /// Samples without image files: `items[n]` items each.
    pub async fn with_items(items: &[usize]) -> TestStore {
        let test = TestStore::empty().await;
        test.import_items(items).await;
        test
    }

    /// Imports such samples, in place of what they were.
    pub async fn import_items(&self, items: &[usize]) {
        let item = |id, number| {
            let question = format!("What is at place {number} of room {id}?");
            json!({ "question": question, "answer": format!("Thing {number}."), "objects": ["thing"], "skills": ["OCR"] })
        };
        let sample = |(id, count): (usize, &usize)| {
            let items: Vec<Value> = (0..*count).map(|number| item(id, number)).collect();
            json!({ "id": format!("sample-{id}"), "image": "none.jpg", "conversations_v0": items })
        };
        let seeds: Vec<Value> = items.iter().enumerate().map(sample).collect();
        let path = self.folder.path().join("seeds.json");
        fs::write(&path, json!(seeds).to_string()).unwrap();
        let import = Import::new(path).missing_images(MissingImages::Allow).changed_records(ChangedRecords::Update);
        import.run(&self.store).await.unwrap();
    }

    pub async fn import(&self, path: &Path) -> ImportReport {
        Import::new(path).run(&self.store).await.unwrap()
    }

    /// The rows of a query.
    pub async fn rows<T: DeserializeOwned>(&self, sql: &str) -> Vec<T> {
        let session = Session::builder().store(self.store.clone()).build().await.unwrap();
        session.rows(sql).await.unwrap()
    }

    /// The rows of a query as JSON objects.
    pub async fn values(&self, sql: &str) -> Vec<Value> {
        self.rows(sql).await
    }

    /// The one number of a query.
    pub async fn count(&self, sql: &str) -> i64 {
        let rows = self.values(sql).await;
        assert_eq!(rows.len(), 1, "{sql}");
        rows[0].as_object().and_then(|row| row.values().next()).and_then(Value::as_i64).unwrap()
    }

    /// Whether any file of the store holds these bytes.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        holds(self.store.root(), bytes)
    }

    /// Every invariant of `mmevol check` holds.
    #[track_caller]
    pub fn assert_sound(&self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let violations = mmevol::check::check(&self.store).await.unwrap();
            assert!(violations.is_empty(), "at {caller}: {violations:?}");
        }
    }
}

fn holds(path: &Path, bytes: &[u8]) -> bool {
    if path.is_dir() {
        return fs::read_dir(path).unwrap().any(|entry| holds(&entry.unwrap().path(), bytes));
    }
    fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes)
}

/// A client of the endpoint that tries a failed request once more, at once.
pub fn client(endpoint: &Endpoint) -> Arc<dyn ChatModel> {
    client_of(endpoint, "test-model")
}

/// As [`client`], for a model of another name.
pub fn client_of(endpoint: &Endpoint, model: &str) -> Arc<dyn ChatModel> {
    let first_delay = Duration::from_millis(1);
    let retry_policy = RetryPolicy { max_attempts: 2, first_delay, max_delay: first_delay, ..RetryPolicy::default() };
    let client = OpenAiModel::builder(model).base_url(endpoint.base_url()).api_key(ApiKey::new(KEY)).retry_policy(retry_policy);
    Arc::new(client.build().unwrap())
}

/// A folder or file of the large test data beside the project; `None`, and a word about it, where that is not there.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}
