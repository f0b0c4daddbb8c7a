//! `mmevol status`: what the store holds, what failed, is missing or stale and why, and how to go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::output::OutputOptions;
use super::report_format::FiguresFormat;
use super::table::{Column, TextTable};
use super::{evolve_command_of, hint, note, print_json_rows, print_line};
use crate::error::Result;
use crate::evolution::{StatusFigure, status};
use crate::prompt::PromptLibrary;
use crate::query::Session;
use crate::store::Store;

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
    output: FiguresFormat,
    /// Prompts of your own in place of the embedded ones, by file name: what was made with others is stale.
    #[arg(long, value_name = "DIR")]
    prompts: Option<PathBuf>,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let prompts = PromptLibrary::of(arguments.prompts.as_deref())?;
    let session = Session::builder().store(Store::open(store).await?).prompts(Arc::new(prompts)).build().await?;
    let status = status(&session).await?;
    if arguments.output == FiguresFormat::Json {
        return print_json_rows(&status.figures);
    }
    let drawing = table(&status.figures).draw(OutputOptions::for_stdout().width);
    print_line(drawing.text.trim_end())?;
    note("per round and operator: mmevol sql \"SELECT * FROM rounds\"");
    let command = evolve_command_of(&session).await?;
    for (_, advice, flags) in HINTS.iter().filter(|(states, ..)| states.iter().any(|state| status.has(state))) {
        hint(format_args!("{advice}: {command}{flags}"));
    }
    Ok(())
}

fn table(figures: &[StatusFigure]) -> TextTable {
    let columns = [("round", true), ("state", false), ("reason", false), ("samples", true)];
    let mut table = TextTable::new(columns.map(|(name, is_number)| Column { name: name.to_owned(), is_number }).into());
    let or_null = |cell: Option<String>| cell.unwrap_or_else(|| "NULL".to_owned());
    for StatusFigure { round, state, reason, samples } in figures {
        let round = round.map(|round| round.to_string());
        table.push(vec![or_null(round), state.clone(), or_null(reason.clone()), samples.to_string()]);
    }
    table
}
