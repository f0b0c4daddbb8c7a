//! What a change costs: for each kind of change, the requests that arrive at the endpoint.

use std::fs;

use mmevol::Evolution;
use mmevol::evolution::{Due, EvolutionReport, Settings};
use mmevol::model::Parameters;
use mmevol::prompt::PromptLibrary;
use serde_json::{Value, json};

use crate::command::bundled_seeds;
use crate::endpoint::{Behaviour, Endpoint, evolving};
use crate::stores::{TestStore, client};

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

/// An endpoint that cuts every answer off that may have fewer than 1,000 tokens.
#[tokio::test]
async fn a_raised_limit_asks_again_for_what_was_cut_off() {
    let endpoint = Endpoint::start(|body| {
        let evolves = body["response_format"]["json_schema"]["name"] == "evolved_instructions";
        let short = body["max_tokens"].as_u64().or(body["max_completion_tokens"].as_u64()).is_some_and(|most| most < 1000);
        match evolving(body) {
            Behaviour::Reply { text, usage, .. } if evolves && short => Behaviour::Reply { text, finish_reason: "length", usage },
            other => other,
        }
    });
    let test = TestStore::with_photos().await;
    let limit = |most, due| Settings { parameters: Parameters { max_tokens: most, ..Parameters::default() }, ..rounds(1, due) };
    evolve(&test, &endpoint, limit(500, Due::New)).await;
    let asked = endpoint.requests();
    let same = evolve(&test, &endpoint, limit(500, Due::Stale)).await;
    assert_eq!((endpoint.requests(), evolutions(&same)), (asked, vec![0]), "the same limit would cut them off again");
    let raised = evolve(&test, &endpoint, limit(2000, Due::Stale)).await;
    assert_eq!(evolutions(&raised), [7]);
    let once_more = evolve(&test, &endpoint, limit(2000, Due::Stale)).await;
    assert_eq!(evolutions(&once_more), [0]);
    test.assert_sound().await;
}
