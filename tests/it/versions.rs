//! States of the store: what changed between them, going back to one, and reading one while others are written.

use std::fs;

use arrow::array::AsArray;
use mmevol::Session;
use serde_json::Value;

use crate::command::{Workspace, bundled_seeds};
use crate::endpoint::Endpoint;
use crate::stores::TestStore;

/// Photos that went through two rounds: run 1 imported them, runs 2 and 3 are the rounds.
fn evolved() -> (Workspace, Endpoint) {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint);
    (workspace, endpoint)
}

fn evolve(workspace: &Workspace, endpoint: &Endpoint) {
    let url = endpoint.base_url();
    workspace.run(&["evolve", "--rounds", "2", "--model", "test-model", "--base-url", &url]).expect_code(0);
}

fn csv(workspace: &Workspace, sql: &str) -> String {
    workspace.run(&["sql", sql, "--output", "csv"]).expect_code(0).stdout
}

const ITEMS: &str = "SELECT instruction_id, status FROM instructions ORDER BY instruction_id";

#[test]
fn help_says_how_states_are_named() {
    let workspace = Workspace::new();
    for command in ["diff", "restore"] {
        workspace.assert_snapshot(&format!("help_{command}"), &workspace.run(&[command, "--help"]));
    }
}

#[test]
fn diff_counts_per_round_and_operator() {
    let (workspace, _endpoint) = evolved();
    workspace.assert_snapshot("diff", &workspace.run(&["diff", "run-2", "now"]));
    workspace.assert_snapshot("diff_back", &workspace.run(&["diff", "now", "before-run-2"]));
    workspace.assert_snapshot("diff_same", &workspace.run(&["diff", "after-run-2", "before-run-3"]));
    workspace.assert_snapshot("diff_unknown", &workspace.run(&["diff", "befor-run-2", "now"]));
    let json = workspace.run(&["diff", "run-1", "run-2", "--output", "json"]).expect_code(0);
    let rows: Value = serde_json::from_str(&json.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    let sum = |column: &str| rows.iter().map(|row| row[column].as_i64().unwrap()).sum::<i64>();
    let items = csv(&workspace, "SELECT count(*) AS items FROM instructions WHERE round = 1");
    assert_eq!(format!("items\n{}\n", sum("added")), items, "{json}");
    assert_eq!((sum("removed"), sum("changed")), (0, 0), "{json}");
    assert_eq!((sum("evolutions_kept_a"), sum("evolutions_kept_b") + sum("evolutions_eliminated_b")), (0, 7), "{json}");
    assert!(rows.iter().all(|row| row["round"] == 1), "{json}");
}

#[test]
fn a_version_that_is_gone_has_no_count_and_hides_no_other() {
    let workspace = Workspace::with_photos();
    // Lance counts the names of its manifests down.
    fs::remove_file(workspace.store().join(format!("instructions.lance/_versions/{}.manifest", u64::MAX - 1))).unwrap();
    let rows = "SELECT version, coalesce(CAST(rows AS VARCHAR), 'gone') AS rows FROM versions('instructions') ORDER BY version";
    assert_eq!(csv(&workspace, rows), "version,rows\n1,gone\n2,15\n2,15\n");
}

#[test]
fn restore_goes_back_and_everything_works_on() {
    let (workspace, endpoint) = evolved();
    let (items, requests) = (csv(&workspace, ITEMS), endpoint.requests());
    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    workspace.assert_snapshot("restore_dry_run", &workspace.run(&["restore", "run-1", "--dry-run"]));
    assert_eq!(fs::read(workspace.store().join("catalog.json")).unwrap(), catalog, "a dry run writes nothing");

    workspace.assert_snapshot("restore", &workspace.run(&["restore", "run-1"]));
    assert_eq!(csv(&workspace, "SELECT max(round) AS round, count(*) AS items FROM instructions"), "round,items\n0,15\n");
    for table in ["images", "samples", "instructions", "evolutions"] {
        let differing = csv(&workspace, &format!("SELECT count(*) AS rows FROM diff('{table}', 'run-1', 'now')"));
        assert_eq!(differing, "rows\n0\n", "{table}");
    }
    workspace.run(&["diff", "run-1", "now"]).expect_code(0).expect_stderr(&["no instruction and no evolution differs"]);
    assert_eq!(csv(&workspace, "SELECT command FROM runs ORDER BY run_id"), "command\nimport\nevolve\nevolve\nrestore\n");
    workspace.run(&["check"]).expect_code(0);
    workspace.assert_snapshot("restore_again", &workspace.run(&["restore", "run-1"]));

    // Evolving anew makes the same items, from answers that are there already; importing adds to what is there.
    evolve(&workspace, &endpoint);
    assert_eq!(endpoint.requests(), requests, "no answer is asked for twice");
    assert_eq!(csv(&workspace, ITEMS), items);
    workspace.run(&["import", &bundled_seeds(), "--source", "again"]).expect_code(0);
    workspace.run(&["check"]).expect_code(0);
    assert_eq!(csv(&workspace, "SELECT count(*) AS samples FROM samples"), "samples\n14\n");

    // Tags of before the restore still name what they named; going back to them takes the restore back.
    workspace.run(&["restore", "run-3"]).expect_code(0);
    assert_eq!(csv(&workspace, ITEMS), items);
    workspace.run(&["diff", "run-3", "now"]).expect_code(0).expect_stderr(&["no instruction and no evolution differs"]);
    workspace.run(&["check"]).expect_code(0);
}

#[test]
fn restore_wants_a_state_that_is_there() {
    let workspace = Workspace::with_photos();
    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    workspace.assert_snapshot("restore_unknown", &workspace.run(&["restore", "before-run-7"]));
    workspace.run(&["--store", "nowhere", "restore", "run-1"]).expect_code(1).expect_stderr(&["there is no store at 'nowhere'"]);
    assert_eq!(fs::read(workspace.store().join("catalog.json")).unwrap(), catalog);
}

#[test]
fn the_empty_store_before_the_first_run_can_be_restored() {
    let workspace = Workspace::with_photos();
    workspace.run(&["restore", "before-run-1"]).expect_code(0);
    assert_eq!(csv(&workspace, "SELECT count(*) AS items FROM instructions"), "items\n0\n");
    workspace.run(&["import", &bundled_seeds(), "--source", "demo"]).expect_code(0).expect_stderr(&["imported 7 of 7 records"]);
    workspace.run(&["check"]).expect_code(0);
}

#[test]
fn export_of_an_earlier_state() {
    let (workspace, _endpoint) = evolved();
    workspace.run(&["export", "-o", "then.json", "--format", "llava", "--at", "run-2", "--images", "none"]).expect_code(0);
    let manifest: Value = serde_json::from_slice(&fs::read(workspace.path("then.json.manifest.json")).unwrap()).unwrap();
    assert_eq!((manifest["at"].as_str(), manifest["store_generation"].as_u64()), (Some("run-2"), Some(2)), "{manifest:#}");
    workspace.run(&["restore", "run-2"]).expect_code(0);
    workspace.run(&["export", "-o", "now.json", "--format", "llava", "--images", "none"]).expect_code(0);
    assert_eq!(fs::read(workspace.path("then.json")).unwrap(), fs::read(workspace.path("now.json")).unwrap());
    let manifest: Value = serde_json::from_slice(&fs::read(workspace.path("now.json.manifest.json")).unwrap()).unwrap();
    assert!(manifest["at"].is_null(), "{manifest:#}");
    workspace.run(&["export", "-o", "x.json", "--format", "llava", "--at", "run-77"]).expect_code(1);
    assert!(!workspace.path("x.json").exists());
}

#[test]
fn lineage_as_a_graph() {
    let (workspace, _endpoint) = evolved();
    workspace.assert_snapshot("lineage_dot", &workspace.run(&["lineage", "astronaut", "--output", "dot"]));
}

#[test]
fn every_example_of_a_table_function_runs_over_the_demo() {
    let (workspace, _endpoint) = evolved();
    let listed = workspace.run(&["sql", "SHOW FUNCTIONS", "--output", "json"]).expect_code(0);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let table_functions: Vec<&Value> = listed.as_array().unwrap().iter().filter(|row| row["function_type"] == "table").collect();
    assert_eq!(table_functions.len(), 11, "and the two of the engine");
    for row in table_functions {
        let [name, description, syntax] = ["function_name", "description", "syntax"].map(|column| row[column].as_str().unwrap());
        assert!(syntax.starts_with(&format!("{name}(")) && description.starts_with(&format!("{syntax}: ")), "{description}");
        csv(&workspace, row["example"].as_str().unwrap());
    }
}

#[tokio::test]
async fn a_reader_keeps_the_state_it_opened() {
    let test = TestStore::with_photos().await;
    let before = test.store.snapshot().await.unwrap();
    test.store.restore("before-run-1").await.unwrap();
    let count = async |session: Session| {
        let rows = session.collect("SELECT count(*) AS items FROM instructions").await.unwrap();
        rows[0].column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0)
    };
    let pinned = Session::builder().snapshot(before).build().await.unwrap();
    assert_eq!(count(pinned).await, 15);
    assert_eq!(count(Session::builder().store(test.store.clone()).build().await.unwrap()).await, 0);
    let then = test.store.snapshot_at("run-1").await.unwrap();
    assert_eq!(count(Session::builder().snapshot(then).build().await.unwrap()).await, 15);
}

/// A stream that began before the restore goes on over what it began with.
#[tokio::test]
async fn a_running_query_is_not_disturbed() {
    use futures::TryStreamExt;

    let test = TestStore::with_photos().await;
    let session = Session::builder().store(test.store.clone()).build().await.unwrap();
    let rows = session.stream("SELECT question FROM instructions").await.unwrap();
    test.store.restore("before-run-1").await.unwrap();
    let rows: Vec<_> = rows.try_collect().await.unwrap();
    assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 15);
    assert_eq!(test.count("SELECT count(*) FROM instructions").await, 0);
}

/// An answer that was changed in place is a change, found by key.
#[tokio::test]
async fn changed_rows_are_told_from_those_that_only_moved() {
    let test = TestStore::with_photos().await;
    let mut writer = test.store.writer("test", serde_json::json!({})).await.unwrap();
    let updated = writer.update(mmevol::store::Table::Instructions, "position = 1", "answer", "'Another answer.'").await.unwrap();
    writer.publish(serde_json::json!({})).await.unwrap();
    assert!(updated > 0);
    let changed = "SELECT count(*) FROM diff('instructions', 'run-1', 'now') WHERE change = 'changed' AND answer = 'Another answer.'";
    assert_eq!(test.count(changed).await, i64::try_from(updated).unwrap());
    assert_eq!(test.count("SELECT count(*) FROM diff('instructions', 'run-1', 'now')").await, i64::try_from(updated).unwrap());
    let back = "SELECT count(*) FROM diff('instructions', 'now', 'run-1') WHERE change = 'changed' AND answer <> 'Another answer.'";
    assert_eq!(test.count(back).await, i64::try_from(updated).unwrap());
}
