//! What items call their abilities, objects and formats: names of their own count like those of the tables, each once an item.

use std::fs;

use mmevol::Session;
use mmevol::report::Report;
use serde_json::{Value, json};

use super::{finished_rounds, rows};

/// Some columns of all rows.
fn columns(rows: &[Value], names: &[&str]) -> Vec<Value> {
    rows.iter().map(|row| names.iter().map(|name| row[*name].clone()).collect()).collect()
}

#[tokio::test]
async fn of_a_models_own_are_named_and_count_once_an_item() {
    let test = finished_rounds().await;
    let skills = rows(&test.store, None, "skills").await;
    assert_eq!(
        columns(&skills, &["skill", "canonical", "seed", "evolved", "evolved_share"]),
        [json!(["planning", false, 0, 2, 0.5]), json!(["OCR Ability", true, 0, 1, 0.25]), json!(["creative thinking", false, 0, 1, 0.25])]
    );
    let formats = rows(&test.store, None, "formats").await;
    assert_eq!(
        columns(&formats, &["round", "format", "kept"]),
        [json!([0, "Norm", 1]), json!([1, "journey mapping", 2]), json!([2, "scenario_analysis", 1])]
    );
    let objects = rows(&test.store, None, "objects").await;
    assert_eq!(columns(&objects, &["object", "seed", "evolved"]), [json!(["dog", 1, 1]), json!(["bird", 0, 1]), json!(["cat", 0, 1])]);
    let coco = rows(&test.store, None, "coco_objects").await;
    assert_eq!(columns(&coco, &["round", "coco_mentions"]), [json!([0, 1]), json!([1, 2]), json!([2, 1])]);
    let boxes = rows(&test.store, None, "box_sizes").await;
    assert_eq!(columns(&boxes, &["round", "without_box"]), [json!([0, 1]), json!([1, 2]), json!([2, 1])]);
    let ranks = rows(&test.store, None, "rank_frequency").await;
    let of_round_1: Vec<Value> = ranks.into_iter().filter(|row| row["round"] == 1).collect();
    assert_eq!(
        columns(&of_round_1, &["kind", "name", "items"]),
        [
            json!(["object", "cat", 1]),
            json!(["object", "dog", 1]),
            json!(["skill", "OCR Ability", 1]),
            json!(["skill", "creative thinking", 1]),
            json!(["skill", "planning", 1])
        ]
    );
    // The means are of the lists as they are, as the authors count them.
    let complexity = rows(&test.store, None, "complexity").await;
    assert_eq!(columns(&complexity, &["skills", "objects"]), [json!([0.0, 1.0]), json!([2.5, 1.5]), json!([1.0, 1.0])]);
}

/// A name is new if no earlier round of the store has it, whatever is looked at.
#[tokio::test]
async fn are_new_by_the_whole_store() {
    let test = finished_rounds().await;
    for predicate in [None, Some("round = 2")] {
        let tail = rows(&test.store, predicate, "long_tail").await;
        let of_round_2: Vec<Value> = tail.into_iter().filter(|row| row["round"] == 2).collect();
        assert_eq!(
            columns(&of_round_2, &["kind", "distinct_names", "mentions", "new_names"]),
            [json!(["format", 1, 1, 1]), json!(["object", 1, 1, 1]), json!(["skill", 1, 1, 0])],
            "{predicate:?}"
        );
    }
}

/// INSERT takes lists with NULL inside: neither a statement nor the page may fail for one.
#[tokio::test]
async fn that_are_null_are_left_out() {
    let test = finished_rounds().await;
    let session = Session::builder().store(test.store.clone()).build().await.unwrap();
    let insert = "INSERT INTO instructions (instruction_id, sample_id, round, operator, position, question, answer, objects, skills, format, \
                  steps, faults, status, run_id, created_at) \
                  SELECT 'by-hand', sample_id, CAST(3 AS INT), operator, position, 'Inserted?', answer, [NULL, 'bird'], [NULL, 'OCR'], ' ', \
                  steps, [NULL, 'no_parent'], status, run_id, created_at FROM instructions WHERE round = 2";
    session.collect(insert).await.unwrap();
    let formats = rows(&test.store, None, "formats").await;
    assert!(formats.iter().any(|row| row["round"] == 3 && row["format"] == "unnamed"), "{formats:?}");
    let faults = rows(&test.store, None, "faults").await;
    assert!(faults.iter().all(|row| row["fault"] == "no_parent"), "{faults:?}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    Report::new(&path).write(&test.store).await.unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("Inserted?"), "the item is an example");
}
