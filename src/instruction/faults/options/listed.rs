//! The options that a question lists, in the notations models write them in.

use std::sync::LazyLock;

use regex::Regex;

use super::{only_letters, words};
use crate::instruction::Instruction;

/// What stands before a letter: a blank, a bracket, a separator, a quote, a tag, or a line break that stayed escaped.
const BEFORE_LETTER: &str = r#"(?:^|[\s(\[;,:?.*>"'“‘（【；，。：？、]|\\n)"#;

/// The letter of an option: `A)`, `(A)`, `A.`, `A:`, `A、`.
static LETTER_MARKER: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"{BEFORE_LETTER}(?P<label>[A-Ja-j])(?P<sign>[).:\]）．：、】])")));

/// The letter of an option before a dash: `A - dog`. Looked for where no other sign marks options.
static DASH_MARKER: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"{BEFORE_LETTER}(?P<label>[A-J])(?P<sign>\s+[-–—]\s)")));

/// The letter of an option at the beginning of a line, with no sign or a bar: `A dog`, `A | dog`. Also the article, so only a multiple
/// choice without other labels has it.
static LETTER_OF_LINE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|\n|\\n|<br\s*/?>)[ \t|]*(?P<label>[A-J])(?P<sign>[ \t]*\|[ \t]*|[ \t]+)"));

/// The number of an option: `1)`, `(1)`, `1.`, `1、`, but not that of `1.5`.
static NUMBER_MARKER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?:^|[\s(\[;,:?."'（【；，。：？、]|\\n|<br\s*/?>|<li>)(?P<label>[1-9])(?P<sign>[).\]）．、】])(?:\D|$)"#));

/// Signs that stand behind little else than the label of an option.
const SIGNS_OF_OPTIONS: [&str; 4] = [")", "）", "、", "．"];

/// What opens around a label.
const OPENING: [char; 10] = ['(', '[', '*', '"', '\'', '“', '‘', '（', '【', '|'];

/// Marks that are no option and no part of one's meaning.
const PUNCTUATION: [char; 25] =
    ['.', ',', ';', ':', '?', '!', '(', ')', '[', ']', '*', '"', '\'', '“', '”', '‘', '’', '…', '–', '—', '&', '，', '。', '？', '、'];

/// What stands around the text of an option and is none of it: blanks, the quotes and commas of a list, tags, escaped line breaks.
static BEFORE_TEXT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^(?:\s|</?(?:b|i|p|li|em|strong)>)+"));
static BEHIND_TEXT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)(?:\s|["'“”‘’]\]?|[,;]|\s[(\[（]|\\[nr]|<br\s*/?>|</?(?:b|i|p|li|em|strong)>)+$"#));

/// Questions that let one choose.
static ASKS_TO_CHOOSE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:which|choose|select|pick|options?|choices?)\b"));

/// Questions that let one choose and do nothing else.
static ONLY_ASKS_TO_CHOOSE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:choose|select|pick|options?|choices?|which\s+(?:one\s+)?of|(?:in|into)\s+(?:\w+\s+)?order|arrange|rank|sort\s+the)\b",
    )
});

/// Words before parts that all want an answer.
static SPEAKS_OF_PARTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) \b (?: following | each | every | both | respectively | please | (?: can | could | will | would ) \s+ you
        | panels? | plots? | sub-? (?: plots? | figures? ) | tasks? | questions? ) \b",
    )
});

/// What a question ends with before its options, brackets aside.
static BEFORE_OPTIONS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)(?:^|[^\p{L}\p{N}]|\b(?:options?|choices?))$"));

/// The beginning of a part that wants an answer of its own.
static BEGINS_A_TASK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) ^ \W* (?: what | who | whose | whom | where | when | why | how | which | describe | explain | name | say | state | list
        | count | identify | give | write | tell | compare | estimate | calculate | find | provide | summari[sz]e | determine ) \b",
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

struct Marker<'a> {
    label: char,
    sign: &'a str,
    start: usize,
    end: usize,
}

pub(super) struct ListedOption<'a> {
    /// A capital letter or a digit.
    pub(super) label: char,
    pub(super) text: &'a str,
}

/// The options of a question, which have letters or numbers. Numbers also stand before tasks: they are options only in a multiple
/// choice, or where a number is the answer to a question that asks to choose.
pub(super) fn listed_options(item: &Instruction, is_multiple_choice: bool) -> Vec<ListedOption<'_>> {
    let question = item.question.as_str();
    // Initials also look like `A.` and `B.`; outside of multiple choice and in a line they need company.
    let is_surely_option = |marker: &Marker<'_>| SIGNS_OF_OPTIONS.contains(&marker.sign) || begins_line(question, marker);
    let patterns = [(&LETTER_MARKER, true), (&DASH_MARKER, true), (&LETTER_OF_LINE, is_multiple_choice)];
    for (pattern, _) in patterns.into_iter().filter(|(_, applies)| *applies) {
        let letters = markers(question, pattern, b'A');
        let fewest = if is_multiple_choice || letters.iter().all(is_surely_option) { 2 } else { 3 };
        if letters.len() < fewest {
            continue;
        }
        if is_multiple_choice {
            return before_labels(question, &letters).unwrap_or_else(|| between(question, &letters));
        }
        let options = between(question, &letters);
        if lets_choose(item, &letters, &options) {
            return options;
        }
    }
    let answer = item.answer.trim_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation());
    let answer_is_number = !answer.is_empty() && answer.chars().all(|c| c.is_ascii_digit());
    if is_multiple_choice || (answer_is_number && ASKS_TO_CHOOSE.is_match(question)) {
        let numbers = markers(question, &NUMBER_MARKER, b'1');
        let options = between(question, &numbers);
        if numbers.len() >= 2 && (is_multiple_choice || lets_choose(item, &numbers, &options)) {
            return options;
        }
    }
    Vec::new()
}

/// Whether the letters A and B stand alone in the question, in this order: a list that no pattern knows.
pub(super) fn has_lone_letters(question: &str) -> bool {
    let mut words = question.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| word == "A") && words.any(|word| word == "B")
}

/// The markers of a question whose labels are `first`, the one after it, ... in this order and in one style.
fn markers<'a>(question: &'a str, pattern: &Regex, first: u8) -> Vec<Marker<'a>> {
    let mut markers: Vec<Marker<'a>> = Vec::new();
    for captures in pattern.captures_iter(question) {
        let (Some(label), Some(sign)) = (captures.name("label"), captures.name("sign")) else { continue };
        let Some(upper) = label.as_str().chars().next().map(|label| label.to_ascii_uppercase()) else { continue };
        let expected = u8::try_from(markers.len()).ok().and_then(|place| first.checked_add(place)).map(char::from);
        let style = sign.as_str().trim();
        if Some(upper) == expected && markers.first().is_none_or(|marker| marker.sign == style) {
            markers.push(Marker { label: upper, sign: style, start: label.start(), end: sign.end() });
        }
    }
    markers
}

fn begins_line(question: &str, marker: &Marker<'_>) -> bool {
    let before = question[..marker.start].trim_end_matches([' ', '(', '[', '*']);
    ["\n", "\\n", "<br>", "<br/>", "<li>"].iter().any(|line_break| before.ends_with(line_break))
}

/// Whether labels outside of a multiple choice mark options. Labels also mark the parts of a task, `(a) What is it? (b) Where?`, and
/// those of a figure, `subplots (a) and (b)`.
fn lets_choose(item: &Instruction, markers: &[Marker<'_>], options: &[ListedOption<'_>]) -> bool {
    let (Some(first), Some((last, listed))) = (markers.first(), options.split_last()) else { return false };
    let is_part = |option: &ListedOption<'_>| option.text.ends_with(['?', '？']) || BEGINS_A_TASK.is_match(option.text);
    let are_alternatives = listed.last().is_some_and(|option| option.text.ends_with(" or"));
    if !options.iter().all(|option| has_meaning(option.text)) || listed.iter().any(is_part) || (!are_alternatives && is_part(last)) {
        return false;
    }
    let stem = item.question[..first.start].trim_end_matches(|c: char| c.is_whitespace() || OPENING.contains(&c));
    let is_list = begins_line(&item.question, first) || BEFORE_OPTIONS.is_match(stem);
    let is_question = stem.ends_with(['?', '？']) || ASKS_TO_CHOOSE.is_match(stem);
    let asks_to_choose = ONLY_ASKS_TO_CHOOSE.is_match(stem) || (is_question && !SPEAKS_OF_PARTS.is_match(stem));
    are_alternatives || (is_list && (asks_to_choose || only_letters(&item.answer).is_some()))
}

fn has_meaning(text: &str) -> bool {
    let is_symbol = |c: char| !c.is_alphanumeric() && !c.is_whitespace() && !PUNCTUATION.contains(&c);
    words(text).next().is_some() || text.contains(is_symbol)
}

/// The options that begin at the markers and end at the next one, without a word that stands before every label: `Option A: red`.
fn between<'a>(question: &'a str, markers: &[Marker<'a>]) -> Vec<ListedOption<'a>> {
    let Some((first, others)) = markers.split_first() else { return Vec::new() };
    let prefix = last_word(&question[..first.start]);
    let is_before_all = !prefix.is_empty() && others.iter().all(|marker| last_word(&question[..marker.start]).eq_ignore_ascii_case(prefix));
    let end_before = |marker: &Marker<'_>| {
        let before = &question[..marker.start];
        if is_before_all { before.trim_end_matches(is_around_label).len() - prefix.len() } else { before.len() }
    };
    let ends = others.iter().map(end_before).chain([question.len()]);
    let option = |(marker, end): (&Marker<'a>, usize)| ListedOption {
        label: marker.label,
        text: option_text(question.get(marker.end..end).unwrap_or_default()),
    };
    markers.iter().zip(ends).map(option).collect()
}

/// The options whose labels stand behind them: `a cat (A), a dog (B) or a cow (C)?`; `None` where they stand before.
fn before_labels<'a>(question: &'a str, markers: &[Marker<'a>]) -> Option<Vec<ListedOption<'a>>> {
    let (first, last) = (markers.first()?, markers.last()?);
    let stem = question[..first.start].strip_suffix(['(', '[', '（'])?.trim_end();
    let is_open = stem.ends_with(char::is_alphanumeric);
    let is_last = question[last.end..].chars().all(|c| c.is_whitespace() || PUNCTUATION.contains(&c));
    if !is_open || !is_last {
        return None;
    }
    let separator = stem.char_indices().rev().find(|(_, c)| *c == '\n' || PUNCTUATION.contains(c));
    let start = separator.map_or(0, |(place, separator)| place + separator.len_utf8());
    let starts = [start].into_iter().chain(markers.iter().map(|marker| marker.end));
    let texts = markers.iter().zip(starts).map(|(marker, start)| ListedOption {
        label: marker.label,
        text: option_text(question.get(start..marker.start).unwrap_or_default()),
    });
    let options: Vec<_> = texts.collect();
    options.iter().all(|option| has_meaning(option.text)).then_some(options)
}

/// An option without what stands around it; all of it where nothing would be left.
fn option_text(text: &str) -> &str {
    let end = BEHIND_TEXT.find(text).map_or(text.len(), |behind| behind.start());
    let start = BEFORE_TEXT.find(&text[..end]).map_or(0, |before| before.end());
    if start < end { &text[start..end] } else { text }
}

/// The word before a label; empty where something else stands there.
fn last_word(before: &str) -> &str {
    let before = before.trim_end_matches(is_around_label);
    let start = before.char_indices().rev().take_while(|(_, c)| c.is_alphabetic()).last().map_or(before.len(), |(start, _)| start);
    &before[start..]
}

fn is_around_label(c: char) -> bool {
    c.is_whitespace() || OPENING.contains(&c)
}
