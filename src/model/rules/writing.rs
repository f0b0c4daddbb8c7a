//! From facts to items: the state of one answer while it is written, and the parts all operators share.

use super::choice::Choice;
use super::facts::{Fact, Kind, Move};
use super::given::{self, Given};
use super::scene::Scene;
use super::wording;
use crate::instruction::{Instruction, Operator, Step};
use crate::model::EvolveTask;

const LONGEST_PERSONA: usize = 120;

/// An item without its place in the answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    pub objects: Vec<String>,
    pub skills: Vec<&'static str>,
    pub format: &'static str,
    pub question: String,
    pub moves: Vec<Move>,
    pub answer: String,
}

impl Draft {
    /// A draft with the fact's objects, skills and moves.
    pub fn of(fact: &Fact, format: &'static str, question: String, answer: String) -> Self {
        let mut draft = Draft { format, question, answer, ..Draft::default() };
        draft.take_in(fact);
        draft
    }

    /// Adds another fact's objects, skills and moves, each once.
    pub fn take_in(&mut self, fact: &Fact) {
        self.add_objects(&fact.objects);
        self.add_skills(&fact.skills);
        for step in &fact.moves {
            if !self.moves.contains(step) {
                self.moves.push(step.clone());
            }
        }
    }

    /// Adds objects, each once.
    pub fn add_objects(&mut self, objects: &[String]) {
        for object in objects {
            if !self.objects.contains(object) {
                self.objects.push(object.clone());
            }
        }
    }

    /// Adds skills, each once.
    pub fn add_skills(&mut self, skills: &[&'static str]) {
        for skill in skills {
            if !self.skills.contains(skill) {
                self.skills.push(skill);
            }
        }
    }
}

/// What is known while the items of one request are written.
#[derive(Debug)]
pub struct Work<'a> {
    pub scene: &'a Scene,
    /// Facts that no given item tells.
    facts: Vec<&'a Fact>,
    pub givens: &'a [Given<'a>],
    persona: Option<String>,
    /// Normalised questions that are taken: the given ones and those written so far.
    pub taken: Vec<String>,
    /// Statements used so far in this answer.
    told: Vec<String>,
    kinds: Vec<Kind>,
}

impl<'a> Work<'a> {
    /// The state before the first item is written.
    pub fn new(task: &EvolveTask, scene: &'a Scene, facts: &'a [Fact], givens: &'a [Given<'a>]) -> Self {
        Work {
            scene,
            facts: untold(facts, &task.items),
            givens,
            persona: task.persona.as_deref().and_then(persona),
            taken: task.items.iter().map(|item| wording::normalised(&item.question)).collect(),
            told: Vec::new(),
            kinds: Vec::new(),
        }
    }

    /// Facts that suit an item, the most suitable first: kinds not used yet, then by `preference` (lower is better, `None` is out),
    /// then by chance. Facts used before, or told by any given item, are left out.
    pub fn ranked(&self, choice: &Choice, preference: impl Fn(&Fact) -> Option<u8>) -> Vec<&'a Fact> {
        let uses = |kind: Kind| self.kinds.iter().filter(|used| **used == kind).count();
        let rank = |fact: &&'a Fact| {
            let preference = preference(fact).filter(|_| !self.told.contains(&fact.statement))?;
            let by_chance = (choice.weight(&format!("{:?}", fact.kind)), choice.weight(&fact.statement));
            Some(((uses(fact.kind), preference, by_chance), *fact))
        };
        let mut ranked: Vec<_> = self.facts.iter().filter_map(rank).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, fact)| fact).collect()
    }

    /// Whether nobody asked this yet.
    pub fn is_new_question(&self, question: &str) -> bool {
        !self.taken.contains(&wording::normalised(question))
    }

    /// Notes that a fact is used up.
    pub fn tell(&mut self, fact: &Fact) {
        self.told.push(fact.statement.clone());
        self.kinds.push(fact.kind);
    }

    /// The finished item; `None` if its question is taken.
    pub fn finish(&mut self, draft: Draft, given: &Given<'_>) -> Option<Instruction> {
        if !self.is_new_question(&draft.question) {
            return None;
        }
        self.taken.push(wording::normalised(&draft.question));
        let question = match &self.persona {
            Some(persona) => format!("{persona} asks: {}", draft.question),
            None => draft.question,
        };
        Some(Instruction {
            item: Some(given.number),
            image_position: given.item.image_position.clone(),
            objects: draft.objects,
            skills: draft.skills.into_iter().map(str::to_owned).collect(),
            format: draft.format.to_owned(),
            question,
            steps: steps(&draft.moves),
            answer: draft.answer,
        })
    }
}

/// The facts that none of the items asks for or states.
fn untold<'a>(facts: &'a [Fact], items: &[Instruction]) -> Vec<&'a Fact> {
    let told: Vec<(String, String)> =
        items.iter().map(|item| (wording::normalised(&item.question), wording::normalised(&item.answer))).collect();
    facts.iter().filter(|fact| !told.iter().any(|(question, answer)| fact.is_told_by(question, answer))).collect()
}

/// The source of choices for one given item.
pub fn choice_for(seed: i64, sample_index: u32, operator: Operator, given: &Given<'_>) -> Choice {
    let item = given.item;
    Choice::new(&[&seed.to_string(), &sample_index.to_string(), operator.name(), &given.number.to_string(), &item.question, &item.answer])
}

/// "A retired teacher who grows roses": one line, short, and nothing that could be taken for part of the item.
fn persona(text: &str) -> Option<String> {
    let text = text.trim();
    let text = ["You are ", "I am ", "I'm "].iter().find_map(|start| text.strip_prefix(start)).unwrap_or(text);
    let text = text.split(['.', '\n']).next().unwrap_or_default().trim().trim_end_matches([',', ';', ':']);
    let is_usable = !text.is_empty() && text.chars().count() <= LONGEST_PERSONA && !text.contains(['[', ']', '?']) && given::is_plain(text);
    is_usable.then(|| wording::capitalised(text))
}

/// Moves as numbered pseudo calls.
pub fn steps(moves: &[Move]) -> Vec<Step> {
    let (mut found, mut referred, mut results, mut texts) = (0, 0, 0, 0);
    let step = |manipulation: String, description: String| Step { manipulation, description };
    moves
        .iter()
        .map(|step_move| match step_move {
            Move::Ground(target) => {
                found += 1;
                let name = ["the ", "a ", "an "].iter().find_map(|article| target.strip_prefix(article)).unwrap_or(target);
                step(format!("Grounding_{found}({name})->bbx_{found}"), format!("Locate {target}."))
            }
            Move::Refer(region) => {
                referred += 1;
                step(format!("Referring_{referred}({region})->tgt_{referred}"), "Look closely at the region.".to_owned())
            }
            Move::Calculate(description) => {
                results += 1;
                let inputs = match found {
                    0 => "image".to_owned(),
                    1 => "bbx_1".to_owned(),
                    _ => (1..=found).map(|place| format!("bbx_{place}")).collect::<Vec<_>>().join(", "),
                };
                step(format!("Calculate({inputs})->res_{results}"), description.clone())
            }
            Move::Read(description) => {
                texts += 1;
                step(format!("OCR_{texts}(image)->txt_{texts}"), description.clone())
            }
            Move::Think(description) => step("None".to_owned(), description.clone()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_are_numbered_across_facts() {
        let moves = [
            Move::Ground("the cup".into()),
            Move::Ground("the dog".into()),
            Move::Calculate("Compare.".into()),
            Move::Think("Decide.".into()),
        ];
        let calls: Vec<String> = steps(&moves).into_iter().map(|step| step.manipulation).collect();
        assert_eq!(calls, ["Grounding_1(cup)->bbx_1", "Grounding_2(dog)->bbx_2", "Calculate(bbx_1, bbx_2)->res_1", "None"]);
    }

    #[test]
    fn personas_are_cut_to_a_plain_phrase() {
        assert_eq!(persona("a retired teacher. She likes roses.").as_deref(), Some("A retired teacher"));
        assert_eq!(persona("You are a pilot").as_deref(), Some("A pilot"));
        assert_eq!(persona("a bbx_1 [0.1]"), None);
        assert_eq!(persona("  "), None);
    }
}
