//! Each row goes at its own pace: in these tests a request is answered only when others have been made, which would never happen if rows
//! waited for each other.

use std::sync::Arc;

use async_trait::async_trait;
use mmevol::evolution::Settings;
use mmevol::model::{CallKind, ChatError, ChatReply, ChatRequest, FinishReason, RequestImage, Usage};
use mmevol::{ChatModel, Evolution};
use serde_json::json;

use super::harness::{Gated, answers, session};
use crate::endpoint::{Behaviour, evolving};
use crate::stores::TestStore;

/// A batch of the engine has 8,192 rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_first_row_holds_up_no_other_of_any_batch() {
    let model = Gated::new(|request, arrived| request.prompt == "row 1" && arrived.len() < 9000);
    let session = session(model as Arc<dyn ChatModel>).await;
    let query = "SELECT count(*) FILTER (WHERE a = concat('ROW ', id)), count(*) FROM \
                 (SELECT id, llm_complete(concat('row ', id)) AS a FROM (SELECT value AS id FROM generate_series(1, 9000)))";
    assert_eq!(answers(&session, query).await, ["9000 9000"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_first_row_holds_up_no_other_where_order_is_kept() {
    let model = Gated::new(|request, arrived| request.prompt == "row 1" && arrived.len() < 9000);
    let session = session(model as Arc<dyn ChatModel>).await;
    let query = "SELECT llm_complete(concat('row ', value)) FROM generate_series(1, 9000)";
    let expected: Vec<String> = (1..=9000).map(|number| format!("ROW {number}")).collect();
    assert_eq!(answers(&session, query).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_column_holds_up_no_other() {
    let others = |arrived: &[String]| arrived.iter().filter(|prompt| prompt.starts_with("other")).count();
    let model = Gated::new(move |request, arrived| request.prompt.starts_with('q') && others(arrived) < 20);
    let session = session(model as Arc<dyn ChatModel>).await;
    let found = answers(&session, "SELECT llm_complete(q), llm_complete(concat('other ', q)) FROM t WHERE id < 21").await;
    assert_eq!(found.len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_partition_holds_up_no_other() {
    let model = Gated::new(|request, arrived| request.prompt == "q1" && !arrived.iter().any(|prompt| prompt == "q20"));
    let session = session(model as Arc<dyn ChatModel>).await;
    let halves = "SELECT llm_complete(q) FROM t WHERE id < 11 UNION ALL SELECT llm_complete(q) FROM t WHERE id > 10";
    assert_eq!(answers(&session, halves).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_goes_on_to_its_next_call_while_others_wait() {
    for query in [
        "SELECT llm_complete(concat('then ', llm_complete(q))) FROM t",
        "SELECT llm_complete(concat('then ', a)) FROM (SELECT llm_complete(q) AS a FROM t)",
        "SELECT llm_complete(concat('then ', a)) FROM (SELECT llm_complete(q) AS a, lang FROM t) WHERE a > '' AND lang > ''",
        "SELECT count(llm_complete(concat('then ', a))) FROM (SELECT llm_complete(q) AS a FROM t) WHERE llm_complete(a) > ''",
        "SELECT CASE WHEN a > '' THEN llm_complete(concat('then ', a)) END FROM (SELECT llm_complete(q) AS a FROM t)",
    ] {
        let then = |arrived: &[String]| arrived.iter().filter(|prompt| prompt.starts_with("then")).count();
        let model = Gated::new(move |request, arrived| request.prompt == "q1" && then(arrived) < 19);
        let session = session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
        answers(&session, query).await;
        let arrived = model.arrived();
        assert_eq!(then(&arrived), 20, "{query}: {arrived:?}");
    }
}

/// Rewrites and judges like the endpoint of other tests.
#[derive(Debug)]
struct Playing;

#[async_trait]
impl ChatModel for Playing {
    fn name(&self) -> &str {
        "playing"
    }

    async fn chat(&self, request: &ChatRequest, _images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        let body = json!({ "messages": [{ "content": request.prompt }] });
        let Behaviour::Reply { text, .. } = evolving(&body) else { panic!("it always answers") };
        let finish_reason = FinishReason::Stop;
        Ok(ChatReply { text, finish_reason, usage: Usage::default(), attempts: 1, http_status: None, latency_ms: 1 })
    }
}

/// One sample is rewritten only when another one's rewriting has been judged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_judges_a_sample_while_others_are_rewritten() {
    let test = TestStore::with_items(&[2, 1, 3]).await;
    let judged = |arrived: &[String]| arrived.iter().any(|prompt| prompt.contains("\"rewritten\""));
    let model = Gated::before(Arc::new(Playing), move |request, arrived| {
        request.kind == CallKind::Evolve && request.prompt.contains("room 0?") && !judged(arrived)
    });
    let settings = Settings { rounds: 1, text_only: true, ..Settings::default() };
    let report = Evolution::new(test.store.clone(), Arc::clone(&model) as Arc<dyn ChatModel>).settings(settings).run().await.unwrap();
    assert_eq!((report.rounds[0].samples, report.rounds[0].failed), (3, 0));
    let arrived = model.arrived();
    assert_eq!(arrived.iter().filter(|prompt| prompt.contains("\"rewritten\"")).count(), 3, "{arrived:?}");
    test.assert_sound().await;
}
