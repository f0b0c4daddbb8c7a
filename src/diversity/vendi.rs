//! How many different directions vectors have in effect.

use nalgebra::{DMatrix, DMatrixView};

use super::hashing::hash;
use super::sample::HashSample;
use super::unit_vector::unit_vector;
use super::{DiversityError, Measure, StateReader, StateWriter};

/// The longest vectors of which all are used, and how many distinct ones are of longer vectors: the side of the largest matrix.
pub const LARGEST_MATRIX: usize = 2048;

/// Products of matrices pay from so many vectors on.
const LEAST_BLOCK: usize = 256;

/// The Vendi score (Friedman and Dieng 2023) with the cosine as similarity: the exponential of the entropy of the eigenvalues of K / n, where
/// K holds the cosines of all pairs. From 1, where all vectors point one way, to n or to their length, whichever is less.
///
/// K has the same eigenvalues as the sum of the products of each unit vector with itself, which is as wide as the vectors are long; the
/// smaller one of the two is taken. So of vectors of at most [`LARGEST_MATRIX`] components all are used, however many they are: O(n d²) for n
/// vectors of d components, then O(min(n, d)³). Of longer vectors, only the [`LARGEST_MATRIX`] distinct ones with the smallest hashes are,
/// weighted by how often each occurs.
///
/// Keeps at most 2 d² + 256 d numbers, or the sample. Vectors without direction are left out: those of
/// zeros, and those with a component that is not finite.
#[derive(Debug)]
pub struct Vendi {
    kept: Kept,
    /// The length of the vectors, once there is one.
    length: usize,
    unit: Vec<f64>,
}

#[derive(Debug)]
enum Kept {
    All {
        vectors: u64,
        /// The unit vectors that are not in `products` yet, one after another.
        units: Vec<f64>,
        /// The sum of the products of the others with themselves; its lower half. Empty while there are none.
        products: DMatrix<f64>,
    },
    Sample(HashSample<Box<[f64]>>),
}

impl Default for Vendi {
    fn default() -> Self {
        Vendi { kept: Kept::All { vectors: 0, units: Vec::new(), products: DMatrix::zeros(0, 0) }, length: 0, unit: Vec::new() }
    }
}

impl Vendi {
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
            match &mut self.kept {
                Kept::All { vectors, units, products } => {
                    *vectors += 1;
                    units.extend(&self.unit);
                    if units.len() >= self.length * self.length.max(LEAST_BLOCK) {
                        add_products(units, self.length, products);
                        units.clear();
                    }
                }
                Kept::Sample(sample) => {
                    let bytes: Vec<u8> = self.unit.iter().flat_map(|component| component.to_le_bytes()).collect();
                    sample.offer(hash(&bytes), 1, || self.unit.as_slice().into());
                }
            }
        }
        Ok(())
    }

    fn take_length(&mut self, length: usize) -> Result<(), DiversityError> {
        if self.length == 0 {
            self.length = length;
            if length > LARGEST_MATRIX {
                self.kept = Kept::Sample(HashSample::new(LARGEST_MATRIX));
            }
        }
        match self.length == length {
            true => Ok(()),
            false => Err(DiversityError::VectorLengths { first: self.length, other: length }),
        }
    }
}

impl Measure for Vendi {
    fn save(&self, state: &mut StateWriter) {
        state.integer(self.length as u64);
        match &self.kept {
            Kept::All { vectors, units, products } => {
                state.integer(*vectors);
                state.numbers(units);
                state.numbers(products.as_slice());
            }
            Kept::Sample(sample) => sample.save(state),
        }
    }

    fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        let length = state.length()?;
        if length == 0 {
            return Ok(());
        }
        self.take_length(length)?;
        match &mut self.kept {
            Kept::All { vectors, units, products } => {
                *vectors += state.integer()?;
                units.extend(state.numbers()?);
                let others = state.numbers()?;
                if products.is_empty() && !others.is_empty() {
                    *products = DMatrix::zeros(length, length);
                }
                products.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
                if units.len() >= self.length * self.length.max(LEAST_BLOCK) {
                    add_products(units, self.length, products);
                    units.clear();
                }
                Ok(())
            }
            Kept::Sample(sample) => sample.merge(state),
        }
    }

    fn value(&self) -> Option<f64> {
        let (kernel, most) = match &self.kept {
            Kept::All { vectors: 0, .. } => return None,
            Kept::All { vectors, units, products } => {
                let count = usize::try_from(*vectors).unwrap_or(usize::MAX);
                let kernel = match products.is_empty() && count <= self.length {
                    true => cosines(units, self.length),
                    false => {
                        let mut all = products.clone();
                        add_products(units, self.length, &mut all);
                        all
                    }
                };
                (kernel, count.min(self.length))
            }
            Kept::Sample(sample) => {
                // The square roots of the counts on both sides make of each kept vector as many as there were.
                let weighted = sample.iter().flat_map(|(_, kept)| kept.item.iter().map(|component| component * (kept.count as f64).sqrt()));
                let units: Vec<f64> = weighted.collect();
                (cosines(&units, self.length), sample.iter().len())
            }
        };
        effective_rank(kernel).map(|score| score.clamp(1.0, most as f64))
    }

    fn heap_bytes(&self) -> usize {
        let kept = match &self.kept {
            Kept::All { units, products, .. } => (units.capacity() + products.len()) * size_of::<f64>(),
            Kept::Sample(sample) => sample.heap_bytes(),
        };
        kept + self.unit.capacity() * size_of::<f64>()
    }
}

/// Adds the product of each vector with itself; the lower half of the sum, which is made if it is empty.
fn add_products(vectors: &[f64], length: usize, sum: &mut DMatrix<f64>) {
    if sum.is_empty() {
        *sum = DMatrix::zeros(length, length);
    }
    let columns = DMatrixView::from_slice(vectors, length, vectors.len() / length);
    add_lower_half(columns, &columns.transpose(), sum);
}

/// The lower half of the matrix of the products of all pairs.
fn cosines(vectors: &[f64], length: usize) -> DMatrix<f64> {
    let count = vectors.len() / length;
    let columns = DMatrixView::from_slice(vectors, length, count);
    let rows = columns.transpose();
    let mut products = DMatrix::zeros(count, count);
    add_lower_half(rows.as_view(), &columns.into_owned(), &mut products);
    products
}

/// Adds `left * right`, which is symmetric; its lower half, in strips of columns, and not much of the rest.
fn add_lower_half(left: DMatrixView<'_, f64>, right: &DMatrix<f64>, sum: &mut DMatrix<f64>) {
    const STRIP: usize = 64;
    let side = sum.nrows();
    for start in (0..side).step_by(STRIP) {
        let width = STRIP.min(side - start);
        let mut strip = sum.view_mut((start, start), (side - start, width));
        strip.gemm(1.0, &left.rows(start, side - start), &right.columns(start, width), 1.0);
    }
}

/// The exponential of the entropy of the eigenvalues, as shares of their sum. Reads the lower half.
fn effective_rank(symmetric: DMatrix<f64>) -> Option<f64> {
    let trace = symmetric.trace();
    // What should be 0 comes out a little above or below.
    let shares = symmetric.symmetric_eigenvalues().map(|value| value / trace);
    let entropy: f64 = shares.iter().filter(|share| **share > 0.0).map(|share| share * -share.ln()).sum();
    (trace > 0.0).then(|| entropy.exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vectors: &[Vec<f64>]) -> Option<f64> {
        let mut measure = Vendi::default();
        vectors.iter().for_each(|vector| measure.add(vector).unwrap());
        measure.value()
    }

    fn axis(length: usize, place: usize) -> Vec<f64> {
        (0..length).map(|other| if other == place { 3.0 } else { 0.0 }).collect()
    }

    fn assert_near(vectors: &[Vec<f64>], expected: f64) {
        let value = of(vectors).unwrap();
        assert!((value - expected).abs() < 1e-9, "{value} instead of {expected}");
    }

    #[test]
    fn axes_count_one_each() {
        assert_eq!(of(&[]), None);
        assert_near(&[axis(4, 0)], 1.0);
        assert_near(&[axis(4, 0), axis(4, 1), axis(4, 2)], 3.0);
        assert_near(&vec![axis(4, 1); 5], 1.0);
        let repeated: Vec<Vec<f64>> = (0..12).map(|place| axis(4, place % 4)).collect();
        assert_near(&repeated, 4.0);
    }

    #[test]
    fn two_vectors_by_hand() {
        // With cosine c the eigenvalues are (1 + c) / 2 and (1 − c) / 2.
        let (high, low) = (0.8f64, 0.2f64);
        let cosine = high - low;
        let expected = (-(high * high.ln() + low * low.ln())).exp();
        assert_near(&[vec![1.0, 0.0, 0.0], vec![cosine, (1.0 - cosine * cosine).sqrt(), 0.0]], expected);
    }

    #[test]
    fn both_matrices_give_the_same_score() {
        let vector = |seed: usize| -> Vec<f64> { (0..6).map(|place| ((seed * 7 + place * 13) as f64).sin()).collect() };
        let few: Vec<Vec<f64>> = (0..6).map(vector).collect();
        // All of them three times: other sums, the same spread.
        let many: Vec<Vec<f64>> = (0..3).flat_map(|_| few.clone()).collect();
        assert_near(&many, of(&few).unwrap());
    }

    #[test]
    fn longer_vectors_are_sampled_with_their_counts() {
        let length = LARGEST_MATRIX + 1;
        let vectors: Vec<Vec<f64>> = [0, 1, 1, 1].map(|place| axis(length, place)).into();
        assert_near(&vectors, (-(0.25 * 0.25f64.ln() + 0.75 * 0.75f64.ln())).exp());
    }

    #[test]
    fn what_has_no_direction_is_left_out() {
        assert_eq!(of(&[vec![0.0, 0.0], vec![1.0, f64::NAN]]), None);
        assert_near(&[vec![0.0, 0.0], axis(2, 0), axis(2, 1)], 2.0);
    }

    #[test]
    fn two_lengths_are_an_error() {
        let mut measure = Vendi::default();
        measure.add(&[1.0, 2.0]).unwrap();
        assert_eq!(measure.add(&[1.0]), Err(DiversityError::VectorLengths { first: 2, other: 1 }));
    }
}
