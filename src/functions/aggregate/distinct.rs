//! `DISTINCT`: rows with the same arguments are taken once.

use std::collections::HashSet;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::row::{Row, RowConverter, SortField};

use super::Gathering;
use crate::diversity::{StateReader, StateWriter};
use crate::error::{Error, Result};
use crate::functions::arguments::Description;
use crate::functions::equal_zeros::with_one_zero;

/// A gathering that takes each row of arguments once. Keeps all of them, since two parts of a set may have the same.
///
/// Where an aggregate stands alone, the engine makes a GROUP BY of its DISTINCT instead, which may spill to disk.
#[derive(Debug)]
pub struct Distinct {
    description: &'static Description,
    converter: RowConverter,
    seen: HashSet<Box<[u8]>>,
    seen_bytes: usize,
    inner: Box<dyn Gathering>,
}

impl Distinct {
    /// Before a gathering of arguments of these types.
    pub fn new(description: &'static Description, given: Vec<DataType>, inner: Box<dyn Gathering>) -> Result<Self> {
        let fields = description.conformed_types(&given).into_iter().map(SortField::new).collect();
        Ok(Distinct { description, converter: RowConverter::new(fields)?, seen: HashSet::new(), seen_bytes: 0, inner })
    }

    fn take<'a>(&mut self, rows: impl Iterator<Item = Row<'a>>) -> Result<()> {
        let mut new = Vec::new();
        for row in rows {
            let bytes = row.as_ref();
            if !self.seen.contains(bytes) {
                self.seen.insert(bytes.into());
                self.seen_bytes += bytes.len();
                new.push(row);
            }
        }
        match new.is_empty() {
            true => Ok(()),
            false => self.inner.update(&self.converter.convert_rows(new)?),
        }
    }
}

impl Gathering for Distinct {
    fn update(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        let arguments: Vec<ArrayRef> = arguments.iter().map(with_one_zero).collect();
        let rows = self.converter.convert_columns(&arguments)?;
        self.take(rows.iter())
    }

    fn state(&self) -> Vec<u8> {
        let mut state = StateWriter::default();
        state.integer(self.seen.len() as u64);
        self.seen.iter().for_each(|row| state.bytes(row));
        state.into_bytes()
    }

    fn merge(&mut self, state: &[u8]) -> Result<()> {
        let damaged = |cause| Error::internal(self.description.name, cause);
        let mut state = StateReader::new(state);
        let rows = (0..state.length().map_err(damaged)?).map(|_| state.bytes()).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        let parser = self.converter.parser();
        self.take(rows.into_iter().map(|row| parser.parse(row)))
    }

    fn value(&self) -> Result<Option<f64>> {
        self.inner.value()
    }

    fn heap_bytes(&self) -> usize {
        // A slot, its byte of the table, and what the allocator adds to a row.
        let slots = self.seen.capacity() * (size_of::<Box<[u8]>>() + 1 + 16);
        self.seen_bytes + slots + size_of_val(&*self.inner) + self.inner.heap_bytes()
    }
}
