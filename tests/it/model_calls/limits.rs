//! LIMIT: rows that it cuts off are not asked about.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mmevol::model::limits::Limits;
use mmevol::{ChatModel, Session};

use super::harness::{answers, assert_counts, models, number_in, with_rows};
use crate::endpoint::{Behaviour, Endpoint, prompt_of};
use crate::stores::client;

const CONCURRENCY: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_taken_before_they_are_asked_about() {
    let cases = [
        ("SELECT llm_complete(q) FROM t LIMIT 3", 3, 3),
        ("SELECT llm_complete(q) FROM t LIMIT 0", 0, 0),
        ("SELECT llm_complete(q) FROM t ORDER BY id DESC LIMIT 3", 3, 3),
        ("SELECT llm_complete(q) AS a, id + 1 AS next FROM t ORDER BY next DESC LIMIT 3", 3, 3),
        ("SELECT a FROM (SELECT id, llm_complete(q) AS a FROM t) ORDER BY id LIMIT 3", 3, 3),
        ("SELECT llm_complete(q), llm_complete(llm_complete(lang)) FROM t ORDER BY id LIMIT 1", 3, 1),
        ("SELECT llm_complete(q) FROM t WHERE lang = 'en' LIMIT 3", 3, 3),
        ("SELECT llm_complete(q) FROM (SELECT * FROM t LIMIT 5) LIMIT 2", 2, 2),
        ("SELECT count(*) FROM (SELECT llm_complete(q) AS a FROM t LIMIT 5) WHERE a > ''", 5, 1),
        ("SELECT CASE WHEN id > 2 THEN llm_complete(q) END FROM t ORDER BY id LIMIT 3", 1, 3),
        // An order by answers needs them all.
        ("SELECT id FROM t ORDER BY llm_complete(q) LIMIT 3", 20, 3),
        ("SELECT llm_complete(q) AS a FROM t ORDER BY a LIMIT 3", 20, 3),
    ];
    assert_counts(&cases, async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_an_offset_skips_are_not_asked_about() {
    let cases = [
        ("SELECT llm_complete(q) FROM t LIMIT 3 OFFSET 5", 3, 3),
        ("SELECT llm_complete(q) FROM t ORDER BY id LIMIT 3 OFFSET 5", 3, 3),
        ("SELECT llm_complete(q) FROM t ORDER BY id LIMIT 3 OFFSET 18", 2, 2),
    ];
    assert_counts(&cases, async |_| ()).await;
}

async fn session(endpoint: &Endpoint, rows: usize) -> Session {
    let model = client(endpoint);
    model.limit(Limits { concurrency: NonZeroUsize::new(CONCURRENCY), ..Limits::default() });
    let session = Session::builder().models(Arc::new(models(model as Arc<dyn ChatModel>))).build().await.unwrap();
    with_rows(&session, rows).await;
    session
}

fn verdict(holds: bool) -> Behaviour {
    Behaviour::reply(format!("{{\"answer\": {holds}}}"))
}

/// What is answered after the tenth row that is kept is never needed: the endpoint keeps silent about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_rows_of_a_filter_over_many_ask_for_little_more() {
    let (kept, answered) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&answered);
    let endpoint = Endpoint::start(move |body| {
        if kept.load(Ordering::Relaxed) == 10 {
            return Behaviour::Hang;
        }
        count.fetch_add(1, Ordering::Relaxed);
        let holds = number_in(prompt_of(body)).is_multiple_of(3);
        kept.fetch_add(usize::from(holds), Ordering::Relaxed);
        verdict(holds)
    });
    let session = session(&endpoint, 20_000).await;
    session.collect("SET mmevol.keep_order = false").await.unwrap();
    let found = answers(&session, "SELECT id FROM t WHERE llm_filter(q) LIMIT 10").await;
    assert_eq!(found.len(), 10);
    let most = answered.load(Ordering::Relaxed) + CONCURRENCY;
    assert!(endpoint.requests() <= most, "{} requests, {most} would do", endpoint.requests());
}

/// The first ten rows in the order of the input: what comes after the twentieth is never needed.
#[tokio::test]
async fn the_first_ten_rows_of_a_filter_over_many_ask_for_little_more() {
    let endpoint = Endpoint::start(move |body| match number_in(prompt_of(body)) {
        number @ 0..=20 => verdict(number.is_multiple_of(2)),
        _ => Behaviour::Hang,
    });
    let session = session(&endpoint, 1).await;
    session.collect("SET datafusion.execution.target_partitions = 1").await.unwrap();
    let numbers = "(SELECT value AS id, concat('q', value) AS q FROM generate_series(1, 20000))";
    let found = answers(&session, &format!("SELECT id FROM {numbers} WHERE llm_filter(q) LIMIT 10")).await;
    assert_eq!(found, (1..=10).map(|number| (2 * number).to_string()).collect::<Vec<_>>());
    assert!(endpoint.requests() <= 20 + CONCURRENCY, "{} requests", endpoint.requests());
}
