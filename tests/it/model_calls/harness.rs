//! Models that count, and sessions that ask them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use mmevol::functions::llm::ModelSession;
use mmevol::model::service::ModelService;
use mmevol::model::{CallKind, ChatError, ChatErrorKind, ChatModel, ChatReply, ChatRequest, FinishReason, Parameters, RequestImage, Usage};
use mmevol::prompt::PromptLibrary;
use mmevol::{Error, Session};
use tokio::sync::watch;

/// A model that answers with its prompt in upper case, counts, and takes more turns for some prompts than for others. A filter holds for
/// even numbers; a prompt with `bad` in it is refused.
#[derive(Debug, Default)]
pub struct Counting {
    asked: Mutex<BTreeMap<String, usize>>,
}

impl Counting {
    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.asked.lock().unwrap().values().sum()
    }

    /// Requests so far that differ.
    pub fn distinct(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl ChatModel for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    async fn chat(&self, request: &ChatRequest, _images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        let parameters = serde_json::to_string(&(request.kind, request.parameters)).unwrap();
        let key = format!("{}#{}#{parameters}", request.prompt, request.sample_index);
        *self.asked.lock().unwrap().entry(key).or_default() += 1;
        for _ in 0..number_in(&request.prompt) % 7 {
            tokio::task::yield_now().await;
        }
        answer(request)
    }
}

/// The number that the digits of a text make.
pub fn number_in(text: &str) -> u64 {
    text.chars().filter_map(|digit| digit.to_digit(10)).fold(0, |number, digit| (number * 10 + u64::from(digit)) % 1_000_000)
}

/// What the models of these tests say.
pub fn answer(request: &ChatRequest) -> Result<ChatReply, ChatError> {
    if request.prompt.contains("bad") {
        return Err(ChatError {
            kind: ChatErrorKind::Refusal,
            message: "no".into(),
            attempts: 1,
            http_status: None,
            usage: Usage::default(),
        });
    }
    let is_filter = request.schema.as_ref().is_some_and(|schema| schema.schema["properties"]["answer"].is_object());
    let text = match request.kind {
        CallKind::Embed => format!("[{}, 1]", number_in(&request.prompt)),
        _ if is_filter => format!("{{\"answer\": {}}}", number_in(&request.prompt).is_multiple_of(2)),
        _ => request.prompt.to_uppercase(),
    };
    let finish_reason = FinishReason::Stop;
    Ok(ChatReply {
        text,
        finish_reason,
        usage: Usage { prompt_tokens: Some(10), completion_tokens: Some(2) },
        attempts: 1,
        http_status: None,
        latency_ms: 1,
    })
}

/// Whether a request still waits, when so many prompts have arrived.
type Waits = dyn Fn(&ChatRequest, &[String]) -> bool + Send + Sync;

/// A model that lets some requests wait for others to arrive: what is asked too late is never answered.
pub struct Gated {
    arrived: watch::Sender<Vec<String>>,
    waits: Box<Waits>,
    model: Arc<dyn ChatModel>,
}

impl Gated {
    /// Answers as [`Counting`] does.
    pub fn new(waits: impl Fn(&ChatRequest, &[String]) -> bool + Send + Sync + 'static) -> Arc<Gated> {
        Gated::before(Arc::new(Counting::default()), waits)
    }

    /// Before another model.
    pub fn before(model: Arc<dyn ChatModel>, waits: impl Fn(&ChatRequest, &[String]) -> bool + Send + Sync + 'static) -> Arc<Gated> {
        Arc::new(Gated { arrived: watch::Sender::default(), waits: Box::new(waits), model })
    }

    /// The prompts so far.
    pub fn arrived(&self) -> Vec<String> {
        self.arrived.borrow().clone()
    }

    /// Adds a prompt that no query sent, for which requests may wait.
    pub fn release(&self, prompt: &str) {
        self.arrived.send_modify(|arrived| arrived.push(prompt.to_owned()));
    }

    /// Waits until a condition holds for what arrived.
    pub async fn wait_for(&self, condition: impl Fn(&[String]) -> bool) {
        self.arrived.subscribe().wait_for(|arrived| condition(arrived)).await.unwrap();
    }
}

impl fmt::Debug for Gated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gated").field("model", &self.model).finish_non_exhaustive()
    }
}

#[async_trait]
impl ChatModel for Gated {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn chat(&self, request: &ChatRequest, images: &[Arc<RequestImage>]) -> Result<ChatReply, ChatError> {
        self.release(&request.prompt);
        self.wait_for(|arrived| !(self.waits)(request, arrived)).await;
        self.model.chat(request, images).await
    }
}

/// One model for all functions, with a journal that ends with the test.
pub fn models(model: Arc<dyn ChatModel>) -> ModelSession {
    let service = ModelService::new(model);
    ModelSession {
        judge: service.clone(),
        embedder: service.clone(),
        model: service,
        prompts: Arc::new(PromptLibrary::embedded()),
        parameters: Parameters::default(),
    }
}

/// A session with the twenty rows of `t`: `id` from 1, `q` such as 'q1', `lang` 'en' for even ids and 'de' for the others.
pub async fn session(model: Arc<dyn ChatModel>) -> Session {
    let session = Session::builder().models(Arc::new(models(model))).build().await.unwrap();
    with_rows(&session, 20).await;
    session
}

/// Adds table `t` with that many rows.
pub async fn with_rows(session: &Session, rows: usize) {
    let table = format!(
        "CREATE TABLE t AS SELECT value AS id, concat('q', value) AS q, CASE WHEN value % 2 = 0 THEN 'en' ELSE 'de' END AS lang \
         FROM generate_series(1, {rows})"
    );
    session.collect(&table).await.unwrap();
}

/// How many rows there are.
pub fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// The rows as text, columns separated by spaces, NULL as `NULL`.
pub fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            lines.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" "));
        }
    }
    lines
}

/// The rows of a query as text.
pub async fn answers(session: &Session, sql: &str) -> Vec<String> {
    match session.collect(sql).await {
        Ok(batches) => lines(&batches),
        Err(error) => panic!("{sql}\n{}", in_words(&error)),
    }
}

/// The error of a query that must fail, with its hints.
pub async fn refusal(session: &Session, sql: &str) -> String {
    match session.collect(sql).await {
        Ok(batches) => panic!("{sql}\ngave {:?}", lines(&batches)),
        Err(error) => in_words(&error),
    }
}

/// An error with its hints, a line each.
pub fn in_words(error: &Error) -> String {
    std::iter::once(error.to_string()).chain(error.hints().into_iter().map(|hint| format!("hint: {hint}"))).collect::<Vec<_>>().join("\n")
}

/// Runs each query in a session of its own and compares: query, requests (each of which must be distinct), rows.
pub async fn assert_counts(cases: &[(&str, usize, usize)], prepare: impl AsyncFn(&Session)) {
    let mut wrong = Vec::new();
    for (query, requests, expected) in cases {
        let model = Arc::new(Counting::default());
        let session = session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
        prepare(&session).await;
        match session.collect(query).await {
            Ok(batches) => {
                let found = (model.requests(), model.distinct(), rows(&batches));
                if found != (*requests, *requests, *expected) {
                    wrong.push(format!("{query}\n  requests, distinct, rows: {found:?}, expected {requests}, {expected}"));
                }
            }
            Err(error) => wrong.push(format!("{query}\n  {}", in_words(&error))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
