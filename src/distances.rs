//! Distances between many vectors at once: products of matrices, in blocks that fit the cache, on all cores.

use std::thread::available_parallelism;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, s};

/// Rows of one side and of the other that are multiplied at a time: their product and themselves fit the second-level cache.
const BLOCK_ROWS: usize = 256;

/// Vectors of one length, scaled to length 1, row by row.
#[derive(Debug, Clone)]
pub struct Matrix {
    dimensions: usize,
    values: Vec<f32>,
}

/// The row of a matrix that is nearest to a vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Which row.
    pub row: usize,
    /// The cosine distance, from 0 to 2.
    pub distance: f32,
}

impl Matrix {
    /// No vectors, of a length of 1 or more.
    pub fn new(dimensions: usize) -> Matrix {
        Matrix { dimensions: dimensions.max(1), values: Vec::new() }
    }

    /// How many vectors.
    pub fn rows(&self) -> usize {
        self.values.len() / self.dimensions
    }

    /// Adds a vector of the matrix's length. One of zeros stays one, at distance 1 from everything.
    pub fn push(&mut self, vector: &[f32]) {
        debug_assert_eq!(vector.len(), self.dimensions);
        let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        self.values.extend(vector.iter().map(|number| (f64::from(*number) * scale) as f32));
    }

    /// For each row of this matrix the nearest row of `others`, the first of several at the same distance; `None` when there are no others.
    /// Takes all cores for `2 * rows * others * dimensions` operations.
    pub fn nearest_in(&self, others: &Matrix) -> Vec<Option<Nearest>> {
        let mut nearest = vec![None; self.rows()];
        if others.rows() == 0 || nearest.is_empty() {
            return nearest;
        }
        let cores = available_parallelism().map_or(1, usize::from);
        let share = self.rows().div_ceil(cores).next_multiple_of(BLOCK_ROWS);
        std::thread::scope(|scope| {
            for (values, found) in self.values.chunks(share * self.dimensions).zip(nearest.chunks_mut(share)) {
                scope.spawn(move || {
                    let blocks = values.chunks(BLOCK_ROWS * self.dimensions).zip(found.chunks_mut(BLOCK_ROWS));
                    blocks.for_each(|(values, found)| nearest_of_block(values, others, found));
                });
            }
        });
        nearest
    }
}

fn nearest_of_block(values: &[f32], others: &Matrix, found: &mut [Option<Nearest>]) {
    let block = view(values, others.dimensions);
    let mut products = Array2::zeros((block.nrows(), BLOCK_ROWS));
    for (number, other) in others.values.chunks(BLOCK_ROWS * others.dimensions).enumerate() {
        let other = view(other, others.dimensions);
        let mut products = products.slice_mut(s![.., ..other.nrows()]);
        general_mat_mul(1.0, &block, &other.t(), 0.0, &mut products);
        for (nearest, products) in found.iter_mut().zip(products.rows()) {
            for (column, product) in products.iter().enumerate() {
                let distance = (1.0 - product).clamp(0.0, 2.0);
                if nearest.is_none_or(|nearest: Nearest| distance < nearest.distance) {
                    *nearest = Some(Nearest { row: number * BLOCK_ROWS + column, distance });
                }
            }
        }
    }
}

/// Whole vectors as the rows of a matrix.
fn view(values: &[f32], dimensions: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((values.len() / dimensions, dimensions), values).expect("a matrix holds whole vectors")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same in every run.
    fn matrix(rows: usize, dimensions: usize, seed: u32) -> Matrix {
        let mut state = seed;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let mut matrix = Matrix::new(dimensions);
        for _ in 0..rows {
            let vector: Vec<f32> = (0..dimensions).map(|_| number()).collect();
            matrix.push(&vector);
        }
        matrix
    }

    #[test]
    fn the_nearest_are_those_that_a_plain_loop_finds() {
        for (rows, others, dimensions) in [(1, 1, 1), (3, 700, 5), (600, 257, 17), (256, 256, 8)] {
            let (a, b) = (matrix(rows, dimensions, 1), matrix(others, dimensions, 2));
            let found = a.nearest_in(&b);
            for (row, vector) in a.values.chunks(dimensions).enumerate() {
                let distance = |other: &[f32]| 1.0 - vector.iter().zip(other).map(|(x, y)| x * y).sum::<f32>();
                let least = b.values.chunks(dimensions).map(distance).fold(f32::INFINITY, f32::min);
                let found = found[row].unwrap();
                assert!((found.distance - least.clamp(0.0, 2.0)).abs() < 1e-5, "row {row} of {rows}: {found:?}, {least}");
                let own = distance(&b.values[found.row * dimensions..][..dimensions]);
                assert!((own - found.distance).abs() < 1e-5, "row {row}: {found:?} is at {own}");
            }
        }
    }

    #[test]
    fn nothing_is_nearest_to_nothing() {
        assert_eq!(matrix(2, 3, 1).nearest_in(&Matrix::new(3)), [None, None]);
        assert_eq!(Matrix::new(3).nearest_in(&matrix(2, 3, 1)), []);
    }

    #[test]
    fn of_equal_rows_the_first_is_nearest() {
        let mut equal = Matrix::new(2);
        (0..600).for_each(|_| equal.push(&[3.0, 4.0]));
        let nearest = equal.nearest_in(&equal);
        assert!(nearest.iter().all(|nearest| nearest.is_some_and(|nearest| nearest.row == 0 && nearest.distance < 1e-6)));
    }
}
