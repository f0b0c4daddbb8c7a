//! `ancestors(id)`: what an item was made from, from its parent to its seed.

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

pub(super) static ANCESTORS: TableFunction = TableFunction {
    name: "ancestors",
    parameters: &["id"],
    optional: 0,
    summary: "What an instruction was made from: its parent (depth 1), that one's parent, and so on to the seed. No rows for a seed. By id or by the beginning of one (4 digits or more). Scans three id columns and reads one sample's rows; for many instructions at once, join lineage_edges.",
    example: "SELECT depth, round, operator, question FROM ancestors('d3d8338eafd3') ORDER BY depth",
    make: ancestors,
};

fn ancestors(call: &Call) -> Result<Arc<dyn TableProvider>> {
    let (id, snapshot) = (call.text(0)?.to_owned(), call.snapshot.clone());
    computed(Arc::clone(&SCHEMA), move || rows(snapshot.clone(), id.clone()).boxed())
}

async fn rows(snapshot: Snapshot, id: String) -> Result<RecordBatch> {
    let (instruction_id, sample_id) = instruction(&snapshot, &id).await?;
    let family = Family::read(&snapshot, &sample_id).await?;
    family.rows(family.ancestors(&instruction_id).into_iter().map(|(place, depth)| (place, Some(depth))))
}
