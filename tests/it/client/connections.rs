//! A peer, such as a proxy, that drops connections as soon as they are used again: it costs an attempt, and no row.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mmevol::model::limits::Limits;
use mmevol::model::openai::{OpenAiModel, RetryPolicy};
use mmevol::model::{ChatModel, ChatRequest};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::embedding_request;

const CONCURRENCY: usize = 16;

/// Answers the first request of each connection with the number that is its text, and resets the connection when a second one begins.
struct ResettingPeer {
    base_url: String,
    record: Arc<Record>,
}

struct Record {
    /// Requests that were read to their end.
    received: watch::Sender<usize>,
    /// So many must be there before the first is answered.
    answers_from: usize,
    resets: AtomicUsize,
}

impl ResettingPeer {
    async fn start(answers_from: usize) -> ResettingPeer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let record = Arc::new(Record { received: watch::Sender::new(0), answers_from, resets: AtomicUsize::new(0) });
        let peer = ResettingPeer { base_url, record: Arc::clone(&record) };
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&record)));
            }
        });
        peer
    }

    /// A client that tries again once, and at once.
    fn client(&self) -> OpenAiModel {
        let first_delay = Duration::from_millis(1);
        let retry_policy = RetryPolicy { max_attempts: 2, first_delay, max_delay: first_delay, ..RetryPolicy::default() };
        let limits = Limits { concurrency: NonZeroUsize::new(CONCURRENCY), ..Limits::default() };
        OpenAiModel::builder("m").base_url(self.base_url.as_str()).retry_policy(retry_policy).limits(limits).build().unwrap()
    }

    fn received(&self) -> usize {
        *self.record.received.borrow()
    }

    fn resets(&self) -> usize {
        self.record.resets.load(Ordering::Relaxed)
    }
}

async fn serve(mut connection: TcpStream, record: Arc<Record>) {
    let Some(body) = read_request(&mut connection).await else { return };
    record.received.send_modify(|received| *received += 1);
    record.received.subscribe().wait_for(|received| *received >= record.answers_from).await.unwrap();
    let number: f64 = body["input"].as_str().unwrap().parse().unwrap();
    let answer = json!({ "data": [{ "index": 0, "embedding": [number] }] }).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
    connection.write_all((head + &answer).as_bytes()).await.unwrap();
    // The second request is left unread. Without one, the client hangs up.
    if connection.peek(&mut [0]).await.is_ok_and(|bytes| bytes > 0) {
        record.resets.fetch_add(1, Ordering::Relaxed);
        connection.set_zero_linger().unwrap();
    }
}

/// The body of a request, which is whole once it is JSON. `None` when the client hangs up before.
async fn read_request(connection: &mut TcpStream) -> Option<Value> {
    let mut bytes: Vec<u8> = Vec::new();
    while connection.read_buf(&mut bytes).await.ok()? > 0 {
        let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(body) = head_end.and_then(|end| serde_json::from_slice(&bytes[end + 4..]).ok()) {
            return Some(body);
        }
    }
    None
}

fn requests(count: usize) -> Vec<ChatRequest> {
    (0..count).map(|number| embedding_request(&number.to_string())).collect()
}

/// What was tried again took one dead connection after the other, until its attempts were used up.
#[tokio::test]
async fn reused_connections_that_are_reset_lose_no_row() {
    let peer = ResettingPeer::start(1).await;
    let model = peer.client();
    let requests = requests(400);
    let replies = futures::future::join_all(requests.iter().map(|request| model.chat(request, &[]))).await;
    let mut attempts = 0;
    for (number, reply) in replies.into_iter().enumerate() {
        let reply = reply.unwrap();
        assert_eq!(reply.text, format!("[{number}.0]"));
        attempts += reply.attempts as usize;
    }
    assert_eq!(peer.received(), 400, "none was answered twice");
    assert!(peer.resets() > 0, "connections are reused");
    assert_eq!(attempts, 400 + peer.resets());
}

#[tokio::test]
async fn a_dead_idle_connection_costs_one_attempt() {
    let peer = ResettingPeer::start(CONCURRENCY).await;
    let model = peer.client();
    let requests = requests(2 * CONCURRENCY + 1);
    let mut attempts = Vec::new();
    // As many connections as requests at once, which are idle afterwards.
    let (at_once, one_by_one) = requests.split_at(CONCURRENCY);
    for reply in futures::future::join_all(at_once.iter().map(|request| model.chat(request, &[]))).await {
        attempts.push(reply.unwrap().attempts);
    }
    for request in one_by_one {
        attempts.push(model.chat(request, &[]).await.unwrap().attempts);
    }
    let expected = [vec![1; CONCURRENCY], vec![2; CONCURRENCY], vec![1]].concat();
    assert_eq!(attempts, expected, "none is idle any more at the last request");
    assert_eq!((peer.received(), peer.resets()), (2 * CONCURRENCY + 1, CONCURRENCY));
}
