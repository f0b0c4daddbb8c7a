//! Short signatures of sets, from which their Jaccard similarity can be told.

use super::text::{mixed, ngrams};

/// Values of a signature, where nothing else is asked for.
pub const DEFAULT_PERMUTATIONS: usize = 128;

/// The most values of a signature.
pub const MAX_PERMUTATIONS: usize = 4096;

/// Makes signatures of one length.
///
/// Value `i` of a signature is the least value of the hash function `i` over the n-grams of a text (Broder, "On the Resemblance and Containment of
/// Documents", 1997), so two signatures agree in as many places, on average, as the sets share of their union. The hash functions are
/// `(a * x + b) >> 32` in 64 bits (multiply-add-shift; Dietzfelbinger, "Universal Hashing and k-Wise Independent Random Variables via Integer
/// Arithmetic without Primes", STACS 1996), with `a` and `b` from a fixed sequence: signatures of any machine and version compare.
/// A longer signature begins with the shorter one.
#[derive(Debug, Clone)]
pub struct MinHasher {
    factors: Vec<u64>,
    summands: Vec<u64>,
}

impl MinHasher {
    /// For signatures of so many values.
    pub fn new(permutations: usize) -> MinHasher {
        let number = |index: usize| mixed((index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        MinHasher {
            factors: (0..permutations).map(|index| number(2 * index) | 1).collect(),
            summands: (0..permutations).map(|index| number(2 * index + 1)).collect(),
        }
    }

    /// The signature of a text; `None` for a text without any token. Time is n-grams times values.
    pub fn signature(&self, text: &str) -> Option<Vec<u32>> {
        let ngrams = ngrams(text);
        (!ngrams.is_empty()).then(|| self.signature_of(ngrams.into_iter().map(element)))
    }

    /// The signature of a set, given in any order and with any repetitions; of the empty set all values are the greatest.
    pub(super) fn signature_of(&self, set: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut signature = vec![u32::MAX; self.factors.len()];
        for element in set {
            for ((least, factor), summand) in signature.iter_mut().zip(&self.factors).zip(&self.summands) {
                let value = (factor.wrapping_mul(u64::from(element)).wrapping_add(*summand) >> 32) as u32;
                *least = (*least).min(value);
            }
        }
        signature
    }
}

/// An n-gram as an element of the sets that are compared.
pub(super) fn element(ngram: u64) -> u32 {
    (ngram >> 32) as u32
}

/// The share of places in which two signatures agree: an estimate of the Jaccard similarity with a standard error of
/// `sqrt(s (1 - s) / values)`, 0.035 for 0.8 and 128 values. `None` for signatures of different or no length.
pub fn signature_similarity<T: PartialEq>(a: &[T], b: &[T]) -> Option<f64> {
    let agreeing = a.iter().zip(b).filter(|(a, b)| a == b).count();
    (a.len() == b.len() && !a.is_empty()).then(|| agreeing as f64 / a.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_estimate_the_jaccard_similarity() {
        let hasher = MinHasher::new(1024);
        let set = |range: std::ops::Range<u64>| hasher.signature_of(range.map(|number| element(mixed(number))));
        for (shared, expected) in [(0, 0.0), (500, 1.0 / 3.0), (800, 2.0 / 3.0), (950, 950.0 / 1050.0), (1000, 1.0)] {
            let estimate = signature_similarity(&set(0..1000), &set(1000 - shared..2000 - shared)).unwrap();
            // Four standard errors.
            assert!((estimate - expected).abs() <= 4.0 * (0.25f64 / 1024.0).sqrt(), "{shared}: {estimate}");
        }
    }

    #[test]
    fn a_longer_signature_begins_with_the_shorter_one() {
        let text = "How many dogs are on the mat?";
        let (short, long) = (MinHasher::new(4).signature(text).unwrap(), MinHasher::new(128).signature(text).unwrap());
        assert_eq!(short, long[..4]);
        assert_eq!(MinHasher::new(4).signature(""), None);
        assert_eq!(signature_similarity::<u32>(&[], &[]), None);
        assert_eq!(signature_similarity(&[1, 2], &[1]), None);
    }
}
