//! Rows become batches on their way to a table.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, LargeBinaryBuilder, StringArray, new_null_array};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use crate::error::Result;
use crate::import::prepare::PreparedImage;
use crate::store::{Staged, Table, Writer};

/// Rows of a text table that make a batch.
pub(super) const ROWS_PER_BATCH: usize = 4096;

/// Rows that collect into batches, and the background write they go to, which also makes them columns.
pub(super) struct Sink<R> {
    pub(super) rows: Vec<R>,
    sender: mpsc::Sender<Vec<R>>,
    task: JoinHandle<Result<Staged>>,
}

pub(super) type Encode<R> = fn(&[R], &SchemaRef) -> Result<RecordBatch>;

impl<R: Send + 'static> Sink<R> {
    pub(super) async fn start(writer: &mut Writer, table: Table, encode: Encode<R>) -> Result<Sink<R>> {
        let schema = table.schema();
        let (sender, receiver) = mpsc::channel::<Vec<R>>(2);
        let columns = Arc::clone(&schema);
        let batches = ReceiverStream::new(receiver).map(move |rows| Ok(encode(&rows, &columns)?));
        let task = writer.stage(table, Box::pin(RecordBatchStreamAdapter::new(schema, batches))).await?;
        Ok(Sink { rows: Vec::new(), sender, task })
    }

    pub(super) async fn push(&mut self, row: R) {
        self.rows.push(row);
        if self.rows.len() >= ROWS_PER_BATCH {
            self.send().await;
        }
    }

    pub(super) async fn send(&mut self) {
        if !self.rows.is_empty() {
            // A write that has failed says so itself when it is waited for.
            let _ = self.sender.send(std::mem::take(&mut self.rows)).await;
        }
    }

    pub(super) async fn close(mut self) -> JoinHandle<Result<Staged>> {
        self.send().await;
        self.task
    }
}

pub(super) fn encode_rows<R: Serialize>(rows: &[R], schema: &SchemaRef) -> Result<RecordBatch> {
    Ok(serde_arrow::to_record_batch(schema.fields(), &rows)?)
}

pub(super) fn encode_images(images: &[PreparedImage], schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "image_id" => Arc::new(StringArray::from_iter_values(images.iter().map(|image| &image.info.image_id))),
            "uri" => Arc::new(StringArray::from_iter_values(images.iter().map(|image| &image.uri))),
            "format" => Arc::new(StringArray::from_iter_values(images.iter().map(|image| image.info.format.name()))),
            "width" => Arc::new(Int32Array::from_iter_values(images.iter().map(|image| image.info.width as i32))),
            "height" => Arc::new(Int32Array::from_iter_values(images.iter().map(|image| image.info.height as i32))),
            "bytes" => bytes(images),
            // Others are computed where images are decoded; an import does not decode.
            _ => new_null_array(field.data_type(), images.len()),
        }
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
}

fn bytes(images: &[PreparedImage]) -> ArrayRef {
    // One allocation of the right size: growing by doubling would copy the images twice over.
    let mut bytes = LargeBinaryBuilder::with_capacity(images.len(), images.iter().map(|image| image.bytes.len()).sum());
    for image in images {
        bytes.append_value(&image.bytes);
    }
    Arc::new(bytes.finish())
}
