//! Chance that can be had again: from a seed that is printed, and that the environment can set.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// Sets the seed of every test that uses chance.
const VARIABLE: &str = "MMEVOL_TEST_SEED";

/// A sequence of random numbers.
pub struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// From `seed`, unless the environment names another.
    pub fn seeded(seed: u64) -> Chance {
        let set = std::env::var(VARIABLE).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{VARIABLE}={text} is no number")));
        let seed = set.unwrap_or(seed);
        Chance { seed, state: seed }
    }

    /// Another sequence in every run, unless the environment names a seed.
    pub fn new() -> Chance {
        Chance::seeded(RandomState::new().hash_one(VARIABLE))
    }

    /// A number from 0 to before `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        // Splitmix64 (Steele, Lea, Flood 2014).
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// How to have the same again.
impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VARIABLE}={}", self.seed)
    }
}
