//! Boxes that texts quote and boxes that questions ask for.

use std::sync::LazyLock;

use regex::Regex;

use crate::instruction::{DetectedObject, Instruction};

/// How far a quoted coordinate may be from a given one: texts round to two decimals.
const TOLERANCE: f64 = 0.006;

/// Four numbers in brackets. A name before a parenthesis makes it a call, such as CSS's `cubic-bezier(0.1, 0.7, 1.0, 0.1)`.
static QUOTED_BOX: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"\s*(\d*\.\d+|\d+\.?)\s*";
    Regex::new(&format!(r"(?:\[|(?:^|[^\w-])\(){number},{number},{number},{number}[\])]")).expect("the pattern is a constant")
});

/// Characters before a box in pixels that may say what it is: a list of four numbers is not always one.
const WORDS_BEFORE: usize = 40;

static SPEAKS_OF_A_PLACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\bat\s*|\b(?:box(?:es)?|bbox(?:es)?|coordinates?|located|location|region)\b[^.?!]*)$")
        .expect("the pattern is a constant")
});

/// Questions that can only be answered with boxes.
static ASKS_FOR_BOXES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \b bounding [\s-]? box (?:es)? \b
        | \b (?: bbox | bboxes | bbx ) \b
        | \b (?: normali[sz]ed | box | image | pixel | detection ) \s+ coordinates \b
        | \b (?: give | provide | return | list | output | state | specify | report | include | using | use | with | by ) \b [^.?!]{0,60} \b coordinates \s+ (?: of | for )
            \s+ (?: the | each | every | all | any | its | their | these | those ) \b [^.?!]{0,60} \b (?: image | picture | photo | scene | objects? | regions? | person | people ) \b
        | \b (?: how\ many | count ) \b [^\n]{0,120} \b (?: coordinates | (?: give | include | list | provide | use | using | with ) \s+ (?: the | their | its | all )? \s* boxes ) \b
        | \b (?: locate | mark | box | circle ) \ each \b [^.?!]{0,80} \b count \b",
    )
    .expect("the pattern is a constant")
});

/// Whether the question, the answer or the description of a step quotes a box that is neither an object's nor in a parent's text.
pub(super) fn quotes_box_not_given(item: &Instruction, given: &[DetectedObject], parents: &[Instruction]) -> bool {
    let descriptions = item.steps.iter().map(|step| step.description.as_str());
    let quoted = [item.question.as_str(), item.answer.as_str()].into_iter().chain(descriptions).flat_map(quoted_boxes);
    let mut unknown = quoted.filter(|quoted| !given.iter().any(|object| is_near(quoted, &object.bbox))).peekable();
    if unknown.peek().is_none() {
        return false;
    }
    let from_parents: Vec<[f64; 4]> = parents.iter().flat_map(boxes_of).collect();
    unknown.any(|quoted| !from_parents.iter().any(|given| is_near(&quoted, given)))
}

/// Whether a question asks for boxes, for coordinates in the image or to count with them, and neither objects nor parents give any.
pub(super) fn needs_boxes(item: &Instruction, given: &[DetectedObject], parents: &[Instruction]) -> bool {
    given.is_empty() && ASKS_FOR_BOXES.is_match(&item.question) && parents.iter().flat_map(boxes_of).next().is_none()
}

/// The boxes that a question and its answer quote.
fn boxes_of(item: &Instruction) -> impl Iterator<Item = [f64; 4]> {
    quoted_boxes(&item.question).chain(quoted_boxes(&item.answer))
}

/// The boxes in a text: four numbers in brackets, each from 0 to 1, at least one of them a fraction; or in pixels or thousandths, as models that
/// were trained on such write them, where the words before speak of a place.
fn quoted_boxes(text: &str) -> impl Iterator<Item = [f64; 4]> {
    QUOTED_BOX.captures_iter(text).filter_map(|captures| {
        let start = captures.get_match().start();
        let (_, numbers) = captures.extract::<4>();
        let mut corners = [0.0; 4];
        for (corner, number) in corners.iter_mut().zip(numbers) {
            *corner = number.parse().ok()?;
        }
        let is_normalized = corners.iter().all(|corner| (0.0..=1.0).contains(corner));
        let is_box = match is_normalized {
            true => numbers.iter().any(|number| number.contains('.')),
            false => corners[0] < corners[2] && corners[1] < corners[3] && SPEAKS_OF_A_PLACE.is_match(before(text, start)),
        };
        is_box.then_some(corners)
    })
}

/// The end of what stands before a place in a text.
fn before(text: &str, place: usize) -> &str {
    let start = text[..place].char_indices().rev().take(WORDS_BEFORE).last().map_or(place, |(start, _)| start);
    &text[start..place]
}

fn is_near(quoted: &[f64; 4], given: &[f64; 4]) -> bool {
    quoted.iter().zip(given).all(|(quoted, given)| (quoted - given).abs() <= TOLERANCE + f64::EPSILON)
}
