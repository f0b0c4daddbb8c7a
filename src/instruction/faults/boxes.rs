//! Boxes that texts quote and boxes that questions ask for.

use std::sync::LazyLock;

use regex::Regex;

use crate::instruction::{DetectedObject, Instruction};

/// How far a quoted coordinate may be from a given one: texts round to two decimals.
const TOLERANCE: f64 = 0.006;

/// A coordinate, also in percent.
const NUMBER: &str = r"\s*(-?(?:\d*\.\d+|\d+\.?)\s*%?)\s*";

/// Four numbers in brackets. A name before a parenthesis makes it a call, such as CSS's `cubic-bezier(0.1, 0.7, 1.0, 0.1)`.
static QUOTED_BOX: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?:\[|(?:^|[^\w-])\(){NUMBER},{NUMBER},{NUMBER},{NUMBER}[\])]")));

/// Two corners: `(0.5, 0.2) to (0.9, 0.4)`.
static TWO_CORNERS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?:^|[^\w-])[(\[]{NUMBER},{NUMBER}[)\]]\s*(?:to|through|-|–|—|→|->)\s*[(\[]{NUMBER},{NUMBER}[)\]]"))
});

/// Two points that may be corners: `(0.5, 0.2), (0.9, 0.4)`, in thousandths as Qwen-VL writes them `(500,200),(900,400)`, or with
/// `and`. In square brackets they could be intervals, or the rows of a matrix.
static TWO_POINTS: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\({NUMBER},{NUMBER}\)\s*(,\s*and\b|,|and\b)\s*\({NUMBER},{NUMBER}\)")));

/// What parts a point from one more before or behind it: then the points are a list, or the corners are others.
static BEHIND_A_POINT: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\d.%]\s*\)\s*(?:,(?:\s*and)?|and|to|through|-|–|—|→|->)\s*$"));
static BEFORE_A_POINT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(?:,(?:\s*and)?|and|to|through|-|–|—|→|->)\s*\(\s*-?[\d.]"));

/// Words before `(0.1, 0.2) and (0.3, 0.4)` that make corners of them.
static SPEAKS_OF_CORNERS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:box(?:es)?|bbox(?:es)?|corners?)\b[^.?!]*$"));

/// Words of points that are no corners.
static ABOUT_POINTS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(?:cent(?:er|re)s?|midpoints?|intervals?|plot(?:ted|s)?|charts?|slope|distance)\b"));

/// Coordinates by name: `x1=0.5, y1=0.2, x2=0.9, y2=0.4`.
static NAMED_CORNERS: LazyLock<Regex> = LazyLock::new(|| {
    let coordinate = |axis: char, first: &str| format!(r#"\b{axis}_?(?:{first})["']?\s*[=:]{NUMBER}"#);
    let between = r#"[,;]?\s*["']?"#;
    let corners = [coordinate('x', "1|min"), coordinate('y', "1|min"), coordinate('x', "2|max"), coordinate('y', "2|max")];
    pattern(&format!("(?i){}", corners.join(between)))
});

/// Sides by name: `left 0.5, top 0.2, right 0.9, bottom 0.4`, as JSON or in words. Semicolons part the lines of a style sheet.
static NAMED_SIDES: LazyLock<Regex> = LazyLock::new(|| {
    let side = |name: &str| format!(r#"\b{name}["']?\s*(?:[=:]|is\b|at\b)?{NUMBER}"#);
    let sides = ["left", "top", "right", "bottom"].map(side);
    pattern(&format!("(?i){}", sides.join(r#",?\s*(?:and\s+)?["']?"#)))
});

/// Four fractions in square brackets that blanks part, as NumPy prints them.
static BOX_WITH_BLANKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[\s*(\d*\.\d+)\s+(\d*\.\d+)\s+(\d*\.\d+)\s+(\d*\.\d+)\s*\]"));

/// Two corners by name: `its top-left corner is (0.5, 0.2) and its bottom-right corner is (0.9, 0.4)`.
static NAMED_POINTS: LazyLock<Regex> = LazyLock::new(|| {
    let corner = |names: &str| format!(r"\b(?:{names})\b[^.?!;\d()\[\]]{{0,40}}[(\[]{NUMBER},{NUMBER}[)\]]");
    let corners = [corner(r"(?:top|upper)[\s-]*left"), corner(r"(?:bottom|lower)[\s-]*right")];
    pattern(&format!("(?i){}", corners.join(r"[^.?!;\d()\[\]]{0,40}")))
});

/// Words before sides that are distances and not places.
static SPEAKS_OF_MARGINS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:margins?|paddings?|insets?|borders?)\b"));

/// Words of questions about data that the image shows: lists of numbers need not be boxes. Alone, a table is furniture.
static ABOUT_DATA: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) \b (?: charts? | graphs? | plots? | plotted | histograms? | values? | probabilit(?:y|ies) | accurac(?:y|ies) | vectors?
        | matri(?:x|ces) | tensors? | arrays? | rgba? | numbers | codes? | prints? | printed | outputs?
        | (?: in | from | does | do | to ) \s+ (?: the | this | that | a ) \s+ tables? | tables? \s+ (?: lists? | gives? | shows? | says? ) ) \b",
    )
});

/// Words of questions and answers about places in the image, whatever data it shows.
static NAMES_A_PLACE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) \b (?: box(?:es)? | bbox\w* | bboxes | regions? | coordinates? | locat\w+ | where | positions? | corners? ) \b
        | \b at \s* [(\[]",
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

/// Characters before a box in pixels that may say what it is: a list of four numbers is not always one.
const WORDS_BEFORE: usize = 40;

static SPEAKS_OF_A_PLACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\bat\s*|\b(?:box(?:es)?(?:_2d)?|bbox(?:es)?(?:_2d)?|coordinates?|located|location|region)\b[^.?!]*)$")
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

/// Questions for coordinates, which may also be those of a drawing or a map. What has a name may have a place on the earth.
static ASKS_FOR_COORDINATES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \b coordinates \s+ (?: of | for ) \s+ (?: the | each | every | all | any | its | their | these | those ) \b [^.?!]{0,60}
            \b (?: in | within | on ) \s+ (?: the | this ) \s+ (?: image | picture | photo | photograph | scene ) \b
        | \b coordinates \s+ of \s+ (?: the | each | every | all | any | its | their | these | those ) \s+ (?-i: [a-z] )
        | \b (?: the | exact | precise | give | provide | return | output | state | specify | report ) \s+ coordinates
            \s+ for \s+ (?: the | each | every | all | any | its | their | these | those ) \s+ (?-i: [a-z] )
        | \b (?: locate | find | detect ) \b [^.?!]{0,80} \b (?: give | provide | return | list | output | state | specify | report )
            \s+ (?: me \s+ )? (?: its | their | the ) \s+ (?: exact \s+ | precise \s+ )? coordinates \b
        | \b (?: where \s+ (?: is | are ) | locate | find | detect ) \s+ (?: the | each | every | all | any | its | their | a | an ) \s+ (?-i: [a-z] )
            [^\n]{0,80} \b (?: answer | reply | respond ) \s+ (?: only \s+ )? (?: with | using | in ) \s+
            (?: the \s+ | its \s+ | exact \s+ )* coordinates \b
        | \b (?: give | provide | return | output | report ) \s+ (?: me \s+ )? (?: its | their ) \s+ (?: exact \s+ | precise \s+ )? box (?: es )?
            (?: \s* (?: [.,;:!?)] | $ ) | \s+ as \b )",
    )
    .expect("the pattern is a constant")
});

/// Words of things that have coordinates of their own: on a map, on a board, in a game, in a formula.
static HAS_COORDINATES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) \b (?: locations? | places? | landmarks? | islands? | mountains? | towns? | villages? | countr(?:y|ies) | capitals? | airports?
        | treasures? | globe | earth | compass | boards? | chess | king | queen | knight | bishop | rook | pawn
        | squares? | cells? | cursor | player | game | cent(?:er|re)s? | foc(?:us|i) | maxim(?:um|a) | minim(?:um|a) | peaks? | roots?
        | midpoints? | intercepts? | parabola | polygon | rectangle | quadrilateral | function | equation | vectors?
        | charts? | plots? | diagram | figure | screens? | displayed | written | printed ) \b",
    )
});

/// Words of drawings and maps, whose coordinates the image shows.
static ABOUT_A_DRAWING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:points?|vertex|vertices|graphs?|axis|axes|plane|origin|intersections?|curve|circle|lines?|triangle|grid|map|city|latitude|longitude|gps)\b",
    )
});

/// Whether the question, the answer or the description of a step quotes a box that is neither an object's nor in a parent's text.
pub(super) fn quotes_box_not_given(item: &Instruction, given: &[DetectedObject], parents: &[Instruction]) -> bool {
    let descriptions = item.steps.iter().map(|step| step.description.as_str());
    let texts = [item.question.as_str(), item.answer.as_str()].into_iter().chain(descriptions);
    let is_about_points = speaks_of_points(&item.question);
    let is_about_data =
        ABOUT_DATA.is_match(&item.question) && ![&item.question, &item.answer].into_iter().any(|text| NAMES_A_PLACE.is_match(text));
    let quoted = texts
        .filter(|text| !is_about_data || NAMES_A_PLACE.is_match(text))
        .flat_map(|text| quoted_boxes(text).chain(corner_pairs(text).filter(move |pair| !is_about_points && !are_points_of(pair, given))));
    let mut unknown = quoted.filter(|quoted| !given.iter().any(|object| is_near(quoted, &object.bbox))).peekable();
    if unknown.peek().is_none() {
        return false;
    }
    let from_parents: Vec<[f64; 4]> = parents.iter().flat_map(|parent| boxes_of(parent).chain(point_pairs_of(parent))).collect();
    unknown.any(|quoted| !from_parents.iter().any(|given| is_near(&quoted, given)))
}

/// Whether a question asks for boxes, for coordinates in the image or to count with them, and neither objects nor parents give any.
pub(super) fn needs_boxes(item: &Instruction, given: &[DetectedObject], parents: &[Instruction]) -> bool {
    let question = item.question.as_str();
    let has_own = || ABOUT_A_DRAWING.is_match(question) || HAS_COORDINATES.is_match(question);
    let asks_for_coordinates = || ASKS_FOR_COORDINATES.is_match(question) && !has_own();
    given.is_empty() && (ASKS_FOR_BOXES.is_match(question) || asks_for_coordinates()) && parents.iter().flat_map(boxes_of).next().is_none()
}

/// The boxes that a question and its answer quote.
fn boxes_of(item: &Instruction) -> impl Iterator<Item = [f64; 4]> {
    [&item.question, &item.answer].into_iter().flat_map(|text| quoted_boxes(text).chain(corner_pairs(text)))
}

/// The pairs of points in a question and its answer, corners or not.
fn point_pairs_of(item: &Instruction) -> impl Iterator<Item = [f64; 4]> {
    [&item.question, &item.answer].into_iter().flat_map(|text| TWO_POINTS.captures_iter(text)).filter_map(|captures| {
        let (_, [left, top, _, right, bottom]) = captures.extract::<5>();
        quoted_box([left, top, right, bottom], true, || true)
    })
}

/// Whether two points are corners or centres of given objects: those of two objects, or of the box around both.
fn are_points_of(pair: &[f64; 4], given: &[DetectedObject]) -> bool {
    let is_at = |quoted: f64, start: f64, end: f64| {
        [start, f64::midpoint(start, end), end].iter().any(|known| (quoted - known).abs() <= TOLERANCE + f64::EPSILON)
    };
    let is_point = |x: f64, y: f64| {
        given.iter().any(|object| {
            let [left, top, right, bottom] = object.bbox;
            is_at(x, left, right) && is_at(y, top, bottom)
        })
    };
    is_point(pair[0], pair[1]) && is_point(pair[2], pair[3])
}

/// The boxes in a text: four coordinates in brackets, as two corners or by name.
fn quoted_boxes(text: &str) -> impl Iterator<Item = [f64; 4]> {
    let patterns = [(&QUOTED_BOX, true), (&BOX_WITH_BLANKS, false), (&TWO_CORNERS, false), (&NAMED_CORNERS, false)];
    let boxes = patterns.into_iter().flat_map(move |(pattern, is_list)| matching_boxes(pattern, text, is_list));
    let sides = (!SPEAKS_OF_MARGINS.is_match(text)).then_some(&NAMED_SIDES);
    boxes.chain(sides.into_iter().flat_map(move |sides| matching_boxes(sides, text, false)))
}

fn matching_boxes(pattern: &'static Regex, text: &str, is_list: bool) -> impl Iterator<Item = [f64; 4]> {
    pattern.captures_iter(text).filter_map(move |captures| {
        let start = captures.get_match().start();
        let (_, numbers) = captures.extract::<4>();
        quoted_box(numbers, is_list, || SPEAKS_OF_A_PLACE.is_match(before(text, start)))
    })
}

/// The boxes among pairs of points. The fault is fatal, so whatever may be two points and no corners is none.
fn corner_pairs(text: &str) -> impl Iterator<Item = [f64; 4]> {
    let pairs = TWO_POINTS.captures_iter(text).filter_map(move |captures| {
        let place = captures.get_match().range();
        let (pair, [left, top, separator, right, bottom]) = captures.extract::<5>();
        let numbers = [left, top, right, bottom];
        let words_before = before(text, place.start);
        let is_in_row = BEHIND_A_POINT.is_match(words_before) || BEFORE_A_POINT.is_match(&text[place.end..]);
        let is_of_corners = separator == "," || SPEAKS_OF_CORNERS.is_match(words_before);
        if is_in_row || !is_of_corners || speaks_of_points(words_before) {
            return None;
        }
        // Small ones are places on a grid, and years have values.
        let are_pixels =
            numbers.iter().all(|number| number.bytes().all(|byte| byte.is_ascii_digit())) && numbers.iter().any(|number| number.len() > 2);
        let are_years = [left, right].iter().all(|number| number.len() == 4 && (number.starts_with("19") || number.starts_with("20")));
        let is_place = || !pair.contains(char::is_whitespace) || SPEAKS_OF_A_PLACE.is_match(words_before);
        quoted_box(numbers, false, || SPEAKS_OF_CORNERS.is_match(words_before) || (are_pixels && !are_years && is_place()))
    });
    pairs.chain(matching_boxes(&NAMED_POINTS, text, false))
}

fn speaks_of_points(text: &str) -> bool {
    ABOUT_A_DRAWING.is_match(text) || ABOUT_POINTS.is_match(text)
}

/// The box that four numbers say: each from 0 to 1, at least one of them a fraction, or in percent; or in pixels or thousandths, as
/// models that were trained on such write them, where the words before speak of a place. A list may be of anything else, corners
/// have an order.
fn quoted_box(numbers: [&str; 4], is_list: bool, speaks_of_a_place: impl Fn() -> bool) -> Option<[f64; 4]> {
    let are_percent = numbers.iter().all(|number| number.ends_with('%'));
    let mut corners = [0.0; 4];
    for (corner, number) in corners.iter_mut().zip(numbers) {
        let number: f64 = number.trim_end_matches(|c: char| c == '%' || c.is_whitespace()).parse().ok()?;
        *corner = if are_percent { number / 100.0 } else { number };
    }
    let is_ordered = corners[0] < corners[2] && corners[1] < corners[3];
    let is_inside = corners.iter().all(|corner| (0.0..=1.0).contains(corner));
    let has_area = (corners[2] - corners[0]).abs() > 0.0 && (corners[3] - corners[1]).abs() > 0.0;
    let is_near_image = corners.iter().all(|corner| (-1.0..=1.0).contains(corner));
    let has_fraction = numbers.iter().any(|number| number.contains('.'));
    let is_box = if are_percent {
        // Four shares add up to 100 %.
        is_ordered && ((corners.iter().sum::<f64>() - 1.0).abs() > TOLERANCE || speaks_of_a_place())
    } else if is_near_image && has_fraction {
        is_ordered || (is_list && is_inside && has_area)
    } else {
        !is_near_image && is_ordered && speaks_of_a_place()
    };
    is_box.then_some(corners)
}

/// The end of what stands before a place in a text.
pub(super) fn before(text: &str, place: usize) -> &str {
    let start = text[..place].char_indices().rev().take(WORDS_BEFORE).last().map_or(place, |(start, _)| start);
    &text[start..place]
}

fn is_near(quoted: &[f64; 4], given: &[f64; 4]) -> bool {
    quoted.iter().zip(given).all(|(quoted, given)| (quoted - given).abs() <= TOLERANCE + f64::EPSILON)
}
