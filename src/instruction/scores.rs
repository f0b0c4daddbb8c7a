//! From a judge's answer to verdicts.

mod verdict;

use std::collections::HashSet;

use serde_json::{Map, Value};

use self::verdict::{score, verdict};
use super::final_answer::draft_and_final;
use super::parse::failure::AnswerError;
use super::parse::fields::{field, first_number, is_named, number_of_key, rows, text_of};
use super::parse::names::ITEM;
use super::parse::{MOST_ENCODINGS, RejectedItem};
use super::repair::{Part, encoded_values, repair};

const IMPROVED: &[&str] = &["improved", "isimproved", "improvement", "verdict", "better", "judgement", "judgment", "decision"];
const SCORE: &[&str] = &["score", "rating", "points", "difficultyscore"];
const REASON: &[&str] = &["reason", "reasons", "reasoning", "rationale", "explanation", "justification", "comment"];

/// What a list of judged items is called, in lower case without separators.
const ITEMS: &[&str] = &["items", "pairs", "questions", "scores", "verdicts", "judgements", "judgments", "evaluations", "results"];

/// The names of [`ITEM`] under which an answer may also have a number of its own.
const OWN_NUMBER: &[&str] = &["id", "number", "index", "num", "idx", "no", "source", "parent"];

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
    /// Entries without a usable verdict, entries with a score that cannot be read, which keep their verdict, and what is not
    /// readable at all.
    pub rejected: Vec<RejectedItem>,
    /// The text ends inside an entry or a list.
    pub truncated: bool,
    /// Why there is no verdict; `None` when there is at least one.
    pub error: Option<AnswerError>,
}

/// Reads the verdicts in a judge's answer. Never fails: what is wrong is said in the result. Time is linear in the text.
///
/// A verdict is yes or no in any case, also with words after it (`"Yes, because ..."`), true or false, 1 or 0. A score is a
/// number or a numeric string, also `"7/10"`; one outside of 0 to 10 is dropped and reported while its verdict stays. The number of
/// the item, the score and the reason may also stand one level above the verdict: `{"item": 2, "evaluation": {"improved": "yes"}}`.
/// Verdicts inside an entry that has one are of its details, unless they have numbers, or stand in a list that is called one of items.
/// Where the answer is one object around such a list, its `id` is its own: `{"id": 7, "results": [{"improved": "yes"}]}`.
///
/// A list or a numbered entry that says again what was said before counts once. Other verdicts on the same items count instead of
/// the first ones only where they are called final and judge the same items.
pub fn parse_scores(text: &str) -> ParsedScores {
    final_verdicts(text).unwrap_or_else(|| read_verdicts(text))
}

/// What stands behind the last mention of a final answer, if it judges the items that were judged before, all of them again.
fn final_verdicts(text: &str) -> Option<ParsedScores> {
    let (draft, last) = draft_and_final(text)?;
    let is_whole =
        |parsed: &ParsedScores| !parsed.truncated && !parsed.items.is_empty() && parsed.items.iter().all(|item| item.improved.is_some());
    let numbers = |parsed: &ParsedScores| {
        let mut numbers: Vec<Option<i64>> = parsed.items.iter().map(|item| item.item).collect();
        numbers.sort_unstable();
        numbers
    };
    let (draft, last) = (read_verdicts(draft), read_verdicts(last));
    (is_whole(&draft) && is_whole(&last) && numbers(&draft) == numbers(&last)).then_some(last)
}

fn read_verdicts(text: &str) -> ParsedScores {
    let repaired = repair(text);
    let without_number = match &repaired.parts[..] {
        [Part::Value(Value::Object(members))] => without_own_number(members),
        _ => None,
    };
    let mut answer = Answer::default();
    for part in &repaired.parts {
        match part {
            Part::Value(value) => answer.collect(without_number.as_ref().unwrap_or(value), &ItemScore::default()),
            Part::Broken(source) => answer.push(ItemScore::default(), Some(("this is not readable as JSON".to_owned(), source.clone()))),
        }
    }
    let mut parsed = answer.finish();
    parsed.truncated = repaired.truncated;
    if parsed.items.iter().all(|item| item.improved.is_none()) {
        parsed.items.clear();
        parsed.error = Some(AnswerError::explain(text, &repaired, "a verdict"));
    }
    parsed
}

/// The object that is a whole answer without the number that would be taken for that of an item; `None` where it has none. With a verdict of
/// its own it is an entry, and the list in it may be of details.
fn without_own_number(members: &Map<String, Value>) -> Option<Value> {
    let is_own = |key: &str, value: &Value| is_named(key, OWN_NUMBER) && (value.is_number() || value.is_string());
    let names_item = || ITEM.iter().any(|name| !OWN_NUMBER.contains(name) && first_number(members, &[*name]).is_some());
    let has_list = members.iter().any(|(key, value)| is_named(key, ITEMS) && value.is_array() && holds_verdicts(value));
    let is_entry = field(members, IMPROVED).and_then(verdict).is_some();
    if !has_list || is_entry || names_item() || !members.iter().any(|(key, value)| is_own(key, value)) {
        return None;
    }
    let rest = members.iter().filter(|(key, value)| !is_own(key, value));
    Some(Value::Object(rest.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

/// An entry and, where its verdict cannot be used, why not and its text.
type Entry = (ItemScore, Option<(String, String)>);

/// The number, the verdict and the score of an entry: what makes two of them say the same.
type Claim = (Option<i64>, Option<bool>, Option<i64>);

/// The entries found so far.
#[derive(Default)]
struct Answer {
    /// Entries by the list they stand in; those outside of lists are together.
    blocks: Vec<Vec<Entry>>,
    /// Whether the next entry belongs to the last block.
    is_block_open: bool,
    /// How many texts with JSON are open, one inside the other.
    encodings: usize,
}

impl Answer {
    /// Takes every entry in `value`. What its surroundings say counts where an entry does not say it itself.
    fn collect(&mut self, value: &Value, around: &ItemScore) {
        match value {
            Value::Array(values) => {
                let nothing = ItemScore::default();
                let around = if values.len() == 1 { around } else { &nothing };
                let is_list = values.iter().any(is_entry);
                self.is_block_open &= !is_list;
                values.iter().for_each(|value| self.collect(value, around));
                self.is_block_open &= !is_list;
            }
            Value::Object(members) if is_entry(value) && !is_wrapper(members) => self.collect_entry(value, members, around),
            Value::Object(members) => {
                let around = said_around_entries(members, around);
                let judges_item = around.item.is_some() && members.values().any(has_verdict);
                for (key, value) in members {
                    match number_of_key(key) {
                        Some(number) => self.collect(value, &ItemScore { item: Some(number), ..ItemScore::default() }),
                        // A detail beside the verdict: `{"item": 1, "evaluation": {"improved": "yes"}, "clarity": {"score": 5}}`.
                        None if judges_item && is_entry(value) && !has_verdict(value) => {}
                        None => self.collect(value, &around),
                    }
                }
            }
            Value::String(text) if self.encodings < MOST_ENCODINGS => {
                self.encodings += 1;
                encoded_values(text).iter().for_each(|value| self.collect(value, around));
                self.encodings -= 1;
            }
            _ => {}
        }
    }

    fn collect_entry(&mut self, value: &Value, members: &Map<String, Value>, around: &ItemScore) {
        if let Some(rows) = entries_of_columns(members) {
            let around = if rows.len() == 1 { said_around_entries(members, around) } else { ItemScore::default() };
            self.is_block_open = false;
            rows.into_iter().for_each(|row| self.collect_entry(&Value::Object(row.clone()), &row, &around));
            self.is_block_open = false;
            return;
        }
        let item = completed(read_score(members), around);
        let fault = fault_of(members, &item).map(|reason| (reason, value.to_string()));
        self.push(item, fault);
    }

    fn push(&mut self, item: ItemScore, fault: Option<(String, String)>) {
        match self.blocks.last_mut() {
            Some(block) if self.is_block_open => block.push((item, fault)),
            _ => self.blocks.push(vec![(item, fault)]),
        }
        self.is_block_open = true;
    }

    /// All entries in order, without lists of several and numbered entries that say what was said before.
    fn finish(self) -> ParsedScores {
        let mut parsed = ParsedScores::default();
        let mut seen_blocks: HashSet<Vec<Claim>> = HashSet::new();
        let mut seen: HashSet<Claim> = HashSet::new();
        for block in self.blocks {
            // A list of one without a number may be about another item than the list before it.
            if block.len() > 1 && !seen_blocks.insert(block.iter().map(|(item, _)| claim(item)).collect()) {
                continue;
            }
            for (item, fault) in block {
                if item.item.is_some() && !seen.insert(claim(&item)) {
                    continue;
                }
                if let Some((reason, text)) = fault {
                    parsed.rejected.push(RejectedItem::new(parsed.items.len(), reason, &text));
                }
                parsed.items.push(item);
            }
        }
        parsed
    }
}

fn claim(item: &ItemScore) -> Claim {
    (item.item, item.improved, item.score)
}

fn is_entry(value: &Value) -> bool {
    value.as_object().is_some_and(|members| field(members, IMPROVED).is_some() || field(members, SCORE).is_some())
}

/// Whether an object with a verdict or a score of its own holds the entries: `{"score": 7, "scores": [...]}`. With the number of an
/// item it is an entry, and what is in it are details, unless its verdict is in there: `{"item": 1, "verdict": {"improved": "yes"}}`.
/// So it is with a verdict, unless what is in it is clearly about items.
fn is_wrapper(members: &Map<String, Value>) -> bool {
    let own = field(members, IMPROVED);
    let verdict_is_inside = own.map_or_else(|| members.values().any(has_verdict), has_verdict);
    if verdict_is_inside || first_number(members, ITEM).is_some() {
        return verdict_is_inside;
    }
    match own.and_then(verdict) {
        Some(_) => members.iter().any(|(key, value)| judges_items(key, value)),
        None => members.values().any(holds_verdicts),
    }
}

/// Whether the verdicts in a member are of items, where those of details could stand as well.
fn judges_items(key: &str, value: &Value) -> bool {
    let has_number = |entry: &Value| entry.as_object().is_some_and(|members| first_number(members, ITEM).is_some());
    match value {
        Value::Array(entries) => entries.iter().any(|entry| has_verdict(entry) && (has_number(entry) || is_named(key, ITEMS))),
        Value::Object(entries) => {
            entries.iter().any(|(key, entry)| has_verdict(entry) && (has_number(entry) || number_of_key(key).is_some()))
        }
        _ => false,
    }
}

fn has_verdict(value: &Value) -> bool {
    value.as_object().is_some_and(|members| field(members, IMPROVED).is_some())
}

fn holds_verdicts(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(has_verdict),
        Value::Object(members) => members.values().any(has_verdict),
        _ => false,
    }
}

/// The entries of an object whose verdicts and scores are lists of equal length: `{"improved": ["yes", "no"], "score": [5, 3]}`.
fn entries_of_columns(members: &Map<String, Value>) -> Option<Vec<Map<String, Value>>> {
    let lists = [field(members, IMPROVED)?].into_iter().chain(field(members, SCORE)).map(Value::as_array);
    let lengths: Vec<usize> = lists.map(|list| Some(list?.len())).collect::<Option<_>>()?;
    let count = lengths.first().copied().filter(|count| *count > 0 && lengths.iter().all(|length| length == count))?;
    let rows = rows(members, count, &[IMPROVED, SCORE, ITEM, REASON]);
    // A row with another list in it would be taken apart again.
    rows.iter().all(|row| !row.values().any(Value::is_array)).then_some(rows)
}

/// What is said around the entries in an object, by it or around it. Beside several verdicts, its own among them, a score and a reason are
/// not about each of them.
fn said_around_entries(members: &Map<String, Value>, around: &ItemScore) -> ItemScore {
    let said = completed(read_score(members), around);
    let inside = members.values().filter(|value| has_verdict(value) || holds_verdicts(value)).count();
    if inside + usize::from(said.improved.is_some()) < 2 {
        return ItemScore { improved: None, ..said };
    }
    ItemScore { item: said.item, ..ItemScore::default() }
}

/// What an entry says, and what its surroundings say of it where it says nothing. A verdict is its own.
fn completed(said: ItemScore, around: &ItemScore) -> ItemScore {
    ItemScore {
        item: said.item.or(around.item),
        score: said.score.or(around.score),
        reason: said.reason.or_else(|| around.reason.clone()),
        ..said
    }
}

/// What is wrong with an entry; `None` where nothing is.
fn fault_of(members: &Map<String, Value>, item: &ItemScore) -> Option<String> {
    if item.improved.is_none() {
        return Some(match field(members, IMPROVED) {
            Some(verdict) => format!("the verdict is neither yes nor no: {verdict}"),
            None => "there is no verdict".to_owned(),
        });
    }
    let unreadable = field(members, SCORE).filter(|score| item.score.is_none() && !text_of(score).is_empty())?;
    Some(format!("the score is no number from 0 to 10: {unreadable}"))
}

fn read_score(members: &Map<String, Value>) -> ItemScore {
    ItemScore {
        item: first_number(members, ITEM),
        improved: field(members, IMPROVED).and_then(verdict),
        score: field(members, SCORE).and_then(score),
        reason: field(members, REASON).map(text_of).filter(|reason| !reason.is_empty()),
    }
}

/// For each of `count` judged items, what the judge said of it.
///
/// Where the judge echoed any number, the numbers decide: one that two entries claim, or that is not in 1 to `count`, counts for
/// nothing, and so does an entry without a number. A 0 means that the judge counted from 0 and that every number is off by one,
/// or that none can be trusted: then nothing matches. Without any number, entries match by position, but only if there are
/// exactly `count`, or if the same `count` come again and again: a list of another length judges other items.
pub fn match_scores(scores: &[ItemScore], count: usize) -> Vec<Option<&ItemScore>> {
    if scores.iter().all(|score| score.item.is_none()) {
        let (first, repeated) = scores.split_at(count.min(scores.len()));
        let is_repeated = |scores: &[ItemScore]| scores.iter().map(claim).eq(first.iter().map(claim));
        let is_match = first.len() == count && (count > 0 || scores.is_empty()) && repeated.chunks(count.max(1)).all(is_repeated);
        return if is_match { first.iter().map(Some).collect() } else { vec![None; count] };
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
