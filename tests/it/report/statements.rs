//! The statements of `sql/report/`: each runs as it stands, over any store.

use std::fs;

use mmevol::Session;
use mmevol::report::SECTIONS;
use serde_json::Value;

use super::{empty_store, evolved_photos};
use crate::stores::TestStore;

/// Every file of `sql/report/`, by its stem.
fn files() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/report");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sql = paths.filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
    let mut files: Vec<(String, String)> =
        sql.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn every_file_is_a_section() {
    let mut names: Vec<&str> = SECTIONS.iter().map(|section| section.name()).collect();
    // The page alone shows examples.
    names.push("examples");
    names.sort_unstable();
    assert_eq!(files().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
}

/// Not as JSON, which has no NaN.
async fn assert_no_nan(session: &Session, name: &str, sql: &str) -> usize {
    let mut rows = 0;
    for batch in session.collect(sql).await.unwrap_or_else(|error| panic!("{name}: {error}")) {
        rows += batch.num_rows();
        let table = arrow::util::pretty::pretty_format_batches(&[batch]).unwrap().to_string();
        assert!(!table.contains("NaN") && !table.contains(" inf") && !table.contains("-inf"), "{name}\n{table}");
    }
    rows
}

#[tokio::test]
async fn each_runs_as_it_stands_over_any_store() {
    let one = TestStore::with_items(&[1]).await;
    let same = TestStore::with_items(&[2, 2, 2]).await;
    let (evolved, empty) = (evolved_photos().await, empty_store().await);
    for (test, about) in [(&empty, "empty"), (&one, "one item"), (&same, "equal items"), (&evolved, "evolved")] {
        let session = Session::builder().store(test.store.clone()).build().await.unwrap();
        for (name, sql) in files() {
            let rows = assert_no_nan(&session, &format!("{name}, {about}"), &sql).await;
            assert!(about != "empty" || rows == 0, "{name} says something of nothing");
        }
    }
}

/// Marks of images have no item: they count for the items that are about those images.
#[tokio::test]
async fn duplicates_of_images_count_their_items() {
    let test = evolved_photos().await;
    let first = test.values("SELECT min(image_id) AS id FROM images").await[0]["id"].as_str().unwrap().to_owned();
    let session = Session::builder().store(test.store.clone()).build().await.unwrap();
    let insert = format!(
        "INSERT INTO duplicates (method, threshold, group_id, member_id, representative_id, similarity, run_id, created_at) \
         SELECT 'image', 0.9, 'alike', image_id, '{first}', 1.0, 'by-hand', now() FROM images"
    );
    session.collect(&insert).await.unwrap();
    let by_hand = format!(
        "SELECT 'image' AS method, 0.9 AS threshold, i.round, 1 AS groups, count(*) AS members, \
         count(*) FILTER (WHERE s.image_ids[1] <> '{first}') AS duplicates \
         FROM instructions i JOIN samples s ON i.sample_id = s.sample_id GROUP BY i.round ORDER BY i.round"
    );
    assert_eq!(super::rows(&test.store, None, "duplicates").await, test.values(&by_hand).await);
}

/// An attempt whose items were not chosen was an attempt all the same.
#[tokio::test]
async fn what_was_tried_and_not_chosen_is_not_called_untried() {
    let test = evolved_photos().await;
    let flow = super::rows(&test.store, Some("round = 0 OR operator = 'interaction'"), "flow").await;
    assert!(flow.iter().any(|row| row["to_state"] == "not chosen"), "{flow:?}");
    assert!(flow.iter().all(|row| row["from_state"] != "not tried" && row["to_state"] != "not tried"), "{flow:?}");
    let whole = super::rows(&test.store, None, "flow").await;
    assert!(whole.iter().all(|row| row["to_state"] != "not chosen"), "{whole:?}");
}

/// Nothing is lost between the sections: each round's items are those of the table.
#[tokio::test]
async fn sections_count_the_same_items() {
    let test = evolved_photos().await;
    let items = super::rows(&test.store, None, "items").await;
    let of_table = test
        .values("SELECT round, count(*) AS items, count(*) FILTER (WHERE status = 'kept') AS kept FROM instructions GROUP BY round ORDER BY round")
        .await;
    let pair = |row: &Value| (row["round"].clone(), row["items"].clone(), row["kept"].clone());
    assert_eq!(items.iter().map(pair).collect::<Vec<_>>(), of_table.iter().map(pair).collect::<Vec<_>>());
    let sum = |rows: &[Value], column: &str| rows.iter().map(|row| row[column].as_i64().unwrap()).sum::<i64>();
    let kept = sum(&items, "kept");
    for (name, column) in [("complexity", "kept"), ("formats", "kept"), ("descent", "kept")] {
        assert_eq!(sum(&super::rows(&test.store, None, name).await, column), kept, "{name}");
    }
    let histogram = super::rows(&test.store, None, "skills_per_item").await;
    assert_eq!(sum(&histogram, "seed") + sum(&histogram, "evolved"), kept);
    // Every stage of the flow holds every sample.
    let flow = super::rows(&test.store, None, "flow").await;
    for round in [1, 2] {
        let stage: Vec<Value> = flow.iter().filter(|row| row["to_round"] == round).cloned().collect();
        assert_eq!(sum(&stage, "samples"), 7, "round {round}");
    }
}
