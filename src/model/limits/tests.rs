//! What the limiter holds back, for how long.

use super::*;
use crate::model::request_state::observed;

fn limiter(concurrency: usize, requests_per_minute: u32, tokens_per_minute: u32) -> Arc<Limiter> {
    Arc::new(Limiter::new(Limits {
        concurrency: NonZeroUsize::new(concurrency),
        requests_per_minute: NonZeroU32::new(requests_per_minute),
        tokens_per_minute: NonZeroU32::new(tokens_per_minute),
    }))
}

#[tokio::test(start_paused = true)]
async fn no_minute_sees_more_requests_than_allowed() {
    let limiter = limiter(1, 60, 0);
    let start = Instant::now();
    let mut sent_at = Vec::new();
    for _ in 0..200 {
        let _slot = limiter.acquire(0).await;
        sent_at.push(start.elapsed());
    }
    for (first, time) in sent_at.iter().enumerate() {
        let within_a_minute = sent_at[first..].iter().take_while(|later| **later - *time < MINUTE).count();
        assert!(within_a_minute <= 60, "{within_a_minute} requests in the minute from {time:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(220), "the rate is used up: {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn tokens_are_waited_for_and_settled_by_what_was_used() {
    let limiter = limiter(8, 0, 600);
    let start = Instant::now();
    limiter.acquire(60).await.succeeded(Some(660));
    assert_eq!(start.elapsed(), Duration::ZERO, "a tenth may pass at once");
    limiter.acquire(0).await.succeeded(None);
    let waited = start.elapsed();
    assert!((Duration::from_secs(60)..Duration::from_secs(70)).contains(&waited), "600 tokens too many take a minute: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn estimates_that_were_too_high_are_given_back() {
    let limiter = limiter(8, 0, 600);
    let start = Instant::now();
    limiter.acquire(60).await.succeeded(Some(0));
    limiter.acquire(60).await.succeeded(None);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_everyone_back() {
    let limiter = limiter(8, 0, 0);
    let start = Instant::now();
    let other = limiter.acquire(0).await;
    limiter.acquire(0).await.overloaded(Some(Duration::from_secs(7)));
    drop(other);
    let slot = limiter.acquire(0).await;
    assert_eq!(start.elapsed(), Duration::from_secs(7));
    drop(slot);
    assert_eq!(limiter.stats().waiting_ms, 7_000);
}

#[tokio::test(start_paused = true)]
async fn places_shrink_once_for_one_overload_and_grow_again_up_to_the_concurrency() {
    let limiter = limiter(10, 0, 0);
    let mut in_flight = Vec::new();
    for _ in 0..10 {
        in_flight.push(limiter.acquire(0).await);
    }
    tokio::time::advance(Duration::from_millis(1)).await;
    for slot in in_flight {
        slot.overloaded(None);
    }
    assert_eq!(limiter.stats().places, 7);
    for _ in 0..60 {
        limiter.acquire(0).await.succeeded(None);
    }
    assert_eq!(limiter.stats().places, 10);
    for _ in 0..60 {
        limiter.acquire(0).await.overloaded(None);
    }
    assert_eq!(limiter.stats().places, 1, "one request at a time still tries");
}

#[tokio::test]
async fn the_line_moves_when_a_place_is_freed() {
    let limiter = limiter(1, 0, 0);
    let first = limiter.acquire(0).await;
    let waiting = tokio::spawn({
        let limiter = Arc::clone(&limiter);
        async move { limiter.acquire(0).await.entered_at }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(first);
    assert!(waiting.await.is_ok());
    assert_eq!(limiter.stats().peak_in_flight, 1);
    assert_eq!(limiter.stats().in_flight, 0);
}

#[test]
fn clients_of_one_endpoint_and_model_share_a_limiter_and_the_last_limit_named_counts() {
    let strict = Limits { concurrency: NonZeroUsize::new(2), ..Limits::default() };
    let first = Limiter::shared("http://limits.test/v1", "m", strict);
    let second = Limiter::shared("http://limits.test/v1", "m", Limits::default());
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(first.stats().places, 2, "a client that does not care changes nothing");
    assert!(!Arc::ptr_eq(&first, &Limiter::shared("http://limits.test/v1", "other", strict)));
}

/// The default was in force for a moment before the limit that was asked for, and left half of the places.
#[tokio::test]
async fn as_many_places_as_a_cold_server_bears_whatever_limit_came_before() {
    for (concurrency, places) in [(2, 2), (32, 32), (64, 64), (128, 64)] {
        let limits = Limits { concurrency: NonZeroUsize::new(concurrency), ..Limits::default() };
        assert_eq!(Limiter::shared("http://places.test/v1", "m", limits).stats().places, places, "of {concurrency}");
    }
    let limiter = Limiter::shared("http://places.test/v1", "m", Limits { concurrency: NonZeroUsize::new(2), ..Limits::default() });
    limiter.acquire(0).await.succeeded(None);
    limiter.set_limits(Limits { concurrency: NonZeroUsize::new(128), ..Limits::default() });
    assert_eq!(limiter.stats().places, 2, "later they grow with the answers");
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_goes_ahead_of_what_was_never_sent() {
    let limiter = limiter(1, 0, 0);
    let order = Arc::new(Mutex::new(Vec::new()));
    let again = Arc::new(RequestState::default());
    let slot = observed(Arc::clone(&again), limiter.acquire(0)).await;
    let joins = |name: &'static str, request: Arc<RequestState>| {
        let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
        tokio::spawn(async move {
            let _slot = observed(request, limiter.acquire(0)).await;
            order.lock().unwrap().push(name);
        })
    };
    let mut waiting = Vec::new();
    for (name, request) in [("first", Arc::default()), ("second", Arc::default()), ("again", again)] {
        waiting.push(joins(name, request));
        tokio::task::yield_now().await;
    }
    drop(slot);
    futures::future::join_all(waiting).await;
    assert_eq!(*order.lock().unwrap(), ["first", "again", "second"]);
}
