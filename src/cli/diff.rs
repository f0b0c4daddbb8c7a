//! `mmevol diff`: what changed between two states of the store, per round and operator.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::output::{OutputFormat, OutputOptions};
use super::table::{Column, TextTable};
use super::{hint, note, open_session, print_query};
use crate::error::Result;
use crate::query::{Statement, StatementParameter as Parameter};

const ROUNDS: Statement = Statement::new("diff/rounds", include_str!("../../sql/diff/rounds.sql"));

#[derive(Debug, Args)]
pub struct Arguments {
    /// A state of the store: before-run-N, after-run-N, run-N (after it) or now.
    a: String,
    /// The state to compare it with.
    #[arg(default_value = "now")]
    b: String,
    /// How to print it.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    output: DiffFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    Table,
    Json,
}

/// A round and an operator, with the counts of both states. Of `sql/diff/rounds.sql`.
#[derive(Debug, Deserialize)]
struct Row {
    round: i32,
    operator: Option<String>,
    added: i64,
    removed: i64,
    changed: i64,
    kept_a: i64,
    kept_b: i64,
    eliminated_a: i64,
    eliminated_b: i64,
    unjudged_a: i64,
    unjudged_b: i64,
    evolutions_kept_a: i64,
    evolutions_kept_b: i64,
    evolutions_eliminated_a: i64,
    evolutions_eliminated_b: i64,
    evolutions_failed_a: i64,
    evolutions_failed_b: i64,
    evolutions_superseded_a: i64,
    evolutions_superseded_b: i64,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let session = open_session(store).await?;
    let Arguments { a, b, output } = arguments;
    let parameters = BTreeMap::from([("a", Parameter::Text(a.clone())), ("b", Parameter::Text(b.clone()))]);
    let sql = ROUNDS.bind(&parameters)?;
    if output == DiffFormat::Json {
        return print_query(&session, &sql, OutputFormat::Json).await.map(drop);
    }
    let rows: Vec<Row> = session.rows(&sql).await?;
    if rows.is_empty() {
        note(format_args!("no instruction and no evolution differs between {a} and {b}"));
        return Ok(());
    }
    let width = OutputOptions::for_stdout().width;
    anstream::println!("instructions");
    anstream::print!("{}", instructions(&rows).draw(width).text);
    anstream::println!("\nevolutions");
    anstream::print!("{}", evolutions(&rows).draw(width).text);
    note("+ added, - removed, ~ changed; counts that differ: first → second state");
    hint(format_args!("the rows themselves: mmevol sql \"SELECT * FROM diff('instructions', '{a}', '{b}')\""));
    Ok(())
}

fn instructions(rows: &[Row]) -> TextTable {
    let mut table = with_columns(&["instructions", "kept", "eliminated", "unjudged"]);
    for row in rows {
        let Row { added, removed, changed, .. } = row;
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
fn evolutions(rows: &[Row]) -> TextTable {
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

fn operator(row: &Row) -> String {
    row.operator.clone().unwrap_or_else(|| "imported".to_owned())
}

fn both(a: i64, b: i64) -> String {
    if a == b { a.to_string() } else { format!("{a} → {b}") }
}
