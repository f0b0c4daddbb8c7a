//! Texts that share most of their n-grams.

use super::bands::{BandHashes, Bands};
use super::groups::{Content, Likeness};
use super::leaders::{Joined, join};
use super::minhash::{DEFAULT_PERMUTATIONS, MinHasher, element};
use super::text::{ngrams_of_normal, normalize_text};
use super::text_key;

/// The most n-grams of a text that are kept: those with the least hashes.
const MOST_NGRAMS: usize = 1024;

/// The most leaders of one bucket that an item is compared with. It bounds the work where a million items share their beginning and are not alike
/// enough; an item whose leader stands behind them in all their common buckets stays alone.
const MOST_COMPARED: usize = 256;

/// Takes down what is compared of a text. Shared by the threads that do so.
#[derive(Debug)]
pub struct NearSketcher {
    hasher: MinHasher,
    bands: Bands,
}

/// What is compared of a text.
#[derive(Debug)]
pub struct NearSketch {
    /// Distinct n-grams in order.
    ngrams: Vec<u32>,
    bands: Vec<u32>,
    scope: u64,
}

impl NearSketcher {
    /// For texts with a Jaccard similarity of at least `threshold`.
    pub fn new(threshold: f64) -> NearSketcher {
        let bands = Bands::for_agreement(threshold, DEFAULT_PERMUTATIONS);
        NearSketcher { hasher: MinHasher::new(bands.values()), bands }
    }

    /// What is compared of a text; only with texts of the same `scope`.
    pub fn sketch(&self, text: &str, scope: u64) -> Content<NearSketch> {
        let normal = normalize_text(text);
        let mut ngrams: Vec<u32> = ngrams_of_normal(&normal).into_iter().map(element).collect();
        ngrams.sort_unstable();
        ngrams.dedup();
        let signature = self.hasher.signature_of(ngrams.iter().copied());
        ngrams.truncate(MOST_NGRAMS);
        Content {
            key: text_key(&normal, scope),
            sketch: NearSketch { ngrams, bands: self.bands.hashes(&signature, scope).collect(), scope },
        }
    }
}

/// The distinct texts so far.
#[derive(Debug)]
pub struct Near {
    threshold: f64,
    hashes: BandHashes,
    ngrams: Vec<u32>,
    /// Where the n-grams of each text end.
    ends: Vec<usize>,
    scopes: Vec<u64>,
}

impl Near {
    /// For the sketches of a sketcher of the same threshold.
    pub fn new(threshold: f64) -> Near {
        let Bands { bands, .. } = Bands::for_agreement(threshold, DEFAULT_PERMUTATIONS);
        Near { threshold, hashes: BandHashes::new(bands), ngrams: Vec::new(), ends: vec![0], scopes: Vec::new() }
    }
}

impl Likeness for Near {
    type Sketch = NearSketch;

    fn add(&mut self, sketch: NearSketch) {
        self.hashes.push(sketch.bands);
        self.ngrams.extend(sketch.ngrams);
        self.ends.push(self.ngrams.len());
        self.scopes.push(sketch.scope);
    }

    fn join(self, contents: &[u32]) -> Vec<Joined> {
        let Near { threshold, hashes, ngrams, ends, scopes } = self;
        let of = |text: u32| &ngrams[ends[text as usize]..ends[text as usize + 1]];
        join(contents, hashes.buckets(MOST_COMPARED), |a, b| {
            let is_alike = |similarity: &f64| *similarity >= threshold;
            let in_scope = scopes[a as usize] == scopes[b as usize];
            in_scope.then(|| jaccard(of(a), of(b), threshold)).flatten().filter(is_alike)
        })
    }
}

/// The Jaccard similarity of two ordered sets; `None` where their sizes alone put it below `threshold`, or both are empty.
///
/// Exact unless a set was cut to its [`MOST_NGRAMS`] least elements. Then it is estimated from as many of the least of the union (a bottom-k
/// sketch; Cohen and Kaplan, "Summarizing Data using Bottom-k Sketches", PODC 2007), with a standard error of at most 0.016.
fn jaccard(a: &[u32], b: &[u32], threshold: f64) -> Option<f64> {
    let (fewer, more) = (a.len().min(b.len()), a.len().max(b.len()));
    let is_whole = more < MOST_NGRAMS;
    // The quotient that the similarity itself would be at most: a product is rounded another way.
    if is_whole && fewer as f64 / (more as f64) < threshold {
        return None;
    }
    let most = if is_whole { usize::MAX } else { MOST_NGRAMS };
    let (mut left, mut right, mut shared, mut union) = (0, 0, 0usize, 0usize);
    while union < most && left < a.len() && right < b.len() {
        union += 1;
        shared += usize::from(a[left] == b[right]);
        let (from_left, from_right) = (a[left] <= b[right], b[right] <= a[left]);
        left += usize::from(from_left);
        right += usize::from(from_right);
    }
    union = (union + a.len() - left + b.len() - right).min(most);
    (union > 0).then(|| shared as f64 / union as f64)
}

#[cfg(test)]
mod tests {
    use super::super::text::mixed;
    use super::*;

    #[test]
    fn similarity_is_exact_for_sets_that_are_whole() {
        assert_eq!(jaccard(&[1, 2, 3], &[2, 3, 4], 0.1), Some(0.5));
        assert_eq!(jaccard(&[1, 2], &[1, 2], 1.0), Some(1.0));
        assert_eq!(jaccard(&[1], &[2], 0.5), Some(0.0));
        assert_eq!(jaccard(&[1], &[1, 2, 3], 0.5), None, "no three are half like one");
        assert_eq!(jaccard(&[], &[], 0.5), None);
        // 0.56 * 25.0 is more than 14.
        let (fourteen, more): (Vec<u32>, Vec<u32>) = ((0..14).collect(), (0..25).collect());
        assert_eq!(jaccard(&fourteen, &more, 0.56), Some(0.56));
    }

    #[test]
    fn similarity_of_large_sets_is_estimated() {
        let cut = |numbers: std::ops::Range<u64>| {
            let mut set: Vec<u32> = numbers.map(|number| element(mixed(number))).collect();
            set.sort_unstable();
            set.truncate(MOST_NGRAMS);
            set
        };
        let (whole, most, other) = (cut(0..50_000), cut(10_000..60_000), cut(50_000..100_000));
        let estimate = jaccard(&whole, &most, 0.5).unwrap();
        assert!((estimate - 2.0 / 3.0).abs() < 0.05, "{estimate}");
        assert_eq!(jaccard(&whole, &whole, 0.5), Some(1.0));
        assert!(jaccard(&whole, &other, 0.5).unwrap() < 0.01);
        // One of the two is whole: 500 of 50,000.
        let few = cut(0..500);
        assert!(jaccard(&whole, &few, 0.001).unwrap() < 0.05);
    }
}
