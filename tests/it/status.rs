//! What the library says of a store that evolves, as `mmevol status` prints it.

use mmevol::Evolution;
use mmevol::evolution::{CommonError, Settings, StatusFigure};
use serde_json::Value;

use crate::endpoint::{Behaviour, Endpoint};
use crate::stores::{TestStore, client};

#[tokio::test]
async fn what_failed_is_in_the_report_and_in_the_status() {
    let test = TestStore::with_photos().await;
    let endpoint = Endpoint::start(|_: &Value| Behaviour::reply("I would rather not."));
    let settings = Settings { rounds: 1, ..Settings::default() };
    let evolution = Evolution::new(test.store.clone(), client(&endpoint)).settings(settings);
    assert!(evolution.status().await.unwrap().has("waiting"));
    let troubles = evolution.run().await.unwrap().troubles;
    let Some(CommonError { error_kind, evolutions, .. }) = &troubles.commonest else { panic!("{troubles:?}") };
    assert_eq!((error_kind.as_str(), *evolutions), ("answer_no_json", 7));

    let status = evolution.status().await.unwrap();
    let figure = |round, state: &str, reason: Option<&str>| {
        let (state, reason) = (state.to_owned(), reason.map(str::to_owned));
        StatusFigure { round, state, reason, samples: 7 }
    };
    assert_eq!(status.figures, [figure(None, "samples", None), figure(Some(1), "failed", Some("answer_no_json"))]);
    assert!(status.has("failed") && !status.has("waiting"));
}
