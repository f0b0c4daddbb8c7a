//! How far two judges agree.

use std::collections::BTreeMap;

use super::{DiversityError, Measure, StateReader, StateWriter};

/// Cohen's kappa (Cohen 1960): the agreement of two judges beyond what chance would give, by the chance that there was for it.
///
/// 1 for full agreement, 0 for as much as by chance, negative for less. Keeps each pair of labels with its count.
#[derive(Debug, Default)]
pub struct Kappa {
    pairs: BTreeMap<(u64, u64), u64>,
}

impl Kappa {
    /// Takes an item that one judge gave the label with hash `a`, the other one that with hash `b`.
    pub fn add(&mut self, a: u64, b: u64) {
        *self.pairs.entry((a, b)).or_default() += 1;
    }
}

impl Measure for Kappa {
    fn save(&self, state: &mut StateWriter) {
        state.integer(self.pairs.len() as u64);
        for ((a, b), items) in &self.pairs {
            state.integer(*a);
            state.integer(*b);
            state.integer(*items);
        }
    }

    fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        for _ in 0..state.length()? {
            let pair = (state.integer()?, state.integer()?);
            *self.pairs.entry(pair).or_default() += state.integer()?;
        }
        Ok(())
    }

    /// `None` for no items, and where both judges gave one and the same label to all: chance leaves nothing to agree on.
    fn value(&self) -> Option<f64> {
        let (mut total, mut agreed) = (0i128, 0i128);
        let mut labels: BTreeMap<u64, [i128; 2]> = BTreeMap::new();
        for ((a, b), items) in &self.pairs {
            let items = i128::from(*items);
            total += items;
            agreed += if a == b { items } else { 0 };
            labels.entry(*a).or_default()[0] += items;
            labels.entry(*b).or_default()[1] += items;
        }
        // Both by the square of the total.
        let by_chance: i128 = labels.values().map(|[a, b]| a * b).sum();
        let beyond = total * total - by_chance;
        (beyond > 0).then(|| (total * agreed - by_chance) as f64 / beyond as f64)
    }

    fn heap_bytes(&self) -> usize {
        // Nodes of a B-tree are at least half full.
        self.pairs.len() * 2 * size_of::<((u64, u64), u64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(u64, u64, u64)]) -> Option<f64> {
        let mut measure = Kappa::default();
        for (a, b, items) in pairs {
            (0..*items).for_each(|_| measure.add(*a, *b));
        }
        measure.value()
    }

    #[test]
    fn known_tables() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(1, 1, 9)]), None);
        assert_eq!(of(&[(0, 0, 3), (1, 1, 4)]), Some(1.0));
        assert_eq!(of(&[(0, 1, 3), (1, 0, 3)]), Some(-1.0));
        // One judge always says the same: no agreement beyond chance.
        assert_eq!(of(&[(0, 0, 3), (1, 0, 3)]), Some(0.0));
        // Agreement 0.7, by chance 0.5.
        assert_eq!(of(&[(1, 1, 20), (1, 0, 5), (0, 1, 10), (0, 0, 15)]), Some(0.4));
    }
}
