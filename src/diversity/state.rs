//! What a measure has kept, as bytes on their way to another thread of the same process.

use super::DiversityError;

/// Writes values one after another.
#[derive(Debug, Default)]
pub struct StateWriter(Vec<u8>);

impl StateWriter {
    /// An integer.
    pub fn integer(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    /// A wide integer.
    pub fn wide_integer(&mut self, value: i128) {
        self.0.extend(value.to_le_bytes());
    }

    /// Numbers, after how many they are.
    pub fn numbers(&mut self, values: &[f64]) {
        self.integer(values.len() as u64);
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    /// Bytes, after how many they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.integer(bytes.len() as u64);
        self.0.extend(bytes);
    }

    /// All that was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads values in the order they were written in. Each function fails with [`DiversityError::State`] where nothing is left.
#[derive(Debug)]
pub struct StateReader<'a>(&'a [u8]);

impl<'a> StateReader<'a> {
    /// Reads what a [`StateWriter`] wrote.
    pub fn new(bytes: &'a [u8]) -> Self {
        StateReader(bytes)
    }

    /// See [`StateWriter::integer`].
    pub fn integer(&mut self) -> Result<u64, DiversityError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// See [`StateWriter::wide_integer`].
    pub fn wide_integer(&mut self) -> Result<i128, DiversityError> {
        Ok(i128::from_le_bytes(self.array()?))
    }

    /// How many values follow.
    pub fn length(&mut self) -> Result<usize, DiversityError> {
        usize::try_from(self.integer()?).map_err(|_| DiversityError::State)
    }

    /// See [`StateWriter::numbers`].
    pub fn numbers(&mut self) -> Result<Vec<f64>, DiversityError> {
        let count = self.length()?;
        let bytes = self.take(count.checked_mul(size_of::<f64>()).ok_or(DiversityError::State)?)?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }

    /// See [`StateWriter::bytes`].
    pub fn bytes(&mut self) -> Result<&'a [u8], DiversityError> {
        let count = self.length()?;
        self.take(count)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DiversityError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(DiversityError::State)?;
        self.0 = rest;
        Ok(*array)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DiversityError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(DiversityError::State)?;
        self.0 = rest;
        Ok(taken)
    }
}
