//! What asking models from SQL costs beside the models' own time, and what DataFusion's own `AsyncFuncExec` needs for the same requests.
//!
//! `cargo bench --bench model_calls [-- NAME]`, on Linux. The endpoint is a process of its own, on the same machine, asked over HTTP.

#[path = "../src/allocator.rs"]
mod allocator;
#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "support/latency.rs"]
mod latency;
#[path = "support/process.rs"]
mod process;
#[path = "support/stock.rs"]
mod stock;

use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::StringArray;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::prelude::SessionContext;
use endpoint::{Endpoint, Reply};
use futures::{StreamExt, TryStreamExt};
use latency::{latency, makespan};
use mmevol::model::limits::Limits;
use mmevol::model::openai::OpenAiModel;
use mmevol::model::prices::PriceTable;
use mmevol::model::spending::Spending;
use mmevol::model::{ChatError, ChatModel, ChatReply, ChatRequest, FinishReason, Parameters, RequestImage, Usage};
use mmevol::prompt::PromptLibrary;
use mmevol::query::Models;
use mmevol::store::SharedWriter;
use mmevol::{Session, Store};
use serde_json::Value;
use stock::Buffered;

const CONCURRENCY: usize = 64;

/// Each figure of time is the median of so many runs, in which the engines take turns.
const RUNS: usize = 3;

const QUESTIONS: usize = 5_000;
const CHAINS: usize = 2_000;
const INSTANT_QUESTIONS: usize = 10_000;
const CACHED_ROWS: [usize; 3] = [10_000, 100_000, 1_000_000];

const ONE_STAGE: &str = "SELECT llm_complete(question) FROM questions";
const TWO_STAGES: &str = "SELECT llm_complete(llm_complete(question)) FROM questions";
const WITH_FILTER: &str = "SELECT llm_complete(draft) FROM (SELECT llm_complete(question) AS draft FROM questions) WHERE llm_filter(draft)";

const STOCK_ONE_STAGE: &str = "SELECT ask(question) FROM questions";
const STOCK_TWO_STAGES: [&str; 2] =
    ["CREATE TABLE drafts AS SELECT ask(question) AS draft FROM questions", "SELECT ask(draft) FROM drafts"];

const FIRST_RUN: &str = "ours, with a client that has asked nothing yet, one run";

/// Names the part of a process that works on a store: what to do, the store's directory, rows.
const STORE_PART: &str = "BENCH_STORE_PART";

type Benchmark = fn(&tokio::runtime::Runtime);

const BENCHMARKS: [(&str, Benchmark); 5] = [
    ("one_call_a_row", one_call_a_row),
    ("two_calls_a_row", two_calls_a_row),
    ("two_calls_a_row_and_a_filter", two_calls_a_row_and_a_filter),
    ("processor_time_of_a_call", processor_time_of_a_call),
    ("answers_of_earlier_calls", answers_of_earlier_calls),
];

fn main() {
    endpoint::serve_if_asked(&[("at_once", |body| Reply { latency: Duration::ZERO, ..slow_answer(body) }), ("log_normal", slow_answer)]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Ok(part) = std::env::var(STORE_PART) {
        return runtime.block_on(work_on_store(&part));
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, benchmark) in BENCHMARKS {
        if wanted.is_empty() || wanted.iter().any(|wanted| name == wanted) {
            println!("\n{name}");
            benchmark(&runtime);
        }
    }
}

/// The answer of the endpoint: another text for each prompt, or a verdict where a verdict is asked for.
fn slow_answer(body: &Value) -> Reply {
    let prompt = body["messages"][0]["content"].as_str().unwrap();
    let text = if body["response_format"].is_null() { answer_to(prompt) } else { format!("{{\"answer\": {}}}", holds(prompt)) };
    Reply { text, latency: latency(prompt) }
}

fn answer_to(prompt: &str) -> String {
    format!("The answer is {}.", blake3::hash(prompt.as_bytes()).to_hex())
}

fn holds(prompt: &str) -> bool {
    blake3::hash(prompt.as_bytes()).as_bytes()[31].is_multiple_of(2)
}

fn question(number: usize) -> String {
    format!("What is to be seen in picture {number}?")
}

fn questions(count: usize) -> RecordBatch {
    let questions = StringArray::from_iter_values((0..count).map(question));
    RecordBatch::try_from_iter([("question", Arc::new(questions) as _)]).unwrap()
}

fn client(endpoint: &Endpoint) -> Arc<dyn ChatModel> {
    let limits = Limits { concurrency: NonZeroUsize::new(CONCURRENCY), ..Limits::default() };
    Arc::new(OpenAiModel::builder("bench").base_url(endpoint.base_url()).limits(limits).build().unwrap())
}

fn models(model: &Arc<dyn ChatModel>) -> Models {
    Models {
        model: Arc::clone(model),
        judge: Arc::clone(model),
        embedder: Arc::clone(model),
        prices: Arc::new(PriceTable::embedded()),
        spending: Arc::new(Spending::default()),
        prompts: Arc::new(PromptLibrary::embedded()),
        parameters: Parameters::default(),
        images: false,
    }
}

/// What a run took.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    processor: Duration,
}

impl Took {
    async fn measured(work: impl Future<Output = ()>) -> Took {
        let (started, processor) = (Instant::now(), process::processor_time());
        work.await;
        Took { wall: started.elapsed(), processor: process::processor_time() - processor }
    }

    /// The run in the middle of all, by each of both times.
    fn median(mut runs: Vec<Took>) -> Took {
        runs.sort_by_key(|took| took.processor);
        let processor = runs[runs.len() / 2].processor;
        runs.sort_by_key(|took| took.wall);
        Took { wall: runs[runs.len() / 2].wall, processor }
    }
}

/// Runs a query of ours that makes so many calls, in a session that knows no earlier answers.
async fn ours(model: &Arc<dyn ChatModel>, query: &str, rows: usize, calls: usize) -> Took {
    let models = models(model);
    let spending = Arc::clone(&models.spending);
    let session = Session::builder().models(Arc::new(models.alone())).build().await.unwrap();
    session.context().register_batch("questions", questions(rows)).unwrap();
    let took = Took::measured(async { drop(session.collect(query).await.unwrap()) }).await;
    let spent = spending.spent();
    assert_eq!((spent.calls, spent.cached, spent.failed), (calls as u64, 0, 0));
    took
}

/// Runs statements of plain DataFusion, one after the other.
async fn stock(model: &Arc<dyn ChatModel>, buffered: Buffered, statements: &[&str], rows: usize) -> Took {
    let context = SessionContext::new();
    context.register_udf(stock::ask_function(Arc::clone(model), CONCURRENCY, buffered));
    context.register_batch("questions", questions(rows)).unwrap();
    Took::measured(async {
        for statement in statements {
            context.sql(statement).await.unwrap().collect().await.unwrap();
        }
    })
    .await
}

/// Asks all questions without any engine: what client and endpoint alone take.
async fn client_alone(model: &Arc<dyn ChatModel>, rows: usize) -> Took {
    let prompts: Vec<String> = (0..rows).map(question).collect();
    let requests: Vec<_> = prompts.iter().map(|prompt| stock::ask(model.as_ref(), prompt)).collect();
    let answers = futures::stream::iter(requests).buffer_unordered(CONCURRENCY);
    Took::measured(async { drop(answers.try_collect::<Vec<String>>().await.unwrap()) }).await
}

/// Wall time of engines beside the makespan of greedy scheduling, and their processor time.
struct Comparison {
    makespan: Duration,
    calls: usize,
}

impl Comparison {
    fn of(jobs: &[Vec<Duration>]) -> Comparison {
        let calls = jobs.iter().map(Vec::len).sum();
        let comparison = Comparison { makespan: makespan(jobs, CONCURRENCY, jobs.len()), calls };
        comparison.print_schedule("greedy scheduling of the same latencies", comparison.makespan);
        comparison
    }

    fn print_schedule(&self, name: &str, wall: Duration) {
        println!("  {name:<64}{:>8.3} s {:>7.3} x", wall.as_secs_f64(), wall.as_secs_f64() / self.makespan.as_secs_f64());
    }

    fn print(&self, name: &str, runs: Vec<Took>) {
        let Took { wall, processor } = Took::median(runs);
        let factor = wall.as_secs_f64() / self.makespan.as_secs_f64();
        let each = microseconds_each(processor, self.calls);
        println!("  {name:<64}{:>8.3} s {factor:>7.3} x, {each:>4.0} us of processor time a call", wall.as_secs_f64());
    }
}

fn microseconds_each(time: Duration, calls: usize) -> f64 {
    time.as_secs_f64() * 1e6 / calls as f64
}

fn one_call_a_row(runtime: &tokio::runtime::Runtime) {
    let jobs: Vec<Vec<Duration>> = (0..QUESTIONS).map(|number| vec![latency(&question(number))]).collect();
    let comparison = Comparison::of(&jobs);
    let endpoint = Endpoint::start("log_normal");
    let model = client(&endpoint);
    runtime.block_on(async {
        comparison.print(FIRST_RUN, vec![ours(&model, ONE_STAGE, QUESTIONS, QUESTIONS).await]);
        let (mut by_us, mut by_stock, mut asked) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            by_us.push(ours(&model, ONE_STAGE, QUESTIONS, QUESTIONS).await);
            by_stock.push(stock(&model, Buffered::AsTheyCome, &[STOCK_ONE_STAGE], QUESTIONS).await);
            asked.push(client_alone(&model, QUESTIONS).await);
        }
        comparison.print("ours", by_us);
        comparison.print("AsyncFuncExec, buffer_unordered within its one batch", by_stock);
        let in_order = stock(&model, Buffered::InOrder, &[STOCK_ONE_STAGE], QUESTIONS).await;
        comparison.print("AsyncFuncExec, buffered within its one batch, one run", vec![in_order]);
        comparison.print("the client alone, without SQL", asked);
    });
}

fn two_calls_a_row(runtime: &tokio::runtime::Runtime) {
    let stages = |number| {
        let question = question(number);
        vec![latency(&question), latency(&answer_to(&question))]
    };
    let jobs: Vec<Vec<Duration>> = (0..CHAINS).map(stages).collect();
    chained(runtime, &jobs, TWO_STAGES, &STOCK_TWO_STAGES);
}

fn two_calls_a_row_and_a_filter(runtime: &tokio::runtime::Runtime) {
    let prompts = PromptLibrary::embedded();
    let stages = |number| {
        let question = question(number);
        let draft = answer_to(&question);
        let condition = prompts.render_filter(&draft, 0).unwrap().prompt;
        let first = [latency(&question), latency(&condition)];
        first.into_iter().chain(holds(&condition).then(|| latency(&draft))).collect()
    };
    let jobs: Vec<Vec<Duration>> = (0..CHAINS).map(stages).collect();
    chained(runtime, &jobs, WITH_FILTER, &[]);
}

fn chained(runtime: &tokio::runtime::Runtime, jobs: &[Vec<Duration>], query: &str, stock_statements: &[&str]) {
    let comparison = Comparison::of(jobs);
    for rows in [2 * CONCURRENCY, 8 * CONCURRENCY] {
        comparison.print_schedule(&format!("the same, with at most {rows} rows begun and not ended"), makespan(jobs, CONCURRENCY, rows));
    }
    let endpoint = Endpoint::start("log_normal");
    let model = client(&endpoint);
    runtime.block_on(async {
        comparison.print(FIRST_RUN, vec![ours(&model, query, jobs.len(), comparison.calls).await]);
        let (mut by_us, mut by_stock) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            by_us.push(ours(&model, query, jobs.len(), comparison.calls).await);
            if !stock_statements.is_empty() {
                by_stock.push(stock(&model, Buffered::AsTheyCome, stock_statements, jobs.len()).await);
            }
        }
        comparison.print("ours", by_us);
        if !by_stock.is_empty() {
            comparison.print("AsyncFuncExec, buffer_unordered, a statement for each stage", by_stock);
        }
    });
}

fn processor_time_of_a_call(runtime: &tokio::runtime::Runtime) {
    let endpoint = Endpoint::start("at_once");
    let model = client(&endpoint);
    runtime.block_on(async {
        let (mut by_us, mut by_stock, mut asked) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            by_us.push(ours(&model, ONE_STAGE, INSTANT_QUESTIONS, INSTANT_QUESTIONS).await);
            by_stock.push(stock(&model, Buffered::AsTheyCome, &[STOCK_ONE_STAGE], INSTANT_QUESTIONS).await);
            asked.push(client_alone(&model, INSTANT_QUESTIONS).await);
        }
        for (name, runs) in [("ours", by_us), ("AsyncFuncExec, buffer_unordered", by_stock), ("the client alone, without SQL", asked)] {
            let took = Took::median(runs);
            let [processor, wall] = [took.processor, took.wall].map(|time| microseconds_each(time, INSTANT_QUESTIONS));
            println!("  {name:<64}{processor:>8.0} us of processor time, {wall:>5.0} us of wall time");
        }
    });
}

fn answers_of_earlier_calls(_: &tokio::runtime::Runtime) {
    for rows in CACHED_ROWS {
        let directory = tempfile::tempdir().unwrap();
        for work in ["fill", "read"] {
            let part = format!("{work} {} {rows}", directory.path().join("store").display());
            assert!(Command::new(std::env::current_exe().unwrap()).env(STORE_PART, part).status().unwrap().success());
        }
    }
}

/// The part of a process that works on a store: one that fills it with answers, and one that has nothing but them.
async fn work_on_store(part: &str) {
    let [work, directory, rows] = part.split(' ').collect::<Vec<_>>()[..] else { panic!("{part}") };
    let rows: usize = rows.parse().unwrap();
    let query = format!("SELECT llm_complete('What is to be seen in picture ' || value || '?') FROM generate_series(1, {rows})");
    if work == "fill" {
        let store = Store::create(directory).await.unwrap();
        let (session, spending, writer) = recording(&store).await;
        count_rows(&session, &query).await;
        assert_eq!(spending.spent().calls, rows as u64);
        drop(session);
        Arc::into_inner(writer).unwrap().into_inner().publish(Value::Null).await.unwrap();
        return;
    }
    let store = Store::open(directory).await.unwrap();
    let (session, spending, _writer) = recording(&store).await;
    let mut rates = Vec::new();
    for _ in 0..=RUNS {
        let started = Instant::now();
        assert_eq!(count_rows(&session, &query).await, rows);
        rates.push(rows as f64 / started.elapsed().as_secs_f64());
    }
    assert_eq!(spending.spent().calls, 0);
    let (first, later) = (rates[0], rates[1..].iter().copied().fold(0.0, f64::max));
    let peak = process::peak_memory_bytes() >> 20;
    println!("  {rows:>9} rows: {first:>9.0} rows/s in the first statement, {later:>9.0} rows/s in later ones, {peak:>5} MiB at most");
}

async fn recording(store: &Store) -> (Session, Arc<Spending>, SharedWriter) {
    let models = models(&(Arc::new(Instantly) as Arc<dyn ChatModel>));
    let spending = Arc::clone(&models.spending);
    let writer: SharedWriter = Arc::new(tokio::sync::Mutex::new(store.writer("bench", Value::Null).await.unwrap()));
    let models = models.over(&writer).await.unwrap();
    let session = Session::builder().writer(Arc::clone(&writer)).models(Arc::new(models)).build().await.unwrap();
    (session, spending, writer)
}

/// Runs a query and forgets its rows as they come.
async fn count_rows(session: &Session, query: &str) -> usize {
    let rows = session.stream(query).await.unwrap();
    rows.try_fold(0, |rows, batch| async move { Ok(rows + batch.num_rows()) }).await.unwrap()
}

/// A model inside this process that answers at once.
#[derive(Debug)]
struct Instantly;

#[async_trait]
impl ChatModel for Instantly {
    fn name(&self) -> &str {
        "instantly"
    }

    async fn chat(&self, request: &ChatRequest, _images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        Ok(ChatReply {
            text: answer_to(&request.prompt),
            finish_reason: FinishReason::Stop,
            usage: Usage { prompt_tokens: Some(10), completion_tokens: Some(5) },
            attempts: 1,
            http_status: None,
            latency_ms: 0,
        })
    }
}
