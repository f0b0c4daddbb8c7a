//! `FROM 'file.json'`: JSON lists and JSON lines as tables.
//!
//! They are read record by record, as an import reads them: both take the same files (a byte order mark, records that span lines), and what
//! is wrong is said with the file and the record. The engine's own reader knows neither.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::infer_json_schema_from_iterator;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use serde_json::Value;

use super::explain::without_kind;
use super::files::unreadable;
use crate::error::Error;
use crate::formats::json_records::{self, JsonRecord};

/// How many records decide which columns a file has, and of which types; the engine's number.
pub(super) const RECORDS_TO_INFER_FROM: usize = 1000;
/// Batches read ahead of the query.
const BATCHES_WAITING: usize = 2;

/// A JSON file as a table. Columns and types are those of the first records; a text column also takes numbers and truth values. Every query
/// reads the file anew, on one thread and with the memory of a few batches.
#[derive(Debug, Clone)]
pub(super) struct JsonFile {
    /// As the query names it.
    name: String,
    path: PathBuf,
    /// The columns that are read.
    schema: SchemaRef,
}

impl JsonFile {
    /// The file at `path`, which the query calls `name`; reads its first records.
    ///
    /// # Errors
    /// If it cannot be read, or its first records are not JSON objects whose values fit together.
    pub(super) fn open(name: &str, path: &Path) -> Result<JsonFile> {
        let records = json_records::open(path).map_err(Error::from)?.take(RECORDS_TO_INFER_FROM);
        let values = records.map(|record| {
            let JsonRecord { number, text } = record.map_err(Error::from)?;
            let value = text.map_err(|fault| fault.message).and_then(|text| json_records::value(&text));
            match value.map_err(|cause| in_record(name, number, &cause))? {
                object @ Value::Object(_) => Ok(object),
                _ => Err(in_record(name, number, "it is no object")),
            }
        });
        let values = values.map(|value| value.map_err(|cause: DataFusionError| ArrowError::ExternalError(Box::new(cause))));
        let schema = infer_json_schema_from_iterator(values).map_err(|cause| match cause {
            ArrowError::JsonError(cause) => unreadable(name, &format!("its records do not have the same form: {cause}")),
            other => other.into(),
        })?;
        Ok(JsonFile { name: name.to_owned(), path: path.to_owned(), schema: Arc::new(schema) })
    }

    /// Reads the whole file; `take` gets each batch and says whether it wants more.
    fn read(&self, batch_size: usize, mut take: impl FnMut(RecordBatch) -> bool) -> Result<()> {
        let reader = ReaderBuilder::new(Arc::clone(&self.schema)).with_batch_size(batch_size).with_coerce_primitive(true);
        let mut decoder = reader.build_decoder()?;
        let mut records = json_records::open(&self.path).map_err(Error::from)?;
        loop {
            let mut numbers: Option<(u64, u64)> = None;
            for record in records.by_ref().take(batch_size) {
                let JsonRecord { number, text } = record.map_err(Error::from)?;
                let text = text.map_err(|fault| in_record(&self.name, number, &fault.message))?;
                decoder.decode(text.get().as_bytes()).map_err(|cause| in_record(&self.name, number, &without_kind(&cause)))?;
                numbers = Some((numbers.map_or(number, |(first, _)| first), number));
            }
            let Some(numbers) = numbers else { return Ok(()) };
            let batch = decoder.flush().map_err(|cause| self.in_batch(numbers, &cause))?;
            if !batch.is_some_and(&mut take) {
                return Ok(());
            }
        }
    }

    /// Values meet their columns a batch at a time.
    fn in_batch(&self, (first, last): (u64, u64), cause: &ArrowError) -> DataFusionError {
        let cause = without_kind(cause);
        let types = format!("types of columns come from the first {RECORDS_TO_INFER_FROM} records");
        unreadable(&self.name, &format!("among records {first} to {last}, {cause} ({types})"))
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
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let file = Arc::new(JsonFile { schema: Arc::clone(&schema), ..self.clone() });
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![file], None, [], false, limit)?))
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
