//! What came back becomes rows of table `embeddings`; what cannot be stored is counted.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Float32Type;
use serde::Serialize;

use super::Embedding;
use crate::error::Result;
use crate::model::reasons::Reasons;
use crate::model::spending::{BUDGET, STOPPED, UNUSABLE_ANSWER};
use crate::store::{Table, Writer, column, defect};

/// The reason of a vector that cannot be stored.
const UNUSABLE_VECTOR: &str = "unusable vector";

/// What became of the texts that were due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sifted {
    /// Vectors that were stored.
    pub embedded: u64,
    /// Vectors that came and cannot be stored.
    pub unusable: u64,
    /// Texts for which no vector came.
    pub failed: u64,
    /// Texts that were not asked for because of a limit.
    pub not_asked: u64,
    /// The commonest kind of reason of those that are unusable or failed.
    pub trouble: Option<Trouble>,
}

/// Why texts have no vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What went wrong, with one example where the texts differ.
    pub reason: String,
    /// For how many texts.
    pub times: u64,
}

#[derive(Debug, Default)]
struct Counts {
    sifted: Sifted,
    reasons: Reasons,
    dimensions: Option<usize>,
}

/// Shared between the stream that counts and whoever reads the counts at its end.
#[derive(Debug, Clone, Default)]
pub struct Counted(Arc<Mutex<Counts>>);

impl Counted {
    /// The counts.
    pub fn take(&self) -> Sifted {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = counts.reasons.commonest().map(|commonest| Trouble { reason: commonest.reason, times: commonest.times });
        Sifted { trouble, ..counts.sifted.clone() }
    }
}

/// Keeps the vectors that can be stored.
pub struct Sieve {
    model: String,
    content: &'static str,
    run_id: String,
    created_at: i64,
    counted: Counted,
}

/// What is to be said of a row that has no vector.
enum Lost {
    NotAsked,
    /// The kind and the text of its error.
    Failed(String, String),
    /// What is wrong with the vector.
    Unusable(String),
}

impl Sieve {
    /// For the vectors of `embedding`, on their way into `writer`.
    pub fn new(embedding: &Embedding, writer: &Writer) -> Sieve {
        let model = embedding.model.name().to_owned();
        let counted = Counted::default();
        counted.0.lock().unwrap_or_else(PoisonError::into_inner).dimensions = writer.snapshot().dimensions(&model);
        Sieve {
            model,
            content: embedding.settings.content.name(),
            run_id: writer.run_id().to_owned(),
            created_at: writer.started_at().timestamp_micros(),
            counted,
        }
    }

    /// The counts, to read when the stream has ended.
    pub fn counted(&self) -> Counted {
        self.counted.clone()
    }

    /// The rows of the table that a batch of answers becomes.
    ///
    /// # Errors
    /// When the batch has not the columns of the statement.
    pub fn sift(&self, answers: &RecordBatch) -> Result<RecordBatch> {
        let stored: BooleanArray = self.verdicts(answers)?.into_iter().map(Some).collect();
        let answers = filter_record_batch(answers, &stored)?;
        let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, answers.num_rows()))) };
        let created_at = TimestampMicrosecondArray::from_value(self.created_at, answers.num_rows()).with_timezone("UTC");
        let schema = Table::Embeddings.schema();
        let columns = schema.fields().iter().map(|field| match field.name().as_str() {
            "model" => Ok(text(&self.model)),
            "content" => Ok(text(self.content)),
            "run_id" => Ok(text(&self.run_id)),
            "created_at" => Ok(Arc::new(created_at.clone()) as ArrayRef),
            name => column(&answers, name).cloned(),
        });
        let columns = columns.collect::<Result<_>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
    }

    /// Which rows have a vector that can be stored.
    fn verdicts(&self, answers: &RecordBatch) -> Result<Vec<bool>> {
        let vectors = column(answers, "vector")?.as_list::<i32>();
        let kinds = column(answers, "error_kind")?.as_string::<i32>();
        let errors = column(answers, "error")?.as_string::<i32>();
        let mut counts = self.counted.0.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = |row: usize| {
            let lost = if kinds.is_valid(row) {
                let error = if errors.is_valid(row) { errors.value(row) } else { "no reason was given" };
                Some(match kinds.value(row) {
                    BUDGET | STOPPED => Lost::NotAsked,
                    UNUSABLE_ANSWER => Lost::Unusable(error.to_owned()),
                    kind => Lost::Failed(kind.to_owned(), error.to_owned()),
                })
            } else if vectors.is_null(row) {
                Some(Lost::Failed("no vector".to_owned(), "none came".to_owned()))
            } else {
                counts.defect(vectors.value(row).as_primitive::<Float32Type>().values()).map(Lost::Unusable)
            };
            counts.count(lost)
        };
        Ok((0..answers.num_rows()).map(verdict).collect())
    }
}

impl Counts {
    /// Why a vector cannot be stored; the first that can says how long the others must be.
    fn defect(&mut self, vector: &[f32]) -> Option<String> {
        if let Some(defect) = defect(vector) {
            return Some(defect.to_owned());
        }
        match *self.dimensions.get_or_insert(vector.len()) {
            dimensions if dimensions == vector.len() => None,
            dimensions => Some(format!("it has {} numbers, and the others have {dimensions}", vector.len())),
        }
    }

    /// Counts a row, and says whether it is stored.
    fn count(&mut self, lost: Option<Lost>) -> bool {
        let is_stored = lost.is_none();
        let (counter, reason) = match lost {
            None => (&mut self.sifted.embedded, None),
            Some(Lost::NotAsked) => (&mut self.sifted.not_asked, None),
            Some(Lost::Failed(kind, error)) => (&mut self.sifted.failed, Some((kind, error))),
            Some(Lost::Unusable(defect)) => (&mut self.sifted.unusable, Some((UNUSABLE_VECTOR.to_owned(), defect))),
        };
        *counter += 1;
        if let Some((kind, text)) = reason {
            self.reasons.count(&kind, &text);
        }
        is_stored
    }
}
