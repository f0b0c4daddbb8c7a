//! What is wrong with an instruction, as far as that can be told without a model.
//!
//! Fatal faults make an item worthless as training data, whatever a judge says of it. A judge that reads only text misses them:
//! the authors' filter let `[Coordinates for tree 1]` pass as an answer with 4 of 10 points.

mod boxes;
mod copies;
mod options;
mod phrases;

use std::collections::BTreeSet;
use std::fmt;

use super::vocabulary::normalize_skill;
use super::{DetectedObject, Instruction};

/// Something wrong with an instruction. Sorted with the fatal ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The question, the answer or a step quotes a box that is made up: it is not among the given objects, within 0.006 per
    /// coordinate, and no parent quotes it (seeds about regions come with boxes in their texts). Where a question speaks of a chart, a table
    /// or other data, and neither it nor the answer of a place, lists of numbers are no boxes.
    BoxNotGiven,
    /// The question or the answer holds a variable that was never filled in: `bbx_1`, `[insert name]`, `[x1, y1, x2, y2]`, `<number>`,
    /// `{{name}}`, or the question is `TODO`. Variables in steps are legitimate, and so is a gap in a question that asks to fill it in, or
    /// names it as the format of the answer.
    Placeholder,
    /// The question or the answer repeats the prompt's own words: section names, template variables, chat tokens, or talk about
    /// the given caption and boxes, a numbered given item or the original question, which nobody sees who sees the image. A caption that the
    /// question quotes is no leak, nor is JSON that it asks for, nor the tokens that models write around boxes.
    PromptLeak,
    /// The question lists options and the answer names neither the letter or number nor the text of any, or the letter of one before the
    /// text of another. Outside of a multiple choice, labels mark options only where the question asks to choose from them.
    AnswerNotAnOption,
    /// The question is a parent's question but for case, punctuation and blanks, while operators and signs count, and the answer adds
    /// next to nothing: at most one word in ten is not in the parent's answer. The same question with a corrected or richer answer
    /// is no copy.
    CopiesParent,
    /// The question asks for boxes or coordinates of things in the image, or to count with them, and neither the objects nor the
    /// parents' texts give any.
    NeedsBoxes,
    /// The question or the answer has no word, number or symbol in it. A punctuation mark or two, such as `-` or `?`, may be an answer.
    EmptyText,
    /// A skill is none of the nine abilities by any name.
    UnknownSkill,
    /// There are no skills. A model that sees empty lists copies them.
    EmptySkills,
    /// The item does not say which given item it rewrites, although there are some, or names one that does not exist.
    NoParent,
    /// The answer the item came from was cut off. [`instruction_faults`] cannot know this; whoever reads the answer adds it.
    Truncated,
}

impl Fault {
    /// Every fault, in order.
    pub const ALL: [Fault; 11] = [
        Fault::BoxNotGiven,
        Fault::Placeholder,
        Fault::PromptLeak,
        Fault::AnswerNotAnOption,
        Fault::CopiesParent,
        Fault::NeedsBoxes,
        Fault::EmptyText,
        Fault::UnknownSkill,
        Fault::EmptySkills,
        Fault::NoParent,
        Fault::Truncated,
    ];

    /// The code in tables and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Fault::BoxNotGiven => "box_not_given",
            Fault::Placeholder => "placeholder",
            Fault::PromptLeak => "prompt_leak",
            Fault::AnswerNotAnOption => "answer_not_an_option",
            Fault::CopiesParent => "copies_parent",
            Fault::NeedsBoxes => "needs_boxes",
            Fault::EmptyText => "empty_text",
            Fault::UnknownSkill => "unknown_skill",
            Fault::EmptySkills => "empty_skills",
            Fault::NoParent => "no_parent",
            Fault::Truncated => "truncated",
        }
    }

    /// Whether an item with this fault is eliminated without asking a judge.
    pub fn is_fatal(self) -> bool {
        match self {
            Fault::BoxNotGiven
            | Fault::Placeholder
            | Fault::PromptLeak
            | Fault::AnswerNotAnOption
            | Fault::CopiesParent
            | Fault::NeedsBoxes
            | Fault::EmptyText => true,
            Fault::UnknownSkill | Fault::EmptySkills | Fault::NoParent | Fault::Truncated => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The faults of an item, sorted and distinct.
///
/// `given_objects` are the boxes the model was shown, `parents` the items it was given, in the order of their numbers. Without
/// parents nothing can be copied and no parent is missing. Time is linear in the texts, times the number of parents.
pub fn instruction_faults(item: &Instruction, given_objects: &[DetectedObject], parents: &[Instruction]) -> Vec<Fault> {
    let found = [
        (Fault::BoxNotGiven, boxes::quotes_box_not_given(item, given_objects, parents)),
        (Fault::Placeholder, phrases::is_unwritten(&item.question) || phrases::has_placeholder(item)),
        (Fault::PromptLeak, phrases::repeats_prompt(item)),
        (Fault::AnswerNotAnOption, options::answer_is_no_option(item)),
        (Fault::CopiesParent, parents.iter().any(|parent| copies::is_copy(item, parent))),
        (Fault::NeedsBoxes, boxes::needs_boxes(item, given_objects, parents)),
        (Fault::EmptyText, is_empty_text(&item.question) || (is_empty_text(&item.answer) && !is_sign(&item.answer))),
        (Fault::UnknownSkill, item.skills.iter().any(|skill| normalize_skill(skill).is_none())),
        (Fault::EmptySkills, item.skills.is_empty()),
        (Fault::NoParent, !parents.is_empty() && !has_parent(item, parents.len())),
    ];
    let distinct: BTreeSet<Fault> = found.into_iter().filter_map(|(fault, is_found)| is_found.then_some(fault)).collect();
    distinct.into_iter().collect()
}

fn has_parent(item: &Instruction, parents: usize) -> bool {
    item.item.and_then(|number| usize::try_from(number).ok()).is_some_and(|number| (1..=parents).contains(&number))
}

/// Whether there is nothing but blanks and punctuation. A symbol such as `+` or `%` can be an answer.
fn is_empty_text(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || (c.is_ascii_punctuation() && !matches!(c, '+' | '=' | '%' | '$' | '<' | '>' | '^' | '~' | '&' | '@'))
            || matches!(c, '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '¿' | '¡' | '«' | '»' | '·')
    })
}

/// Whether an answer is a sign or two, such as `-` or `:)`, perhaps in quotes. Dots, gaps and empty brackets stand for nothing.
fn is_sign(answer: &str) -> bool {
    const MOST_CHARACTERS: usize = 2;
    let sign = answer.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    let is_nothing = matches!(sign, "" | "--" | "[]" | "{}" | "()");
    let are_signs = sign.chars().all(|c| c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '_'));
    !is_nothing && are_signs && sign.chars().count() <= MOST_CHARACTERS
}

#[cfg(test)]
#[path = "faults/tests.rs"]
mod tests;
