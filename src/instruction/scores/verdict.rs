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
    let says_not = || {
        // `not_improved`
        let text = text.replace(['_', '-'], " ");
        NOT.iter().any(|beginning| text.starts_with(*beginning))
    };
    let says_no = NO.contains(&word) || says_not();
    let says = if YES.contains(&word) { Some(true) } else { says_no.then_some(false) };
    (says, word, rest)
}

/// Whether the word is one of several to choose from, or the beginning of an abbreviation: `yes/no`, `yes or no`, `yes and no`, `n.a.`.
fn names_alternative(word: &str, rest: &str) -> bool {
    let is_abbreviation = word.len() == 1 && rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '/' | '|'));
    is_abbreviation || rest.starts_with(['/', '|']) || rest.starts_with("or ") || names_both(word, rest)
}

/// Whether the other verdict follows, and nothing that makes more of it, as `yes, and no step is lost` does.
fn names_both(word: &str, rest: &str) -> bool {
    let rest = rest.strip_prefix("and ").unwrap_or(rest);
    let (other, behind) = rest.split_at(rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len()));
    let is_opposite = (YES.contains(&word) && NO.contains(&other)) || (NO.contains(&word) && YES.contains(&other));
    is_opposite && !behind.trim_start().starts_with(char::is_alphanumeric)
}

/// A score of 0 to 10, halves rounded up: a number, a numeric text, also `"7/10"`, `"Score: 7"` or `"7 - good"`, an object that has one
/// or a list of one.
pub(super) fn score(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_f64().and_then(in_range),
        Value::String(text) => points(text.trim()).and_then(in_range),
        Value::Array(values) => match &values[..] {
            [only @ (Value::String(_) | Value::Number(_))] => score(only),
            _ => None,
        },
        Value::Object(members) => {
            let inner = field(members, VALUE).or_else(|| field(members, SCORE))?;
            if inner.is_object() { None } else { score(inner) }
        }
        _ => None,
    }
}

fn points(text: &str) -> Option<f64> {
    let (number, rest) = leading_number(text)?;
    let total = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | '*' | '_' | '`'));
    let is_score = match ["/", "out of ", "of "].iter().find_map(|words| total.strip_prefix(*words)) {
        // Of another total than ten it is no score.
        Some(total) => {
            let comment = total.trim_start().strip_prefix("10")?;
            !comment.starts_with(|c: char| c.is_alphanumeric() || c == '%') && !names_another(comment)
        }
        None => is_comment(rest),
    };
    is_score.then_some(number)
}

/// The number at the beginning of a text, also behind a label or emphasis (`Score: 8`, `**8**`) and with a decimal comma, and what
/// follows it.
fn leading_number(text: &str) -> Option<(f64, &str)> {
    let label = text[..text.find(|c: char| c.is_ascii_digit())?].trim_end_matches(['-', '+', '.']);
    let is_emphasis = |c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '"' | '\'' | '(' | '[' | '#' | '~' | '≈');
    if !label.chars().all(is_emphasis) && !is_named(label, SCORE) {
        return None;
    }
    let text = &text[label.len()..];
    let (number, rest) = text.split_at(text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len()));
    let fraction = rest.strip_prefix(',').filter(|fraction| fraction.starts_with(|c: char| c.is_ascii_digit()));
    match fraction {
        // Of `7,25` or `7, 8` it is not sure what they mean.
        Some(fraction) if !number.contains('.') && !fraction[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            Some((format!("{number}.{}", &fraction[..1]).parse().ok()?, &fraction[1..]))
        }
        _ => Some((number.parse().ok()?, rest)),
    }
}

/// Whether another score follows: `7/10-8/10`, `7/10 or 8/10`.
fn names_another(comment: &str) -> bool {
    let rest = comment.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—' | '~' | '/' | '|' | ',' | '.'));
    let rest = ["to ", "or ", "and "].iter().find_map(|word| rest.strip_prefix(*word)).unwrap_or(rest);
    rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether what follows a number only comments on it. `7 - 8`, `70 %` and `7th` are no scores; an aside in brackets may have numbers.
fn is_comment(rest: &str) -> bool {
    let has_number = |text: &str| text.contains(|c: char| c.is_ascii_digit() || c == '%');
    let is_aside = rest.trim_start().strip_prefix('(').is_some_and(|aside| {
        let behind = aside.split_once(')').map_or("", |(_, behind)| behind);
        aside.trim_start().starts_with(char::is_alphabetic) && !has_number(behind)
    });
    let is_parted = rest.starts_with(|c: char| c.is_whitespace() || c.is_ascii_punctuation() || matches!(c, '–' | '—'));
    rest.is_empty() || is_aside || (is_parted && !has_number(rest))
}

fn in_range(number: f64) -> Option<i64> {
    (0.0..=10.0).contains(&number).then(|| number.round() as i64)
}
