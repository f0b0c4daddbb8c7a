//! An OpenAI-compatible endpoint that does what a script says, and remembers what it was asked.
//!
//! It lives on a thread of its own, so that it also serves commands which a test waits for, and whatever a test does to its clock.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::serve::Listener;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// What the endpoint does with one request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// A chat completion; `usage` is prompt and completion tokens.
    Reply {
        text: String,
        finish_reason: &'static str,
        usage: Option<(u64, u64)>,
    },
    /// A 200 with this JSON.
    Json(Value),
    /// A 200 with these bytes.
    Garbage(Vec<u8>),
    Status {
        code: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// A 200 whose body ends early.
    CutBody,
    /// No answer, ever.
    Hang,
    /// Waits until [`Endpoint::release`], then goes on.
    Hold(Box<Behaviour>),
    Delay(Duration, Box<Behaviour>),
}

impl Behaviour {
    /// A complete answer of 10 prompt and 5 completion tokens.
    pub fn reply(text: impl Into<String>) -> Behaviour {
        Behaviour::Reply { text: text.into(), finish_reason: "stop", usage: Some((10, 5)) }
    }

    /// A status with an error as OpenAI writes it.
    pub fn error(code: u16, message: &str) -> Behaviour {
        Behaviour::Status { code, headers: Vec::new(), body: json!({ "error": { "message": message } }).to_string() }
    }

    /// A 429 that asks to come back after so many milliseconds.
    pub fn rate_limited(retry_after_ms: u64) -> Behaviour {
        let headers = vec![("retry-after-ms", retry_after_ms.to_string())];
        Behaviour::Status { code: 429, headers, body: json!({ "error": { "message": "slow down" } }).to_string() }
    }
}

type Script = dyn Fn(&Value) -> Behaviour + Send + Sync;

/// A running endpoint; stops when dropped.
pub struct Endpoint {
    address: SocketAddr,
    record: Arc<Record>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<std::thread::JoinHandle<()>>,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub body: Value,
    pub headers: HeaderMap,
}

struct Record {
    script: Box<Script>,
    models: Vec<String>,
    received: Mutex<Vec<Received>>,
    distinct_bodies: Mutex<HashSet<u64>>,
    connections: AtomicUsize,
    in_flight: watch::Sender<usize>,
    peak_in_flight: AtomicUsize,
    released: watch::Sender<bool>,
}

impl Endpoint {
    /// An endpoint that answers each request with what `script` makes of its body.
    pub fn start(script: impl Fn(&Value) -> Behaviour + Send + Sync + 'static) -> Endpoint {
        Endpoint::start_with_models(script, &[])
    }

    /// An endpoint that also lists models.
    pub fn start_with_models(script: impl Fn(&Value) -> Behaviour + Send + Sync + 'static, models: &[&str]) -> Endpoint {
        let record = Arc::new(Record {
            script: Box::new(script),
            models: models.iter().map(|&name| name.to_owned()).collect(),
            received: Mutex::default(),
            distinct_bodies: Mutex::default(),
            connections: AtomicUsize::new(0),
            in_flight: watch::Sender::new(0),
            peak_in_flight: AtomicUsize::new(0),
            released: watch::Sender::new(false),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("a bound socket");
        let (stop, stopped) = oneshot::channel();
        let server = std::thread::spawn({
            let record = Arc::clone(&record);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async move {
                    let listener =
                        CountingListener { listener: TcpListener::from_std(listener).expect("a socket"), record: Arc::clone(&record) };
                    let routes = Router::new()
                        .route("/v1/chat/completions", post(complete))
                        .route("/v1/embeddings", post(complete))
                        .route("/v1/models", get(list_models));
                    let routes = routes.layer(axum::extract::DefaultBodyLimit::disable()).with_state(record);
                    tokio::select! {
                        _ = axum::serve(listener, routes) => (),
                        _ = stopped => (),
                    }
                });
            }
        });
        Endpoint { address, record, stop: Some(stop), server: Some(server) }
    }

    /// An endpoint that goes through a list of behaviours and stays with the last.
    pub fn sequence(behaviours: Vec<Behaviour>) -> Endpoint {
        let next = AtomicUsize::new(0);
        Endpoint::start(move |_| behaviours[next.fetch_add(1, Ordering::Relaxed).min(behaviours.len() - 1)].clone())
    }

    /// An endpoint that evolves and scores; see [`evolving`].
    pub fn evolving() -> Endpoint {
        Endpoint::start(evolving)
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Requests to `/chat/completions` so far.
    pub fn requests(&self) -> usize {
        self.record.received.lock().unwrap().len()
    }

    /// Requests so far that differ.
    pub fn distinct_requests(&self) -> usize {
        self.record.distinct_bodies.lock().unwrap().len()
    }

    pub fn received(&self) -> Vec<Received> {
        self.record.received.lock().unwrap().clone()
    }

    /// TCP connections accepted so far.
    pub fn connections(&self) -> usize {
        self.record.connections.load(Ordering::Relaxed)
    }

    pub fn peak_in_flight(&self) -> usize {
        self.record.peak_in_flight.load(Ordering::Relaxed)
    }

    /// Waits until so many requests are being answered at once.
    pub async fn wait_for_in_flight(&self, count: usize) {
        self.record.in_flight.subscribe().wait_for(|in_flight| *in_flight >= count).await.expect("the endpoint runs");
    }

    /// Lets requests on [`Behaviour::Hold`] go on, these and later ones.
    pub fn release(&self) {
        self.record.released.send_replace(true);
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            // A panic of the endpoint's thread has been printed; a second one here would hide the test's own failure.
            let _ = server.join();
        }
    }
}

struct CountingListener {
    listener: TcpListener,
    record: Arc<Record>,
}

impl Listener for CountingListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let accepted = Listener::accept(&mut self.listener).await;
        self.record.connections.fetch_add(1, Ordering::Relaxed);
        accepted
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Counts a request for as long as it is being answered, or until its client hangs up.
struct InFlight(Arc<Record>);

impl InFlight {
    fn enter(record: &Arc<Record>) -> InFlight {
        record.in_flight.send_modify(|in_flight| *in_flight += 1);
        record.peak_in_flight.fetch_max(*record.in_flight.borrow(), Ordering::Relaxed);
        InFlight(Arc::clone(record))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.send_modify(|in_flight| *in_flight -= 1);
    }
}

async fn list_models(State(record): State<Arc<Record>>) -> Response {
    if record.models.is_empty() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let models: Vec<Value> = record.models.iter().map(|name| json!({ "id": name, "object": "model" })).collect();
    Json(json!({ "object": "list", "data": models })).into_response()
}

async fn complete(State(record): State<Arc<Record>>, headers: HeaderMap, bytes: Bytes) -> Response {
    let _in_flight = InFlight::enter(&record);
    record.distinct_bodies.lock().unwrap().insert(hash(&bytes));
    let body: Value = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}")).into_response(),
    };
    let mut behaviour = (record.script)(&body);
    record.received.lock().unwrap().push(Received { body, headers });
    loop {
        behaviour = match behaviour {
            Behaviour::Hold(then) => {
                let mut released = record.released.subscribe();
                released.wait_for(|released| *released).await.expect("the endpoint runs");
                *then
            }
            Behaviour::Delay(duration, then) => {
                tokio::time::sleep(duration).await;
                *then
            }
            Behaviour::Hang => std::future::pending().await,
            answer => return respond(answer),
        }
    }
}

fn respond(behaviour: Behaviour) -> Response {
    match behaviour {
        Behaviour::Reply { text, finish_reason, usage } => {
            let usage = usage.map(|(prompt, completion)| json!({ "prompt_tokens": prompt, "completion_tokens": completion }));
            let choice = json!({ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": finish_reason });
            Json(json!({ "object": "chat.completion", "choices": [choice], "usage": usage })).into_response()
        }
        Behaviour::Json(value) => Json(value).into_response(),
        Behaviour::Garbage(bytes) => bytes.into_response(),
        Behaviour::Status { code, headers, body } => {
            let mut response = Response::builder().status(code);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).expect("a valid status and valid headers")
        }
        Behaviour::CutBody => {
            let start = stream::iter([Ok(Bytes::from_static(b"{\"choices\": [{\"mess"))]);
            // The server sends what it has when the rest makes it wait.
            let cut = stream::once(async {
                tokio::task::yield_now().await;
                Err(io::Error::other("cut"))
            });
            let pieces = start.chain(cut);
            Response::builder().header("content-length", 1000).body(Body::from_stream(pieces)).expect("valid headers")
        }
        Behaviour::Hang | Behaviour::Hold(_) | Behaviour::Delay(..) => unreachable!("handled before anything is sent"),
    }
}

/// The text of the last message of a request.
pub fn prompt_of(body: &Value) -> &str {
    let content = &body["messages"].as_array().and_then(|messages| messages.last()).unwrap_or(&Value::Null)["content"];
    let in_parts = || content.as_array()?.iter().rev().find_map(|part| part["text"].as_str());
    content.as_str().or_else(in_parts).unwrap_or_default()
}

/// A script that plays the model: it rewrites every item of the last ```json block of the prompt, or judges it where the block
/// holds pairs, and answers prompts without such a block in a sentence. The same request always gets the same answer.
pub fn evolving(body: &Value) -> Behaviour {
    let prompt = prompt_of(body);
    let Some(items) = last_json_block(prompt) else {
        return Behaviour::reply(format!("This is the answer to question {:08x}.", hash(prompt.as_bytes()) as u32));
    };
    let schema = &body["response_format"]["json_schema"];
    let is_score = schema["name"] == "scored_instructions" || items.iter().any(|item| item.get("rewritten").is_some());
    let answers: Vec<Value> = items.iter().map(if is_score { judge } else { rewrite }).collect();
    let answer = match list_property(&schema["schema"]) {
        Some(property) => json!({ property: answers }),
        None => json!(answers),
    };
    Behaviour::Reply { text: format!("```json\n{answer:#}\n```"), finish_reason: "stop", usage: Some((prompt.len() as u64 / 4, 100)) }
}

fn last_json_block(prompt: &str) -> Option<Vec<Value>> {
    let (_, block) = prompt.rsplit_once("```json")?;
    let (block, _) = block.split_once("```")?;
    serde_json::from_str(block).ok()
}

/// Structured output cannot be a bare list; the list is then the schema's one property.
fn list_property(schema: &Value) -> Option<&str> {
    schema["properties"].as_object()?.keys().next().map(String::as_str)
}

fn rewrite(item: &Value) -> Value {
    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let variant = ["what surrounds it", "how it is lit", "what happens next to it"][(hash(item.to_string().as_bytes()) % 3) as usize];
    json!({
        "item": item["item"],
        "image_position": "single",
        "objects": item["objects"].as_array().cloned().unwrap_or_default(),
        "skills": ["Relationship Description", "Context Understanding"],
        "format": "Norm",
        "question": format!("{} Take into account {variant}, and give your reasons.", text("question")),
        "steps": [{ "manipulation": "None", "description": format!("Look at {variant}.") }],
        "answer": format!("{} The image shows this when one looks at {variant}.", text("answer")),
    })
}

/// Four of five pairs are improved.
fn judge(pair: &Value) -> Value {
    let luck = hash(pair["rewritten"].to_string().as_bytes());
    let improved = !luck.is_multiple_of(5);
    let score = if improved { 5 + luck / 5 % 5 } else { 1 + luck / 5 % 4 };
    let reason = if improved { "It asks for more of the image." } else { "It only says the same in other words." };
    json!({ "item": pair["item"], "improved": if improved { "yes" } else { "no" }, "score": score, "reason": reason })
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
