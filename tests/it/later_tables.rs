//! Tables that a store gains when they are first written: stores without them, and stores with tables that this code does not know.

use std::fs;

use serde_json::{Value, json};

use crate::command::Workspace;

const INSERT: &str = "INSERT INTO embeddings (instruction_id, model, content, text_hash, vector, run_id, created_at) \
     SELECT instruction_id, 'mine', 'question', stable_id(question), [1.0, 2.0, 3.0], 'run-2', now() FROM instructions";

fn catalog(workspace: &Workspace) -> Value {
    serde_json::from_slice(&fs::read(workspace.store().join("catalog.json")).unwrap()).unwrap()
}

fn number(workspace: &Workspace, sql: &str) -> i64 {
    let rows = workspace.run(&["sql", sql, "--output", "json"]).expect_code(0).stdout;
    let rows: Value = serde_json::from_str(&rows).unwrap();
    rows[0].as_object().and_then(|row| row.values().next()).and_then(Value::as_i64).unwrap_or_else(|| panic!("{sql}: {rows}"))
}

/// What is never written leaves the store as earlier programs know it.
#[test]
fn a_table_is_made_when_it_is_first_written() {
    let workspace = Workspace::with_photos();
    let before = catalog(&workspace);
    assert_eq!((&before["format_version"], &before["tables"]["embeddings"]), (&json!(1), &Value::Null), "{before:#}");
    assert_eq!(number(&workspace, "SELECT count(*) FROM embeddings"), 0);
    assert!(!workspace.store().join("embeddings.lance").exists());

    workspace.run(&["sql", INSERT]).expect_code(0);
    let after = catalog(&workspace);
    assert_eq!(after["format_version"], json!(2), "{after:#}");
    assert!(after["tables"]["embeddings"].is_u64() && after["tags"]["before-run-2"]["embeddings"].is_null(), "{after:#}");
    for (sql, rows) in [
        ("SELECT count(*) FROM embeddings", 15),
        ("SELECT count(*) FROM table_at('embeddings', 'run-1')", 0),
        ("SELECT count(*) FROM table_at('embeddings', 'run-2')", 15),
        ("SELECT count(*) FROM diff('embeddings', 'run-1', 'now') WHERE change = 'added'", 15),
        ("SELECT count(*) FROM diff('embeddings', 'now', 'run-1') WHERE change = 'removed'", 15),
        ("SELECT count(*) FROM versions('embeddings')", 2),
    ] {
        assert_eq!(number(&workspace, sql), rows, "{sql}");
    }
    workspace.run(&["check"]).expect_code(0);
}

#[test]
fn restoring_a_state_without_the_table_empties_it() {
    let workspace = Workspace::with_photos();
    workspace.run(&["sql", INSERT]).expect_code(0);
    workspace.run(&["restore", "run-1"]).expect_code(0);
    assert_eq!(number(&workspace, "SELECT count(*) FROM embeddings"), 0);
    assert_eq!(number(&workspace, "SELECT count(*) FROM table_at('embeddings', 'run-2')"), 15);
    workspace.run(&["restore", "run-2"]).expect_code(0);
    assert_eq!(number(&workspace, "SELECT count(*) FROM embeddings"), 15);
    workspace.run(&["check"]).expect_code(0);
}

/// A writer that died while it made the table.
#[test]
fn a_table_that_was_never_published_is_left_over() {
    let workspace = Workspace::with_photos();
    let other = Workspace::with_photos();
    other.run(&["sql", INSERT]).expect_code(0);
    copy(&other.store().join("embeddings.lance"), &workspace.store().join("embeddings.lance"));
    assert_eq!(number(&workspace, "SELECT count(*) FROM embeddings"), 0);
    let checked = workspace.run(&["check"]).expect_code(0);
    assert!(checked.stdout.contains("table embeddings"), "{checked}");
    workspace.run(&["check", "--repair"]).expect_code(0);
    assert!(!workspace.store().join("embeddings.lance").exists());

    copy(&other.store().join("embeddings.lance"), &workspace.store().join("embeddings.lance"));
    let insert = INSERT.to_owned() + " LIMIT 4";
    workspace.run(&["sql", &insert]).expect_code(0);
    assert_eq!(number(&workspace, "SELECT count(*) FROM embeddings"), 4);
    workspace.run(&["check"]).expect_code(0);
}

/// A store that a later program wrote to: what this one does not know, it leaves as it is.
#[test]
fn tables_of_later_programs_are_kept() {
    let workspace = Workspace::with_photos();
    let mut changed = catalog(&workspace);
    changed["format_version"] = json!(2);
    changed["tables"]["videos"] = json!(7);
    fs::write(workspace.store().join("catalog.json"), changed.to_string()).unwrap();
    workspace.run(&["sql", INSERT]).expect_code(0);
    let written = catalog(&workspace);
    let version_of = |tables: &Value| tables["videos"].as_u64();
    assert_eq!(version_of(&written["tables"]), Some(7), "{written:#}");
    assert_eq!(version_of(&written["tags"]["before-run-2"]), Some(7), "{written:#}");
    assert_eq!(version_of(&written["tags"]["after-run-2"]), Some(7), "{written:#}");
    workspace.run(&["check"]).expect_code(0);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
