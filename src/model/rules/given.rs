//! A given item as the rules can use it: whether its text may be quoted, what it is about, and the fact it states.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::colour::Colour;
use super::facts::{Fact, Kind, Move, conspicuous_absent, skill};
use super::scene::{Region, Scene};
use super::wording;
use crate::instruction::faults::{Fault, instruction_faults};
use crate::instruction::{DetectedObject, Instruction, Step};

/// Longer questions and answers are not built upon: they would only grow.
const LONGEST_QUESTION: usize = 28;
const LONGEST_ANSWER: usize = 70;
/// More steps of an item than this are not taken over.
const MOST_STEPS: usize = 6;
/// Boxes quoted with fewer decimals are still the given ones.
const BOX_TOLERANCE: f64 = 0.006;

static QUOTED_BOX: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"\s*(\d*\.?\d+)\s*";
    Regex::new(&format!(r"\[{number},{number},{number},{number}\]")).expect("a valid pattern")
});

/// The boxes a text quotes.
pub fn quoted_boxes(text: &str) -> Vec<[f64; 4]> {
    let number = |captures: &Captures<'_>, place| captures.get(place).and_then(|found: regex::Match<'_>| found.as_str().parse().ok());
    QUOTED_BOX
        .captures_iter(text)
        .filter_map(|captures| Some([number(&captures, 1)?, number(&captures, 2)?, number(&captures, 3)?, number(&captures, 4)?]))
        .collect()
}

/// Whether a quoted box is one of the given ones.
pub fn is_given<'a>(bbox: &[f64; 4], mut given: impl Iterator<Item = &'a [f64; 4]>) -> bool {
    given.any(|given| given.iter().zip(bbox).all(|(given, quoted)| (given - quoted).abs() <= BOX_TOLERANCE))
}

/// Whether a text could stand in an item: it carries no variables of steps and no pieces of a prompt.
pub fn is_plain(text: &str) -> bool {
    let item = Instruction { question: text.to_owned(), answer: text.to_owned(), ..Instruction::default() };
    !text.contains('\n') && is_sound(&item, &[])
}

fn is_sound(item: &Instruction, objects: &[DetectedObject]) -> bool {
    !instruction_faults(item, objects, &[]).into_iter().any(Fault::is_fatal)
}

/// See the module.
#[derive(Debug)]
pub struct Given<'a> {
    pub item: &'a Instruction,
    /// The number a rewritten item echoes.
    pub number: i64,
    /// Labels of the scene that the item is about.
    pub labels: Vec<String>,
    /// Question and answer, where they are plain and short enough to be built upon; boxes with three decimals.
    pub text: Option<(String, String)>,
}

impl<'a> Given<'a> {
    /// `place` is the item's place among the given ones, from 0, its number if it has none of its own.
    pub fn new(item: &'a Instruction, place: usize, objects: &[DetectedObject], scene: &Scene) -> Self {
        let subject = format!("{} , {}", item.objects.join(" , "), item.question);
        let mut labels: Vec<String> = scene.mentioned(&subject).iter().map(|group| group.label.clone()).collect();
        if labels.is_empty() {
            labels = scene.mentioned(&item.answer).iter().map(|group| group.label.clone()).collect();
        }
        let number = item.item.unwrap_or_else(|| i64::try_from(place).map_or(i64::MAX, |place| place.saturating_add(1)));
        Given { item, number, labels, text: usable_text(item, objects) }
    }

    /// The fact that the item states, with wrong answers of the same kind as its answer; `None` where there are none to be had.
    pub fn fact(&self, scene: &Scene) -> Option<Fact> {
        let (question, answer) = self.text.as_ref()?;
        let (short, wrong) = short_answer(question, answer, scene)?;
        let statement = if answer.split_whitespace().count() > 2 { wording::sentence(answer) } else { format!("The answer is {short}.") };
        let mut fact = Fact::new(Kind::Given, [question.clone()], statement, short).wrong(wrong);
        fact.skills = skill::known(&self.item.skills);
        if fact.skills.is_empty() {
            fact.skills.push(skill::CONTEXT);
        }
        fact.moves = self.moves();
        if fact.is_yes_or_no() && answer.split_whitespace().count() > 2 {
            fact.statement = wording::sentence(trimmed_yes_or_no(answer));
        }
        fact.objects = if self.item.objects.is_empty() { self.labels.clone() } else { self.item.objects.clone() };
        Some(fact)
    }

    /// The given item's steps as moves, so that they can be numbered anew; never none.
    pub fn moves(&self) -> Vec<Move> {
        let read = |step: &Step| {
            let description = step.description.trim();
            let call = step.manipulation.to_lowercase();
            let target =
                call.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(target, _)| target.trim()).unwrap_or_default();
            let is_name =
                !target.is_empty() && target.len() <= 60 && target.chars().all(|character| character.is_alphanumeric() || character == ' ');
            if call.starts_with("grounding") && is_name {
                return Some(Move::Ground(format!("the {}", target.strip_prefix("the ").unwrap_or(target))));
            }
            let is_usable = !description.is_empty() && description.len() <= 200 && is_plain(description);
            is_usable.then(|| match call.as_str() {
                call if call.starts_with("calculate") => Move::Calculate(description.to_owned()),
                call if call.starts_with("ocr") => Move::Read(description.to_owned()),
                _ => Move::Think(description.to_owned()),
            })
        };
        let moves: Vec<Move> = self.item.steps.iter().take(MOST_STEPS).filter_map(read).collect();
        match &self.text {
            Some((question, _)) if moves.is_empty() => vec![Move::Think(format!("Look for what answers this: {question}"))],
            _ if moves.is_empty() => vec![Move::Think("Answer the question from what is visible.".to_owned())],
            _ => moves,
        }
    }
}

fn usable_text(item: &Instruction, objects: &[DetectedObject]) -> Option<(String, String)> {
    let (question, answer) = (item.question.trim(), item.answer.trim());
    let words = |text: &str| text.split_whitespace().count();
    let is_short = (2..=LONGEST_QUESTION).contains(&words(question)) && (1..=LONGEST_ANSWER).contains(&words(answer));
    let is_one_line = !question.contains('\n') && !answer.contains('\n');
    // Questions of several sentences, and ones with a gap, cannot be a part of another question.
    let is_one_question = !question.trim_end_matches(['?', '.', '!']).contains(['?', '!']) && !question.contains(". ") && !question.contains("__")
        // "And how about ...?" belongs to a conversation.
        && !question.to_lowercase().starts_with("and ");
    let is_usable = is_short && is_one_line && is_one_question && is_sound(item, objects);
    is_usable.then(|| (with_three_decimals(question), with_three_decimals(answer)))
}

fn with_three_decimals(text: &str) -> String {
    QUOTED_BOX
        .replace_all(text, |captures: &Captures<'_>| match quoted_boxes(&captures[0]).first() {
            Some(bbox) => Region(*bbox).to_string(),
            None => captures[0].to_owned(),
        })
        .into_owned()
}

fn trimmed_yes_or_no(answer: &str) -> &str {
    let lower = answer.to_lowercase();
    let start = if lower.starts_with("yes") {
        3
    } else if lower.starts_with("no") {
        2
    } else {
        0
    };
    let rest = answer[start..].trim_start_matches([',', '.', ';', ':', ' ']);
    if rest.is_empty() { answer } else { rest }
}

/// The definite part of an answer, with wrong ones of the same kind: yes or no, a number, a colour, or an object.
fn short_answer(question: &str, answer: &str, scene: &Scene) -> Option<(String, Vec<String>)> {
    let words = wording::words(&QUOTED_BOX.replace_all(answer, " "));
    match words.first().map(String::as_str) {
        Some("yes") => return Some(("yes".to_owned(), vec!["no".to_owned()])),
        Some("no") => return Some(("no".to_owned(), vec!["yes".to_owned()])),
        _ => {}
    }
    let asked = wording::normalised(question);
    if asked.contains("how many") {
        let numbers: Vec<(&String, usize)> = words.iter().filter_map(|word| Some((word, wording::read_number(word)?))).collect();
        let [(word, count)] = numbers.as_slice() else { return None };
        let in_digits = word.chars().all(|character| character.is_ascii_digit());
        let wrong = [count + 1, count.saturating_sub(1), count + 2, count.saturating_sub(2), count + 3]
            .into_iter()
            .filter(|wrong| *wrong > 0 && wrong != count);
        return Some(((*word).clone(), wrong.map(|wrong| if in_digits { wrong.to_string() } else { wording::number(wrong) }).collect()));
    }
    let colours: Vec<(&String, Colour)> = words.iter().filter_map(|word| Some((word, Colour::named(word)?))).collect();
    if let ([(word, colour)], true) = (colours.as_slice(), asked.contains("colour") || asked.contains("color")) {
        let wrong = Colour::ALL.into_iter().filter(|other| !other.is_near(*colour)).map(|other| other.name().to_owned());
        return Some(((*word).clone(), wrong.collect()));
    }
    object_answer(&asked, answer, scene)
}

/// The only object the answer names that the question does not, against objects that neither names.
fn object_answer(asked: &str, answer: &str, scene: &Scene) -> Option<(String, Vec<String>)> {
    let in_question = scene.mentioned(asked);
    let in_answer = scene.mentioned(answer);
    let is_new = |label: &str| in_question.iter().all(|group| group.label != label);
    let new: Vec<_> = in_answer.iter().filter(|group| is_new(&group.label)).collect();
    let asks_for_object = ["what", "which"].iter().any(|start| asked.starts_with(start));
    let [group] = new.as_slice() else { return None };
    let label = group.noun.name.to_lowercase();
    // Plurals would give the number away, and wrong options of another number would not fit the sentence.
    if !asks_for_object || group.regions.len() != 1 || wording::replaced_once(&answer.to_lowercase(), &label, "").is_none() {
        return None;
    }
    let others = scene.groups.iter().filter(|other| is_new(&other.label) && other.label != group.label && other.noun.plural.is_some());
    let fillers = conspicuous_absent(scene).into_iter().map(str::to_owned);
    Some((label, others.map(|other| other.noun.name.clone()).chain(fillers).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> Vec<DetectedObject> {
        let object = |label: &str, bbox| DetectedObject { label: label.into(), bbox, confidence: None };
        vec![object("spoon", [0.54, 0.16, 0.71, 0.81]), object("cup", [0.28, 0.04, 0.5, 0.78]), object("saucer", [0.13, 0.18, 0.8, 0.97])]
    }

    fn scene() -> Scene {
        Scene::new(None, &objects(), None)
    }

    fn item(question: &str, answer: &str) -> Instruction {
        Instruction { question: question.into(), answer: answer.into(), ..Instruction::default() }
    }

    #[test]
    fn the_definite_part_of_an_answer() {
        let scene = scene();
        let short = |question, answer| Given::new(&item(question, answer), 0, &objects(), &scene).fact(&scene).map(|fact| fact.answer);
        assert_eq!(short("How many eyes are visible?", "Two eyes are visible.").as_deref(), Some("two"));
        assert_eq!(short("What colour is the mat?", "The mat is green.").as_deref(), Some("green"));
        assert_eq!(short("Is it wood?", "Yes, it is wood.").as_deref(), Some("yes"));
        assert_eq!(short("What lies on the saucer besides the cup?", "A spoon lies on the saucer.").as_deref(), Some("spoon"));
        assert_eq!(short("What is he doing?", "He runs."), None);
    }

    #[test]
    fn text_with_foreign_boxes_or_marks_is_not_built_upon() {
        let scene = scene();
        let usable = |question, answer| Given::new(&item(question, answer), 0, &objects(), &scene).text.is_some();
        assert!(usable("Where is the spoon?", "At [0.54, 0.16, 0.71, 0.81]."));
        assert!(!usable("Where is the spoon?", "At [0.11, 0.16, 0.71, 0.81]."));
        assert!(!usable("Where is the spoon?", "At bbx_1."));
        assert!(!usable("Where is the cup? And the spoon?", "There."), "two questions");
        assert!(!is_plain("bbx_1") && is_plain("a retired teacher"));
    }

    #[test]
    fn boxes_are_written_with_three_decimals() {
        let given = item("Where is the spoon?", "At [0.54,0.16, 0.71, 0.81].");
        let scene = scene();
        let text = Given::new(&given, 4, &objects(), &scene).text;
        assert_eq!(text.map(|(_, answer)| answer).as_deref(), Some("At [0.540, 0.160, 0.710, 0.810]."));
    }

    #[test]
    fn the_number_is_the_items_own_or_its_place() {
        let (mut given, scene) = (item("Where is it?", "There."), scene());
        assert_eq!(Given::new(&given, 4, &objects(), &scene).number, 5);
        given.item = Some(9);
        assert_eq!(Given::new(&given, 4, &objects(), &scene).number, 9);
    }
}
