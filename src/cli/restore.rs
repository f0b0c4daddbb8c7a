//! `mmevol restore`: the dataset becomes what it was.

use std::path::Path;

use clap::Args;

use super::output::OutputOptions;
use super::report_format::ReportFormat;
use super::table::{Column, TextTable};
use super::{hint, note, print_json, print_line};
use crate::error::Result;
use crate::store::{RestorePlan, Store};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The state to go back to: before-run-N, after-run-N or run-N (after it).
    tag: String,
    /// Print what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the tables as text or as JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: ReportFormat,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let store = Store::open(store).await?;
    let Arguments { tag, dry_run, output } = arguments;
    if dry_run {
        let plan = store.plan_restore(&tag).await?;
        print(&plan, output)?;
        if plan.has_changes() {
            hint(format_args!("which instructions: mmevol diff now {tag}"));
        }
        return Ok(());
    }
    let (plan, published) = store.restore(&tag).await?;
    print(&plan, output)?;
    if let Some(published) = published {
        let run = published.generation;
        note(format_args!("the dataset is what it was at {tag}; calls, prompts and runs are kept"));
        hint(format_args!("take this back with: mmevol restore before-run-{run}"));
    }
    Ok(())
}

fn print(plan: &RestorePlan, output: ReportFormat) -> Result<()> {
    if output == ReportFormat::Json {
        return print_json(&[plan]);
    }
    if !plan.has_changes() {
        note(format_args!("nothing to restore: the dataset is what it was at {}", plan.tag));
        return Ok(());
    }
    let number = |name: &str| Column { name: name.to_owned(), is_number: true };
    let text = |name: &str| Column { name: name.to_owned(), is_number: false };
    let mut table = TextTable::new(vec![text("table"), number("rows now"), number("rows then"), text("change")]);
    for restored in &plan.tables {
        let change = if restored.differs { "restored" } else { "none" };
        table.push(vec![restored.table.to_string(), restored.rows_now.to_string(), restored.rows_then.to_string(), change.to_owned()]);
    }
    print_line(table.draw(OutputOptions::for_stdout().width).text.trim_end())
}
