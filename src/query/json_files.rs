//! `FROM 'file.json'`: JSON lists and JSON lines as tables.
//!
//! They are read record by record, as an import reads them: both take the same files (a byte order mark, records that span lines), and what
//! is wrong is said with the file and the record. The engine's own reader knows neither.

mod kind;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use serde_json::value::RawValue;

use self::kind::{JsonKind, ObjectKind};
use super::explain::without_kind;
use super::files::unreadable;
use crate::error::Error;
use crate::formats::json_records::{self, JsonRecord};

/// How many records at least decide which columns a file has, and of which types; the engine's number.
pub(super) const RECORDS_TO_INFER_FROM: usize = 1000;
/// How much of a JSON file at least does: nearly always all of it, for a fraction of the time that reading it takes.
pub(super) const BYTES_TO_INFER_FROM: usize = 64 << 20;
/// Batches read ahead of the query.
pub(super) const BATCHES_WAITING: usize = 2;

/// A JSON file as a table. Columns and types are those of the first 64 MiB and 1,000 records; a later record that does not fit is an error. A
/// text column also takes numbers and truth values; where these records have nothing but null, later ones may have texts. Where lists or objects stand among other values, the column is text, and holds the JSON of
/// each. Every query reads the file anew, on one thread and with the memory of a few batches.
#[derive(Debug, Clone)]
pub(super) struct JsonFile {
    /// As the query names it.
    name: String,
    path: PathBuf,
    /// The columns that are read.
    columns: Arc<ObjectKind>,
    schema: SchemaRef,
    /// Whether these are all that the file has.
    are_all: bool,
    /// The last record that columns and types come from; `None` if they come from all.
    last_seen: Option<u64>,
}

impl JsonFile {
    /// The file at `path`, which the query calls `name`; reads its first records.
    ///
    /// # Errors
    /// If it cannot be read, or its first records are not JSON objects.
    pub(super) fn open(name: &str, path: &Path) -> Result<JsonFile> {
        JsonFile::inferred_from(name, path, BYTES_TO_INFER_FROM)
    }

    fn inferred_from(name: &str, path: &Path, enough_bytes: usize) -> Result<JsonFile> {
        let mut columns = ObjectKind::default();
        let (mut records, mut bytes, mut last_seen) = (0, 0, None);
        for record in json_records::open(path).map_err(Error::from)? {
            let JsonRecord { number, text } = record.map_err(Error::from)?;
            let text = text.map_err(|fault| in_record(name, number, &fault.message))?;
            columns.merge(object(name, number, &text)?);
            records += 1;
            bytes += text.get().len();
            if records >= RECORDS_TO_INFER_FROM && bytes >= enough_bytes {
                last_seen = Some(number);
                columns.expect_texts();
                break;
            }
        }
        let schema = Arc::new(Schema::new(columns.fields()));
        Ok(JsonFile { name: name.to_owned(), path: path.to_owned(), columns: Arc::new(columns), schema, are_all: true, last_seen })
    }

    /// The same file with the columns at these places.
    fn project(&self, places: &[usize]) -> JsonFile {
        let columns = self.columns.project(places);
        let schema = Arc::new(Schema::new(columns.fields()));
        let are_all = places.len() >= self.schema.fields().len();
        JsonFile { columns: Arc::new(columns), schema, are_all, ..self.clone() }
    }

    /// Reads the whole file; `take` gets each batch and says whether it wants more.
    fn read(&self, batch_size: usize, mut take: impl FnMut(RecordBatch) -> bool) -> Result<()> {
        let reader = ReaderBuilder::new(Arc::clone(&self.schema)).with_batch_size(batch_size).with_coerce_primitive(true);
        let mut decoder = reader.build_decoder()?;
        let mut records = json_records::open(&self.path).map_err(Error::from)?;
        let has_json_texts = self.columns.is_mixed();
        loop {
            let mut numbers: Option<(u64, u64)> = None;
            for record in records.by_ref().take(batch_size) {
                let JsonRecord { number, text } = record.map_err(Error::from)?;
                let text = text.map_err(|fault| in_record(&self.name, number, &fault.message))?;
                self.check(number, &text)?;
                let text: serde_json::Result<Cow<'_, str>> = match has_json_texts {
                    true => self.columns.with_json_texts(text.get()).map(Cow::Owned),
                    false => Ok(Cow::Borrowed(text.get())),
                };
                let text = text.map_err(|cause| in_record(&self.name, number, &cause.to_string()))?;
                decoder.decode(text.as_bytes()).map_err(|cause| in_record(&self.name, number, &without_kind(&cause)))?;
                numbers = Some((numbers.map_or(number, |(first, _)| first), number));
            }
            let Some(numbers) = numbers else { return Ok(()) };
            let batch = decoder.flush().map_err(|cause| self.in_batch(numbers, &cause))?;
            if !batch.is_some_and(&mut take) {
                return Ok(());
            }
        }
    }

    /// Refuses a later record of which the decoder would drop something without a word.
    fn check(&self, number: u64, text: &RawValue) -> Result<()> {
        let Some(last_seen) = self.last_seen.filter(|last_seen| number > *last_seen) else { return Ok(()) };
        match self.columns.loses(&object(&self.name, number, text)?, "", self.are_all) {
            None => Ok(()),
            Some(lost) => {
                let way_out = "name the other columns in place of *, or move the record to the top of the file";
                let cause = format!("{lost}, and columns and their types come from the records up to {last_seen}: {way_out}");
                Err(in_record(&self.name, number, &cause))
            }
        }
    }

    /// Values meet their columns a batch at a time.
    fn in_batch(&self, (first, last): (u64, u64), cause: &ArrowError) -> DataFusionError {
        let cause = without_kind(cause);
        let types = self.last_seen.map(|last| format!(" (types of columns come from the records up to {last})")).unwrap_or_default();
        unreadable(&self.name, &format!("among records {first} to {last}, {cause}{types}"))
    }
}

/// What the record holds, which must be an object.
fn object(name: &str, number: u64, text: &RawValue) -> Result<ObjectKind> {
    match json_records::value::<JsonKind>(text).map_err(|cause| in_record(name, number, &cause))? {
        JsonKind::Object(object) => Ok(object),
        _ => Err(in_record(name, number, "it is no object")),
    }
}

#[async_trait]
impl TableProvider for JsonFile {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let file = projection.map_or_else(|| self.clone(), |places| self.project(places));
        let schema = Arc::clone(&file.schema);
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(file)], None, [], false, limit)?))
    }
}

impl PartitionStream for JsonFile {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), BATCHES_WAITING);
        let (file, batches, batch_size) = (self.clone(), stream.tx(), context.session_config().batch_size());
        stream.spawn_blocking(move || file.read(batch_size, |batch| batches.blocking_send(Ok(batch)).is_ok()));
        stream.build()
    }
}

fn in_record(name: &str, number: u64, cause: &str) -> DataFusionError {
    unreadable(name, &format!("record {number}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use arrow::util::display::array_value_to_string;

    use super::*;

    /// As many records as are looked at, then `later`; nothing else is looked at before the file is read.
    fn file_with(later: &str) -> (tempfile::TempDir, JsonFile) {
        let mut lines = String::new();
        for number in 1..=RECORDS_TO_INFER_FROM {
            writeln!(lines, "{{\"n\": {number}, \"m\": {number}, \"x\": null}}").unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("late.jsonl");
        std::fs::write(&path, lines + later).unwrap();
        let file = JsonFile::inferred_from("late.jsonl", &path, 0).unwrap();
        (folder, file)
    }

    /// The values of the last row that is read.
    fn last_row(file: &JsonFile) -> Result<Vec<String>> {
        let mut last = Vec::new();
        file.read(100, |batch| {
            let row = batch.num_rows() - 1;
            last = batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap()).collect();
            true
        })?;
        Ok(last)
    }

    #[test]
    fn a_text_may_come_late() {
        let (_folder, file) = file_with("{\"n\": 7, \"x\": \"v\"}\n");
        assert_eq!(last_row(&file).unwrap(), ["7", "", "v"]);
    }

    /// The decoder knows only what it looks for, and cuts fractions off.
    #[test]
    fn a_later_record_loses_nothing_in_silence() {
        let (_folder, file) = file_with("{\"n\": 7, \"m\": 0.5, \"y\": 1}\n");
        let error = last_row(&file).unwrap_err().to_string();
        assert!(error.contains("record 1001: 'm' is no whole number") && error.contains("records up to 1000"), "{error}");
        let (_folder, file) = file_with("{\"n\": 7, \"y\": 1}\n");
        let error = last_row(&file).unwrap_err().to_string();
        assert!(error.contains("record 1001: 'y' is new") && error.contains("in place of *"), "{error}");
        // As the error says.
        assert_eq!(last_row(&file.project(&[0])).unwrap(), ["7"]);
    }
}
