//! What a change costs: for each kind of change, the requests that arrive at the endpoint.

mod parts;
mod raised_limits;
mod stale_parents;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mmevol::evolution::{Due, EvolutionReport, Settings};
use mmevol::import::ChangedRecords;
use mmevol::model::Parameters;
use mmevol::prompt::PromptLibrary;
use mmevol::{Evolution, Import};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::bundled_seeds;
use crate::endpoint::{Behaviour, Endpoint, evolving};
use crate::stores::{TestStore, client, client_of};

fn rounds(rounds: u32, due: Due) -> Settings {
    Settings { rounds, due, ..Settings::default() }
}

async fn evolve(test: &TestStore, endpoint: &Endpoint, settings: Settings) -> EvolutionReport {
    Evolution::new(test.store.clone(), client(endpoint)).settings(settings).run().await.unwrap()
}

/// The embedded prompts with one file changed.
fn edited(name: &str) -> PromptLibrary {
    let folder = tempfile::tempdir().unwrap();
    let original = fs::read_to_string(format!("{}/prompts/{name}.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    fs::write(folder.path().join(format!("{name}.md")), original + "\nTake your time.\n").unwrap();
    PromptLibrary::with_directory(folder.path()).unwrap()
}

async fn with_prompts(test: &TestStore, endpoint: &Endpoint, prompts: PromptLibrary, settings: Settings) -> EvolutionReport {
    Evolution::new(test.store.clone(), client(endpoint)).prompts(prompts).settings(settings).run().await.unwrap()
}

/// Requests to evolve and to score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    evolve: usize,
    score: usize,
}

/// What arrived at the endpoint after its first `before` requests.
fn asked_since(endpoint: &Endpoint, before: usize) -> Asked {
    let received = endpoint.received();
    let of =
        |name: &str| received[before..].iter().filter(|request| request.body["response_format"]["json_schema"]["name"] == name).count();
    Asked { evolve: of("evolved_instructions"), score: of("scored_instructions") }
}

/// The bundled seeds and their photos in a folder, to be changed and imported again.
struct Seeds {
    folder: TempDir,
    records: Vec<Value>,
}

impl Seeds {
    fn new() -> Seeds {
        let folder = tempfile::tempdir().unwrap();
        let images = std::path::Path::new(&bundled_seeds()).with_file_name("images");
        fs::create_dir(folder.path().join("images")).unwrap();
        for photo in fs::read_dir(images).unwrap().map(Result::unwrap) {
            fs::copy(photo.path(), folder.path().join("images").join(photo.file_name())).unwrap();
        }
        Seeds { folder, records: serde_json::from_str(&fs::read_to_string(bundled_seeds()).unwrap()).unwrap() }
    }

    async fn import(&self, test: &TestStore) {
        let path = self.folder.path().join("seeds.json");
        fs::write(&path, json!(self.records).to_string()).unwrap();
        Import::new(path).changed_records(ChangedRecords::Update).run(&test.store).await.unwrap();
    }
}

fn evolutions(report: &EvolutionReport) -> Vec<u64> {
    report.rounds.iter().map(|round| round.evolutions).collect()
}

#[tokio::test]
async fn nothing_changed_costs_nothing_whatever_is_asked_for() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(2, Due::New)).await;
    let asked = endpoint.requests();
    for due in [Due::New, Due::Failed, Due::Stale, Due::Judgements] {
        let report = evolve(&test, &endpoint, rounds(2, due)).await;
        assert_eq!((endpoint.requests(), evolutions(&report)), (asked, vec![0, 0]), "{due:?}");
    }
    assert_eq!(test.count("SELECT count(*) FROM stale").await, 0);
}

#[tokio::test]
async fn an_edited_prompt_touches_its_operator_and_what_descends_from_it() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(1, Due::New)).await;
    let of =
        |operator: &str| format!("SELECT count(*) FROM evolutions WHERE round = 1 AND status <> 'superseded' AND operator = '{operator}'");
    let interactions = test.count(&of("interaction")).await;
    assert!((1..7).contains(&interactions), "the draw has changed: {interactions}");

    let asked = endpoint.requests();
    let report = with_prompts(&test, &endpoint, edited("interaction"), rounds(1, Due::Stale)).await;
    assert_eq!(evolutions(&report), [interactions.unsigned_abs()]);
    // The endpoint gives the same rewritten items again, so the verdicts on them are known.
    assert_eq!(endpoint.requests() - asked, interactions.unsigned_abs() as usize);
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'superseded' AND operator <> 'interaction'").await, 0);
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'superseded'").await, interactions);
    test.assert_sound().await;
}

#[tokio::test]
async fn another_score_prompt_costs_only_judging() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(1, Due::New)).await;
    let asked = endpoint.requests();
    let report = with_prompts(&test, &endpoint, edited("score"), rounds(1, Due::Judgements)).await;
    assert_eq!((endpoint.requests() - asked, evolutions(&report)), (7, vec![7]));
    let received = endpoint.received();
    let schemas: Vec<&Value> = received[asked..].iter().map(|request| &request.body["response_format"]["json_schema"]["name"]).collect();
    assert!(schemas.iter().all(|name| **name == json!("scored_instructions")), "{schemas:?}");
    let again = with_prompts(&test, &endpoint, edited("score"), rounds(1, Due::Judgements)).await;
    assert_eq!((endpoint.requests() - asked, evolutions(&again)), (7, vec![0]));
    test.assert_sound().await;
}

#[tokio::test]
async fn chosen_evolutions_are_made_again_for_other_answers() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(1, Due::New)).await;
    let asked = endpoint.requests();
    let chosen = Settings { predicate: Some("round = 1 AND source_id = 'coffee'".into()), ..rounds(1, Due::Chosen) };
    let report = evolve(&test, &endpoint, chosen).await;
    assert_eq!(evolutions(&report), [1]);
    let evolve_requests = endpoint.received()[asked..]
        .iter()
        .filter(|request| request.body["response_format"]["json_schema"]["name"] == "evolved_instructions")
        .count();
    assert_eq!(evolve_requests, 1, "another answer is asked for");
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'superseded'").await, 1);
    test.assert_sound().await;
}

#[tokio::test]
async fn new_seeds_alone_are_evolved() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(1, Due::New)).await;
    let asked = endpoint.requests();
    let photos = std::path::Path::new(&bundled_seeds()).with_file_name("images");
    let seeds: Vec<Value> = serde_json::from_str(&fs::read_to_string(bundled_seeds()).unwrap()).unwrap();
    let mut seed = seeds[0].clone();
    for key in ["id", "hash_id"] {
        if seed.get(key).is_some() {
            seed[key] = json!("one-more");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("more.json");
    fs::write(&path, json!([seed]).to_string()).unwrap();
    mmevol::Import::new(path).images(photos).run(&test.store).await.unwrap();
    let report = evolve(&test, &endpoint, rounds(1, Due::New)).await;
    assert_eq!(evolutions(&report), [1]);
    assert!(endpoint.requests() - asked <= 2);
    test.assert_sound().await;
}

/// The retry was stopped after one of two samples: the same command goes on with both in the next round, and a plain one with neither.
#[tokio::test]
async fn a_retry_that_was_stopped_goes_on_in_later_rounds() {
    let (failing, test) = (Arc::new(AtomicBool::new(true)), TestStore::with_items(&[2, 2]).await);
    let switch = Arc::clone(&failing);
    let endpoint = Endpoint::start(move |body| match switch.load(Ordering::Relaxed) {
        true => Behaviour::reply("I cannot."),
        false => match evolving(body) {
            Behaviour::Reply { text, finish_reason, usage } => {
                Behaviour::Reply { text: text.replace("\"improved\": \"no\"", "\"improved\": \"yes\""), finish_reason, usage }
            }
            other => other,
        },
    });
    let settings = |rounds_to_do, due| Settings { text_only: true, ..rounds(rounds_to_do, due) };
    evolve(&test, &endpoint, settings(1, Due::New)).await;
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'failed'").await, 2);
    failing.store(false, Ordering::Relaxed);
    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(2, Due::New)).await), [0, 2]);

    let stopped = evolve(&test, &endpoint, Settings { max_calls: Some(2), ..settings(2, Due::Failed) }).await;
    assert_eq!(evolutions(&stopped), [1]);
    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(2, Due::New)).await), [0, 0], "what is stale is left alone");
    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(2, Due::Failed)).await), [1, 2]);
    assert_eq!(test.count("SELECT count(*) FROM stale").await, 0);
    test.assert_sound().await;
}

/// A sample whose items take two requests loses half of them.
#[tokio::test]
async fn parts_that_fell_away_are_superseded() {
    let (test, endpoint) = (TestStore::with_items(&[20]).await, Endpoint::evolving());
    let settings = |due| Settings { text_only: true, ..rounds(2, due) };
    evolve(&test, &endpoint, settings(Due::New)).await;
    test.import_items(&[10]).await;
    let report = evolve(&test, &endpoint, settings(Due::Stale)).await;
    assert_eq!((evolutions(&report), report.rounds[0].fallen_away), (vec![1, 1], 1));
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE part = 1 AND status <> 'superseded'").await, 0);
    assert_eq!(test.count("SELECT count(*) FROM stale").await, 0);
    let asked = endpoint.requests();
    evolve(&test, &endpoint, settings(Due::Stale)).await;
    assert_eq!(endpoint.requests(), asked);
    test.assert_sound().await;
}

/// One of two parts keeps nothing when it is made again: what was made of its former items has no place, and nothing is to be asked for.
#[tokio::test]
async fn what_descends_from_a_part_that_kept_nothing_is_superseded() {
    let (disliked, test) = (Arc::new(AtomicBool::new(false)), TestStore::with_items(&[20]).await);
    let switch = Arc::clone(&disliked);
    let endpoint = Endpoint::start(move |body| match evolving(body) {
        Behaviour::Reply { text, finish_reason, usage } if switch.load(Ordering::Relaxed) => {
            Behaviour::Reply { text: text.replace("\"improved\": \"yes\"", "\"improved\": \"no\""), finish_reason, usage }
        }
        other => other,
    });
    let settings = |rounds_to_do, due| Settings { text_only: true, ..rounds(rounds_to_do, due) };
    evolve(&test, &endpoint, settings(2, Due::New)).await;
    disliked.store(true, Ordering::Relaxed);
    let second_part = "round = 1 AND evolution_id IN (SELECT evolution_id FROM evolutions WHERE part = 1)";
    // Under another seed its requests are new, and so are the answers that the judge sees.
    let parameters = Parameters { seed: 7, ..Parameters::default() };
    evolve(&test, &endpoint, Settings { predicate: Some(second_part.into()), parameters, ..settings(1, Due::Chosen) }).await;
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE round = 1 AND status = 'eliminated'").await, 1);
    assert_eq!(test.count("SELECT count(*) FROM stale WHERE round = 2").await, 1);

    let asked = endpoint.requests();
    let plan = Evolution::new(test.store.clone(), client(&endpoint)).settings(settings(2, Due::Stale)).plan().await.unwrap();
    assert_eq!((plan.requests, plan.fallen_away), (vec![], 1));
    let report = evolve(&test, &endpoint, settings(2, Due::Stale)).await;
    assert_eq!((endpoint.requests(), evolutions(&report), report.rounds[1].fallen_away), (asked, vec![0, 0], 1));
    assert_eq!(test.count("SELECT count(*) FROM stale").await, 0);
    let former = "SELECT count(*) FROM current c JOIN evolutions e ON c.evolution_id = e.evolution_id \
                  JOIN evolutions p ON e.parent_evolution_id = p.evolution_id WHERE p.status = 'superseded'";
    assert_eq!(test.count(former).await, 0);
    test.assert_sound().await;
}

/// A store in which the seeds went through two rounds, and what each due work costs after the seeds have changed.
async fn after_a_change(change: impl FnOnce(&mut Seeds)) -> [Asked; 3] {
    let (test, endpoint, mut seeds) = (TestStore::empty().await, Endpoint::evolving(), Seeds::new());
    seeds.import(&test).await;
    evolve(&test, &endpoint, rounds(2, Due::New)).await;
    change(&mut seeds);
    seeds.import(&test).await;
    let mut costs = Vec::new();
    for due in [Due::New, Due::Stale, Due::Stale] {
        let before = endpoint.requests();
        evolve(&test, &endpoint, rounds(2, due)).await;
        costs.push(asked_since(&endpoint, before));
        test.assert_sound().await;
    }
    assert_eq!(test.count("SELECT count(*) FROM stale").await, 0);
    costs.try_into().unwrap()
}

const NOTHING: Asked = Asked { evolve: 0, score: 0 };

/// A second round. One sample kept nothing in the first: it is rewritten from the same items, comes out the same, and its verdicts are known.
const NEW_ROUND: Asked = Asked { evolve: 7, score: 6 };

/// In both rounds the requests show the caption, and no other sample's do.
#[tokio::test]
async fn a_changed_caption_costs_its_sample() {
    let costs = after_a_change(|seeds| seeds.records[0]["caption"] = json!("Something else is to be seen.")).await;
    assert_eq!(costs, [NOTHING, Asked { evolve: 2, score: 2 }, NOTHING]);
}

#[tokio::test]
async fn a_replaced_image_costs_its_sample() {
    let costs = after_a_change(|seeds| {
        let images = seeds.folder.path().join("images");
        fs::copy(images.join("coffee.jpg"), images.join("coins.jpg")).unwrap();
    });
    assert_eq!(costs.await, [NOTHING, Asked { evolve: 2, score: 2 }, NOTHING]);
}

/// Its requests are new in round 1; in round 2 they are what they were if its children are.
#[tokio::test]
async fn a_changed_answer_costs_its_sample() {
    let costs = after_a_change(|seeds| {
        seeds.records[0]["conversations_v0"][0]["answer"] = json!("Nobody can tell.");
    });
    assert_eq!(costs.await, [NOTHING, Asked { evolve: 2, score: 2 }, NOTHING]);
}

/// What flags say is no staleness: what was made stays, and is made anew only where that is asked for.
#[tokio::test]
async fn another_model_costs_what_is_chosen() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(1, Due::New)).await;
    let with_another = async |due, predicate: Option<&str>| {
        let before = endpoint.requests();
        let settings = Settings { predicate: predicate.map(str::to_owned), ..rounds(1, due) };
        Evolution::new(test.store.clone(), client_of(&endpoint, "another-model")).settings(settings).run().await.unwrap();
        asked_since(&endpoint, before)
    };
    assert_eq!(with_another(Due::New, None).await, NOTHING);
    assert_eq!(with_another(Due::Stale, None).await, NOTHING);
    assert_eq!(with_another(Due::Chosen, Some("round = 1 AND source_id = 'coffee'")).await, Asked { evolve: 1, score: 1 });
    // The one that was made by the other model was judged by it, too.
    assert_eq!(with_another(Due::Judgements, None).await, Asked { evolve: 0, score: 6 });
    assert_eq!(with_another(Due::Judgements, None).await, NOTHING);
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE model = 'another-model' AND status <> 'superseded'").await, 1);
    test.assert_sound().await;
}

#[tokio::test]
async fn another_judge_costs_its_verdicts() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(2, Due::New)).await;
    let judged_by = async |judge: &str, rounds_to_judge, due| {
        let before = endpoint.requests();
        let evolution = Evolution::new(test.store.clone(), client(&endpoint)).judge(client_of(&endpoint, judge));
        evolution.settings(rounds(rounds_to_judge, due)).run().await.unwrap();
        asked_since(&endpoint, before)
    };
    assert_eq!(judged_by("another-judge", 2, Due::New).await, NOTHING);
    assert_eq!(judged_by("another-judge", 2, Due::Stale).await, NOTHING);
    // The first round's attempts are replaced by ones with other verdicts; the second round rests on those, and follows as stale.
    assert_eq!(judged_by("another-judge", 2, Due::Judgements).await, Asked { evolve: 0, score: 7 });
    assert_eq!(test.count("SELECT count(*) FROM stale WHERE reason = 'parent' AND round = 2").await, 6);
    assert_eq!(judged_by("another-judge", 2, Due::Stale).await, Asked { evolve: 0, score: 6 }, "the rewritten items are known");
    assert_eq!(test.count("SELECT count(*) FROM stale").await, 0);
    assert_eq!(judged_by("another-judge", 2, Due::Judgements).await, NOTHING);
    assert_eq!(judged_by("test-model", 1, Due::Judgements).await, NOTHING, "the first judge's verdicts are known");
    test.assert_sound().await;
}

/// Judging round 1 anew makes what descends from it stale, round 3 through round 2: verdicts on that would be paid for in vain.
#[tokio::test]
async fn what_judging_made_stale_is_not_judged() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(3, Due::New)).await;
    let judge = async || {
        let before = endpoint.requests();
        let evolution = Evolution::new(test.store.clone(), client(&endpoint)).judge(client_of(&endpoint, "another-judge"));
        evolution.settings(rounds(3, Due::Judgements)).run().await.unwrap();
        asked_since(&endpoint, before)
    };
    assert_eq!(judge().await, Asked { evolve: 0, score: 7 });
    assert_eq!((judge().await, judge().await), (NOTHING, NOTHING));
    let in_vain = "SELECT count(*) FROM evolutions WHERE status <> 'superseded' AND judge = 'another-judge' \
                   AND evolution_id IN (SELECT evolution_id FROM stale WHERE reason = 'parent')";
    assert_eq!(test.count(in_vain).await, 0);
    test.assert_sound().await;
}

#[tokio::test]
async fn another_seed_costs_what_is_chosen() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(1, Due::New)).await;
    let seeded = async |rounds_to_do, due, predicate: Option<&str>| {
        let before = endpoint.requests();
        let parameters = Parameters { seed: 7, ..Parameters::default() };
        let settings = Settings { parameters, predicate: predicate.map(str::to_owned), ..rounds(rounds_to_do, due) };
        evolve(&test, &endpoint, settings).await;
        asked_since(&endpoint, before)
    };
    assert_eq!(seeded(1, Due::New, None).await, NOTHING);
    assert_eq!(seeded(1, Due::Stale, None).await, NOTHING);
    assert_eq!(seeded(1, Due::Judgements, None).await, NOTHING);
    assert_eq!(seeded(1, Due::Chosen, Some("round = 1")).await, Asked { evolve: 7, score: 7 });
    assert_eq!(seeded(2, Due::New, None).await, NEW_ROUND, "a new round is made under the new seed");
    test.assert_sound().await;
}

/// Weights are for what is new: an attempt at the same keeps its direction unless another answer is wanted.
#[tokio::test]
async fn other_weights_cost_what_is_chosen() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    evolve(&test, &endpoint, rounds(1, Due::New)).await;
    let weighted = async |rounds_to_do, due, predicate: Option<&str>| {
        let before = endpoint.requests();
        let (operators, predicate) = ("interaction=1".parse().unwrap(), predicate.map(str::to_owned));
        evolve(&test, &endpoint, Settings { operators, predicate, ..rounds(rounds_to_do, due) }).await;
        asked_since(&endpoint, before)
    };
    assert_eq!(weighted(1, Due::New, None).await, NOTHING);
    assert_eq!(weighted(1, Due::Stale, None).await, NOTHING);
    let others = test.count("SELECT count(*) FROM evolutions WHERE operator <> 'interaction'").await;
    assert!((1..=7).contains(&others), "the draw has changed: {others}");
    let cost = weighted(1, Due::Chosen, Some("round = 1 AND operator <> 'interaction'")).await;
    assert_eq!(cost.evolve, others.unsigned_abs() as usize);
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE operator <> 'interaction' AND status <> 'superseded'").await, 0);
    assert_eq!(weighted(2, Due::New, None).await, NEW_ROUND);
    test.assert_sound().await;
}
