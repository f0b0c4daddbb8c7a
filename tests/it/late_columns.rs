//! Long columns are read only of the rows that are wanted, and what comes out is the same as over a copy in memory.

use mmevol::Session;
use mmevol::store::Table;
use regex::Regex;
use serde_json::{Value, json};

use crate::stores::TestStore;

const SAMPLES: usize = 60;

/// Queries over a table `{items}` of two items for each sample, with how many rows their long columns are read of one by one; `None` where
/// they are read whole.
const QUERIES: [(&str, Option<usize>); 9] = [
    ("SELECT question, answer FROM {items} WHERE sample_id = (SELECT min(sample_id) FROM {items})", None),
    ("SELECT question, answer, position FROM {items} WHERE question = 'What is at place 1 of room 7?'", Some(1)),
    ("SELECT question, skills FROM {items} WHERE round = 0", None),
    ("SELECT question FROM {items} WHERE position = 1 AND question LIKE '%room 1_?'", Some(10)),
    ("SELECT answer FROM {items} WHERE question = 'nobody asks this'", Some(0)),
    ("SELECT question, answer FROM {items}", None),
    (
        "SELECT i.question, i.steps FROM (SELECT sample_id FROM samples WHERE source_id IN ('sample-3', 'sample-4')) s JOIN {items} i ON s.sample_id = i.sample_id",
        Some(4),
    ),
    (
        "SELECT i.question FROM (SELECT sample_id FROM samples WHERE source_id = 'sample-3') s JOIN {items} i ON s.sample_id = i.sample_id WHERE i.position = 1",
        Some(1),
    ),
    ("SELECT i.question FROM samples s JOIN {items} i ON s.sample_id = i.sample_id", None),
];

#[tokio::test]
async fn long_columns_are_read_late_and_the_rows_are_the_same() {
    let test = TestStore::with_items(&[2; SAMPLES]).await;
    compare(&test).await;
    // Addresses and numbers of rows differ once some are gone.
    let mut writer = test.store.writer("test", json!({})).await.unwrap();
    writer.delete(Table::Instructions, "question = 'What is at place 0 of room 0?'").await.unwrap();
    writer.publish(json!({})).await.unwrap();
    compare(&test).await;
}

async fn compare(test: &TestStore) {
    let session = Session::builder().store(test.store.clone()).build().await.unwrap();
    session.collect("CREATE TABLE copy AS SELECT * FROM instructions").await.unwrap();
    for (query, taken) in QUERIES {
        let stored = query.replace("{items}", "instructions");
        let found = sorted(&session, &stored).await;
        assert_eq!(found, sorted(&session, &query.replace("{items}", "copy")).await, "{query}");
        assert_eq!(rows_taken(&session, &stored).await, taken, "{query}");
    }
}

async fn sorted(session: &Session, query: &str) -> Vec<String> {
    let mut rows: Vec<String> = values(session, query).await.iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

async fn values(session: &Session, query: &str) -> Vec<Value> {
    session.rows(query).await.unwrap()
}

async fn rows_taken(session: &Session, query: &str) -> Option<usize> {
    let plan = values(session, &format!("EXPLAIN ANALYZE {query}")).await;
    let plan = plan[0]["plan"].as_str().unwrap();
    let counter = Regex::new(r"rows_taken=(\d+)").unwrap();
    counter.captures(plan).map(|found| found[1].parse().unwrap())
}

/// A limit in the scan holds for the rows that pass the filter.
#[tokio::test]
async fn a_limit_counts_rows_that_pass() {
    let test = TestStore::with_items(&[2; SAMPLES]).await;
    let rows = test.values("SELECT question FROM instructions WHERE position = 1 LIMIT 3").await;
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["question"].as_str().unwrap().contains("place 1")), "{rows:?}");
}
