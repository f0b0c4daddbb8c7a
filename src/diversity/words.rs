//! A text as its words.

use unicode_segmentation::UnicodeSegmentation;

use super::hashing::hash;

/// Takes texts apart, one after another, in memory that is used again.
///
/// Words are those of Unicode's text segmentation (UAX #29) in lower case: `Don't` is one word, `well-known` two, punctuation none; a text
/// without spaces in Chinese gives its characters.
#[derive(Debug, Default, Clone)]
pub struct Words {
    lower_case: String,
    hashes: Vec<u64>,
}

impl Words {
    /// The words of a text, each by its hash, in their order.
    pub fn of(&mut self, text: &str) -> &[u64] {
        self.lower_case.clear();
        match text.is_ascii() {
            true => {
                self.lower_case.push_str(text);
                self.lower_case.make_ascii_lowercase();
            }
            false => self.lower_case = text.to_lowercase(),
        }
        self.hashes.clear();
        self.hashes.extend(self.lower_case.unicode_words().map(|word| hash(word.as_bytes())));
        &self.hashes
    }

    /// Whether [`Words::of`] gives any word for a text. Sees no more of it than the first one.
    pub fn are_in(text: &str) -> bool {
        text.unicode_words().next().is_some()
    }

    /// Bytes in use.
    pub fn heap_bytes(&self) -> usize {
        self.lower_case.capacity() + self.hashes.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &[&str]) {
        let words: Vec<u64> = b.iter().map(|word| hash(word.as_bytes())).collect();
        assert_eq!(Words::default().of(a), words, "{a}");
    }

    #[test]
    fn words_are_those_of_unicode_in_lower_case() {
        same("What's the Man's pose?", &["what's", "the", "man's", "pose"]);
        same("A well-known 3.5 cm <box>", &["a", "well", "known", "3.5", "cm", "box"]);
        same("ΟΔΟΣ Straße", &["οδος", "straße"]);
        same("图片里", &["图", "片", "里"]);
        same(" ?! \n", &[]);
    }

    #[test]
    fn a_text_without_words_is_told_at_once() {
        assert!(Words::are_in("... a"));
        assert!(!Words::are_in("... !"));
        assert!(!Words::are_in(""));
    }
}
