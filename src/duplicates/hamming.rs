//! Pictures whose perceptual hashes differ in few bits.

use super::bands::BandHashes;
use super::groups::{Content, Likeness};
use super::leaders::{Joined, join};

/// Bits of a hash.
const BITS: u32 = 64;

/// The distinct hashes so far.
///
/// Two hashes that differ in `d` bits agree in one of `d + 1` parts, so every pair within the distance is compared. A part of few bits is shared by
/// many: the work grows with the distance, up to comparing all pairs.
#[derive(Debug)]
pub struct Hamming {
    most_distant: u32,
    hashes: Vec<u64>,
}

impl Hamming {
    /// For hashes of which at least a share of `threshold` of the bits agree.
    pub fn new(threshold: f64) -> Hamming {
        // A little more, because 1 - 0.9 and its like are a little less.
        let most_distant = ((1.0 - threshold) * f64::from(BITS) + 1e-9).floor() as u32;
        Hamming { most_distant: most_distant.min(BITS - 1), hashes: Vec::new() }
    }

    /// What is compared of a picture.
    pub fn sketch(hash: u64) -> Content<u64> {
        Content { key: u128::from(hash), sketch: hash }
    }
}

impl Likeness for Hamming {
    type Sketch = u64;

    fn add(&mut self, hash: u64) {
        self.hashes.push(hash);
    }

    fn join(self, contents: &[u32]) -> Vec<Joined> {
        let parts = self.most_distant + 1;
        let mut bands = BandHashes::new(parts as usize);
        for hash in &self.hashes {
            bands.push((0..parts).map(|part| {
                let (start, end) = (part * BITS / parts, (part + 1) * BITS / parts);
                let bits = hash >> start & (u64::MAX >> (BITS - (end - start)));
                // A part longer than a band's hash is folded: that makes more pairs, and misses none.
                (bits ^ bits >> 32) as u32
            }));
        }
        join(contents, bands.buckets(usize::MAX), |a, b| {
            let distance = (self.hashes[a as usize] ^ self.hashes[b as usize]).count_ones();
            (distance <= self.most_distant).then(|| 1.0 - f64::from(distance) / f64::from(BITS))
        })
    }
}
