//! What is asked when identical requests meet, when nobody waits any more, and when answers were cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::{Semaphore, watch};

use super::*;
use crate::model::limits::{Limiter, Limits};
use crate::model::spending::BUDGET;
use crate::model::{CallKind, FinishReason, Parameters, RequestImage, Task};

mod refusals;

/// Counts its calls, and answers each when it is let to.
#[derive(Debug)]
struct Counting {
    calls: watch::Sender<usize>,
    answers: Semaphore,
    failures: AtomicUsize,
    limiter: Option<Arc<Limiter>>,
}

impl Counting {
    /// A model with this many answers to give at once.
    fn new(answers: usize) -> Arc<Counting> {
        Arc::new(Counting { calls: watch::Sender::new(0), answers: Semaphore::new(answers), failures: AtomicUsize::new(0), limiter: None })
    }

    fn limited(answers: usize, places: usize) -> Arc<Counting> {
        let limits = Limits { concurrency: std::num::NonZeroUsize::new(places), ..Limits::default() };
        let Counting { calls, answers, failures, .. } = Arc::into_inner(Counting::new(answers)).unwrap();
        Arc::new(Counting { calls, answers, failures, limiter: Some(Arc::new(Limiter::new(limits))) })
    }

    fn calls(&self) -> usize {
        *self.calls.borrow()
    }

    async fn called(&self, times: usize) {
        self.calls.subscribe().wait_for(|calls| *calls >= times).await.unwrap();
    }
}

#[async_trait]
impl ChatModel for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn limiter(&self) -> Option<&Limiter> {
        self.limiter.as_deref()
    }

    async fn chat(&self, request: &ChatRequest, _images: &[Arc<RequestImage>]) -> std::result::Result<ChatReply, ChatError> {
        let _slot = match &self.limiter {
            Some(limiter) => Some(limiter.acquire(0).await),
            None => None,
        };
        self.calls.send_modify(|calls| *calls += 1);
        self.answers.acquire().await.unwrap().forget();
        let failing = self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        if failing {
            return Err(ChatError {
                kind: ChatErrorKind::ServerError,
                message: "out of luck".into(),
                attempts: 2,
                http_status: Some(500),
                usage: Usage::default(),
            });
        }
        // Answers need ten tokens.
        let finish_reason = if request.parameters.max_tokens < 10 { FinishReason::Length } else { FinishReason::Stop };
        Ok(ChatReply {
            text: format!("{} in {}", request.prompt, request.parameters.max_tokens),
            finish_reason,
            usage: Usage { prompt_tokens: Some(3), completion_tokens: Some(5) },
            attempts: 1,
            http_status: Some(200),
            latency_ms: 1,
        })
    }
}

fn request(prompt: &str, max_tokens: u32) -> ChatRequest {
    ChatRequest {
        kind: CallKind::Complete,
        prompt: prompt.into(),
        image_ids: Vec::new(),
        parameters: Parameters { max_tokens, ..Parameters::default() },
        schema: None,
        sample_index: 0,
        task: Task::Complete,
    }
}

fn service(model: &Arc<Counting>, max_calls: Option<u64>) -> ModelService {
    let spending = Arc::new(Spending::new(max_calls, None));
    ModelService { spending, ..ModelService::new(Arc::clone(model) as Arc<dyn ChatModel>) }
}

async fn ask(service: &ModelService, prompt: &str, max_tokens: u32) -> CallOutcome {
    service.call(&service.prepare(request(prompt, max_tokens))).await.unwrap()
}

fn text(outcome: &CallOutcome) -> &str {
    &outcome.result.as_ref().unwrap().text
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_at_once_are_one_call() {
    let model = Counting::new(1);
    let service = service(&model, None);
    let outcomes = futures::future::join_all((0..100).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, "q", 10).await })
    }))
    .await;
    let outcomes: Vec<CallOutcome> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(model.calls(), 1);
    assert!(outcomes.iter().all(|outcome| text(outcome) == "q in 10" && outcome.prompt_tokens == Some(3)));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.attempts == 1).count(), 1, "one of them made the call");
    assert!(outcomes.iter().all(|outcome| outcome.attempts == 1 || outcome.joined != outcome.cached));
    let spent = service.spending.spent();
    assert_eq!((spent.calls, spent.cached + spent.joined), (1, 99));
}

#[tokio::test]
async fn who_joins_a_failure_shares_it_and_who_comes_later_asks_again() {
    let model = Counting::new(2);
    model.failures.store(1, Ordering::Relaxed);
    let service = service(&model, None);
    let (first, second) = tokio::join!(ask(&service, "q", 10), ask(&service, "q", 10));
    assert_eq!(model.calls(), 1);
    assert_eq!(first.result, second.result);
    assert_eq!((first.joined, second.joined, first.result.unwrap_err().kind), (false, true, "server_error"));
    assert_eq!(text(&ask(&service, "q", 10).await), "q in 10");
    assert_eq!(model.calls(), 2);
}

#[tokio::test]
async fn a_request_nobody_waits_for_is_not_sent_and_not_counted() {
    let model = Counting::limited(0, 1);
    let service = service(&model, Some(2));
    let first = tokio::spawn({
        let service = service.clone();
        async move { ask(&service, "first", 10).await }
    });
    model.called(1).await;
    // The second waits for the first one's place, and is given up there.
    let waiting = tokio::spawn({
        let service = service.clone();
        async move { ask(&service, "second", 10).await }
    });
    while service.spending.admit().map(|_admission| ()).is_ok() {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    model.answers.add_permits(2);
    assert_eq!(text(&first.await.unwrap()), "first in 10");
    service.in_flight.settled().await;
    assert_eq!(model.calls(), 1);
    assert_eq!(text(&ask(&service, "third", 10).await), "third in 10", "its place among two calls was given back");
}

#[tokio::test]
async fn a_request_stays_in_line_while_one_of_its_waiters_does() {
    let model = Counting::limited(0, 1);
    let service = service(&model, None);
    let spawn = |prompt: &'static str| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, prompt, 10).await })
    };
    let first = spawn("first");
    model.called(1).await;
    let (leading, following) = (spawn("second"), spawn("second"));
    tokio::task::yield_now().await;
    leading.abort();
    assert!(leading.await.unwrap_err().is_cancelled());
    model.answers.add_permits(2);
    assert_eq!((text(&first.await.unwrap()), text(&following.await.unwrap())), ("first in 10", "second in 10"));
    assert_eq!(model.calls(), 2);
}

#[tokio::test]
async fn what_was_sent_is_written_down_even_if_nobody_waits() {
    for model in [Counting::new(0), Counting::limited(0, 1)] {
        let service = service(&model, Some(1));
        let asking = tokio::spawn({
            let service = service.clone();
            async move { ask(&service, "q", 10).await }
        });
        model.called(1).await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        model.answers.add_permits(1);
        service.in_flight.settled().await;
        let outcome = ask(&service, "q", 10).await;
        assert_eq!((outcome.cached, text(&outcome), model.calls()), (true, "q in 10", 1));
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_asked_for_again_under_a_larger_limit_only() {
    let model = Counting::new(100);
    let service = service(&model, None);
    assert_eq!(text(&ask(&service, "q", 5).await), "q in 5");
    assert_eq!(text(&ask(&service, "q", 5).await), "q in 5");
    assert_eq!(text(&ask(&service, "q", 4).await), "q in 5", "it would be cut off earlier");
    assert_eq!(model.calls(), 1);
    assert_eq!(text(&ask(&service, "q", 20).await), "q in 20");
    assert_eq!(model.calls(), 2);
    for limit in [5, 20, 4096] {
        assert_eq!(text(&ask(&service, "q", limit).await), "q in 20", "a complete answer is the same under any limit");
    }
    assert_eq!(model.calls(), 2);

    // Also when the cut off one is in flight.
    let (short, long) = tokio::join!(ask(&service, "r", 5), ask(&service, "r", 20));
    assert_eq!((text(&short), text(&long), model.calls()), ("r in 5", "r in 20", 4));
}

#[tokio::test]
async fn lookups_of_many_ask_nothing_and_count_nothing() {
    let model = Counting::new(100);
    let service = service(&model, None);
    ask(&service, "known", 10).await;
    let prepared = ["known", "unknown", "known"].map(|prompt| service.prepare(request(prompt, 10)));
    let found = service.cached(&prepared.iter().collect::<Vec<_>>()).await.unwrap();
    let texts: Vec<Option<&str>> = found.iter().map(|outcome| outcome.as_ref().map(text)).collect();
    assert_eq!(texts, [Some("known in 10"), None, Some("known in 10")]);
    assert_eq!((model.calls(), service.spending.spent().cached), (1, 0));
}

/// Until the last record was read, nothing else went on in the thread.
#[tokio::test]
async fn lookups_of_many_let_others_go_on_in_between() {
    let service = service(&Counting::new(1), None);
    ask(&service, "known", 10).await;
    let prepared: Vec<PreparedRequest> =
        (0..100).map(|row| service.prepare(request(if row == 99 { "known" } else { "unknown" }, 10))).collect();
    let prepared: Vec<&PreparedRequest> = prepared.iter().collect();
    assert!(service.cached(&prepared).now_or_never().is_none(), "it waits in between");
    let found = service.cached(&prepared).await.unwrap();
    assert_eq!((found.len(), found.iter().position(Option::is_some)), (100, Some(99)));
}

#[tokio::test]
async fn a_limit_of_calls_is_reached_once() {
    let model = Counting::new(100);
    let service = service(&model, Some(2));
    for prompt in ["a", "b"] {
        assert!(ask(&service, prompt, 10).await.result.is_ok());
    }
    for prompt in ["c", "d"] {
        assert_eq!(ask(&service, prompt, 10).await.result.unwrap_err().kind, BUDGET);
    }
    assert!(ask(&service, "a", 10).await.cached, "what is known needs no call");
    assert_eq!((model.calls(), service.spending.spent().not_asked), (2, 2));
}

/// Turns each request away when it is told to, and takes it when it is sent again, an hour later.
#[derive(Debug)]
struct TurningAway {
    sent: watch::Sender<usize>,
    told: Semaphore,
    limiter: Arc<Limiter>,
}

impl TurningAway {
    fn new() -> Arc<TurningAway> {
        let limiter = Arc::new(Limiter::new(Limits::default()));
        Arc::new(TurningAway { sent: watch::Sender::new(0), told: Semaphore::new(0), limiter })
    }

    fn sent(&self) -> usize {
        *self.sent.borrow()
    }

    /// A task that asks, whose request was sent.
    async fn asked(self: &Arc<Self>, service: &ModelService) -> tokio::task::JoinHandle<CallOutcome> {
        let service = service.clone();
        let asking = tokio::spawn(async move { ask(&service, "q", 10).await });
        self.sent.subscribe().wait_for(|sent| *sent >= 1).await.unwrap();
        asking
    }
}

#[async_trait]
impl ChatModel for TurningAway {
    fn name(&self) -> &str {
        "turning away"
    }

    fn limiter(&self) -> Option<&Limiter> {
        Some(&self.limiter)
    }

    async fn chat(&self, request: &ChatRequest, _: &[Arc<RequestImage>]) -> std::result::Result<ChatReply, ChatError> {
        let slot = self.limiter.acquire(0).await;
        self.sent.send_modify(|sent| *sent += 1);
        self.told.acquire().await.unwrap().forget();
        drop(slot);
        RequestState::observing().unwrap().rest();
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
        let _slot = self.limiter.acquire(0).await;
        self.sent.send_modify(|sent| *sent += 1);
        let (text, finish_reason, usage) = (request.prompt.clone(), FinishReason::Stop, Usage::default());
        Ok(ChatReply { text, finish_reason, usage, attempts: 2, http_status: Some(200), latency_ms: 1 })
    }
}

/// A cancelled query waited for the time that the endpoint had asked for, and then paid for an answer that nobody wanted.
#[tokio::test(start_paused = true)]
async fn what_was_turned_away_is_not_sent_again_when_nobody_waits() {
    for is_resting in [true, false] {
        let model = TurningAway::new();
        let service = ModelService::new(Arc::clone(&model) as Arc<dyn ChatModel>);
        let asking = model.asked(&service).await;
        if is_resting {
            model.told.add_permits(1);
            while model.limiter.stats().in_flight > 0 {
                tokio::task::yield_now().await;
            }
        }
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        model.told.add_permits(1);
        service.in_flight.settled().await;
        assert_eq!(model.sent(), 1, "it rested when it was given up: {is_resting}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_turned_away_is_sent_again_for_whoever_asks_meanwhile() {
    let model = TurningAway::new();
    let service = ModelService::new(Arc::clone(&model) as Arc<dyn ChatModel>);
    let first = model.asked(&service).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let second = model.asked(&service).await;
    tokio::task::yield_now().await;
    model.told.add_permits(1);
    let outcome = second.await.unwrap();
    assert_eq!((text(&outcome), outcome.joined, model.sent()), ("q", true, 2));
}
