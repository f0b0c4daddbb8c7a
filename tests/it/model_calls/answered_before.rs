//! Commands one after the other over the same store: what was answered is not asked again, and what changed is.

use std::sync::Arc;

use mmevol::import::MissingImages;
use mmevol::model::Parameters;
use mmevol::model::prices::PriceTable;
use mmevol::model::spending::Spending;
use mmevol::prompt::PromptLibrary;
use mmevol::query::Models;
use mmevol::{Import, Session};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::harness::answers;
use crate::endpoint::{Behaviour, Endpoint, prompt_of};
use crate::stores::{TestStore, client};

/// One command, as `mmevol sql --model` runs it: its calls are in the store when it is done.
async fn run(test: &TestStore, endpoint: &Endpoint, statements: &[&str]) -> Vec<String> {
    let model = client(endpoint);
    let models = Models {
        model: Arc::clone(&model),
        judge: Arc::clone(&model),
        embedder: model,
        prices: Arc::new(PriceTable::embedded()),
        spending: Arc::new(Spending::default()),
        prompts: Arc::new(PromptLibrary::embedded()),
        parameters: Parameters::default(),
        images: false,
    };
    let writer = Arc::new(Mutex::new(test.store.writer("sql", json!({})).await.unwrap()));
    let models = models.over(&writer).await.unwrap();
    let in_flight = Arc::clone(&models.model.in_flight);
    let session = Session::builder().writer(Arc::clone(&writer)).models(Arc::new(models)).build().await.unwrap();
    let mut last = Vec::new();
    for statement in statements {
        last = answers(&session, statement).await;
    }
    drop(session);
    in_flight.settled().await;
    Arc::into_inner(writer).unwrap().into_inner().publish(json!({})).await.unwrap();
    last
}

fn upper() -> Endpoint {
    Endpoint::start(|body| Behaviour::reply(prompt_of(body).to_uppercase()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_asks_nothing_and_one_more_row_asks_once() {
    let (test, endpoint) = (TestStore::with_items(&[3, 2]).await, upper());
    let query = "SELECT question, llm_complete(question) FROM instructions ORDER BY question";
    let first = run(&test, &endpoint, &[query]).await;
    assert_eq!((endpoint.requests(), first.len()), (5, 5));
    assert_eq!(run(&test, &endpoint, &[query]).await, first);
    assert_eq!(endpoint.requests(), 5);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("more.json");
    let item = json!({ "question": "And one more?", "answer": "Yes.", "objects": [], "skills": [] });
    std::fs::write(&path, json!([{ "id": "more", "image": "none.jpg", "conversations_v0": [item] }]).to_string()).unwrap();
    Import::new(path).missing_images(MissingImages::Allow).run(&test.store).await.unwrap();
    assert_eq!(run(&test, &endpoint, &[query]).await.len(), 6);
    assert_eq!((endpoint.requests(), endpoint.distinct_requests()), (6, 6));
    assert_eq!(test.count("SELECT count(*) FROM calls").await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_prompts_that_was_edited_asks_for_its_rows() {
    let (test, endpoint) = (TestStore::with_items(&[3]).await, upper());
    let query =
        |second: &str| format!("SELECT llm_complete('First: ' || question), llm_complete('{second}' || question) FROM instructions");
    run(&test, &endpoint, &[&query("Second: ")]).await;
    assert_eq!(endpoint.requests(), 6);
    run(&test, &endpoint, &[&query("Otherwise: ")]).await;
    assert_eq!((endpoint.requests(), endpoint.distinct_requests()), (9, 9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_higher_max_tokens_asks_again_for_answers_that_were_cut_off() {
    let test = TestStore::with_items(&[4]).await;
    let endpoint = Endpoint::start(|body| {
        let is_long = prompt_of(body).contains("place 3");
        let is_cut = is_long && body["max_tokens"].as_u64().unwrap() < 100;
        Behaviour::Reply {
            text: if is_cut { "Once upon".into() } else { "The end.".into() },
            finish_reason: if is_cut { "length" } else { "stop" },
            usage: Some((10, 5)),
        }
    });
    let cut = "SELECT count(*) FROM instructions WHERE llm_complete(question, max_tokens => 10) = 'Once upon'";
    assert_eq!(run(&test, &endpoint, &[cut]).await, ["1"]);
    assert_eq!(endpoint.requests(), 4);
    // The same limit, and a lower one, change nothing.
    run(&test, &endpoint, &[cut]).await;
    run(&test, &endpoint, &["SET mmevol.max_tokens = 5", "SELECT llm_complete(question) FROM instructions"]).await;
    assert_eq!(endpoint.requests(), 4);
    let whole = "SELECT count(*) FROM instructions WHERE llm_complete(question) = 'The end.'";
    assert_eq!(run(&test, &endpoint, &["SET mmevol.max_tokens = 200", whole]).await, ["4"]);
    assert_eq!(endpoint.requests(), 5);
    assert_eq!(run(&test, &endpoint, &[cut]).await, ["0"]);
    assert_eq!(endpoint.requests(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sample_of_a_prompt_is_a_request_of_its_own() {
    let (test, endpoint) = (TestStore::with_items(&[1]).await, upper());
    let jokes = |most: u64| format!("SELECT llm_complete('A joke, please.', sample => value) FROM generate_series(1, {most})");
    run(&test, &endpoint, &[&jokes(5)]).await;
    assert_eq!(endpoint.requests(), 5);
    run(&test, &endpoint, &[&jokes(7)]).await;
    assert_eq!(endpoint.requests(), 7);
    // The endpoint is to answer differently, so it is sent another seed for each.
    let seeds: std::collections::BTreeSet<i64> = endpoint.received().iter().filter_map(|request| request.body["seed"].as_i64()).collect();
    assert_eq!(seeds.len(), 7);
}

/// What could not be read is asked for once more, and not taken from the earlier answer; what came of it is taken the next time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_after_garbage_is_a_new_request() {
    let test = TestStore::with_items(&[1]).await;
    let endpoint = Endpoint::sequence(vec![Behaviour::reply("garbage"), Behaviour::reply("{\"answer\": true}")]);
    let query = "SELECT llm_filter('Is it so?'), llm_filter('Is it so?') AS again";
    assert_eq!(run(&test, &endpoint, &[query]).await, ["true true"]);
    assert_eq!(endpoint.requests(), 2);
    assert_eq!(run(&test, &endpoint, &[query]).await, ["true true"]);
    assert_eq!(endpoint.requests(), 2);
    assert_eq!(test.count("SELECT count(*) FROM calls").await, 2);
}

/// Failures are not remembered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_is_asked_again_by_the_next_command() {
    let test = TestStore::with_items(&[3]).await;
    let refuses = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let switch = Arc::clone(&refuses);
    let endpoint = Endpoint::start(move |body: &Value| {
        let is_refused = prompt_of(body).contains("place 1") && switch.load(std::sync::atomic::Ordering::Relaxed);
        match is_refused {
            true => Behaviour::Json(json!({ "choices": [{ "message": { "refusal": "I will not." }, "finish_reason": "stop" }] })),
            false => Behaviour::reply("fine"),
        }
    });
    let query = "SELECT count(llm_complete(question)) FROM instructions";
    assert_eq!(run(&test, &endpoint, &[query]).await, ["2"]);
    refuses.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(run(&test, &endpoint, &[query]).await, ["3"]);
    assert_eq!(endpoint.requests(), 4);
    let failed = test.values("SELECT error FROM calls WHERE response IS NULL").await;
    assert!(failed.len() == 1 && failed[0]["error"].as_str().unwrap().starts_with("refusal: "), "{failed:?}");
}

/// Two forms of a function, and both names of one, are one request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_forms_share_an_answer() {
    let (test, endpoint) = (TestStore::with_items(&[2]).await, upper());
    run(&test, &endpoint, &["SELECT llm_complete(question), ai(question), try_llm_complete(question) FROM instructions"]).await;
    assert_eq!(endpoint.requests(), 2);
    let query = "SELECT x['cached'], x['attempts'], x['cost_usd'] FROM (SELECT try_llm_complete(question) AS x FROM instructions)";
    assert_eq!(run(&test, &endpoint, &[query]).await, ["true 0 0.0", "true 0 0.0"]);
    assert_eq!(endpoint.requests(), 2);
}
