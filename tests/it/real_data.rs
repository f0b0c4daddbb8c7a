//! The large data beside the project, from import to export. Without it these tests say so and pass.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use mmevol::export::{Export, Rounds};
use mmevol::formats::export::ExportFormat;
use mmevol::import::{ImportReport, MissingImages};
use mmevol::model::rules::RulesModel;
use mmevol::{Evolution, Import};
use serde_json::{Value, json};

use crate::stores::{TestStore, shared_data};

#[tokio::test]
async fn coco_photos_through_three_rounds_and_every_export() {
    let Some(seeds) = shared_data("coco128/seed.json") else { return };
    let test = TestStore::empty().await;
    let report = test.import(&seeds).await;
    assert_eq!((report.samples, report.instructions), (128, 305));
    let again = test.import(&seeds).await;
    let nothing = ImportReport { records: 128, known_samples: 128, ..ImportReport::default() };
    assert_eq!(again, nothing);

    let report = Evolution::new(test.store.clone(), Arc::new(RulesModel)).run().await.unwrap();
    assert!(report.rounds.iter().all(|round| round.samples == 128 && round.kept > 64 && round.failed <= 3), "{report:?}");
    let failures = test.values("SELECT DISTINCT error_kind FROM evolutions WHERE status = 'failed'").await;
    assert!(failures.iter().all(|failure| failure["error_kind"] == "answer_no_items"), "{failures:?}");
    test.assert_sound().await;

    let items = test.count("SELECT count(*) FROM current").await.unsigned_abs();
    let folder = tempfile::tempdir().unwrap();
    for format in ExportFormat::ALL {
        let path = folder.path().join(format.name());
        let manifest = Export::new(&path, format).run(&test.store).await.unwrap();
        assert_eq!((manifest.samples, manifest.instructions), (128, items), "{}", format.name());
        assert!(fs::metadata(&path).unwrap().len() > 10_000);
    }
    let path = folder.path().join("all.json");
    let manifest = Export::new(&path, ExportFormat::Mmevol).rounds(Rounds::All).run(&test.store).await.unwrap();
    let records: Vec<Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let exported: usize = (0..=3)
        .flat_map(|round| records.iter().filter_map(move |record| record[format!("conversations_v{round}")].as_array()))
        .map(Vec::len)
        .sum();
    assert_eq!((records.len(), exported as u64), (128, manifest.instructions));
    assert_eq!(fs::read_dir(folder.path().join("images")).unwrap().count(), 128);
}

#[tokio::test]
async fn the_authors_seeds() {
    let Some(seeds) = shared_data("mmevol_demo/seeds.json") else { return };
    let test = TestStore::empty().await;
    let refused = Import::new(&seeds).run(&test.store).await.unwrap_err().to_string();
    assert!(refused.contains("record 1 ") && refused.contains("does not exist"), "{refused}");
    let import = || Import::new(&seeds).missing_images(MissingImages::Allow);
    let report = import().run(&test.store).await.unwrap();
    assert_eq!((report.samples, report.instructions, report.images, report.missing_images), (1612, 9878, 0, 1612));
    assert_eq!(test.count("SELECT sum(cardinality(objects)) FROM samples").await, 19_966);
    assert_eq!(import().run(&test.store).await.unwrap().known_samples, 1612);
    assert_eq!(test.count("SELECT count(*) FROM runs").await, 1);
    let plan = Evolution::new(test.store.clone(), Arc::new(RulesModel)).plan().await.unwrap();
    assert_eq!((plan.first_round(), plan.without_images), (None, 1612));
    test.assert_sound().await;
}

#[tokio::test]
async fn the_authors_history() {
    let (Some(seeds), Some(history)) = (shared_data("mmevol_demo/seeds.json"), shared_data("mmevol_demo/history.json")) else { return };
    let test = TestStore::empty().await;
    let import = |path| Import::new(path).missing_images(MissingImages::Allow).source("mmevol");
    let report = import(&history).run(&test.store).await.unwrap();
    assert_eq!((report.samples, report.evolutions <= 150), (50, true));
    let rounds = test.values("SELECT round, count(*) AS items FROM instructions WHERE status = 'kept' GROUP BY round ORDER BY round").await;
    let items: BTreeMap<i64, i64> = rounds.iter().map(|row| (row["round"].as_i64().unwrap(), row["items"].as_i64().unwrap())).collect();
    assert_eq!(items, BTreeMap::from([(0, 367), (1, 183), (2, 215), (3, 250)]));
    test.assert_sound().await;

    // The same samples come with the seeds: one source, one sample.
    let seeds = import(&seeds).run(&test.store).await.unwrap();
    assert_eq!((seeds.samples, seeds.known_samples), (1562, 50));
    let again = import(&history).run(&test.store).await.unwrap();
    assert_eq!((again.samples, again.evolutions), (0, 0));

    // The figures of docs/diversity.md.
    let told = "SELECT language(question) AS language, count(*) AS questions FROM (SELECT DISTINCT question FROM instructions) \
                GROUP BY language(question) ORDER BY questions DESC";
    let row = |language: Option<&str>, questions: i64| json!({ "language": language, "questions": questions });
    assert_eq!(test.values(told).await, [row(Some("en"), 8957), row(None, 56)]);
}
