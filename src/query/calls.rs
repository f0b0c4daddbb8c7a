//! Finished calls on their way into table `calls`: written to disk as they come, part of the table when their command publishes.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use crate::error::{Error, Result};
use crate::model::service::CallRecord;
use crate::store::{SharedWriter, Staged, Table};

/// Calls that wait to be written; senders wait when there are more.
const QUEUE: usize = 1024;

/// Writes down calls until every sender is gone.
#[derive(Debug)]
pub struct CallRecorder {
    task: JoinHandle<Result<Staged>>,
}

impl CallRecorder {
    /// Starts to record; give the sender to [`crate::model::service::ModelService::log`].
    pub async fn start(writer: &SharedWriter) -> Result<(mpsc::Sender<CallRecord>, CallRecorder)> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut writer = writer.lock().await;
        let (run_id, time) = (writer.run_id().to_owned(), writer.started_at());
        let schema = Table::Calls.schema();
        let fields = Arc::clone(&schema);
        let batches = ReceiverStream::new(receiver)
            .ready_chunks(QUEUE)
            .map(move |records| to_batch(&records, &fields, &run_id, time).map_err(DataFusionError::from));
        let task = writer.stage(Table::Calls, Box::pin(RecordBatchStreamAdapter::new(schema, batches))).await?;
        Ok((sender, CallRecorder { task }))
    }

    /// Adds the recorded calls to the table. Waits until every sender is dropped.
    pub async fn finish(self, writer: &SharedWriter) -> Result<u64> {
        let staged = self.task.await.map_err(|cause| Error::internal("the task that records calls ended early", cause))??;
        match staged.rows {
            0 => Ok(0),
            _ => writer.lock().await.commit(staged).await,
        }
    }
}

fn to_batch(records: &[CallRecord], schema: &SchemaRef, run_id: &str, time: DateTime<Utc>) -> Result<RecordBatch> {
    let own: Vec<FieldRef> =
        schema.fields().iter().filter(|field| !matches!(field.name().as_str(), "run_id" | "created_at")).map(Arc::clone).collect();
    let mut columns = serde_arrow::to_arrow(&own, records)?;
    let runs: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(run_id, records.len())));
    let times = TimestampMicrosecondArray::from_value(time.timestamp_micros(), records.len()).with_timezone("UTC");
    columns.extend([runs, Arc::new(times) as ArrayRef]);
    let fields =
        own.into_iter().chain(schema.fields().iter().filter(|field| matches!(field.name().as_str(), "run_id" | "created_at")).cloned());
    let fields: Vec<Field> = fields.map(|field| field.as_ref().clone()).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}
