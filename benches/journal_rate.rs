//! How many answers a second are on disk, and what that adds to a run whose model takes 100 ms for an answer.
//!
//! `cargo bench --bench journal_rate`. The endpoint is a process of its own, on the same machine, asked over HTTP.

#[path = "../src/allocator.rs"]
mod allocator;
#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "support/stock.rs"]
#[allow(dead_code)]
mod stock;

use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use endpoint::{Endpoint, Reply};
use futures::{StreamExt, TryStreamExt};
use mmevol::ids::stable_id;
use mmevol::model::limits::Limits;
use mmevol::model::openai::OpenAiModel;
use mmevol::model::prices::PriceTable;
use mmevol::model::spending::Spending;
use mmevol::model::{ChatModel, Parameters};
use mmevol::prompt::PromptLibrary;
use mmevol::query::Models;
use mmevol::store::{CallRecord, SharedWriter};
use mmevol::{Session, Store};
use serde_json::{Value, json};

const CONCURRENCY: usize = 64;
const RECORDS: usize = 20_000;
/// As long as the mean answer of the authors' first round.
const ANSWER_BYTES: usize = 2_000;
const LATENCY: Duration = Duration::from_millis(100);
const CALLS: usize = 100 * CONCURRENCY;
/// Each figure is the median of so many runs.
const RUNS: usize = 3;

fn main() {
    endpoint::serve_if_asked(&[("takes_100_ms", |body| Reply { text: answer(body), latency: LATENCY })]);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        println!("\nanswers_on_disk");
        let (mut journaled, mut synced) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            synced.push(plain_syncs());
            journaled.push(journal().await);
        }
        println!("  {:<56}{:>8.0} answers/s", format!("the journal, {CONCURRENCY} in flight"), median(journaled));
        println!("  {:<56}{:>8.0} syncs/s", "a plain file, appended to and synced", median(synced));

        println!("\na_run_of_calls_of_100_ms");
        let endpoint = Endpoint::start("takes_100_ms");
        let limits = Limits { concurrency: NonZeroUsize::new(CONCURRENCY), ..Limits::default() };
        let model: Arc<dyn ChatModel> =
            Arc::new(OpenAiModel::builder("bench").base_url(endpoint.base_url()).limits(limits).build().unwrap());
        // The first requests of a client find out what the endpoint takes.
        client_alone(&model, CONCURRENCY).await;
        let (mut with_journal, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            alone.push(client_alone(&model, CALLS).await);
            with_journal.push(query(&model).await);
        }
        let (with_journal, alone) = (median(with_journal), median(alone));
        let floor = LATENCY.as_secs_f64() * (CALLS / CONCURRENCY) as f64;
        println!("  {:<56}{floor:>8.3} s", "the latencies alone");
        println!("  {:<56}{alone:>8.3} s", "the client alone");
        println!("  {:<56}{with_journal:>8.3} s", "a query, its answers in the journal of a store");
        println!("  {:<56}{:>8.1} %", "its time above the client's, as a share of it", 100.0 * (with_journal - alone) / with_journal);
    });
}

fn answer(body: &Value) -> String {
    format!("{:x>ANSWER_BYTES$}", blake3::hash(body.to_string().as_bytes()).to_hex().as_str())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

async fn writer() -> (tempfile::TempDir, SharedWriter) {
    // On the disk of the project: a folder for temporary files may be memory.
    let directory = tempfile::tempdir_in(".").unwrap();
    let store = Store::create(directory.path().join("store")).await.unwrap();
    let writer = store.writer("bench", json!({})).await.unwrap();
    (directory, Arc::new(tokio::sync::Mutex::new(writer)))
}

/// Answers a second, each waited for until it is on disk, so many at a time.
async fn journal() -> f64 {
    let (_directory, writer) = writer().await;
    let journal = writer.lock().await.journal().unwrap();
    let started = Instant::now();
    let appended = (0..RECORDS).map(|number| {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move { journal.append(record(number)).await.unwrap() })
    });
    futures::stream::iter(appended).buffer_unordered(CONCURRENCY).try_collect::<Vec<()>>().await.unwrap();
    RECORDS as f64 / started.elapsed().as_secs_f64()
}

fn record(number: usize) -> CallRecord {
    let id = stable_id([Some("bench"), Some(&number.to_string())]);
    CallRecord {
        response: Some(format!("{id:x>ANSWER_BYTES$}")),
        request_id: id,
        kind: "complete".to_owned(),
        model: "bench".to_owned(),
        endpoint: "http://127.0.0.1/v1".to_owned(),
        max_tokens: Some(4096),
        finish_reason: Some("stop".to_owned()),
        prompt_tokens: Some(1500),
        completion_tokens: Some(500),
        cost_usd: None,
        latency_ms: Some(100),
        attempts: 1,
        http_status: Some(200),
        error: None,
        run_id: "run-1".to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// What the disk does for one who waits for it after each answer.
fn plain_syncs() -> f64 {
    const SYNCS: usize = 200;
    let mut file = tempfile::tempfile_in(".").unwrap();
    let started = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[b'x'; ANSWER_BYTES]).unwrap();
        file.sync_data().unwrap();
    }
    SYNCS as f64 / started.elapsed().as_secs_f64()
}

fn question(number: usize) -> String {
    format!("What is to be seen in picture {number}?")
}

async fn client_alone(model: &Arc<dyn ChatModel>, calls: usize) -> f64 {
    let prompts: Vec<String> = (0..calls).map(question).collect();
    let requests: Vec<_> = prompts.iter().map(|prompt| stock::ask(model.as_ref(), prompt)).collect();
    let started = Instant::now();
    futures::stream::iter(requests).buffer_unordered(CONCURRENCY).try_collect::<Vec<String>>().await.unwrap();
    started.elapsed().as_secs_f64()
}

/// The same calls by SQL, over a store, until they are in its table `calls`.
async fn query(model: &Arc<dyn ChatModel>) -> f64 {
    let (_directory, writer) = writer().await;
    let spending = Arc::new(Spending::default());
    let models = Models {
        model: Arc::clone(model),
        judge: Arc::clone(model),
        embedder: Arc::clone(model),
        prices: Arc::new(PriceTable::embedded()),
        spending: Arc::clone(&spending),
        prompts: Arc::new(PromptLibrary::embedded()),
        parameters: Parameters::default(),
        images: false,
    };
    let models = Arc::new(models.over(&writer).await.unwrap());
    let session = Session::builder().writer(Arc::clone(&writer)).models(models).build().await.unwrap();
    let sql = format!("SELECT llm_complete('What is to be seen in picture ' || value || '?') FROM generate_series(0, {})", CALLS - 1);
    let started = Instant::now();
    session.collect(&sql).await.unwrap();
    drop(session);
    Arc::into_inner(writer).unwrap().into_inner().publish(json!({})).await.unwrap();
    let elapsed = started.elapsed().as_secs_f64();
    assert_eq!(spending.spent().calls, CALLS as u64);
    elapsed
}
