//! Answers that are no use, and endpoints that fail on a row: an error value of that row, and the query goes on or stops as
//! `mmevol.on_error` says.

use std::num::NonZeroUsize;
use std::sync::Arc;

use mmevol::Session;
use mmevol::model::limits::Limits;
use serde_json::json;

use super::harness::{answers, models, refusal, with_rows};
use crate::endpoint::{Behaviour, Endpoint, prompt_of};
use crate::stores::client;

/// A call with the prompt `q`, what the endpoint does with row 2, `error_kind`, what the error says, requests made for that row.
fn faults() -> Vec<(&'static str, Behaviour, &'static str, &'static str, usize)> {
    let refusal = json!({ "choices": [{ "message": { "content": null, "refusal": "I will not." }, "finish_reason": "stop" }] });
    let cut = Behaviour::Reply { text: "{\"a\": ".into(), finish_reason: "length", usage: None };
    let (complete, filter) = ("llm_complete(q)", "llm_filter(q)");
    let structured = "llm_complete(q, schema => '{\"type\": \"object\", \"required\": [\"a\"]}')";
    vec![
        (filter, Behaviour::reply("Well, it depends."), "unusable_answer", "it says neither yes nor no: 'Well, it depends.'", 2),
        (filter, Behaviour::reply(""), "unusable_answer", "it says neither yes nor no", 2),
        (filter, Behaviour::reply("yes ".repeat(1 << 20)), "unusable_answer", "...'", 2),
        (filter, Behaviour::reply("<html><body>true</body></html>"), "unusable_answer", "<html>", 2),
        (complete, Behaviour::reply(""), "unusable_answer", "it is empty", 2),
        (complete, Behaviour::reply(" \n"), "unusable_answer", "it is empty", 2),
        (complete, Behaviour::Garbage(b"<html><title>Welcome</title></html>".to_vec()), "invalid_response", "no chat completion", 2),
        (complete, Behaviour::Garbage(Vec::new()), "invalid_response", "no chat completion", 2),
        (complete, Behaviour::Garbage(vec![0xff, 0xfe, 0]), "invalid_response", "no chat completion", 2),
        (complete, Behaviour::Json(json!({ "choices": [] })), "invalid_response", "no chat completion", 2),
        (complete, Behaviour::CutBody, "connection", "cut off", 2),
        (complete, Behaviour::error(500, "oops"), "server_error", "oops", 2),
        (complete, Behaviour::error(400, "this is no request"), "bad_request", "this is no request", 1),
        (complete, Behaviour::error(400, "maximum context length is 8192 tokens"), "context_overflow", "8192 tokens", 1),
        (complete, Behaviour::Json(refusal), "refusal", "I will not.", 1),
        (structured, Behaviour::reply("A dog."), "unusable_answer", "the answer is not JSON", 2),
        (structured, Behaviour::reply("[1]"), "unusable_answer", "the schema asks for object", 2),
        (structured, Behaviour::reply("{\"b\": 1}"), "unusable_answer", "it has no 'a'", 2),
        (structured, cut, "unusable_answer", "it was cut off at max_tokens", 2),
        ("llm_embed(q)", Behaviour::Json(json!({ "data": [] })), "invalid_response", "no embedding", 2),
        ("llm_embed(q)", Behaviour::reply("a dog"), "invalid_response", "no embedding", 2),
    ]
}

/// What the endpoint answers where nothing is wrong.
fn well(call: &str) -> Behaviour {
    match call.split_once('(').unwrap().0 {
        "llm_embed" => Behaviour::Json(json!({ "data": [{ "index": 0, "embedding": [1, 2] }] })),
        "llm_filter" => Behaviour::reply("{\"answer\": true}"),
        _ => Behaviour::reply("{\"a\": 1}"),
    }
}

fn is_about(body: &serde_json::Value, prompt: &str) -> bool {
    let text = body["input"].as_str().unwrap_or_else(|| prompt_of(body));
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == prompt)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_row_has_the_error_and_the_others_their_answers() {
    for (call, fault, kind, message, requests) in faults() {
        let good = well(call);
        let endpoint = Endpoint::start(move |body| if is_about(body, "q2") { fault.clone() } else { good.clone() });
        let session = Session::builder().models(Arc::new(models(client(&endpoint)))).build().await.unwrap();
        with_rows(&session, 3).await;
        // Once something was answered, a request that is refused is one bad row.
        answers(&session, &format!("SELECT {call} FROM t WHERE id = 1")).await;
        let tried = format!("SELECT x['error_kind'], x['value'] IS NULL, x['error'] FROM (SELECT id, try_{call} AS x FROM t) ORDER BY id");
        let found = answers(&session, &tried).await;
        assert_eq!((found[0].as_str(), found[2].as_str()), ("NULL false NULL", "NULL false NULL"), "{call} {message}");
        assert!(found[1].starts_with(&format!("{kind} true ")) && found[1].contains(message), "{call} {message}: {found:?}");
        assert!(found[1].len() < 600, "{call} {message}: {}", found[1].len());
        assert_eq!(endpoint.received().iter().filter(|request| is_about(&request.body, "q2")).count(), requests, "{call} {message}");

        let plain = format!("SELECT {call} IS NULL FROM t ORDER BY id");
        assert_eq!(answers(&session, &plain).await, ["false", "true", "false"], "{call} {message}");

        session.collect("SET mmevol.on_error = 'fail'").await.unwrap();
        let error = refusal(&session, &plain).await;
        let name = call.split_once('(').unwrap().0;
        assert!(error.contains(&format!("{name} failed on a row: {kind}: ")) && error.contains(message), "{call} {message}: {error}");
        assert!(error.contains("SET mmevol.on_error = 'null' goes on"), "{error}");
    }
}

/// A question is asked once a query, whatever comes of it: rows that came later once paid for it again. The next query asks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_ask_the_same_share_what_is_of_no_use() {
    let refusal = json!({ "choices": [{ "message": { "content": null, "refusal": "I will not." }, "finish_reason": "stop" }] });
    for (function, fault, requests) in [
        ("llm_filter", Behaviour::reply("maybe"), 2),
        ("llm_complete", Behaviour::reply(""), 2),
        ("llm_complete", Behaviour::Json(refusal), 1),
        ("llm_complete", Behaviour::error(400, "not this one"), 1),
        ("llm_complete", Behaviour::error(500, "oops"), 2),
        ("llm_embed", Behaviour::Json(json!({ "data": [] })), 2),
    ] {
        let good = well(&format!("{function}(q)"));
        let shown = format!("{function} {fault:?}");
        let endpoint = Endpoint::start(move |body| if is_about(body, "nonsense") { fault.clone() } else { good.clone() });
        let model = client(&endpoint);
        model.limit(Limits { concurrency: NonZeroUsize::new(4), ..Limits::default() });
        let session = Session::builder().models(Arc::new(models(model))).build().await.unwrap();
        with_rows(&session, 400).await;
        session.collect("SET mmevol.keep_order = false").await.unwrap();
        // Once something was answered, a request that is refused is one bad row.
        answers(&session, &format!("SELECT {function}('first')")).await;
        let query = format!(
            "SELECT count(*), count(a), count(b) FROM (SELECT {function}(p) AS a, try_{function}(p)['error_kind'] AS b \
             FROM (SELECT CASE WHEN id % 20 = 0 THEN 'nonsense' ELSE q END AS p FROM t))"
        );
        for times in 1..=2 {
            assert_eq!(answers(&session, &query).await, ["400 380 20"], "{shown}");
            let asked = endpoint.received().iter().filter(|request| is_about(&request.body, "nonsense")).count();
            assert_eq!(asked, times * requests, "{shown}");
        }
        assert_eq!(endpoint.requests(), 1 + 380 + 2 * requests, "{shown}");
    }
}

/// A huge text is an answer as any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_text_is_an_answer() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("long ".repeat(1 << 20)));
    let session = Session::builder().models(Arc::new(models(client(&endpoint)))).build().await.unwrap();
    assert_eq!(answers(&session, "SELECT length(llm_complete('?')), length(try_llm_complete('?')['value'])").await, ["5242880 5242880"]);
    assert_eq!(endpoint.requests(), 1);
}

/// Answers to several items at once are read item by item.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wrong_number_of_items_leaves_those_that_are_there() {
    let pair = "{original: {question: 'What is it?', answer: 'A dog.'}, rewritten: {question: 'Which animal is it?', answer: 'A dog.'}}";
    let score = format!("try_llm_score(NULL, 'A dog.', [], [{pair}, {pair}])");
    let items = "[{question: 'What is it?', answer: 'A dog.'}, {question: 'Where is it?', answer: 'Here.'}]";
    let evolve = format!("try_llm_evolve('interaction', NULL, 'A dog.', [], {items})");
    let verdict = r#"{"item": 2, "improved": "yes", "score": 7, "reason": "Harder."}"#;
    let item = r#"{"item": 2, "question": "Where does it sit?", "answer": "On a mat."}"#;
    for (call, answer, parsed, expected, requests) in [
        (
            &score,
            format!("[{verdict}]"),
            "parse_scores(x['value'], 2)['items'][1] IS NULL, parse_scores(x['value'], 2)['items'][2]['score']",
            "true 7",
            1,
        ),
        (&score, "[]".to_owned(), "parse_scores(x['value'], 2)['items'][1], x['error_kind']", "NULL NULL", 2),
        (&score, "garbage".to_owned(), "parse_scores(x['value'], 2)['error_kind'] IS NOT NULL, x['value']", "true garbage", 2),
        (
            &evolve,
            format!("[{item}]"),
            "cardinality(parse_instructions(x['value'])['items']), parse_instructions(x['value'])['items'][1]['item']",
            "1 2",
            1,
        ),
        (&evolve, "garbage".to_owned(), "parse_instructions(x['value'])['error_kind'] IS NOT NULL, x['value']", "true garbage", 2),
    ] {
        let endpoint = Endpoint::start(move |_| Behaviour::reply(answer.clone()));
        let session = Session::builder().models(Arc::new(models(client(&endpoint)))).build().await.unwrap();
        assert_eq!(answers(&session, &format!("SELECT {parsed} FROM (SELECT {call} AS x)")).await, [expected], "{call}");
        assert_eq!(endpoint.requests(), requests, "{call}");
    }
}

/// A row without a verdict is neither kept nor taken for false.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_without_a_verdict_is_null() {
    let endpoint = Endpoint::start(|body| Behaviour::reply(if is_about(body, "q2") { "maybe" } else { "{\"answer\": true}" }));
    let session = Session::builder().models(Arc::new(models(client(&endpoint)))).build().await.unwrap();
    with_rows(&session, 3).await;
    assert_eq!(answers(&session, "SELECT id FROM t WHERE llm_filter(q)").await, ["1", "3"]);
    assert_eq!(answers(&session, "SELECT id FROM t WHERE NOT llm_filter(q)").await, [""; 0]);
    assert_eq!(answers(&session, "SELECT id FROM t WHERE llm_filter(q) IS NULL").await, ["2"]);
    assert_eq!(answers(&session, "SELECT count(*), count(llm_filter(q)) FROM t").await, ["3 2"]);
}

/// What came back before the error is not asked for again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_ends_the_query_keeps_what_came_back() {
    let endpoint = Endpoint::start(|body| match is_about(body, "q3") {
        true => Behaviour::error(400, "not this one"),
        false => Behaviour::reply("fine"),
    });
    let model = client(&endpoint);
    model.limit(Limits { concurrency: NonZeroUsize::new(1), ..Limits::default() });
    let models = Arc::new(models(model));
    let session = Session::builder().models(Arc::clone(&models)).build().await.unwrap();
    with_rows(&session, 100).await;
    session.collect("SET datafusion.execution.target_partitions = 1").await.unwrap();
    answers(&session, "SELECT llm_complete(q) FROM t WHERE id = 1").await;
    session.collect("SET mmevol.on_error = 'fail'").await.unwrap();
    let error = refusal(&session, "SELECT llm_complete(q) FROM t").await;
    assert!(error.contains("llm_complete failed on a row: bad_request: ") && error.contains("not this one"), "{error}");
    assert!(error.contains("hint: what came back is kept in calls"), "{error}");
    models.model.in_flight.settled().await;

    session.collect("SET mmevol.on_error = 'null'").await.unwrap();
    assert_eq!(answers(&session, "SELECT count(*), count(llm_complete(q)) FROM t").await, ["100 99"]);
    // The one that failed is asked again, nothing else is.
    assert_eq!((endpoint.requests(), endpoint.distinct_requests()), (101, 100));
}
