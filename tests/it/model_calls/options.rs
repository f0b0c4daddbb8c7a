//! Options of a session, and what it may spend.

use std::num::NonZeroUsize;
use std::sync::Arc;

use mmevol::functions::llm::ModelSession;
use mmevol::model::limits::Limits;
use mmevol::model::openai::OpenAiModel;
use mmevol::model::service::ModelService;
use mmevol::model::spending::Spending;
use mmevol::{ChatModel, Session};

use super::harness::{Counting, answers, models, refusal, session, with_rows};
use crate::endpoint::{Behaviour, Endpoint};

const OPTIONS: [&str; 6] = ["on_error", "concurrency", "temperature", "max_tokens", "seed", "keep_order"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_are_shown() {
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    assert_eq!(answers(&session, "SHOW mmevol.on_error").await, ["mmevol.on_error null"]);
    session.collect("SET mmevol.on_error = 'fail'").await.unwrap();
    session.collect("SET mmevol.temperature = 0.5").await.unwrap();
    assert_eq!(answers(&session, "SHOW mmevol.on_error").await, ["mmevol.on_error fail"]);
    assert_eq!(answers(&session, "SHOW mmevol.temperature").await, ["mmevol.temperature 0.5"]);
    let all = answers(&session, "SHOW ALL").await;
    for option in OPTIONS {
        assert!(all.iter().any(|line| line.starts_with(&format!("mmevol.{option} "))), "{option}: {all:?}");
    }
    let explained = answers(&session, "SELECT name, description FROM information_schema.df_settings WHERE name LIKE 'mmevol.%'").await;
    assert!(explained.len() == OPTIONS.len() && explained.iter().all(|line| line.len() > 40), "{explained:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_names_and_values_are_refused() {
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    for (statement, message) in [
        ("SET mmevol.on_eror = 'fail'", "there is no option mmevol.on_eror; there are mmevol.on_error, mmevol.concurrency"),
        ("SHOW mmevol.on_eror", "mmevol.on_eror"),
        ("SET mmevol.on_error = 'stop'", "mmevol.on_error is 'fail' or 'null', not 'stop'"),
        ("SET mmevol.concurrency = 0", "mmevol.concurrency is a number from 1, not '0'"),
        ("SET mmevol.concurrency = 'many'", "mmevol.concurrency is a number from 1, not 'many'"),
        ("SET mmevol.temperature = 'hot'", "mmevol.temperature is a number"),
        ("SET mmevol.max_tokens = -1", "mmevol.max_tokens is a number of tokens, from 1, not '-1'"),
        ("SET mmevol.seed = 1.5", "mmevol.seed is an integer, not '1.5'"),
        ("SET mmevol.keep_order = maybe", "mmevol.keep_order is true or false, not 'maybe'"),
    ] {
        let error = refusal(&session, statement).await;
        assert!(error.contains(message), "{statement}: {error}");
    }
    assert_eq!(answers(&session, "SHOW mmevol.on_error").await, ["mmevol.on_error null"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_go_back_to_what_they_were() {
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    for reset in
        ["SET mmevol.temperature = NULL", "SET mmevol.temperature TO DEFAULT", "RESET mmevol.temperature", "RESET MMEvol.Temperature"]
    {
        session.collect("SET mmevol.temperature = 0.5").await.unwrap();
        session.collect(reset).await.unwrap();
        assert_eq!(answers(&session, "SHOW mmevol.temperature").await, ["mmevol.temperature NULL"], "{reset}");
    }
    for reset in ["SET mmevol.on_error = null", "SET mmevol.on_error = DEFAULT", "RESET mmevol.on_error"] {
        session.collect("SET mmevol.on_error = 'fail'").await.unwrap();
        session.collect(reset).await.unwrap();
        assert_eq!(answers(&session, "SHOW mmevol.on_error").await, ["mmevol.on_error null"], "{reset}");
    }
    for (statement, message) in [
        ("RESET mmevol.on_eror", "there is no option mmevol.on_eror; there are mmevol.on_error, mmevol.concurrency"),
        ("SET mmevol.keep_order = NULL", "mmevol.keep_order is true or false, not 'null'"),
    ] {
        let error = refusal(&session, statement).await;
        assert!(error.contains(message), "{statement}: {error}");
    }
}

/// A session without a model has the options, and still none of the calls.
#[tokio::test]
async fn options_do_not_make_a_session_spend() {
    let session = Session::builder().build().await.unwrap();
    session.collect("SET mmevol.on_error = 'fail'").await.unwrap();
    assert!(refusal(&session, "SELECT llm_complete('a')").await.contains("asks a model, and this session has none"));
}

/// Models that may spend so much.
fn spending(model: Arc<dyn ChatModel>, spending: Spending) -> Arc<ModelSession> {
    let models = models(model);
    let service = ModelService { spending: Arc::new(spending), ..models.model };
    Arc::new(ModelSession { judge: service.clone(), embedder: service.clone(), model: service, ..models })
}

/// A session that may spend so many dollars on a model with a price, one call after the other.
async fn with_budget(endpoint: &Endpoint, dollars: f64) -> (Arc<ModelSession>, Session) {
    let client = OpenAiModel::builder("gpt-4o-mini").base_url(endpoint.base_url());
    let client = client.limits(Limits { concurrency: NonZeroUsize::new(1), ..Limits::default() }).build().unwrap();
    let models = spending(Arc::new(client), Spending::new(None, Some(dollars)));
    let session = session_of(&models).await;
    (models, session)
}

async fn session_of(models: &Arc<ModelSession>) -> Session {
    let session = Session::builder().models(Arc::clone(models)).build().await.unwrap();
    with_rows(&session, 20).await;
    session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_stop_at_max_calls_and_say_so() {
    let model = Arc::new(Counting::default());
    let models = spending(Arc::clone(&model) as Arc<dyn ChatModel>, Spending::new(Some(5), None));
    let session = session_of(&models).await;
    let query = "SELECT x['error_kind'], x['error'], count(*) FROM (SELECT try_llm_complete(q) AS x FROM t) GROUP BY 1, 2 ORDER BY 3";
    let expected = ["NULL NULL 5", "budget not asked: the limit of 5 calls is reached 15"];
    assert_eq!(answers(&session, query).await, expected);
    let spent = models.model.spending.spent();
    assert_eq!((model.requests(), spent.calls, spent.not_asked), (5, 5, 15));
    // What came back is there, and costs no further call.
    assert_eq!(answers(&session, "SELECT count(llm_complete(q)) FROM t").await, ["5"]);
    session.collect("SET mmevol.on_error = 'fail'").await.unwrap();
    let error = refusal(&session, "SELECT llm_complete(q) FROM t").await;
    assert!(error.contains("llm_complete failed on a row: budget: not asked: the limit of 5 calls is reached"), "{error}");
    assert_eq!(model.requests(), 5);
}

/// A query that ends at the first row over the limit makes the calls before it, so that the same query gets on with every limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_ends_the_query_is_used_up_first() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("fine"));
    let client = OpenAiModel::builder("m").base_url(endpoint.base_url());
    let client = client.limits(Limits { concurrency: NonZeroUsize::new(1), ..Limits::default() }).build().unwrap();
    let models = spending(Arc::new(client), Spending::new(Some(4), None));
    let session = session_of(&models).await;
    session.collect("SET mmevol.on_error = 'fail'").await.unwrap();
    let error = refusal(&session, "SELECT llm_complete(q) FROM t").await;
    assert!(error.contains("budget: not asked: the limit of 4 calls is reached"), "{error}");
    models.model.in_flight.settled().await;
    assert_eq!((endpoint.requests(), models.model.spending.spent().calls), (4, 4));
}

/// A refusal is paid for like an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_count_for_the_budget() {
    let refusal = serde_json::json!({
        "choices": [{ "message": { "content": null, "refusal": "I will not." }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 1000, "completion_tokens": 10 },
    });
    let endpoint = Endpoint::start(move |_| Behaviour::Json(refusal.clone()));
    let (models, session) = with_budget(&endpoint, 0.000_3).await;
    let query =
        "SELECT x['error_kind'], x['prompt_tokens'], count(*) FROM (SELECT try_llm_complete(q) AS x FROM t) GROUP BY 1, 2 ORDER BY 3";
    assert_eq!(answers(&session, query).await, ["refusal 1000 2", "budget NULL 18"]);
    let spent = models.model.spending.spent();
    assert_eq!((spent.failed, spent.prompt_tokens, spent.completion_tokens), (2, 2000, 20));
    assert!((spent.cost_usd - 2.0 * (1000.0 * 0.15 + 10.0 * 0.6) / 1e6).abs() < 1e-6, "{}", spent.cost_usd);
}

/// Calls that cost millionths of a dollar are summed as they are, not each rounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_costs_count_for_the_budget() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("fine"));
    let (models, session) = with_budget(&endpoint, 0.000_044_5).await;
    let query = "SELECT x['error_kind'], count(*) FROM (SELECT try_llm_complete(q) AS x FROM t) GROUP BY 1 ORDER BY 1";
    // 10 and 5 tokens make 4.5 millionths.
    assert_eq!(answers(&session, query).await, ["budget 10", "NULL 10"]);
    assert!((models.model.spending.spent().cost_usd - 45e-6).abs() < 1e-12);
}

/// Nobody can tell what such calls cost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_stops_calls_whose_tokens_are_not_counted() {
    let endpoint = Endpoint::start(|_| Behaviour::Reply { text: "fine".into(), finish_reason: "stop", usage: None });
    let (models, session) = with_budget(&endpoint, 1.0).await;
    let query = "SELECT x['error'], count(*) FROM (SELECT try_llm_complete(q) AS x FROM t) GROUP BY 1 ORDER BY 2";
    let refused = "not asked: the endpoint does not count tokens, so the budget of $1 could not be kept 19";
    assert_eq!(answers(&session, query).await, ["NULL 1", refused]);
    let spent = models.model.spending.spent();
    assert_eq!((endpoint.requests(), spent.unpriced, spent.uncounted), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_stop_when_the_budget_is_spent() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("fine"));
    let (models, session) = with_budget(&endpoint, 0.000_001).await;
    answers(&session, "SELECT llm_complete('first')").await;
    let query = "SELECT x['error_kind'], x['error'], count(*) FROM (SELECT try_llm_complete(q) AS x FROM t) GROUP BY 1, 2";
    assert_eq!(answers(&session, query).await, ["budget not asked: the budget of $0.000001 is spent 20"]);
    assert_eq!(answers(&session, "SELECT llm_complete('first')").await, ["fine"]);
    let spent = models.model.spending.spent();
    assert_eq!((endpoint.requests(), spent.calls, spent.not_asked), (1, 1, 20));
}

/// A row that was asked, answered and paid for says so. Answers whose reader judges them are left to be asked for with the next limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_no_use_is_told_when_the_limit_leaves_no_other() {
    let unusable = "unusable_answer the answer is not {\"answer\": true} or {\"answer\": false}: it says neither yes nor no: 'GARBAGE'; \
                    not asked again: the limit of 1 calls is reached";
    let items = "[{question: 'What is it?', answer: 'A dog.'}]";
    let evolve = format!("try_llm_evolve('interaction', NULL, 'A dog.', [], {items})");
    for (call, error) in
        [("try_llm_filter('Is it a dog?')", unusable), (evolve.as_str(), "budget not asked: the limit of 1 calls is reached")]
    {
        let endpoint = Endpoint::start(|_| Behaviour::reply("GARBAGE"));
        let client = OpenAiModel::builder("gpt-4o-mini").base_url(endpoint.base_url()).build().unwrap();
        let models = spending(Arc::new(client), Spending::new(Some(1), None));
        let session = session_of(&models).await;
        let query = format!(
            "SELECT x['error_kind'], x['error'], x['attempts'], x['prompt_tokens'], x['cost_usd'] > 0, x['request_id'] IS NOT NULL \
             FROM (SELECT {call} AS x)"
        );
        assert_eq!(answers(&session, &query).await, [format!("{error} 1 10 true true")]);
        let spent = models.model.spending.spent();
        assert_eq!((endpoint.requests(), spent.calls, spent.not_asked), (1, 1, 1), "{call}");
    }
}
