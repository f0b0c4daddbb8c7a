//! Facts that take several observations and a thought: differences, sums, what-ifs, ratios, conditions on two properties.

use super::facts::{Fact, Kind, Move, names, nearby_numbers, skill, triples};
use super::scene::{Axis, Group, Naming, Scene, Thing};
use super::wording::{alternatives, list, number};

/// Left and right of something wider than this means little.
const WIDEST_ORIGIN: f64 = 0.4;

/// Every reasoned fact of a scene. The order says nothing.
pub fn facts(scene: &Scene) -> Vec<Fact> {
    let mut facts = Vec::new();
    let counted: Vec<(&Group, &str, usize)> =
        scene.groups.iter().filter_map(|group| group.counted().map(|(plural, count)| (group, plural, count))).take(8).collect();
    for (place, first) in counted.iter().enumerate() {
        for second in &counted[place + 1..] {
            facts.extend([difference(*first, *second), total(*first, *second), without_some(*first, *second)].into_iter().flatten());
        }
        facts.extend(majority(first.0));
        facts.extend(scene.things.iter().filter_map(|thing| count_beside(first.0, thing)));
    }
    for (place, first) in scene.things.iter().enumerate() {
        facts.extend(scene.things[place + 1..].iter().filter_map(|second| area_ratio(first, second)));
    }
    for triple in triples(&scene.things) {
        facts.extend([both_conditions(triple), same_side(triple), size_order(triple)].into_iter().flatten());
    }
    facts
}

type Counted<'a> = (&'a Group, &'a str, usize);

fn more_and_fewer<'a>(first: Counted<'a>, second: Counted<'a>) -> (Counted<'a>, Counted<'a>) {
    if first.2 >= second.2 { (first, second) } else { (second, first) }
}

fn found(first: &Group, second: &Group) -> Option<String> {
    let (one, other) = (first.count_phrase()?, second.count_phrase()?);
    Some(format!("there are {one} and {other}."))
}

fn difference(first: Counted<'_>, second: Counted<'_>) -> Option<Fact> {
    let (more, fewer) = more_and_fewer(first, second);
    let by = more.2 - fewer.2;
    if by == 0 || fewer.2 < 2 {
        return None;
    }
    let questions = [
        format!("How many more {} than {} are there?", more.1, fewer.1),
        format!("By how many do the {} outnumber the {}?", more.1, fewer.1),
        format!("How many further {} would be needed to match the number of {}?", fewer.1, more.1),
    ];
    let statement = format!("the difference between the number of {} and the number of {} is {}.", more.1, fewer.1, number(by));
    Some(
        Fact::new(Kind::Reasoned, questions, statement, number(by))
            .wrong(nearby_numbers(by))
            .solvable_gap()
            .working(found(more.0, fewer.0)?)
            .skills(&[skill::CALCULATING, skill::RELATIONSHIP])
            .about_all(more.0)
            .about_all(fewer.0)
            .then(Move::Calculate("Count both and subtract.".to_owned())),
    )
}

fn total(first: Counted<'_>, second: Counted<'_>) -> Option<Fact> {
    let sum = first.2 + second.2;
    if first.2 < 2 || second.2 < 2 {
        return None;
    }
    let questions = [
        format!("What do the {} and the {} add up to?", first.1, second.1),
        format!("How many {} and {} are there altogether?", first.1, second.1),
    ];
    Some(
        Fact::new(Kind::Reasoned, questions, format!("together, the {} and {} come to {}.", first.1, second.1, number(sum)), number(sum))
            .wrong(nearby_numbers(sum))
            .solvable_gap()
            .working(found(first.0, second.0)?)
            .skills(&[skill::CALCULATING])
            .about_all(first.0)
            .about_all(second.0)
            .then(Move::Calculate("Count both and add.".to_owned())),
    )
}

fn without_some(first: Counted<'_>, second: Counted<'_>) -> Option<Fact> {
    let (more, fewer) = more_and_fewer(first, second);
    if more.2 == fewer.2 || fewer.2 < 2 {
        return None;
    }
    // Alternate between removals that tip the balance and ones that do not.
    let removed = if (more.2 + fewer.2) % 2 == 0 { more.2 - fewer.2 + 1 } else { 1 };
    let rest = more.2.checked_sub(removed).filter(|rest| *rest > 0)?;
    let comparison = match rest.cmp(&fewer.2) {
        std::cmp::Ordering::Greater => "more than",
        std::cmp::Ordering::Equal => "just as many as",
        std::cmp::Ordering::Less => "fewer than",
    };
    let answer = if rest > fewer.2 { "yes" } else { "no" };
    let (left, gone) = (number(rest), number(removed));
    let questions = [
        format!("If {gone} of the {} were taken away, would there still be more {} than {}?", more.1, more.1, fewer.1),
        format!("Suppose {gone} of the {} were not there: would they still outnumber the {}?", more.1, fewer.1),
    ];
    let verdict = if answer == "yes" { "they would still be in the majority" } else { "they would no longer be in the majority" };
    let statement =
        format!("with {gone} of the {} gone, {verdict}: {left} would remain, {comparison} the {} {}.", more.1, number(fewer.2), fewer.1);
    Some(
        Fact::new(Kind::Reasoned, questions, statement, answer)
            .wrong([if answer == "yes" { "no" } else { "yes" }.to_owned()])
            .working(found(more.0, fewer.0)?)
            .skills(&[skill::CALCULATING, skill::KNOWLEDGE])
            .about_all(more.0)
            .about_all(fewer.0)
            .then(Move::Calculate(format!("Take {gone} away and compare what is left."))),
    )
}

fn majority(group: &Group) -> Option<Fact> {
    let (plural, count) = group.counted().filter(|(_, count)| *count >= 3)?;
    let axis = if count % 2 == 0 { Axis::Horizontal } else { Axis::Vertical };
    let [first, second] = super::facts::halves(group, axis)?;
    let (more, fewer) = if first.1 > second.1 { (first, second) } else { (second, first) };
    if more.1 < fewer.1 + 2 {
        return None;
    }
    let questions = [
        format!("Are most of the {plural} in the {} or in the {} half of the image?", first.0, second.0),
        format!("In which half of the image, {} or {}, are the {plural} concentrated?", first.0, second.0),
    ];
    Some(
        Fact::new(Kind::Reasoned, questions, format!("most of the {plural} are in the {} half of the image.", more.0), more.0)
            .wrong([fewer.0.to_owned()])
            .working(format!("the {} half holds {} of the {plural}, the {} half {}", more.0, number(more.1), fewer.0, number(fewer.1)))
            .solvable_gap()
            .skills(&[skill::CALCULATING, skill::RELATIONSHIP])
            .about_all(group)
            .then(Move::Calculate("Count those in each half and compare.".to_owned())),
    )
}

/// How many of a group are on one side of a thing, where each is clearly on one side.
fn count_beside(group: &Group, thing: &Thing) -> Option<Fact> {
    let (plural, count) = group.counted().filter(|(_, count)| (2..=12).contains(count))?;
    if thing.region.width() > WIDEST_ORIGIN || thing.label == group.label || thing.naming == Naming::Place {
        return None;
    }
    let centre = thing.region.centre(Axis::Horizontal);
    let distances: Vec<f64> = group.regions.iter().map(|region| region.centre(Axis::Horizontal) - centre).collect();
    let left = distances.iter().filter(|distance| **distance < 0.0).count();
    let (side, part) = if left > 0 && (left <= count - left || left == count) { ("left", left) } else { ("right", count - left) };
    if distances.iter().any(|distance| distance.abs() < 0.06) || part == 0 {
        return None;
    }
    let part_phrase = if part == count { "all".to_owned() } else { number(part) };
    let verb = if part == 1 { "has its centre" } else { "have their centres" };
    let working = format!("{part_phrase} of the {plural} {verb} to the {side} of {}", thing.name);
    let questions = [
        format!("How many of the {plural} are further to the {side} than {}?", thing.name),
        format!("Judging by their centres, how many of the {plural} are to the {side} of {}?", thing.name),
    ];
    let statement = format!(
        "of the {} {plural}, {part_phrase} {} further to the {side} than {}.",
        number(count),
        if part == 1 { "is" } else { "are" },
        thing.name
    );
    Some(
        Fact::new(Kind::Reasoned, questions, statement, part_phrase)
            .wrong(nearby_numbers(part).into_iter().filter(|wrong| *wrong != number(count)))
            .working(working)
            .skills(&[skill::CALCULATING, skill::RELATIONSHIP, skill::GROUNDING])
            .about(&[thing])
            .about_all(group)
            .then(Move::Calculate(format!("Count those with their centre to the {side}."))),
    )
}

fn area_ratio(first: &Thing, second: &Thing) -> Option<Fact> {
    let (large, small) = if first.region.area() > second.region.area() { (first, second) } else { (second, first) };
    let ratio = large.region.area() / small.region.area();
    let times = ratio.round();
    if first.label == second.label || !(2.0..=12.0).contains(&times) || (ratio - times).abs() > 0.3 {
        return None;
    }
    let times_word = number(times as usize);
    let questions = [
        format!("Roughly how many times the area of {} does {} take up in the image?", small.name, large.name),
        format!("About how many times as much room in the image {} {} take as {}?", large.noun.verb("does", "do"), large.name, small.name),
    ];
    let statement = format!("the region of {} is about {times_word} times as large as that of {}.", large.name, small.name);
    let share = |thing: &Thing| format!("{:.1} percent", thing.region.area() * 100.0);
    Some(
        Fact::new(Kind::Reasoned, questions, statement, times_word)
            .wrong(nearby_numbers(times as usize))
            .working(format!(
                "the region of {} covers about {} of the image, that of {} about {}",
                large.name,
                share(large),
                small.name,
                share(small)
            ))
            .skills(&[skill::CALCULATING, skill::GROUNDING])
            .about(&[large, small])
            .then(Move::Calculate("Divide the larger area by the smaller one.".to_owned())),
    )
}

/// The only one of two candidates that is both further left (or right) and larger than a third thing.
fn both_conditions(triple: [&Thing; 3]) -> Option<Fact> {
    if triple.iter().any(|thing| thing.naming != Naming::Only) {
        return None;
    }
    let rotations = [[triple[0], triple[1], triple[2]], [triple[1], triple[0], triple[2]], [triple[2], triple[0], triple[1]]];
    rotations.into_iter().find_map(|[origin, first, second]| {
        let is_left = |thing: &Thing| thing.region.is_before(&origin.region, Axis::Horizontal);
        let is_right = |thing: &Thing| origin.region.is_before(&thing.region, Axis::Horizontal);
        let larger = |thing: &Thing| (thing.region.area() / origin.region.area()).ln();
        let is_clear = |thing: &Thing| (is_left(thing) || is_right(thing)) && larger(thing).abs() > 0.4;
        if !is_clear(first) || !is_clear(second) {
            return None;
        }
        let describe =
            |thing: &Thing| (if is_left(thing) { "left" } else { "right" }, if larger(thing) > 0.0 { "larger" } else { "smaller" });
        let (one, other) = (describe(first), describe(second));
        // Exactly one property in common: each condition alone would not do, or one would mislead.
        let shares_one = (one.0 == other.0) != (one.1 == other.1);
        if !shares_one {
            return None;
        }
        let ((side, size), right) = (one, first);
        let choices = alternatives(&names(&[first, second]));
        let questions = [
            format!("Which one is both further to the {side} than {} and {size} in the image than it: {choices}?", origin.name),
            format!(
                "Which of {} is {size} in the image than {} and also further to the {side}?",
                list(&names(&[first, second])),
                origin.name
            ),
        ];
        let statement = format!("the one that is further to the {side} and {size} in the image than {} is {}.", origin.name, right.name);
        let working = format!(
            "{} is further to the {} and {}, while {} is further to the {} and {}",
            first.name, one.0, one.1, second.name, other.0, other.1
        );
        Some(
            Fact::new(Kind::Reasoned, questions, statement, right.name.clone())
                .wrong([second.name.clone()])
                .working(format!("compared with {}, {working}", origin.name))
                .skills(&[skill::RELATIONSHIP, skill::CALCULATING, skill::GROUNDING])
                .about(&[origin, first, second])
                .then(Move::Think(format!("Compare each with {} in position and in size.", origin.name))),
        )
    })
}

fn same_side(triple: [&Thing; 3]) -> Option<Fact> {
    let [origin, first, second] = triple;
    let distance = |thing: &Thing| thing.region.centre(Axis::Horizontal) - origin.region.centre(Axis::Horizontal);
    if origin.region.width() > WIDEST_ORIGIN
        || distance(first).abs() < 0.1
        || distance(second).abs() < 0.1
        || triple.iter().any(|thing| thing.naming == Naming::Place)
    {
        return None;
    }
    let side = |thing: &Thing| if distance(thing) < 0.0 { "left" } else { "right" };
    let is_same = side(first) == side(second);
    let questions = [
        format!("Are {} and {} on the same side of the centre of {}, left or right?", first.name, second.name, origin.name),
        format!("Seen from the centre of {}, do {} and {} lie in the same horizontal direction?", origin.name, first.name, second.name),
    ];
    let statement = if is_same {
        format!(
            "both {} and {} are further to the {} than the centre of {}, so they are on the same side.",
            first.name,
            second.name,
            side(first),
            origin.name
        )
    } else {
        format!("{} and {} are on opposite sides of the centre of {}.", first.name, second.name, origin.name)
    };
    Some(
        Fact::new(Kind::Reasoned, questions, statement, if is_same { "yes" } else { "no" })
            .wrong([if is_same { "no" } else { "yes" }.to_owned()])
            .working(format!("{} is to the {} and {} to the {} of that centre", first.name, side(first), second.name, side(second)))
            .skills(&[skill::RELATIONSHIP, skill::GROUNDING])
            .about(&[origin, first, second])
            .then(Move::Think("Compare the two directions.".to_owned())),
    )
}

fn size_order(triple: [&Thing; 3]) -> Option<Fact> {
    let sorted = super::facts::by_size(triple)?;
    let in_words = |order: [&Thing; 3]| list(&names(&order));
    let [large, middle, small] = sorted;
    let questions = [
        format!("How do {} rank by the area they take up in the image, the largest first?", in_words(triple)),
        format!("In what order do {} come if they are sorted from the largest to the smallest area in the image?", in_words(triple)),
    ];
    let percent = |thing: &Thing| format!("{:.1}", thing.region.area() * 100.0);
    Some(
        Fact::new(
            Kind::Reasoned,
            questions,
            format!("from the largest to the smallest area, the order is {}.", in_words(sorted)),
            in_words(sorted),
        )
        .wrong([[small, middle, large], [middle, large, small], [large, small, middle]].map(in_words))
        .working(format!(
            "their regions cover about {}, {} and {} percent of the image",
            percent(triple[0]),
            percent(triple[1]),
            percent(triple[2])
        ))
        .skills(&[skill::CALCULATING, skill::RELATIONSHIP, skill::GROUNDING])
        .about(&triple)
        .then(Move::Calculate("Compute the three areas and sort them.".to_owned())),
    )
}
