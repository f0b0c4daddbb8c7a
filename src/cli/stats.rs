//! `mmevol stats`: what the dataset is like, as tables.

use std::path::Path;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use super::output::{OutputFormat, OutputOptions, RowCount, write_stream};
use super::progress::Progress;
use super::table::LongText;
use super::{hint, note, print_json, print_line};
use crate::error::{Error, Result};
use crate::report::{Facts, GroupBy, SECTIONS, Scope, Section, Selection, section};
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Group by these columns instead of the round, where a section can: round, operator, format, model, judge, source, status.
    #[arg(long, value_name = "COLUMN,...")]
    by: Option<String>,
    /// Only items for which this SQL over the view history holds.
    #[arg(long = "where", value_name = "SQL")]
    predicate: Option<String>,
    /// The store as it was: before-run-N, after-run-N, run-N (after it) or now [default: now].
    #[arg(long, value_name = "TAG")]
    at: Option<String>,
    /// Only these sections, named as their files in sql/report/; examples.sql is of the report alone.
    #[arg(long = "section", value_name = "NAME,...", value_delimiter = ',')]
    sections: Vec<String>,
    /// Rows that each table shows at most [default: as many as the section is made for].
    #[arg(long, value_name = "N")]
    rows: Option<usize>,
    /// How to print it; json holds all rows.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    output: StatsFormat,
    /// Print the SQL of the sections instead of running it.
    #[arg(long)]
    sql: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StatsFormat {
    Table,
    Markdown,
    Json,
}

/// A section as JSON.
#[derive(Serialize)]
struct Printed {
    section: &'static str,
    title: &'static str,
    sql: String,
    /// Why there are no rows; absent where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<&'static str>,
    rows: Vec<Value>,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let by: GroupBy = arguments.by.as_deref().map(str::parse).transpose()?.unwrap_or_default();
    let chosen: Vec<&Section> = match arguments.sections.is_empty() {
        true => SECTIONS.iter().collect(),
        false => arguments.sections.iter().map(|name| section(name.trim())).collect::<Result<_>>()?,
    };
    let ignoring: Vec<&str> = chosen.iter().filter(|section| section.ignores(&by)).map(|section| section.name()).collect();
    if let (Some(by), false) = (&arguments.by, ignoring.is_empty()) {
        note(format_args!("these sections cannot be grouped by {by}, and are not, or not by all of it: {}", ignoring.join(", ")));
    }
    let selection = Selection { predicate: arguments.predicate.clone(), at: arguments.at.clone() };
    if arguments.sql {
        if selection != Selection::default() {
            selection.open(&Store::open(store).await?).await?;
        }
        let sql = |section: &Section| format!("-- {}\n{};\n", section.file(), selection.over(&section.sql(&by)).trim_end());
        return chosen.iter().try_for_each(|section| print_line(&sql(section)));
    }
    let store = Store::open(store).await?;
    let progress = Progress::spinner("reading items");
    let facts = Facts::gather(&store, selection).await?;
    let restricted = facts.selection().predicate.is_some();
    let mut printed = Vec::new();
    for section in chosen {
        // Nothing in it belongs to an item, so that it would not follow the predicate.
        if restricted && section.scope == Scope::Store && arguments.sections.is_empty() {
            continue;
        }
        progress.message(section.title);
        let sql = section.sql(&by);
        if arguments.output == StatsFormat::Json {
            let rows = facts.rows(&sql).await?;
            let absent = rows.is_empty().then_some(section.absent);
            printed.push(Printed { section: section.name(), title: section.title, sql: section.file(), absent, rows });
            continue;
        }
        let text = drawn(section, &facts, &sql, &arguments).await?;
        progress.suspend(|| print_line(&text))?;
    }
    progress.finish();
    if arguments.output == StatsFormat::Json {
        return print_json(&printed);
    }
    if restricted {
        note("with --where, attempts count that brought a chosen item; those that failed have none, and calls are not counted");
    }
    hint(
        "a section alone: mmevol stats --section NAME; its SQL: mmevol stats --section NAME --sql; as a page: mmevol report -o report.html",
    );
    Ok(())
}

/// A heading and a table.
async fn drawn(section: &Section, facts: &Facts, sql: &str, arguments: &Arguments) -> Result<String> {
    let (schema, batches) = facts.batches(sql).await?;
    let is_markdown = arguments.output == StatsFormat::Markdown;
    let mut text = heading(section, is_markdown);
    if batches.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(text + &wrapped(section.absent));
    }
    let format = if is_markdown { OutputFormat::Markdown } else { OutputFormat::Table };
    let max_rows = arguments.rows.unwrap_or(section.shown_rows);
    // Two groups whose names were cut could not be told apart.
    let options = OutputOptions { max_rows, long_text: LongText::Wrap, ..OutputOptions::for_stdout() };
    let mut table = Vec::new();
    let batches = futures::stream::iter(batches.into_iter().map(Ok::<_, Error>));
    let RowCount { hidden, .. } = write_stream(schema, batches, format, options, &mut table).await?;
    text += &String::from_utf8_lossy(&table);
    if hidden > 0 {
        text += &format!("… {hidden} more: --section {} --rows N\n", section.name());
    }
    Ok(text)
}

fn heading(section: &Section, is_markdown: bool) -> String {
    let (title, file) = (section.title, section.file());
    if is_markdown {
        return format!("## {title}\n\n`{file}`\n\n");
    }
    let gap = OutputOptions::for_stdout().width.min(80).saturating_sub(title.chars().count() + file.len()).max(2);
    format!("{title}{}{file}\n", " ".repeat(gap))
}

/// A sentence on lines of at most eighty characters.
fn wrapped(sentence: &str) -> String {
    const WIDTH: usize = 80;
    let mut text = String::new();
    let mut used = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        let separator = match used {
            0 => "",
            used if used + 1 + length > WIDTH => "\n",
            _ => " ",
        };
        used = if separator == " " { used + 1 + length } else { length };
        text += separator;
        text += word;
    }
    text + "\n"
}
