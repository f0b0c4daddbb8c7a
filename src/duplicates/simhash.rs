//! One hash of 64 bits for a text, near the hashes of texts like it.

use super::text::{mixed, ngrams};

/// The SimHash of a text: each bit is the majority of that bit over the hashes of its n-grams, as often as they occur. `None` for a text without
/// any token.
///
/// The number of bits in which two hashes differ grows with the angle between the texts as bags of n-grams (Charikar, "Similarity Estimation
/// Techniques from Rounding Algorithms", STOC 2002): 0 for equal texts, about 32 for unrelated ones. Long near copies differ in a few bits
/// (3 in Manku, Jain and Das Sarma, "Detecting Near-Duplicates for Web Crawling", WWW 2007); in a short question one word more changes
/// many. Linear in the length.
pub fn simhash(text: &str) -> Option<u64> {
    let ngrams = ngrams(text);
    if ngrams.is_empty() {
        return None;
    }
    let mut sums = [0i64; 64];
    for ngram in ngrams {
        let bits = mixed(ngram);
        for (place, sum) in sums.iter_mut().enumerate() {
            *sum += if bits >> place & 1 == 1 { 1 } else { -1 };
        }
    }
    Some(sums.iter().enumerate().fold(0, |hash, (place, sum)| hash | u64::from(*sum > 0) << place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_copies_are_near() {
        let text = "The photo shows two dogs that lie on a red mat in front of a fireplace, while a cat looks at them from the sofa behind. \
                    One of the dogs is brown and wears a green collar; the other one is white with black spots and seems to be asleep.";
        let hash = |text: &str| simhash(text).unwrap();
        let distance = |other: &str| (hash(text) ^ hash(other)).count_ones();
        assert_eq!(distance(&text.to_uppercase()), 0);
        assert!(distance(&text.replace("green", "blue")) <= 12, "{}", distance(&text.replace("green", "blue")));
        assert!(distance("Shares fell for the third day in a row after the central bank had raised its rates once more.") > 20);
        assert_eq!(simhash(" "), None);
    }
}
