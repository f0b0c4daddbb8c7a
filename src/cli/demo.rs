//! `mmevol demo`: the whole loop on the bundled photos, offline.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use include_dir::{Dir, include_dir};

use super::output::OutputFormat;
use super::{evolve, evolve_command, hint, import, note, print_query};
use crate::error::{Error, Result};
use crate::evolution::Evolution;
use crate::import::Import;
use crate::model::rules::RulesModel;
use crate::query::{Session, temporary_folder};
use crate::store::Store;

/// Seven free photos with boxes, captions and fifteen items.
static SEEDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/examples/seeds");

#[derive(Debug, Args)]
pub struct Arguments {}

pub async fn run(store: &Path, _arguments: Arguments) -> Result<()> {
    let seeds = temporary_folder()?;
    SEEDS.extract(seeds.path()).map_err(|cause| Error::io("write the bundled photos to", seeds.path(), cause))?;

    let store = Store::create(store).await?;
    check_no_other_samples(&store).await?;
    step("import 7 photos with their questions");
    let report = import::with_progress(Import::new(seeds.path().join("seed.json")).source("demo"), &store).await?;
    import::print_report(&report);

    step("evolve three rounds with 'rules', the embedded rule-based model (no key, no network)");
    let evolution = Evolution::new(store.clone(), Arc::new(RulesModel));
    let (report, interrupt) = evolve::with_progress(&evolution).await?;
    evolve::print_report(&report, &evolve_command(None))?;
    interrupt.check()?;

    let session = Session::builder().store(store.clone()).build().await?;
    step("what each round did: SELECT * FROM rounds ORDER BY round");
    let rounds = "SELECT round, operator, samples, generated, kept, round(yes_rate, 2) AS yes_rate, round(mean_score, 1) AS score FROM rounds ORDER BY round, operator";
    print_query(&session, rounds, OutputFormat::Table).await?;
    step("one question and what became of it");
    let chain = "SELECT h.round, h.operator, h.score, h.question FROM history h WHERE h.status = 'kept' AND h.root_id = \
         (SELECT root_id FROM current WHERE root_id IS NOT NULL ORDER BY round DESC, score DESC, instruction_id LIMIT 1) ORDER BY h.round LIMIT 6";
    print_query(&session, chain, OutputFormat::Table).await?;

    let name = store.root().display();
    note("");
    hint(format_args!("look around: mmevol --store {name} sql"));
    hint(format_args!("one photo's tree: mmevol --store {name} lineage astronaut"));
    hint(format_args!("for training: mmevol --store {name} export -o demo.json --format llava"));
    Ok(())
}

/// The rounds of a demo take up every sample of the store.
async fn check_no_other_samples(store: &Store) -> Result<()> {
    let session = match Session::builder().store(store.clone()).build().await {
        // A new one, in which nothing is published yet.
        Err(Error::NoStore { .. }) => return Ok(()),
        session => session?,
    };
    let batches = session.collect("SELECT source FROM samples WHERE source <> 'demo' LIMIT 1").await?;
    if batches.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(());
    }
    Err(Error::Argument {
        name: "--store".into(),
        message: format!("the store '{}' holds other samples than the demo's, which it would evolve with 'rules'", store.root().display()),
        hints: vec!["name a store for the demo alone: mmevol --store demo demo".to_owned()],
    })
}

fn step(text: &str) {
    const HEADING: anstyle::Style = anstyle::Style::new().bold();
    note(format_args!("\n{HEADING}{text}{HEADING:#}"));
}
