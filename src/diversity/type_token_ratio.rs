//! How seldom a text repeats its words, whatever its length.

use super::hashing::{HashMap64, table_bytes};
use super::words::Words;
use super::{DiversityError, Measure, StateReader, StateWriter};

/// Values of 0 to 1 are summed up in units of 1 / this, so that sums do not depend on the order.
const UNIT: f64 = (1u64 << 60) as f64;

/// The mean over texts of the moving-average type-token ratio (Covington and McFall 2010): near 0 to 1.
///
/// The ratio of distinct words to words in each run of `window` words, averaged over the runs of a text; a text that is not longer is one run.
/// A text without words is left out. Keeps two numbers.
#[derive(Debug)]
pub struct TypeTokenRatio {
    window: usize,
    /// In units of 1 / [`UNIT`].
    sum: i128,
    texts: u64,
    words: Words,
    in_window: HashMap64<u32>,
    sorted: Vec<u64>,
}

impl TypeTokenRatio {
    /// For runs of `window` words.
    ///
    /// # Panics
    /// If `window` is 0.
    pub fn new(window: usize) -> Self {
        assert!(window > 0, "a window holds words");
        TypeTokenRatio { window, sum: 0, texts: 0, words: Words::default(), in_window: HashMap64::default(), sorted: Vec::new() }
    }

    /// Takes a text.
    pub fn add(&mut self, text: &str) {
        let words = self.words.of(text);
        if words.is_empty() {
            return;
        }
        let ratio = match words.len() <= self.window {
            true => {
                self.sorted.clear();
                self.sorted.extend(words);
                self.sorted.sort_unstable();
                self.sorted.dedup();
                self.sorted.len() as f64 / words.len() as f64
            }
            false => moving_average(words, self.window, &mut self.in_window),
        };
        self.sum += (ratio * UNIT) as i128;
        self.texts += 1;
    }
}

/// Of more words than the window holds. `in_window` is where they are counted.
fn moving_average(words: &[u64], window: usize, in_window: &mut HashMap64<u32>) -> f64 {
    in_window.clear();
    let mut distinct_in_all = 0;
    for (position, word) in words.iter().enumerate() {
        *in_window.entry(*word).or_default() += 1;
        if position >= window {
            let left = words[position - window];
            if let Some(count) = in_window.get_mut(&left) {
                *count -= 1;
                if *count == 0 {
                    in_window.remove(&left);
                }
            }
        }
        if position + 1 >= window {
            distinct_in_all += in_window.len() as u64;
        }
    }
    let windows = (words.len() - window + 1) as f64;
    distinct_in_all as f64 / (windows * window as f64)
}

impl Measure for TypeTokenRatio {
    fn save(&self, state: &mut StateWriter) {
        state.integer(self.texts);
        state.wide_integer(self.sum);
    }

    fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        self.texts += state.integer()?;
        self.sum += state.wide_integer()?;
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        (self.texts > 0).then(|| self.sum as f64 / UNIT / self.texts as f64)
    }

    fn heap_bytes(&self) -> usize {
        let counted = table_bytes::<(u64, u32)>(self.in_window.capacity());
        self.words.heap_bytes() + counted + self.sorted.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(window: usize, texts: &[&str]) -> Option<f64> {
        let mut measure = TypeTokenRatio::new(window);
        texts.iter().for_each(|text| measure.add(text));
        measure.value()
    }

    #[test]
    fn known_texts() {
        assert_eq!(of(50, &["the cat and the dog"]), Some(0.8));
        // Windows: a b (1), b b (1/2), b a (1), a a (1/2).
        assert_eq!(of(2, &["a b b a a"]), Some(0.75));
        assert_eq!(of(2, &["a b b a a", "a a"]), Some(0.625));
        assert_eq!(of(1, &["a a a"]), Some(1.0));
        assert_eq!(of(2, &["", "?!", "a"]), Some(1.0));
        assert_eq!(of(2, &[""]), None);
        assert_eq!(of(2, &[]), None);
    }
}
