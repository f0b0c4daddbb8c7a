//! How many there are.

use super::{Fact, Kind, Move, skill};
use crate::model::rules::scene::{Axis, Group, Scene};
use crate::model::rules::wording::{self, capitalised, number};

/// A centre this close to the middle line is on neither side of it.
const LINE_MARGIN: f64 = 0.04;

/// Counts of groups, in halves of the image, and against each other.
pub fn facts(scene: &Scene) -> Vec<Fact> {
    let mut facts: Vec<Fact> = scene.groups.iter().filter_map(count).collect();
    facts.extend(
        scene
            .groups
            .iter()
            .flat_map(|group| [count_in_half(group, Axis::Horizontal), count_in_half(group, Axis::Vertical)].into_iter().flatten()),
    );
    facts.extend(more_numerous(scene));
    facts
}

fn count(group: &Group) -> Option<Fact> {
    // One of something is no count worth asking for.
    let (plural, count) = group.counted().filter(|(_, count)| *count > 1)?;
    let phrase = group.count_phrase()?;
    let questions = [
        format!("How many {plural} are there in the image?"),
        format!("How many {plural} can you find in the image?"),
        format!("What is the number of {plural} shown in the image?"),
        format!("If you count every one of the {plural} in the image, what total do you get?"),
    ];
    Some(
        Fact::new(Kind::Count, questions, format!("there are {phrase} in the image."), number(count))
            .wrong(nearby_numbers(count))
            .solvable_gap()
            .skills(&[skill::CALCULATING, skill::GROUNDING])
            .about_all(group)
            .then(Move::Calculate(format!("Count the {plural} that were found."))),
    )
}

/// Other counts close to the right one.
pub fn nearby_numbers(count: usize) -> Vec<String> {
    [count + 1, count.saturating_sub(1), count + 2, count.saturating_sub(2), count + 3]
        .into_iter()
        .filter(|wrong| *wrong > 0 && *wrong != count)
        .map(number)
        .collect()
}

/// How many of a group are in each half: (half, count), where every member is clearly on one side.
pub fn halves(group: &Group, axis: Axis) -> Option<[(&'static str, usize); 2]> {
    let (_, count) = group.counted()?;
    let centres: Vec<f64> = group.regions.iter().map(|region| region.centre(axis)).collect();
    if centres.iter().any(|centre| (centre - 0.5).abs() < LINE_MARGIN) {
        return None;
    }
    let first = centres.iter().filter(|centre| **centre < 0.5).count();
    let names = match axis {
        Axis::Horizontal => ["left", "right"],
        Axis::Vertical => ["upper", "lower"],
    };
    Some([(names[0], first), (names[1], count - first)])
}

fn count_in_half(group: &Group, axis: Axis) -> Option<Fact> {
    let (plural, total) = group.counted()?;
    let [first, second] = halves(group, axis)?;
    // Ask for the half with fewer, unless it is empty: an empty half makes the question a trick.
    let (half, part) = if first.1 <= second.1 { first } else { second };
    if part == 0 || total < 3 {
        return None;
    }
    let (part_word, total_word) = (number(part), number(total));
    let verb = if part == 1 { "is" } else { "are" };
    let questions = [
        format!("How many of the {plural} are in the {half} half of the image?"),
        format!("Looking only at the {half} half of the image, how many {plural} are there?"),
    ];
    let statement = format!("of the {total_word} {plural}, {part_word} {verb} in the {half} half of the image.");
    Some(
        Fact::new(Kind::CountInHalf, questions, statement, part_word)
            .wrong(nearby_numbers(part).into_iter().filter(|wrong| *wrong != total_word))
            .solvable_gap()
            .working(format!("the {} half holds {} of the {plural}, the {} half {}", first.0, number(first.1), second.0, number(second.1)))
            .skills(&[skill::CALCULATING, skill::RELATIONSHIP])
            .about_all(group)
            .then(Move::Think(format!("Keep those whose centre is in the {half} half.")))
            .then(Move::Calculate(format!("Count the {plural} that remain."))),
    )
    .filter(|fact| wording::replaced_once(&fact.statement, &fact.answer, "").is_some())
}

fn more_numerous(scene: &Scene) -> Vec<Fact> {
    let counted: Vec<(&Group, &str, usize)> =
        scene.groups.iter().filter_map(|group| group.counted().map(|(plural, count)| (group, plural, count))).take(8).collect();
    let mut facts = Vec::new();
    for (place, first) in counted.iter().enumerate() {
        for second in &counted[place + 1..] {
            let (more, fewer) = if first.2 > second.2 { (first, second) } else { (second, first) };
            if more.2 == fewer.2 || fewer.2 < 2 {
                continue;
            }
            let (plural, other) = (more.1, fewer.1);
            let questions = [
                format!("Are there more {} or more {} in the image?", first.1, second.1),
                format!("Which are more numerous in the image, the {} or the {}?", first.1, second.1),
            ];
            let statement = format!("there are more {plural} than {other}: {} against {}.", number(more.2), number(fewer.2));
            facts.push(
                Fact::new(Kind::MoreNumerous, questions, statement, plural)
                    .wrong([other.to_owned(), "neither, they are equally many".to_owned()])
                    .skills(&[skill::CALCULATING, skill::RELATIONSHIP])
                    .about_all(more.0)
                    .about_all(fewer.0)
                    .then(Move::Calculate(capitalised(&format!("compare how many {plural} and {other} there are.")))),
            );
        }
    }
    facts
}
