//! Forms whose answer is one of several options.

use super::Material;
use crate::model::rules::choice::Choice;
use crate::model::rules::facts::{Fact, Kind, Move, conspicuous_absent, evidence_sentence, skill};
use crate::model::rules::scene::{Group, Region};
use crate::model::rules::wording;
use crate::model::rules::writing::Draft;

/// Options with letters, one of them right.
struct Options {
    /// One line each, `A. text`.
    lines: String,
    /// `B. text`, as an answer names it.
    right: String,
}

impl Options {
    /// The right answer among two or three wrong ones; `None` with fewer.
    fn new(right: &str, wrong: &[String], choice: &Choice) -> Option<Self> {
        let mut texts: Vec<String> = vec![right.to_owned()];
        for text in choice.shuffled("wrong answers", wrong.to_vec()) {
            let is_new = texts.iter().all(|other| wording::normalised(other) != wording::normalised(&text));
            if is_new && texts.len() < 4 {
                texts.push(text);
            }
        }
        if texts.len() < 3 {
            return None;
        }
        let lettered: Vec<(String, bool)> = choice
            .shuffled("options", texts)
            .into_iter()
            .zip(['A', 'B', 'C', 'D'])
            .map(|(text, letter)| (format!("{letter}. {text}"), text == right))
            .collect();
        let right = lettered.iter().find(|(_, is_right)| *is_right)?.0.clone();
        let lines: Vec<String> = lettered.into_iter().map(|(line, _)| line).collect();
        Some(Options { lines: lines.join("\n"), right })
    }
}

/// The given question with options.
pub fn multi_choice_of_given(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    Some((multi_choice_draft(material.own?, material)?, None))
}

/// Another question about the same objects, with options.
pub fn multi_choice(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    material.facts.iter().find_map(|fact| Some((multi_choice_draft(fact, material)?, Some((*fact).clone()))))
}

fn multi_choice_draft(fact: &Fact, material: &Material<'_>) -> Option<Draft> {
    let options = Options::new(&fact.answer, &fact.wrong, material.choice)?;
    let question = material.choice.one_of(&fact.statement, &fact.questions)?;
    let answer = [Some(format!("{}.", options.right)), Some(wording::sentence(&fact.statement)), fact.evidence_sentence()];
    let answer = answer.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let lead = material
        .choice
        .wording("lead", ["", "Choose the right option. ", "Select the correct answer. ", "Answer with one of the options. "]);
    let mut draft = Draft::of(fact, "multi_choice", format!("{lead}{question}\n{}", options.lines), answer);
    draft.moves.push(Move::Think("Compare the finding with the options.".to_owned()));
    Some(draft)
}

/// Sentences of which only one fits the image.
pub fn text_image_matching(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    material.facts.iter().find_map(|fact| {
        let wrong: Vec<String> =
            fact.wrong.iter().filter_map(|wrong| with_wrong_answer(fact, wrong)).map(|text| wording::capitalised(&text)).collect();
        // In statements about two things, the other one may stand in the sentence already.
        if fact.kind == Kind::MoreNumerous || fact.kind == Kind::Reasoned || wrong.iter().any(|text| has_repeated_name(text)) {
            return None;
        }
        let options = Options::new(&fact.statement, &wrong, material.choice)?;
        let lead = material.choice.wording(
            "matching",
            [
                "Which sentence matches the image?",
                "Only one of these sentences is true of the image. Which one?",
                "Pick the description that fits the image.",
            ],
        );
        let answer = [Some(options.right), fact.evidence_sentence()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let mut draft = Draft::of(fact, "text_image_matching", format!("{lead}\n{}", options.lines), answer);
        draft.moves.push(Move::Think("Reject the sentences that the image contradicts.".to_owned()));
        Some((draft, Some((*fact).clone())))
    })
}

/// The statement with a wrong answer in it, where the rest agrees with that: "There are one cups" is wrong in another way.
fn with_wrong_answer(fact: &Fact, wrong: &str) -> Option<String> {
    let text = wording::replaced_once(&fact.statement, &fact.answer, wrong)?;
    match (fact.kind, wrong) {
        (Kind::Count, "one") => None,
        (Kind::CountInHalf, "one") => Some(text.replace(" one are ", " one is ")),
        (Kind::CountInHalf, _) => Some(text.replace(&format!(" {wrong} is "), &format!(" {wrong} are "))),
        _ => Some(text),
    }
}

/// "The cup is closer to the dog than the cup."
fn has_repeated_name(sentence: &str) -> bool {
    let words = wording::words(sentence);
    let mut names: Vec<&[String]> = words.windows(2).filter(|window| window[0] == "the" && window[1] != "image").collect();
    names.sort();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// A region to choose for an object, among the regions of others.
pub fn region_selection(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let scene = material.work.scene;
    let things = material.choice.shuffled("target", scene.things.iter().collect());
    let (related, others): (Vec<_>, Vec<_>) = things.into_iter().partition(|thing| material.given.labels.contains(&thing.label));
    related.into_iter().chain(others).find_map(|thing| {
        let differs = |region: &&Region| region.shared_area(&thing.region) < 0.5 * region.area().max(thing.region.area());
        let wrong: Vec<String> =
            scene.regions().filter(differs).take(40).map(Region::to_string).filter(|text| *text != thing.region.to_string()).collect();
        let options = Options::new(&thing.region.to_string(), &wrong, material.choice)?;
        let lead = material
            .choice
            .wording("region", ["Which region contains", "Select the region that shows", "In which of these regions can you find"]);
        let mark = if lead.starts_with("Select") { '.' } else { '?' };
        let question = format!("{lead} {}{mark}\n{}", thing.name, options.lines);
        let answer = format!("{}. This region encloses {}.", options.right, thing.name);
        let draft = Draft {
            objects: vec![thing.label.clone()],
            skills: vec![skill::GROUNDING, skill::REFERENCING],
            format: "region_selection",
            question,
            moves: vec![
                Move::Ground(thing.name.clone()),
                Move::Think("Choose the option whose region agrees with the one found.".to_owned()),
            ],
            answer,
        };
        material.work.is_new_question(&draft.question).then_some((draft, None))
    })
}

/// The one of several objects that is not in the image.
pub fn missing_object_selection(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let scene = material.work.scene;
    let present: Vec<&Group> = material.choice.shuffled("present", scene.groups.iter().collect());
    let absent = *material.choice.one_of("absent", &conspicuous_absent(scene))?;
    let shown: Vec<&Group> = present.into_iter().take(3).collect();
    let names: Vec<String> = shown.iter().map(|group| group.noun.name.clone()).collect();
    let options = Options::new(absent, &names, material.choice)?;
    let lead = material.choice.wording(
        "missing",
        [
            "Which of these objects is missing from the image?",
            "Three of these can be seen in the image, one cannot. Which one?",
            "Pick out what does not appear in the image.",
        ],
    );
    let lead = if names.len() == 3 { lead } else { "Which of these does not appear in the image?" };
    let evidence: Vec<(String, Vec<Region>)> = shown
        .iter()
        .filter_map(|group| Some((format!("the {}", group.noun.name), vec![*group.regions.first().filter(|_| group.regions.len() == 1)?])))
        .collect();
    let others =
        format!("The image shows {}, but no {absent}.", wording::list(&shown.iter().map(|group| kind_phrase(group)).collect::<Vec<_>>()));
    let answer = [Some(format!("{}.", options.right)), Some(others), evidence_sentence(&evidence)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    let mut moves: Vec<Move> = shown.iter().map(|group| Move::Ground(format!("the {}", group.noun.name))).collect();
    moves.push(Move::Think(format!("Nothing in the image is {}.", wording::Noun::of(absent).with_article())));
    let mut objects: Vec<String> = shown.iter().map(|group| group.label.clone()).collect();
    objects.push(absent.to_owned());
    let question = format!("{lead}\n{}", options.lines);
    Some((
        Draft { objects, skills: vec![skill::EXISTENCE, skill::GROUNDING], format: "missing_object_selection", question, moves, answer },
        None,
    ))
}

fn kind_phrase(group: &Group) -> String {
    group.count_phrase().unwrap_or_else(|| group.noun.with_article())
}

/// Which of two or more things is nearest to a given one.
pub fn relative_distance(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let fact = material.facts.iter().find(|fact| fact.kind == Kind::Nearer)?;
    let question = fact.question(material.choice, &material.work.taken)?;
    let lead = material.choice.wording(
        "distance",
        [
            "Judge the distances within the image.",
            "Compare two distances in the image.",
            "Estimate how far apart the objects are in the image.",
        ],
    );
    let answer = match fact.evidence_sentence() {
        Some(evidence) => {
            format!("{} {evidence} Of the two distances between the regions, this is the shorter one.", wording::sentence(&fact.statement))
        }
        None => wording::sentence(&fact.statement),
    };
    let draft = Draft::of(fact, "relative_distance", format!("{lead} {question}"), answer);
    Some((draft, Some((*fact).clone())))
}
