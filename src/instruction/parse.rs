//! From a model's answer to instructions: which items it holds, which had to be rejected and why there are none.
//!
//! Models agree on no keys, so every field goes by several names, and every value may come as a string, a list or an object.
//! Skills and formats stay as the model wrote them; [`vocabulary`](super::vocabulary) knows which of them are canonical.

pub(super) mod failure;
pub(super) mod fields;

use std::collections::HashSet;

use serde_json::{Map, Value};

use self::fields::{field, first_number, labels, text_of};
use super::repair::{Part, Repaired, repair};
use super::{Instruction, Step};

pub use self::failure::{AnswerError, AnswerErrorKind};

/// How much of a rejected item is kept, in characters.
const REJECTED_TEXT_CHARACTERS: usize = 500;

/// The names a field goes by, best first. Compared without case, blanks, hyphens and underscores.
const QUESTION: &[&str] = &[
    "rewrittenquestion",
    "evolvedquestion",
    "newquestion",
    "question",
    "questions",
    "q",
    "instruction",
    "prompt",
    "query",
    "human",
    "user",
    "input",
];
const ANSWER: &[&str] = &[
    "rewrittenanswer",
    "evolvedanswer",
    "newanswer",
    "answer",
    "answers",
    "finalanswer",
    "a",
    "response",
    "output",
    "reply",
    "gpt",
    "assistant",
];
const OBJECTS: &[&str] = &["objects", "object", "objectcategories", "visualobjects"];
const SKILLS: &[&str] = &["skills", "skill", "abilities", "ability"];
const FORMAT: &[&str] = &["format", "form", "questionformat", "questiontype", "type"];
const STEPS: &[&str] = &["steps", "step", "solvingsteps", "solutionsteps", "reasoningsteps", "reasoning"];
const MANIPULATION: &[&str] = &["manipulation", "operation", "call", "function", "tool", "action"];
const DESCRIPTION: &[&str] = &["description", "desc", "explanation", "text", "detail", "content", "step"];
const IMAGE_POSITION: &[&str] = &["imageposition", "position"];
pub(super) const ITEM: &[&str] = &["item", "number", "index", "id", "source", "parent", "originalindex", "itemnumber"];

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
/// wrapper, alone. An item that occurs twice, letter for letter, counts once.
pub fn parse_instructions(text: &str) -> ParsedInstructions {
    let repaired = repair(text);
    let mut answer = Answer::default();
    for part in &repaired.parts {
        match part {
            Part::Value(value) => {
                answer.collect(value);
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
}

impl Answer {
    /// Takes every item in `value` and returns how many things looked like one.
    fn collect(&mut self, value: &Value) -> usize {
        match value {
            Value::Array(values) => values.iter().map(|value| self.collect(value)).sum(),
            Value::Object(members) if is_item_like(members) => self.collect_item(value, members),
            Value::Object(members) => members.values().map(|value| self.collect(value)).sum(),
            _ => 0,
        }
    }

    fn collect_item(&mut self, value: &Value, members: &Map<String, Value>) -> usize {
        match read_item(members) {
            Ok(item) => self.accept(item),
            Err(reason) => {
                // A wrapper may have a question of its own, e.g. as a title; then the items are inside it.
                let found_inside: usize = members.values().map(|value| self.collect(value)).sum();
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
    let question = field(members, QUESTION).ok_or("the item has no question")?;
    if question.is_object() {
        // A model that repeats the JSON schema writes `"question": {"type": "string"}`.
        return Err("the question is not a text");
    }
    let question = text_of(question);
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
    let format = field(members, FORMAT).map(text_of).filter(|format| !format.is_empty()).unwrap_or_else(|| "Norm".to_owned());
    Ok(Instruction {
        item: first_number(members, ITEM),
        image_position: field(members, IMAGE_POSITION).map(text_of).filter(|position| !position.is_empty()),
        objects: field(members, OBJECTS).map(labels).unwrap_or_default(),
        skills: field(members, SKILLS).map(labels).unwrap_or_default(),
        format,
        question,
        steps: field(members, STEPS).map(steps).unwrap_or_default(),
        answer,
    })
}

/// Whether an answer is really a list of further items, as small models nest them.
fn holds_items(answer: &Value) -> bool {
    let is_item = |value: &Value| value.as_object().is_some_and(|members| field(members, QUESTION).is_some());
    is_item(answer) || answer.as_array().is_some_and(|values| values.iter().any(is_item))
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
