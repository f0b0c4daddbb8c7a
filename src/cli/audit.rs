//! `mmevol audit`: items to check by hand, and the verdicts of whoever checked them.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use futures::TryStreamExt;

use super::output::{OutputFormat, OutputOptions, write_stream};
use super::report_format::ReportFormat;
use super::{hint, note, open_session, print_json};
use crate::audit::{AuditSample, import_audits};
use crate::error::{Error, Result};
use crate::formats::export::PendingFile;
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Draw items of every round, operator and verdict into a file to fill in.
    Sample(SampleArguments),
    /// Read a filled-in file into table audits.
    Import(ImportArguments),
}

#[derive(Debug, Args)]
struct SampleArguments {
    /// The file to write: .csv or .jsonl, under a name that is free. Columns improved, correct (yes or no), auditor and comment are to be filled in.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Items of each round, operator and verdict.
    #[arg(long, value_name = "N", default_value_t = AuditSample::default().per_stratum, value_parser = clap::value_parser!(u32).range(1..))]
    per_stratum: u32,
    /// Another seed draws other items.
    #[arg(long, value_name = "N", default_value_t = AuditSample::default().seed)]
    seed: i64,
    /// Only items for which this SQL over the view history holds.
    #[arg(long = "where", value_name = "SQL")]
    predicate: Option<String>,
}

#[derive(Debug, Args)]
struct ImportArguments {
    /// The filled-in file: .csv or .jsonl.
    file: PathBuf,
    /// Whose verdicts they are, where column auditor is empty.
    #[arg(long, value_name = "NAME", default_value = "unnamed")]
    auditor: String,
    /// Print the report as text or as JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: ReportFormat,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    match arguments.action {
        Action::Sample(arguments) => sample(store, arguments).await,
        Action::Import(arguments) => import(store, arguments).await,
    }
}

async fn sample(store: &Path, arguments: SampleArguments) -> Result<()> {
    let SampleArguments { output, per_stratum, seed, predicate } = arguments;
    let format = match output.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => OutputFormat::Csv,
        Some("jsonl") => OutputFormat::Jsonl,
        _ => return Err(Error::argument("--output", format!("'{}' is neither .csv nor .jsonl", output.display()))),
    };
    if output.exists() {
        return Err(Error::Argument {
            name: "--output".into(),
            message: format!("'{}' is there already, and somebody may have filled it in", output.display()),
            hints: vec!["name another file, or remove this one".into()],
        });
    }
    let session = open_session(store).await?;
    let rows = AuditSample { per_stratum, seed, predicate }.draw(&session).await?;
    let mut file = PendingFile::create(&output)?;
    if format == OutputFormat::Csv {
        // Spreadsheets take a file without a byte order mark for one in their country's old encoding.
        file.write_all("\u{feff}".as_bytes()).map_err(|cause| Error::io("write", &output, cause))?;
    }
    let (schema, rows) = (rows.schema(), rows.map_err(|cause| session.explain(cause, "")));
    let count = write_stream(schema, rows, format, OutputOptions::default(), &mut file).await?;
    if count.rows == 0 {
        note("nothing to check: no item was evolved yet, or --where chooses none");
        return Ok(());
    }
    file.finish()?;
    note(format_args!("wrote {} items to {}", count.rows, output.display()));
    hint(format_args!("fill in improved and correct (yes or no), then: mmevol audit import {} --auditor NAME", output.display()));
    Ok(())
}

async fn import(store: &Path, arguments: ImportArguments) -> Result<()> {
    let store = Store::open(store).await?;
    let imported = import_audits(&store, &arguments.file, &arguments.auditor).await?;
    if arguments.output == ReportFormat::Json {
        return print_json(&[imported]);
    }
    note(format_args!("{} verdicts added, {} replaced, {} known", imported.added, imported.replaced, imported.known));
    if imported.unfilled > 0 {
        note(format_args!("{} rows have no verdict yet", imported.unfilled));
    }
    match imported.added + imported.replaced + imported.known {
        0 => hint("fill in improved and correct (yes or no) and import the file again"),
        _ => hint("set against the judge's: mmevol stats --section audits"),
    }
    Ok(())
}
