//! Multiple choice: the options a question lists, and whether the answer is one of them.
//!
//! An answer names an option by its letter (`B`, `(b)`, `The answer is C.`, `A and C`) or by its text. Both are read generously,
//! because the fault is fatal: an answer counts as wrong only if it has no letter and nearly nothing of any option's words.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::instruction::Instruction;
use crate::instruction::vocabulary::normalize_format;

/// The letter of an option: `A)`, `(A)`, `A.`, `A:`, at the beginning or behind a blank, a bracket or a separator.
static MARKER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|[\s(\[;,:?.*])(?P<letter>[A-Ha-h])(?P<sign>[).:\]])").expect("the pattern is a constant"));

/// A letter on its own in an answer. `A` is also an article, so a word must not follow it.
static NAMED_LETTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^\p{L}\p{N}'’])(?:(?P<upper>[B-H])|(?P<article>A))(?:[^\p{L}\p{N}'’]|$)").expect("the pattern is a constant")
});

/// A letter with a sign at the beginning of an answer, in any case: `(b)`, `b) Webcam`, `B.`.
static LEADING_LETTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\W*(?P<letter>[A-Za-z])\s*[).:\]]").expect("the pattern is a constant"));

/// Questions about letters that the image shows: their options need not stand in the text.
static ABOUT_LETTERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:letters?|label(?:l?ed|s)?|marked|points?|choices|diagram|figure)\b").expect("the pattern is a constant")
});

/// Answers that take all options together.
static ALL_OR_NONE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:all|none|both|neither|any|each)\b(?:\s+of)?").expect("the pattern is a constant"));

/// At least this share of an option's words makes an answer name it.
const SHARE_OF_OPTION_WORDS: f64 = 0.6;

struct ListedOption<'a> {
    letter: char,
    text: &'a str,
}

/// Whether the question lists options and the answer names none of them.
pub(super) fn answer_is_no_option(item: &Instruction) -> bool {
    let is_multiple_choice = normalize_format(&item.format) == Some("multi_choice");
    let options = listed_options(&item.question, is_multiple_choice);
    if options.is_empty() {
        // A letter alone names an option of a list that is not there.
        return is_multiple_choice && only_letters(&item.answer).is_some() && !ABOUT_LETTERS.is_match(&item.question);
    }
    !(names_letter(&item.answer, &options) || names_text(&item.answer, &options))
}

/// The options of a question: markers with the letters A, B, ... in this order and in one style. Fewer than two are no options.
fn listed_options(question: &str, is_multiple_choice: bool) -> Vec<ListedOption<'_>> {
    let mut markers: Vec<(char, &str, usize, usize)> = Vec::new();
    for captures in MARKER.captures_iter(question) {
        let (Some(letter), Some(sign)) = (captures.name("letter"), captures.name("sign")) else { continue };
        let Some(upper) = letter.as_str().chars().next().map(|letter| letter.to_ascii_uppercase()) else { continue };
        let expected = char::from(b'A' + u8::try_from(markers.len()).unwrap_or(u8::MAX - b'A').min(25));
        let same_style = markers.first().is_none_or(|(_, first_sign, ..)| *first_sign == sign.as_str());
        if upper == expected && same_style {
            markers.push((upper, sign.as_str(), letter.start(), sign.end()));
        }
    }
    // Initials also look like `A.` and `B.`; outside of multiple choice they need company.
    let fewest = if is_multiple_choice || markers.first().is_some_and(|(_, sign, ..)| *sign == ")") { 2 } else { 3 };
    if markers.len() < fewest {
        return Vec::new();
    }
    let ends = markers.iter().skip(1).map(|(_, _, start, _)| *start).chain([question.len()]);
    markers
        .iter()
        .zip(ends)
        .map(|((letter, _, _, start), end)| ListedOption { letter: *letter, text: question.get(*start..end).unwrap_or_default() })
        .collect()
}

fn names_letter(answer: &str, options: &[ListedOption<'_>]) -> bool {
    let is_listed = |letter: char| options.iter().any(|option| option.letter == letter.to_ascii_uppercase());
    let starts_with = |text: &str| text.starts_with(is_listed);
    if let Some(letters) = only_letters(answer) {
        return letters.into_iter().any(is_listed);
    }
    if LEADING_LETTER.captures(answer).and_then(|captures| captures.name("letter")).is_some_and(|letter| starts_with(letter.as_str())) {
        return true;
    }
    NAMED_LETTER.captures_iter(answer).any(|captures| match (captures.name("upper"), captures.name("article")) {
        (Some(letter), _) => starts_with(letter.as_str()),
        (None, Some(article)) => {
            let after = answer.get(article.end()..).unwrap_or_default();
            !after.trim_start().starts_with(char::is_alphabetic) || after.starts_with(" and ") || after.starts_with(" or ")
        }
        (None, None) => false,
    })
}

/// The letters of an answer that has nothing else: `b`, `A, C and D`, `the answer is (c)`.
fn only_letters(answer: &str) -> Option<Vec<char>> {
    const AROUND_LETTERS: [&str; 9] = ["the", "correct", "answer", "answers", "option", "choice", "is", "and", "or"];
    let mut letters = Vec::new();
    for word in answer.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let mut characters = word.chars();
        match (characters.next(), characters.next()) {
            (Some(letter), None) if letter.is_ascii_alphabetic() => letters.push(letter),
            _ if AROUND_LETTERS.contains(&word.to_lowercase().as_str()) => {}
            _ => return None,
        }
    }
    (!letters.is_empty()).then_some(letters)
}

fn names_text(answer: &str, options: &[ListedOption<'_>]) -> bool {
    let answer_words: HashSet<String> = words(answer).collect();
    if answer_words.is_empty() {
        return false;
    }
    ALL_OR_NONE.is_match(answer)
        || options.iter().any(|option| {
            let option_words: HashSet<String> = words(option.text).collect();
            let shared = option_words.intersection(&answer_words).count();
            let answer_is_part = shared == answer_words.len();
            let option_is_named = !option_words.is_empty() && shared as f64 >= SHARE_OF_OPTION_WORDS * option_words.len() as f64;
            answer_is_part || option_is_named
        })
}

/// The words of a text in lower case that carry meaning.
fn words(text: &str) -> impl Iterator<Item = String> {
    const WITHOUT_MEANING: [&str; 12] = ["a", "an", "the", "is", "are", "of", "to", "in", "it", "or", "and", "options"];
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| !word.is_empty() && !WITHOUT_MEANING.contains(&word.as_str()))
}
