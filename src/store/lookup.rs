//! Rows by id, without a scan for each: images for requests, finished calls for answers.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use bytes::Bytes;
use futures::TryStreamExt;
use lance::Dataset;
use lance::dataset::ProjectionRequest;
use tokio::sync::OnceCell;

use super::schema::Table;
use super::snapshot::{Snapshot, table_error};
use crate::error::{Error, Result};

/// Where the rows of a table are, by id: 24 bytes of memory a row, filled by one scan of the id column on first use.
///
/// Ids are hashes, so their first 128 bits identify them.
#[derive(Debug)]
pub struct IdIndex {
    dataset: Arc<Dataset>,
    table: Table,
    column: &'static str,
    filter: Option<&'static str>,
    addresses: OnceCell<HashMap<u128, u64>>,
}

impl IdIndex {
    fn new(snapshot: &Snapshot, table: Table, column: &'static str, filter: Option<&'static str>) -> IdIndex {
        IdIndex { dataset: Arc::clone(snapshot.dataset(table)), table, column, filter, addresses: OnceCell::new() }
    }

    /// The row address of an id, if the table has it.
    async fn address(&self, id: &str) -> Result<Option<u64>> {
        let addresses = self.addresses.get_or_try_init(|| self.load()).await?;
        Ok(key(id).and_then(|key| addresses.get(&key).copied()))
    }

    async fn load(&self) -> Result<HashMap<u128, u64>> {
        let failed = |cause| table_error("read ids of", self.table, cause);
        let mut scan = self.dataset.scan();
        scan.project(&[self.column]).map_err(failed)?.with_row_address();
        if let Some(filter) = self.filter {
            scan.filter(filter).map_err(failed)?;
        }
        let mut batches = scan.try_into_stream().await.map_err(failed)?;
        let mut addresses = HashMap::new();
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            let ids = batch.column(0).as_string::<i32>();
            let rows = batch.column(1).as_primitive::<UInt64Type>();
            addresses.extend(ids.iter().zip(rows).filter_map(|(id, row)| Some((key(id?)?, row?))));
        }
        Ok(addresses)
    }
}

fn key(id: &str) -> Option<u128> {
    u128::from_str_radix(id.get(..32)?, 16).ok()
}

/// The images of a snapshot, by content hash.
#[derive(Debug)]
pub struct StoredImages {
    index: IdIndex,
}

impl StoredImages {
    /// The images of `snapshot`. Reads nothing yet.
    pub fn new(snapshot: &Snapshot) -> StoredImages {
        StoredImages { index: IdIndex::new(snapshot, Table::Images, "image_id", None) }
    }

    /// Whether there is such an image.
    pub async fn contains(&self, image_id: &str) -> Result<bool> {
        Ok(self.index.address(image_id).await?.is_some())
    }

    /// The bytes of one image file, as imported.
    ///
    /// # Errors
    /// [`Error::UnknownId`] when no such image is stored.
    pub async fn bytes(&self, image_id: &str) -> Result<Bytes> {
        let unknown = || Error::UnknownId { what: "image", id: image_id.to_owned() };
        let failed = |cause| table_error("read an image of", Table::Images, cause);
        let address = self.index.address(image_id).await?.ok_or_else(unknown)?;
        let blobs = self.index.dataset.take_blobs_by_addresses(&[address], "bytes").await.map_err(failed)?;
        let blob = blobs.into_iter().next().flatten().ok_or_else(unknown)?;
        blob.read().await.map_err(failed)
    }
}

/// The finished calls of a snapshot, by request id.
#[derive(Debug)]
pub struct StoredCalls {
    index: IdIndex,
}

/// A finished call, as it was answered.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct StoredCall {
    pub response: Option<String>,
    pub finish_reason: Option<String>,
    pub prompt_tokens: Option<i64>,
    pub completion_tokens: Option<i64>,
}

impl StoredCalls {
    /// The calls of `snapshot` that were answered; failed ones are not here. Reads nothing yet.
    pub fn new(snapshot: &Snapshot) -> StoredCalls {
        StoredCalls { index: IdIndex::new(snapshot, Table::Calls, "request_id", Some("error IS NULL")) }
    }

    /// The answer to a request, if it was asked before.
    pub async fn get(&self, request_id: &str) -> Result<Option<StoredCall>> {
        let Some(address) = self.index.address(request_id).await? else { return Ok(None) };
        let columns = ["response", "finish_reason", "prompt_tokens", "completion_tokens"];
        let dataset = &self.index.dataset;
        let failed = |cause| table_error("read a call of", Table::Calls, cause);
        let projection = ProjectionRequest::from_columns(columns, dataset.schema());
        let batch = dataset.take_rows(&[address], projection).await.map_err(failed)?;
        let calls: Vec<StoredCall> = serde_arrow::from_record_batch(&batch)?;
        Ok(calls.into_iter().next())
    }
}
