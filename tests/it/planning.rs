//! `evolve --dry-run`: what it foretells is what a run does, and it does nothing itself.

use std::fs;

use mmevol::Evolution;
use mmevol::evolution::{Due, Plan, PlannedRequests, Settings};
use mmevol::model::prices::PriceTable;
use mmevol::prompt::PromptLibrary;
use mmevol::store::LeftJournal;

use crate::endpoint::{Behaviour, Endpoint, evolving, prompt_of};
use crate::stores::{TestStore, client, client_of};

fn rounds(rounds: u32, due: Due) -> Settings {
    Settings { rounds, due, ..Settings::default() }
}

fn evolution(test: &TestStore, endpoint: &Endpoint, settings: Settings) -> Evolution {
    Evolution::new(test.store.clone(), client(endpoint)).settings(settings)
}

fn reasons(plan: &Plan) -> Vec<(u32, &str, u64)> {
    let mut reasons: Vec<(u32, &str, u64)> = Vec::new();
    for PlannedRequests { round, due, samples, .. } in &plan.requests {
        match reasons.iter_mut().find(|(other, reason, _)| (other, *reason) == (round, due)) {
            Some((.., sum)) => *sum += samples,
            None => reasons.push((*round, due, *samples)),
        }
    }
    reasons
}

/// Plans, and runs what was planned: exactly so many calls are made.
async fn keeps_its_word(test: &TestStore, endpoint: &Endpoint, evolution: Evolution) -> Plan {
    let (asked, catalog) = (endpoint.requests(), fs::read(test.store.root().join("catalog.json")).unwrap());
    let plan = evolution.plan().await.unwrap();
    assert_eq!(endpoint.requests(), asked, "a plan asks nothing");
    assert_eq!(fs::read(test.store.root().join("catalog.json")).unwrap(), catalog, "a plan writes nothing");
    let report = evolution.run().await.unwrap();
    assert_eq!((endpoint.requests() - asked) as u64, plan.total.calls(), "{plan:#?}");
    assert_eq!(report.spent.cached, plan.total.cached, "{plan:#?}");
    test.assert_sound().await;
    plan
}

#[tokio::test]
async fn what_is_new_is_asked_for_and_what_is_done_is_not() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    let plan = keeps_its_word(&test, &endpoint, evolution(&test, &endpoint, rounds(1, Due::New))).await;
    assert_eq!((reasons(&plan), plan.total.calls(), plan.total.cached), (vec![(1, "new", 7)], 14, 0));
    for due in [Due::New, Due::Failed, Due::Stale, Due::Judgements] {
        let plan = evolution(&test, &endpoint, rounds(1, due)).plan().await.unwrap();
        assert_eq!((plan.requests, plan.total.calls()), (vec![], 0), "{due:?}");
    }
}

#[tokio::test]
async fn later_rounds_follow() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    let plan = evolution(&test, &endpoint, rounds(3, Due::New)).plan().await.unwrap();
    assert_eq!(reasons(&plan), [(1, "new", 7), (2, "follows round 1", 7), (3, "follows round 1", 7)]);
    let (planned, report) = (plan.total.calls(), evolution(&test, &endpoint, rounds(3, Due::New)).run().await.unwrap());
    assert!(report.spent.calls + report.spent.cached <= planned, "{report:?}");
    // The operators of later rounds are drawn already.
    for round in 1..=3 {
        for planned in plan.requests.iter().filter(|planned| planned.round == round) {
            let drawn = format!("SELECT count(*) FROM evolutions WHERE round = {round} AND operator = '{}'", planned.operator);
            assert_eq!(test.count(&drawn).await.unsigned_abs(), planned.samples, "{planned:?}");
        }
    }
}

/// What a judge says of a sample's first round makes its later ones stale, or leaves them to the next such run.
#[tokio::test]
async fn judging_again_is_foretold_over_rounds() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolution(&test, &endpoint, rounds(2, Due::New)).run().await.unwrap();
    for judged in [7, 1] {
        let again = evolution(&test, &endpoint, rounds(2, Due::Judgements)).judge(client_of(&endpoint, "another-judge"));
        let plan = keeps_its_word(&test, &endpoint, again).await;
        assert_eq!(plan.total.score_requests, judged, "{plan:#?}");
    }
}

/// Puts an answer that a run would ask for into the journal, as a command does that is killed then.
async fn leave_an_answer(test: &TestStore) {
    let (other, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolution(&other, &endpoint, rounds(1, Due::New)).run().await.unwrap();
    let call = "SELECT request_id, kind, model, endpoint, max_tokens, response, finish_reason, attempts, run_id FROM calls \
                WHERE kind = 'evolve' ORDER BY request_id LIMIT 1";
    let mut call = other.values(call).await.remove(0);
    let mut writer = test.store.writer("test", serde_json::json!({})).await.unwrap();
    call["created_at"] = serde_json::json!(writer.started_at());
    writer.journal().unwrap().append(serde_json::from_value(call).unwrap()).await.unwrap();
}

/// Answers in `calls`, of a run that a limit stopped, and those in the journal, which nobody has published yet.
#[tokio::test]
async fn earlier_answers_cost_nothing() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    let limited = |most| Settings { max_calls: Some(most), ..rounds(1, Due::New) };
    leave_an_answer(&test).await;
    assert_eq!(test.count("SELECT count(*) FROM calls").await, 0, "the answer is in the journal");
    let plan = evolution(&test, &endpoint, rounds(1, Due::New)).plan().await.unwrap();
    assert_eq!((plan.total.cached, plan.total.calls(), plan.journal_unread), (1, 13, false));

    evolution(&test, &endpoint, limited(4)).run().await.unwrap();
    assert!(test.count("SELECT count(*) FROM calls").await > 0);
    keeps_its_word(&test, &endpoint, evolution(&test, &endpoint, rounds(1, Due::New))).await;
    assert_eq!(endpoint.requests(), 13);
}

#[tokio::test]
async fn why_it_is_due_is_said() {
    let (test, endpoint) = (
        TestStore::with_photos().await,
        Endpoint::start(|body| match prompt_of(body).contains("tabby cat") {
            true => Behaviour::reply("no"),
            false => evolving(body),
        }),
    );
    evolution(&test, &endpoint, rounds(1, Due::New)).run().await.unwrap();
    let failed = evolution(&test, &endpoint, rounds(1, Due::Failed)).plan().await.unwrap();
    assert_eq!(reasons(&failed), [(1, "failed", 1)]);

    let folder = tempfile::tempdir().unwrap();
    let score = fs::read_to_string(format!("{}/prompts/score.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    fs::write(folder.path().join("score.md"), score + "\nTake your time.\n").unwrap();
    let prompts = || PromptLibrary::with_directory(folder.path()).unwrap();
    let judgements = evolution(&test, &endpoint, rounds(1, Due::Judgements)).prompts(prompts());
    let plan = keeps_its_word(&test, &endpoint, judgements).await;
    assert_eq!((reasons(&plan), plan.total.evolve_requests, plan.total.score_requests), (vec![(1, "another judge", 6)], 0, 6));

    let embedded = evolution(&test, &endpoint, rounds(1, Due::Stale)).plan().await.unwrap();
    assert_eq!(reasons(&embedded), [(1, "stale: judge prompt", 6)]);
    assert_eq!((embedded.total.calls(), embedded.total.cached), (0, 12), "every answer is known: {embedded:#?}");

    let chosen = Settings { predicate: Some("source_id = 'coins'".into()), ..rounds(1, Due::Chosen) };
    let chosen = evolution(&test, &endpoint, chosen).plan().await.unwrap();
    assert_eq!((reasons(&chosen), chosen.total.calls()), (vec![(1, "chosen", 1)], 2));
}

#[tokio::test]
async fn cost_is_foretold_within_a_range() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.toml");
    fs::write(&path, "[models.test-model]\ninput = 1.0\noutput = 4.0\n").unwrap();
    let priced = |settings| evolution(&test, &endpoint, settings).prices(PriceTable::load(&path).unwrap());
    let plan = priced(rounds(2, Due::New)).plan().await.unwrap();
    let cost = plan.total.cost_usd.expect("the price is known");
    assert!(0.0 < cost.low && cost.low < cost.likely && cost.likely < cost.high, "{cost:?}");
    assert_eq!((plan.rates.evolve_calls, plan.rates.score_calls), (0, 0));
    let foretold = (cost.likely - (plan.total.prompt_tokens.likely + 4.0 * plan.total.completion_tokens.likely) / 1e6).abs();
    assert!(foretold < 1e-6, "{plan:#?}");
    assert!(evolution(&test, &endpoint, rounds(1, Due::New)).plan().await.unwrap().total.cost_usd.is_none(), "its price is not known");

    // Some fifty calls later the store itself knows what they take. Answers without a sound item need no verdict.
    priced(rounds(4, Due::New)).run().await.unwrap();
    let again = Settings { predicate: Some("round > 0".into()), ..rounds(4, Due::Chosen) };
    let plan = priced(again.clone()).plan().await.unwrap();
    let calls = async |kind: &str| test.count(&format!("SELECT count(*) FROM calls WHERE kind = '{kind}' AND error IS NULL")).await;
    let made = (calls("evolve").await.unsigned_abs(), calls("score").await.unsigned_abs());
    assert!(made.0 >= 20 && made.1 >= 20, "too few to tell: {made:?}");
    assert_eq!((plan.rates.evolve_calls, plan.rates.score_calls), made, "{plan:#?}");
    assert_eq!(plan.total.completion_tokens.likely, 100.0 * plan.total.calls() as f64, "the endpoint counts 100 for each answer");
    let report = priced(Settings { rounds: 1, ..again }).run().await.unwrap();
    let per_call = report.spent.prompt_tokens as f64 / report.spent.calls as f64;
    let foretold = plan.total.prompt_tokens.likely / plan.total.calls() as f64;
    assert!((0.5..2.0).contains(&(foretold / per_call)), "{foretold} a call, {per_call} came of it");
}

/// A writer that is at work keeps its answers to itself; a plan goes on without them, and says so.
#[tokio::test]
async fn a_store_that_is_written_to_can_be_planned_over() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    leave_an_answer(&test).await;
    let writer = test.store.writer("test", serde_json::json!({})).await.unwrap();
    let plan = evolution(&test, &endpoint, rounds(1, Due::New)).plan().await.unwrap();
    assert_eq!((plan.journal_unread, plan.total.cached, plan.total.calls()), (true, 0, 14));
    drop(writer);
    let plan = evolution(&test, &endpoint, rounds(1, Due::New)).plan().await.unwrap();
    assert_eq!((plan.journal_unread, plan.total.cached), (false, 1));
}

/// A plan may take long, and keeps no writer out meanwhile.
#[tokio::test]
async fn a_left_journal_that_is_looked_at_keeps_no_writer_out() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    leave_an_answer(&test).await;
    let left = test.store.left_journal("test").unwrap();
    assert!(matches!(&left, LeftJournal::Open(journal) if journal.len().unwrap() == 1), "{left:?}");
    drop(test.store.writer("test", serde_json::json!({})).await.unwrap());
    drop(left);
    let plan = evolution(&test, &endpoint, rounds(1, Due::New)).plan().await.unwrap();
    assert_eq!((plan.journal_unread, plan.total.cached), (false, 1), "it is still there");
}
