//! The given question made harder: joined with facts that take several observations to establish.

use super::choice::Choice;
use super::facts::{Fact, Kind, evidence_sentence, skill};
use super::given::{Given, is_given, quoted_boxes};
use super::scene::Region;
use super::wording::{self, lowered};
use super::writing::{Draft, Work};

const FORMAT: &str = "Complex Reasoning";
/// Steps beyond this number make an item tedious rather than hard.
const MOST_STEPS: usize = 6;

const CUES: [&str; 10] = [
    "Explain your reasoning step by step.",
    "Walk through the evidence before you give the answer.",
    "Justify the answer with what is visible.",
    "Show how you arrive at the answer.",
    "Weigh each observation before you commit to an answer.",
    "Lay out each observation, then conclude.",
    "Give the intermediate findings as well as the final answer.",
    "Support every part of the answer with an observation.",
    "Think it through in order and state the result last.",
    "Describe how the observations lead to the answer.",
];

/// A question that needs more steps than the given one; `None` where neither the scene nor other items offer any.
pub fn rewrite(work: &mut Work<'_>, given: &Given<'_>, choice: &Choice) -> Option<Draft> {
    // A fact that shares an object with the item and adds another one ties the two questions together.
    let preference = |fact: &Fact| {
        let shared = fact.objects.iter().filter(|object| given.labels.contains(object)).count();
        let rank = u8::from(fact.kind != Kind::Reasoned) + 2 * u8::from(shared == 0) + u8::from(fact.objects.len() == shared);
        // Naming what a region shows adds no step to a question that names it already.
        let adds_a_step = fact.kind == Kind::Reasoned || !fact.is_yes_or_no() && fact.kind != Kind::Content;
        adds_a_step.then_some(rank)
    };
    let ranked = work.ranked(choice, preference);
    substituted(work, given, &ranked, choice)
        .or_else(|| extended(work, given, &ranked, choice))
        .or_else(|| two_facts(work, &ranked, choice))
        .or_else(|| two_items(work, given, choice))
}

/// The given question with its object hidden behind a description that must be resolved first.
fn substituted(work: &mut Work<'_>, given: &Given<'_>, ranked: &[&Fact], choice: &Choice) -> Option<Draft> {
    let (question, conclusion) = given.text.as_ref()?;
    if choice.one_in("no substitution", 3) {
        return None;
    }
    let describes = |fact: &&&Fact| {
        matches!(fact.kind, Kind::Extreme | Kind::Larger | Kind::Middle | Kind::Nearer)
            && !["person", "man", "woman"].iter().any(|person| fact.answer.contains(person))
    };
    let (fact, first, second) = ranked.iter().filter(describes).find_map(|fact| {
        let second = wording::replaced_once(question, &fact.answer, "that object")?;
        Some((*fact, fact.question(choice, &work.taken)?, second))
    })?;
    let answer = chain(&[fact], "", conclusion, choice);
    let mut draft = Draft { format: FORMAT, question: format!("{first} {second} {}", cue(choice)), answer, ..Draft::default() };
    draft.take_in(fact);
    take_in_given(&mut draft, given);
    draft.moves.truncate(MOST_STEPS);
    work.tell(fact);
    Some(draft)
}

/// The given question and a fact on top.
fn extended(work: &mut Work<'_>, given: &Given<'_>, ranked: &[&Fact], choice: &Choice) -> Option<Draft> {
    let (question, conclusion) = given.text.as_ref()?;
    let (fact, second) = ranked.iter().find_map(|fact| fact.question(choice, &work.taken).map(|second| (*fact, second)))?;
    let text = format!("{} {}", joined(question, &second, choice), cue(choice));
    let mut draft = Draft { format: FORMAT, question: text, answer: chain(&[fact], conclusion, "", choice), ..Draft::default() };
    take_in_given(&mut draft, given);
    draft.take_in(fact);
    draft.moves.truncate(MOST_STEPS);
    work.tell(fact);
    Some(draft)
}

/// Two facts about the same objects, where the given text cannot be built upon.
fn two_facts(work: &mut Work<'_>, ranked: &[&Fact], choice: &Choice) -> Option<Draft> {
    let (first, first_question) = ranked.iter().find_map(|fact| fact.question(choice, &work.taken).map(|question| (*fact, question)))?;
    let is_other = |fact: &&&Fact| fact.statement != first.statement && (fact.kind != first.kind || fact.kind == Kind::Reasoned);
    let is_related = |fact: &&&Fact| fact.objects.iter().any(|object| first.objects.contains(object));
    let (second, second_question) = ranked
        .iter()
        .filter(is_other)
        .filter(is_related)
        .chain(ranked.iter().filter(is_other))
        .find_map(|fact| fact.question(choice, &work.taken).map(|question| (*fact, question)))?;
    let question = format!("{} {}", joined(&first_question, &second_question, choice), cue(choice));
    let answer = chain(&[first, second], "", "", choice);
    let mut draft = Draft { format: FORMAT, question, answer, ..Draft::default() };
    draft.take_in(first);
    draft.take_in(second);
    draft.moves.truncate(MOST_STEPS);
    work.tell(first);
    work.tell(second);
    Some(draft)
}

/// Two given items as one, where nothing else is known.
fn two_items(work: &mut Work<'_>, given: &Given<'_>, choice: &Choice) -> Option<Draft> {
    let (question, answer) = given.text.as_ref()?;
    let usable = work
        .givens
        .iter()
        .filter(|other| other.text.as_ref().is_some_and(|(other, _)| wording::normalised(other) != wording::normalised(question)))
        .collect();
    for other in choice.shuffled("other item", usable) {
        let Some((other_question, other_answer)) = other.text.as_ref() else { continue };
        let text = format!("{} {}", joined(question, other_question, choice), cue(choice));
        if !work.is_new_question(&text) {
            continue;
        }
        let answer = in_sequence(&[answer, other_answer].map(|answer| whole_sentence(answer)));
        let mut draft = Draft { format: FORMAT, question: text, answer, ..Draft::default() };
        take_in_given(&mut draft, given);
        take_in_given(&mut draft, other);
        draft.moves.truncate(MOST_STEPS);
        return Some(draft);
    }
    None
}

/// Two questions as one text.
fn joined(first: &str, second: &str, choice: &Choice) -> String {
    // A question of one sentence without inner pauses can be a clause of another.
    let is_clause = |question: &str| question.ends_with('?') && !question.contains([':', ';']) && !question.contains(". ");
    let stem = first.trim_end_matches(['?', '.', '!']);
    if is_clause(first) && is_clause(second) && choice.one_in("clause", 2) {
        return format!("{stem}, and {}", lowered(second));
    }
    let second = lowered(second);
    match choice.wording("joint", ["Building on that", "Then", "With that settled", "Next", "Beyond that", "After that"]) {
        joint if second.contains(". ") => format!("{} {joint}: {second}", complete(first)),
        joint => format!("{} {joint}, {second}", complete(first)),
    }
}

fn complete(question: &str) -> String {
    if question.ends_with(['?', '.', '!']) { question.to_owned() } else { format!("{question}.") }
}

fn cue(choice: &Choice) -> &'static str {
    choice.wording("cue", CUES)
}

/// The chain of findings, with the definite answer last: the facts' statements, between those of the given item, if any.
fn chain(facts: &[&Fact], before: &str, after: &str, choice: &Choice) -> String {
    let mut told = quoted_boxes(&format!("{before} {after}"));
    let openings = ["To begin with, ", "First, ", "Start with what can be located: ", "The relevant observations: "];
    let mut parts: Vec<String> = Vec::new();
    for fact in facts {
        let is_new = |(_, regions): &&(String, Vec<Region>)| !regions.iter().all(|region| is_given(&region.0, told.iter()));
        let evidence: Vec<(String, Vec<Region>)> = fact.evidence.iter().filter(is_new).cloned().collect();
        told.extend(evidence.iter().flat_map(|(_, regions)| regions.iter().map(|region| region.0)));
        let findings: Vec<String> = [evidence_sentence(&evidence), fact.working.clone()].into_iter().flatten().collect();
        if findings.is_empty() {
            continue;
        }
        let opening = if parts.is_empty() { choice.wording("opening", openings) } else { "Next, " };
        parts.push(format!("{opening}{}", lowered(&findings.join(" "))));
    }
    let closing =
        choice.wording("closing", ["Putting this together:", "So the answer is:", "This leads to the answer:", "In conclusion:", "Hence:"]);
    let statements = facts.iter().map(|fact| fact.statement.as_str());
    let conclusions: Vec<String> =
        [before].into_iter().chain(statements).chain([after]).filter(|text| !text.is_empty()).map(wording::sentence).collect();
    if parts.is_empty() {
        return in_sequence(&conclusions);
    }
    parts.push(closing.to_owned());
    parts.extend(conclusions);
    parts.join(" ")
}

/// A bare answer such as "2" as a sentence.
fn whole_sentence(answer: &str) -> String {
    match answer.split_whitespace().count() {
        0..=2 => wording::sentence(&format!("the answer is {}", lowered(answer))),
        _ => wording::sentence(answer),
    }
}

/// "First, ... Second, ..."
fn in_sequence(sentences: &[String]) -> String {
    let ordinals = ["First, ", "Second, ", "Third, "].into_iter().chain(std::iter::repeat("Then, "));
    let parts: Vec<String> = ordinals.zip(sentences).map(|(ordinal, sentence)| format!("{ordinal}{}", lowered(sentence))).collect();
    parts.join(" ")
}

/// Adds the given item's objects, skills and steps.
fn take_in_given(draft: &mut Draft, given: &Given<'_>) {
    draft.add_objects(if given.item.objects.is_empty() { &given.labels } else { &given.item.objects });
    draft.add_skills(&skill::known(&given.item.skills));
    draft.add_skills(&[skill::CONTEXT]);
    for step in given.moves() {
        if !draft.moves.contains(&step) {
            draft.moves.push(step);
        }
    }
}
