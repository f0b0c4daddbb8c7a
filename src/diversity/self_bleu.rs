//! How much each text is made of pieces of the others.

use super::counts::Counts;
use super::hashing::{HashMap64, combined, seeded_hash};
use super::sample::HashSample;
use super::words::Words;
use super::{DiversityError, Measure, StateReader, StateWriter};

/// The longest n-grams that are compared.
const LONGEST: usize = 4;

/// What a text scores where it shares no n-gram of a length with any other: this over the number of its n-grams (Chen and Cherry 2014,
/// method 1), so that one length alone does not make the whole product 0.
const NONE_SHARED: f64 = 0.1;

/// Self-BLEU (Zhu et al. 2018): the mean over texts of their BLEU (Papineni et al. 2002) with all other texts as references. 0 for texts that
/// share no word, to 1 for copies.
///
/// N-grams of up to four words, or of as many as the text has; equal weights. Exact for as many distinct texts as the sample holds. Of more,
/// the texts with the smallest hashes are compared with each other. Copies are known among all texts, not in the sample only: a text that
/// occurs more than once scores 1, the others what those in the sample score. A text without words is left out.
///
/// Keeps the sample's words, and the hash and count of each distinct text. Computing the value takes time linear in the words of the sample.
#[derive(Debug)]
pub struct SelfBleu {
    seed: u64,
    texts: Counts,
    sample: HashSample<Box<[u64]>>,
    words: Words,
}

impl SelfBleu {
    /// With a sample of at most `size` distinct texts; another one for each seed.
    pub fn new(size: usize, seed: u64) -> Self {
        SelfBleu { seed, texts: Counts::default(), sample: HashSample::new(size), words: Words::default() }
    }

    /// Takes a text.
    pub fn add(&mut self, text: &str) {
        if Words::are_in(text) {
            let hash = seeded_hash(self.seed, text.as_bytes());
            self.texts.add(hash, 1);
            self.sample.offer(hash, 1, || self.words.of(text).into());
        }
    }
}

impl Measure for SelfBleu {
    fn save(&self, state: &mut StateWriter) {
        self.texts.save(state);
        self.sample.save(state);
    }

    fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        self.texts.merge(state)?;
        self.sample.merge(state)
    }

    /// `None` for fewer than two texts.
    fn value(&self) -> Option<f64> {
        let total = self.texts.total();
        if total < 2 {
            return None;
        }
        let copies: u64 = self.texts.iter().map(|(_, items)| items).filter(|items| *items > 1).sum();
        if copies == total {
            return Some(1.0);
        }
        let texts: Vec<&[u64]> = self.sample.iter().map(|(_, kept)| &*kept.item).collect();
        let scores = scores(&texts);
        let single = || self.sample.iter().zip(&scores).filter(|((_, kept), _)| kept.count == 1).map(|(_, score)| *score);
        // A sample may have drawn none of the few texts without copies; then all it has stand for them, each without its own copies.
        let mean = mean(single()).or_else(|| mean(scores.iter().copied()))?;
        Some((copies as f64 + (total - copies) as f64 * mean) / total as f64)
    }

    fn heap_bytes(&self) -> usize {
        self.texts.heap_bytes() + self.sample.heap_bytes() + self.words.heap_bytes()
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0u64, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}

/// The n-grams of one length, each with how often it occurs in the text that has it most often and in the next one.
#[derive(Debug, Default)]
struct MostOften(HashMap64<[(u32, usize); 2]>);

impl MostOften {
    fn add(&mut self, ngram: u64, count: u32, text: usize) {
        let [first, second] = self.0.entry(ngram).or_insert([(0, usize::MAX); 2]);
        if count > first.0 {
            *second = std::mem::replace(first, (count, text));
        } else if count > second.0 {
            *second = (count, text);
        }
    }

    /// The largest count in any text but this one.
    fn in_others(&self, ngram: u64, text: usize) -> u32 {
        self.0.get(&ngram).map_or(0, |[first, second]| if first.1 == text { second.0 } else { first.0 })
    }
}

/// The BLEU of each text with all the others as references; 0 for one that has none.
fn scores(texts: &[&[u64]]) -> Vec<f64> {
    let mut most_often: [MostOften; LONGEST] = Default::default();
    for (place, text) in texts.iter().enumerate() {
        for (n, most_often) in (1..).zip(&mut most_often) {
            for (ngram, count) in counted(text, n) {
                most_often.add(ngram, count, place);
            }
        }
    }
    let mut lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
    lengths.sort_unstable();
    let score = |(place, text): (usize, &&[u64])| {
        let lengths_of_ngrams = LONGEST.min(text.len());
        let mut logarithms = 0.0;
        for (n, most_often) in (1..=lengths_of_ngrams).zip(&most_often) {
            let shared: u32 = counted(text, n).into_iter().map(|(ngram, count)| count.min(most_often.in_others(ngram, place))).sum();
            if n == 1 && shared == 0 {
                return 0.0;
            }
            let shared = if shared == 0 { NONE_SHARED } else { f64::from(shared) };
            logarithms += (shared / (text.len() - n + 1) as f64).ln();
        }
        let reference = closest_other(&lengths, text.len()) as f64;
        let brevity = (1.0 - reference / text.len() as f64).min(0.0);
        (brevity + logarithms / lengths_of_ngrams as f64).exp()
    };
    texts.iter().enumerate().map(score).collect()
}

fn counted(text: &[u64], n: usize) -> HashMap64<u32> {
    let mut counts = HashMap64::default();
    for ngram in text.windows(n) {
        *counts.entry(combined(ngram)).or_default() += 1;
    }
    counts
}

/// The sorted length that is closest to one of them, other than that one itself; the shorter of two. The length itself if it is alone.
fn closest_other(sorted: &[usize], length: usize) -> usize {
    let start = sorted.partition_point(|other| *other < length);
    match (start.checked_sub(1).map(|before| sorted[before]), sorted.get(start + 1)) {
        (Some(shorter), Some(longer)) if length - shorter <= longer - length => shorter,
        (_, Some(longer)) => *longer,
        (Some(shorter), None) => shorter,
        (None, None) => length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(size: usize, texts: &[&str]) -> Option<f64> {
        let mut measure = SelfBleu::new(size, 0);
        texts.iter().for_each(|text| measure.add(text));
        measure.value()
    }

    #[test]
    fn extremes() {
        assert_eq!(of(10, &[]), None);
        assert_eq!(of(10, &["a cat", "", "..."]), None);
        assert_eq!(of(10, &["what is this", "what is this", "what is this"]), Some(1.0));
        // Copies but for punctuation and case.
        assert_eq!(of(10, &["What is this?", "what is this"]), Some(1.0));
        assert_eq!(of(10, &["one two three four", "five six seven eight"]), Some(0.0));
    }

    #[test]
    fn a_text_scores_by_hand() {
        // Both have 3 of 4 words, 2 of 3 pairs, 1 of 2 triples, and none of 1 quadruple, which counts as 0.1.
        let expected = (3.0 / 4.0 * 2.0 / 3.0 * 1.0 / 2.0 * 0.1f64).powf(0.25);
        let value = of(10, &["the cat is black", "the cat is white"]).unwrap();
        assert!((value - expected).abs() < 1e-12, "{value} instead of {expected}");
    }

    #[test]
    fn copies_count_even_outside_of_the_sample() {
        let copies = ["what is in the picture"; 30];
        let others: Vec<String> = (0..10).map(|place| format!("word{place}")).collect();
        let texts: Vec<&str> = copies.into_iter().chain(others.iter().map(String::as_str)).collect();
        for size in [2, 5, 11] {
            assert_eq!(of(size, &texts), Some(0.75), "sample of {size}");
        }
    }

    #[test]
    fn references_are_closest_in_length_and_the_shorter_of_two() {
        assert_eq!(closest_other(&[3, 5, 7], 5), 3);
        assert_eq!(closest_other(&[2, 5, 7], 5), 7);
        assert_eq!(closest_other(&[2, 5, 5, 6], 5), 5);
        assert_eq!(closest_other(&[2, 9], 9), 2);
        assert_eq!(closest_other(&[2, 9], 2), 9);
        assert_eq!(closest_other(&[4], 4), 4);
    }
}
