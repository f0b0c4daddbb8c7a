//! Endpoints that go away, refuse what they are sent, or cut their answers off: what a command does about it and what it says.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mmevol::evolution::Settings;
use mmevol::model::limits::Limits;
use mmevol::model::openai::{OpenAiModel, RetryPolicy};
use mmevol::{Error, Evolution};
use serde_json::Value;

use crate::command::Workspace;
use crate::endpoint::{Behaviour, Endpoint, evolving, prompt_of};
use crate::stores::{KEY, TestStore, client};

fn text_only(rounds: u32) -> Settings {
    Settings { rounds, text_only: true, ..Settings::default() }
}

/// An endpoint that plays the model for so many requests, and then answers nothing until it is repaired.
fn dying_after(answers: usize) -> (Endpoint, Arc<AtomicBool>) {
    let repaired = Arc::new(AtomicBool::new(false));
    let (switch, asked) = (Arc::clone(&repaired), AtomicUsize::new(0));
    let endpoint = Endpoint::start(move |body| match asked.fetch_add(1, Ordering::Relaxed) < answers || switch.load(Ordering::Relaxed) {
        true => evolving(body),
        false => Behaviour::CutBody,
    });
    (endpoint, repaired)
}

#[tokio::test]
async fn an_endpoint_that_dies_is_soon_asked_no_more() {
    let test = TestStore::with_items(&[1; 300]).await;
    let (endpoint, repaired) = dying_after(40);
    let model = client(&endpoint);
    model.limit(Limits { concurrency: NonZeroUsize::new(8), ..Limits::default() });
    let evolution = |settings| Evolution::new(test.store.clone(), Arc::clone(&model)).settings(settings);

    let report = evolution(text_only(3)).run().await.unwrap();
    assert_eq!(report.rounds.len(), 1, "the second round would be in vain");
    assert!(report.endpoint_lost.as_deref().is_some_and(|error| error.contains("cut off")), "{report:?}");
    assert_eq!((report.spent.calls, report.rounds[0].samples), (40, 300));
    // Of the 64 rows that are begun at once each sends two requests in vain; of those begun after them one such row is enough.
    assert!(endpoint.requests() <= 40 + 2 * 2 * 64, "{} requests were sent", endpoint.requests());
    let common = report.troubles.commonest.unwrap();
    assert!(common.error_kind.ends_with("connection") && common.error.unwrap().contains("cut off"));
    test.assert_sound().await;

    repaired.store(true, Ordering::Relaxed);
    let report = evolution(Settings { due: mmevol::evolution::Due::Failed, ..text_only(1) }).run().await.unwrap();
    assert_eq!((report.rounds[0].failed, report.endpoint_lost), (0, None));
    assert_eq!(test.count("SELECT count(DISTINCT sample_id) FROM evolutions WHERE status IN ('kept', 'eliminated')").await, 300);
    test.assert_sound().await;
}

#[tokio::test]
async fn a_round_in_which_nothing_was_reached_is_the_last() {
    let test = TestStore::with_photos().await;
    let (endpoint, _) = dying_after(14);
    let evolution = Evolution::new(test.store.clone(), client(&endpoint)).settings(Settings { rounds: 3, ..Settings::default() });
    let report = evolution.run().await.unwrap();
    let failed: Vec<u64> = report.rounds.iter().map(|round| round.failed).collect();
    assert_eq!((failed, report.endpoint_lost.is_some()), (vec![0, 7], true));
    test.assert_sound().await;
}

/// Fails like [`Error::Model`], and writes nothing.
async fn assert_hopeless(model: OpenAiModel, words: &str) {
    let test = TestStore::with_photos().await;
    let error = Evolution::new(test.store.clone(), Arc::new(model)).run().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Model { .. }) && text.contains(words), "{text}");
    assert_eq!(test.count("SELECT count(*) FROM evolutions").await, 0);
}

#[tokio::test]
async fn an_endpoint_that_never_answers_ends_the_command() {
    let first_delay = Duration::from_millis(1);
    let retry_policy = RetryPolicy { first_delay, max_delay: first_delay, ..RetryPolicy::default() };
    let builder = |url: String| OpenAiModel::builder("m").base_url(url).retry_policy(retry_policy);

    let silent = Endpoint::sequence(vec![Behaviour::Hang]);
    let model = builder(silent.base_url()).request_timeout(Duration::from_millis(30)).build().unwrap();
    assert_hopeless(model, "no complete answer within 30ms. A slow model needs a longer --timeout. (3 requests made)").await;

    let without_tls = Endpoint::evolving();
    assert_hopeless(builder(without_tls.base_url().replace("http:", "https:")).build().unwrap(), "cannot connect").await;
}

/// As llama.cpp answers where it cannot make a grammar of the schema.
fn without_samplers(body: &Value) -> Behaviour {
    match body["response_format"]["type"].as_str() {
        Some("json_schema" | "json_object") => Behaviour::error(400, "Failed to initialize samplers: "),
        _ => evolving(body),
    }
}

fn evolve(workspace: &Workspace, endpoint: &Endpoint, more: &[&str]) -> crate::command::Run {
    let url = endpoint.base_url();
    workspace.run_with_key(&[&["evolve", "--rounds", "1", "--model", "m", "--base-url", &url], more].concat(), KEY)
}

#[test]
fn structured_output_that_fails_is_done_without_and_that_is_said() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::start(without_samplers));
    let run = evolve(&workspace, &endpoint, &["--concurrency", "1"]).expect_code(0);
    assert_eq!(endpoint.requests(), 2 + 14, "{run}");
    for parameter in ["json_schema", "json_object"] {
        let warning = format!("model 'm' at {} refuses response_format {parameter}, asking without it: 400", endpoint.base_url());
        assert_eq!(run.stderr.matches(&warning).count(), 1, "{run}");
    }
}

#[test]
fn a_model_that_takes_no_images_ends_the_command_at_once() {
    let message = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj";
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::start(move |_| Behaviour::error(500, message)));
    let run = evolve(&workspace, &endpoint, &["--concurrency", "1"]).expect_code(1);
    let error = format!("model 'm' at {}: 500 Internal Server Error: {message}. The model takes no images", endpoint.base_url());
    run.expect_stderr(&[&error, "--text-only"]);
    assert_eq!(endpoint.requests(), endpoint.distinct_requests(), "none is tried again");
}

#[test]
fn when_every_evolution_fails_the_commonest_error_is_shown() {
    let workspace = Workspace::with_photos();
    let endpoint = Endpoint::start(|body| match prompt_of(body).contains("tabby cat") {
        // Photos are asked about in any order: this one may come first, and says nothing of the others.
        true => Behaviour::error(400, "this one is broken"),
        false => Behaviour::reply("I would rather not."),
    });
    let run = evolve(&workspace, &endpoint, &["--concurrency", "1"]);
    let run = run.expect_code(0).expect_stderr(&[
        "7 evolutions failed",
        "the commonest error, 6 times: answer_no_json: ",
        "mmevol evolve --failed",
    ]);
    assert!(!run.stderr.contains('$'), "the price is not known\n{run}");
}

#[test]
fn answers_that_were_cut_off_are_counted_with_the_way_out() {
    let workspace = Workspace::with_photos();
    let endpoint = Endpoint::start(|body| match evolving(body) {
        Behaviour::Reply { text, usage, .. } if prompt_of(body).contains("tabby cat") && body["max_tokens"] == 100 => {
            Behaviour::Reply { text: text[..text.len() / 8].to_owned(), finish_reason: "length", usage }
        }
        answer => answer,
    });
    let said = "1 evolutions have an answer that was cut off at --max-tokens";
    evolve(&workspace, &endpoint, &["--max-tokens", "100"]).expect_code(0).expect_stderr(&[said, "--max-tokens N"]);
    let status = workspace.run(&["status"]).expect_code(0);
    assert!(status.stdout.contains("cut off") && status.stdout.contains("--max-tokens"), "{status}");
    // The answer that was cut off is asked for again, and no other.
    let asked = endpoint.requests();
    let run = evolve(&workspace, &endpoint, &["--max-tokens", "1000", "--failed"]).expect_code(0);
    assert!(!run.stderr.contains("cut off"), "{run}");
    assert_eq!(endpoint.requests(), asked + 2, "{run}");
    let status = workspace.run(&["status"]).expect_code(0);
    assert!(!status.stdout.contains("cut off"), "{status}");
}

#[test]
fn sql_says_what_was_asked_and_why_values_are_missing() {
    let workspace = Workspace::new();
    let endpoint = Endpoint::start(|body| match prompt_of(body) {
        "q3" | "q4" => Behaviour::error(400, "not this one"),
        prompt => Behaviour::reply(prompt.to_uppercase()),
    });
    let url = endpoint.base_url();
    let sql = |query: &str| {
        let model = ["--model", "gpt-4o-mini", "--base-url", &url, "--concurrency", "1", "--output", "csv"];
        workspace.run_with_key(&[&["sql", query], &model[..]].concat(), KEY).expect_code(0)
    };
    let rows = "FROM generate_series(1, 4) AS t(id)";
    // Rows ask in any order, and an endpoint that refuses whatever it is asked first is not asked again.
    let first = "SELECT llm_complete('q0') AS first; SELECT";
    let run = sql(&format!("{first} llm_complete('q' || id) AS a {rows}"));
    assert!(run.stdout.ends_with("a\nQ1\nQ2\n\"\"\n\"\"\n"), "{run}");
    run.expect_stderr(&[
        "3 calls, 0 answers from earlier calls, 2 failed; 30 + 15 tokens, $0.0000\n",
        "2 values are NULL: no answer of use came back\n",
        "the commonest error, 2 times: bad_request: 400 Bad Request: not this one\n",
        "try_llm_",
    ]);
    let run = sql(&format!("{first} try_llm_complete('q' || id)['error_kind'] AS e {rows}"));
    assert!(run.stderr.contains("2 failed") && !run.stderr.contains("NULL"), "the rows say it themselves\n{run}");
    let run = sql("SELECT llm_complete('q1') AS a, llm_complete('q1', sample => NULL) AS b; SELECT llm_complete('q1')");
    assert!(run.stderr.contains("1 calls, 1 answers from earlier calls, 1 shared a call in flight, 0 failed"), "{run}");
    let run = sql("SELECT 1; EXPLAIN SELECT llm_complete('q1')");
    assert_eq!(run.stderr, "", "nothing was asked");
}
