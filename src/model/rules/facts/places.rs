//! Where things are, alone and among others. Things of one label are not compared with each other: their names say it already.

use super::{Fact, Kind, Move, names, pairs, skill, triples};
use crate::model::rules::scene::{Axis, Naming, Region, Scene, Thing};
use crate::model::rules::wording::{alternatives, list};

/// The cells of a 3 x 3 grid, row by row.
const CELLS: [&str; 9] =
    ["top left", "top middle", "top right", "middle left", "central", "middle right", "bottom left", "bottom middle", "bottom right"];

/// Where things are, alone, in pairs and in triples.
pub fn facts(scene: &Scene) -> Vec<Fact> {
    let things = &scene.things;
    let mut facts: Vec<Fact> = things.iter().flat_map(|thing| [place(thing), edge(thing), framed(thing)].into_iter().flatten()).collect();
    for (first, second) in pairs(things).filter(|(first, second)| first.label != second.label) {
        facts.extend([side(first, second), higher(first, second)].into_iter().flatten());
    }
    for triple in triples(things) {
        facts.extend(extremes(triple));
        facts.extend(ordered(triple));
        facts.extend(nearer(triple, scene.aspect()));
    }
    facts
}

/// The cell of the grid in which a region's centre clearly lies.
pub fn cell(region: &Region) -> Option<&'static str> {
    let third = |axis| match region.centre(axis) {
        centre if centre < 0.3 => Some(0),
        centre if (0.38..0.62).contains(&centre) => Some(1),
        centre if centre > 0.7 => Some(2),
        _ => None,
    };
    if region.area() > 0.3 || region.width() > 0.75 || region.height() > 0.75 {
        return None;
    }
    CELLS.get(third(Axis::Vertical)? * 3 + third(Axis::Horizontal)?).copied()
}

fn place(thing: &Thing) -> Option<Fact> {
    if thing.naming == Naming::Place {
        return None;
    }
    let cell = cell(&thing.region)?;
    let (name, is) = (&thing.name, thing.noun.is());
    let questions = [
        format!("In which part of the image {is} {name}?"),
        format!("Which part of the image should one look at to find {name}?"),
        format!("Dividing the image into a grid of three by three, in which part {is} {name}?"),
    ];
    let far_cells = CELLS.iter().filter(|other| **other != cell).map(|other| (*other).to_owned());
    Some(
        Fact::new(Kind::Place, questions, format!("{name} {is} in the {cell} part of the image."), cell)
            .wrong(far_cells)
            .solvable_gap()
            .skills(&[skill::GROUNDING])
            .about(&[thing])
            .then(Move::Think("Name the part of the image in which the centre of the region lies.".to_owned())),
    )
}

fn edge(thing: &Thing) -> Option<Fact> {
    if thing.naming == Naming::Place {
        return None;
    }
    let [x1, y1, x2, y2] = thing.region.0;
    let distances = [("left", x1), ("top", y1), ("right", 1.0 - x2), ("bottom", 1.0 - y2)];
    let (touching, clear): (Vec<_>, Vec<_>) = distances.into_iter().partition(|(_, distance)| *distance <= 0.006);
    let [(edge, _)] = touching.as_slice() else { return None };
    if clear.iter().any(|(_, distance)| *distance < 0.03) {
        return None;
    }
    let name = &thing.name;
    let (does, reaches) = (thing.noun.verb("does", "do"), thing.noun.verb("reaches", "reach"));
    let questions = [
        format!("Which edge of the image {does} {name} reach?"),
        format!("At which edge of the image {} {name} cut off?", thing.noun.is()),
    ];
    Some(
        Fact::new(Kind::Edge, questions, format!("{name} {reaches} the {edge} edge of the image, and no other."), *edge)
            .wrong(["left", "top", "right", "bottom"].map(str::to_owned))
            .solvable_gap()
            .skills(&[skill::GROUNDING, skill::RELATIONSHIP])
            .about(&[thing])
            .then(Move::Think("Compare the sides of the region with the edges of the image.".to_owned())),
    )
}

/// Objects whose box stays away from all edges are wholly in the picture.
fn framed(thing: &Thing) -> Option<Fact> {
    let [x1, y1, x2, y2] = thing.region.0;
    let (name, is) = (&thing.name, thing.noun.is());
    if [x1, y1, 1.0 - x2, 1.0 - y2].iter().any(|distance| *distance < 0.05) || thing.region.area() < 0.05 {
        return None;
    }
    let questions =
        [format!("Does any edge of the image cut off {name}?"), format!("Is any part of {name} outside the frame of the image?")];
    Some(
        Fact::new(Kind::Edge, questions, format!("{name} {is} clear of all four edges of the image."), "no")
            .wrong(["yes".to_owned()])
            .skills(&[skill::GROUNDING])
            .about(&[thing])
            .then(Move::Think("Check the distance of the region from each edge of the image.".to_owned())),
    )
}

fn side(first: &Thing, second: &Thing) -> Option<Fact> {
    let axis = Axis::Horizontal;
    let (side, other) = match (first.region.is_before(&second.region, axis), second.region.is_before(&first.region, axis)) {
        (true, _) => ("left", "right"),
        (_, true) => ("right", "left"),
        _ => return None,
    };
    let (a, b, is) = (&first.name, &second.name, first.noun.is());
    let questions = [
        format!("Is {a} to the left or to the right of {b}?").replacen("Is", if is == "are" { "Are" } else { "Is" }, 1),
        format!("On which side of {b} {is} {a}, seen by the viewer?"),
    ];
    Some(
        Fact::new(Kind::Side, questions, format!("{a} {is} to the {side} of {b}."), side)
            .wrong([other.to_owned()])
            .solvable_gap()
            .skills(&[skill::RELATIONSHIP, skill::GROUNDING])
            .about(&[first, second])
            .then(Move::Think("Compare the horizontal positions.".to_owned())),
    )
    .filter(|fact| !a.contains("left") && !a.contains("right") && !b.contains("left") && !b.contains("right") && fact.answer == side)
}

fn higher(first: &Thing, second: &Thing) -> Option<Fact> {
    let (upper, lower) = if first.region.is_before(&second.region, Axis::Vertical) {
        (first, second)
    } else if second.region.is_before(&first.region, Axis::Vertical) {
        (second, first)
    } else {
        return None;
    };
    let questions = [
        format!("Which appears higher in the image, {} or {}?", first.name, second.name),
        format!("Which of the two is closer to the top of the image: {} or {}?", first.name, second.name),
    ];
    let statement = format!("{} {} higher in the image than {}.", upper.name, upper.noun.verb("appears", "appear"), lower.name);
    Some(
        Fact::new(Kind::Side, questions, statement, upper.name.clone())
            .wrong([lower.name.clone()])
            .skills(&[skill::RELATIONSHIP, skill::GROUNDING])
            .about(&[first, second])
            .then(Move::Think("Compare the vertical positions.".to_owned())),
    )
}

/// Three things in order along an axis, each clearly before the next.
pub fn in_order(triple: [&Thing; 3], axis: Axis) -> Option<[&Thing; 3]> {
    let mut sorted = triple;
    sorted.sort_by(|a, b| a.region.centre(axis).total_cmp(&b.region.centre(axis)));
    let clear = |a: &Thing, b: &Thing| a.region.is_before(&b.region, axis);
    let told_by_name = triple.iter().any(|thing| thing.naming == Naming::Place);
    (clear(sorted[0], sorted[1]) && clear(sorted[1], sorted[2]) && !told_by_name).then_some(sorted)
}

fn extremes(triple: [&Thing; 3]) -> Vec<Fact> {
    let choices = alternatives(&names(&triple));
    let fact = |thing: &Thing, place: &str, axis_name: &str| {
        let questions =
            [format!("Which is {place} in the image: {choices}?"), format!("Of {}, which one is {place}?", list(&names(&triple)))];
        let others = triple.iter().filter(|other| other.name != thing.name).map(|other| other.name.clone());
        Fact::new(Kind::Extreme, questions, format!("of the three, {} {} {place}.", thing.name, thing.noun.is()), thing.name.clone())
            .wrong(others)
            .skills(&[skill::RELATIONSHIP, skill::GROUNDING])
            .about(&triple)
            .then(Move::Think(format!("Compare the {axis_name} positions of the three.")))
    };
    let mut facts = Vec::new();
    if let Some([first, _, last]) = in_order(triple, Axis::Horizontal) {
        facts.extend([fact(first, "furthest to the left", "horizontal"), fact(last, "furthest to the right", "horizontal")]);
    }
    if let Some([first, _, last]) = in_order(triple, Axis::Vertical) {
        facts.extend([fact(first, "closest to the top", "vertical"), fact(last, "closest to the bottom", "vertical")]);
    }
    facts
}

fn ordered(triple: [&Thing; 3]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (axis, direction) in [(Axis::Horizontal, "from left to right"), (Axis::Vertical, "from top to bottom")] {
        let Some([first, middle, last]) = in_order(triple, axis) else { continue };
        let choices = alternatives(&names(&triple));
        facts.push(
            Fact::new(
                Kind::Middle,
                [
                    format!("Going {direction}, which of the three comes second: {choices}?"),
                    format!("If {} are put in order {direction}, which one ends up in the middle?", list(&names(&triple))),
                ],
                format!("{direction}, {} {} between {} and {}.", middle.name, middle.noun.verb("comes", "come"), first.name, last.name),
                middle.name.clone(),
            )
            .wrong([first.name.clone(), last.name.clone()])
            .skills(&[skill::RELATIONSHIP, skill::GROUNDING])
            .about(&triple)
            .then(Move::Think(format!("Put the three in order {direction}."))),
        );
        let in_words = |order: [&Thing; 3]| list(&names(&order));
        facts.push(
            Fact::new(
                Kind::Order,
                [
                    format!("In what order do {} appear {direction}?", list(&names(&triple))),
                    format!("List {} as they follow each other {direction}.", list(&names(&triple))),
                ],
                format!("{direction} there are {}.", in_words([first, middle, last])),
                in_words([first, middle, last]),
            )
            .wrong([[middle, first, last], [last, middle, first], [first, last, middle]].map(in_words))
            .skills(&[skill::RELATIONSHIP, skill::GROUNDING])
            .about(&triple)
            .then(Move::Think(format!("Put the three in order {direction}."))),
        );
    }
    facts
}

/// Which of two is nearer to a third, where centres and edges agree.
pub fn nearer([origin, first, second]: [&Thing; 3], aspect: Option<f64>) -> Vec<Fact> {
    [[origin, first, second], [first, origin, second], [second, origin, first]]
        .into_iter()
        .filter_map(|triple| nearer_one(triple, aspect))
        .collect()
}

fn nearer_one([origin, first, second]: [&Thing; 3], aspect: Option<f64>) -> Option<Fact> {
    let across = aspect.unwrap_or(1.0);
    let centres = |thing: &Thing| {
        let apart = |axis| thing.region.centre(axis) - origin.region.centre(axis);
        (apart(Axis::Horizontal) * across).hypot(apart(Axis::Vertical))
    };
    let edges = |thing: &Thing| {
        let apart = |axis| thing.region.gap(&origin.region, axis).max(0.0);
        (apart(Axis::Horizontal) * across).hypot(apart(Axis::Vertical))
    };
    let (near, far) = if centres(first) < centres(second) { (first, second) } else { (second, first) };
    if centres(far) < 1.6 * centres(near) || edges(far) < edges(near) + 0.05 {
        return None;
    }
    let questions = [
        format!("Which is closer to {} in the image, {} or {}?", origin.name, first.name, second.name),
        format!("Is it {} or {} that {} nearer to {}?", first.name, second.name, second.noun.is(), origin.name),
    ];
    let statement = format!("{} {} closer to {} than {}.", near.name, near.noun.is(), origin.name, far.name);
    Some(
        Fact::new(Kind::Nearer, questions, statement, near.name.clone())
            .wrong([far.name.clone()])
            .skills(&[skill::RELATIONSHIP, skill::CALCULATING, skill::GROUNDING])
            .about(&[origin, first, second])
            .then(Move::Calculate(format!("Compare the two distances from {}.", origin.name))),
    )
}
