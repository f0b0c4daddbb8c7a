//! What a judge's words say: yes or no, and how many points.

use serde_json::Value;

use super::{IMPROVED, SCORE};
use crate::instruction::parse::fields::{field, is_named, text_of};

/// Words that begin a verdict of yes.
const YES: &[&str] = &["yes", "true", "y", "yeah", "yep", "improved", "better", "是", "是的"];

/// Words that begin a verdict of no.
const NO: &[&str] = &["no", "false", "n", "nope", "unchanged", "worse", "否", "不是", "没有"];

/// Beginnings that say no with a word that could also begin something else.
const NOT: &[&str] = &["not improved", "not really", "not better", "not an improvement", "not at all", "not much"];

/// Where an object keeps its verdict or points.
const VALUE: &[&str] = &["value", "number", "total", "overall"];

/// Whether a verdict is yes or no; `None` where it says neither, or both: `"maybe"`, `"N/A"`, `"yes/no"`.
pub(super) fn verdict(value: &Value) -> Option<bool> {
    match value {
        Value::Array(values) => match &values[..] {
            [only @ (Value::String(_) | Value::Bool(_) | Value::Number(_))] => verdict(only),
            _ => None,
        },
        Value::Object(members) => field(members, VALUE).filter(|inner| !inner.is_object() && !inner.is_array()).and_then(verdict),
        scalar => verdict_of_words(&text_of(scalar).to_lowercase()),
    }
}

fn verdict_of_words(text: &str) -> Option<bool> {
    match text {
        "1" | "1.0" => return Some(true),
        "0" | "0.0" => return Some(false),
        _ => {}
    }
    // `improved: yes`, `Improved? No.`
    let said = text.split_once([':', '=', '?']).filter(|(name, _)| is_named(name, IMPROVED)).map(|(_, said)| said);
    let (says, word, rest) = match said.map(first_verdict) {
        Some(said @ (Some(_), ..)) => said,
        _ => first_verdict(text),
    };
    says.filter(|_| !names_alternative(word, rest))
}

/// What a text begins with says, with its first word and what follows that.
fn first_verdict(text: &str) -> (Option<bool>, &str, &str) {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let (word, rest) = text.split_at(text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len()));
    let says_no = NO.contains(&word) || NOT.iter().any(|beginning| text.starts_with(*beginning));
    let says = if YES.contains(&word) { Some(true) } else { says_no.then_some(false) };
    (says, word, rest)
}

/// Whether the word is one of several to choose from, or the beginning of an abbreviation: `yes/no`, `yes or no`, `n.a.`.
fn names_alternative(word: &str, rest: &str) -> bool {
    let is_abbreviation = word.len() == 1 && rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '/' | '|'));
    is_abbreviation || rest.starts_with(['/', '|']) || rest.starts_with("or ")
}

/// A score of 0 to 10, halves rounded up: a number, a numeric text, also `"7/10"` or `"7 - good"`, or an object that has one.
pub(super) fn score(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_f64().and_then(in_range),
        Value::String(text) => points(text.trim()).and_then(in_range),
        Value::Object(members) => {
            let inner = field(members, VALUE).or_else(|| field(members, SCORE))?;
            if inner.is_object() { None } else { score(inner) }
        }
        _ => None,
    }
}

fn points(text: &str) -> Option<f64> {
    let number_end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (number, rest) = text.split_at(number_end);
    let out_of = rest.trim_start();
    let comment = match ["/", "out of", "of"].iter().find_map(|words| out_of.strip_prefix(*words)) {
        // Of another total than ten it is no score.
        Some(total) => total.trim_start().strip_prefix("10")?,
        None => rest,
    };
    // `7 - 8`, `70 %` and `7th` are no scores.
    let is_comment = comment.is_empty()
        || (comment.starts_with(|c: char| c.is_whitespace() || c.is_ascii_punctuation() || matches!(c, '–' | '—'))
            && !comment.contains(|c: char| c.is_ascii_digit() || c == '%'));
    if is_comment { number.parse().ok() } else { None }
}

fn in_range(number: f64) -> Option<i64> {
    (0.0..=10.0).contains(&number).then(|| number.round() as i64)
}
