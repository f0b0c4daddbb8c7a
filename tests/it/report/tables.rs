//! `mmevol stats`.

use serde_json::Value;

use super::{empty_store, evolved_photos};
use crate::command::Workspace;
use crate::stores::TestStore;

fn stats(test: &TestStore, arguments: &[&str]) -> crate::command::Run {
    let store = test.store.root().to_string_lossy().into_owned();
    Workspace::new().run(&[&["--store", &store, "stats"][..], arguments].concat())
}

fn json(test: &TestStore, arguments: &[&str]) -> Vec<Value> {
    let run = stats(test, &[arguments, &["--output", "json"]].concat()).expect_code(0);
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

/// The rows of one section.
fn section(test: &TestStore, name: &str, arguments: &[&str]) -> Vec<Value> {
    let sections = json(test, &[&["--section", name][..], arguments].concat());
    assert_eq!((sections.len(), &sections[0]["section"]), (1, &Value::from(name)));
    sections[0]["rows"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn fit_eighty_columns_and_name_their_sql() {
    let test = evolved_photos().await;
    let run = stats(&test, &[]).expect_code(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
    for text in ["Items per round", "sql/report/items.sql", "sql/report/flow.sql", "No item has the verdicts of two judges"] {
        assert!(run.stdout.contains(text), "{text}\n{run}");
    }
    let run = stats(&test, &["--by", "round,operator,format"]).expect_code(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
    // Neither headers nor groups are cut: two of them could not be told apart.
    let run = stats(&test, &["--by", "operator,format", "--section", "scores"]).expect_code(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80) && !run.stdout.contains('…'), "{run}");
    assert!(run.stdout.contains(" mean_") && !run.stdout.contains("─[ 1 ]─"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nothing_say_why() {
    let test = empty_store().await;
    let run = stats(&test, &[]).expect_code(0);
    assert!(run.stdout.contains("There is no item: import seeds first") && !run.stdout.contains("NaN"), "{run}");
    let sections = json(&test, &[]);
    assert!(
        sections.len() > 15 && sections.iter().all(|section| section["rows"] == Value::Array(Vec::new()) && section["absent"].is_string())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_a_predicate_in_every_section() {
    let test = evolved_photos().await;
    let operator =
        test.values("SELECT operator FROM instructions WHERE round = 1 GROUP BY operator ORDER BY count(*) DESC, operator LIMIT 1").await;
    let operator = operator[0]["operator"].as_str().unwrap();
    let of_table = format!("round = 1 AND operator = '{operator}'");
    let chosen = format!("{of_table} -- a comment at the end");
    let chosen = chosen.as_str();
    let by_hand = test.count(&format!("SELECT count(*) FROM instructions WHERE {of_table}")).await;
    let items = section(&test, "items", &["--where", chosen]);
    assert_eq!((items.len(), items[0]["round"].as_i64(), items[0]["items"].as_i64()), (1, Some(1), Some(by_hand)));
    for name in ["scores", "operators", "verdicts", "attempts", "cost", "long_tail"] {
        let rows = section(&test, name, &["--where", chosen]);
        assert!(rows.iter().all(|row| row["round"] == 1), "{name}: {rows:?}");
        assert!(rows.iter().all(|row| row.get("operator").is_none_or(|of_row| of_row == operator)), "{name}: {rows:?}");
    }
    let attempts = section(&test, "attempts", &["--where", chosen]);
    let with_items = format!("SELECT count(DISTINCT evolution_id) FROM instructions WHERE {of_table}");
    assert_eq!(attempts.iter().map(|row| row["attempts"].as_i64().unwrap()).sum::<i64>(), test.count(&with_items).await);
    let sections = json(&test, &["--where", chosen]);
    assert!(sections.iter().all(|section| section["section"] != "calls"), "calls belong to no item");

    let none = section(&test, "items", &["--where", "score > 100"]);
    assert!(none.is_empty());
    stats(&test, &["--where", "nothing = 1"]).expect_code(1).expect_stderr(&["--where", "nothing"]);
    stats(&test, &["--where", "true) OR (true"]).expect_code(1).expect_stderr(&["--where"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn can_be_grouped_and_read_at_an_earlier_state() {
    let test = evolved_photos().await;
    let by_operator = section(&test, "items", &["--by", "operator"]);
    assert!(by_operator.iter().all(|row| row.get("round").is_none() && row["operator"].is_string()), "{by_operator:?}");
    let total = |rows: &[Value]| rows.iter().map(|row| row["items"].as_i64().unwrap()).sum::<i64>();
    assert_eq!(total(&by_operator), total(&section(&test, "items", &["--by", "round,format"])));
    // Attempts have no format.
    assert!(section(&test, "cost", &["--by", "format"]).iter().all(|row| row.get("round").is_some()));
    let run = stats(&test, &["--by", "format", "--section", "long_tail,cost,items"]).expect_code(0);
    run.expect_stderr(&["these sections cannot be grouped by format", ": long_tail, cost\n"]);
    let run = stats(&test, &["--by", "operator", "--section", "cost,items"]).expect_code(0);
    assert!(!run.stderr.contains("cannot be grouped"), "{run}");
    let before = section(&test, "items", &["--at", "after-run-1"]);
    assert_eq!((before.len(), before[0]["round"].as_i64()), (1, Some(0)));
    stats(&test, &["--by", "operatr"]).expect_code(1).expect_stderr(&["there is no 'operatr' to group by", "did you mean 'operator'"]);
    stats(&test, &["--section", "score"]).expect_code(1).expect_stderr(&["there is no section 'score'", "did you mean 'scores'"]);
    stats(&test, &["--at", "run-99"]).expect_code(1);
}

/// What `--sql` prints is what `mmevol sql -f` runs.
#[tokio::test(flavor = "multi_thread")]
async fn give_sql_that_runs() {
    let test = evolved_photos().await;
    let sql = stats(&test, &["--section", "items,scores", "--by", "operator", "--sql"]).expect_code(0);
    let workspace = Workspace::new();
    workspace.write("stats.sql", &sql.stdout);
    let store = test.store.root().to_string_lossy().into_owned();
    let run = workspace.run(&["--store", &store, "sql", "-f", "stats.sql", "--output", "jsonl"]).expect_code(0);
    let rows: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let items = section(&test, "items", &["--by", "operator"]);
    assert_eq!(rows[..items.len()], items[..]);
}

/// Also of some items: the SQL chooses the same.
#[tokio::test(flavor = "multi_thread")]
async fn give_sql_of_what_was_chosen() {
    let test = evolved_photos().await;
    let store = test.store.root().to_string_lossy().into_owned();
    let workspace = Workspace::new();
    let chosen = ["--where", "operator = 'interaction' -- the last word"];
    for name in ["items", "attempts", "long_tail", "flow"] {
        let sql = stats(&test, &[&["--section", name, "--sql"][..], &chosen].concat()).expect_code(0);
        workspace.write("stats.sql", &sql.stdout);
        let run = workspace.run(&["--store", &store, "sql", "-f", "stats.sql", "--output", "json"]).expect_code(0);
        let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(rows, section(&test, name, &chosen), "{name}");
        assert_ne!(rows, section(&test, name, &[]), "{name}");
    }
    let past = stats(&test, &["--section", "items", "--sql", "--at", "run-1"]).expect_code(0);
    assert!(past.stdout.contains("-- Of state run-1;"), "{past}");
    stats(&test, &["--sql", "--where", "nothing = 1"]).expect_code(1).expect_stderr(&["--where", "nothing"]);
    stats(&test, &["--sql", "--at", "run-99"]).expect_code(1);
}
