//! When two texts are the same text, and what is compared of texts that are not.
//!
//! This is the only definition of normalisation: `normalize_text`, `minhash`, `simhash` and every method that compares texts use it.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;
use xxhash_rust::xxh3::xxh3_64;

/// How many tokens in a row make an n-gram.
pub const NGRAM_TOKENS: usize = 3;

/// The text as it is compared.
///
/// Characters are decomposed and composed again by compatibility (Unicode NFKC: full-width letters, ligatures and `…` become plain ones), then
/// lowercase, whatever the language. Invisible characters (soft hyphen, zero-width space and joiners, byte order mark) are dropped; each run
/// of white space and control characters is one space, none at either end. Punctuation stays: `2 - 2` is not `2 + 2`.
///
/// Normalising twice changes nothing. Linear in the length.
pub fn normalize_text(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    if text.is_ascii() {
        append_spaced(&mut normal, text.chars().map(|character| character.to_ascii_lowercase()));
        return normal;
    }
    let visible = text.chars().filter(|character| !is_invisible(*character));
    // Composed a second time: some letters have a composed form in lowercase alone.
    append_spaced(&mut normal, visible.nfkc().flat_map(char::to_lowercase).nfkc());
    normal
}

fn append_spaced(normal: &mut String, characters: impl Iterator<Item = char>) {
    let mut is_space_due = false;
    for character in characters {
        if character.is_whitespace() || character.is_control() {
            is_space_due = !normal.is_empty();
            continue;
        }
        if is_space_due {
            normal.push(' ');
            is_space_due = false;
        }
        normal.push(character);
    }
}

fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// The tokens of a normalised text: its words, numbers and punctuation marks, as Unicode's rules for word boundaries (UAX #29) part them. An
/// ideograph is a token of its own.
pub fn tokens(normal: &str) -> impl Iterator<Item = &str> {
    normal.split_word_bounds().filter(|token| *token != " ")
}

/// The hashes of a text's n-grams, [`NGRAM_TOKENS`] tokens each, in order and as often as they occur. A shorter text is one n-gram; a text
/// without any token has none.
///
/// The hashes are the same in every version and on every machine: signatures that were stored stay comparable.
pub fn ngrams(text: &str) -> Vec<u64> {
    ngrams_of_normal(&normalize_text(text))
}

/// As [`ngrams`], of a text that is normalised already.
pub(super) fn ngrams_of_normal(normal: &str) -> Vec<u64> {
    let tokens: Vec<u64> = tokens(normal).map(|token| xxh3_64(token.as_bytes())).collect();
    match tokens.len() {
        0 => Vec::new(),
        1..NGRAM_TOKENS => vec![joined(&tokens)],
        _ => tokens.windows(NGRAM_TOKENS).map(joined).collect(),
    }
}

fn joined(tokens: &[u64]) -> u64 {
    tokens.iter().fold(tokens.len() as u64, |hash, token| mixed(hash.rotate_left(23) ^ token))
}

/// Spreads every bit over all others: the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
pub(super) fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A question with its answer, as one text to compare.
pub fn question_and_answer<'a>(question: &'a str, answer: &'a str) -> Cow<'a, str> {
    match answer.is_empty() {
        true => Cow::Borrowed(question),
        false => Cow::Owned(format!("{question}\n{answer}")),
    }
}

/// A scope for items that have `name` in common.
pub fn scope_of(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_looks_alike_is_the_same_text() {
        for (text, normal) in [
            ("  What\tcolour\r\n is  it?\u{a0}", "what colour is it?"),
            ("ＷＨＡＴ ﬁts…", "what fits..."),
            ("e\u{301}tude", "\u{e9}tude"),
            ("H\u{331}", "\u{1e96}"),
            ("so\u{ad}ft\u{200b}", "soft"),
            ("Σ", "σ"),
            ("2 - 2", "2 - 2"),
            ("\u{feff} \n", ""),
            ("", ""),
        ] {
            assert_eq!(normalize_text(text), normal, "{text:?}");
        }
    }

    #[test]
    fn tokens_are_words_numbers_and_marks() {
        let tokens: Vec<&str> = tokens("isn't it 3.5 m (2-1)? 狗吃").collect();
        assert_eq!(tokens, ["isn't", "it", "3.5", "m", "(", "2", "-", "1", ")", "?", "狗", "吃"]);
    }

    #[test]
    fn a_short_text_is_one_ngram() {
        assert_eq!(["A dog, asleep", "one two", "one", " \u{200b}"].map(|text| ngrams(text).len()), [2, 1, 1, 0]);
        assert_ne!(ngrams("one two"), ngrams("two one"));
        assert_eq!(ngrams("a b c a b c")[0], ngrams("a b c a b c")[3]);
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC*|[a-zA-Z \t\n\u{300}-\u{36f}\u{1e00}-\u{1fff}]*") {
            let normal = normalize_text(&text);
            prop_assert_eq!(&normalize_text(&normal), &normal);
        }

        #[test]
        fn ascii_takes_no_shortcut_to_another_result(text in "[\\x00-\\x7f]*") {
            let marked = format!("{text}é");
            let normal = normalize_text(&marked);
            let ascii = normalize_text(&text);
            let expected = if text.ends_with(|c: char| c.is_whitespace() || c.is_control()) && !ascii.is_empty() { format!("{ascii} é") } else { format!("{ascii}é") };
            prop_assert_eq!(normal, expected);
        }
    }
}
