//! Forms without options: gaps to fill, matching, references to resolve, tasks to carry out.

use super::Material;
use crate::model::rules::facts::{Fact, Kind, Move, caption_gaps, evidence_sentence, quoted_text, skill};
use crate::model::rules::scene::{Axis, CLEARLY_LARGER, Naming, Region, Scene, Thing};
use crate::model::rules::wording::{self, alternatives, list, lowered, sentence};
use crate::model::rules::writing::Draft;

const GAP: &str = "____";

/// The given answer with a gap.
pub fn gap_in_given(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    Some((gap(material.own?, material)?, None))
}

/// A statement about the same objects with a gap.
pub fn gap_in_fact(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    material.facts.iter().find_map(|fact| Some((gap(fact, material)?, Some((*fact).clone()))))
}

fn gap(fact: &Fact, material: &Material<'_>) -> Option<Draft> {
    if fact.is_yes_or_no() {
        return None;
    }
    // Boxes after the gap may give the number away.
    let text = match fact.statement.split_once(", at [") {
        Some((start, _)) => sentence(start),
        None => fact.statement.clone(),
    };
    let gapped = wording::replaced_once(&text, &fact.answer, GAP)?;
    let choice = material.choice;
    let mut words: Vec<String> = fact.wrong.iter().take(2).cloned().chain([fact.answer.clone()]).collect();
    let needs_words = !fact.solvable_gap && fact.kind != Kind::Given;
    if needs_words && words.len() < 2 {
        return None;
    }
    words = choice.shuffled("words", words);
    let lead = choice.wording(
        "gap",
        [
            "Fill in the blank according to the image:",
            "Complete the sentence with what the image shows:",
            "What is missing from this description of the image?",
        ],
    );
    let question = match needs_words {
        true => format!("{lead} \"{gapped}\" Choose between {}.", list(&words)),
        false => format!("{lead} \"{gapped}\""),
    };
    let answer = [
        Some(format!("{}.", wording::capitalised(&fact.answer))),
        Some(format!("The complete sentence is: \"{text}\"")),
        fact.evidence_sentence(),
    ];
    let mut draft = Draft::of(fact, "fill_in_the_blank", question, answer.into_iter().flatten().collect::<Vec<_>>().join(" "));
    draft.moves.push(Move::Think("Put the finding into the sentence.".to_owned()));
    Some(draft)
}

/// A sentence of the caption with a gap, as a description of the image.
pub fn gap_in_caption(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let scene = material.work.scene;
    let gaps = material.choice.shuffled("caption gap", caption_gaps(scene));
    let (text, word) = gaps.into_iter().next()?;
    let gapped = wording::replaced_once(&text, &word, GAP)?;
    let text = sentence(&text);
    let objects = scene.mentioned(&text).iter().map(|group| group.label.clone()).collect();
    let question = format!(
        "{} \"{}\"",
        material.choice.wording(
            "caption",
            ["Fill in the missing word so that the sentence describes the image:", "One word is missing. Look at the image and complete:"]
        ),
        sentence(&gapped)
    );
    let draft = Draft {
        objects,
        skills: vec![skill::CONTEXT, skill::REFERENCING],
        format: "fill_in_the_blank",
        question,
        moves: vec![
            Move::Think("Find the part of the image that the sentence describes.".to_owned()),
            Move::Think("Choose the word that completes it.".to_owned()),
        ],
        answer: format!("{}. The complete sentence is: \"{text}\"", wording::capitalised(&word)),
    };
    Some((draft, None))
}

/// Objects on one side, regions on the other.
pub fn object_region_matching(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let scene = material.work.scene;
    let mut things: Vec<&Thing> = Vec::new();
    for thing in material.choice.shuffled("matched", scene.things.iter().collect()) {
        let is_distinct = things.iter().all(|other| {
            other.region.to_string() != thing.region.to_string()
                && other.region.shared_area(&thing.region) < 0.7 * thing.region.area().max(other.region.area())
        });
        if is_distinct && things.len() < 3 {
            things.push(thing);
        }
    }
    if things.len() < 2 {
        return None;
    }
    let mut by_region = things.clone();
    by_region = material.choice.shuffled("regions", by_region);
    let regions: Vec<String> = by_region.iter().enumerate().map(|(place, thing)| format!("({}) {}", place + 1, thing.region)).collect();
    let names: Vec<String> = things.iter().map(|thing| thing.name.clone()).collect();
    let place = |thing: &Thing| by_region.iter().position(|other| other.name == thing.name).map_or(0, |place| place + 1);
    let matched: Vec<String> =
        things.iter().map(|thing| format!("{} belongs to region ({}) {}", thing.name, place(thing), thing.region)).collect();
    let lead = material.choice.wording(
        "match",
        [
            "Match each object with its region.",
            "Which region belongs to which object?",
            "Assign every object to the region that encloses it.",
        ],
    );
    let mut moves: Vec<Move> = things.iter().map(|thing| Move::Ground(thing.name.clone())).collect();
    moves.push(Move::Think("Pair each object with the region that agrees with the one found.".to_owned()));
    let mut draft = Draft {
        skills: vec![skill::GROUNDING, skill::REFERENCING, skill::RELATIONSHIP],
        format: "object_region_matching",
        question: format!("{lead} Objects: {}. Regions: {}.", list(&names), list(&regions)),
        moves,
        answer: sentence(&list(&matched)),
        ..Draft::default()
    };
    draft.add_objects(&things.iter().map(|thing| thing.label.clone()).collect::<Vec<_>>());
    Some((draft, None))
}

/// Two things and a sentence with "it" that is true of only one of them.
pub fn coreference_resolution(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let things: Vec<&Thing> =
        material.work.scene.things.iter().filter(|thing| thing.naming == Naming::Only && !thing.noun.takes_are).collect();
    let things = material.choice.shuffled("referents", things);
    let pairs = things.iter().enumerate().flat_map(|(place, first)| things[place + 1..].iter().map(move |second| (*first, *second)));
    let (first, second, properties) = pairs.filter_map(|(first, second)| Some((first, second, properties(first, second)?))).next()?;
    let [one, other] = [first, second].map(|thing| thing.noun.with_article());
    let question = material
        .choice
        .wording(
            "reference",
            [
                "The image shows OTHER and ONE. It PROPERTIES than the other. What does \"it\" refer to?",
                "There are ONE and OTHER in the image. Of these two, it PROPERTIES. Which of them is meant by \"it\"?",
                "Consider OTHER and ONE in the image. If it PROPERTIES than its counterpart, what does the pronoun stand for?",
            ],
        )
        .replace("OTHER", &other)
        .replace("ONE", &one)
        .replace("PROPERTIES", &properties)
        .replace("There are a", "There is a");
    let mut draft = Draft {
        skills: vec![skill::RELATIONSHIP, skill::GROUNDING, skill::CONTEXT],
        format: "coreference_resolution",
        question,
        moves: vec![
            Move::Ground(first.name.clone()),
            Move::Ground(second.name.clone()),
            Move::Think("Check which of the two has the property.".to_owned()),
        ],
        answer: format!("\"It\" refers to {}: {}", first.name, evidence(&[first, second])),
        ..Draft::default()
    };
    draft.add_objects(&[first.label.clone(), second.label.clone()]);
    Some((draft, None))
}

/// What the first is in comparison with the second: "appears higher in the image and takes up more of it".
fn properties(first: &Thing, second: &Thing) -> Option<String> {
    let (a, b) = (&first.region, &second.region);
    let place = if a.is_before(b, Axis::Horizontal) {
        "is further to the left"
    } else if b.is_before(a, Axis::Horizontal) {
        "is further to the right"
    } else if a.is_before(b, Axis::Vertical) {
        "appears higher"
    } else if b.is_before(a, Axis::Vertical) {
        "appears lower"
    } else {
        return None;
    };
    let size = if a.area() > CLEARLY_LARGER * b.area() {
        " and larger"
    } else if b.area() > CLEARLY_LARGER * a.area() {
        " and smaller"
    } else {
        ""
    };
    Some(format!("{place}{size}"))
}

fn evidence(things: &[&Thing]) -> String {
    let places: Vec<(String, Vec<Region>)> = things.iter().map(|thing| (thing.name.clone(), vec![thing.region])).collect();
    evidence_sentence(&places).map(|text| lowered(&text)).unwrap_or_default()
}

/// A question with a strict rule for the shape of the answer.
pub fn instruction_following(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let is_short = |fact: &&Fact| fact.answer.split_whitespace().count() <= 4 && !fact.answer.contains('"');
    let own = material.own.filter(is_short).map(|fact| (fact, true));
    let of_scene = material
        .facts
        .iter()
        .copied()
        .find(|fact| is_short(fact) && fact.question(material.choice, &material.work.taken).is_some())
        .map(|fact| (fact, false));
    let (fact, is_own) = if material.choice.one_in("own", 2) { own.or(of_scene) } else { of_scene.or(own) }?;
    let question = material.choice.one_of(&fact.statement, &fact.questions)?;
    let short = &fact.answer;
    let statement = sentence(&fact.statement);
    let rules = [
        ("Reply with nothing but the answer, in capital letters.", short.to_uppercase()),
        ("Reply with a JSON object that has the single key \"answer\".", format!("{{\"answer\": \"{short}\"}}")),
        ("Reply in one sentence that begins with the word \"Answer\".", format!("Answer: {}", lowered(&statement))),
        (
            "Give the answer first, then a full sentence in quotation marks that repeats it.",
            format!("{}. \"{statement}\"", wording::capitalised(short)),
        ),
        (
            "Write two numbered lines: 1. the short answer, 2. the full statement.",
            format!("1. {}\n2. {statement}", wording::capitalised(short)),
        ),
        ("Put the short answer between asterisks and then write a full sentence.", format!("*{short}* {statement}")),
    ];
    let (rule, answer) = material.choice.one_of("rule", &rules)?;
    let question = if material.choice.one_in("rule first", 2) { format!("{rule} {question}") } else { format!("{question} {rule}") };
    let mut draft = Draft::of(fact, "instruction_following", question, answer.clone());
    draft.add_skills(&[skill::CONTEXT]);
    draft.moves.push(Move::Think("Write the answer in the required shape.".to_owned()));
    Some((draft, (!is_own).then(|| fact.clone())))
}

/// A list of objects that leaves one out.
pub fn completeness_of_response(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let scene = material.work.scene;
    let phrases: Vec<(String, String)> =
        scene.groups.iter().filter_map(|group| Some((group.label.clone(), group.count_phrase()?))).take(8).collect();
    if phrases.len() < 3 {
        return None;
    }
    let chosen: Vec<(String, String)> = material.choice.shuffled("complete", phrases).into_iter().take(4).collect();
    let ((left_out, missing), named) = chosen.split_first()?;
    let labels: Vec<String> = named.iter().map(|(_, phrase)| phrase.clone()).collect();
    let asked: Vec<String> =
        material.choice.shuffled("asked", chosen.iter().collect::<Vec<_>>()).into_iter().map(|(label, _)| plural(scene, label)).collect();
    let question = format!(
        "Someone was asked to count the {} in the image and replied: \"The image shows {}.\" {}",
        list(&asked),
        list(&labels),
        material.choice.wording(
            "complete",
            [
                "Is the reply complete? If not, add what is missing.",
                "What does the reply leave out?",
                "Check whether the reply covers everything that was asked, and complete it."
            ]
        )
    );
    let answer = format!("The reply is incomplete: it leaves out the {}. The image also shows {missing}.", plural(scene, left_out));
    let mut moves: Vec<Move> =
        vec![Move::Think("Compare the reply with what was asked.".to_owned()), Move::Ground(format!("the {}", plural(scene, left_out)))];
    moves.push(Move::Calculate("Count what the reply leaves out.".to_owned()));
    let objects = chosen.iter().map(|(label, _)| label.clone()).collect();
    let skills = vec![skill::CALCULATING, skill::EXISTENCE, skill::CONTEXT];
    Some((Draft { objects, skills, format: "completeness_of_response", question, moves, answer }, None))
}

fn plural(scene: &Scene, label: &str) -> String {
    let group = scene.groups.iter().find(|group| group.label == label);
    group.and_then(|group| group.noun.plural.clone()).unwrap_or_else(|| label.to_owned())
}

/// The given question and answer, with the visible grounds for it asked.
pub fn rationales_generation(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let (question, answer) = material.given.text.as_ref()?;
    let things: Vec<&Thing> = material
        .work
        .scene
        .things
        .iter()
        .filter(|thing| thing.naming == Naming::Only && material.given.labels.contains(&thing.label))
        .take(3)
        .collect();
    if things.is_empty() || answer.contains('[') || question.to_lowercase().starts_with("where") {
        return None;
    }
    let names: Vec<String> = things.iter().map(|thing| thing.name.clone()).collect();
    let lead = material.choice.wording(
        "rationale",
        [
            "Which parts of the image should be examined to check this answer, and where are they?",
            "Name the objects this answer rests on and say where they are.",
            "Give the visible grounds for this answer, with the places of the objects involved.",
        ],
    );
    let verb = if names.len() == 1 && !things.iter().any(|thing| thing.noun.takes_are) { "is" } else { "are" };
    let rationale = format!("The answer rests on {}, which {verb} visible in the image: {}", list(&names), evidence(&things));
    let mut draft = Draft {
        objects: material.given.item.objects.clone(),
        skills: skill::known(&material.given.item.skills),
        format: "rationales_generation",
        question: format!("Question: \"{question}\" Answer: \"{answer}\" {lead}"),
        moves: things
            .iter()
            .map(|thing| Move::Ground(thing.name.clone()))
            .chain([Move::Think("Relate what was found to the answer.".to_owned())])
            .collect(),
        answer: rationale,
    };
    draft.add_objects(&things.iter().map(|thing| thing.label.clone()).collect::<Vec<_>>());
    draft.add_skills(&[skill::GROUNDING, skill::CONTEXT]);
    Some((draft, None))
}

/// The style of the picture, or the text in it: what fits at all fits every item, so one form tries both.
pub fn picture_forms(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    text_detection(material).or_else(|| image_style_classification(material))
}

fn text_detection(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let text = quoted_text(material.work.scene)?;
    let questions = ["What text can be read in the image?", "Read out the writing that is visible in the image."];
    let draft = Draft {
        objects: vec!["text".to_owned()],
        skills: vec![skill::OCR],
        format: "text_detection",
        question: material.choice.wording("text", questions).to_owned(),
        moves: vec![Move::Read("Read the text in the image.".to_owned())],
        answer: format!("The text in the image reads \"{text}\"."),
    };
    Some((draft, None))
}

fn image_style_classification(material: &Material<'_>) -> Option<(Draft, Option<Fact>)> {
    let fact = material.facts.iter().find(|fact| fact.kind == Kind::Tone)?;
    let mut styles: Vec<String> = fact.wrong.iter().take(3).cloned().chain([fact.answer.clone()]).collect();
    styles = material.choice.shuffled("styles", styles);
    let lead = material.choice.wording(
        "style",
        ["Classify the style in which the image is rendered", "Which of these styles describes the image", "Assign the image to one style"],
    );
    let question = format!("{lead}: {}?", alternatives(&styles));
    let answer = format!("{}. {}", wording::capitalised(&fact.answer), sentence(&fact.statement));
    Some((Draft::of(fact, "image_style_classification", question, answer), Some((*fact).clone())))
}
