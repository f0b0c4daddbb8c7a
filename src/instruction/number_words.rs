//! Numbers that are written as words.

/// From zero on.
const WORDS: [&str; 21] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];

/// The word of a number; `None` above twenty.
pub(crate) fn word_of_number(number: usize) -> Option<&'static str> {
    WORDS.get(number).copied()
}

/// The number of a word in lower case; `None` for any other word.
pub(crate) fn number_of_word(word: &str) -> Option<usize> {
    WORDS.iter().position(|known| *known == word)
}
