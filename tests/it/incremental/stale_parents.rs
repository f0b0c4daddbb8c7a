//! What is stale where a round begins, and where `--rounds` ends: it is told before it is paid for twice.

use mmevol::Evolution;
use mmevol::evolution::{Due, EvolutionReport, Settings};

use super::{edited, rounds};
use crate::endpoint::Endpoint;
use crate::stores::{TestStore, client};

fn evolution(test: &TestStore, endpoint: &Endpoint, settings: Settings) -> Evolution {
    Evolution::new(test.store.clone(), client(endpoint)).prompts(edited("interaction")).settings(settings)
}

fn stale_parents(report: &EvolutionReport) -> Vec<u64> {
    report.rounds.iter().map(|round| round.stale_parents).collect()
}

#[tokio::test]
async fn going_on_from_stale_parents_is_told() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    Evolution::new(test.store.clone(), client(&endpoint)).settings(rounds(1, Due::New)).run().await.unwrap();
    let unchanged = Evolution::new(test.store.clone(), client(&endpoint)).settings(rounds(2, Due::New)).plan().await.unwrap();
    assert_eq!((unchanged.stale_parents, unchanged.total.calls() > 0), (0, true));

    let kept = "SELECT count(*) FROM evolutions WHERE round = 1 AND status = 'kept' AND operator = 'interaction'";
    let stale = test.count(kept).await.unsigned_abs();
    assert!((1..7).contains(&stale), "the draw has changed: {stale}");
    let going_on = evolution(&test, &endpoint, rounds(2, Due::New));
    assert_eq!(going_on.plan().await.unwrap().stale_parents, stale);
    let progress = going_on.progress();
    assert_eq!(stale_parents(&going_on.run().await.unwrap()), [0, stale]);
    assert_eq!(progress.stale_parents(), stale);
    // Where nothing is due, nothing is counted.
    assert_eq!(stale_parents(&going_on.run().await.unwrap()), [0, 0]);
}

#[tokio::test]
async fn what_is_stale_beyond_the_last_round_is_told() {
    let (test, endpoint) = (TestStore::with_photos().await, Endpoint::evolving());
    Evolution::new(test.store.clone(), client(&endpoint)).settings(rounds(2, Due::New)).run().await.unwrap();
    let mending = evolution(&test, &endpoint, rounds(1, Due::Stale));
    let planned = mending.plan().await.unwrap().stale_beyond;
    assert!(planned > 0, "nothing of the second round is stale");
    assert_eq!(mending.run().await.unwrap().stale_beyond, planned);
    let rest = evolution(&test, &endpoint, rounds(2, Due::Stale)).run().await.unwrap();
    assert_eq!(rest.stale_beyond, 0);
    test.assert_sound().await;
}
