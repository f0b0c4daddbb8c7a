//! Hashes that stand for values, and tables of them.
//!
//! A 64-bit hash stands for each category, word and n-gram. Among ten million values two share a hash with a chance of one in 370,000, and
//! one such pair changes no measure in its first six digits. Hashes are the same on every machine, because samples are drawn by them.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use twox_hash::XxHash3_64;

/// A map from hashes.
pub type HashMap64<V> = HashMap<u64, V, BuildHasherDefault<Hashed>>;

/// A set of hashes.
pub type HashSet64 = HashSet<u64, BuildHasherDefault<Hashed>>;

/// The hash of a value's bytes: XXH3, 64 bits.
pub fn hash(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

/// Another hash of the bytes for each seed.
pub(super) fn seeded_hash(seed: u64, bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(seed, bytes)
}

/// The hash of a sequence of hashes.
pub(super) fn combined(hashes: &[u64]) -> u64 {
    // Multiplication by an odd number and folding, as in splitmix64; the order counts, since each step scrambles what came before.
    // It starts from no small number (digits of pi), which a small hash would cancel.
    hashes.iter().fold(hashes.len() as u64 ^ 0x243f_6a88_85a3_08d3, |state, hash| {
        let mixed = (state ^ hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 32)
    })
}

/// Bytes of a table that holds up to `capacity` entries of type `T` before it grows: seven of eight slots, and a byte each of its own.
pub(super) fn table_bytes<T>(capacity: usize) -> usize {
    capacity.div_ceil(7) * 8 * (size_of::<T>() + 1)
}

/// A hasher for keys that are hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub struct Hashed(u64);

impl Hasher for Hashed {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_same_everywhere() {
        // Reference values of XXH3.
        assert_eq!((hash(b""), seeded_hash(0, b"")), (0x2d06_8005_38d3_94c2, 0x2d06_8005_38d3_94c2));
        assert_ne!(seeded_hash(1, b"a"), seeded_hash(2, b"a"));
    }

    #[test]
    fn order_and_number_of_hashes_count() {
        let all = [combined(&[1, 2]), combined(&[2, 1]), combined(&[1]), combined(&[1, 0]), combined(&[0]), combined(&[])];
        assert_eq!(HashSet64::from_iter(all).len(), all.len());
    }
}
