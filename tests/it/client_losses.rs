//! Endpoints that go away, refuse what they are sent, or cut their answers off: what a command does about it and what it says.

mod queries;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mmevol::evolution::{Due, EvolutionReport, Settings};
use mmevol::model::limits::Limits;
use mmevol::model::openai::{OpenAiModel, RetryPolicy};
use mmevol::{Error, Evolution};
use serde_json::{Value, json};

use crate::command::Workspace;
use crate::endpoint::{Behaviour, Endpoint, evolving, prompt_of};
use crate::stores::{KEY, TestStore, client};

fn text_only(rounds: u32) -> Settings {
    Settings { rounds, text_only: true, ..Settings::default() }
}

/// An endpoint that plays the model for so many requests, and then answers nothing until it is repaired.
fn dying_after(answers: usize) -> (Endpoint, Arc<AtomicBool>) {
    failing_after(answers, Behaviour::CutBody)
}

/// One that then behaves like this until it is repaired.
fn failing_after(answers: usize, failure: Behaviour) -> (Endpoint, Arc<AtomicBool>) {
    let repaired = Arc::new(AtomicBool::new(false));
    let (switch, asked) = (Arc::clone(&repaired), AtomicUsize::new(0));
    let endpoint = Endpoint::start(move |body| match asked.fetch_add(1, Ordering::Relaxed) < answers || switch.load(Ordering::Relaxed) {
        true => evolving(body),
        false => failure.clone(),
    });
    (endpoint, repaired)
}

#[tokio::test]
async fn an_endpoint_that_dies_is_soon_asked_no_more() {
    asked_no_more(Behaviour::CutBody, "cut off", 2).await;
}

#[tokio::test]
async fn a_proxy_whose_backend_dies_is_soon_asked_no_more() {
    // What only says "later" counts a fifth of an attempt.
    asked_no_more(Behaviour::error(502, "no backend"), "502", 2 * 5).await;
}

async fn asked_no_more(failure: Behaviour, words: &str, attempts: usize) {
    let test = TestStore::with_items(&[1; 300]).await;
    let (endpoint, repaired) = failing_after(40, failure);
    let model = client(&endpoint);
    model.limit(Limits { concurrency: NonZeroUsize::new(8), ..Limits::default() });
    let evolution = |settings| Evolution::new(test.store.clone(), Arc::clone(&model)).settings(settings);

    let report = evolution(text_only(3)).run().await.unwrap();
    assert_eq!(report.rounds.len(), 1, "the second round would be in vain");
    assert!(report.endpoint_lost.as_deref().is_some_and(|error| error.contains(words)), "{report:?}");
    let round = &report.rounds[0];
    assert_eq!((report.spent.calls, round.samples + round.unreached, round.failed), (40, 300, 0));
    // Of the 64 rows that are begun at once each sends its requests in vain; of those begun after them one such row is enough.
    assert!(endpoint.requests() <= 40 + attempts * 2 * 64, "{} requests were sent", endpoint.requests());
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'failed'").await, 0, "what was not answered is still due");
    test.assert_sound().await;

    repaired.store(true, Ordering::Relaxed);
    let report = evolution(text_only(1)).run().await.unwrap();
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
    let unreached: Vec<u64> = report.rounds.iter().map(|round| round.unreached).collect();
    assert_eq!((unreached, report.endpoint_lost.is_some()), (vec![0, 7], true));
    test.assert_sound().await;
}

fn two_rounds() -> Settings {
    Settings { rounds: 2, ..Settings::default() }
}

async fn made(test: &TestStore) -> [Vec<Value>; 2] {
    test.assert_sound().await;
    [
        test.values("SELECT * EXCEPT (run_id, created_at) FROM evolutions ORDER BY evolution_id").await,
        test.values("SELECT * EXCEPT (run_id, created_at) FROM instructions ORDER BY instruction_id").await,
    ]
}

/// Wherever an endpoint goes away, also with the last request of a round, the same run again makes what an undisturbed one makes, and only what
/// was on its way is asked for twice. What had failed was once left alone, and later rounds were made of the seeds meanwhile.
#[tokio::test]
async fn after_a_lost_endpoint_the_same_run_goes_on() {
    let (whole, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    Evolution::new(whole.store.clone(), client(&endpoint)).settings(two_rounds()).run().await.unwrap();
    let whole = made(&whole).await;
    for answers in [5, 13, 14, 20, 25] {
        let asked = AtomicUsize::new(0);
        let endpoint = Endpoint::start(move |body| match asked.fetch_add(1, Ordering::Relaxed) < answers {
            true => evolving(body),
            false => Behaviour::Hold(Box::new(evolving(body))),
        });
        let (test, model) = (TestStore::with_photos().await, client(&endpoint));
        model.limit(Limits { concurrency: NonZeroUsize::new(2), ..Limits::default() });
        let evolution = Evolution::new(test.store.clone(), model).settings(two_rounds());
        let running = tokio::spawn(async move { evolution.run().await });
        while endpoint.requests() <= answers {
            assert!(!running.is_finished(), "it ended by itself");
            tokio::task::yield_now().await;
        }
        let mut bodies: Vec<String> = endpoint.received().iter().map(|request| request.body.to_string()).collect();
        drop(endpoint);
        let report = running.await.unwrap().unwrap();
        assert!(report.endpoint_lost.is_some(), "after {answers} answers: {report:?}");
        test.assert_sound().await;

        let endpoint = Endpoint::evolving();
        let report = Evolution::new(test.store.clone(), client(&endpoint)).settings(two_rounds()).run().await.unwrap();
        assert_eq!(report.endpoint_lost, None);
        bodies.extend(endpoint.received().iter().map(|request| request.body.to_string()));
        let distinct: HashSet<&String> = bodies.iter().collect();
        assert!(bodies.len() <= distinct.len() + 2, "{} requests, {} differ, after {answers} answers", bodies.len(), distinct.len());
        assert_eq!(made(&test).await, whole, "after {answers} answers");
    }
}

/// A request that the endpoint dies of fails alone. Nothing is made of its sample's older items meanwhile, which would be replaced later.
#[tokio::test]
async fn what_the_endpoint_put_off_goes_on_when_it_is_tried_again() {
    let (test, broken) = (TestStore::with_photos().await, Arc::new(AtomicBool::new(true)));
    let switch = Arc::clone(&broken);
    // Its verdict: by then others were answered.
    let endpoint = Endpoint::start(move |body| {
        let is_score = body["response_format"]["json_schema"]["name"] == "scored_instructions";
        match switch.load(Ordering::Relaxed) && is_score && prompt_of(body).contains("tabby cat") {
            true => Behaviour::CutBody,
            false => evolving(body),
        }
    });
    let run = async |due| {
        let settings = Settings { due, ..two_rounds() };
        Evolution::new(test.store.clone(), client(&endpoint)).settings(settings).run().await.unwrap()
    };
    let samples = |report: &EvolutionReport| report.rounds.iter().map(|round| round.samples).collect::<Vec<_>>();
    let report = run(Due::New).await;
    assert_eq!((samples(&report), report.rounds[0].failed, &report.endpoint_lost), (vec![7, 6], 1, &None));
    let asked = endpoint.requests();
    assert_eq!((samples(&run(Due::New).await), endpoint.requests()), (vec![0, 0], asked));
    broken.store(false, Ordering::Relaxed);
    assert_eq!(samples(&run(Due::Failed).await), [1, 1]);
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'superseded'").await, 1, "the failed attempt");
    test.assert_sound().await;
}

/// A script that goes on with an export must not take a part for the whole.
#[test]
fn a_lost_endpoint_fails_the_command() {
    let (asked, renewed) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let switch = Arc::clone(&renewed);
    let endpoint = Endpoint::start(move |body| match switch.load(Ordering::Relaxed) || asked.fetch_add(1, Ordering::Relaxed) < 9 {
        true => evolving(body),
        false => Behaviour::error(401, "the key has expired"),
    });
    let workspace = Workspace::with_photos();
    let run = evolve(&workspace, &endpoint, &[]).expect_code(1).expect_stderr(&[
        "evolutions were not answered, and are still due",
        "stopped in round 1, where the endpoint answers no more: ",
        "the key has expired",
        "go on with the same command",
    ]);
    assert!(!run.stderr.contains("--failed"), "{run}");
    renewed.store(true, Ordering::Relaxed);
    let run = evolve(&workspace, &endpoint, &[]).expect_code(0);
    assert_eq!(endpoint.distinct_requests(), 14, "{run}");
    let first_attempts = "SELECT count(*) AS n FROM evolutions WHERE attempt = 0 AND status <> 'failed'";
    assert_eq!(workspace.run(&["sql", first_attempts, "--output", "csv"]).stdout, "n\n7\n");
    evolve(&workspace, &endpoint, &[]).expect_code(0).expect_stderr(&["0 calls", "nothing was due"]);
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

    let without_backend = Endpoint::start(|_| Behaviour::error(503, "no backend"));
    let model = builder(without_backend.base_url()).build().unwrap();
    assert_hopeless(model, "503 Service Unavailable: no backend (6 requests made)").await;

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

/// A provider forbids one request for what is in it; the key is as good as before.
#[test]
fn a_sample_that_a_moderation_flags_fails_alone() {
    let workspace = Workspace::with_photos();
    let endpoint = Endpoint::start(|body| match prompt_of(body).contains("tabby cat") {
        true => Behaviour::error(403, "Your chosen model requires moderation and your input was flagged"),
        false => evolving(body),
    });
    let run = evolve(&workspace, &endpoint, &["--concurrency", "1"]).expect_code(0);
    run.expect_stderr(&["1 evolutions failed", "refusal", "your input was flagged"]);
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
        "mmevol evolve --model m --failed",
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

/// vLLM puts what a model reasons beside its answer: where the tokens ended with the reasoning, no text is left that looks cut off.
#[test]
fn reasoning_that_was_cut_off_is_no_empty_answer() {
    let workspace = Workspace::with_photos();
    let endpoint = Endpoint::start(|body| match evolving(body) {
        Behaviour::Reply { .. } if prompt_of(body).contains("tabby cat") && body["max_tokens"] == 100 => {
            let message = json!({ "role": "assistant", "content": null, "reasoning_content": "Let me see." });
            Behaviour::Json(json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "length" }] }))
        }
        answer => answer,
    });
    evolve(&workspace, &endpoint, &["--max-tokens", "100"]).expect_code(0).expect_stderr(&[
        "the commonest error, 1 times: answer_truncated: the answer was cut off at --max-tokens before its first whole item",
        "mmevol evolve --model m --failed --max-tokens N",
    ]);
    let run = evolve(&workspace, &endpoint, &["--max-tokens", "1000", "--failed"]).expect_code(0);
    assert!(!run.stderr.contains("evolutions failed"), "{run}");
}

/// A judge that reasons may use up its tokens as well.
#[test]
fn verdicts_that_were_cut_off_say_so() {
    let workspace = Workspace::with_photos();
    let endpoint = Endpoint::start(|body| match evolving(body) {
        Behaviour::Reply { usage, .. }
            if body["response_format"]["json_schema"]["name"] == "scored_instructions" && body["max_tokens"] == 100 =>
        {
            Behaviour::Reply { text: String::new(), finish_reason: "length", usage }
        }
        answer => answer,
    });
    evolve(&workspace, &endpoint, &["--max-tokens", "100"]).expect_code(0).expect_stderr(&[
        "7 evolutions failed",
        "the commonest error, 7 times: judge_truncated: the verdicts were cut off at --max-tokens",
        "mmevol evolve --model m --failed --max-tokens N",
    ]);
    let run = evolve(&workspace, &endpoint, &["--max-tokens", "1000", "--failed"]).expect_code(0);
    assert!(!run.stderr.contains("evolutions failed"), "{run}");
}
