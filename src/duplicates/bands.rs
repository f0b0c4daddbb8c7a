//! Which items are compared at all: those that agree in a band of their signatures.

use super::text::mixed;

/// The least chance with which two items of exactly the threshold's similarity are compared.
const LEAST_RECALL: f64 = 0.95;

/// Signatures cut into `bands` of `rows` values each. Items that agree in all values of any band are compared (locality-sensitive hashing; Leskovec,
/// Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bands {
    /// How many bands there are.
    pub bands: usize,
    /// Values of a band.
    pub rows: usize,
}

impl Bands {
    /// The longest bands, which compare the fewest pairs in vain, of a signature of `values` with which two items are still compared with a
    /// chance of 0.95 or more, if each value agrees with a chance of `agreement`.
    pub fn for_agreement(agreement: f64, values: usize) -> Bands {
        let cut = |rows: usize| Bands { bands: (values / rows).max(1), rows };
        (1..=values).rev().map(cut).find(|bands| bands.recall(agreement) >= LEAST_RECALL).unwrap_or(cut(1))
    }

    /// The chance that two items are compared whose values agree each with a chance of `agreement`.
    pub fn recall(&self, agreement: f64) -> f64 {
        1.0 - (1.0 - agreement.powi(self.rows as i32)).powi(self.bands as i32)
    }

    /// The values of a signature that are used.
    pub fn values(&self) -> usize {
        self.bands * self.rows
    }

    /// One hash for each band of a signature. Items of different `scope` do not meet.
    pub(super) fn hashes<'a>(&self, signature: &'a [u32], scope: u64) -> impl Iterator<Item = u32> + use<'a> {
        signature.chunks_exact(self.rows).take(self.bands).map(move |band| {
            let hash = band.iter().fold(scope, |hash, value| mixed(hash ^ u64::from(*value)).rotate_left(17));
            (mixed(hash) >> 32) as u32
        })
    }
}

/// The hashes of the bands of many items.
#[derive(Debug)]
pub(super) struct BandHashes {
    bands: usize,
    /// Item by item.
    hashes: Vec<u32>,
}

/// Stands for the bucket of an item that is alone in it.
const ALONE: u32 = u32::MAX;

impl BandHashes {
    pub(super) fn new(bands: usize) -> BandHashes {
        BandHashes { bands, hashes: Vec::new() }
    }

    /// The hashes of the next item, as many as there are bands.
    pub(super) fn push(&mut self, hashes: impl IntoIterator<Item = u32>) {
        let before = self.hashes.len();
        self.hashes.extend(hashes);
        debug_assert_eq!(self.hashes.len() - before, self.bands);
    }

    fn items(&self) -> usize {
        self.hashes.len() / self.bands.max(1)
    }

    /// The buckets: the items that share a band's hash, for every hash that is shared. A bucket takes up `most` items.
    pub(super) fn buckets(mut self, most: usize) -> Buckets {
        let mut starts = vec![0];
        let mut end = 0;
        let items = self.items();
        let mut by_hash: Vec<u64> = Vec::with_capacity(items);
        for band in 0..self.bands {
            by_hash.clear();
            by_hash.extend((0..items).map(|item| u64::from(self.hashes[item * self.bands + band]) << 32 | item as u64));
            by_hash.sort_unstable();
            for run in by_hash.chunk_by(|a, b| a >> 32 == b >> 32) {
                let bucket = match run.len() {
                    1 => ALONE,
                    _ => {
                        end += run.len().min(most);
                        starts.push(end);
                        (starts.len() - 2) as u32
                    }
                };
                for entry in run {
                    self.hashes[*entry as u32 as usize * self.bands + band] = bucket;
                }
            }
        }
        let filled = vec![0; starts.len() - 1];
        Buckets { bands: self.bands, of: self.hashes, starts, filled, slots: vec![0; end] }
    }
}

/// The representatives that an item has to be compared with.
#[derive(Debug)]
pub(super) struct Buckets {
    bands: usize,
    /// The bucket of each band of each item.
    of: Vec<u32>,
    /// Where the slots of each bucket begin, and the end of the last.
    starts: Vec<usize>,
    filled: Vec<u32>,
    slots: Vec<u32>,
}

impl Buckets {
    /// What was [put](Buckets::put) into each bucket of an item, in the order in which it was.
    pub(super) fn of(&self, item: u32) -> impl Iterator<Item = &[u32]> {
        self.shared(item).map(|bucket| &self.slots[self.starts[bucket]..][..self.filled[bucket] as usize])
    }

    /// Puts `entry` into each bucket of an item that is not full.
    pub(super) fn put(&mut self, item: u32, entry: u32) {
        for band in 0..self.bands {
            let bucket = self.of[item as usize * self.bands + band];
            if bucket == ALONE {
                continue;
            }
            let (bucket, filled) = (bucket as usize, self.filled[bucket as usize]);
            let slot = self.starts[bucket] + filled as usize;
            if slot < self.starts[bucket + 1] {
                self.slots[slot] = entry;
                self.filled[bucket] = filled + 1;
            }
        }
    }

    fn shared(&self, item: u32) -> impl Iterator<Item = usize> {
        let buckets = &self.of[item as usize * self.bands..][..self.bands];
        buckets.iter().filter(|bucket| **bucket != ALONE).map(|bucket| *bucket as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_find_what_is_as_like_as_the_threshold() {
        for (threshold, bands, rows) in [(0.3, 64, 2), (0.5, 42, 3), (0.8, 18, 7), (0.9, 10, 12), (1.0, 1, 128)] {
            let chosen = Bands::for_agreement(threshold, 128);
            assert_eq!(chosen, Bands { bands, rows }, "{threshold}");
            assert!(chosen.recall(threshold) >= LEAST_RECALL);
        }
    }

    #[test]
    fn buckets_hold_what_shares_a_hash() {
        let mut hashes = BandHashes::new(2);
        for item in [[1, 7], [1, 8], [2, 7], [3, 9], [1, 9]] {
            hashes.push(item);
        }
        let mut buckets = hashes.buckets(2);
        for item in [0, 1, 4] {
            buckets.put(item, item);
        }
        let of = |item| buckets.of(item).map(<[u32]>::to_vec).collect::<Vec<_>>();
        assert_eq!(of(0), [vec![0, 1], vec![0]], "the first bucket is full");
        assert_eq!(of(2), [vec![0]]);
        assert_eq!(of(3), [vec![4]]);
        assert_eq!(BandHashes::new(3).buckets(2).slots.len(), 0);
    }
}
