//! What bounds a run, and who may run: budgets that stop in the middle of a round, failures that go first, and two processes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::command::{Run, Workspace};
use crate::endpoint::{Behaviour, Endpoint, evolving, prompt_of};
use crate::stores::KEY;

fn evolve(workspace: &Workspace, endpoint: &Endpoint, more: &[&str]) -> Run {
    let url = endpoint.base_url();
    workspace.run_with_key(&[&["evolve", "--rounds", "2", "--model", "m", "--base-url", &url], more].concat(), KEY)
}

/// Limit after limit, each stops somewhere in a round; together they do what one run does, and ask nothing twice.
#[tokio::test]
async fn limits_stop_in_the_middle_of_a_round_and_going_on_completes_it() {
    let (complete, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&complete, &endpoint, &[]).expect_code(0);
    let complete = complete.items().await;

    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    // Answers of 100 tokens, for a tenth of a cent each.
    workspace.write("prices.toml", "[models.m]\ninput = 0.0\noutput = 10.0\n");
    let priced = ["--prices", "prices.toml", "--concurrency", "1"];
    for (limit, calls) in
        [(["--budget-usd", "0.003"], 3), (["--max-calls", "6"], 6), (["--budget-usd", "0.0095"], 10), (["--max-calls", "3"], 3)]
    {
        let before = endpoint.requests();
        let run = evolve(&workspace, &endpoint, &[&priced[..], &limit[..]].concat()).expect_code(0);
        let asked = endpoint.requests() - before;
        // A budget may be exceeded by the one call in flight; answers of earlier runs count for no call.
        let expected = if limit[0] == "--budget-usd" { calls..=calls + 1 } else { 1..=calls };
        assert!(expected.contains(&asked), "{asked} calls with {limit:?}\n{run}");
        run.expect_stderr(&["stopped: ", limit[0], "go on with the same command and a higher limit"]);
        workspace.run(&["check"]).expect_code(0);
    }
    let run = evolve(&workspace, &endpoint, &priced).expect_code(0);
    assert!(!run.stderr.contains("stopped"), "{run}");
    assert_eq!(endpoint.requests(), endpoint.distinct_requests());
    assert_eq!(workspace.items().await, complete);
}

#[test]
fn limits_that_are_none_are_refused() {
    let workspace = Workspace::with_photos();
    let wrong = [
        ("--budget-usd", "nan"),
        ("--budget-usd", "inf"),
        ("--budget-usd", "-1"),
        ("--max-tokens", "0"),
        ("--temperature", "nan"),
        ("--temperature", "5"),
        ("--min-score", "11"),
    ];
    for (flag, value) in wrong {
        let given = format!("{flag}={value}");
        workspace.run(&["evolve", "--model", "rules", &given]).expect_code(1).expect_stderr(&[flag, value]);
    }
}

/// What was sent is paid: also a query that needs no more rows, and keeps its calls nowhere, counts it.
#[tokio::test]
async fn calls_that_came_too_late_are_counted_without_a_store_too() {
    let workspace = Workspace::new();
    let endpoint = Endpoint::start(|body| match prompt_of(body).contains("p1?") {
        true => Behaviour::reply("{\"answer\": true}"),
        false => Behaviour::Delay(std::time::Duration::from_millis(300), Box::new(Behaviour::reply("{\"answer\": true}"))),
    });
    let url = endpoint.base_url();
    let query = "SELECT value FROM generate_series(1, 1000) WHERE llm_filter(concat('p', value, '?')) LIMIT 1";
    let run = workspace.run_with_key(&["sql", query, "--model", "m", "--base-url", &url, "--concurrency", "8"], KEY).expect_code(0);
    run.expect_stderr(&[&format!("{} calls, ", endpoint.requests())]);
}

/// Of two failures the endpoint put one off; with calls for one alone, that one is tried.
#[tokio::test]
async fn what_was_put_off_is_tried_again_first() {
    let broken = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&broken);
    // Whichever of the two the order of ids would put first.
    for delayed in ["tabby cat", "An espresso in a white"] {
        let (broken, switch) = (Arc::clone(&broken), Arc::clone(&switch));
        broken.store(true, Ordering::Relaxed);
        let endpoint = Endpoint::start(move |body| {
            let prompt = prompt_of(body);
            match switch.load(Ordering::Relaxed) && (prompt.contains("tabby cat") || prompt.contains("An espresso in a white")) {
                true if prompt.contains(delayed) => Behaviour::error(500, "out of luck"),
                true => Behaviour::reply("no"),
                false => evolving(body),
            }
        });
        let workspace = Workspace::with_photos();
        let one_round = ["--rounds", "1"];
        let url = endpoint.base_url();
        let evolve = |more: &[&str]| {
            let command = ["evolve", "--model", "m", "--base-url", &url];
            workspace.run_with_key(&[&command[..], &one_round[..], more].concat(), KEY).expect_code(0)
        };
        evolve(&[]);
        assert_eq!(workspace.rows("SELECT sample_id FROM evolutions WHERE status = 'failed'").await.len(), 2);
        broken.store(false, Ordering::Relaxed);
        let before = endpoint.requests();
        evolve(&["--failed", "--max-calls", "2"]);
        let received = endpoint.received();
        let retried: Vec<bool> = received[before..].iter().map(|request| prompt_of(&request.body).contains(delayed)).collect();
        assert_eq!(retried, [true, true], "{delayed}");
    }
}

/// The second one says who is at work; after that it finds nothing left to pay for.
#[tokio::test]
async fn two_processes_never_pay_for_the_same_sample() {
    let workspace = Workspace::with_photos();
    let endpoint = Endpoint::start(|body| Behaviour::Hold(Box::new(evolving(body))));
    let url = endpoint.base_url();
    let command = ["evolve", "--rounds", "1", "--model", "m", "--base-url", &url];
    let mut first = workspace.spawn_with_key(&command, KEY);
    endpoint.wait_for_in_flight(7).await;
    let refused = workspace.run_with_key(&command, KEY).expect_code(1);
    let holder = format!("in use by another writer (process {} on ", first.id());
    refused.expect_stderr(&[&holder, ": evolve, since 2", "what only reads works meanwhile"]);
    assert_eq!(endpoint.requests(), 7);
    workspace.run(&["status"]).expect_code(0);
    endpoint.release();
    assert!(first.wait().unwrap().success());
    workspace.run_with_key(&command, KEY).expect_code(0).expect_stderr(&["nothing was due"]);
    assert_eq!((endpoint.requests(), endpoint.distinct_requests()), (14, 14));
}

/// They once were counted as calls: a store whose answers were all known needed one run after another.
#[tokio::test]
async fn what_was_answered_before_takes_nothing_of_a_limit() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &[]).expect_code(0);
    let (asked, complete) = (endpoint.requests(), workspace.items().await);
    workspace.run(&["restore", "run-1"]).expect_code(0);
    let run = evolve(&workspace, &endpoint, &["--max-calls", "0"]).expect_code(0);
    assert!(!run.stderr.contains("stopped"), "{run}");
    assert_eq!((endpoint.requests(), workspace.items().await), (asked, complete));
}

/// Three calls rewrite two samples and judge one; the other then needs one more.
#[tokio::test]
async fn what_was_begun_is_completed_first() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    for (limit, asked, complete) in [("3", 3, 1), ("1", 4, 2)] {
        evolve(&workspace, &endpoint, &["--max-calls", limit]).expect_code(0).expect_stderr(&["stopped: --max-calls"]);
        assert_eq!((endpoint.requests(), workspace.rows("SELECT evolution_id FROM evolutions").await.len()), (asked, complete));
    }
}

/// The answer was left in the journal, as if the command had been killed, and no run told of it.
#[tokio::test]
async fn answers_that_make_nothing_yet_are_published() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--max-calls", "1"]).expect_code(0);
    let check = workspace.run(&["check"]).expect_code(0);
    assert!(!check.stdout.contains("left over"), "{check}");
    let sql = "SELECT command, (SELECT count(*) FROM calls c WHERE c.run_id = r.run_id) AS calls FROM runs r WHERE command <> 'import'";
    assert_eq!(workspace.rows(sql).await, [serde_json::json!({ "command": "evolve", "calls": 1 })]);
    evolve(&workspace, &endpoint, &[]).expect_code(0);
    assert_eq!(endpoint.requests(), endpoint.distinct_requests());
}

/// A judge alone takes one call a sample, and neither the name nor the price of the model that is not asked.
#[tokio::test]
async fn judging_again_is_limited_by_the_judge_alone() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &[]).expect_code(0);
    workspace.write("prices.toml", "[models.other]\ninput = 1.0\noutput = 1.0\n");
    let url = endpoint.base_url();
    let judge = |more: &[&str]| {
        let command = ["evolve", "--rounds", "1", "--judge", "other", "--judge-only", "--base-url", &url, "--prices", "prices.toml"];
        workspace.run_with_key(&[&command[..], more].concat(), KEY).expect_code(0)
    };
    let said = "--max-calls 4 stops it before that";
    judge(&["--dry-run", "--max-calls", "4"]).expect_stderr(&["7 calls for about $", said]);
    for asked in [4, 3] {
        let before = endpoint.requests();
        judge(&["--max-calls", "4", "--budget-usd", "100"]);
        assert_eq!(endpoint.requests() - before, asked);
    }
    let judged = "SELECT DISTINCT e.model, e.judge, r.settings LIKE '%\"model\":\"m\"%' AS is_recorded FROM evolutions e \
                  JOIN runs r ON e.run_id = r.run_id WHERE e.round = 1 AND e.status <> 'superseded'";
    assert_eq!(workspace.rows(judged).await, [serde_json::json!({ "model": "m", "judge": "other", "is_recorded": true })]);
}

#[test]
fn a_plan_says_where_a_limit_stops_it() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    let said = "--max-calls 4 stops it before that";
    evolve(&workspace, &endpoint, &["--dry-run", "--max-calls", "4"]).expect_code(0).expect_stderr(&[said]);
    let run = evolve(&workspace, &endpoint, &["--dry-run", "--max-calls", "400"]).expect_code(0);
    assert!(!run.stderr.contains("stops it"), "{run}");
}
