//! A measure of the pure code as the gathering of an aggregate.

use arrow::array::ArrayRef;

use super::Gathering;
use crate::diversity::{DiversityError, Measure, StateReader, StateWriter};
use crate::error::{Error, Result};
use crate::functions::arguments::Description;

/// A [`Measure`], and how it takes the rows of a batch.
pub struct Measured<M> {
    description: &'static Description,
    measure: M,
    take: Box<Take<M>>,
}

type Take<M> = dyn FnMut(&mut M, &[ArrayRef]) -> Result<(), TakeError> + Send + Sync;

/// Why the rows of a batch cannot be taken.
#[derive(Debug)]
pub enum TakeError {
    /// A row that cannot be measured.
    Row(DiversityError),
    /// Anything else.
    Other(Error),
}

impl<M: Measure> Measured<M> {
    /// The gathering of one group in a call of the function.
    pub fn begin(
        description: &'static Description,
        measure: M,
        take: impl FnMut(&mut M, &[ArrayRef]) -> Result<(), TakeError> + Send + Sync + 'static,
    ) -> Box<dyn Gathering> {
        Box::new(Measured { description, measure, take: Box::new(take) })
    }

    fn explained(&self, error: impl Into<TakeError>) -> Error {
        match error.into() {
            TakeError::Row(DiversityError::State) => Error::internal(self.description.name, DiversityError::State),
            TakeError::Row(problem) => Error::argument(self.description.name, problem.to_string()),
            TakeError::Other(error) => error,
        }
    }
}

impl<M: Measure> Gathering for Measured<M> {
    fn update(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        (self.take)(&mut self.measure, arguments).map_err(|error| self.explained(error))
    }

    fn state(&self) -> Vec<u8> {
        let mut state = StateWriter::default();
        self.measure.save(&mut state);
        state.into_bytes()
    }

    fn merge(&mut self, state: &[u8]) -> Result<()> {
        self.measure.merge(&mut StateReader::new(state)).map_err(|error| self.explained(error))
    }

    fn value(&self) -> Result<Option<f64>> {
        Ok(self.measure.value())
    }

    fn heap_bytes(&self) -> usize {
        self.measure.heap_bytes()
    }
}

impl<M: std::fmt::Debug> std::fmt::Debug for Measured<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Measured").field("function", &self.description.name).field("measure", &self.measure).finish_non_exhaustive()
    }
}

impl From<DiversityError> for TakeError {
    fn from(error: DiversityError) -> Self {
        TakeError::Row(error)
    }
}

impl From<Error> for TakeError {
    fn from(error: Error) -> Self {
        TakeError::Other(error)
    }
}

impl From<arrow::error::ArrowError> for TakeError {
    fn from(error: arrow::error::ArrowError) -> Self {
        TakeError::Other(error.into())
    }
}
