//! How large things are in the picture, and which lies inside which. Sizes are always sizes in the image, never in the world.

use super::{Fact, Kind, Move, names, pairs, skill, triples};
use crate::model::rules::scene::{Axis, CLEARLY_LARGER, Naming, Scene, Thing};
use crate::model::rules::wording::{alternatives, list};

/// Sizes and shapes of things, alone, in pairs and in triples.
pub fn facts(scene: &Scene) -> Vec<Fact> {
    let things = &scene.things;
    let mut facts: Vec<Fact> =
        things.iter().flat_map(|thing| [shape(thing, scene.aspect()), coverage(thing)].into_iter().flatten()).collect();
    facts.extend(things.iter().filter_map(|outer| within(outer, scene)));
    for (first, second) in pairs(things).filter(|(first, second)| first.label != second.label) {
        facts.extend([larger(first, second), apart(first, second)].into_iter().flatten());
    }
    for triple in triples(things) {
        facts.extend(extreme_sizes(triple));
    }
    facts
}

fn larger(first: &Thing, second: &Thing) -> Option<Fact> {
    let (large, small) = if first.region.area() > second.region.area() { (first, second) } else { (second, first) };
    if large.region.area() < CLEARLY_LARGER * small.region.area() {
        return None;
    }
    let questions = [
        format!("Which takes up more of the image, {} or {}?", first.name, second.name),
        format!("Comparing {} and {}, which one appears larger in the image?", first.name, second.name),
    ];
    let statement = format!("{} {} up more of the image than {}.", large.name, large.noun.verb("takes", "take"), small.name);
    Some(
        Fact::new(Kind::Larger, questions, statement, large.name.clone())
            .wrong([small.name.clone()])
            .skills(&[skill::CALCULATING, skill::GROUNDING])
            .about(&[first, second])
            .then(Move::Calculate("Compare the areas of the two regions.".to_owned())),
    )
}

/// Three things from the largest to the smallest, each clearly larger than the next.
pub fn by_size(triple: [&Thing; 3]) -> Option<[&Thing; 3]> {
    let mut sorted = triple;
    sorted.sort_by(|a, b| b.region.area().total_cmp(&a.region.area()));
    let clear = |large: &Thing, small: &Thing| large.region.area() > CLEARLY_LARGER * small.region.area();
    (clear(sorted[0], sorted[1]) && clear(sorted[1], sorted[2])).then_some(sorted)
}

fn extreme_sizes(triple: [&Thing; 3]) -> Vec<Fact> {
    let Some([large, _, small]) = by_size(triple) else { return Vec::new() };
    let fact = |thing: &Thing, amount: &str| {
        let choices = alternatives(&names(&triple));
        let questions = [
            format!("Which takes up the {amount} part of the image: {choices}?"),
            format!("Of {}, which has the {amount} area in the image?", list(&names(&triple))),
        ];
        let others = triple.iter().filter(|other| other.name != thing.name).map(|other| other.name.clone());
        let statement = format!("of the three, {} {} up the {amount} part of the image.", thing.name, thing.noun.verb("takes", "take"));
        Fact::new(Kind::Larger, questions, statement, thing.name.clone())
            .wrong(others)
            .skills(&[skill::CALCULATING, skill::GROUNDING])
            .about(&triple)
            .then(Move::Calculate("Compare the areas of the three regions.".to_owned()))
    };
    vec![fact(large, "largest"), fact(small, "smallest")]
}

fn shape(thing: &Thing, aspect: Option<f64>) -> Option<Fact> {
    let ratio = thing.region.width() * aspect? / thing.region.height();
    let (name, noun) = (&thing.name, &thing.noun);
    let (it, is) = if noun.takes_are { ("they are", "Are") } else { ("it is", "Is") };
    let (tall, wide) = (format!("taller than {it} wide"), format!("wider than {it} tall"));
    let questions =
        [format!("As seen in the image, {} {name} {tall} or {wide}?", noun.is()), format!("{is} {name} {wide} in the image, or {tall}?")];
    let (shape, other) = match ratio {
        ratio if ratio > 1.6 => (wide, tall),
        ratio if ratio < 1.0 / 1.6 => (tall, wide),
        _ => return None,
    };
    Some(
        Fact::new(Kind::Shape, questions, format!("in the image {name} {} {shape}.", noun.is()), shape)
            .wrong([other])
            .skills(&[skill::CALCULATING, skill::REFERENCING])
            .about(&[thing])
            .then(Move::Calculate("Compare the width and the height of the region.".to_owned())),
    )
}

fn coverage(thing: &Thing) -> Option<Fact> {
    let percent = (thing.region.area() * 20.0).round() * 5.0;
    if !(10.0..=90.0).contains(&percent) {
        return None;
    }
    let name = &thing.name;
    let questions = [
        format!("Roughly what share of the image does the smallest rectangle around {name} cover?"),
        format!("About how much of the image area falls inside a tight rectangle around {name}?"),
    ];
    let others = [percent - 30.0, percent + 25.0, percent / 2.0 - 5.0, percent + 50.0, percent - 50.0];
    let wrong = others
        .into_iter()
        .map(|other| (other / 5.0).round() * 5.0)
        .filter(|other| (5.0..=100.0).contains(other) && (other - percent).abs() > 9.0);
    let statement = format!("a tight rectangle around {name} covers about {percent:.0} percent of the image.");
    let wrong: Vec<String> = wrong.map(|other| format!("{other:.0} percent")).collect();
    Some(
        Fact::new(Kind::Coverage, questions, statement, format!("{percent:.0} percent"))
            .wrong(wrong)
            .solvable_gap()
            .skills(&[skill::CALCULATING, skill::GROUNDING])
            .about(&[thing])
            .then(Move::Calculate(format!("Multiply the width and the height of the region of {name}."))),
    )
}

/// The one thing that lies inside another's region.
fn within(outer: &Thing, scene: &Scene) -> Option<Fact> {
    let share_inside = |inner: &Thing| inner.region.shared_area(&outer.region) / inner.region.area();
    let others: Vec<&Thing> = scene.things.iter().filter(|thing| thing.label != outer.label).collect();
    let inside: Vec<&Thing> = others.iter().copied().filter(|thing| share_inside(thing) > 0.3).collect();
    let [inner] = inside.as_slice() else { return None };
    if share_inside(inner) < 0.97 || inner.region.area() > 0.5 * outer.region.area() || outer.region.area() > 0.9 {
        return None;
    }
    let wrong: Vec<String> = others.iter().filter(|thing| share_inside(thing) < 0.1).map(|thing| thing.name.clone()).collect();
    let questions = match wrong.first() {
        Some(other) => vec![
            format!("Which lies within the area that {} takes up in the image, {} or {other}?", outer.name, inner.name),
            format!("Does the area taken up by {} enclose {other} or {}?", outer.name, inner.name),
        ],
        None => vec![
            format!("What else lies within the area that {} {} up in the image?", outer.name, outer.noun.verb("takes", "take")),
            format!("Which other object is enclosed by the area of {}?", outer.name),
        ],
    };
    let statement = format!("{} {} within the area taken up by {}.", inner.name, inner.noun.verb("lies", "lie"), outer.name);
    Some(
        Fact::new(Kind::Within, questions, statement, inner.name.clone())
            .wrong(wrong)
            .skills(&[skill::RELATIONSHIP, skill::GROUNDING])
            .about(&[outer, inner])
            .then(Move::Think("Check which region encloses the other.".to_owned())),
    )
}

fn apart(first: &Thing, second: &Thing) -> Option<Fact> {
    let gap = first.region.gap(&second.region, Axis::Horizontal).max(first.region.gap(&second.region, Axis::Vertical));
    if gap < 0.06 || first.naming != Naming::Only && second.naming != Naming::Only {
        return None;
    }
    let questions = [
        format!("Do {} and {} overlap anywhere in the image?", first.name, second.name),
        format!("Does {} cover any part of {} in the image?", first.name, second.name).replacen(
            "Does",
            if first.noun.takes_are { "Do" } else { "Does" },
            1,
        ),
    ];
    Some(
        Fact::new(Kind::Apart, questions, format!("there is a clear gap between {} and {}.", first.name, second.name), "no")
            .wrong(["yes".to_owned()])
            .skills(&[skill::RELATIONSHIP, skill::GROUNDING])
            .about(&[first, second])
            .then(Move::Think("Check whether the two regions share any area.".to_owned())),
    )
}
