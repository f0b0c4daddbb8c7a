//! Commands that are killed in the middle, and run again: nothing that was answered is asked for a second time, and nothing is missing or double.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mmevol::check::check;
use mmevol::{Session, Store};
use serde_json::Value;

use crate::command::Workspace;
use crate::endpoint::{Behaviour, Endpoint, evolving};
use crate::stores::KEY;

fn is_score(body: &Value) -> bool {
    body["response_format"]["json_schema"]["name"] == "scored_instructions"
}

fn evolve(endpoint: &Endpoint) -> Vec<String> {
    let url = endpoint.base_url();
    ["evolve", "--rounds", "2", "--model", "m", "--base-url", &url].map(str::to_owned).to_vec()
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// What the store holds, but for what a second run changes: names of runs, times, durations, and where it was asked.
async fn contents(store: &Path) -> Vec<Vec<Value>> {
    let store = Store::open(store).await.unwrap();
    let violations = check(&store).await.unwrap();
    assert!(violations.is_empty(), "{violations:?}");
    let session = Session::builder().store(store).build().await.unwrap();
    let mut tables = Vec::new();
    for (table, columns) in [
        ("instructions", "instruction_id, evolution_id, parent_id, round, question, answer, improved, score, status"),
        ("evolutions", "evolution_id, round, status, error_kind, request_id, score_request_id, generated, kept"),
        ("calls", "request_id, kind, max_tokens, response, finish_reason, prompt_tokens, completion_tokens, attempts, error"),
    ] {
        let batches = session.collect(&format!("SELECT {columns} FROM {table} ORDER BY {columns}")).await.unwrap();
        tables.push(batches.iter().flat_map(|batch| serde_arrow::from_record_batch::<Vec<Value>>(batch).unwrap()).collect());
    }
    tables
}

async fn undisturbed() -> Vec<Vec<Value>> {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    workspace.run_with_key(&words(&evolve(&endpoint)), KEY).expect_code(0);
    contents(&workspace.store()).await
}

/// Starts the command and kills it once `reached` holds.
async fn kill_when(workspace: &Workspace, arguments: &[&str], reached: impl Fn() -> bool) {
    let mut command = workspace.spawn_with_key(arguments, KEY);
    while !reached() {
        assert!(command.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::task::yield_now().await;
    }
    command.kill().unwrap();
    command.wait().unwrap();
}

/// A request to score holds the answer of the request to evolve, which was on disk by then: so it is known which answers must be kept.
#[tokio::test]
async fn no_answer_is_paid_for_twice() {
    let workspace = Workspace::with_photos();
    let scored = Arc::new(AtomicUsize::new(0));
    let held = Arc::clone(&scored);
    let endpoint = Endpoint::start(move |body| match is_score(body) && held.fetch_add(1, Ordering::Relaxed) < 7 {
        true => Behaviour::Hang,
        false => evolving(body),
    });
    let arguments = evolve(&endpoint);
    kill_when(&workspace, &words(&arguments), || scored.load(Ordering::Relaxed) == 7 && endpoint.requests() == 14).await;

    workspace.run_with_key(&words(&arguments), KEY).expect_code(0);
    let evolved = endpoint.received().iter().filter(|request| !is_score(&request.body)).count();
    assert_eq!(evolved, 14, "seven in each of two rounds");
    assert_eq!(endpoint.requests(), endpoint.distinct_requests() + 7, "those in flight were asked again, and no other");
    assert_eq!(contents(&workspace.store()).await, undisturbed().await);
}

/// Wherever it is killed, the next run completes the work.
#[tokio::test]
async fn the_next_run_completes_the_work() {
    let complete = undisturbed().await;
    for answers in [0, 1, 9, 13, 16, 20] {
        let workspace = Workspace::with_photos();
        let asked = AtomicUsize::new(0);
        let endpoint = Endpoint::start(move |body| match asked.fetch_add(1, Ordering::Relaxed) == answers {
            true => Behaviour::Hang,
            false => evolving(body),
        });
        let arguments = evolve(&endpoint);
        let one_at_a_time = [&words(&arguments)[..], &["--concurrency", "1"]].concat();
        kill_when(&workspace, &one_at_a_time, || endpoint.requests() > answers).await;
        workspace.run_with_key(&words(&arguments), KEY).expect_code(0);
        assert!(endpoint.requests() > endpoint.distinct_requests(), "the request that was held is asked again");
        assert_eq!(contents(&workspace.store()).await, complete, "killed after {answers} answers");
    }
}
