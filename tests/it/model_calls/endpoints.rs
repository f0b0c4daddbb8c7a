//! What arrives at an endpoint: one limit for everything that asks it, and nothing that nobody waits for.

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::StreamExt;
use mmevol::Session;
use mmevol::functions::llm::ModelSession;
use mmevol::model::limits::Limits;

use super::harness::{answers, models, refusal, with_rows};
use crate::endpoint::{Behaviour, Endpoint, prompt_of};
use crate::stores::client;

async fn session(models: &Arc<ModelSession>, rows: usize) -> Session {
    let session = Session::builder().models(Arc::clone(models)).build().await.unwrap();
    with_rows(&session, rows).await;
    session
}

fn held() -> Endpoint {
    Endpoint::start(|body| Behaviour::Hold(Box::new(Behaviour::reply(prompt_of(body).to_uppercase()))))
}

fn limited(endpoint: &Endpoint, concurrency: usize) -> Arc<ModelSession> {
    let model = client(endpoint);
    model.limit(Limits { concurrency: NonZeroUsize::new(concurrency), ..Limits::default() });
    Arc::new(models(model))
}

/// Lets requests go on once the endpoint has its hands full.
async fn release_at(endpoint: &Endpoint, in_flight: usize) {
    endpoint.wait_for_in_flight(in_flight).await;
    endpoint.release();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_limit_holds_for_all_partitions_and_all_queries() {
    for partitions in [1, 8] {
        let endpoint = held();
        let models = limited(&endpoint, 4);
        let session = session(&models, 60).await;
        session.collect(&format!("SET datafusion.execution.target_partitions = {partitions}")).await.unwrap();
        let parts: Vec<String> = (0..4).map(|part| format!("SELECT llm_complete(q) FROM t WHERE id % 4 = {part}")).collect();
        let (three, one) = (parts[..3].join(" UNION ALL "), &parts[3]);
        let (united, single, ()) =
            tokio::join!(session.collect(&three).await_rows(), session.collect(one).await_rows(), release_at(&endpoint, 4));
        assert_eq!((united, single), (45, 15));
        assert_eq!((endpoint.requests(), endpoint.peak_in_flight()), (60, 4), "{partitions} partitions");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_is_an_option_of_the_session() {
    let endpoint = held();
    let models = Arc::new(models(client(&endpoint)));
    let session = session(&models, 30).await;
    session.collect("SET mmevol.concurrency = 3").await.unwrap();
    let (rows, ()) = tokio::join!(session.collect("SELECT llm_complete(q) FROM t").await_rows(), release_at(&endpoint, 3));
    assert_eq!((rows, endpoint.requests(), endpoint.peak_in_flight()), (30, 30, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_taken_back_gives_way_to_that_of_the_command() {
    let endpoint = held();
    let models = limited(&endpoint, 8);
    let session = session(&models, 30).await;
    session.collect("SET mmevol.concurrency = 3").await.unwrap();
    answers(&session, "SELECT llm_complete(NULL)").await;
    assert_eq!(models.model.model.concurrency(), 3);
    session.collect("RESET mmevol.concurrency").await.unwrap();
    let (rows, ()) = tokio::join!(session.collect("SELECT llm_complete(q) FROM t").await_rows(), release_at(&endpoint, 8));
    assert_eq!((rows, endpoint.requests(), endpoint.peak_in_flight()), (30, 30, 8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_queries_at_once_share_their_requests() {
    let endpoint = held();
    let models = limited(&endpoint, 32);
    let (one, other) = (session(&models, 30).await, session(&models, 20).await);
    let query = "SELECT llm_complete(q) FROM t";
    let (first, second, ()) = tokio::join!(one.collect(query).await_rows(), other.collect(query).await_rows(), release_at(&endpoint, 30));
    assert_eq!((first, second), (30, 20));
    assert_eq!((endpoint.requests(), endpoint.distinct_requests()), (30, 30));
    let spent = models.model.spending.spent();
    assert_eq!((spent.calls, spent.cached + spent.joined), (30, 20), "{spent:?}");
}

/// What was sent is paid for and kept; what was not sent never is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_dropped_sends_nothing_more() {
    let endpoint = held();
    let models = limited(&endpoint, 4);
    let session = session(&models, 100).await;
    for query in ["SELECT llm_complete(q) FROM t", "SELECT count(*) FROM t WHERE llm_complete(llm_complete(q)) > ''"] {
        let mut stream = session.stream(query).await.unwrap();
        tokio::select! {
            row = stream.next() => panic!("no answer was given, but {row:?}"),
            () = endpoint.wait_for_in_flight(4) => {}
        }
        drop(stream);
        // The tasks that it leaves behind end soon, not at once.
        models.model.in_flight.at_most(4).await;
    }
    endpoint.release();
    models.model.in_flight.settled().await;
    assert_eq!((endpoint.requests(), models.model.spending.spent().calls), (4, 4));

    let found = answers(&session, "SELECT llm_complete(q) FROM t").await;
    assert_eq!((found.len(), endpoint.requests(), endpoint.distinct_requests()), (100, 100, 100));
    assert_eq!(models.model.spending.spent().cached, 4);
}

/// It waits for nobody: the endpoint asked for two minutes of patience.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_dropped_sends_nothing_again() {
    let endpoint = Endpoint::start(|_| Behaviour::Hold(Box::new(Behaviour::rate_limited(120_000))));
    let models = limited(&endpoint, 4);
    let session = session(&models, 4).await;
    let mut stream = session.stream("SELECT llm_complete(q) FROM t").await.unwrap();
    tokio::select! {
        row = stream.next() => panic!("no answer was given, but {row:?}"),
        () = release_at(&endpoint, 4) => {}
    }
    drop(stream);
    models.model.in_flight.settled().await;
    assert_eq!((endpoint.requests(), models.model.spending.spent().calls), (4, 0));
}

/// An endpoint that takes nothing from anybody is not asked once for each row: one request is in flight, and one more may be on its way.
/// A key that is wrong shows with the first; a bad request may be one row's fault, until three are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_answers_nobody_ends_the_query() {
    // Refused requests may be their rows' fault: three are needed, and those that were under way by then are waited for.
    for (code, refused, most) in [(401, 1, 2), (404, 1, 2), (400, 3, 10)] {
        let endpoint = Endpoint::start(move |_| Behaviour::error(code, "not like this"));
        let models = limited(&endpoint, 1);
        let session = session(&models, 500).await;
        let error = refusal(&session, "SELECT try_llm_complete(q) FROM t").await;
        assert!(error.contains("not like this") && error.contains(&code.to_string()), "{error}");
        assert!((refused..=most).contains(&endpoint.requests()), "{code}: {} requests", endpoint.requests());
    }
}

trait Rows {
    /// How many rows come of it.
    async fn await_rows(self) -> usize;
}

impl<F: Future<Output = mmevol::Result<Vec<arrow::record_batch::RecordBatch>>>> Rows for F {
    async fn await_rows(self) -> usize {
        super::harness::rows(&self.await.unwrap())
    }
}
