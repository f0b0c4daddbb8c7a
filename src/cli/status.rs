//! `mmevol status`: what the store holds, what failed, is missing or stale and why, and how to go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::record_batch::RecordBatch;
use clap::{Args, ValueEnum};

use super::output::{OutputFormat, OutputOptions, write_stream};
use super::{evolve_command_of, hint, note};
use crate::error::{Error, Result};
use crate::prompt::PromptLibrary;
use crate::query::{Session, Statement};
use crate::store::Store;

/// Every figure that `status` shows, one row each, so that it can be printed as one table or one JSON array.
const STATUS: Statement = Statement::new("status/status", include_str!("../../sql/status/status.sql"));

/// How to go on, each with the states it is for and the flags it takes.
const HINTS: [(&[&str], &str, &str); 5] = [
    (&["waiting"], "evolve what is waiting", ""),
    (&["missing"], "evolve what is missing", ", with the same flags"),
    (&["failed"], "try what failed again", " --failed, with the same flags"),
    (&["stale"], "mend what is stale", " --stale, with the same flags"),
    (&["cut off"], "ask for longer answers", " --stale --max-tokens N, with the same other flags"),
];

#[derive(Debug, Args)]
pub struct Arguments {
    /// How to print it.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    output: StatusFormat,
    /// Prompts of your own in place of the embedded ones, by file name: what was made with others is stale.
    #[arg(long, value_name = "DIR")]
    prompts: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StatusFormat {
    Table,
    Json,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let prompts = PromptLibrary::of(arguments.prompts.as_deref())?;
    let session = Session::builder().store(Store::open(store).await?).prompts(Arc::new(prompts)).build().await?;
    let format = match arguments.output {
        StatusFormat::Table => OutputFormat::Table,
        StatusFormat::Json => OutputFormat::Json,
    };
    let figures = session.collect(STATUS.text()).await?;
    let Some(first) = figures.first() else { return Err(Error::internal("failed to count samples", "the query gave no row")) };
    let (schema, rows) = (first.schema(), futures::stream::iter(figures.iter().cloned().map(Ok::<_, Error>)));
    write_stream(schema, rows, format, OutputOptions::for_stdout(), &mut std::io::stdout().lock()).await?;
    if arguments.output == StatusFormat::Table {
        note("per round and operator: mmevol sql \"SELECT * FROM rounds\"");
        let is_there = |state: &&str| figures.iter().any(|batch| has_state(batch, state));
        let command = evolve_command_of(&session).await?;
        for (_, advice, flags) in HINTS.iter().filter(|(states, ..)| states.iter().any(&is_there)) {
            hint(format_args!("{advice}: {command}{flags}"));
        }
    }
    Ok(())
}

fn has_state(figures: &RecordBatch, state: &str) -> bool {
    figures.column_by_name("state").is_some_and(|states| states.as_string::<i32>().iter().flatten().any(|other| other == state))
}
