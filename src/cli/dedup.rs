//! `mmevol dedup`: what says the same twice, marked beside it.

use std::path::Path;

use clap::Args;

use super::output::OutputOptions;
use super::progress::Progress;
use super::report_format::ReportFormat;
use super::table::{Column, TextTable};
use super::{beginning_of_id, hint, note, print_json, print_line};
use crate::dedup::{Dedup, DedupReport, Example, unmark};
use crate::duplicates::{Method, Threshold};
use crate::error::{Error, Result, suggest};
use crate::query::duplicates::DuplicateSearch;
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Arguments {
    /// What makes duplicates: equal texts (exact), texts that share most of their runs of three words (near), texts with embeddings of nearly the same direction (semantic), or images that look
    /// alike (image).
    #[arg(long, value_name = "METHOD", default_value = "near", value_parser = parse_method)]
    method: Method,
    /// The least similarity of duplicates, up to 1 [default: near 0.8, semantic and image 0.9; exact is always 1].
    #[arg(long, value_name = "SIMILARITY")]
    threshold: Option<f64>,
    /// Whose embeddings method semantic compares, as 'mmevol embed' was told [default: lexical, else the model whose vectors came first].
    #[arg(long, value_name = "NAME")]
    embedding: Option<String>,
    /// Only items for which this SQL over the view history holds; of images, those of samples with such an item.
    #[arg(long = "where", value_name = "SQL")]
    predicate: Option<String>,
    /// Compare kept items of every round, not only of each sample's latest.
    #[arg(long)]
    all_rounds: bool,
    /// Compare only items about the same image: the same words about another picture are another item.
    #[arg(long)]
    same_image: bool,
    /// Print what would be marked, and mark nothing.
    #[arg(long)]
    dry_run: bool,
    /// Look at the store as it was: before-run-N, after-run-N, run-N (after it). Only with --dry-run.
    #[arg(long, value_name = "TAG", requires = "dry_run")]
    at: Option<String>,
    /// Take back the marks of the method.
    #[arg(long, conflicts_with_all = ["threshold", "embedding", "predicate", "all_rounds", "same_image", "dry_run"])]
    unmark: bool,
    /// Print the report as text or as JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: ReportFormat,
}

fn parse_method(name: &str) -> Result<Method, String> {
    let known = Method::ALL.map(Method::name);
    Method::from_name(name).ok_or_else(|| match suggest(name, known).pop() {
        Some(hint) => hint,
        None => format!("the methods are {}", known.join(", ")),
    })
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let store = Store::open(store).await?;
    let method = arguments.method;
    if arguments.unmark {
        return take_back(&store, method, arguments.output).await;
    }
    let threshold = match arguments.threshold {
        Some(similarity) => method.threshold(similarity).map_err(|invalid| Error::argument("--threshold", invalid.to_string()))?,
        None => method.default_threshold(),
    };
    if arguments.embedding.is_some() && method != Method::Semantic {
        return Err(Error::argument("--embedding", format!("method {method} compares no embeddings; it goes with --method semantic")));
    }
    let mut search = DuplicateSearch::new(method)
        .threshold(threshold)
        .predicate(arguments.predicate)
        .all_rounds(arguments.all_rounds)
        .same_image(arguments.same_image);
    if let Some(model) = arguments.embedding {
        search = search.model(model);
    }
    let dedup = Dedup::new(search);
    let report = match arguments.dry_run {
        true => with_progress(&dedup, dedup.plan(&store, arguments.at.as_deref())).await?,
        false => with_progress(&dedup, dedup.run(&store)).await?,
    };
    match arguments.output {
        ReportFormat::Json => print_json(&[report]),
        ReportFormat::Text => print_report(&report, threshold, arguments.dry_run),
    }
}

async fn take_back(store: &Store, method: Method, format: ReportFormat) -> Result<()> {
    let marks = unmark(store, method).await?;
    if format == ReportFormat::Json {
        return print_json(&[serde_json::json!({ "method": method.name(), "unmarked": marks })]);
    }
    match marks {
        0 => note(format_args!("nothing was marked by method {method}")),
        _ => note(format_args!("took back {marks} marks of method {method}; earlier states of the store keep them")),
    }
    Ok(())
}

async fn with_progress(dedup: &Dedup, running: impl Future<Output = Result<DedupReport>>) -> Result<DedupReport> {
    let progress = dedup.progress();
    let show = |line: &Progress| {
        line.set(progress.sketched());
        if progress.is_grouping() {
            line.message("comparing items");
        }
    };
    Progress::spinner("reading items").watch(running, show).await
}

fn print_report(report: &DedupReport, threshold: Threshold, dry_run: bool) -> Result<()> {
    let DedupReport { method, model, compared, groups, duplicates, left_out, unmarked, run_id, examples, .. } = report;
    if !examples.is_empty() {
        print_line(table(examples).draw(OutputOptions::for_stdout().width).text.trim_end())?;
    }
    let things = if *method == Method::Image.name() { "images" } else { "items" };
    let vectors = model.as_ref().map(|model| format!(", vectors of '{model}',")).unwrap_or_default();
    note(format_args!(
        "compared {compared} {things} by method {method}{vectors} at {}: {duplicates} duplicates in {groups} groups, beside the {groups} that stay",
        threshold.get()
    ));
    match model {
        _ if *left_out == 0 => {}
        Some(model) => {
            note(format_args!("{left_out} items have no embedding by '{model}', and were left out"));
            hint(format_args!("embed them, but for blank texts, which have none: mmevol embed --model {model}"));
        }
        None => {
            note(format_args!("{left_out} images cannot be decoded, and were left out"));
            hint("see which: mmevol sql \"SELECT uri FROM images WHERE image_phash(bytes) IS NULL\"");
        }
    }
    match run_id {
        _ if dry_run => {
            note("nothing was marked");
            if *groups > 0 {
                hint("mark them with the same command without --dry-run");
            }
        }
        Some(run_id) if *groups == 0 => {
            note(format_args!("took back {unmarked} marks of method {method} as {run_id}; earlier states of the store keep them"));
        }
        Some(run_id) => {
            note(format_args!("marked as {run_id}; nothing was deleted"));
            hint(format_args!("all of them: mmevol sql \"SELECT * FROM duplicates WHERE method = '{method}'\""));
            hint("leave them out: mmevol export --without-duplicates, or the view without_duplicates");
            hint(format_args!("take the marks back: mmevol dedup --method {method} --unmark"));
        }
        None if *groups == 0 => note("nothing to mark"),
        None => note("the marks are what they were"),
    }
    Ok(())
}

/// Members of the largest groups, each with the one that stays.
fn table(examples: &[Example]) -> TextTable {
    let column = |name: &str, is_number| Column { name: name.to_owned(), is_number };
    let mut table = TextTable::new(vec![column("members", true), column("similarity", true), column("id", false), column("text", false)]);
    for example in examples {
        let members = if example.is_representative { example.members.to_string() } else { String::new() };
        let similarity = if example.is_representative { "stays".to_owned() } else { format!("{:.2}", example.similarity) };
        table.push(vec![members, similarity, beginning_of_id(&example.member_id).to_owned(), example.text.clone()]);
    }
    table
}
