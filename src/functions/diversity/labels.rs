//! Values of any type as hashes.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};

use crate::diversity::hash;
use crate::error::Result;
use crate::functions::equal_zeros::with_one_zero;

/// Gives equal values of one type equal hashes, and others others.
#[derive(Debug, Default)]
pub struct Labels {
    /// For values that are not texts, once there are any.
    converter: Option<RowConverter>,
}

impl Labels {
    /// The hash of each value; `None` for NULL.
    pub fn of(&mut self, values: &ArrayRef) -> Result<Vec<Option<u64>>> {
        if let DataType::Utf8 = values.data_type() {
            return Ok(values.as_string::<i32>().iter().map(|text| text.map(|text| hash(text.as_bytes()))).collect());
        }
        let values = with_one_zero(values);
        let converter = match self.converter.take() {
            Some(converter) => converter,
            None => RowConverter::new(vec![SortField::new(values.data_type().clone())])?,
        };
        let rows = self.converter.insert(converter).convert_columns(std::slice::from_ref(&values))?;
        let nulls = values.logical_nulls();
        let is_valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        Ok(rows.iter().enumerate().map(|(row, value)| is_valid(row).then(|| hash(value.as_ref()))).collect())
    }
}
