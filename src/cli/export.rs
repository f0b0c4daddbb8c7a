//! `mmevol export`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::report_format::ReportFormat;
use super::{hint, note, print_json};
use crate::error::{Error, Result};
use crate::export::{Export, Images, Rounds};
use crate::formats::export::ExportFormat;
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The file to write; a manifest appears beside it.
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    /// llava, messages, openai, mmevol or parquet.
    #[arg(long, value_parser = parse_format)]
    format: ExportFormat,
    /// Kept items of each sample's latest round (current), of all rounds, or of round N [default: current; mmevol: all].
    #[arg(long, value_name = "current|all|N")]
    rounds: Option<String>,
    /// Only items for which this SQL over the view history holds.
    #[arg(long = "where", value_name = "SQL")]
    predicate: Option<String>,
    /// Leave out what 'mmevol dedup' has marked: of each group of duplicates, the best of the chosen items stays.
    #[arg(long)]
    without_duplicates: bool,
    /// The store as it was: before-run-N, after-run-N, run-N (after it) or now [default: now].
    #[arg(long, value_name = "TAG")]
    at: Option<String>,
    /// Put images into the export (or beside it, for formats that hold paths), name their original paths, or leave them out.
    #[arg(long, value_name = "RULE", default_value = "copy")]
    images: ImageChoice,
    /// Print the manifest as text or as JSON.
    #[arg(long = "report", value_name = "FORMAT", default_value = "text")]
    report: ReportFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ImageChoice {
    Copy,
    Link,
    None,
}

fn parse_format(name: &str) -> Result<ExportFormat, String> {
    name.parse().map_err(|error: crate::formats::FormatError| error.to_string())
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    if arguments.output == Path::new("-") {
        return Err(Error::Argument {
            name: "--output".to_owned(),
            message: "an export is not written to standard output: a manifest, and often images, stand beside its file".to_owned(),
            hints: vec!["name a file (./- for one that is called so)".to_owned()],
        });
    }
    let store = Store::open(store).await?;
    let rounds = match (&arguments.rounds, arguments.format) {
        (Some(rounds), _) => rounds.parse()?,
        // That format has a place for every round.
        (None, ExportFormat::Mmevol) => Rounds::All,
        (None, _) => Rounds::Current,
    };
    let images = match arguments.images {
        ImageChoice::Copy => Images::Copy,
        ImageChoice::Link => Images::Link,
        ImageChoice::None => Images::None,
    };
    let export = Export::new(arguments.output, arguments.format)
        .rounds(rounds)
        .predicate(arguments.predicate)
        .without_duplicates(arguments.without_duplicates)
        .at(arguments.at)
        .images(images);
    let manifest = export.run(&store).await?;
    if manifest.instructions == 0 {
        note(format_args!("nothing matched: {} holds no items", manifest.output.display()));
        hint("see which rounds there are: mmevol sql \"SELECT round, operator, kept FROM rounds\"");
    }
    if arguments.report == ReportFormat::Json {
        return print_json(&[manifest]);
    }
    if let Some(left_out) = &manifest.without_duplicates {
        note(format_args!("left out {} duplicates", left_out.instructions));
        if left_out.marks.is_empty() {
            note("no duplicates are marked");
            hint("find and mark them with 'mmevol dedup'");
        }
    }
    if manifest.missing_images > 0 {
        note(format_args!("{} image files are not in the store; the records name the paths they had", manifest.missing_images));
        hint("put the files there for whoever reads the export, or leave images out with --images none");
    }
    note(format_args!("wrote {} instructions of {} samples to {}", manifest.instructions, manifest.samples, manifest.output.display()));
    Ok(())
}
