//! Stores that earlier versions of mmevol wrote: they open, are sound, answer queries, and work goes on in them. How they were made stands in
//! `tests/data/stores/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use mmevol::store::Table;
use mmevol::{Session, Store};
use serde_json::{Value, json};

use crate::command::Workspace;
use crate::contents::contents;

/// A file or folder beside the stores.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stores").join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, target) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// A workspace with a copy of a store, as the demo's neighbour: other paths, other times.
fn workspace(store: &str) -> Workspace {
    let workspace = Workspace::new();
    copy(&data(store), &workspace.store());
    workspace
}

/// The batches of a query.
async fn collect(workspace: &Workspace, sql: &str) -> Vec<RecordBatch> {
    let store = Store::open(workspace.store()).await.unwrap();
    let session = Session::builder().store(store).build().await.unwrap();
    session.collect(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The one number of a query.
async fn number(workspace: &Workspace, sql: &str) -> i64 {
    collect(workspace, sql).await[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// What is known of a store.
struct Known {
    name: &'static str,
    runs: i64,
    instructions: i64,
    evolutions: i64,
    calls: i64,
    /// Reasons of evolutions of a sample, or of parents, that have changed; one may have both. What is stale by its prompt depends on today's prompts.
    stale: i64,
}

const BEFORE_THE_JOURNAL: Known = Known { name: "before-the-journal", runs: 3, instructions: 10, evolutions: 4, calls: 8, stale: 0 };

const VERSION_1: Known = Known { name: "version-1", runs: 5, instructions: 11, evolutions: 5, calls: 10, stale: 4 };

#[tokio::test]
async fn a_store_of_before_the_journal() {
    works(&BEFORE_THE_JOURNAL).await;
}

#[tokio::test]
async fn a_store_of_version_1() {
    works(&VERSION_1).await;
}

async fn works(known: &Known) {
    let workspace = workspace(known.name);
    is_read(&workspace, known).await;
    let before = contents(&workspace.store()).await;
    let seeds = data("seeds_changed.json");
    let images = data("images");
    let (seeds, images) = (seeds.to_string_lossy(), images.to_string_lossy());
    let import = ["import", &seeds, "--source", "seeds", "--images", &images, "--allow-missing-images", "--on-changed", "update"];
    goes_on(&workspace, known, &import).await;

    // What was there before is there still, under its tag.
    let run = format!("run-{}", known.runs);
    workspace.run(&["restore", &run]).expect_code(0);
    let restored = contents(&workspace.store()).await;
    for table in ["images", "samples", "instructions", "evolutions"] {
        assert_eq!(without_new_columns(&restored[table], &before[table]), before[table], "{table} of {}", known.name);
    }
}

/// Every table, view and command that reads.
async fn is_read(workspace: &Workspace, known: &Known) {
    workspace.run(&["check"]).expect_code(0).expect_stderr(&["the store is sound"]);
    for (sql, expected) in [
        ("SELECT count(*) FROM images WHERE bytes IS NOT NULL", 2),
        ("SELECT count(*) FROM samples", 3),
        ("SELECT count(*) FROM instructions", known.instructions),
        ("SELECT count(*) FROM evolutions", known.evolutions),
        ("SELECT count(*) FROM calls", known.calls),
        ("SELECT count(*) FROM prompts", 4),
        ("SELECT count(*) FROM runs", known.runs),
        ("SELECT count(*) FROM stale WHERE reason IN ('sample', 'parent')", known.stale),
        ("SELECT count(*) FROM history WHERE evolution_status IS NOT NULL", known.instructions - 4),
        ("SELECT count(*) FROM table_at('instructions', 'after-run-1')", 4),
        ("SELECT count(max_tokens) FROM calls", if known.name == VERSION_1.name { known.calls } else { 0 }),
        ("SELECT count(sample_hash) FROM evolutions", if known.name == VERSION_1.name { known.evolutions } else { 0 }),
    ] {
        assert_eq!(number(workspace, sql).await, expected, "{sql}");
    }
    let named = collect(workspace, "SELECT table_name FROM information_schema.tables WHERE table_schema <> 'information_schema'").await;
    let named: Vec<&str> = named.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten()).collect();
    assert!(named.len() > Table::ALL.len(), "tables and views: {named:?}");
    for name in named {
        collect(workspace, &format!("SELECT * FROM {name}")).await;
    }
    for table in Table::ALL {
        collect(workspace, &format!("SELECT * FROM versions('{table}')")).await;
        collect(workspace, &format!("SELECT * FROM diff('{table}', 'after-run-1', 'now')")).await;
    }
    let commands: [&[&str]; 5] = [
        &["status"],
        &["lineage", "table"],
        &["diff", "run-1", "now"],
        &["evolve", "--rounds", "3", "--model", "rules", "--dry-run"],
        &["export", "-o", "then.json", "--format", "llava", "--rounds", "all"],
    ];
    for command in commands {
        workspace.run(command).expect_code(0);
    }
    assert_eq!(number(workspace, "SELECT count(*) FROM runs").await, known.runs, "reading leaves no run");
}

/// Rounds, changed records and repairs.
async fn goes_on(workspace: &Workspace, known: &Known, import: &[&str]) {
    let evolve = ["evolve", "--model", "rules", "--rounds"];
    workspace.run(&[&evolve[..], &["3"]].concat()).expect_code(0);
    assert!(number(workspace, "SELECT count(*) FROM evolutions WHERE round = 3 AND sample_hash IS NOT NULL").await > 0);
    workspace.run(&[&evolve[..], &["3"]].concat()).expect_code(0).expect_stderr(&["0 calls", "nothing was due"]);
    workspace.run(import).expect_code(0).expect_stderr(&["records were in the store already"]);
    assert_eq!(number(workspace, "SELECT count(*) FROM samples WHERE caption LIKE 'A red cup%'").await, 1);
    workspace.run(&[&evolve[..], &["3", "--stale"]].concat()).expect_code(0);
    workspace.run(&["check", "--repair"]).expect_code(0);
    workspace.run(&["export", "-o", "now.json", "--format", "llava"]).expect_code(0);
    workspace
        .run(&["export", "-o", "then-again.json", "--format", "llava", "--rounds", "all", "--at", &format!("run-{}", known.runs)])
        .expect_code(0);
    let read = |name: &str| fs::read(workspace.path(name)).unwrap();
    assert_eq!(read("then.json"), read("then-again.json"), "what was exported is exported again from its tag");
}

/// Rows as a later schema shows them, without what it has besides.
fn without_new_columns(rows: &[Value], known: &[Value]) -> Vec<Value> {
    let columns: Vec<&String> = known.first().and_then(Value::as_object).into_iter().flat_map(|row| row.keys()).collect();
    rows.iter()
        .map(|row| columns.iter().map(|column| ((*column).clone(), row[column.as_str()].clone())).collect::<serde_json::Map<_, _>>().into())
        .collect()
}

/// Every store has its line in the table of how they were made, and its test.
#[test]
fn every_store_is_tested_and_described() {
    let described = fs::read_to_string(data("README.md")).unwrap();
    for entry in fs::read_dir(data("")).unwrap().map(Result::unwrap).filter(|entry| entry.path().join("catalog.json").exists()) {
        let name = entry.file_name().into_string().unwrap();
        assert!(described.contains(&format!("| `{name}` |")), "describe {name}");
        assert!([BEFORE_THE_JOURNAL.name, VERSION_1.name].contains(&name.as_str()), "test {name}");
        let catalog: Value = serde_json::from_slice(&fs::read(entry.path().join("catalog.json")).unwrap()).unwrap();
        assert_eq!(catalog["format_version"], json!(1), "{name}");
    }
}
