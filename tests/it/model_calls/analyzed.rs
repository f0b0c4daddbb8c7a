//! What EXPLAIN shows before anything is asked, and EXPLAIN ANALYZE afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use mmevol::{ChatModel, Session};

use super::harness::{Counting, answers, models, session, with_rows};
use crate::endpoint::{Behaviour, Endpoint, prompt_of};
use crate::stores::client;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_shows_where_models_run_and_asks_nothing() {
    let model = Arc::new(Counting::default());
    let session = session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
    let query = "SELECT id, llm_complete(q) AS a FROM t WHERE lang = 'en' AND llm_filter(q) ORDER BY a";
    for explain in ["EXPLAIN", "EXPLAIN VERBOSE", "EXPLAIN FORMAT INDENT"] {
        let plan = answers(&session, &format!("{explain} {query}")).await.join("\n");
        for part in ["ModelCallsExec: rows=", "order=free", "ask llm_filter(", "ask llm_complete(", "BY counting AT embedded"] {
            assert!(plan.contains(part), "{explain}: {part}\n{plan}");
        }
    }
    let tree = answers(&session, &format!("EXPLAIN FORMAT TREE {query}")).await.join("\n");
    assert!(tree.contains("ModelCallsExec"), "{tree}");
    // In the order in which a row goes through them.
    let place = |step: &str| tree.find(step).unwrap_or_else(|| panic!("{step}\n{tree}"));
    assert!(place("1 ask llm_filter(") < place("keep __model_1") && place("keep __model_1") < place("ask llm_complete("), "{tree}");
    let plan = answers(&session, "EXPLAIN SELECT llm_complete(q) FROM t WHERE llm_filter(q) AND lang = 'en'").await.join("\n");
    assert!(plan.contains("ModelCalls: llm_filter(t.q) AS __model_1 BY counting"), "{plan}");
    assert!(plan.contains("ask llm_filter(q@") && plan.contains("BY counting AT embedded; "), "{plan}");
    let plan = answers(&session, "EXPLAIN SELECT CASE WHEN id = 1 THEN llm_complete(q) END FROM t").await.join("\n");
    assert!(plan.contains("rows=20, order=kept: ask llm_complete(q@1) AS __model_1 BY counting AT embedded WHERE (id@0 = 1)"), "{plan}");
    assert_eq!(model.requests(), 0);
}

/// The counters of the nodes that ask, added up.
async fn metrics(session: &Session, query: &str) -> BTreeMap<String, u64> {
    let plan = answers(session, &format!("EXPLAIN ANALYZE {query}")).await.join("\n");
    let mut metrics = BTreeMap::new();
    for line in plan.lines().filter(|line| line.contains("ModelCallsExec")) {
        let (_, counters) = line.rsplit_once("metrics=[").unwrap();
        for (name, value) in counters.trim_end_matches(']').split(", ").filter_map(|counter| counter.split_once('=')) {
            if let Ok(value) = value.parse::<u64>() {
                *metrics.entry(name.to_owned()).or_default() += value;
            }
        }
        for time in ["waiting_for_endpoint=", "waiting_for_slot="] {
            assert!(counters.contains(time), "{time} is missing: {line}");
        }
    }
    metrics
}

fn assert_metrics(metrics: &BTreeMap<String, u64>, expected: &[(&str, u64)]) {
    for (name, value) in expected {
        assert_eq!(metrics.get(*name), Some(value), "{name}: {metrics:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_analyze_counts() {
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    let none = [("cached", 0), ("joined_in_flight", 0), ("retries", 0), ("failed", 0)];
    let query = "SELECT llm_complete(q) FROM t";
    let first = metrics(&session, query).await;
    assert_metrics(&first, &[("output_rows", 20), ("calls", 20), ("prompt_tokens", 200), ("completion_tokens", 40)]);
    assert_metrics(&first, &none);

    let second = metrics(&session, query).await;
    assert_metrics(&second, &[("calls", 0), ("cached", 20), ("prompt_tokens", 0), ("completion_tokens", 0), ("failed", 0)]);

    let failing =
        metrics(&session, "SELECT llm_complete(CASE WHEN id < 4 THEN concat('bad ', id) ELSE concat('good ', id) END) FROM t").await;
    assert_metrics(&failing, &[("calls", 20), ("failed", 3), ("prompt_tokens", 170)]);

    // Rows with the same prompt wait for one answer, or find it.
    let same = metrics(&session, "SELECT llm_complete('same') FROM t").await;
    assert_metrics(&same, &[("calls", 1), ("prompt_tokens", 10)]);
    assert_eq!(same["cached"] + same["joined_in_flight"], 19, "{same:?}");

    let nothing = metrics(&session, "SELECT llm_complete(NULL) FROM t").await;
    assert_metrics(&nothing, &[("output_rows", 20), ("calls", 0), ("cached", 0), ("failed", 0)]);

    let chained = metrics(&session, "SELECT llm_complete(concat('about ', llm_complete(q))) FROM t WHERE id < 6").await;
    assert_metrics(&chained, &[("output_rows", 5), ("calls", 5), ("cached", 5), ("prompt_tokens", 50)]);
}

/// Asking again is a retry where the endpoint turned the request away, and a call where its answer was of no use: as the command counts them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_analyze_counts_what_the_endpoint_saw() {
    let turned_away = std::sync::atomic::AtomicBool::new(false);
    let endpoint = Endpoint::start(move |body| match prompt_of(body) == "q1" {
        true if !turned_away.swap(true, std::sync::atomic::Ordering::Relaxed) => Behaviour::error(500, "try again"),
        _ => Behaviour::reply(prompt_of(body).to_uppercase()),
    });
    let session = Session::builder().models(Arc::new(models(client(&endpoint)))).build().await.unwrap();
    with_rows(&session, 5).await;
    let completed = metrics(&session, "SELECT llm_complete(q) FROM t").await;
    assert_metrics(&completed, &[("calls", 5), ("retries", 1), ("failed", 0), ("prompt_tokens", 50), ("completion_tokens", 25)]);
    assert_eq!(endpoint.requests(), 6);

    let garbled = metrics(&session, "SELECT llm_filter(q) FROM t").await;
    assert_metrics(&garbled, &[("calls", 10), ("retries", 0), ("failed", 5), ("prompt_tokens", 100), ("completion_tokens", 50)]);
    assert_eq!(endpoint.requests(), 16);
}
