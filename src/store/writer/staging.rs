//! Rows on their way into a table: written to the disk first, then made part of a new version.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::error::Result as EngineResult;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{FutureExt, StreamExt, TryStreamExt};
use lance::Dataset;
use lance::dataset::transaction::Transaction;
use lance::dataset::{CommitBuilder, InsertBuilder, WriteMode, WriteParams};
use serde::Serialize;
use tokio::task::JoinHandle;

use super::super::conform::conform;
use super::super::schema::Table;
use super::super::snapshot::{open_for_blobs, table_error};
use super::super::vectors::{self, VectorColumn};
use super::Writer;
use crate::error::{Error, Result};

/// Rows written to disk that belong to no version yet. Dropped, they are garbage that no reader sees.
#[derive(Debug)]
pub struct Staged {
    table: Table,
    transaction: Transaction,
    /// How many rows were written.
    pub rows: u64,
}

impl Writer {
    /// Starts writing rows of `table` to disk in the background, without changing the table. Columns are matched by name; memory is
    /// bounded by the stream's batches. Finish with [`Writer::commit`]. Rows of `embeddings` are [appended](Writer::append) instead.
    pub async fn stage(&mut self, table: Table, rows: SendableRecordBatchStream) -> Result<JoinHandle<Result<Staged>>> {
        let mut dataset = self.prepare(table).await?;
        if table == Table::Images {
            let opened = Box::pin(open_for_blobs(&self.root, table, dataset.version().version, &self.session)).await?;
            dataset = Arc::new(opened);
        }
        let schema = table.stored_schema();
        let stored = Arc::clone(&schema);
        Ok(self.spawn(write_rows(dataset, table, schema, rows, move |batch| conform(batch, table, &stored))).await)
    }

    /// Like [`Writer::stage`], for rows of table `embeddings` in its logical form.
    async fn stage_vectors(&mut self, column: VectorColumn, rows: SendableRecordBatchStream) -> Result<JoinHandle<Result<Staged>>> {
        let table = Table::Embeddings;
        let field = column.field()?;
        let known = self.snapshot.vector_columns().into_iter().find(|known| known.model == column.model);
        if let Some(known) = known.as_ref().filter(|known| known.dimensions != column.dimensions) {
            return Err(known.other_length(column.dimensions));
        }
        let mut dataset = self.prepare(table).await?;
        if known.is_none() {
            dataset = self.add_columns(table, &dataset, vec![Arc::new(field.clone())]).await?;
        }
        let fields = table.stored_schema().fields().iter().cloned().chain([Arc::new(field)]).collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(fields));
        let packed = Arc::clone(&schema);
        Ok(self.spawn(write_rows(dataset, table, schema, rows, move |batch| Ok(column.pack(batch, &packed)?))).await)
    }

    async fn spawn(&self, write: impl Future<Output = Result<Staged>> + Send + 'static) -> JoinHandle<Result<Staged>> {
        let writing = Arc::clone(&self.staging).read_owned().await;
        tokio::spawn(async move {
            let staged = write.await;
            drop(writing);
            staged
        })
    }

    /// Adds staged rows to their table.
    pub async fn commit(&mut self, staged: Staged) -> Result<u64> {
        let Staged { table, transaction, rows } = staged;
        let dataset = self.prepare(table).await?;
        let committed = CommitBuilder::new(dataset)
            .with_session(Arc::clone(&self.session))
            .with_skip_auto_cleanup(true)
            .execute(transaction)
            .await
            .map_err(|cause| table_error("commit", table, cause))?;
        self.snapshot = self.snapshot.with_dataset(table, Arc::new(committed));
        Ok(rows)
    }

    /// Writes rows and adds them to their table. Returns how many there were. An empty stream changes nothing, but that a table which was
    /// never written is made.
    ///
    /// # Errors
    /// Those of the stream; a row that does not fit its table. Vectors that are appended together must be of one model and of one length,
    /// not all zeros, and without a number that is not finite.
    pub async fn append(&mut self, table: Table, rows: SendableRecordBatchStream) -> Result<u64> {
        match self.write(table, rows).await? {
            Some(staged) => self.commit(staged).await,
            None => Ok(0),
        }
    }

    /// Writes rows to disk without changing their table; `None` for no rows.
    pub(in crate::store) async fn write(&mut self, table: Table, rows: SendableRecordBatchStream) -> Result<Option<Staged>> {
        // Boxed, so that the futures of those who append do not hold all of these.
        let staged = match table {
            Table::Embeddings => match vectors::begin(rows).boxed().await? {
                Some((column, rows)) => self.stage_vectors(column, rows).boxed().await?,
                None => return Ok(None),
            },
            _ => self.stage(table, rows).boxed().await?,
        };
        let staged = staged.await.map_err(|cause| Error::task_ended("writes rows", cause))??;
        Ok((staged.rows > 0).then_some(staged))
    }

    /// Writes rows given as structs, matched to columns by field name.
    pub async fn append_rows<T: Serialize>(&mut self, table: Table, rows: &[T]) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let schema = table.schema();
        let batch = serde_arrow::to_record_batch(schema.fields(), &rows)?;
        let stream = futures::stream::once(async move { Ok(batch) });
        self.append(table, Box::pin(RecordBatchStreamAdapter::new(schema, stream))).await
    }
}

pub(in crate::store) fn write_parameters(mode: WriteMode) -> WriteParams {
    WriteParams {
        mode,
        // Versions that the catalog or a tag names must stay.
        auto_cleanup: None,
        skip_auto_cleanup: true,
        ..WriteParams::default()
    }
}

/// Writes rows to the disk, each batch in the form that `form` gives it, which is that of `schema`.
async fn write_rows(
    dataset: Arc<Dataset>,
    table: Table,
    schema: SchemaRef,
    rows: SendableRecordBatchStream,
    form: impl Fn(&RecordBatch) -> EngineResult<RecordBatch> + Send + 'static,
) -> Result<Staged> {
    let counter = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = Arc::clone(&counter);
    let conformed = rows.map(move |batch| form(&batch?)).inspect_ok(move |batch| {
        counted.fetch_add(batch.num_rows() as u64, std::sync::atomic::Ordering::Relaxed);
    });
    let stream: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema, conformed));
    let parameters = write_parameters(WriteMode::Append);
    let transaction = InsertBuilder::new(dataset)
        .with_params(&parameters)
        .execute_uncommitted_stream(stream)
        .await
        .map_err(|cause| table_error("write rows of", table, cause))?;
    Ok(Staged { table, transaction, rows: counter.load(std::sync::atomic::Ordering::Relaxed) })
}
