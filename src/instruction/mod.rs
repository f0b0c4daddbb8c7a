//! What an image-text instruction is, and everything that can be said of one without asking a model:
//! reading a model's answer ([`parse`], [`scores`], on top of [`repair`]), its vocabulary ([`vocabulary`]) and its faults ([`faults`]).
//!
//! Pure code: no I/O, no Arrow, no async. The SQL functions of the same names are thin adapters over it.

pub mod faults;
mod final_answer;
pub(crate) mod number_words;
pub mod parse;
pub mod repair;
pub mod scores;
pub mod vocabulary;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One question-answer item, as a prompt shows it and as a model writes it.
///
/// The JSON form of this type is the text protocol: given items and rewritten ones have the same keys, so
/// that the number a rewritten item echoes means what it meant in the prompt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Instruction {
    /// In a prompt: the number of this item, from 1. In an answer: the number of the given item it rewrites; `None` when the model gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<i64>,
    /// `single`, or the corner of a mosaic (`top left`, ...).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_position: Option<String>,
    /// Object categories the item is about.
    #[serde(deserialize_with = "null_as_default")]
    pub objects: Vec<String>,
    /// Abilities the item asks for, as canonical names where the alias table knows them (see [`vocabulary`]).
    #[serde(deserialize_with = "null_as_default")]
    pub skills: Vec<String>,
    /// The form of the question, e.g. `Norm` or `multi_choice`.
    #[serde(deserialize_with = "null_as_default")]
    pub format: String,
    /// What is asked, with its options where it is a multiple choice.
    #[serde(deserialize_with = "null_as_default")]
    pub question: String,
    /// The way to the answer, in order.
    #[serde(deserialize_with = "null_as_default")]
    pub steps: Vec<Step>,
    /// The reference answer.
    #[serde(deserialize_with = "null_as_default")]
    pub answer: String,
}

/// One step on the way to an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// A pseudo call such as `Grounding_1(dog)->bbx_1`, or `None` in words when the step has no call.
    #[serde(deserialize_with = "null_as_default")]
    pub manipulation: String,
    /// What the step finds or concludes, in words.
    #[serde(deserialize_with = "null_as_default")]
    pub description: String,
}

/// SQL has NULL where these types have an empty text or list.
fn null_as_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An object with its place in the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectedObject {
    /// The category, e.g. `dog`.
    pub label: String,
    /// `[x1, y1, x2, y2]`, fractions of the image's width and height: 0 <= x1 <= x2 <= 1, 0 <= y1 <= y2 <= 1.
    pub bbox: [f64; 4],
    /// The detector's, 0 to 1; `None` for boxes drawn by people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

/// A direction in which a sample is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// A new, rarer question of similar difficulty about details of the image.
    FineGrainedPerception,
    /// The same question made harder: more constraints, more steps, more abilities.
    CognitiveReasoning,
    /// The same content in another form of interaction: multiple choice, fill in the blank, ...
    Interaction,
}

impl Operator {
    /// Every operator, in the order in which weights are listed.
    pub const ALL: [Operator; 3] = [Operator::FineGrainedPerception, Operator::CognitiveReasoning, Operator::Interaction];

    /// The name in tables, prompts and flags.
    pub fn name(self) -> &'static str {
        match self {
            Operator::FineGrainedPerception => "fine_grained_perception",
            Operator::CognitiveReasoning => "cognitive_reasoning",
            Operator::Interaction => "interaction",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Operator {
    type Err = UnknownOperator;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Operator::ALL.into_iter().find(|operator| operator.name() == name).ok_or_else(|| UnknownOperator(name.to_owned()))
    }
}

/// A name that is no operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no operator is called '{0}': expected fine_grained_perception, cognitive_reasoning or interaction")]
pub struct UnknownOperator(pub String);
