//! The share of n-grams that are new.

use super::hashing::{HashSet64, combined, table_bytes};
use super::words::Words;
use super::{DiversityError, Measure, StateReader, StateWriter};

/// Distinct n-grams of words by all n-grams of words (Li et al. 2016, distinct-n): near 0 to 1. N-grams do not reach from text to text.
///
/// A text with fewer than n words has none. Keeps one hash for each distinct n-gram, 8 to 21 bytes.
#[derive(Debug)]
pub struct DistinctNgrams {
    n: usize,
    distinct: HashSet64,
    total: u64,
    words: Words,
}

impl DistinctNgrams {
    /// For n-grams of `n` words.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn new(n: usize) -> Self {
        assert!(n > 0, "n-grams have words");
        DistinctNgrams { n, distinct: HashSet64::default(), total: 0, words: Words::default() }
    }

    /// Takes a text.
    pub fn add(&mut self, text: &str) {
        let ngrams = self.words.of(text).windows(self.n);
        self.total += ngrams.len() as u64;
        self.distinct.extend(ngrams.map(combined));
    }
}

impl Measure for DistinctNgrams {
    fn save(&self, state: &mut StateWriter) {
        state.integer(self.total);
        state.integer(self.distinct.len() as u64);
        self.distinct.iter().for_each(|ngram| state.integer(*ngram));
    }

    fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        self.total += state.integer()?;
        let distinct = state.length()?;
        // They come in the order of another set's slots; a set that is too small for them would collect them in a few of its own.
        self.distinct.reserve(distinct);
        for _ in 0..distinct {
            self.distinct.insert(state.integer()?);
        }
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        (self.total > 0).then(|| self.distinct.len() as f64 / self.total as f64)
    }

    fn heap_bytes(&self) -> usize {
        table_bytes::<u64>(self.distinct.capacity()) + self.words.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(n: usize, texts: &[&str]) -> Option<f64> {
        let mut measure = DistinctNgrams::new(n);
        texts.iter().for_each(|text| measure.add(text));
        measure.value()
    }

    #[test]
    fn known_texts() {
        assert_eq!(of(1, &["the cat saw the dog"]), Some(0.8));
        assert_eq!(of(2, &["the cat saw the dog"]), Some(1.0));
        assert_eq!(of(2, &["The cat.", "the cat!", "a dog"]), Some(2.0 / 3.0));
        // Nothing reaches from one text to the next.
        assert_eq!(of(2, &["a", "b"]), None);
        assert_eq!(of(1, &["", "?!"]), None);
        assert_eq!(of(1, &[]), None);
    }
}
