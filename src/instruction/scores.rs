//! From a judge's answer to verdicts.

use serde_json::{Map, Value};

use super::parse::failure::AnswerError;
use super::parse::fields::{field, first_number, text_of};
use super::parse::{ITEM, RejectedItem};
use super::repair::{Part, repair};

const IMPROVED: &[&str] = &["improved", "isimproved", "improvement", "verdict", "better", "judgement", "judgment", "decision"];
const SCORE: &[&str] = &["score", "rating", "points", "difficultyscore"];
const REASON: &[&str] = &["reason", "reasons", "reasoning", "rationale", "explanation", "justification", "comment"];

/// What a judge says of one item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ItemScore {
    /// The number of the item it judges, as the judge echoed it.
    pub item: Option<i64>,
    /// `None` when the judge gave no verdict that can be read; the entry then only keeps its place in the list.
    pub improved: Option<bool>,
    /// 0 to 10, rounded to a whole number. `None` when it is missing, unreadable or out of range.
    pub score: Option<i64>,
    /// Why, in the words of the judge; `None` where it gave none.
    pub reason: Option<String>,
}

/// What a judge's answer holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParsedScores {
    /// One entry per judged item, in order. An entry whose verdict cannot be read stays in the list, so that the entries after
    /// it are not taken for those of other items, and is in `rejected` too.
    pub items: Vec<ItemScore>,
    /// Entries without a usable verdict, and what is not readable at all.
    pub rejected: Vec<RejectedItem>,
    /// The text ends inside an entry or a list.
    pub truncated: bool,
    /// Why there is no verdict; `None` when there is at least one.
    pub error: Option<AnswerError>,
}

/// Reads the verdicts in a judge's answer. Never fails: what is wrong is said in the result. Time is linear in the text.
///
/// A verdict is yes or no in any case, also with words after it (`"Yes, because ..."`), true or false, 1 or 0. A score is a
/// number or a numeric string, also `"7/10"`; one outside of 0 to 10 is dropped while its verdict stays.
pub fn parse_scores(text: &str) -> ParsedScores {
    let repaired = repair(text);
    let mut parsed = ParsedScores { truncated: repaired.truncated, ..ParsedScores::default() };
    for part in &repaired.parts {
        match part {
            Part::Value(value) => collect(value, &mut parsed),
            Part::Broken(source) => {
                parsed.rejected.push(RejectedItem::new(parsed.items.len(), "this is not readable as JSON", source));
                parsed.items.push(ItemScore::default());
            }
        }
    }
    if parsed.items.iter().all(|item| item.improved.is_none()) {
        parsed.items.clear();
        parsed.error = Some(AnswerError::explain(text, &repaired, "a verdict"));
    }
    parsed
}

fn collect(value: &Value, parsed: &mut ParsedScores) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, parsed)),
        Value::Object(members) if field(members, IMPROVED).is_some() || field(members, SCORE).is_some() => {
            let item = read_score(members);
            if item.improved.is_none() {
                let reason = match field(members, IMPROVED) {
                    Some(verdict) => format!("the verdict is neither yes nor no: {verdict}"),
                    None => "there is no verdict".to_owned(),
                };
                parsed.rejected.push(RejectedItem::new(parsed.items.len(), reason, &value.to_string()));
            }
            parsed.items.push(item);
        }
        Value::Object(members) => members.values().for_each(|value| collect(value, parsed)),
        _ => {}
    }
}

fn read_score(members: &Map<String, Value>) -> ItemScore {
    ItemScore {
        item: first_number(members, ITEM),
        improved: field(members, IMPROVED).and_then(verdict),
        score: field(members, SCORE).and_then(score),
        reason: field(members, REASON).map(text_of).filter(|reason| !reason.is_empty()),
    }
}

fn verdict(value: &Value) -> Option<bool> {
    let text = text_of(value).to_lowercase();
    let first_word = text.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty())?;
    match first_word {
        "yes" | "true" | "y" => Some(true),
        "no" | "false" | "n" => Some(false),
        _ => match text.as_str() {
            "1" | "1.0" => Some(true),
            "0" | "0.0" => Some(false),
            _ => None,
        },
    }
}

/// A score of 0 to 10, halves rounded up.
fn score(value: &Value) -> Option<i64> {
    let text = match value {
        Value::String(text) => text.trim(),
        Value::Number(number) => return number.as_f64().and_then(in_range),
        _ => return None,
    };
    let out_of_ten =
        text.strip_suffix("10").map(str::trim_end).and_then(|text| text.strip_suffix('/').or_else(|| text.strip_suffix("out of")));
    out_of_ten.unwrap_or(text).trim().parse().ok().and_then(in_range)
}

fn in_range(number: f64) -> Option<i64> {
    (0.0..=10.0).contains(&number).then(|| number.round() as i64)
}

/// For each of `count` judged items, what the judge said of it.
///
/// Where the judge echoed any number, the numbers decide: one that two entries claim, or that is not in 1 to `count`, counts for
/// nothing, and so does an entry without a number. A 0 means that the judge counted from 0 and that every number is off by one,
/// or that none can be trusted: then nothing matches. Without any number, entries match by position, but only if there are
/// exactly `count`: a list of another length judges other items.
pub fn match_scores(scores: &[ItemScore], count: usize) -> Vec<Option<&ItemScore>> {
    if scores.iter().all(|score| score.item.is_none()) {
        return if scores.len() == count { scores.iter().map(Some).collect() } else { vec![None; count] };
    }
    let mut claims: Vec<Vec<&ItemScore>> = vec![Vec::new(); count];
    for score in scores {
        match score.item.and_then(|item| usize::try_from(item).ok()) {
            Some(0) => return vec![None; count],
            Some(item) if item <= count => claims[item - 1].push(score),
            _ => {}
        }
    }
    claims.into_iter().map(|claimants| if let [only] = claimants[..] { Some(only) } else { None }).collect()
}

#[cfg(test)]
#[path = "scores/tests.rs"]
mod tests;
