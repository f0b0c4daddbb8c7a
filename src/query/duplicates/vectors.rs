//! Sketches of embeddings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, AsArray, ListArray};
use arrow::datatypes::Float32Type;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::Stream;

use super::items::ItemColumns;
use super::search::{Sketched, on_all_cores};
use crate::duplicates::cosine::{CosineSketch, CosineSketcher, InvalidVector};
use crate::error::{Error, Result};
use crate::store::column;

/// The sketches of the rows, batch by batch. An item without an embedding, or whose embedding has no direction, is counted in `left_out`.
pub(super) fn sketched_vectors(
    rows: SendableRecordBatchStream,
    sketcher: CosineSketcher,
    left_out: Arc<AtomicU64>,
) -> impl Stream<Item = Result<Vec<Sketched<CosineSketch>>>> {
    on_all_cores(rows, move |batch| {
        let columns = Columns::of(batch)?;
        let mut sketched = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            match columns.sketched(row, &sketcher)? {
                Some(item) => sketched.push(item),
                None => drop(left_out.fetch_add(1, Ordering::Relaxed)),
            }
        }
        Ok(sketched)
    })
}

/// The columns of `sql/duplicates/vectors.sql`.
struct Columns<'a> {
    items: ItemColumns<'a>,
    vector: &'a ListArray,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Columns<'a>> {
        Ok(Columns { items: ItemColumns::of(batch)?, vector: column(batch, "vector")?.as_list() })
    }

    fn sketched(&self, row: usize, sketcher: &CosineSketcher) -> Result<Option<Sketched<CosineSketch>>> {
        if self.vector.is_null(row) {
            return Ok(None);
        }
        let vector = self.vector.value(row);
        let vector = vector.as_primitive::<Float32Type>();
        let content = match sketcher.sketch(vector.values(), self.items.scope(row)) {
            Ok(content) => content,
            Err(InvalidVector::NoDirection) => return Ok(None),
            Err(InvalidVector::Length { got, expected }) => {
                let id = self.items.id(row);
                return Err(Error::sql(format!(
                    "the embedding of instruction '{id}' has {got} values, others of its model have {expected}"
                )));
            }
        };
        Ok(Some(self.items.sketched(row, content)))
    }
}
