//! `mmevol diff`: what changed between two states of the store, per round and operator.

use std::path::Path;

use clap::Args;

use super::output::OutputOptions;
use super::report_format::FiguresFormat;
use super::table::{Column, TextTable};
use super::{hint, note, open_session, print_json_rows, print_line};
use crate::diff::{RoundDifference, diff};
use crate::error::Result;

#[derive(Debug, Args)]
pub struct Arguments {
    /// A state of the store: before-run-N, after-run-N, run-N (after it) or now.
    a: String,
    /// The state to compare it with.
    #[arg(default_value = "now")]
    b: String,
    /// How to print it.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    output: FiguresFormat,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let session = open_session(store).await?;
    let Arguments { a, b, output } = arguments;
    let rows = diff(&session, &a, &b).await?;
    if output == FiguresFormat::Json {
        return print_json_rows(&rows);
    }
    if rows.is_empty() {
        note(format_args!("no instruction and no evolution differs between {a} and {b}"));
        return Ok(());
    }
    let width = OutputOptions::for_stdout().width;
    let (instructions, evolutions) = (instructions(&rows).draw(width).text, evolutions(&rows).draw(width).text);
    print_line(format!("instructions\n{instructions}\nevolutions\n{evolutions}").trim_end())?;
    note("+ added, - removed, ~ changed; counts that differ: first → second state");
    hint(format_args!("the rows themselves: mmevol sql \"SELECT * FROM diff('instructions', '{a}', '{b}')\""));
    Ok(())
}

fn instructions(rows: &[RoundDifference]) -> TextTable {
    let mut table = with_columns(&["instructions", "kept", "eliminated", "unjudged"]);
    for row in rows {
        let RoundDifference { added, removed, changed, .. } = row;
        table.push(vec![
            row.round.to_string(),
            operator(row),
            format!("+{added} -{removed} ~{changed}"),
            both(row.kept_a, row.kept_b),
            both(row.eliminated_a, row.eliminated_b),
            both(row.unjudged_a, row.unjudged_b),
        ]);
    }
    table
}

/// Seeds were not evolved: they have no row here.
fn evolutions(rows: &[RoundDifference]) -> TextTable {
    let mut table = with_columns(&["kept", "eliminated", "failed", "superseded"]);
    for row in rows.iter().filter(|row| row.round > 0) {
        table.push(vec![
            row.round.to_string(),
            operator(row),
            both(row.evolutions_kept_a, row.evolutions_kept_b),
            both(row.evolutions_eliminated_a, row.evolutions_eliminated_b),
            both(row.evolutions_failed_a, row.evolutions_failed_b),
            both(row.evolutions_superseded_a, row.evolutions_superseded_b),
        ]);
    }
    table
}

fn with_columns(names: &[&str]) -> TextTable {
    let column = |name: &&str| Column { name: (*name).to_owned(), is_number: *name == "round" };
    TextTable::new(["round", "operator"].iter().chain(names).map(column).collect())
}

fn operator(row: &RoundDifference) -> String {
    row.operator.clone().unwrap_or_else(|| "imported".to_owned())
}

fn both(a: i64, b: i64) -> String {
    if a == b { a.to_string() } else { format!("{a} → {b}") }
}
