//! `lineage(id)`: an item with its ancestors and descendants, or all items of a sample.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use futures::FutureExt;

use super::TableFunction;
use super::call::Call;
use super::computed::computed;
use super::family::{Family, Named, SCHEMA, instruction_or_sample};
use crate::error::Result;
use crate::store::Snapshot;

pub(super) static LINEAGE: TableFunction = TableFunction {
    name: "lineage",
    parameters: &["id"],
    optional: 0,
    summary: "An instruction with what it was made from and what was made from it, or every instruction of a sample, by id, by the beginning \
              of one (4 digits or more), or by the sample's own key in its seed file. superseded: another attempt replaced its evolution. depth is the distance from the seed, or from an item whose parent is not known. Scans three id columns and reads \
              one sample's rows.",
    example: "SELECT round, operator, status, depth, question FROM lineage('b51001bb490d') ORDER BY round",
    make: lineage,
};

fn lineage(call: &Call) -> Result<Arc<dyn TableProvider>> {
    let (id, snapshot) = (call.text(0)?.to_owned(), call.snapshot.clone());
    computed(Arc::clone(&SCHEMA), move || rows(snapshot.clone(), id.clone()).boxed())
}

async fn rows(snapshot: Snapshot, id: String) -> Result<RecordBatch> {
    let (instruction_id, sample_id) = match instruction_or_sample(&snapshot, &id).await? {
        Named::Instruction { instruction_id, sample_id } => (Some(instruction_id), sample_id),
        Named::Sample { sample_id } => (None, sample_id),
    };
    let family = Family::read(&snapshot, &sample_id).await?;
    family.rows(family.line(instruction_id.as_deref()))
}
