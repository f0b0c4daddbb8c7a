//! Sketches of questions with their answers.

use std::borrow::Cow;

use arrow::array::{Array, AsArray, Int32Array, Int64Array, StringArray};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::Stream;

use super::column;
use super::search::{Sketched, on_all_cores};
use crate::duplicates::Rank;
use crate::duplicates::groups::Content;
use crate::duplicates::text::{question_and_answer, scope_of};
use crate::error::Result;

/// A row of `sql/duplicates/texts.sql` with `by_image.sql` around it or without.
pub(super) struct TextRow<'a> {
    question: &'a str,
    answer: &'a str,
    images: Option<&'a str>,
}

impl TextRow<'_> {
    /// What is compared.
    pub(super) fn text(&self) -> Cow<'_, str> {
        question_and_answer(self.question, self.answer)
    }

    /// Only items of one scope are compared.
    pub(super) fn scope(&self) -> u64 {
        self.images.map_or(0, scope_of)
    }
}

/// The sketches of the rows, batch by batch.
pub(super) fn sketched_texts<S: Send + 'static>(
    rows: SendableRecordBatchStream,
    sketch: impl Fn(&TextRow) -> Content<S> + Send + Sync + 'static,
) -> impl Stream<Item = Result<Vec<Sketched<S>>>> {
    on_all_cores(rows, move |batch| {
        let columns = Columns::of(batch)?;
        Ok((0..batch.num_rows()).map(|row| columns.sketched(row, &sketch)).collect())
    })
}

struct Columns<'a> {
    id: &'a StringArray,
    round: &'a Int32Array,
    score: &'a Int64Array,
    question: &'a StringArray,
    answer: &'a StringArray,
    images: Option<&'a StringArray>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Columns<'a>> {
        Ok(Columns {
            id: column(batch, "id")?.as_string(),
            round: column(batch, "round")?.as_primitive::<Int32Type>(),
            score: column(batch, "score")?.as_primitive::<Int64Type>(),
            question: column(batch, "question")?.as_string(),
            answer: column(batch, "answer")?.as_string(),
            images: batch.column_by_name("images").map(|images| images.as_string()),
        })
    }

    fn sketched<S>(&self, row: usize, sketch: impl Fn(&TextRow) -> Content<S>) -> Sketched<S> {
        let text = TextRow {
            question: self.question.value(row),
            answer: self.answer.value(row),
            // Samples without any image are about the same ones.
            images: self.images.map(|images| if images.is_valid(row) { images.value(row) } else { "" }),
        };
        let score = self.score.is_valid(row).then(|| self.score.value(row));
        Sketched { id: self.id.value(row).to_owned(), rank: Rank { round: self.round.value(row), score }, content: sketch(&text) }
    }
}
