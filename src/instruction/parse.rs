//! From a model's answer to instructions: which items it holds, which had to be rejected and why there are none.
//!
//! Models agree on no keys, so every field goes by several names, and every value may come as a string, a list or an object.
//! Skills and formats stay as the model wrote them; [`vocabulary`](super::vocabulary) knows which of them are canonical.

mod choices;
pub(super) mod failure;
pub(super) mod fields;
pub(super) mod names;

use std::collections::HashSet;

use serde_json::{Map, Value};

use self::choices::{holds_choices, with_choices};
use self::fields::{field, first_number, is_named, labels, number_of_key, rows, text_of};
use self::names::{
    ANSWER, CHOICES, DESCRIPTION, FORMAT, GIVEN, IMAGE_POSITION, ITEM, MANIPULATION, OBJECTS, QUESTION, QUESTION_TEXT, SKILLS, STEPS, TYPE,
};
use super::final_answer::draft_and_final;
use super::repair::{Part, Repaired, encoded_values, repair};
use super::vocabulary::normalize_format;
use super::{Instruction, Step};

pub use self::failure::{AnswerError, AnswerErrorKind};

/// How much of a rejected item is kept, in characters.
const REJECTED_TEXT_CHARACTERS: usize = 500;

/// How often JSON may stand as a text inside JSON.
pub(super) const MOST_ENCODINGS: usize = 3;

/// Items of one object that each get what the object says once: a bound for the copies of a long answer.
const MOST_SHARING: usize = 100;

/// What a model's answer holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParsedInstructions {
    /// The items with a question and an answer, in order, each once.
    pub items: Vec<Instruction>,
    /// What looked like an item and is none.
    pub rejected: Vec<RejectedItem>,
    /// The text ends inside an item or a list.
    pub truncated: bool,
    /// Why there are no items; `None` when there is at least one.
    pub error: Option<AnswerError>,
}

/// Something in an answer that looked like an item and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedItem {
    /// Its place among everything in the answer that looked like an item, from 0.
    pub position: usize,
    /// What an item needs and this lacks.
    pub reason: String,
    /// Its JSON, or its source text if that is not JSON, cut to 500 characters.
    pub text: String,
}

impl RejectedItem {
    pub(super) fn new(position: usize, reason: impl Into<String>, text: &str) -> Self {
        Self { position, reason: reason.into(), text: text.chars().take(REJECTED_TEXT_CHARACTERS).collect() }
    }
}

/// Reads the instructions in a model's answer. Never fails: what is wrong is said in the result. Time is linear in the text.
///
/// An item is an object with a question and an answer that are not empty, anywhere in the answer: in a list, under the key of a
/// wrapper, alone, in a text that is JSON again. An item that occurs twice, letter for letter, counts once; one under a key such as
/// `original` or `draft`, beside items under other keys, is the given item again, or a draft, and does not count. Items that are called
/// final count instead of those before them if both say that they rewrite the same numbered items.
pub fn parse_instructions(text: &str) -> ParsedInstructions {
    final_items(text).unwrap_or_else(|| read_items(text))
}

/// What stands behind the last mention of a final answer, if it rewrites the items that were rewritten before, all of them again.
fn final_items(text: &str) -> Option<ParsedInstructions> {
    let (draft, last) = draft_and_final(text)?;
    let numbers = |parsed: &ParsedInstructions| -> Option<Vec<i64>> {
        let mut numbers: Vec<i64> = parsed.items.iter().map(|item| item.item).collect::<Option<_>>()?;
        numbers.sort_unstable();
        Some(numbers)
    };
    let (draft, last) = (read_items(draft), read_items(last));
    let is_whole = !last.truncated && last.rejected.is_empty() && !last.items.is_empty();
    let says_all_again = numbers(&last).is_some_and(|said| numbers(&draft) == Some(said));
    (is_whole && says_all_again).then_some(last)
}

fn read_items(text: &str) -> ParsedInstructions {
    let repaired = repair(text);
    let mut answer = Answer::default();
    for part in &repaired.parts {
        match part {
            Part::Value(value) => {
                answer.collect(value, None);
            }
            Part::Broken(source) => answer.reject("this is not readable as JSON", source),
        }
    }
    answer.finish(text, repaired)
}

/// The items found so far.
#[derive(Default)]
struct Answer {
    items: Vec<Instruction>,
    rejected: Vec<RejectedItem>,
    seen: HashSet<String>,
    position: usize,
    /// How many texts with JSON are open, one inside the other.
    encodings: usize,
}

impl Answer {
    /// Takes every item in `value` and returns how many things looked like one. `number` is that of the key it stands under.
    fn collect(&mut self, value: &Value, number: Option<i64>) -> usize {
        match value {
            Value::Array(values) => {
                let number = number.filter(|_| values.len() == 1);
                values.iter().map(|value| self.collect(value, number)).sum()
            }
            Value::Object(members) if is_item_like(members) => self.collect_item(value, members, number),
            Value::Object(members) => self.collect_members(members, number),
            Value::String(text) => self.collect_encoded(text, number),
            _ => 0,
        }
    }

    /// Takes what is in the members of an object that is no item itself. Its own number is theirs: `{"item": 2, "qa": {...}}`.
    fn collect_members(&mut self, members: &Map<String, Value>, number: Option<i64>) -> usize {
        let number = first_number(members, ITEM).or(number);
        let (given, made): (Vec<_>, Vec<_>) = members.iter().partition(|(key, _)| is_named(key, GIVEN));
        let mut collect_all = |members: Vec<(&String, &Value)>| -> usize {
            members.into_iter().map(|(key, value)| self.collect(value, number_of_key(key).or(number))).sum()
        };
        match collect_all(made) {
            // What looks like an echo may be all there is.
            0 => collect_all(given),
            found => found,
        }
    }

    fn collect_encoded(&mut self, text: &str, number: Option<i64>) -> usize {
        if self.encodings == MOST_ENCODINGS {
            return 0;
        }
        self.encodings += 1;
        let found = encoded_values(text).iter().map(|value| self.collect(value, number)).sum();
        self.encodings -= 1;
        found
    }

    fn collect_item(&mut self, value: &Value, members: &Map<String, Value>, number: Option<i64>) -> usize {
        if let Some(rows) = items_of_columns(members) {
            let count = rows.len();
            for row in rows {
                match read_item(&row) {
                    Ok(item) => self.accept(item),
                    Err(reason) => self.reject(reason, &Value::Object(row).to_string()),
                }
            }
            return count;
        }
        match read_item(members) {
            Ok(item) => self.accept(Instruction { item: item.item.or(number), ..item }),
            Err(reason) => {
                // A wrapper may have a question of its own, e.g. as a title; then the items are inside it.
                let found_inside = self.collect_members(members, number);
                if found_inside > 0 {
                    return found_inside;
                }
                self.reject(reason, &value.to_string());
            }
        }
        1
    }

    fn accept(&mut self, item: Instruction) {
        self.position += 1;
        let identity = serde_json::to_string(&item).unwrap_or_default();
        if self.seen.insert(identity) {
            self.items.push(item);
        }
    }

    fn reject(&mut self, reason: &str, text: &str) {
        self.rejected.push(RejectedItem::new(self.position, reason, text));
        self.position += 1;
    }

    fn finish(self, text: &str, repaired: Repaired) -> ParsedInstructions {
        let error = self.items.is_empty().then(|| AnswerError::explain(text, &repaired, "a question and an answer"));
        ParsedInstructions { items: self.items, rejected: self.rejected, truncated: repaired.truncated, error }
    }
}

/// Whether an object means to be an item. Steps, objects and boxes have none of these keys.
fn is_item_like(members: &Map<String, Value>) -> bool {
    [QUESTION, ANSWER, &["skills", "steps"]].iter().any(|names| field(members, names).is_some())
}

fn read_item(members: &Map<String, Value>) -> Result<Instruction, &'static str> {
    let (question, own_choices) = question_text(field(members, QUESTION).ok_or("the item has no question")?)?;
    let answer = field(members, ANSWER).ok_or("the item has no answer")?;
    if holds_items(answer) {
        return Err("the answer is a list of items");
    }
    let answer = text_of(answer);
    if question.is_empty() {
        return Err("the question is empty");
    }
    if answer.is_empty() {
        return Err("the answer is empty");
    }
    let question = match own_choices.or_else(|| field(members, CHOICES)) {
        Some(choices) => with_choices(question, choices),
        None => question,
    };
    let format = field(members, FORMAT).map(text_of).filter(|format| !format.is_empty());
    let known_type = || field(members, TYPE).map(text_of).filter(|format| normalize_format(format).is_some());
    Ok(Instruction {
        item: first_number(members, ITEM),
        image_position: field(members, IMAGE_POSITION).map(text_of).filter(|position| !position.is_empty()),
        objects: field(members, OBJECTS).map(labels).unwrap_or_default(),
        skills: field(members, SKILLS).map(labels).unwrap_or_default(),
        format: format.or_else(known_type).unwrap_or_else(|| "Norm".to_owned()),
        question,
        steps: field(members, STEPS).map(steps).unwrap_or_default(),
        answer,
    })
}

/// The text of a question, and the options that stand in it where it is an object.
fn question_text(question: &Value) -> Result<(String, Option<&Value>), &'static str> {
    const NO_TEXT: &str = "the question is not a text";
    let Value::Object(members) = question else { return Ok((text_of(question), None)) };
    match field(members, QUESTION_TEXT) {
        // An item of its own.
        _ if field(members, ANSWER).is_some() => Err(NO_TEXT),
        Some(text) => Ok((text_of(text), field(members, CHOICES))),
        // A model that repeats the JSON schema writes `"question": {"type": "string"}`.
        None if field(members, TYPE).is_some() => Err(NO_TEXT),
        None => Ok((text_of(question), None)),
    }
}

/// The items of an object whose questions and answers are lists of equal length: `{"questions": ["Q1", "Q2"], "answers": ["A1", "A2"]}`.
fn items_of_columns(members: &Map<String, Value>) -> Option<Vec<Map<String, Value>>> {
    let questions = field(members, QUESTION)?.as_array()?;
    let answers = field(members, ANSWER)?.as_array()?;
    let are_columns = questions.len() > 1
        && questions.len() == answers.len()
        && questions.iter().all(Value::is_string)
        && !answers.iter().any(|answer| answer.is_object() || answer.is_array());
    if !are_columns {
        return None;
    }
    // A list of texts is what all items are about, unless there is one list for each item.
    let is_column = |names: &&[&str]| {
        let cells = field(members, names).and_then(Value::as_array);
        cells.is_some_and(|cells| cells.iter().all(|cell| cell.is_array() || holds_choices(cell)))
    };
    let mut columns = vec![QUESTION, ANSWER, ITEM, FORMAT, IMAGE_POSITION];
    columns.extend([OBJECTS, SKILLS, STEPS, CHOICES].into_iter().filter(is_column));
    let mut rows = rows(members, questions.len(), &columns);
    if rows.len() > MOST_SHARING {
        return Some(rows);
    }
    // What is said once is said of all. A list of another length fits no item.
    for row in &mut rows {
        let is_of_rows =
            |key: &str, value: &Value| columns.iter().any(|names| is_named(key, names) && (value.is_array() || row.contains_key(names[0])));
        let shared: Vec<_> = members.iter().filter(|(key, value)| !is_of_rows(key, value)).collect();
        row.extend(shared.into_iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    Some(rows)
}

/// Whether an answer is really a list of further items, as small models nest them.
fn holds_items(answer: &Value) -> bool {
    let has = |value: &Value, names: &[&str]| value.as_object().is_some_and(|members| field(members, names).is_some());
    match answer {
        Value::Array(values) => values.iter().any(|value| has(value, QUESTION)),
        Value::String(text) => {
            let is_item = |value: &Value| has(value, QUESTION) && has(value, ANSWER);
            encoded_values(text).iter().any(|value| is_item(value) || value.as_array().is_some_and(|values| values.iter().any(is_item)))
        }
        other => has(other, QUESTION),
    }
}

/// The steps in a list, in one object, in an object of numbered steps or in one string.
fn steps(value: &Value) -> Vec<Step> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().flat_map(steps).collect(),
        Value::Object(members) => match (field(members, MANIPULATION), field(members, DESCRIPTION)) {
            (None, None) => members.values().flat_map(steps).collect(),
            (manipulation, description) => step(manipulation.map(text_of), description.map(text_of).unwrap_or_default()),
        },
        scalar => step(None, text_of(scalar)),
    }
}

/// One step, or none if there is nothing in it.
fn step(manipulation: Option<String>, description: String) -> Vec<Step> {
    let manipulation = manipulation.filter(|call| !call.is_empty());
    if manipulation.is_none() && description.is_empty() {
        return Vec::new();
    }
    vec![Step { manipulation: manipulation.unwrap_or_else(|| "None".to_owned()), description }]
}

#[cfg(test)]
#[path = "parse/tests.rs"]
mod tests;
