//! Columns of rows, by name.

use arrow::array::{ArrayRef, RecordBatch};

use crate::error::{Error, Result};

/// The column of this name.
///
/// # Errors
/// [`Error::Internal`] where there is none: the rows come from a statement or a projection of our own.
pub(crate) fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    rows.column_by_name(name).ok_or_else(|| Error::internal("failed to read rows", format!("column '{name}' is missing")))
}
