//! `descendants(id)`: what was made from an item, however many rounds later.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use futures::FutureExt;

use super::TableFunction;
use super::call::Call;
use super::computed::computed;
use super::family::{Family, SCHEMA, instruction};
use crate::error::Result;
use crate::store::Snapshot;

pub(super) static DESCENDANTS: TableFunction = TableFunction {
    name: "descendants",
    parameters: &["id"],
    optional: 0,
    summary: "What was made from an instruction: its children (depth 1), theirs, and so on. No rows for an item that nothing was made from. By id or by the beginning of one (4 digits or more). Scans three id columns and reads one sample's rows; for many instructions at once, join lineage_edges.",
    example: "SELECT depth, round, operator, question FROM descendants('d3d8338eafd3') ORDER BY depth",
    make: descendants,
};

fn descendants(call: &Call) -> Result<Arc<dyn TableProvider>> {
    let (id, snapshot) = (call.text(0)?.to_owned(), call.snapshot.clone());
    computed(Arc::clone(&SCHEMA), move || rows(snapshot.clone(), id.clone()).boxed())
}

async fn rows(snapshot: Snapshot, id: String) -> Result<RecordBatch> {
    let (instruction_id, sample_id) = instruction(&snapshot, &id).await?;
    let family = Family::read(&snapshot, &sample_id).await?;
    family.rows(family.descendants(&instruction_id).into_iter().map(|(place, depth)| (place, Some(depth))))
}
