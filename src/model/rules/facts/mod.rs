//! True statements about a scene, each with the questions it answers, the wrong answers to them, and the evidence.
//!
//! A fact is only made where its margin is clear; the operators turn facts into items of one form or another.

mod appearance;
mod captions;
mod counts;
mod identity;
mod places;
mod sizes;

use super::choice::Choice;
use super::scene::{Group, Region, Scene, Thing};
use super::wording;

pub use captions::{caption_gaps, quoted_text};
pub use counts::{halves, nearby_numbers};
pub use identity::conspicuous_absent;
pub use sizes::by_size;

/// The abilities an item may name, spelled as everywhere in mmevol.
pub mod skill {
    use crate::instruction::vocabulary::normalize_skill;

    pub const GROUNDING: &str = "Grounding Ability";
    pub const REFERENCING: &str = "Referencing Ability";
    pub const CALCULATING: &str = "Calculating Ability";
    pub const OCR: &str = "OCR Ability";
    pub const EXISTENCE: &str = "Existence Ability";
    pub const RELATIONSHIP: &str = "Relationship Description Ability";
    pub const CONTEXT: &str = "Context Understanding Ability";
    pub const KNOWLEDGE: &str = "Knowledge Integration Ability";

    /// The abilities named in a list, each once, by their canonical names; what is no ability is left out.
    pub fn known(names: &[String]) -> Vec<&'static str> {
        let mut known = Vec::new();
        for skill in names.iter().filter_map(|name| normalize_skill(name)) {
            if !known.contains(&skill) {
                known.push(skill);
            }
        }
        known
    }
}

/// What a fact is about; facts are chosen by kind first, so that a kind with many facts does not crowd out the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Count,
    CountInHalf,
    MoreNumerous,
    Place,
    Side,
    Extreme,
    Middle,
    Order,
    Nearer,
    Edge,
    Larger,
    Shape,
    Within,
    Apart,
    Coverage,
    Exists,
    Absent,
    Content,
    Colour,
    Brightness,
    BrighterHalf,
    Orientation,
    Tone,
    /// Taken from a given item's own question and answer.
    Given,
    /// Combines several observations (see `cognitive_reasoning`).
    Reasoned,
}

/// One move on the way to an answer; numbered when an item is written, so that moves of several facts can be joined.
#[derive(Debug, Clone, PartialEq)]
pub enum Move {
    /// Finding what a description names.
    Ground(String),
    /// Telling what a region shows.
    Refer(Region),
    /// Counting, comparing or measuring what was found so far.
    Calculate(String),
    /// Reading text.
    Read(String),
    /// Anything without a call.
    Think(String),
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub kind: Kind,
    /// Labels it is about.
    pub objects: Vec<String>,
    pub skills: Vec<&'static str>,
    /// Wordings of the question it answers, each a complete question.
    pub questions: Vec<String>,
    /// A full sentence.
    pub statement: String,
    /// The short answer. In the statement it stands once, as it is, unless it is "yes" or "no".
    pub answer: String,
    /// Answers of the same kind that are certainly wrong.
    pub wrong: Vec<String>,
    /// Whether the statement with a gap for the answer has only one solution even without options.
    pub solvable_gap: bool,
    /// How the answer follows from the evidence, in a sentence; for facts that take more than looking.
    pub working: Option<String>,
    /// What it rests on: "the cup", its region.
    pub evidence: Vec<(String, Vec<Region>)>,
    pub moves: Vec<Move>,
}

impl Fact {
    /// A fact of which nothing but the text is known; the methods below add the rest.
    pub fn new(kind: Kind, questions: impl IntoIterator<Item = String>, statement: String, answer: impl Into<String>) -> Self {
        Fact {
            kind,
            objects: Vec::new(),
            skills: Vec::new(),
            questions: questions.into_iter().collect(),
            statement: wording::capitalised(&statement),
            answer: answer.into(),
            wrong: Vec::new(),
            solvable_gap: false,
            working: None,
            evidence: Vec::new(),
            moves: Vec::new(),
        }
    }

    /// Sets the abilities it asks for.
    pub fn skills(mut self, skills: &[&'static str]) -> Self {
        self.skills = skills.to_vec();
        self
    }

    /// Sets the wrong answers; the right one among them is left out.
    pub fn wrong(mut self, wrong: impl IntoIterator<Item = String>) -> Self {
        self.wrong = wrong.into_iter().filter(|wrong| *wrong != self.answer).collect();
        self
    }

    /// Marks that a gap for the answer has one solution.
    pub fn solvable_gap(mut self) -> Self {
        self.solvable_gap = true;
        self
    }

    /// Sets how the answer follows.
    pub fn working(mut self, sentence: String) -> Self {
        self.working = Some(wording::sentence(&sentence));
        self
    }

    /// Rests on these things: they must be found, and their regions are the evidence.
    pub fn about(mut self, things: &[&Thing]) -> Self {
        for thing in things {
            self.add_object(&thing.label);
            self.evidence.push((thing.name.clone(), vec![thing.region]));
            self.moves.push(Move::Ground(thing.name.clone()));
        }
        self
    }

    /// Rests on all members of a group.
    pub fn about_all(mut self, group: &Group) -> Self {
        self.add_object(&group.label);
        let name = if group.regions.len() == 1 { &group.noun.name } else { group.noun.plural.as_ref().unwrap_or(&group.noun.name) };
        self.evidence.push((format!("the {name}"), group.regions.clone()));
        self.moves.push(Move::Ground(format!("the {name}")));
        self
    }

    /// Adds a move.
    pub fn then(mut self, step: Move) -> Self {
        self.moves.push(step);
        self
    }

    fn add_object(&mut self, label: &str) {
        if !self.objects.iter().any(|object| object == label) {
            self.objects.push(label.to_owned());
        }
    }

    /// Whether the answer is a plain yes or no.
    pub fn is_yes_or_no(&self) -> bool {
        self.answer == "yes" || self.answer == "no"
    }

    /// A wording of the question that is not among `taken` (normalised texts).
    pub fn question(&self, choice: &Choice, taken: &[String]) -> Option<String> {
        let free: Vec<&String> = self.questions.iter().filter(|question| !taken.contains(&wording::normalised(question))).collect();
        choice.one_of(&self.statement, &free).map(|question| (*question).clone())
    }

    /// "The cup is at [...] and the spoon is at [...]."; `None` without regions, or where they are too many to list.
    pub fn evidence_sentence(&self) -> Option<String> {
        evidence_sentence(&self.evidence)
    }

    /// Whether a (normalised) question already asks for this, or a (normalised) answer states it.
    pub fn is_told_by(&self, question: &str, answer: &str) -> bool {
        let asks_for_kind = match self.kind {
            Kind::Count => question.contains("how many"),
            Kind::Place => question.starts_with("where") || question.contains("which part"),
            Kind::Colour => question.contains("colour") || question.contains("color"),
            _ => false,
        };
        let is_about = || {
            let words = wording::words(question);
            self.evidence.iter().any(|(name, _)| wording::mentions(&words, name.trim_start_matches("the ")))
        };
        answer.contains(&wording::normalised(&self.statement)) || asks_for_kind && is_about()
    }
}

/// Says where things are; `None` where there are none or too many regions to list.
pub fn evidence_sentence(evidence: &[(String, Vec<Region>)]) -> Option<String> {
    let regions: usize = evidence.iter().map(|(_, regions)| regions.len()).sum();
    if regions == 0 || regions > 8 {
        return None;
    }
    let clause = |(name, regions): &(String, Vec<Region>)| {
        let noun = wording::Noun::of(name);
        let verb = if regions.len() == 1 { noun.is() } else { "are" };
        let places: Vec<String> = regions.iter().map(Region::to_string).collect();
        format!("{name} {verb} at {}", wording::list(&places))
    };
    let clauses: Vec<String> = evidence.iter().map(clause).collect();
    let separator = if regions > clauses.len() { "; " } else { ", " };
    let text = match clauses.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{}{separator}and {last}", first.join(separator)),
        all => all.concat(),
    };
    Some(wording::sentence(&text))
}

/// Everything that can be said of a scene. The order says nothing.
pub fn all(scene: &Scene) -> Vec<Fact> {
    [
        counts::facts(scene),
        places::facts(scene),
        sizes::facts(scene),
        identity::facts(scene),
        appearance::facts(scene),
        captions::facts(scene),
        super::reasoned::facts(scene),
    ]
    .concat()
}

/// Pairs of things, each once.
fn pairs(things: &[Thing]) -> impl Iterator<Item = (&Thing, &Thing)> {
    things.iter().enumerate().flat_map(|(place, first)| things.iter().skip(place + 1).map(move |second| (first, second)))
}

/// Triples of things with different labels, each once, from the first eight things: enough to choose from.
pub fn triples(things: &[Thing]) -> Vec<[&Thing; 3]> {
    let things = things.get(..8).unwrap_or(things);
    let mut triples = Vec::new();
    for (place, first) in things.iter().enumerate() {
        for (second, third) in pairs(&things[place + 1..]) {
            if first.label != second.label && second.label != third.label && first.label != third.label {
                triples.push([first, second, third]);
            }
        }
    }
    triples
}

/// The names of things, for lists.
pub fn names(things: &[&Thing]) -> Vec<String> {
    things.iter().map(|thing| thing.name.clone()).collect()
}

#[cfg(test)]
mod tests;
