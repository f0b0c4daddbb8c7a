//! A new question about another true detail, of similar difficulty as the given one.

use super::facts::{Fact, Kind, evidence_sentence};
use super::given::Given;
use super::wording;
use super::writing::{Draft, Work};
use crate::model::rules::choice::Choice;

const HARD_FROM_STEPS: usize = 4;

/// A question about a fact that no given item tells; `None` where nothing true is left to say.
pub fn rewrite(work: &mut Work<'_>, given: &Given<'_>, choice: &Choice) -> Option<Draft> {
    // The difficulty should stay about the same: facts that take reasoning are for items of many steps only.
    let is_hard = given.item.steps.len() >= HARD_FROM_STEPS;
    // Questions that suit any image, and ones that a guess may answer, are rarely worth asking;
    // objects the given item is not about make the question a new one.
    let preference = |fact: &Fact| {
        let is_dull = fact.is_yes_or_no() || fact.objects.is_empty() || fact.kind == Kind::Count;
        let is_unwanted = !choice.one_in(&format!("dull after all {:?}", fact.kind), 8);
        let is_same = !fact.objects.is_empty() && fact.objects.iter().all(|object| given.labels.contains(object));
        let is_easier = fact.moves.len() < given.item.steps.len().min(HARD_FROM_STEPS);
        let rank = u8::from(is_dull && is_unwanted) * 4 + u8::from(is_easier) * 2 + u8::from(is_same && work.scene.groups.len() > 1);
        (is_hard || fact.kind != Kind::Reasoned).then_some(rank)
    };
    let (fact, question) =
        work.ranked(choice, preference).into_iter().find_map(|fact| fact.question(choice, &work.taken).map(|question| (fact, question)))?;
    let draft = Draft::of(fact, "Norm", question, answer(fact, choice));
    work.tell(fact);
    Some(draft)
}

/// The statement with its evidence, in one of several arrangements.
fn answer(fact: &Fact, choice: &Choice) -> String {
    let statement = match fact.answer.as_str() {
        "yes" => format!("Yes, {}", wording::lowered(&fact.statement)),
        "no" => format!("No, {}", wording::lowered(&fact.statement)),
        _ => fact.statement.clone(),
    };
    let findings: Vec<String> = [evidence_sentence(&fact.evidence), fact.working.clone()].into_iter().flatten().collect();
    match (!findings.is_empty()).then(|| findings.join(" ")) {
        None => statement,
        Some(evidence) => match choice.weight("arrangement") % 3 {
            0 if !fact.is_yes_or_no() => format!("{evidence} {}", therefore(&fact.statement)),
            1 => format!("{statement} {evidence}"),
            _ => format!("{statement} In detail: {}", wording::lowered(&evidence)),
        },
    }
}

fn therefore(statement: &str) -> String {
    format!("Therefore {}", wording::lowered(statement))
}
