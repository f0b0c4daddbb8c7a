//! A sample that depends on what is in a set alone.

use std::collections::BTreeMap;

use super::{DiversityError, StateReader, StateWriter};

/// The distinct items with the smallest hashes, each with how often it occurred.
///
/// An item that is among the smallest in the end was so from the first time it was seen, in every part of the set, so its count is exact.
#[derive(Debug)]
pub struct HashSample<T> {
    size: usize,
    kept: BTreeMap<u64, Kept<T>>,
    item_bytes: usize,
}

/// An item of the sample.
#[derive(Debug)]
pub struct Kept<T> {
    pub item: T,
    /// How often it occurred in the set.
    pub count: u64,
}

/// What a sample is made of.
pub trait SampleItem {
    fn save(&self, state: &mut StateWriter);
    fn read(state: &mut StateReader<'_>) -> Result<Self, DiversityError>
    where
        Self: Sized;
    fn heap_bytes(&self) -> usize;
}

impl<T: SampleItem> HashSample<T> {
    /// Of at most `size` distinct items.
    pub fn new(size: usize) -> Self {
        HashSample { size, kept: BTreeMap::new(), item_bytes: 0 }
    }

    /// Offers `count` copies of an item, which is made only if it is wanted.
    pub fn offer(&mut self, hash: u64, count: u64, make: impl FnOnce() -> T) {
        let is_full = self.kept.len() >= self.size;
        if is_full && self.kept.last_key_value().is_none_or(|(largest, _)| hash > *largest) {
            return;
        }
        if let Some(kept) = self.kept.get_mut(&hash) {
            kept.count += count;
            return;
        }
        let item = make();
        self.item_bytes += item.heap_bytes();
        self.kept.insert(hash, Kept { item, count });
        if is_full && let Some((_, dropped)) = self.kept.pop_last() {
            self.item_bytes -= dropped.item.heap_bytes();
        }
    }

    /// The items in the order of their hashes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &Kept<T>)> {
        self.kept.iter().map(|(hash, kept)| (*hash, kept))
    }

    pub fn save(&self, state: &mut StateWriter) {
        state.integer(self.kept.len() as u64);
        for (hash, kept) in &self.kept {
            state.integer(*hash);
            state.integer(kept.count);
            kept.item.save(state);
        }
    }

    pub fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        for _ in 0..state.length()? {
            let (hash, count, item) = (state.integer()?, state.integer()?, T::read(state)?);
            self.offer(hash, count, || item);
        }
        Ok(())
    }

    pub fn heap_bytes(&self) -> usize {
        // Nodes of a B-tree are at least half full.
        self.item_bytes + self.kept.len() * 2 * size_of::<(u64, Kept<T>)>()
    }
}

impl SampleItem for Box<[u64]> {
    fn save(&self, state: &mut StateWriter) {
        state.integer(self.len() as u64);
        self.iter().for_each(|number| state.integer(*number));
    }

    fn read(state: &mut StateReader<'_>) -> Result<Self, DiversityError> {
        (0..state.length()?).map(|_| state.integer()).collect()
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(&**self)
    }
}

impl SampleItem for Box<[f64]> {
    fn save(&self, state: &mut StateWriter) {
        state.numbers(self);
    }

    fn read(state: &mut StateReader<'_>) -> Result<Self, DiversityError> {
        Ok(state.numbers()?.into())
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(&**self)
    }
}
