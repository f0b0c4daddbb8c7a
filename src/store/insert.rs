//! INSERT: rows that a user adds. What tells the rows of a table apart must be new.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast_with_options;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::format::DEFAULT_CAST_OPTIONS;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use super::schema::Table;
use super::writer::Writer;
use crate::error::{Error, Result};
use crate::ids::stable_key;

impl Writer {
    /// Like [`Writer::append`], for rows that may be there already. Reads the columns of the table's [key](Table::key), and takes about 32
    /// bytes of memory for each row added.
    ///
    /// # Errors
    /// Those of [`Writer::append`]; a key that the table has or that comes twice. Nothing is added then.
    pub async fn insert(&mut self, table: Table, rows: SendableRecordBatchStream) -> Result<u64> {
        let before = self.snapshot().clone();
        let added = Arc::new(Mutex::new(HashSet::new()));
        let Some(staged) = self.write(table, noting_keys(table, rows, Arc::clone(&added))).await? else { return Ok(0) };
        let added = std::mem::take(&mut *added.lock().unwrap_or_else(PoisonError::into_inner));
        let mut present = Ok(None);
        let find = |batch: &RecordBatch| {
            if matches!(present, Ok(None)) {
                present = keys(batch, table).map(|keys| keys.into_iter().find(|key| added.contains(&stable_key(key))));
            }
        };
        before.for_each(table, table.key(), find).await?;
        if let Some(key) = present? {
            return Err(is_not_new(table, &key, "is there already"));
        }
        self.commit(staged).await
    }
}

/// The same rows, each key noted when it passes.
fn noting_keys(table: Table, rows: SendableRecordBatchStream, noted: Arc<Mutex<HashSet<u128>>>) -> SendableRecordBatchStream {
    let schema = rows.schema();
    let noting = rows.map(move |batch| {
        let batch = batch?;
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(&batch, table)? {
            if !noted.insert(stable_key(&key)) {
                return Err(is_not_new(table, &key, "comes twice").into());
            }
        }
        Ok(batch)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, noting))
}

/// The key of each row as text. None where a column is missing or NULL, which the writer refuses with a better message.
fn keys(batch: &RecordBatch, table: Table) -> Result<Vec<String>> {
    let schema = table.schema();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for name in table.key() {
        let Some(column) = batch.column_by_name(name).filter(|column| column.logical_null_count() == 0) else { return Ok(Vec::new()) };
        columns.push(cast_with_options(column, schema.field_with_name(name)?.data_type(), &DEFAULT_CAST_OPTIONS)?);
    }
    let options = FormatOptions::default();
    let formatters = columns.iter().map(|column| ArrayFormatter::try_new(column, &options));
    let formatters = formatters.collect::<std::result::Result<Vec<_>, _>>()?;
    let key = |row| formatters.iter().map(|formatter| formatter.value(row).to_string()).collect::<Vec<_>>().join(", ");
    Ok((0..batch.num_rows()).map(key).collect())
}

fn is_not_new(table: Table, key: &str, problem: &str) -> Error {
    let columns = table.key().join(", ");
    Error::argument(format!("INSERT INTO {table}"), format!("{columns} '{key}' {problem}; no row was added"))
}
