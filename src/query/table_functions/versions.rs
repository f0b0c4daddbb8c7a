//! `versions(table)`: the states of the store in which a table can be read.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde::Serialize;

use super::TableFunction;
use super::call::Call;
use super::computed::computed;
use crate::error::{Error, Result};
use crate::store::{Snapshot, State, Table};

pub(super) static VERSIONS: TableFunction = TableFunction {
    name: "versions",
    parameters: &["table"],
    optional: 0,
    summary: "One row for each state of the store that has a name, and one without a tag for now: tag, the table's version and rows in it, and \
              the run that published it with its command and time (NULL for the empty store before the first run). \
              The rows of a version whose files are gone are NULL. Opens each version once.",
    example: "SELECT tag, version, run_id, command, rows FROM versions('instructions')",
    make: versions,
};

/// Versions whose metadata is read at the same time.
const OPENED_AT_ONCE: usize = 8;

fn versions(call: &Call) -> Result<Arc<dyn TableProvider>> {
    let (table, snapshot) = (call.table(0)?, call.snapshot.clone());
    computed(schema(), move || rows(table, snapshot.clone()).boxed())
}

fn schema() -> SchemaRef {
    let long = |name, nullable| Field::new(name, DataType::UInt64, nullable);
    let text = |name| Field::new(name, DataType::Utf8, true);
    let published_at = Field::new("published_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true);
    Arc::new(Schema::new(vec![text("tag"), long("version", false), text("run_id"), text("command"), published_at, long("rows", true)]))
}

#[derive(Serialize)]
struct Row<'a> {
    tag: Option<&'a str>,
    version: u64,
    run_id: Option<String>,
    command: Option<&'a str>,
    published_at: Option<i64>,
    rows: Option<u64>,
}

async fn rows(table: Table, snapshot: Snapshot) -> Result<RecordBatch> {
    let catalog = snapshot.catalog();
    let tagged = catalog.tagged().into_iter().map(|(tag, state)| (Some(tag), state));
    let states: Vec<(Option<&str>, State)> = tagged.chain([(None, catalog.now())]).collect();
    // A table that had not been written yet is not in the earlier states.
    let version = |state: &State| state.tables.get(table.name()).copied();
    let mut distinct: Vec<u64> = states.iter().filter_map(|(_, state)| version(state)).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let counts: HashMap<u64, Option<u64>> = futures::stream::iter(distinct)
        .map(|version| snapshot.count_rows_at(table, version).map(move |rows| Ok::<_, Error>((version, rows?))))
        .buffer_unordered(OPENED_AT_ONCE)
        .try_collect()
        .await?;
    let runs = runs(&snapshot).await?;
    let row = |(tag, state): (_, &State)| {
        let version = version(state)?;
        let run_id = state.run_id();
        let run = run_id.as_ref().and_then(|run_id| runs.get(run_id));
        let (command, published_at) = run.map(|(command, finished_at)| (command.as_str(), *finished_at)).unzip();
        Some(Row { tag, version, run_id, command, published_at, rows: *counts.get(&version)? })
    };
    let rows: Vec<Row> = states.iter().map(|(tag, state)| (*tag, state)).filter_map(row).collect();
    Ok(serde_arrow::to_record_batch(schema().fields(), &rows)?)
}

/// Command and end of each run.
async fn runs(snapshot: &Snapshot) -> Result<HashMap<String, (String, i64)>> {
    let mut runs = HashMap::new();
    let read = snapshot.for_each(Table::Runs, &["run_id", "command", "finished_at"], |batch| {
        let (ids, commands) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        let times = batch.column(2).as_primitive::<TimestampMicrosecondType>();
        let rows = ids.iter().zip(commands).zip(times);
        runs.extend(rows.filter_map(|((id, command), time)| Some((id?.to_owned(), (command?.to_owned(), time?)))));
    });
    read.await?;
    Ok(runs)
}
