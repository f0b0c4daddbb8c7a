//! Rows that collect into batches, and the background write that they go to.

use std::sync::Arc;

use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use mmevol::Result;
use mmevol::store::{Staged, Table, Writer};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

const ROWS_PER_BATCH: usize = 4096;

pub struct Sink<R> {
    rows: Vec<R>,
    sender: mpsc::Sender<Vec<R>>,
    task: JoinHandle<Result<Staged>>,
}

impl<R: Serialize + Send + 'static> Sink<R> {
    pub async fn start(writer: &mut Writer, table: Table) -> Sink<R> {
        let schema = table.schema();
        let (sender, receiver) = mpsc::channel::<Vec<R>>(2);
        let columns = Arc::clone(&schema);
        let encode = move |rows: Vec<R>| Ok(serde_arrow::to_record_batch(columns.fields(), &rows).unwrap());
        let batches = ReceiverStream::new(receiver).map(encode);
        let task = writer.stage(table, Box::pin(RecordBatchStreamAdapter::new(schema, batches))).await.unwrap();
        Sink { rows: Vec::new(), sender, task }
    }

    pub async fn push(&mut self, row: R) {
        self.rows.push(row);
        if self.rows.len() == ROWS_PER_BATCH {
            self.send().await;
        }
    }

    async fn send(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        // A write that has failed says so itself when it is waited for.
        let _ = self.sender.send(std::mem::take(&mut self.rows)).await;
    }

    pub async fn finish(mut self, writer: &mut Writer) {
        self.send().await;
        drop(self.sender);
        writer.commit(self.task.await.unwrap().unwrap()).await.unwrap();
    }
}
