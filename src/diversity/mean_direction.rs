//! How far apart vectors are on average.

use super::unit_vector::unit_vector;
use super::{DiversityError, Measure, StateReader, StateWriter};

/// Components of unit vectors are summed up in units of 1 / this, so that sums do not depend on the order.
const UNIT: f64 = (1u64 << 60) as f64;

/// The mean cosine distance of all pairs of vectors: 0 where all point one way, 1 for unrelated ones, never above 1 + 1 / (n − 1).
///
/// Of n unit vectors with sum s, the cosines of all pairs add up to (|s|² − n) / 2: no pair is looked at. Keeps that sum alone. Vectors
/// without direction are left out: those of zeros, and those with a component that is not finite.
#[derive(Debug, Default)]
pub struct MeanDirection {
    /// In units of 1 / [`UNIT`].
    sum: Vec<i128>,
    vectors: u64,
    unit: Vec<f64>,
}

impl MeanDirection {
    /// Takes a vector.
    ///
    /// # Errors
    /// [`DiversityError::VectorLengths`].
    pub fn add(&mut self, vector: &[f64]) -> Result<(), DiversityError> {
        if vector.is_empty() {
            return Ok(());
        }
        self.take_length(vector.len())?;
        if unit_vector(vector, &mut self.unit) {
            for (sum, component) in self.sum.iter_mut().zip(&self.unit) {
                *sum += i128::from((component * UNIT) as i64);
            }
            self.vectors += 1;
        }
        Ok(())
    }

    fn take_length(&mut self, length: usize) -> Result<(), DiversityError> {
        if self.sum.is_empty() {
            self.sum.resize(length, 0);
        }
        match self.sum.len() == length {
            true => Ok(()),
            false => Err(DiversityError::VectorLengths { first: self.sum.len(), other: length }),
        }
    }
}

impl Measure for MeanDirection {
    fn save(&self, state: &mut StateWriter) {
        state.integer(self.vectors);
        state.integer(self.sum.len() as u64);
        self.sum.iter().for_each(|component| state.wide_integer(*component));
    }

    fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        self.vectors += state.integer()?;
        let length = state.length()?;
        if length > 0 {
            self.take_length(length)?;
        }
        for component in &mut self.sum[..length] {
            *component += state.wide_integer()?;
        }
        Ok(())
    }

    /// `None` for fewer than two vectors.
    fn value(&self) -> Option<f64> {
        let vectors = self.vectors as f64;
        let squared_length: f64 = self.sum.iter().map(|component| (*component as f64 / UNIT).powi(2)).sum();
        let mean_cosine = (squared_length - vectors) / (vectors * (vectors - 1.0));
        (self.vectors > 1).then(|| (1.0 - mean_cosine).clamp(0.0, 2.0))
    }

    fn heap_bytes(&self) -> usize {
        self.sum.capacity() * size_of::<i128>() + self.unit.capacity() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vectors: &[&[f64]]) -> Option<f64> {
        let mut measure = MeanDirection::default();
        vectors.iter().for_each(|vector| measure.add(vector).unwrap());
        measure.value()
    }

    fn assert_near(vectors: &[&[f64]], expected: f64) {
        let value = of(vectors).unwrap();
        assert!((value - expected).abs() < 1e-12, "{vectors:?}: {value} instead of {expected}");
    }

    #[test]
    fn known_angles() {
        assert_near(&[&[1.0, 0.0], &[0.0, 5.0]], 1.0);
        assert_near(&[&[1.0, 0.0], &[-2.0, 0.0]], 2.0);
        assert_near(&[&[1.0, 2.0], &[3.0, 6.0], &[0.1, 0.2]], 0.0);
        // One right angle among three pairs, and two of 45 degrees.
        assert_near(&[&[1.0, 0.0], &[0.0, 1.0], &[1.0, 1.0]], 1.0 - 2.0 * 0.5f64.sqrt() / 3.0);
    }

    #[test]
    fn fewer_than_two_directions_have_no_distance() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[&[1.0, 1.0]]), None);
        assert_eq!(of(&[&[1.0, 1.0], &[0.0, 0.0], &[f64::NAN, 1.0], &[f64::INFINITY, 0.0]]), None);
    }

    #[test]
    fn two_lengths_are_an_error() {
        let mut measure = MeanDirection::default();
        measure.add(&[1.0, 2.0]).unwrap();
        assert_eq!(measure.add(&[1.0]), Err(DiversityError::VectorLengths { first: 2, other: 1 }));
    }
}
