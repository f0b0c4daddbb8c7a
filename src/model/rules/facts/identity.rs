//! What is there, what is not, and what a region shows.

use super::{Fact, Kind, Move, skill};
use crate::model::rules::scene::{Naming, Scene, Thing};
use crate::model::rules::wording::{self, Noun};

/// Things so large and striking that whoever drew the boxes would not have left them out. All are among the 80 COCO classes:
/// what the usual annotators and detectors do not look for is no less likely to be there for having no box.
const CONSPICUOUS: &[&str] =
    &["elephant", "giraffe", "zebra", "airplane", "train", "bus", "horse", "cow", "bear", "motorcycle", "refrigerator"];

/// Small things that are there, large ones that are not, and what regions show.
pub fn facts(scene: &Scene) -> Vec<Fact> {
    let mut facts: Vec<Fact> = scene.things.iter().flat_map(|thing| [exists(thing), content(thing, scene)].into_iter().flatten()).collect();
    facts.extend(conspicuous_absent(scene).into_iter().map(absent));
    facts
}

/// A small thing that is easily overlooked.
fn exists(thing: &Thing) -> Option<Fact> {
    if thing.naming != Naming::Only || thing.region.area() > 0.02 || thing.noun.takes_are {
        return None;
    }
    let object = thing.noun.with_article();
    let place = super::places::cell(&thing.region).map_or(String::new(), |cell| format!(", in the {cell} part"));
    let questions = [
        format!("Is there {object} anywhere in the image?"),
        format!("Can {object} be made out among the smaller details of the image?"),
        format!("Does the image show {object}, even a small one?"),
    ];
    Some(
        Fact::new(Kind::Exists, questions, format!("there is {object} in the image{place}."), "yes")
            .wrong(["no".to_owned()])
            .skills(&[skill::EXISTENCE, skill::GROUNDING])
            .about(&[thing])
            .then(Move::Think("Confirm that it was found.".to_owned())),
    )
}

fn absent(label: &'static str) -> Fact {
    let object = Noun::of(label).with_article();
    let mut fact = Fact::new(
        Kind::Absent,
        [format!("Is {object} visible anywhere in the image?"), format!("Does the image contain {object}?")],
        format!("there is no {label} in the image."),
        "no",
    )
    .wrong(["yes".to_owned()])
    .skills(&[skill::EXISTENCE])
    .then(Move::Think(format!("Search the image for {object}; nothing of the kind is found.")));
    fact.objects = vec![label.to_owned()];
    fact
}

/// Labels that certainly are not in the image: conspicuous, not boxed, not in the caption. None without boxes.
pub fn conspicuous_absent(scene: &Scene) -> Vec<&'static str> {
    if scene.groups.is_empty() {
        return Vec::new();
    }
    let labels = scene.groups.iter().map(|group| group.label.as_str()).collect::<Vec<_>>().join(" , ");
    let told = wording::words(&format!("{labels} , {}", scene.caption.as_deref().unwrap_or_default()));
    let is_told =
        |label: &str| Noun::of(label).plural.is_some_and(|plural| wording::mentions(&told, &plural)) || wording::mentions(&told, label);
    CONSPICUOUS.iter().copied().filter(|label| !is_told(label)).collect()
}

/// What a region shows, where nothing else claims the same place.
fn content(thing: &Thing, scene: &Scene) -> Option<Fact> {
    let area = thing.region.area();
    let contested = scene.regions().filter(|region| **region != thing.region).any(|region| {
        let shared = region.shared_area(&thing.region);
        shared > 0.4 * area && region.area() < 2.0 * area
    });
    if contested || thing.noun.takes_are {
        return None;
    }
    let object = thing.noun.with_article();
    let region = thing.region;
    let others: Vec<String> =
        scene.groups.iter().filter(|group| group.label != thing.label).map(|group| group.noun.with_article()).collect();
    let fillers = conspicuous_absent(scene).into_iter().map(|label| Noun::of(label).with_article());
    let mut fact = Fact::new(
        Kind::Content,
        [
            format!("What object is in the region {region}?"),
            format!("Look at the region {region}. What does it show?"),
            format!("Which object does the region {region} enclose?"),
        ],
        format!("the region {region} shows {object}."),
        object,
    )
    .wrong(others.into_iter().chain(fillers))
    .solvable_gap()
    .skills(&[skill::REFERENCING])
    .then(Move::Refer(region))
    .then(Move::Think("Name what the region shows.".to_owned()));
    fact.objects = vec![thing.label.clone()];
    Some(fact)
}
