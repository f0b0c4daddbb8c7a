//! How many requests are on their way at once, how many go out in a minute, and over which connections.

use std::num::NonZeroU32;
use std::sync::Arc;

use mmevol::model::limits::Limits;
use mmevol::model::{ChatModel, ChatRequest};

use super::{builder, client, request, with_concurrency};
use crate::endpoint::{Behaviour, Endpoint};

#[tokio::test]
async fn no_more_requests_are_in_flight_than_allowed() {
    let endpoint = Endpoint::start(|_| Behaviour::Hold(Box::new(Behaviour::reply("fine"))));
    let model = Arc::new(with_concurrency(&endpoint, 4));
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let model = Arc::clone(&model);
            tokio::spawn(async move { model.chat(&request(&number.to_string()), &[]).await })
        })
        .collect();
    endpoint.wait_for_in_flight(4).await;
    endpoint.release();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((endpoint.peak_in_flight(), endpoint.requests()), (4, 20));
    let stats = model.limiter_stats();
    assert_eq!((stats.in_flight, stats.peak_in_flight), (0, 4));
    assert!(endpoint.connections() <= 4, "{} connections for 4 at a time", endpoint.connections());
}

#[tokio::test]
async fn clients_of_one_endpoint_share_its_limits() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("fine"));
    let (evolver, judge) = (with_concurrency(&endpoint, 1), with_concurrency(&endpoint, 1));
    let requests: Vec<ChatRequest> = (0..8).map(|number| request(&number.to_string())).collect();
    let calls = requests.iter().flat_map(|request| [evolver.chat(request, &[]), judge.chat(request, &[])]);
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!((endpoint.requests(), endpoint.peak_in_flight()), (16, 1));
}

#[tokio::test]
async fn requests_per_minute_are_kept() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("fine"));
    let limits = Limits { requests_per_minute: NonZeroU32::new(30), ..Limits::default() };
    let model = Arc::new(builder(&endpoint).limits(limits).build().unwrap());
    for number in 0..3 {
        model.chat(&request(&number.to_string()), &[]).await.unwrap();
    }
    // A tenth of the minute's requests may come at once. The next is not due for two seconds.
    let one_more = tokio::spawn({
        let model = Arc::clone(&model);
        async move { model.chat(&request("one more"), &[]).await }
    });
    tokio::task::yield_now().await;
    assert!(!one_more.is_finished());
    assert_eq!(endpoint.requests(), 3);
    one_more.abort();
}

#[tokio::test]
async fn connections_are_reused() {
    let endpoint = Endpoint::sequence(vec![Behaviour::reply("fine"), Behaviour::rate_limited(1), Behaviour::reply("fine")]);
    let model = client(&endpoint);
    for number in 0..10 {
        model.chat(&request(&number.to_string()), &[]).await.unwrap();
    }
    assert_eq!((endpoint.requests(), endpoint.connections()), (11, 1));
}
