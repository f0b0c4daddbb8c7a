//! How often each value occurs.

use super::hashing::{HashMap64, table_bytes};
use super::{DiversityError, StateReader, StateWriter};

/// The number of items of each value, values standing by their hashes. 27 bytes or less for each value at the table's usual fill.
#[derive(Debug, Default)]
pub struct Counts {
    counts: HashMap64<u64>,
    total: u64,
}

impl Counts {
    /// Counts `items` items of a value.
    pub fn add(&mut self, value: u64, items: u64) {
        *self.counts.entry(value).or_default() += items;
        self.total += items;
    }

    /// How many items there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Each value with its number of items, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts.iter().map(|(value, items)| (*value, *items))
    }

    /// How the items are spread over the values.
    pub fn spread(&self) -> Spread {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        counts.sort_unstable();
        let levels = counts.chunk_by(|a, b| a == b).map(|equal| Level { items: equal[0], values: equal.len() as u64 });
        Spread { levels: levels.collect(), total: self.total }
    }

    pub fn save(&self, state: &mut StateWriter) {
        state.integer(self.counts.len() as u64);
        for (value, items) in self.iter() {
            state.integer(value);
            state.integer(items);
        }
    }

    pub fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        let values = state.length()?;
        // They come in the order of another table's slots; a table that is too small for them would collect them in a few of its own.
        self.counts.reserve(values);
        for _ in 0..values {
            self.add(state.integer()?, state.integer()?);
        }
        Ok(())
    }

    pub fn heap_bytes(&self) -> usize {
        table_bytes::<(u64, u64)>(self.counts.capacity())
    }
}

/// How items are spread over values, whatever the values are.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// From the rarest to the commonest.
    pub levels: Vec<Level>,
    /// How many items there are.
    pub total: u64,
}

/// Values that occur equally often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The items of each.
    pub items: u64,
    /// How many values they are.
    pub values: u64,
}

impl Spread {
    /// How many values there are.
    pub fn values(&self) -> u64 {
        self.levels.iter().map(|level| level.values).sum()
    }

    /// The sum over the values of `term`, a function of a value's share of the items.
    pub fn sum(&self, term: impl Fn(f64) -> f64) -> f64 {
        self.levels.iter().map(|level| level.values as f64 * term(level.items as f64 / self.total as f64)).sum()
    }

    /// The share of the commonest value.
    pub fn largest_share(&self) -> Option<f64> {
        self.levels.last().map(|level| level.items as f64 / self.total as f64)
    }
}
