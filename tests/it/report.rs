//! Statistics, the report and audits: figures against independent ones, what a predicate does, and what the page holds.

mod audits;
mod judges;
mod names;
mod page;
mod real_figures;
mod statements;
mod tables;

use std::fs;
use std::sync::Arc;

use mmevol::evolution::Settings;
use mmevol::import::MissingImages;
use mmevol::model::rules::RulesModel;
use mmevol::report::{Facts, Selection, section};
use mmevol::{Evolution, Import, Store};
use serde_json::{Value, json};

use crate::stores::TestStore;

/// The rows of a section.
async fn rows(store: &Store, predicate: Option<&str>, name: &str) -> Vec<Value> {
    let selection = Selection { predicate: predicate.map(str::to_owned), at: None };
    let facts = Facts::gather(store, selection).await.unwrap();
    facts.rows(section(name).unwrap().text()).await.unwrap()
}

/// The bundled photos after two rounds by the embedded model.
async fn evolved_photos() -> TestStore {
    let test = TestStore::with_photos().await;
    evolve(&test).await;
    test
}

async fn evolve(test: &TestStore) {
    let settings = Settings { rounds: 2, ..Settings::default() };
    Evolution::new(test.store.clone(), Arc::new(RulesModel)).settings(settings).run().await.unwrap();
}

/// A sample with two rounds that came finished. They call things by names of their own, now so, now so, and twice in one item.
async fn finished_rounds() -> TestStore {
    fn item(question: &str, objects: &[&str], skills: &[&str], format: &str) -> Value {
        json!({ "question": question, "answer": "Yes.", "objects": objects, "skills": skills, "format": format, "steps": [], "score": 5 })
    }
    let seeds = json!([{
        "id": "one",
        "image": "none.jpg",
        "conversations_v0": [item("What is there?", &["Dog"], &[], "Norm")],
        "conversations_v1": [
            item("What does the dog plan?", &["Dog", "dog "], &["OCR", "ocr ability", "Creative Thinking", " creative thinking"], "Journey Mapping"),
            item("What does the cat plan?", &["cat"], &["Planning"], "journey mapping")
        ],
        "conversations_v2": [item("What does the bird plan?", &["bird"], &["planning"], "scenario_analysis")]
    }]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seeds.json");
    fs::write(&path, seeds.to_string()).unwrap();
    let test = TestStore::empty().await;
    Import::new(&path).missing_images(MissingImages::Allow).run(&test.store).await.unwrap();
    test
}

/// A published store without a row.
async fn empty_store() -> TestStore {
    let test = TestStore::empty().await;
    test.store.writer("nothing", json!({})).await.unwrap().publish(json!({})).await.unwrap();
    test
}
