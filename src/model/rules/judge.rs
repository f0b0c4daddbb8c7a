//! The rules' verdicts: what of an item can be measured, as points on a scale from 1 to 10.
//!
//! It measures form (length, objects, abilities, steps, grounding, definiteness), not meaning, and says so in its reasons. Some
//! faults decide alone: a copy of the parent, boxes nobody gave, counts the boxes contradict, questions that need no image.

use std::collections::HashSet;

use serde::Serialize;

use super::facts::skill;
use super::given::quoted_boxes;
use super::scene::Scene;
use super::wording::{self, normalised, number, read_number};
use crate::instruction::Instruction;
use crate::instruction::faults::{Fault, instruction_faults};
use crate::model::{ScorePair, ScoreTask};

/// An item that adds nothing and loses nothing stands here.
const START: f64 = 3.7;
/// Without a parent nothing can be called added, so less can be reached.
const START_ALONE: f64 = 3.0;
const CEILING_ALONE: f64 = 6.0;
/// From this score on an item counts as improved.
const IMPROVED_FROM: i64 = 5;
/// Questions and answers at least this similar are copies.
const COPY_SIMILARITY: f64 = 0.9;
/// Questions less similar than this ask something else.
const OTHER_SIMILARITY: f64 = 0.6;
/// Similarity is measured on this many characters at most: it costs their square.
const COMPARED_CHARACTERS: usize = 400;

/// Words that only make sense of something one looks at.
const VISUAL_WORDS: &[&str] = &[
    "image",
    "picture",
    "photo",
    "photograph",
    "scene",
    "shown",
    "visible",
    "see",
    "seen",
    "region",
    "left",
    "right",
    "top",
    "bottom",
    "upper",
    "lower",
    "colour",
    "color",
    "background",
    "foreground",
    "appear",
    "appears",
    "look",
    "looking",
    "wearing",
    "this",
    "these",
    "those",
];
/// Words of an answer that commits to nothing.
const VAGUE: &[&str] = &["might", "maybe", "perhaps", "possibly", "could", "unclear", "unknown", "probably", "cannot", "likely"];
/// Words that carry no content of their own.
const EMPTY_WORDS: &[&str] = &["with", "that", "this", "from", "their", "there", "which", "what", "where", "when", "does", "have", "front"];

/// One entry of a judge's answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub item: i64,
    pub improved: &'static str,
    pub score: i64,
    pub reason: String,
}

/// One verdict for each pair, in order.
pub fn verdicts(task: &ScoreTask) -> Vec<Verdict> {
    let scene = Scene::new(task.caption.as_deref(), &task.objects, None);
    task.pairs.iter().map(|pair| verdict(pair, task, &scene)).collect()
}

fn verdict(pair: &ScorePair, task: &ScoreTask, scene: &Scene) -> Verdict {
    let rewritten = &pair.rewritten;
    if let Some((score, reason)) = decisive_fault(pair, task, scene) {
        return Verdict { item: pair.item, improved: "no", score, reason: reason.to_owned() };
    }
    let mut points = Points::default();
    let ceiling = match &pair.original {
        Some(original) => {
            points.total = START;
            points.compare(original, rewritten);
            10.0
        }
        None => {
            points.total = START_ALONE;
            points.alone(rewritten);
            CEILING_ALONE
        }
    };
    points.quality(rewritten);
    let score = points.total.min(ceiling).round().clamp(1.0, 10.0) as i64;
    let improved = if score >= IMPROVED_FROM { "yes" } else { "no" };
    Verdict { item: pair.item, improved, score, reason: points.reason() }
}

/// Faults that no merit makes up for, with the score they leave.
fn decisive_fault(pair: &ScorePair, task: &ScoreTask, scene: &Scene) -> Option<(i64, &'static str)> {
    let item = &pair.rewritten;
    let fatal = instruction_faults(item, &task.objects, pair.original.as_slice()).into_iter().find(|fault| fault.is_fatal());
    if let Some(fault) = fatal {
        return Some((1, reason_of(fault)));
    }
    let (question, answer) = (normalised(&item.question), normalised(&item.answer));
    if contradicts_counts(&answer, scene) {
        return Some((2, "It counts more objects than there are boxes."));
    }
    if let Some(original) = &pair.original {
        let is_copy = |text: &str, original: &str| similarity(text, &normalised(original)) >= COPY_SIMILARITY;
        if is_copy(&question, &original.question) && is_copy(&answer, &original.answer) {
            return Some((2, "It is a near copy of the item it was made from."));
        }
    }
    (!depends_on_image(&question, task, scene)).then_some((2, "The question can be answered without the image."))
}

fn reason_of(fault: Fault) -> &'static str {
    match fault {
        Fault::BoxNotGiven => "It quotes a box that was not given.",
        Fault::Placeholder => "It contains a placeholder.",
        Fault::PromptLeak => "It repeats pieces of the prompt.",
        Fault::AnswerNotAnOption => "Its answer is none of its options.",
        Fault::CopiesParent => "It is a copy of the item it was made from.",
        Fault::NeedsBoxes => "It asks for regions where none are known.",
        Fault::EmptyText => "The question or the answer is empty.",
        Fault::UnknownSkill | Fault::EmptySkills | Fault::NoParent | Fault::Truncated => "It is incomplete.",
    }
}

/// 1 for equal texts, 0 for texts with nothing in common; of long texts, the beginnings are compared.
fn similarity(a: &str, b: &str) -> f64 {
    let beginning = |text: &str| text.chars().take(COMPARED_CHARACTERS).collect::<String>();
    strsim::normalized_levenshtein(&beginning(a), &beginning(b))
}

/// Whether the answer speaks of more objects of a label than were boxed.
fn contradicts_counts(answer: &str, scene: &Scene) -> bool {
    let words = wording::words(answer);
    scene.groups.iter().filter_map(|group| group.counted()).any(|(plural, count)| {
        let plural = wording::words(plural);
        let stated =
            words.windows(plural.len() + 1).filter(|window| window[1..] == plural[..]).filter_map(|window| read_number(&window[0]));
        stated.max().is_some_and(|stated| stated > count)
    })
}

/// Whether a question speaks of what is to be seen: by a visual word, a given label, or something the caption names.
fn depends_on_image(question: &str, task: &ScoreTask, scene: &Scene) -> bool {
    let words = wording::words(question);
    let is_visual = words.iter().any(|word| VISUAL_WORDS.contains(&word.as_str()));
    let asks_how_many = question.contains("how many");
    if is_visual || asks_how_many || !scene.mentioned(question).is_empty() {
        return true;
    }
    let points_at = words.iter().any(|word| ["the", "he", "she", "they", "it", "his", "her"].contains(&word.as_str()));
    let caption: HashSet<String> = wording::words(task.caption.as_deref().unwrap_or_default()).into_iter().collect();
    let is_content = |word: &String| word.len() > 2 && !EMPTY_WORDS.contains(&word.as_str()) && word != "the" && word != "and";
    match caption.is_empty() {
        true => points_at,
        false => {
            points_at && words.iter().filter(|word| is_content(word)).any(|word| caption.contains(word))
                || words.iter().any(|word| ["he", "she", "they"].contains(&word.as_str()))
        }
    }
}

/// Points with their causes.
#[derive(Debug, Default)]
struct Points {
    total: f64,
    causes: Vec<(f64, String)>,
}

impl Points {
    fn add(&mut self, points: f64, cause: impl Into<String>) {
        self.total += points;
        // Small differences are not worth a word.
        if points.abs() >= 0.2 {
            self.causes.push((points, cause.into()));
        }
    }

    /// What was added to the parent, and what was lost.
    fn compare(&mut self, original: &Instruction, rewritten: &Instruction) {
        let length = |item: &Instruction| (word_count(&item.question) + word_count(&item.answer)).max(1) as f64;
        let ratio = length(rewritten) / length(original);
        self.add(ratio.log2().clamp(-0.8, 2.0) * 0.5, format!("it is {ratio:.1} times as long"));
        let measures = [
            ("object", "objects", distinct(&original.objects), distinct(&rewritten.objects), 0.35),
            ("ability", "abilities", abilities(original), abilities(rewritten), 0.3),
            ("step", "steps", original.steps.len(), rewritten.steps.len(), 0.3),
            ("region", "regions", regions(original), regions(rewritten), 0.25),
        ];
        for (singular, plural, before, after, weight) in measures {
            let change = (after as f64 - before as f64).clamp(-2.0, 3.0);
            // Losses weigh less than gains: another form may do with less.
            let weight = if change < 0.0 { weight / 2.0 } else { weight };
            let name = if after == 1 { singular } else { plural };
            self.add(change * weight, format!("it has {} {name} instead of {}", number(after), number(before)));
        }
        if !original.format.eq_ignore_ascii_case(&rewritten.format) {
            self.add(0.5, "it takes another form");
        }
        let (question, original_question) = (normalised(&rewritten.question), normalised(&original.question));
        if similarity(&question, &original_question) < OTHER_SIMILARITY && !question.contains(&original_question) {
            self.add(0.6, "it asks something else");
        }
        let is_new = |object: &&String| !original.objects.iter().any(|known| known.eq_ignore_ascii_case(object));
        let has_new_objects = rewritten.objects.iter().any(|object| is_new(&object));
        if has_new_objects {
            self.add(0.6, "it looks at other objects");
        } else if question.contains(&original_question) {
            self.add(-0.9, "it keeps the question and adds no object");
        }
    }

    /// What an item without a parent brings along.
    fn alone(&mut self, item: &Instruction) {
        self.add((word_count(&item.answer) as f64 / 20.0).min(1.0), "its answer is detailed");
        self.add((distinct(&item.objects) as f64 * 0.3).min(0.9), "it involves several objects");
        self.add((item.steps.len() as f64 * 0.3).min(0.9), "it takes several steps");
        if regions(item) > 0 {
            self.add(0.6, "it is grounded in regions");
        }
    }

    /// What makes any item good or bad, with or without a parent.
    fn quality(&mut self, item: &Instruction) {
        let (question, answer) = (normalised(&item.question), normalised(&item.answer));
        let words: Vec<&str> = answer.split(' ').collect();
        let is_yes_or_no = words.first().is_some_and(|first| ["yes", "no"].contains(first)) && words.len() < 40;
        let asks_often = item.question.matches('?').count() > 1 && !item.question.contains('\n');
        let flaws = [
            (1.0, "its answer commits to nothing definite", words.iter().any(|word| VAGUE.contains(word))),
            (1.2, "a yes or no can be guessed", is_yes_or_no),
            (0.8, "its answer is bare", words.len() <= 3),
            (1.5, "the question gives the answer away", words.len() > 3 && question.contains(&answer)),
            (0.8, "it names no known ability", abilities(item) == 0),
            (0.8, "it is about no object in particular", item.objects.is_empty()),
            (0.8, "the question is long-winded", word_count(&item.question) > 80),
            (0.6, "it strings questions together", asks_often),
        ];
        for (points, flaw, applies) in flaws {
            if applies {
                self.add(-points, flaw);
            }
        }
    }

    /// The main causes as one sentence.
    fn reason(mut self) -> String {
        self.causes.sort_by(|(a, _), (b, _)| b.abs().total_cmp(&a.abs()));
        let pick = |is_wanted: fn(f64) -> bool| -> Vec<String> {
            self.causes.iter().filter(|(points, _)| is_wanted(*points)).take(2).map(|(_, cause)| cause.clone()).collect()
        };
        let (gains, losses) = (pick(|points| points > 0.0), pick(|points| points < 0.0));
        let text = match (gains.is_empty(), losses.is_empty()) {
            (true, true) => "it neither adds nor loses much".to_owned(),
            (false, true) => wording::list(&gains),
            (true, false) => wording::list(&losses),
            (false, false) => format!("{}, but {}", wording::list(&gains), wording::list(&losses)),
        };
        wording::sentence(&text)
    }
}

fn word_count(text: &str) -> usize {
    text.split_whitespace().count()
}

fn regions(item: &Instruction) -> usize {
    quoted_boxes(&item.question).len() + quoted_boxes(&item.answer).len()
}

fn distinct(texts: &[String]) -> usize {
    texts.iter().map(|text| text.to_lowercase()).collect::<HashSet<_>>().len()
}

fn abilities(item: &Instruction) -> usize {
    skill::known(&item.skills).len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruction::{DetectedObject, Step};

    fn item(question: &str, answer: &str) -> Instruction {
        Instruction {
            question: question.into(),
            answer: answer.into(),
            format: "Norm".into(),
            skills: vec![skill::CONTEXT.into()],
            ..Instruction::default()
        }
    }

    fn judged(original: Option<Instruction>, rewritten: Instruction) -> Verdict {
        let object = |label: &str, bbox| DetectedObject { label: label.into(), bbox, confidence: None };
        let objects =
            vec![object("dog", [0.1, 0.1, 0.4, 0.4]), object("dog", [0.6, 0.1, 0.9, 0.4]), object("ball", [0.45, 0.8, 0.5, 0.85])];
        let task = ScoreTask {
            caption: Some("Two dogs play with a ball.".into()),
            objects,
            pairs: vec![ScorePair { item: 1, original, rewritten }],
        };
        verdicts(&task).remove(0)
    }

    #[test]
    fn decisive_faults_are_refused_whatever_else_there_is() {
        let parent = || Some(item("How many dogs are in the image?", "There are two dogs."));
        for (rewritten, reason) in [
            (item("How many dogs are in the image", "There are two dogs."), "copy"),
            (item("How many dogs are in this image?", "There are two dogs!"), "near copy"),
            (item("Where is the ball?", "At [0.111, 0.800, 0.500, 0.850]."), "not given"),
            (item("Where is the ball?", "At bbx_1."), "placeholder"),
            (item("What animals are in the image?", "There are five dogs."), "more objects"),
            (item("Why do animals sleep?", "They need rest."), "without the image"),
            (item("", "A ball."), "empty"),
        ] {
            let verdict = judged(parent(), rewritten);
            assert_eq!(verdict.improved, "no", "{verdict:?}");
            assert!(verdict.score <= 2 && verdict.reason.contains(reason), "{verdict:?}");
        }
    }

    #[test]
    fn more_objects_steps_and_grounding_score_higher() {
        let parent = item("Where is the ball?", "The ball is at the bottom.");
        let mut better = item(
            "Which dog is closer to the ball in the image, the leftmost or the rightmost? Explain step by step.",
            "The ball is at [0.450, 0.800, 0.500, 0.850] and the leftmost dog at [0.100, 0.100, 0.400, 0.400]. It is closer than the other.",
        );
        better.objects = vec!["dog".into(), "ball".into()];
        better.steps = vec![Step { manipulation: "None".into(), description: "Compare.".into() }; 3];
        better.skills.push(skill::GROUNDING.into());
        let verdict = judged(Some(parent.clone()), better.clone());
        assert_eq!((verdict.improved, verdict.score >= 7), ("yes", true), "{verdict:?}");
        assert!(judged(None, better).score <= 6, "less can be reached without a parent");
        assert_eq!(judged(Some(parent), item("Is there a ball in the image?", "Yes.")).improved, "no");
    }
}
