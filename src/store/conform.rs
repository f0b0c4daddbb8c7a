//! Rows as they come become rows as a table keeps them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StructArray, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::format::DEFAULT_CAST_OPTIONS;
use datafusion::common::nested_struct::cast_column;
use datafusion::error::{DataFusionError, Result};

use super::schema::Table;
use crate::error::Error;

/// Matches columns by name, casts them, fills absent nullable ones with NULL and packs image bytes as blobs.
///
/// # Errors
/// NULL in a column that must have a value, a value that cannot be cast, an absent column that is needed; each names table and column.
pub(super) fn conform(batch: &RecordBatch, table: Table, stored: &SchemaRef) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(stored.fields().len());
    for (field, logical) in stored.fields().iter().zip(table.schema().fields()) {
        let column = match batch.column_by_name(field.name()) {
            Some(column) => Arc::clone(column),
            None if field.is_nullable() => new_null_array(logical.data_type(), batch.num_rows()),
            None => return Err(rejected(table, field.name(), "is missing")),
        };
        let column = match column.data_type() == logical.data_type() {
            true => column,
            false => cast_column(&column, logical.data_type(), &DEFAULT_CAST_OPTIONS)?,
        };
        if !field.is_nullable() && column.logical_null_count() > 0 {
            return Err(rejected(table, field.name(), "must not be NULL"));
        }
        columns.push(match logical.data_type() {
            DataType::LargeBinary => blobs(&column, field.data_type())?,
            _ => column,
        });
    }
    Ok(RecordBatch::try_new(Arc::clone(stored), columns)?)
}

/// The same bytes, not copied, in the shape in which Lance takes blobs: each either here or at an address.
fn blobs(bytes: &ArrayRef, blob: &DataType) -> Result<ArrayRef> {
    let DataType::Struct(fields) = blob else {
        return Err(DataFusionError::Internal(format!("image bytes are stored as blobs, not as {blob}")));
    };
    let addresses = new_null_array(&DataType::Utf8, bytes.len());
    Ok(Arc::new(StructArray::try_new(fields.clone(), vec![Arc::clone(bytes), addresses], bytes.logical_nulls())?))
}

/// The error of a column that cannot be kept.
pub(super) fn rejected(table: Table, column: &str, problem: &str) -> DataFusionError {
    Error::argument(format!("column '{column}' of table '{table}'"), problem).into()
}
