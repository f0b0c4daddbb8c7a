//! Sketches of questions with their answers.

use std::borrow::Cow;

use arrow::array::{AsArray, StringArray};
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::Stream;

use super::items::ItemColumns;
use super::search::{Sketched, on_all_cores};
use crate::duplicates::groups::Content;
use crate::duplicates::text::question_and_answer;
use crate::error::Result;
use crate::store::column;

/// A row of `sql/duplicates/texts.sql` with `by_image.sql` around it or without.
pub(super) struct TextRow<'a> {
    question: &'a str,
    answer: &'a str,
    scope: u64,
}

impl TextRow<'_> {
    /// What is compared.
    pub(super) fn text(&self) -> Cow<'_, str> {
        question_and_answer(self.question, self.answer)
    }

    /// Only items of one scope are compared.
    pub(super) fn scope(&self) -> u64 {
        self.scope
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
    items: ItemColumns<'a>,
    question: &'a StringArray,
    answer: &'a StringArray,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Columns<'a>> {
        Ok(Columns {
            items: ItemColumns::of(batch)?,
            question: column(batch, "question")?.as_string(),
            answer: column(batch, "answer")?.as_string(),
        })
    }

    fn sketched<S>(&self, row: usize, sketch: impl Fn(&TextRow) -> Content<S>) -> Sketched<S> {
        let text = TextRow { question: self.question.value(row), answer: self.answer.value(row), scope: self.items.scope(row) };
        self.items.sketched(row, sketch(&text))
    }
}
