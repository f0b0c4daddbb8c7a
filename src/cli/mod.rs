//! The command line: one file per command. A command takes its arguments, prints data to standard output and everything else to standard
//! error, and gives back an error or nothing; only `main` renders errors.

mod audit;
mod check;
mod dedup;
mod demo;
mod diff;
mod embed;
mod evolve;
mod export;
mod import;
mod interrupt;
mod lineage;
mod models;
pub mod output;
pub mod progress;
mod prompts;
mod report;
mod report_format;
mod restore;
pub mod shell;
mod spent;
mod sql;
mod stats;
mod status;
pub mod table;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::error::{Error, ErrorKind, Result};
use crate::evolution::standing_models;
use crate::model::rules::RulesModel;
use crate::query::Session;
use crate::store::Store;
use output::{OutputError, OutputFormat, OutputOptions, write_stream};

/// The store where none is named.
const DEFAULT_STORE: &str = "mmevol-store";

/// Evolve image-text instruction data, and query how it came about.
///
/// Seeds and evolved instructions live in a store: a directory of Lance tables. Every command reads or writes one.
#[derive(Debug, Parser)]
#[command(name = "mmevol", version, max_term_width = 100)]
pub struct Cli {
    /// The store's directory.
    #[arg(long, global = true, env = "MMEVOL_STORE", value_name = "DIR", default_value = DEFAULT_STORE)]
    store: PathBuf,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole loop on the bundled photos, offline, with the embedded rule-based model.
    Demo(demo::Arguments),
    /// Add a seed file and its images to the store.
    Import(import::Arguments),
    /// Rewrite, judge and keep or eliminate, round after round.
    Evolve(evolve::Arguments),
    /// Turn the texts of instructions into vectors.
    Embed(embed::Arguments),
    /// Say what the store holds, what failed or is stale, and how to go on.
    Status(status::Arguments),
    /// Run SQL, or open a shell.
    Sql(sql::Arguments),
    /// Draw the tree of a sample or an instruction, from seed to leaf.
    Lineage(lineage::Arguments),
    /// Compare two states of the store, per round and operator.
    Diff(diff::Arguments),
    /// Find what says the same twice, and mark it.
    Dedup(dedup::Arguments),
    /// Make the dataset what it was, as a new state.
    Restore(restore::Arguments),
    /// Say what the dataset is like: diversity and quality, as tables.
    Stats(stats::Arguments),
    /// Draw what the dataset is like, as one self-contained page.
    Report(report::Arguments),
    /// Draw items to check by hand, and read the verdicts.
    Audit(audit::Arguments),
    /// Write the kept instructions in a training format.
    Export(export::Arguments),
    /// List the prompts, or show one.
    Prompts(prompts::Arguments),
    /// Check what must always hold of a store.
    Check(check::Arguments),
}

/// An argument as it is parsed. SQL that begins with a comment would be taken for a flag, which never has a blank or a line break in its name; a
/// blank before it says that it is none.
pub fn sql_or_flag(argument: OsString) -> OsString {
    let name = argument.to_str().and_then(|text| text.strip_prefix("--")).and_then(|rest| rest.split('=').next());
    match name.is_some_and(|name| name.starts_with(char::is_whitespace) || name.contains('\n')) {
        true => [OsString::from(" "), argument].into_iter().collect(),
        false => argument,
    }
}

/// Runs a command.
///
/// # Errors
/// Whatever the command fails with; [`exit_code`] and [`print_error`] are for `main`.
pub async fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Demo(arguments) => demo::run(&cli.store, arguments).await,
        Command::Import(arguments) => import::run(&cli.store, arguments).await,
        Command::Evolve(arguments) => evolve::run(&cli.store, arguments).await,
        Command::Embed(arguments) => embed::run(&cli.store, arguments).await,
        Command::Status(arguments) => status::run(&cli.store, arguments).await,
        Command::Sql(arguments) => sql::run(&cli.store, arguments).await,
        Command::Lineage(arguments) => lineage::run(&cli.store, arguments).await,
        Command::Diff(arguments) => diff::run(&cli.store, arguments).await,
        Command::Dedup(arguments) => dedup::run(&cli.store, arguments).await,
        Command::Restore(arguments) => restore::run(&cli.store, arguments).await,
        Command::Stats(arguments) => stats::run(&cli.store, arguments).await,
        Command::Report(arguments) => report::run(&cli.store, arguments).await,
        Command::Audit(arguments) => audit::run(&cli.store, arguments).await,
        Command::Export(arguments) => export::run(&cli.store, arguments).await,
        Command::Prompts(arguments) => prompts::run(arguments),
        Command::Check(arguments) => check::run(&cli.store, arguments).await,
    }
}

/// 1 when the user can fix it, 2 when something failed; 128 and its number when a signal stopped it.
pub fn exit_code(error: &Error) -> u8 {
    if let Error::Interrupted { exit_code, .. } = error {
        return *exit_code;
    }
    match error.kind() {
        ErrorKind::User => 1,
        ErrorKind::Failure => 2,
    }
}

/// Prints an error, its causes and its hints to standard error.
pub fn print_error(error: &Error) {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(current) = cause {
        let text = current.to_string();
        // Many libraries repeat their cause in their own message.
        if !message.contains(&text) {
            message += &format!("\n  caused by: {text}");
        }
        cause = current.source();
    }
    shell::BackendError { message, position: None, hints: error.hints(), kind: error.kind() }.print();
}

/// A session over a store that must exist.
async fn open_session(store: &std::path::Path) -> Result<Session> {
    Session::builder().store(Store::open(store).await?).build().await
}

/// Runs a query and prints its rows; `None` for a statement that has no result, such as `CREATE VIEW`.
async fn print_query(session: &Session, sql: &str, format: OutputFormat) -> Result<Option<output::RowCount>> {
    use futures::TryStreamExt;

    let rows = session.stream(sql).await?;
    let schema = rows.schema();
    let has_columns = !schema.fields().is_empty();
    let rows = rows.map_err(|cause| session.explain(cause, sql));
    let count = write_stream(schema, rows, format, OutputOptions::for_stdout(), &mut std::io::stdout().lock()).await?;
    Ok(has_columns.then_some(count))
}

impl From<OutputError> for Error {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Write(cause) => Error::io("write", "standard output", cause),
            OutputError::Format(cause) => Error::internal("failed to print the result", cause),
        }
    }
}

/// The command that evolves, as hints show it. Without a name it is the embedded model's.
fn evolve_command(model: Option<&str>) -> String {
    model.map_or_else(|| "mmevol evolve".into(), |model| format!("mmevol evolve --model {model}"))
}

/// The command that evolves a store as before: with the model of its latest run, unless the embedded one did everything.
async fn evolve_command_of(session: &Session) -> Result<String> {
    let models = standing_models(session).await?;
    let is_named = models.iter().any(|model| model != RulesModel::NAME);
    Ok(evolve_command(models.first().map(String::as_str).filter(|_| is_named)))
}

/// Prints a note to standard error.
fn note(text: impl std::fmt::Display) {
    say(format_args!("{text}"));
}

/// Prints a hint to standard error.
fn hint(text: impl std::fmt::Display) {
    const HINT: anstyle::Style = anstyle::AnsiColor::Cyan.on_default().bold();
    say(format_args!("{HINT}hint:{HINT:#} {text}"));
}

/// Prints a line to standard error. A terminal that was closed is no reason to stop in the middle of the work.
fn say(line: std::fmt::Arguments<'_>) {
    use std::io::Write;

    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Prints one JSON array to standard output.
fn print_json<T: serde::Serialize>(rows: &[T]) -> Result<()> {
    let text = serde_json::to_string_pretty(rows).map_err(|cause| Error::internal("failed to write JSON", cause))?;
    print_line(&text)
}

/// Prints one JSON array to standard output, one row per line, as queries print theirs.
fn print_json_rows<T: serde::Serialize>(rows: &[T]) -> Result<()> {
    let rows: Result<Vec<String>, serde_json::Error> = rows.iter().map(serde_json::to_string).collect();
    let rows = rows.map_err(|cause| Error::internal("failed to write JSON", cause))?;
    print_line(&format!("[{}]", rows.join(",\n ")))
}

/// Prints to standard output; a reader that has gone is no error.
fn print_line(text: &str) -> Result<()> {
    write_line(&mut std::io::stdout().lock(), text)
}

/// Prints to standard output, without its colours where no terminal shows them.
fn print_coloured(text: &str) -> Result<()> {
    write_line(&mut anstream::stdout(), text)
}

fn write_line(stdout: &mut dyn std::io::Write, text: &str) -> Result<()> {
    match writeln!(stdout, "{text}") {
        Err(cause) if cause.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::io("write", "standard output", cause)),
        _ => Ok(()),
    }
}

/// The beginning of an id, which is an id to every command: enough digits to name it in any store of a useful size.
fn beginning_of_id(id: &str) -> &str {
    const SHOWN_DIGITS: usize = 12;
    id.get(..SHOWN_DIGITS).unwrap_or(id)
}
