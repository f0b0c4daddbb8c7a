//! Samples whose items take several requests: what a change, or a limit between them, leaves to do.

use mmevol::Evolution;
use mmevol::evolution::{Due, Settings};

use super::{evolutions, evolve, rounds};
use crate::endpoint::Endpoint;
use crate::stores::{TestStore, client, client_of};

fn settings(rounds_to_do: u32, due: Due) -> Settings {
    Settings { text_only: true, ..rounds(rounds_to_do, due) }
}

async fn has(test: &TestStore, endpoint: &Endpoint, state: &str) -> bool {
    Evolution::new(test.store.clone(), client(endpoint)).status().await.unwrap().has(state)
}

/// A plain run made the second of two parts beside the only one of before: some items had two lines of descent.
#[tokio::test]
async fn a_sample_that_grew_is_left_to_stale() {
    let (test, endpoint) = (TestStore::with_items(&[16]).await, Endpoint::evolving());
    evolve(&test, &endpoint, settings(2, Due::New)).await;
    test.import_items(&[17]).await;
    let asked = endpoint.requests();
    for due in [Due::New, Due::Failed] {
        assert_eq!(evolutions(&evolve(&test, &endpoint, settings(2, due)).await), [0, 0], "{due:?}");
    }
    assert_eq!(endpoint.requests(), asked);
    assert!(has(&test, &endpoint, "stale").await && !has(&test, &endpoint, "missing").await);

    let report = evolve(&test, &endpoint, settings(2, Due::Stale)).await;
    assert_eq!(report.rounds[0].evolutions, 2);
    assert_eq!(test.count("SELECT count(*) FROM stale").await, 0);
    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(2, Due::New)).await), [0, 0]);
    test.assert_sound().await;
}

/// It was paid for as stale, and `status` did not know of it.
#[tokio::test]
async fn a_part_that_a_limit_left_is_missing_and_not_stale() {
    let (test, endpoint) = (TestStore::with_items(&[17, 3]).await, Endpoint::evolving());
    let first = Settings { predicate: Some("source_id = 'sample-0'".into()), max_calls: Some(2), ..settings(1, Due::New) };
    assert_eq!(evolutions(&evolve(&test, &endpoint, first).await), [1]);
    let asked = endpoint.requests();
    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(1, Due::Stale)).await), [0]);
    assert_eq!(endpoint.requests(), asked);
    assert!(has(&test, &endpoint, "missing").await && !has(&test, &endpoint, "stale").await);

    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(1, Due::New)).await), [2]);
    assert!(!has(&test, &endpoint, "missing").await);
    test.assert_sound().await;
}

/// Of the new split, one part is made: what was made of the same items under the old one is replaced, and the same command goes on with the rest.
#[tokio::test]
async fn mending_a_sample_that_grew_goes_on_after_a_limit() {
    let (test, endpoint) = (TestStore::with_items(&[20]).await, Endpoint::evolving());
    evolve(&test, &endpoint, settings(1, Due::New)).await;
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status IN ('kept', 'eliminated')").await, 2);
    test.import_items(&[34]).await;
    let limited = Settings { max_calls: Some(2), ..settings(1, Due::Stale) };
    assert_eq!(evolutions(&evolve(&test, &endpoint, limited).await), [1]);
    // The old second part began with the eleventh item, and the new first one ends with the twelfth.
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'superseded'").await, 2);
    test.assert_sound().await;

    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(1, Due::Stale)).await), [2]);
    for due in [Due::Stale, Due::New] {
        assert_eq!(evolutions(&evolve(&test, &endpoint, settings(1, due)).await), [0], "{due:?}");
    }
    assert_eq!(test.count("SELECT count(*) FROM stale").await, 0);
    test.assert_sound().await;
}

/// The plan said that the second part falls away, though what is made of its items replaces it.
#[tokio::test]
async fn a_sample_that_shrank_is_planned_as_it_is_mended() {
    let (test, endpoint) = (TestStore::with_items(&[17]).await, Endpoint::evolving());
    evolve(&test, &endpoint, settings(1, Due::New)).await;
    test.import_items(&[16]).await;
    let plan = Evolution::new(test.store.clone(), client(&endpoint)).settings(settings(1, Due::Stale)).plan().await.unwrap();
    assert_eq!((plan.total.evolve_requests, plan.fallen_away), (1, 0));
    let report = evolve(&test, &endpoint, settings(1, Due::Stale)).await;
    assert_eq!((report.rounds[0].evolutions, report.rounds[0].fallen_away), (1, 0));
    assert_eq!(test.count("SELECT count(*) FROM evolutions WHERE status = 'superseded'").await, 2);
    test.assert_sound().await;
}

/// The verdicts were about items that it was not made from, and it no longer was stale.
#[tokio::test]
async fn what_was_made_of_other_content_is_not_judged_again() {
    let (test, endpoint) = (TestStore::with_items(&[3]).await, Endpoint::evolving());
    evolve(&test, &endpoint, settings(1, Due::New)).await;
    test.import_items(&[2]).await;
    let asked = endpoint.requests();
    let judged = || Evolution::new(test.store.clone(), client(&endpoint)).judge(client_of(&endpoint, "another-judge"));
    let report = judged().settings(settings(1, Due::Judgements)).run().await.unwrap();
    assert_eq!((evolutions(&report), endpoint.requests()), (vec![0], asked));
    assert_eq!(test.count("SELECT count(*) FROM stale").await, 1);

    assert_eq!(evolutions(&evolve(&test, &endpoint, settings(1, Due::Stale)).await), [1]);
    assert_eq!(evolutions(&judged().settings(settings(1, Due::Judgements)).run().await.unwrap()), [1]);
}
