//! Commands that are killed in the middle, and run again: nothing that was answered is asked for a second time, and nothing is missing or double.

mod at_random;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::command::Workspace;
use crate::contents::{Contents, assert_same, contents};
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

async fn undisturbed() -> Contents {
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
    assert_same(&contents(&workspace.store()).await, &undisturbed().await, "killed with seven requests to score in flight");
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
        assert_same(&contents(&workspace.store()).await, &complete, &format!("killed after {answers} answers"));
    }
}
