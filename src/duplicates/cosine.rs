//! Vectors that point in nearly the same direction.

use std::sync::OnceLock;

use super::bands::{BandHashes, Bands};
use super::groups::{Content, Likeness};
use super::leaders::{Joined, join};
use super::text::mixed;

/// Signs that a vector is told by. More than a MinHash signature has values, because half of them agree between vectors at a right angle.
const PLANES: usize = 1024;

/// As in method near, the most leaders of one bucket that an item is compared with.
const MOST_COMPARED: usize = 256;

/// Numbers that are summed side by side, in an order that no machine changes.
const LANES: usize = 8;

/// Takes down what is compared of a vector. Shared by the threads that do so.
///
/// A vector is told by the sides of random planes on which it lies: two vectors at an angle `a` are on the same side of a plane with a chance of
/// `1 - a / pi` (Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002). The planes have coordinates of 1 and -1
/// (Achlioptas, "Database-friendly random projections", 2003), the same on every machine.
#[derive(Debug)]
pub struct CosineSketcher {
    bands: Bands,
    planes: OnceLock<Planes>,
}

/// The planes' coordinates, of each dimension those of all planes.
#[derive(Debug)]
struct Planes {
    dimensions: usize,
    coordinates: Vec<f32>,
}

/// What is compared of a vector.
#[derive(Debug)]
pub struct CosineSketch {
    /// Of length 1.
    direction: Vec<f32>,
    bands: Vec<u32>,
}

/// A vector that cannot be compared with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidVector {
    /// It has no direction: all zeros, or a value that is no number.
    NoDirection,
    /// It has another length.
    Length {
        /// How many values it has.
        got: usize,
        /// How many the others have.
        expected: usize,
    },
}

impl CosineSketcher {
    /// For vectors with a cosine of at least `threshold`.
    pub fn new(threshold: f64) -> CosineSketcher {
        CosineSketcher { bands: bands(threshold), planes: OnceLock::new() }
    }

    /// What is compared of a vector; the first one says how long they are.
    ///
    /// # Errors
    /// See [`InvalidVector`].
    pub fn sketch(&self, vector: &[f32], scope: u64) -> Result<Content<CosineSketch>, InvalidVector> {
        let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if !length.is_finite() || length == 0.0 {
            return Err(InvalidVector::NoDirection);
        }
        let planes = self.planes.get_or_init(|| Planes::new(vector.len(), self.bands.values()));
        if vector.len() != planes.dimensions {
            return Err(InvalidVector::Length { got: vector.len(), expected: planes.dimensions });
        }
        let direction: Vec<f32> = vector.iter().map(|value| (f64::from(*value) / length) as f32).collect();
        let signs = planes.signs(&direction, self.bands.values());
        let bytes: Vec<u8> = direction.iter().flat_map(|value| value.to_le_bytes()).collect();
        let bands = self.bands.hashes(&signs, scope).collect();
        Ok(Content { key: super::bytes_key(&bytes, scope), sketch: CosineSketch { direction, bands } })
    }
}

fn bands(threshold: f64) -> Bands {
    Bands::for_agreement(1.0 - threshold.clamp(-1.0, 1.0).acos() / std::f64::consts::PI, PLANES)
}

impl Planes {
    fn new(dimensions: usize, planes: usize) -> Planes {
        let sign = |number: usize| if mixed(number as u64 + 1) & 1 == 1 { 1.0 } else { -1.0 };
        Planes { dimensions, coordinates: (0..dimensions * planes).map(sign).collect() }
    }

    /// On which side of each plane a vector lies.
    fn signs(&self, vector: &[f32], planes: usize) -> Vec<u32> {
        let mut sums = vec![0f32; planes];
        for (value, coordinates) in vector.iter().zip(self.coordinates.chunks_exact(planes)) {
            for (sum, coordinate) in sums.iter_mut().zip(coordinates) {
                *sum += value * coordinate;
            }
        }
        sums.into_iter().map(|sum| u32::from(sum > 0.0)).collect()
    }
}

/// The distinct vectors so far.
#[derive(Debug)]
pub struct Cosine {
    threshold: f64,
    hashes: BandHashes,
    dimensions: usize,
    directions: Vec<f32>,
}

impl Cosine {
    /// For the sketches of a sketcher of the same threshold.
    pub fn new(threshold: f64) -> Cosine {
        Cosine { threshold, hashes: BandHashes::new(bands(threshold).bands), dimensions: 0, directions: Vec::new() }
    }
}

impl Likeness for Cosine {
    type Sketch = CosineSketch;

    fn add(&mut self, sketch: CosineSketch) {
        self.dimensions = sketch.direction.len();
        self.hashes.push(sketch.bands);
        self.directions.extend(sketch.direction);
    }

    fn join(self, contents: &[u32]) -> Vec<Joined> {
        let Cosine { threshold, hashes, dimensions, directions } = self;
        let of = |vector: u32| &directions[vector as usize * dimensions..][..dimensions];
        join(contents, hashes.buckets(MOST_COMPARED), |a, b| {
            let cosine = dot(of(a), of(b)).min(1.0);
            (cosine >= threshold).then_some(cosine)
        })
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0f32; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (left, right) in left.zip(right) {
        for ((sum, a), b) in sums.iter_mut().zip(left).zip(right) {
            *sum += a * b;
        }
    }
    sums.into_iter().map(f64::from).sum::<f64>() + f64::from(rest)
}
