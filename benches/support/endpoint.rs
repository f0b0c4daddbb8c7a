//! An OpenAI-compatible endpoint in a process of its own, so that neither its processor time nor its runtime is the measured program's.
//!
//! Latency counts from the arrival of a request, whatever its reading and answering take, and ends within a fraction of a millisecond of
//! its time: a runtime's own timers are rounded up to whole milliseconds.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Json;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Names the script of a process that is to be an endpoint.
const SCRIPT_VARIABLE: &str = "BENCH_ENDPOINT_SCRIPT";

/// What is answered to a request.
pub struct Reply {
    pub text: String,
    /// From the arrival of the request to its answer.
    pub latency: Duration,
}

/// What an endpoint answers to the body of a request.
pub type Script = fn(&Value) -> Reply;

/// A running endpoint; stops when dropped, and when this process ends.
pub struct Endpoint {
    process: Child,
    /// The endpoint runs until this is closed.
    _open: Option<ChildStdin>,
    base_url: String,
}

impl Endpoint {
    /// Starts this program once more, as an endpoint that follows the script of this name; see [`serve_if_asked`].
    pub fn start(script: &str) -> Endpoint {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env(SCRIPT_VARIABLE, script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut base_url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut base_url).unwrap();
        Endpoint { _open: process.stdin.take(), process, base_url: base_url.trim().to_owned() }
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self._open.take());
        self.process.wait().unwrap();
    }
}

/// Call this first in `main`: in a process that [`Endpoint::start`] started it serves one of the scripts, and does not return.
pub fn serve_if_asked(scripts: &[(&str, Script)]) {
    let Ok(wanted) = std::env::var(SCRIPT_VARIABLE) else { return };
    let (_, script) = scripts.iter().find(|(name, _)| *name == wanted).expect("a script of this name");
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}/v1", listener.local_addr().unwrap());
        let routes = Router::new().route("/v1/chat/completions", post(answer)).with_state(*script);
        tokio::select! {
            served = axum::serve(listener, routes) => served.unwrap(),
            closed = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())) => drop(closed),
        }
    });
    std::process::exit(0);
}

async fn answer(State(script): State<Script>, request: Request) -> Json<Value> {
    let arrived = Instant::now();
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let Reply { text, latency } = script(&serde_json::from_slice(&body).unwrap());
    if !latency.is_zero() {
        // A thread that sleeps wakes up in time.
        #[expect(clippy::disallowed_methods, reason = "the time a model takes is what is played here, to the millisecond")]
        let sleep = move || std::thread::sleep(latency.saturating_sub(arrived.elapsed()));
        tokio::task::spawn_blocking(sleep).await.unwrap();
    }
    let choice = json!({ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" });
    Json(json!({ "object": "chat.completion", "choices": [choice], "usage": { "prompt_tokens": 10, "completion_tokens": 5 } }))
}
