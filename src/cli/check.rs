//! `mmevol check`: what must always hold of a store, and the repair of what can be mended.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::output::OutputOptions;
use super::progress::Progress;
use super::report_format::ReportFormat;
use super::table::{Column, TextTable, fit};
use super::{hint, note, print_json, print_line};
use crate::check::{Check, Finding, Found, Outcome, Repair, repair};
use crate::error::{Error, Result};
use crate::store::Store;

/// Characters of an example that a table shows; the beginning of an id is an id to every command.
const EXAMPLE_WIDTH: usize = 22;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Leave out reading the images, which is most of the work.
    #[arg(long)]
    fast: bool,
    /// Mend what the store has the means for, as a run of its own, before it is checked.
    #[arg(long)]
    repair: bool,
    /// Print the findings as a table or as JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: ReportFormat,
}

/// A finding as it is printed.
#[derive(Serialize)]
struct Row {
    check: &'static str,
    result: &'static str,
    rows: u64,
    example: Option<String>,
    /// What to do, or why it was not checked.
    advice: Option<String>,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let store = Store::open(store).await?;
    let failed = if arguments.repair { try_to_repair(&store).await? } else { None };
    let findings = with_progress(Check::new().fast(arguments.fast), &store).await?;
    let rows: Vec<Row> = findings.iter().map(row).collect();
    match arguments.output {
        ReportFormat::Json => print_json(&rows)?,
        ReportFormat::Text => print_table(&rows)?,
    }
    match (rows.iter().filter(|row| row.result == "broken").count(), failed) {
        (0, Some(error)) => Err(error),
        (0, None) => {
            note("the store is sound");
            Ok(())
        }
        (broken, _) => Err(Error::BrokenStore { broken, checks: rows.len() }),
    }
}

/// Repairs a store. A table that cannot be opened is no reason not to say what is wrong with it: that error is given back.
async fn try_to_repair(store: &Store) -> Result<Option<Error>> {
    match repair(store).await {
        Ok(done) => {
            note_repair(&done);
            Ok(None)
        }
        Err(error @ Error::Table { .. }) => {
            note(format_args!("the repair could not be made: {error}"));
            Ok(Some(error))
        }
        Err(error) => Err(error),
    }
}

async fn with_progress(check: Check, store: &Store) -> Result<Vec<Finding>> {
    let progress = check.progress();
    let show = |line: &Progress| {
        line.set(progress.images());
        line.message(match progress.total() {
            0 => "checking".to_owned(),
            total => format!("checking: image {} of {total}", progress.images()),
        });
    };
    Progress::spinner("checking").watch(check.run(store), show).await
}

fn row(finding: &Finding) -> Row {
    let check = finding.invariant.name;
    let found = |result, found: &Found| Row {
        check,
        result,
        rows: found.rows,
        example: Some(found.example.clone()),
        advice: Some(finding.invariant.remedy.to_owned()),
    };
    match &finding.outcome {
        Outcome::Sound => Row { check, result: "ok", rows: 0, example: None, advice: None },
        Outcome::Broken(broken) => found("broken", broken),
        Outcome::LeftOver(left) => found("left over", left),
        Outcome::NotChecked(reason) => Row { check, result: "not checked", rows: 0, example: None, advice: Some(reason.clone()) },
    }
}

fn print_table(rows: &[Row]) -> Result<()> {
    let column = |name: &str, is_number| Column { name: name.to_owned(), is_number };
    let mut table = TextTable::new(vec![column("check", false), column("result", false), column("rows", true), column("example", false)]);
    for row in rows {
        let count = if row.rows > 0 { row.rows.to_string() } else { String::new() };
        let example = row.example.as_deref().map(|example| fit(example, EXAMPLE_WIDTH).0).unwrap_or_default();
        table.push(vec![row.check.to_owned(), row.result.to_owned(), count, example]);
    }
    print_line(table.draw(OutputOptions::for_stdout().width).text.trim_end())?;
    for advice in advice(rows) {
        hint(advice);
    }
    Ok(())
}

/// What to do, for each row that asks for it, with an example that the table cuts off; what keeps several checks from being made is said once.
fn advice(rows: &[Row]) -> Vec<String> {
    let mut said = Vec::new();
    for row in rows {
        let Some(advice) = &row.advice else { continue };
        let alike = rows.iter().filter(|other| other.example.is_none() && other.advice.as_ref() == Some(advice)).count();
        let text = match &row.example {
            Some(example) if fit(example, EXAMPLE_WIDTH).1 => format!("{}: {advice} (such as: {example})", row.check),
            None if alike > 1 => format!("{alike} checks were not made: {advice}"),
            _ => format!("{}: {advice}", row.check),
        };
        if !said.contains(&text) {
            said.push(text);
        }
    }
    said
}

fn note_repair(done: &Repair) {
    if done.did_nothing() {
        note("there was nothing to mend");
    }
    if !done.strays.is_empty() {
        note(format_args!("tables are again at the versions that the last run left: {}", done.strays.join(", ")));
    }
    if done.calls > 0 {
        note(format_args!("{} calls of the journal are in calls now", done.calls));
    }
    if done.evolutions > 0 {
        note(format_args!("{} evolutions were counted again", done.evolutions));
    }
    if !done.unpublished.is_empty() {
        note(format_args!("unpublished versions were set aside: {}", done.unpublished.join(", ")));
    }
    if done.files > 0 {
        note(format_args!("{} files and folders that nothing uses were removed", done.files));
    }
}
