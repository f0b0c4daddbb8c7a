//! Evolution by a model behind an endpoint: what is asked, what is stored, what happens when it fails, and that nothing is paid for twice.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mmevol::evolution::{Due, EvolutionReport, Settings};
use mmevol::model::limits::Limits;
use mmevol::model::rules::RulesModel;
use mmevol::{Evolution, Import};
use serde_json::{Value, json};

use crate::command::{Workspace, bundled_seeds};
use crate::endpoint::{Behaviour, Endpoint, evolving, prompt_of};
use crate::stores::{KEY, TestStore, client, client_of};

fn rounds(rounds: u32) -> Settings {
    Settings { rounds, ..Settings::default() }
}

async fn evolve(test: &TestStore, endpoint: &Endpoint, settings: Settings) -> EvolutionReport {
    Evolution::new(test.store.clone(), client(endpoint)).settings(settings).run().await.unwrap()
}

fn is_score(body: &Value) -> bool {
    body["response_format"]["json_schema"]["name"] == "scored_instructions"
}

/// An endpoint that fails requests as long as it is told to, and plays the model afterwards.
fn failing(fails: impl Fn(&Value) -> Option<Behaviour> + Send + Sync + 'static) -> (Endpoint, Arc<AtomicBool>) {
    let broken = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&broken);
    let answer = move |body: &Value| fails(body).filter(|_| switch.load(Ordering::Relaxed)).unwrap_or_else(|| evolving(body));
    (Endpoint::start(answer), broken)
}

#[tokio::test]
async fn one_request_to_evolve_and_one_to_score_each_sample() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    let report = evolve(&test, &endpoint, rounds(1)).await;
    assert_eq!((endpoint.requests(), endpoint.distinct_requests()), (14, 14));
    assert_eq!((report.spent.calls, report.spent.failed, report.rounds[0].samples, report.rounds[0].generated), (14, 0, 7, 15));

    let received = endpoint.received();
    assert_eq!(received.iter().filter(|request| is_score(&request.body)).count(), 7);
    for request in &received {
        let content = request.body["messages"][0]["content"].as_array().unwrap();
        let images: Vec<&Value> = content.iter().filter(|part| part["type"] == "image_url").collect();
        assert_eq!(images.len(), 1);
        let url = images[0]["image_url"]["url"].as_str().unwrap();
        assert!(url.starts_with("data:image/jpeg;base64,/9j/") && images[0]["image_url"]["detail"] == "low", "{url:.60}");
        assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
    }

    let calls = test.values("SELECT kind, count(*) AS n, min(prompt_tokens) > 0 AS prompted, min(completion_tokens) AS written, max(attempts) AS attempts, \
                             min(http_status) AS status, bool_and(response IS NOT NULL AND error IS NULL) AS answered, min(endpoint) AS endpoint \
                             FROM calls GROUP BY kind ORDER BY kind").await;
    for (call, kind) in calls.iter().zip(["evolve", "score"]) {
        let expected = json!({ "kind": kind, "n": 7, "prompted": true, "written": 100, "attempts": 1, "status": 200, "answered": true, "endpoint": endpoint.base_url() });
        assert_eq!(call, &expected);
    }
    assert_eq!(calls.len(), 2);
    let joined = "SELECT count(*) FROM evolutions e JOIN calls a ON e.request_id = a.request_id AND a.kind = 'evolve' \
                  JOIN calls b ON e.score_request_id = b.request_id AND b.kind = 'score' JOIN prompts p ON e.prompt_id = p.prompt_id \
                  JOIN prompts q ON e.judge_prompt_id = q.prompt_id AND q.name = 'score'";
    assert_eq!(test.count(joined).await, 7);
    assert!(!test.holds(KEY.as_bytes()), "the key is in the store");
    test.assert_sound().await;
}

#[tokio::test]
async fn nothing_is_asked_twice() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(2)).await;
    let asked = endpoint.requests();
    let again = evolve(&test, &endpoint, rounds(2)).await;
    assert_eq!((endpoint.requests(), again.spent.calls, again.spent.cached), (asked, 0, 0));
    assert!(again.rounds.iter().all(|round| round.evolutions == 0), "{again:?}");
    // Nothing was written either.
    assert_eq!(test.count("SELECT count(*) FROM runs").await, 3);
}

#[tokio::test]
async fn a_failed_sample_fails_alone_and_can_be_tried_again() {
    let coffee = "An espresso in a white and red cup";
    let (endpoint, broken) = failing(move |body| prompt_of(body).contains(coffee).then(|| Behaviour::error(500, "out of luck")));
    let test = TestStore::with_photos().await;
    assert_eq!(test.count(&format!("SELECT count(*) FROM samples WHERE caption LIKE '%{coffee}%'")).await, 1, "the seeds have changed");
    let report = evolve(&test, &endpoint, rounds(1)).await;
    assert_eq!((report.rounds[0].samples, report.rounds[0].failed, report.spent.calls), (7, 1, 12));
    let failed = test.values("SELECT s.source_id, e.error_kind, e.generated, e.score_request_id, c.http_status, c.attempts FROM evolutions e \
                              JOIN samples s ON e.sample_id = s.sample_id JOIN calls c ON e.request_id = c.request_id WHERE e.status = 'failed'").await;
    let expected = json!([{ "source_id": "coffee", "error_kind": "server_error", "generated": 0, "score_request_id": null, "http_status": 500, "attempts": 2 }]);
    assert_eq!(json!(failed), expected);
    test.assert_sound().await;

    let asked = endpoint.requests();
    evolve(&test, &endpoint, rounds(1)).await;
    assert_eq!(endpoint.requests(), asked, "what failed is not tried again unless it is asked for");

    broken.store(false, Ordering::Relaxed);
    let retried = evolve(&test, &endpoint, Settings { due: Due::Failed, ..rounds(1) }).await;
    assert_eq!((endpoint.requests(), retried.rounds[0].samples, retried.rounds[0].failed), (asked + 2, 1, 0));
    let statuses = test.values("SELECT e.status, e.attempt FROM evolutions e JOIN samples s ON e.sample_id = s.sample_id WHERE s.source_id = 'coffee' ORDER BY attempt").await;
    assert_eq!(statuses[0], json!({ "status": "superseded", "attempt": 0 }));
    assert_eq!((statuses.len(), &statuses[1]["attempt"]), (2, &json!(1)));
    test.assert_sound().await;
}

/// The second round went on from the seed meanwhile; what it made is no longer descended from what stands before it.
#[tokio::test]
async fn a_sample_that_is_tried_again_later_has_one_line_of_descent() {
    let (endpoint, broken) =
        failing(|body| prompt_of(body).contains("An espresso in a white").then(|| Behaviour::error(400, "out of luck")));
    let test = TestStore::with_photos().await;
    evolve(&test, &endpoint, rounds(1)).await;
    broken.store(false, Ordering::Relaxed);
    evolve(&test, &endpoint, rounds(2)).await;
    let retried = evolve(&test, &endpoint, Settings { due: Due::Failed, ..rounds(2) }).await;
    assert_eq!(retried.rounds.iter().map(|round| round.samples).collect::<Vec<_>>(), [1, 1]);
    let coffee = "JOIN samples s ON e.sample_id = s.sample_id WHERE s.source_id = 'coffee'";
    let evolutions = test
        .values(&format!("SELECT e.round, e.status, e.parent_evolution_id IS NULL AS of_seed FROM evolutions e {coffee} ORDER BY 1, 2, 3"))
        .await;
    let expected = json!([
        { "round": 1, "status": "kept", "of_seed": true },
        { "round": 1, "status": "superseded", "of_seed": true },
        { "round": 2, "status": "kept", "of_seed": false },
        { "round": 2, "status": "superseded", "of_seed": true },
    ]);
    assert_eq!(json!(evolutions), expected);
    let lines =
        "SELECT count(DISTINCT i.evolution_id) FROM current i JOIN samples s ON i.sample_id = s.sample_id WHERE s.source_id = 'coffee'";
    assert_eq!(test.count(lines).await, 1);
    let again = evolve(&test, &endpoint, Settings { due: Due::Failed, ..rounds(2) }).await;
    assert_eq!((again.spent.calls, again.rounds[0].evolutions, again.rounds[1].evolutions), (0, 0, 0));
    test.assert_sound().await;
}

#[tokio::test]
async fn answers_that_are_no_use_are_recorded_as_such() {
    let test = TestStore::with_photos().await;
    let (endpoint, _) = failing(|body| match prompt_of(body) {
        _ if is_score(body) => None,
        prompt if prompt.contains("astronaut") || prompt.contains("space suit") => {
            Some(Behaviour::reply("I'm sorry, I can't help with that."))
        }
        prompt if prompt.contains("tabby cat") => Some(Behaviour::reply("{{{{")),
        prompt if prompt.contains("tripod") => {
            let message = json!({ "role": "assistant", "content": null, "refusal": "I will not look at that." });
            Some(Behaviour::Json(json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }] })))
        }
        _ => None,
    });
    let report = evolve(&test, &endpoint, rounds(1)).await;
    assert_eq!((report.rounds[0].samples, report.rounds[0].failed), (7, 3));
    let failed = test.values("SELECT s.source_id, e.error_kind, e.error IS NOT NULL AS explained FROM evolutions e JOIN samples s ON e.sample_id = s.sample_id \
                              WHERE e.status = 'failed' ORDER BY s.source_id").await;
    let ids: Vec<&str> = failed.iter().filter_map(|row| row["source_id"].as_str()).collect();
    assert_eq!(ids, ["astronaut", "camera", "chelsea"]);
    assert_eq!(failed[1]["error_kind"], "refusal");
    assert!(failed.iter().all(|row| row["explained"] == true), "{failed:#?}");
    // A useless answer was paid for: it is kept, and asked for once more.
    let kept = test.count("SELECT count(*) FROM calls WHERE response = '{{{{'").await;
    assert_eq!(kept, 2);
    test.assert_sound().await;
}

#[tokio::test]
async fn a_judge_that_fails_leaves_items_unjudged() {
    let test = TestStore::with_photos().await;
    let (endpoint, broken) = failing(|body| is_score(body).then(|| Behaviour::error(500, "no verdict today")));
    let report = evolve(&test, &endpoint, rounds(1)).await;
    assert_eq!((report.rounds[0].failed, report.rounds[0].unjudged, report.rounds[0].kept), (7, 15, 0));
    let kinds = test.values("SELECT DISTINCT error_kind FROM evolutions").await;
    assert_eq!(kinds, [json!({ "error_kind": "judge_server_error" })]);
    test.assert_sound().await;

    broken.store(false, Ordering::Relaxed);
    let asked = endpoint.requests();
    let retried = evolve(&test, &endpoint, Settings { due: Due::Failed, ..rounds(1) }).await;
    assert_eq!((retried.rounds[0].failed, retried.spent.cached), (0, 7), "the rewritten items are paid for already");
    assert_eq!(endpoint.requests(), asked + 7);
    assert_eq!(test.count("SELECT sum(generated) FROM rounds WHERE round = 1").await, 15, "items of superseded attempts count for nothing");
    test.assert_sound().await;
}

/// Requests that were never sent once had an id without a call.
#[tokio::test]
async fn a_key_that_stops_working_ends_the_asking_and_keeps_what_came() {
    let test = TestStore::with_photos().await;
    let (answered, renewed) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let switch = Arc::clone(&renewed);
    let endpoint = Endpoint::start(move |body| match switch.load(Ordering::Relaxed) || answered.fetch_add(1, Ordering::Relaxed) < 3 {
        true => evolving(body),
        false => Behaviour::error(401, "the key has expired"),
    });
    let outcome = Evolution::new(test.store.clone(), client(&endpoint)).settings(rounds(1)).run().await;
    let report = outcome.expect("what was answered is kept");
    assert_eq!((report.spent.calls, report.rounds[0].samples + report.rounds[0].unreached), (3, 7));
    assert!(report.endpoint_lost.as_deref().is_some_and(|error| error.contains("the key has expired")), "{report:?}");
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'failed'").await, 0);
    test.assert_sound().await;

    renewed.store(true, Ordering::Relaxed);
    let report = evolve(&test, &endpoint, rounds(1)).await;
    assert_eq!((report.spent.calls, report.rounds[0].failed), (11, 0), "what was answered is not asked again");
    test.assert_sound().await;
}

/// More samples than are in flight at once: the others are not asked.
#[tokio::test]
async fn an_endpoint_that_fails_later_is_asked_no_more() {
    let test = TestStore::with_items(&[1; 1500]).await;
    let answered = AtomicUsize::new(0);
    let endpoint = Endpoint::start(move |body| match answered.fetch_add(1, Ordering::Relaxed) {
        0..3 => evolving(body),
        _ => Behaviour::error(401, "the key has expired"),
    });
    let report = evolve(&test, &endpoint, Settings { text_only: true, ..rounds(1) }).await;
    assert_eq!((report.rounds[0].samples + report.rounds[0].unreached, report.spent.calls), (1500, 3));
    assert!(endpoint.requests() < 500, "{} requests were sent in vain", endpoint.requests());
    test.assert_sound().await;
}

mod limits {
    use super::*;

    fn most(max_calls: u64) -> Settings {
        Settings { max_calls: Some(max_calls), ..rounds(1) }
    }

    #[tokio::test]
    async fn calls_stop_and_go_on_without_asking_twice() {
        let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
        let report = evolve(&test, &endpoint, most(5)).await;
        assert_eq!((endpoint.requests(), report.spent.calls), (5, 5));
        assert!(report.stopped.as_deref().is_some_and(|reason| reason.contains("--max-calls 5")), "{report:?}");
        test.assert_sound().await;

        let report = evolve(&test, &endpoint, most(100)).await;
        assert_eq!((endpoint.requests(), report.stopped), (14, None), "every request once: seven to evolve, seven to score");
        let complete = TestStore::with_photos().await;
        evolve(&complete, &Endpoint::evolving(), rounds(1)).await;
        let items = "SELECT instruction_id, question, score, status FROM instructions ORDER BY instruction_id";
        assert_eq!(test.values(items).await, complete.values(items).await);
        test.assert_sound().await;
    }

    #[tokio::test]
    async fn no_call_at_all() {
        let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
        let report = evolve(&test, &endpoint, most(0)).await;
        assert_eq!((endpoint.requests(), report.spent.calls), (0, 0));
        assert!(report.stopped.is_some(), "{report:?}");
    }

    /// Verdicts that were never asked for, because the judge was gone, once counted as calls: the limit was said to be reached.
    #[tokio::test]
    async fn what_was_never_sent_uses_up_no_calls() {
        let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
        let refusing = Endpoint::start(|_| Behaviour::error(401, "the key has expired"));
        let judge = client_of(&refusing, "judge");
        judge.limit(Limits { concurrency: NonZeroUsize::new(1), ..Limits::default() });
        let evolution = Evolution::new(test.store.clone(), client(&endpoint)).judge(judge).settings(most(14));
        let report = evolution.run().await.unwrap();
        assert!(report.endpoint_lost.is_some(), "{report:?}");
        assert_eq!((report.spent.calls, report.spent.failed, report.stopped), (7, 7, None));
    }

    /// An answer without a sound item needs no verdict: half of the limit was left, and the next round began before this one was complete.
    #[tokio::test]
    async fn a_round_is_completed_before_the_next_begins() {
        let (test, endpoint) = (
            TestStore::with_photos().await,
            Endpoint::start(|body| match evolving(body) {
                Behaviour::Reply { text, .. } if !is_score(body) => {
                    Behaviour::reply(text.replace(" and give your reasons.", " at <bbx_1>."))
                }
                answer => answer,
            }),
        );
        let report = evolve(&test, &endpoint, Settings { rounds: 2, ..most(4) }).await;
        let begun = test.count("SELECT count(DISTINCT sample_id) FROM evolutions WHERE round = 1").await;
        let second = test.count("SELECT count(*) FROM evolutions WHERE round = 2").await;
        assert!(begun == 7 || second == 0, "round 2 began when {begun} of 7 samples had been through round 1: {report:?}");
        assert!(begun == 7 || report.stopped.is_some(), "it does not say that it stopped: {report:?}");
    }
}

mod choices {
    use super::*;

    #[tokio::test]
    async fn a_minimum_score() {
        let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
        evolve(&test, &endpoint, Settings { min_score: Some(8), ..rounds(1) }).await;
        let kept = test.values("SELECT min(score) AS least, count(*) AS n FROM instructions WHERE round = 1 AND status = 'kept'").await;
        assert!(kept[0]["least"].as_i64() >= Some(8) && kept[0]["n"].as_i64() > Some(0), "{kept:?}");
        let below = "SELECT count(*) FROM instructions WHERE round = 1 AND improved AND score < 8 AND status = 'eliminated' AND reason LIKE 'below the minimum score%'";
        assert_eq!(
            test.count(below).await,
            test.count("SELECT count(*) FROM instructions WHERE round = 1 AND improved AND score < 8").await
        );
    }

    #[tokio::test]
    async fn a_predicate() {
        let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
        let predicate = Some("source_id IN ('coins', 'coffee')".to_owned());
        let report = evolve(&test, &endpoint, Settings { predicate, ..rounds(1) }).await;
        assert_eq!((report.rounds[0].samples, endpoint.requests()), (2, 4));
        evolve(&test, &endpoint, rounds(1)).await;
        assert_eq!(endpoint.requests(), 14, "the rest is still due");
    }

    #[tokio::test]
    async fn text_only() {
        let (test, endpoint) = (TestStore::with_items(&[2, 3]).await, Endpoint::evolving());
        let skipped = evolve(&test, &endpoint, rounds(1)).await;
        assert_eq!((skipped.without_images, endpoint.requests()), (2, 0));
        let report = evolve(&test, &endpoint, Settings { text_only: true, ..rounds(1) }).await;
        assert_eq!((report.without_images, report.rounds[0].samples, report.rounds[0].generated), (0, 2, 5));
        assert!(endpoint.received().iter().all(|request| !request.body.to_string().contains("image_url")));
        test.assert_sound().await;
    }

    #[tokio::test]
    async fn very_many_items_are_split_over_requests() {
        let (test, endpoint) = (TestStore::with_items(&[292, 1]).await, Endpoint::evolving());
        let report = evolve(&test, &endpoint, Settings { text_only: true, ..rounds(1) }).await;
        assert_eq!((report.rounds[0].samples, report.rounds[0].evolutions, report.rounds[0].generated), (2, 20, 293));
        let parts = test.values("SELECT count(DISTINCT part) AS parts, sum(parents) AS parents, max(parents) AS most, min(parents) AS least FROM evolutions WHERE parents > 1").await;
        assert_eq!(parts, [json!({ "parts": 19, "parents": 292, "most": 16, "least": 15 })]);
        let children = "SELECT count(DISTINCT parent_id) FROM instructions WHERE round = 1";
        assert_eq!(test.count(children).await, 293, "each item was rewritten once, and is its own child's parent");
        assert_eq!(test.count("SELECT count(*) FROM instructions c JOIN instructions p ON c.parent_id = p.instruction_id WHERE NOT starts_with(c.question, p.question)").await, 0);
        test.assert_sound().await;
        // Every part has parents of its own, in the next round too.
        let report = evolve(&test, &endpoint, Settings { text_only: true, ..rounds(2) }).await;
        assert_eq!(report.rounds[1].samples, 2);
        let given = "SELECT sum(e.parents) FROM evolutions e JOIN evolutions p ON e.parent_evolution_id = p.evolution_id WHERE e.round = 2";
        assert_eq!(test.count(given).await, test.count("SELECT count(*) FROM instructions WHERE round = 1 AND status = 'kept'").await);
    }
}

mod repetition {
    use super::*;

    /// Every table without what names a run, a time or a duration.
    const TABLES: [(&str, &str); 5] = [
        ("images", "image_id, uri, format, width, height"),
        ("samples", "sample_id, source, source_id, image_ids, caption, objects"),
        (
            "instructions",
            "instruction_id, sample_id, evolution_id, parent_id, root_id, round, operator, position, question, answer, objects, skills, format, steps, improved, score, reason, faults, status",
        ),
        (
            "evolutions",
            "evolution_id, sample_id, round, part, attempt, parent_evolution_id, operator, status, error_kind, error, model, judge, parameters, prompt_id, judge_prompt_id, request_id, score_request_id, parents, generated, kept",
        ),
        (
            "calls",
            "request_id, kind, model, response, finish_reason, prompt_tokens, completion_tokens, cost_usd, attempts, http_status, error",
        ),
    ];

    async fn tables(seed: i64) -> Vec<Vec<Value>> {
        let test = TestStore::with_photos().await;
        let mut settings = rounds(2);
        settings.parameters.seed = seed;
        Evolution::new(test.store.clone(), Arc::new(RulesModel)).settings(settings).run().await.unwrap();
        let mut tables = Vec::new();
        for (table, columns) in TABLES {
            tables.push(test.values(&format!("SELECT {columns} FROM {table} ORDER BY 1")).await);
        }
        tables
    }

    #[tokio::test]
    async fn one_seed_gives_equal_tables_and_another_does_not() {
        let (first, second, other) = tokio::join!(tables(7), tables(7), tables(8));
        for ((table, _), (first, second)) in TABLES.iter().zip(first.iter().zip(&second)) {
            assert_eq!(first, second, "{table}");
        }
        assert_eq!(first[1], other[1], "samples do not depend on the seed");
        assert_ne!(first[2], other[2]);
    }

    /// The order in which seeds come, and what else is in the store, make no difference to a sample.
    #[tokio::test]
    async fn samples_do_not_depend_on_each_other() {
        let run = async |files: &[&str]| {
            let test = TestStore::empty().await;
            for file in files {
                Import::new(bundled_seeds()).source(*file).run(&test.store).await.unwrap();
            }
            Evolution::new(test.store.clone(), Arc::new(RulesModel)).settings(rounds(1)).run().await.unwrap();
            test.values("SELECT i.instruction_id, i.question, i.status FROM instructions i JOIN samples s ON i.sample_id = s.sample_id WHERE s.source = 'a' ORDER BY 1").await
        };
        assert_eq!(run(&["a"]).await, run(&["b", "a"]).await);
    }
}

#[test]
fn the_command_says_what_failed_and_how_to_go_on() {
    let workspace = Workspace::with_photos();
    let endpoint = Endpoint::start(|body| match prompt_of(body).contains("tabby cat") {
        true => Behaviour::reply("no"),
        false => evolving(body),
    });
    let url = endpoint.base_url();
    let evolve =
        |more: &[&str]| workspace.run_with_key(&[&["evolve", "--rounds", "1", "--model", "m", "--base-url", &url], more].concat(), KEY);
    workspace.assert_snapshot("evolve_no_calls", &evolve(&["--max-calls", "0"]));
    workspace.assert_snapshot("evolve_stopped", &evolve(&["--max-calls", "4"]));
    let run = evolve(&[]);
    assert!(!run.stderr.contains(KEY) && !run.stdout.contains(KEY));
    workspace.assert_snapshot("evolve_failed", &run);
    workspace.assert_snapshot("status_failed", &workspace.run(&["status"]));
    workspace.assert_snapshot("lineage_failed", &workspace.run(&["lineage", "chelsea"]));
    workspace.assert_snapshot("evolve_failed_again", &evolve(&["--failed"]));
}
