//! Multiple choice: the options a question lists, and whether the answer is one of them.
//!
//! An answer names an option by its letter (`B`, `(b)`, `The answer is C.`, `A and C`, `AC`), by its number where options are numbered,
//! or by its text, with numbers in digits or words, in the singular or the plural. All are read generously, because the fault is
//! fatal: an answer counts as wrong only if it has no letter and nearly nothing of any option's words, or has the letter of one option
//! before the very words of another.

mod listed;

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use self::listed::{ListedOption, has_lone_letters, listed_options};

use crate::instruction::Instruction;
use crate::instruction::number_words::number_of_word;
use crate::instruction::vocabulary::normalize_format;

/// A letter on its own in an answer. `A` is also an article, so a word must not follow it.
static NAMED_LETTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^\p{L}\p{N}'’]|\p{Han})(?:(?P<upper>[B-J])|(?P<article>A))(?:[^\p{L}\p{N}'’]|\p{Han}|$)")
        .expect("the pattern is a constant")
});

/// A letter with a sign at the beginning of an answer, in any case: `(b)`, `b) Webcam`, `B.`.
static LEADING_LETTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\W*(?P<letter>[A-Za-z])\s*[).:\]）．：、】]").expect("the pattern is a constant"));

/// A letter or number with a sign and a text after it: `A. cat`, `(2) cow`. `1.5` and `A.M.` have none.
static LABELLED_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)^\W*(?P<label>[A-Za-z1-9])\s*(?:[)\]）．：、】]\s*|[.:]\s+)(?P<text>.+)$").expect("the pattern is a constant")
});

/// Questions about letters that the image shows: their options need not stand in the text.
static ABOUT_LETTERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:letters?|label(?:l?ed|s)?|marked|points?|choices|diagram|figure)\b").expect("the pattern is a constant")
});

/// Answers that take all options together.
static ALL_OR_NONE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:all|none|both|neither|any|each)\b(?:\s+of)?").expect("the pattern is a constant"));

/// At least this share of an option's words makes an answer name it.
const SHARE_OF_OPTION_WORDS: f64 = 0.6;

/// Whether the question lists options and the answer names none of them, or two at once.
pub(super) fn answer_is_no_option(item: &Instruction) -> bool {
    let is_multiple_choice = normalize_format(&item.format) == Some("multi_choice");
    let options = listed_options(item, is_multiple_choice);
    if options.is_empty() {
        // A letter alone names an option of a list that is not there.
        let is_listed_elsewhere = || ABOUT_LETTERS.is_match(&item.question) || has_lone_letters(&item.question);
        return is_multiple_choice && only_letters(&item.answer).is_some() && !is_listed_elsewhere();
    }
    let are_numbered = options.iter().all(|option| option.label.is_ascii_digit());
    let names_label = if are_numbered { names_number } else { names_letter };
    contradicts_itself(&item.answer, &options) || !(names_label(&item.answer, &options) || names_text(&item.answer, &options))
}

/// Whether an answer has the label of one option before the words of another: `A. cat`, where A is a dog and B a cat.
fn contradicts_itself(answer: &str, options: &[ListedOption<'_>]) -> bool {
    let Some(captures) = LABELLED_TEXT.captures(answer) else { return false };
    let label = captures["label"].to_ascii_uppercase();
    let said: HashSet<String> = words(&captures["text"]).collect();
    let says = |option: &ListedOption<'_>| words(option.text).collect::<HashSet<_>>() == said;
    let (labelled, others): (Vec<_>, Vec<_>) = options.iter().partition(|option| label.starts_with(option.label));
    !said.is_empty() && !labelled.is_empty() && !labelled.into_iter().any(says) && others.into_iter().any(says)
}

fn names_letter(answer: &str, options: &[ListedOption<'_>]) -> bool {
    let is_listed = |letter: char| options.iter().any(|option| option.label == letter.to_ascii_uppercase());
    let starts_with = |text: &str| text.starts_with(is_listed);
    // Several at once, or an order: `AC`, `ACB`.
    let is_run = |word: &str| {
        let letters: HashSet<char> = word.chars().filter(|letter| letter.is_ascii_uppercase() && is_listed(*letter)).collect();
        letters.len() > 1 && letters.len() == word.chars().count()
    };
    if answer.split(|c: char| !c.is_alphanumeric()).any(is_run) {
        return true;
    }
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
            !after.trim_start().starts_with(|c: char| c.is_ascii_alphabetic()) || after.starts_with(" and ") || after.starts_with(" or ")
        }
        (None, None) => false,
    })
}

/// Whether one of the numbers in an answer is that of an option.
fn names_number(answer: &str, options: &[ListedOption<'_>]) -> bool {
    let mut numbers = answer.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() == 1);
    numbers.any(|number| options.iter().any(|option| number.starts_with(option.label)))
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
    // Symbols have no words, and scripts without blanks have whole sentences for words.
    let is_quoted = |option: &ListedOption<'_>| {
        let text = option.text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '.' | '。' | '，' | '；' | '、'));
        !text.is_empty() && (text == answer.trim() || (!text.is_ascii() && answer.contains(text)))
    };
    if options.iter().any(is_quoted) {
        return true;
    }
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

/// The words of a text in lower case that carry meaning, each in one form for its singular and its plural, and numbers in digits.
fn words(text: &str) -> impl Iterator<Item = String> {
    const WITHOUT_MEANING: [&str; 13] = ["a", "an", "the", "is", "are", "of", "to", "in", "it", "or", "and", "option", "options"];
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| !word.is_empty() && !WITHOUT_MEANING.contains(&word.as_str()))
        .map(|word| match number_of_word(&word) {
            Some(number) => number.to_string(),
            None => without_plural(word),
        })
}

/// The same for a word and its plural, which need be no word: `box` for `box` and `boxes`, `puppi` for `puppy` and `puppies`.
fn without_plural(word: String) -> String {
    const SHORTEST_BYTES: usize = 3;
    if !word.is_ascii() || word.len() < SHORTEST_BYTES {
        return word;
    }
    let stem = word.strip_suffix('s').filter(|stem| !stem.ends_with(['s', 'u'])).unwrap_or(&word);
    let stem = stem.strip_suffix('e').unwrap_or(stem);
    match stem.strip_suffix('y') {
        Some(stem) => format!("{stem}i"),
        None => stem.to_owned(),
    }
}
