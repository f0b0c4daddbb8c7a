//! Rows by id, without a scan for each: images for requests, finished calls for answers, items for lineage.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp::eq;
use arrow::datatypes::UInt64Type;
use bytes::Bytes;
use datafusion::logical_expr::{col, lit};
use futures::TryStreamExt;
use lance::Dataset;
use lance::dataset::ProjectionRequest;
use lance::dataset::scanner::MaterializationStyle;
use tokio::sync::OnceCell;

use super::call::{StoredCall, id_key};
use super::columns::column;
use super::schema::Table;
use super::snapshot::{Snapshot, table_error};
use crate::error::{Error, Result};

/// Where the rows of a table are, by id: 24 bytes of memory a row, filled by one scan of the id column on first use.
///
/// Ids are hashes, so their first 128 bits identify them.
#[derive(Debug)]
pub struct IdIndex {
    /// `None` for a table that was never written, which has no rows.
    dataset: Option<Arc<Dataset>>,
    table: Table,
    column: &'static str,
    filter: Option<&'static str>,
    places: OnceCell<Places>,
}

/// The rows of a table by id, the last one of an id after its earlier ones.
#[derive(Debug)]
struct Places(Vec<Place>);

/// A row: its id in two halves, because a `u128` would be aligned to 16 bytes, and its address.
#[derive(Debug)]
struct Place {
    id: [u64; 2],
    address: u64,
}

impl Places {
    /// The rows of a table, in its order.
    fn new(mut places: Vec<Place>) -> Places {
        // Stable: rows of one id stay in order.
        places.sort_by_key(|place| place.id);
        Places(places)
    }

    /// The address of the last row with this id.
    fn address(&self, id: &str) -> Option<u64> {
        self.of(halves(id_key(id)?)).last().map(|place| place.address)
    }

    /// The rows with this id, in the order of the table.
    fn of(&self, id: [u64; 2]) -> &[Place] {
        let start = self.0.partition_point(|place| place.id < id);
        let end = self.0.partition_point(|place| place.id <= id);
        &self.0[start..end]
    }
}

fn halves(id: u128) -> [u64; 2] {
    [(id >> 64) as u64, id as u64]
}

impl IdIndex {
    fn new(snapshot: &Snapshot, table: Table, column: &'static str, filter: Option<&'static str>) -> IdIndex {
        IdIndex { dataset: snapshot.dataset(table).cloned(), table, column, filter, places: OnceCell::new() }
    }

    /// The row address of an id, if the table has it: of its last row, if there are several.
    async fn address(&self, id: &str) -> Result<Option<u64>> {
        Ok(self.places().await?.address(id))
    }

    /// The rows whose ids begin with the same 128 bits as this one; `None` for a text that is no id, which rows inserted by hand may have.
    async fn rows(&self, id: &str) -> Result<Option<Vec<u64>>> {
        let Some(key) = id_key(id) else { return Ok(None) };
        Ok(Some(self.places().await?.of(halves(key)).iter().map(|place| place.address).collect()))
    }

    async fn places(&self) -> Result<&Places> {
        self.places.get_or_try_init(|| self.load()).await
    }

    async fn load(&self) -> Result<Places> {
        let failed = |cause| table_error("read ids of", self.table, cause);
        let Some(dataset) = &self.dataset else { return Ok(Places::new(Vec::new())) };
        let mut scan = dataset.scan();
        // Nearly every row passes the filter: ids read one by one would take many times longer.
        scan.materialization_style(MaterializationStyle::AllEarly);
        scan.project(&[self.column]).map_err(failed)?.with_row_address();
        if let Some(filter) = self.filter {
            scan.filter(filter).map_err(failed)?;
        }
        let mut batches = scan.try_into_stream().await.map_err(failed)?;
        let mut places = Vec::new();
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            let ids = batch.column(0).as_string::<i32>();
            let rows = batch.column(1).as_primitive::<UInt64Type>();
            places.extend(ids.iter().zip(rows).filter_map(|(id, address)| Some(Place { id: halves(id_key(id?)?), address: address? })));
        }
        Ok(Places::new(places))
    }
}

/// Indices that a snapshot comes to have: of a column of ids when it is asked about for the second time. One question alone is answered sooner
/// by a scan.
#[derive(Debug, Default)]
pub(super) struct Indices(Mutex<HashMap<IdColumn, Option<Arc<IdIndex>>>>);

/// A column of ids and the table it belongs to.
type IdColumn = (Table, &'static str);

impl Indices {
    fn index(&self, snapshot: &Snapshot, table: Table, column: &'static str) -> Option<Arc<IdIndex>> {
        let mut indices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match indices.entry((table, column)) {
            Entry::Vacant(first) => first.insert(None).clone(),
            Entry::Occupied(mut again) => {
                Some(Arc::clone(again.get_mut().get_or_insert_with(|| Arc::new(IdIndex::new(snapshot, table, column, None)))))
            }
        }
    }
}

impl Snapshot {
    /// Some columns of the rows with this id in a column of ids, in the order of the table. The first question about a column scans it; the second
    /// notes where the rows of every id are, in 24 bytes of memory a row, and from then on no question scans anything.
    pub async fn select_by_id(&self, table: Table, id_column: &'static str, id: &str, columns: &[&str]) -> Result<Vec<RecordBatch>> {
        let rows = match self.indices().index(self, table, id_column) {
            Some(index) => index.rows(id).await?,
            None => None,
        };
        let (Some(rows), Some(dataset)) = (rows, self.dataset(table)) else {
            return self.select(table, columns, col(id_column).eq(lit(id))).await;
        };
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let read = columns.iter().copied().chain((!columns.contains(&id_column)).then_some(id_column));
        let projection = ProjectionRequest::from_columns(read, dataset.schema());
        let found = dataset.take_rows(&rows, projection).await.map_err(|cause| table_error("read", table, cause))?;
        // An id inserted by hand may go on where the key of the index ends.
        let found = filter_record_batch(&found, &eq(column(&found, id_column)?, &StringArray::new_scalar(id))?)?;
        let places = columns.iter().map(|column| found.schema_ref().index_of(column)).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(vec![found.project(&places)?])
    }
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
        let dataset = self.index.dataset.as_ref().ok_or_else(unknown)?;
        let blobs = dataset.take_blobs_by_addresses(&[address], "bytes").await.map_err(failed)?;
        let blob = blobs.into_iter().next().flatten().ok_or_else(unknown)?;
        blob.read().await.map_err(failed)
    }
}

/// The finished calls of a snapshot, by request id.
#[derive(Debug)]
pub struct StoredCalls {
    index: IdIndex,
}

impl StoredCalls {
    /// The calls of `snapshot` that were answered; failed ones are not here. Reads nothing yet.
    pub fn new(snapshot: &Snapshot) -> StoredCalls {
        StoredCalls { index: IdIndex::new(snapshot, Table::Calls, "request_id", Some("error IS NULL")) }
    }

    /// The answer to a request, if it was asked before; see [`StoredCall::answers`].
    pub async fn get(&self, request_id: &str) -> Result<Option<StoredCall>> {
        Ok(self.get_many(&[request_id]).await?.pop().flatten())
    }

    /// As [`StoredCalls::get`], for many requests at once: one read of the rows they need. Where a request has several answers, the last one
    /// counts.
    pub async fn get_many(&self, request_ids: &[&str]) -> Result<Vec<Option<StoredCall>>> {
        let places = self.index.places().await?;
        let wanted: Vec<Option<u64>> = request_ids.iter().map(|id| places.address(id)).collect();
        let mut addresses: Vec<u64> = wanted.iter().copied().flatten().collect();
        let Some(dataset) = self.index.dataset.as_ref().filter(|_| !addresses.is_empty()) else {
            return Ok(vec![None; request_ids.len()]);
        };
        // Rows in their own order are read as they lie; in another one they would be sorted, and copied back.
        addresses.sort_unstable();
        addresses.dedup();
        // A store of an earlier mmevol has no limits in its table.
        let columns = ["response", "finish_reason", "prompt_tokens", "completion_tokens", "max_tokens"];
        let columns = columns.into_iter().filter(|column| dataset.schema().field(column).is_some());
        let projection = ProjectionRequest::from_columns(columns, dataset.schema());
        let rows = dataset.take_rows(&addresses, projection).await.map_err(|cause| table_error("read calls of", Table::Calls, cause))?;
        let answers = Answers::of(&rows)?;
        Ok(wanted.into_iter().map(|address| addresses.binary_search(&address?).ok().map(|row| answers.row(row))).collect())
    }
}

/// The columns of some rows of table `calls`.
struct Answers<'a> {
    response: &'a StringArray,
    finish_reason: &'a StringArray,
    prompt_tokens: &'a Int64Array,
    completion_tokens: &'a Int64Array,
    max_tokens: Option<&'a Int64Array>,
}

impl<'a> Answers<'a> {
    fn of(rows: &'a RecordBatch) -> Result<Answers<'a>> {
        Ok(Answers {
            response: column(rows, "response")?.as_string(),
            finish_reason: column(rows, "finish_reason")?.as_string(),
            prompt_tokens: column(rows, "prompt_tokens")?.as_primitive(),
            completion_tokens: column(rows, "completion_tokens")?.as_primitive(),
            max_tokens: rows.column_by_name("max_tokens").map(|column| column.as_primitive()),
        })
    }

    fn row(&self, row: usize) -> StoredCall {
        let text = |column: &StringArray| if column.is_null(row) { String::new() } else { column.value(row).to_owned() };
        let count = |column: &Int64Array| column.is_valid(row).then(|| column.value(row).unsigned_abs());
        let limit = |column: &Int64Array| column.is_valid(row).then(|| u32::try_from(column.value(row)).unwrap_or(u32::MAX));
        StoredCall {
            response: text(self.response),
            finish_reason: text(self.finish_reason),
            prompt_tokens: count(self.prompt_tokens),
            completion_tokens: count(self.completion_tokens),
            max_tokens: self.max_tokens.and_then(limit),
        }
    }
}
