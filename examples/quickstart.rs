//! The whole loop as a library: import seeds, evolve them for three rounds, query what came about, export it.
//!
//! Run from the repository root: `cargo run --example quickstart`. It needs no key and no network.

use std::sync::Arc;

use mmevol::arrow::util::pretty::pretty_format_batches;
use mmevol::formats::export::ExportFormat;
use mmevol::model::rules::RulesModel;
use mmevol::{Evolution, Export, Import, Session, Store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let store = Store::create(directory.path().join("store")).await?;

    let imported = Import::new("examples/seeds/seed.json").source("bundled").run(&store).await?;
    println!("imported {} samples with {} instructions", imported.samples, imported.instructions);

    // The embedded model is rule-based; `model::openai::OpenAiModel` asks an endpoint.
    let evolved = Evolution::new(store.clone(), Arc::new(RulesModel)).run().await?;
    for round in &evolved.rounds {
        println!("round {}: {} generated, {} kept, {} eliminated", round.round, round.generated, round.kept, round.eliminated);
    }
    assert_eq!(evolved.rounds.len(), 3);

    let session = Session::builder().store(store.clone()).build().await?;
    let rows = session
        .collect(
            "SELECT operator, count(*) AS items, round(avg(score), 1) AS mean_score
             FROM history WHERE round > 0 AND status = 'kept' GROUP BY operator ORDER BY operator",
        )
        .await?;
    println!("{}", pretty_format_batches(&rows)?);

    let output = directory.path().join("llava.json");
    let manifest = Export::new(&output, ExportFormat::Llava).run(&store).await?;
    println!("exported {} instructions of {} samples", manifest.instructions, manifest.samples);
    assert_eq!(manifest.samples, imported.samples);
    Ok(())
}
