//! Statistics, the report and audits: figures against independent ones, what a predicate does, and what the page holds.

mod audits;
mod judges;
mod page;
mod real_figures;
mod statements;
mod tables;

use std::sync::Arc;

use mmevol::evolution::Settings;
use mmevol::model::rules::RulesModel;
use mmevol::report::{Facts, Selection, section};
use mmevol::{Evolution, Store};
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

/// A published store without a row.
async fn empty_store() -> TestStore {
    let test = TestStore::empty().await;
    test.store.writer("nothing", json!({})).await.unwrap().publish(json!({})).await.unwrap();
    test
}
