//! `mmevol import`.

use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::progress::Progress;
use super::report_format::ReportFormat;
use super::{evolve_command_of, hint, note, print_json};
use crate::error::Result;
use crate::formats::detect::Format;
use crate::import::{BadRecords, ChangedRecords, Ids, Import, ImportReport, MissingImages};
use crate::query::Session;
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The seed file: a JSON list, JSON lines, or Parquet.
    path: PathBuf,
    /// The folder that image paths are relative to [default: 'images' beside the file, else its own folder].
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// auto, mmevol, llava, messages or parquet.
    #[arg(long, default_value = "auto", value_parser = parse_format)]
    format: FormatChoice,
    /// The samples' source; with each record's own id it makes the sample's id [default: the file's name].
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    source: Option<String>,
    /// What tells records apart.
    #[arg(long, value_name = "RULE", default_value = "record")]
    ids: IdChoice,
    /// Import samples whose image file does not exist, without the image.
    #[arg(long)]
    allow_missing_images: bool,
    /// What to do with a record that cannot be imported.
    #[arg(long, value_name = "RULE", default_value = "fail")]
    on_bad_record: BadRecordChoice,
    /// What to do with a record that is in the store with another image, caption, box or conversation.
    #[arg(long, value_name = "RULE", default_value = "fail")]
    on_changed: ChangedChoice,
    /// Print the report as a table or as JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: ReportFormat,
}

#[derive(Debug, Clone, Copy)]
enum FormatChoice {
    Auto,
    Named(Format),
}

fn parse_format(name: &str) -> Result<FormatChoice, String> {
    match name {
        "auto" => Ok(FormatChoice::Auto),
        name => name.parse().map(FormatChoice::Named).map_err(|error: crate::formats::FormatError| error.to_string()),
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum IdChoice {
    /// Its own id; its content where it has none.
    Record,
    /// Its content, so that one id may stand for several records.
    Content,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BadRecordChoice {
    /// Stop, and change nothing.
    Fail,
    /// Leave it out, and list it in a rejects file.
    Skip,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ChangedChoice {
    /// It cannot be imported.
    Fail,
    /// Replace the sample and its seed items; what was evolved from them stays, and is stale.
    Update,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let store = Store::create(store).await?;
    let mut import = Import::new(&arguments.path)
        .ids(match arguments.ids {
            IdChoice::Record => Ids::Record,
            IdChoice::Content => Ids::Content,
        })
        .missing_images(if arguments.allow_missing_images { MissingImages::Allow } else { MissingImages::Refuse })
        .bad_records(match arguments.on_bad_record {
            BadRecordChoice::Fail => BadRecords::Fail,
            BadRecordChoice::Skip => BadRecords::Skip,
        })
        .changed_records(match arguments.on_changed {
            ChangedChoice::Fail => ChangedRecords::Fail,
            ChangedChoice::Update => ChangedRecords::Update,
        });
    if let Some(images) = arguments.images {
        import = import.images(images);
    }
    if let FormatChoice::Named(format) = arguments.format {
        import = import.format(format);
    }
    if let Some(source) = arguments.source {
        import = import.source(source);
    }
    let report = with_progress(import, &store).await?;
    match arguments.output {
        ReportFormat::Json => print_json(&[report]),
        ReportFormat::Text => {
            print_report(&report);
            if report.updated_samples > 0 {
                let session = Session::builder().store(store.clone()).build().await?;
                let command = evolve_command_of(&session).await?;
                hint(format_args!(
                    "what was evolved from the old content stays and is stale; evolve it again: {command} --stale, with the same flags"
                ));
            }
            Ok(())
        }
    }
}

/// Runs an import under a progress line.
pub async fn with_progress(import: Import, store: &Store) -> Result<ImportReport> {
    let progress = import.progress();
    let show = |line: &Progress| {
        line.set(progress.records());
        line.message(format!("importing: {} records", progress.records()));
    };
    Progress::spinner("importing").watch(import.run(store), show).await
}

/// Says what an import did.
pub fn print_report(report: &ImportReport) {
    note(format_args!(
        "imported {} of {} records: {} instructions, {} images{}",
        report.samples,
        report.records,
        report.instructions,
        report.images,
        if report.evolutions > 0 { format!(", {} finished rounds of single samples", report.evolutions) } else { String::new() },
    ));
    if report.known_samples > 0 {
        note(format_args!("{} records were in the store already", report.known_samples));
    }
    if report.updated_samples > 0 {
        note(format_args!("{} samples were replaced by records with other content", report.updated_samples));
    }
    if report.missing_images > 0 {
        note(format_args!("{} image files were not found; evolve skips such samples unless it is told --text-only", report.missing_images));
    }
    if let Some(rejects) = &report.rejects_file {
        note(format_args!("{} records were rejected", report.rejected));
        hint(format_args!("each is listed with its reason in {}", rejects.display()));
    }
}
