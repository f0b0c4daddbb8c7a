//! `check`: what breaks a store is found and named, and what can be mended is.

mod damaged_files;

use std::fs;

use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use mmevol::Store;
use mmevol::store::{CallRecord, Table};
use serde::Serialize;
use serde_json::{Value, json};

use crate::command::{Run, Workspace};

/// A store of photos that went through one round of the embedded model.
fn evolved() -> Workspace {
    let workspace = Workspace::with_photos();
    workspace.run(&["evolve", "--rounds", "1", "--model", "rules"]).expect_code(0);
    workspace
}

/// The result of each check.
fn findings(run: &Run) -> Value {
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    rows.into_iter().map(|row| (row["check"].as_str().unwrap().to_owned(), row)).collect()
}

fn check(workspace: &Workspace, flags: &[&str]) -> (i32, Value) {
    let run = workspace.run(&[&["check", "--output", "json"], flags].concat());
    (run.code, findings(&run))
}

/// Exactly these checks find something broken, and the command says so.
#[track_caller]
fn assert_broken(workspace: &Workspace, names: &[&str]) -> Value {
    let (code, findings) = check(workspace, &[]);
    let broken = findings.as_object().unwrap().iter().filter(|(_, row)| row["result"] == "broken");
    assert_eq!(broken.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names, "{findings:#}");
    assert_eq!(code, 1);
    findings
}

fn sql(workspace: &Workspace, statement: &str) {
    workspace.run(&["sql", statement]).expect_code(0);
}

/// Adds the rows of a query to `instructions` past INSERT, which refuses keys that are there.
async fn append(workspace: &Workspace, query: &str) {
    let store = Store::open(workspace.store()).await.unwrap();
    let session = mmevol::Session::builder().store(store.clone()).build().await.unwrap();
    let rows = session.collect(query).await.unwrap();
    let schema = rows[0].schema();
    let stream = futures::stream::iter(rows.into_iter().map(Ok));
    let mut writer = store.writer("test", json!({})).await.unwrap();
    writer.append(Table::Instructions, Box::pin(RecordBatchStreamAdapter::new(schema, stream))).await.unwrap();
    writer.publish(json!({})).await.unwrap();
}

#[tokio::test]
async fn rows_that_break_an_invariant_are_named() {
    let workspace = evolved();
    let row = "SELECT * REPLACE ('no such sample' AS sample_id) FROM instructions \
               WHERE instruction_id IN (SELECT parent_id FROM instructions) ORDER BY instruction_id LIMIT 1";
    append(&workspace, row).await;
    let broken = ["ids_are_unique", "ids_match_their_content", "instructions_have_their_sample", "parents_come_first"];
    let findings = assert_broken(&workspace, &broken);
    let found = &findings["instructions_have_their_sample"];
    assert_eq!(found["rows"], 1);
    assert_eq!(found["example"].as_str().unwrap().len(), 32);
    assert!(found["advice"].as_str().unwrap().contains("import"));

    let run = workspace.run(&["check", "--fast"]);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
    run.expect_code(1).expect_stderr(&["hint: ids_are_unique: ", "found something broken"]);
}

/// Each row breaks what it says and nothing else.
#[test]
fn each_invariant_is_found_broken() {
    let workspace = evolved();
    let instruction = |changes: &str, chosen: &str| {
        format!("INSERT INTO instructions SELECT * REPLACE ({changes}) FROM instructions WHERE {chosen} ORDER BY instruction_id LIMIT 1")
    };
    let evolution = |changes: &str| {
        // Its items are not copied with it.
        let none = "0 AS generated, 0 AS kept";
        format!("INSERT INTO evolutions SELECT * REPLACE ({none}, {changes}) FROM evolutions ORDER BY evolution_id LIMIT 1")
    };
    let new_evolution = "stable_id(evolution_id) AS evolution_id, 'failed' AS status";
    let new_seed = "stable_id('instruction', sample_id, 99) AS instruction_id, 99 AS position";
    let orphan = "stable_id('instruction', stable_id('none'), 0) AS instruction_id, stable_id('none') AS evolution_id, 0 AS position";
    let cases = [
        (instruction(orphan, "round = 1 AND status = 'kept'"), &["instructions_have_their_evolution"][..]),
        (
            instruction(&format!("{new_seed}, 0 AS round, instruction_id AS parent_id"), "round = 0"),
            &["parents_come_first"],
        ),
        (evolution(&format!("{new_evolution}, 'no such sample' AS sample_id")), &["evolutions_have_their_sample"]),
        (evolution(&format!("{new_evolution}, 'no such prompt' AS judge_prompt_id")), &["evolutions_have_their_prompts"]),
        (evolution(&format!("{new_evolution}, 'no such call' AS score_request_id")), &["evolutions_have_their_calls"]),
        (evolution("stable_id(evolution_id) AS evolution_id, 'eliminated' AS status"), &["one_attempt_stands"]),
        (
            "INSERT INTO samples SELECT * REPLACE (stable_id('sample', source, 'x') AS sample_id, 'x' AS source_id, ['no such image'] AS image_ids) \
             FROM samples LIMIT 1"
                .into(),
            &["samples_have_their_images"],
        ),
    ];
    // After an import and a round, every case is two runs: it breaks the store, and takes that back.
    for (run, (statement, broken)) in (3..).step_by(2).zip(cases) {
        sql(&workspace, &statement);
        let findings = assert_broken(&workspace, broken);
        assert!(findings[broken[0]]["advice"].is_string(), "{findings:#}");
        workspace.run(&["restore", &format!("before-run-{run}")]).expect_code(0);
    }
    let (code, _) = check(&workspace, &[]);
    assert_eq!(code, 0);
}

/// Two parts of two splits of the same items: both are of one parent.
#[test]
fn parts_that_share_parents_are_found() {
    let workspace = evolved();
    let standing = "(SELECT min(evolution_id) FROM evolutions WHERE status = 'kept' AND part = 0)";
    let other = "stable_id(evolution_id) AS evolution_id";
    sql(
        &workspace,
        &format!(
            "INSERT INTO evolutions SELECT * REPLACE ({other}, 1 AS part, 1 AS generated, 1 AS kept) FROM evolutions WHERE evolution_id = {standing}"
        ),
    );
    let item = "stable_id('instruction', stable_id(evolution_id), 0) AS instruction_id, 0 AS position";
    sql(
        &workspace,
        &format!(
            "INSERT INTO instructions SELECT * REPLACE ({other}, {item}) FROM instructions \
             WHERE status = 'kept' AND evolution_id = {standing} ORDER BY instruction_id LIMIT 1"
        ),
    );
    assert_broken(&workspace, &["one_attempt_stands"]);
}

#[test]
fn counts_are_mended() {
    let workspace = evolved();
    let row = "SELECT * REPLACE (stable_id('instruction', evolution_id, 99) AS instruction_id, 99 AS position) \
               FROM instructions WHERE round = 1 AND status = 'kept' LIMIT 1";
    sql(&workspace, &format!("INSERT INTO instructions {row}"));
    assert_broken(&workspace, &["counts_agree"]);
    let run = workspace.run(&["check", "--repair", "--fast"]).expect_code(0).expect_stderr(&["1 evolutions were counted again"]);
    assert!(run.stdout.contains("counts_agree"), "{run}");
    let runs = workspace.run(&["sql", "SELECT command FROM runs ORDER BY started_at DESC LIMIT 1", "--output", "csv"]);
    assert_eq!(runs.stdout, "command\ncheck --repair\n");

    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    workspace.run(&["check", "--repair"]).expect_code(0).expect_stderr(&["there was nothing to mend", "the store is sound"]);
    assert_eq!(fs::read(workspace.store().join("catalog.json")).unwrap(), catalog);
}

#[derive(Serialize)]
struct PromptRow {
    prompt_id: &'static str,
    name: &'static str,
    template: &'static str,
    created_at: chrono::DateTime<chrono::Utc>,
}

/// A writer that was cut off harms nothing; what it left is shown, and tidied up on request.
#[tokio::test]
async fn what_a_cut_off_writer_left_is_tidied_up() {
    let workspace = evolved();
    let store = Store::open(workspace.store()).await.unwrap();
    let mut writer = store.writer("test", json!({})).await.unwrap();
    let created_at = writer.started_at();
    let call = CallRecord {
        request_id: "0123456789abcdef0123456789abcdef".into(),
        kind: "evolve".into(),
        model: "m".into(),
        endpoint: "e".into(),
        max_tokens: None,
        response: Some("text".into()),
        finish_reason: Some("stop".into()),
        prompt_tokens: None,
        completion_tokens: None,
        cost_usd: None,
        latency_ms: None,
        attempts: 1,
        http_status: None,
        error: None,
        run_id: writer.run_id().into(),
        created_at,
    };
    writer.journal().unwrap().append(call).await.unwrap();
    writer.append_rows(Table::Prompts, &[PromptRow { prompt_id: "p", name: "n", template: "t", created_at }]).await.unwrap();
    workspace.write("mmevol-store/scratch/run-9/due.arrow", "");

    let (code, busy) = check(&workspace, &[]);
    assert_eq!((code, &busy["journal_is_in_calls"]["result"]), (0, &json!("not checked")), "{busy:#}");
    drop(writer);
    let (code, left) = check(&workspace, &[]);
    for name in ["journal_is_in_calls", "versions_are_published", "files_are_in_use"] {
        assert_eq!((code, &left[name]["result"], &left[name]["rows"]), (0, &json!("left over"), &json!(1)), "{left:#}");
    }

    let repaired = workspace.run(&["check", "--repair"]).expect_code(0);
    repaired.expect_stderr(&[
        "1 calls of the journal are in calls now",
        "unpublished versions were set aside: prompts",
        "1 files and folders",
    ]);
    let (code, tidy) = check(&workspace, &[]);
    assert_eq!(code, 0);
    assert!(tidy.as_object().unwrap().values().all(|row| row["result"] == "ok"), "{tidy:#}");
    let calls = workspace.run(&["sql", "SELECT response FROM calls WHERE model = 'm'", "--output", "csv"]);
    assert_eq!(calls.stdout, "response\ntext\n");
    assert!(!workspace.path("mmevol-store/scratch").exists());
}

/// An evolution whose answer never came from the journal into the table.
#[tokio::test]
async fn calls_come_back_from_the_journal() {
    let workspace = evolved();
    let row = "SELECT * REPLACE ('0123456789abcdef0123456789abcdef' AS request_id, stable_id(evolution_id) AS evolution_id, 'failed' AS status, \
               0 AS generated, 0 AS kept) FROM evolutions LIMIT 1";
    sql(&workspace, &format!("INSERT INTO evolutions {row}"));
    assert_broken(&workspace, &["evolutions_have_their_calls"]);
    workspace.run(&["check", "--repair"]).expect_code(1).expect_stderr(&["there was nothing to mend", "evolutions_have_their_calls"]);

    let store = Store::open(workspace.store()).await.unwrap();
    let mut writer = store.writer("test", json!({})).await.unwrap();
    let call = json!({
        "request_id": "0123456789abcdef0123456789abcdef", "kind": "evolve", "model": "m", "endpoint": "e", "attempts": 1, "error": "lost",
        "run_id": "run-2", "created_at": writer.started_at(),
    });
    writer.journal().unwrap().append(serde_json::from_value(call).unwrap()).await.unwrap();
    drop(writer);
    workspace.run(&["check", "--repair"]).expect_code(0).expect_stderr(&["1 calls of the journal are in calls now"]);
}

/// Nothing is counted over tables of different times: the items are there, and one version too early was shown.
#[test]
fn a_table_at_another_version_than_the_last_run_left_goes_back_to_it() {
    let workspace = evolved();
    let count = || workspace.run(&["sql", "SELECT sum(kept) FROM evolutions", "--output", "csv"]).expect_code(0).stdout;
    let before = count();
    let path = workspace.store().join("catalog.json");
    let mut catalog: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let version = catalog["tables"]["instructions"].as_u64().unwrap();
    catalog["tables"]["instructions"] = json!(version - 1);
    fs::write(&path, catalog.to_string()).unwrap();

    let findings = assert_broken(&workspace, &["tables_are_of_one_state", "counts_agree"]);
    let example = format!("instructions is version {}, and was left as version {version}", version - 1);
    assert_eq!(findings["tables_are_of_one_state"]["example"], example);
    assert_eq!(findings["versions_are_published"]["result"], "ok", "a tag names it");

    let repaired = workspace.run(&["check", "--repair"]).expect_code(0);
    let repaired = repaired.expect_stderr(&["tables are again at the versions that the last run left: instructions", "the store is sound"]);
    assert!(!repaired.stderr.contains("counted again"), "{repaired}");
    assert_eq!(count(), before);
    let items = workspace.run(&["sql", "SELECT count(*) > 0 AS there FROM instructions WHERE round = 1", "--output", "csv"]);
    assert_eq!(items.stdout, "there\ntrue\n");
    workspace.run(&["check", "--repair"]).expect_code(0).expect_stderr(&["there was nothing to mend"]);
}
