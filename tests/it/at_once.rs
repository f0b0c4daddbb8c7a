//! Commands beside each other, and a clock that goes backwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use mmevol::evolution::{Due, Settings};
use mmevol::ids::Clock;
use mmevol::model::Parameters;
use mmevol::{Evolution, Session, Store};
use serde_json::Value;

use crate::command::{Workspace, bundled_seeds};
use crate::contents::{Contents, assert_same, contents};
use crate::endpoint::{Behaviour, Endpoint, evolving};
use crate::stores::{KEY, TestStore, client, client_of};

/// The second of two commands is told who holds the store, and asks the model nothing.
#[tokio::test]
async fn two_evolutions_at_once_pay_once() {
    let workspace = Workspace::with_photos();
    let endpoint = Endpoint::start(|body| Behaviour::Hold(Box::new(evolving(body))));
    let url = endpoint.base_url();
    let evolve = ["evolve", "--rounds", "2", "--model", "m", "--base-url", &url];
    let mut first = workspace.spawn_with_key(&evolve, KEY);
    endpoint.wait_for_in_flight(1).await;
    let holder = format!("in use by another writer (process {} on ", first.id());
    workspace.run_with_key(&evolve, KEY).expect_code(1).expect_stderr(&[&holder, "wait for the other command to finish"]);
    endpoint.release();
    assert!(first.wait().unwrap().success());
    workspace.run_with_key(&evolve, KEY).expect_code(0).expect_stderr(&["nothing was due"]);
    assert_eq!(endpoint.requests(), endpoint.distinct_requests());
    let (usual, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    let url = endpoint.base_url();
    usual.run_with_key(&["evolve", "--rounds", "2", "--model", "m", "--base-url", &url], KEY).expect_code(0);
    assert_same(&contents(&workspace.store()).await, &contents(&usual.store()).await, "beside another evolution");
}

/// Of two first imports into one new store, one is told of the other or finds its work done.
#[tokio::test]
async fn two_first_imports_at_once() {
    let (workspace, usual, seeds) = (Workspace::new(), Workspace::with_photos(), bundled_seeds());
    let import = ["import", &seeds, "--source", "demo"];
    let mut imports = [workspace.spawn_with_key(&import, KEY), workspace.spawn_with_key(&import, KEY)];
    let succeeded = imports.each_mut().map(|import| import.wait().unwrap().success());
    assert!(succeeded.contains(&true));
    assert_same(&contents(&workspace.store()).await, &contents(&usual.store()).await, "imported twice at once");
}

/// Whenever a reader looks, it sees whole rounds and nothing of the one that is being made.
#[tokio::test]
async fn a_reader_during_a_run_sees_published_states_only() {
    let judged = AtomicUsize::new(0);
    // The first round is answered, and the second one waits at its verdicts.
    let endpoint = Endpoint::start(move |body| {
        let is_score = body["response_format"]["json_schema"]["name"] == "scored_instructions";
        match is_score && judged.fetch_add(1, Ordering::Relaxed) >= 7 {
            true => Behaviour::Hold(Box::new(evolving(body))),
            false => evolving(body),
        }
    });
    let test = TestStore::with_photos().await;
    let settings = Settings { rounds: 3, ..Settings::default() };
    let evolution = Evolution::new(test.store.clone(), client(&endpoint)).settings(settings);
    let mut running = tokio::spawn(async move { evolution.run().await });

    let reader = Store::open(test.store.root()).await.unwrap();
    let mut seen = vec![state(&reader).await];
    while seen.last() != Some(&2) {
        seen.push(state(&reader).await);
    }
    tokio::select! {
        () = endpoint.wait_for_in_flight(1) => {}
        ended = &mut running => panic!("it ended while its requests were held: {ended:?}"),
    }
    for _ in 0..3 {
        assert_eq!(state(&reader).await, 2, "the second round is not published yet");
    }
    let pinned = Session::builder().snapshot(reader.snapshot().await.unwrap()).build().await.unwrap();
    endpoint.release();
    while !running.is_finished() {
        seen.push(state(&reader).await);
    }
    running.await.unwrap().unwrap();
    assert_eq!(state(&reader).await, 4);
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(counted(&pinned, "SELECT max(round) FROM instructions").await, 1, "a session keeps the state it opened");
}

/// The generation of the published state, which holds all of its rounds and nothing else.
async fn state(store: &Store) -> i64 {
    let snapshot = store.snapshot().await.unwrap();
    let generation = i64::try_from(snapshot.catalog().generation).unwrap();
    let session = Session::builder().snapshot(snapshot).build().await.unwrap();
    // Seven samples, and each round is one evolution of each.
    let rounds = generation - 1;
    for (sql, expected) in [
        ("SELECT count(*) FROM runs", generation),
        ("SELECT max(round) FROM instructions", rounds),
        ("SELECT count(*) FROM evolutions", 7 * rounds),
        ("SELECT count(*) FROM instructions i LEFT ANTI JOIN evolutions e ON i.evolution_id = e.evolution_id WHERE i.round > 0", 0),
        ("SELECT count(*) FROM evolutions e LEFT ANTI JOIN calls c ON e.request_id = c.request_id", 0),
        ("SELECT count(*) FROM evolutions e LEFT ANTI JOIN calls c ON e.score_request_id = c.request_id", 0),
    ] {
        assert_eq!(counted(&session, sql).await, expected, "state {generation}: {sql}");
    }
    generation
}

async fn counted(session: &Session, sql: &str) -> i64 {
    let rows = session.rows::<Value>(sql).await.unwrap();
    rows[0].as_object().unwrap().values().next().unwrap().as_i64().unwrap()
}

/// Steps by so many minutes whenever somebody looks at it.
#[derive(Debug)]
struct SteppingClock {
    minutes: AtomicI64,
    step: i64,
}

impl Clock for SteppingClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::minutes(self.minutes.fetch_add(self.step, Ordering::Relaxed))
    }
}

/// Everything that could be tempted to ask which of two things is the later one.
async fn work_by_the_clock(step: i64) -> Contents {
    let test = TestStore::with_photos().await;
    let store = test.store.clone().with_clock(Arc::new(SteppingClock { minutes: AtomicI64::new(0), step }));
    // Answers under 1,000 tokens are cut off after their first item.
    let endpoint = Endpoint::start(|body| {
        let short = ["max_tokens", "max_completion_tokens"].iter().any(|name| body[name].as_u64().is_some_and(|most| most < 1000));
        match evolving(body) {
            Behaviour::Reply { text, usage, .. } if short && body["response_format"]["json_schema"]["name"] == "evolved_instructions" => {
                let cut = text.match_indices("\"item\"").nth(1).map_or(text.len() / 2, |(start, _)| start);
                Behaviour::Reply { text: text[..cut].to_owned(), finish_reason: "length", usage }
            }
            other => other,
        }
    });
    let run = async |due, max_tokens, judge: &str| {
        let settings = Settings { rounds: 1, due, parameters: Parameters { max_tokens, ..Parameters::default() }, ..Settings::default() };
        let evolution = Evolution::new(store.clone(), client(&endpoint)).settings(settings);
        evolution.judge(client_of(&endpoint, judge)).run().await.unwrap()
    };
    run(Due::New, 500, "test-model").await;
    run(Due::Stale, 2000, "test-model").await;
    run(Due::Judgements, 2000, "another-judge").await;
    let mut contents = contents(test.store.root()).await;
    // Which answer was in use is seen in the items.
    contents.retain(|table, _| *table != "calls");
    contents
}

#[tokio::test]
async fn a_clock_that_goes_backwards_changes_nothing() {
    let (forwards, backwards) = (work_by_the_clock(1).await, work_by_the_clock(-1).await);
    assert_same(&backwards, &forwards, "the clock went backwards");
}
