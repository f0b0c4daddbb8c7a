//! Which item a row is, whatever is compared of it.

use arrow::array::{Array, AsArray, Int32Array, Int64Array, StringArray};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;

use super::search::Sketched;
use crate::duplicates::Rank;
use crate::duplicates::groups::Content;
use crate::duplicates::text::scope_of;
use crate::error::Result;
use crate::store::column;

/// What `sql/duplicates/texts.sql` and `vectors.sql` have in common, with `by_image.sql` around them or without.
pub(super) struct ItemColumns<'a> {
    id: &'a StringArray,
    round: &'a Int32Array,
    score: &'a Int64Array,
    images: Option<&'a StringArray>,
}

impl<'a> ItemColumns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Result<ItemColumns<'a>> {
        Ok(ItemColumns {
            id: column(batch, "id")?.as_string(),
            round: column(batch, "round")?.as_primitive::<Int32Type>(),
            score: column(batch, "score")?.as_primitive::<Int64Type>(),
            images: batch.column_by_name("images").map(|images| images.as_string()),
        })
    }

    pub(super) fn id(&self, row: usize) -> &str {
        self.id.value(row)
    }

    /// Only items of one scope are compared. Samples without any image are about the same ones.
    pub(super) fn scope(&self, row: usize) -> u64 {
        self.images.map_or(0, |images| scope_of(if images.is_valid(row) { images.value(row) } else { "" }))
    }

    /// The item with what is compared of it.
    pub(super) fn sketched<S>(&self, row: usize, content: Content<S>) -> Sketched<S> {
        let score = self.score.is_valid(row).then(|| self.score.value(row));
        Sketched { id: self.id(row).to_owned(), rank: Rank { round: self.round.value(row), score }, content }
    }
}
