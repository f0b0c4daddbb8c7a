//! Answers and verdicts that were cut off at `--max-tokens`, and what a higher limit costs.

use mmevol::Evolution;
use mmevol::evolution::{Due, Settings};
use mmevol::model::Parameters;

use super::{Asked, NOTHING, asked_since, evolutions, evolve, rounds};
use crate::endpoint::{Behaviour, Endpoint, evolving};
use crate::stores::{TestStore, client, client_of};

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
    // The rest of an answer was of no account here: the verdicts are known.
    assert_eq!(asked_since(&endpoint, asked), Asked { evolve: 7, score: 0 });
    let once_more = evolve(&test, &endpoint, limit(2000, Due::Stale)).await;
    assert_eq!(evolutions(&once_more), [0]);
    test.assert_sound().await;
}

/// An endpoint whose answers are cut off, and other ones, where they may have fewer than 1,000 tokens.
fn cutting_off() -> Endpoint {
    Endpoint::start(|body| {
        let evolves = body["response_format"]["json_schema"]["name"] == "evolved_instructions";
        let short = body["max_tokens"].as_u64().or(body["max_completion_tokens"].as_u64()).is_some_and(|most| most < 1000);
        match evolving(body) {
            Behaviour::Reply { text, usage, .. } if evolves && short => {
                Behaviour::Reply { text: text.replace("The image shows", "The photo shows"), finish_reason: "length", usage }
            }
            other => other,
        }
    })
}

fn limit(most: u32, due: Due) -> Settings {
    Settings { parameters: Parameters { max_tokens: most, ..Parameters::default() }, ..rounds(1, due) }
}

const CUT_OFF: &str = "SELECT count(*) FROM cut_off WHERE kind = 'evolve'";

/// Three calls reach two evolutions: both have their longer answer then, and of one the verdict is still to be asked for.
#[tokio::test]
async fn a_raise_that_was_stopped_goes_on() {
    let (test, endpoint) = (TestStore::with_photos().await, cutting_off());
    evolve(&test, &endpoint, limit(500, Due::New)).await;
    assert_eq!(test.count(CUT_OFF).await, 7);
    evolve(&test, &endpoint, Settings { max_calls: Some(3), ..limit(2000, Due::Stale) }).await;
    assert_eq!(test.count(CUT_OFF).await, 6);
    let asked = endpoint.requests();
    let report = evolve(&test, &endpoint, limit(2000, Due::Stale)).await;
    assert_eq!((evolutions(&report), asked_since(&endpoint, asked)), (vec![6], Asked { evolve: 5, score: 6 }));
    assert_eq!(test.count(CUT_OFF).await, 0);
    test.assert_sound().await;
}

/// Calls outlive a restore: what stands again was made from the answers of then, is judged by them, and is mended by the longer ones for nothing.
#[tokio::test]
async fn what_a_restore_brings_back_was_made_from_the_answers_of_then() {
    let (test, endpoint) = (TestStore::with_photos().await, cutting_off());
    evolve(&test, &endpoint, limit(500, Due::New)).await;
    evolve(&test, &endpoint, limit(2000, Due::Stale)).await;
    assert_eq!(test.count(CUT_OFF).await, 0);
    test.store.restore("run-2").await.unwrap();
    assert_eq!(test.count(CUT_OFF).await, 7);

    let judged = Evolution::new(test.store.clone(), client(&endpoint)).judge(client_of(&endpoint, "another-judge"));
    assert_eq!(evolutions(&judged.settings(limit(2000, Due::Judgements)).run().await.unwrap()), [7]);
    let of_longer = "SELECT count(*) FROM history WHERE round = 1 AND answer LIKE '%The image shows%'";
    assert_eq!((test.count(of_longer).await, test.count(CUT_OFF).await), (0, 7));

    let asked = endpoint.requests();
    assert_eq!(evolutions(&evolve(&test, &endpoint, limit(2000, Due::Stale)).await), [7]);
    assert_eq!((asked_since(&endpoint, asked), test.count(CUT_OFF).await), (NOTHING, 0));
    test.assert_sound().await;
}

/// What the verdicts were cut off of stays unjudged until they are asked for again; the answers that they are about are known.
#[tokio::test]
async fn verdicts_that_were_cut_off_are_asked_for_again_alone() {
    let endpoint = Endpoint::start(|body| {
        let scores = body["response_format"]["json_schema"]["name"] == "scored_instructions";
        let short = body["max_tokens"].as_u64().or(body["max_completion_tokens"].as_u64()).is_some_and(|most| most < 1000);
        match evolving(body) {
            Behaviour::Reply { text, usage, .. } if scores && short => {
                Behaviour::Reply { text: text[..text.len() / 2].to_owned(), finish_reason: "length", usage }
            }
            other => other,
        }
    });
    // Half of the verdicts on one item are none, and its evolution fails.
    let test = TestStore::with_items(&[4, 1]).await;
    let settings = |most, due| Settings { text_only: true, ..limit(most, due) };
    evolve(&test, &endpoint, settings(500, Due::New)).await;
    let unjudged = "SELECT count(*) FROM item_facts WHERE status = 'unjudged'";
    assert!(test.count(unjudged).await > 0);
    assert_eq!(test.count("SELECT count(*) FROM cut_off WHERE kind = 'score'").await, 2);
    let asked = endpoint.requests();
    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(500, Due::Stale)).await), [0]);
    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(2000, Due::Stale)).await), [2]);
    assert_eq!(asked_since(&endpoint, asked), Asked { evolve: 0, score: 2 });
    assert_eq!((test.count("SELECT count(*) FROM cut_off").await, test.count(unjudged).await), (0, 0));
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'failed'").await, 0);
    test.assert_sound().await;
}
