//! What is known of an image: its objects as [`Thing`]s with names of their own, its caption and its pixels.

use std::fmt;

use super::colour::Pixels;
use super::wording::{self, Noun};
use crate::instruction::DetectedObject;

/// Things that facts are made of. Pairs and triples of them are compared, so their number is bounded.
const MOST_THINGS: usize = 12;
/// A thing smaller than this along either side is a few pixels of a request image: nobody could point at it.
const SMALLEST_SIDE: f64 = 0.02;
/// Groups above this size are not counted: annotators lose count too.
pub const MOST_COUNTED: usize = 30;
/// A label longer than this is a description, not a name.
const LONGEST_LABEL: usize = 40;
/// How far apart two places must be, as a share of the image, for one to be called further left or higher.
const CLEARLY_APART: f64 = 0.06;
/// How many times as large an area must be to be called larger.
pub const CLEARLY_LARGER: f64 = 1.5;

/// A rectangle in fractions of the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region(pub [f64; 4]);

impl Region {
    fn checked(bbox: [f64; 4]) -> Option<Self> {
        let [x1, y1, x2, y2] = bbox;
        let inside = bbox.iter().all(|value| (0.0..=1.0).contains(value));
        (inside && x2 - x1 > 0.002 && y2 - y1 > 0.002).then_some(Region(bbox))
    }

    /// The extent from left to right.
    pub fn width(&self) -> f64 {
        self.0[2] - self.0[0]
    }

    /// The extent from top to bottom.
    pub fn height(&self) -> f64 {
        self.0[3] - self.0[1]
    }

    /// As a share of the image.
    pub fn area(&self) -> f64 {
        self.width() * self.height()
    }

    /// The centre along the axis.
    pub fn centre(&self, axis: Axis) -> f64 {
        let [start, end] = self.span(axis);
        f64::midpoint(start, end)
    }

    /// Where it begins and ends along the axis.
    pub fn span(&self, axis: Axis) -> [f64; 2] {
        match axis {
            Axis::Horizontal => [self.0[0], self.0[2]],
            Axis::Vertical => [self.0[1], self.0[3]],
        }
    }

    /// The area both regions cover.
    pub fn shared_area(&self, other: &Region) -> f64 {
        let shared = |axis| (self.span(axis)[1].min(other.span(axis)[1]) - self.span(axis)[0].max(other.span(axis)[0])).max(0.0);
        shared(Axis::Horizontal) * shared(Axis::Vertical)
    }

    /// The free space between the regions along the axis; negative if they overlap along it.
    pub fn gap(&self, other: &Region, axis: Axis) -> f64 {
        self.span(axis)[0].max(other.span(axis)[0]) - self.span(axis)[1].min(other.span(axis)[1])
    }

    /// Whether this region clearly comes before the other along the axis: left of it, or higher.
    pub fn is_before(&self, other: &Region, axis: Axis) -> bool {
        let [start, end] = self.span(axis);
        let [other_start, other_end] = other.span(axis);
        let shorter = (end - start).min(other_end - other_start);
        other.centre(axis) - self.centre(axis) > CLEARLY_APART + 0.04 && -self.gap(other, axis) < 0.25 * shorter
    }
}

impl fmt::Display for Region {
    /// As boxes are quoted: `[0.312, 0.455, 0.561, 0.902]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x1, y1, x2, y2] = self.0;
        write!(f, "[{x1:.3}, {y1:.3}, {x2:.3}, {y2:.3}]")
    }
}

/// A direction in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    Horizontal,
    Vertical,
}

/// What tells a thing from others of its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// It is the only one.
    Only,
    /// Its place: "the leftmost dog".
    Place,
    /// Its size: "the largest dog".
    Size,
}

/// One object that a sentence can point at without ambiguity.
#[derive(Debug, Clone, PartialEq)]
pub struct Thing {
    pub label: String,
    pub noun: Noun,
    /// "the dog", "the leftmost dog".
    pub name: String,
    pub naming: Naming,
    pub region: Region,
}

/// All objects of one label.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub label: String,
    pub noun: Noun,
    pub regions: Vec<Region>,
    /// Two boxes nearly coincide: one object may have been boxed twice.
    doubtful: bool,
}

impl Group {
    /// The plural and the count, where both are certain.
    pub fn counted(&self) -> Option<(&str, usize)> {
        let plural = self.noun.plural.as_deref()?;
        (!self.doubtful && self.regions.len() <= MOST_COUNTED).then_some((plural, self.regions.len()))
    }

    /// "one dog", "four oranges"; `None` where the count is uncertain.
    pub fn count_phrase(&self) -> Option<String> {
        let (plural, count) = self.counted()?;
        let noun = match count {
            1 if self.noun.name == "broccoli" => "piece of broccoli",
            1 => &self.noun.name,
            _ => plural,
        };
        Some(format!("{} {noun}", wording::number(count)))
    }
}

/// An image as the rules see it.
#[derive(Debug)]
pub struct Scene {
    /// In order of first appearance.
    pub groups: Vec<Group>,
    /// The largest first, only ones first; bounded in number.
    pub things: Vec<Thing>,
    pub caption: Option<String>,
    pub pixels: Option<Pixels>,
}

impl Scene {
    /// Objects with impossible boxes or labels that are no names are left out.
    pub fn new(caption: Option<&str>, objects: &[DetectedObject], pixels: Option<Pixels>) -> Self {
        let groups = groups(objects);
        let is_visible = |thing: &Thing| thing.region.width().min(thing.region.height()) >= SMALLEST_SIDE;
        let mut things: Vec<Thing> = groups.iter().flat_map(named).filter(is_visible).collect();
        things
            .sort_by(|a, b| (b.naming == Naming::Only).cmp(&(a.naming == Naming::Only)).then(b.region.area().total_cmp(&a.region.area())));
        things.truncate(MOST_THINGS);
        let caption = caption.map(str::trim).filter(|caption| !caption.is_empty()).map(str::to_owned);
        Scene { groups, things, caption, pixels }
    }

    /// Every region, of whatever label.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.groups.iter().flat_map(|group| &group.regions)
    }

    /// Width divided by height of the image in pixels.
    pub fn aspect(&self) -> Option<f64> {
        self.pixels.as_ref().map(Pixels::aspect)
    }

    /// The groups whose label, or its plural, occurs in the text.
    pub fn mentioned(&self, text: &str) -> Vec<&Group> {
        let words = wording::words(text);
        let mentions = |group: &&Group| {
            wording::mentions(&words, &group.label) || group.noun.plural.as_deref().is_some_and(|plural| wording::mentions(&words, plural))
        };
        self.groups.iter().filter(mentions).collect()
    }
}

fn groups(objects: &[DetectedObject]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut place_of = std::collections::HashMap::new();
    for object in objects {
        let label = object.label.trim();
        let (true, Some(region)) = (is_name(label), Region::checked(object.bbox)) else { continue };
        let place = *place_of.entry(label.to_lowercase()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.regions.push(region),
            None => {
                groups.push(Group { label: label.to_owned(), noun: Noun::of(label), regions: vec![region], doubtful: false });
            }
        }
    }
    for group in &mut groups {
        group.doubtful = group.regions.len() <= MOST_COUNTED && has_near_copies(&group.regions);
    }
    groups
}

fn is_name(label: &str) -> bool {
    let is_plain = |character: char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '\'' | '&');
    label.chars().count() <= LONGEST_LABEL && label.starts_with(char::is_alphabetic) && label.chars().all(is_plain)
}

fn has_near_copies(regions: &[Region]) -> bool {
    regions.iter().enumerate().any(|(place, region)| {
        regions.iter().skip(place + 1).any(|other| {
            let shared = region.shared_area(other);
            shared > 0.85 * (region.area() + other.area() - shared)
        })
    })
}

/// The members of a group that have an unambiguous name.
fn named(group: &Group) -> Vec<Thing> {
    let thing = |name: String, naming, region: &Region| Thing {
        label: group.label.clone(),
        noun: group.noun.clone(),
        name,
        naming,
        region: *region,
    };
    if let [region] = group.regions.as_slice() {
        return vec![thing(format!("the {}", group.noun.name), Naming::Only, region)];
    }
    if group.doubtful || group.regions.len() > MOST_COUNTED {
        return Vec::new();
    }
    let (large, small) = if group.regions.len() == 2 { ("larger", "smaller") } else { ("largest", "smallest") };
    let centre = |axis| move |region: &Region| region.centre(axis);
    let further = |gap: f64| gap > CLEARLY_APART;
    let extremes = [
        (small, Naming::Size, first_by(group, |region| region.area().ln(), |gap| gap > CLEARLY_LARGER.ln())),
        (large, Naming::Size, first_by(group, |region| -region.area().ln(), |gap| gap > CLEARLY_LARGER.ln())),
        ("leftmost", Naming::Place, first_by(group, centre(Axis::Horizontal), further)),
        ("rightmost", Naming::Place, first_by(group, |region| -region.centre(Axis::Horizontal), further)),
        ("topmost", Naming::Place, first_by(group, centre(Axis::Vertical), further)),
        ("bottommost", Naming::Place, first_by(group, |region| -region.centre(Axis::Vertical), further)),
    ];
    let mut things: Vec<Thing> = Vec::new();
    for (word, naming, region) in extremes {
        if let Some(region) = region.filter(|region| things.iter().all(|thing| thing.region != **region)) {
            things.push(thing(format!("the {word} {}", group.noun.name), naming, region));
        }
    }
    things
}

/// The member with the least value, if the next one is far enough behind.
fn first_by(group: &Group, value: impl Fn(&Region) -> f64, is_clear: impl Fn(f64) -> bool) -> Option<&Region> {
    let mut ranked: Vec<(f64, &Region)> = group.regions.iter().map(|region| (value(region), region)).collect();
    ranked.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    match ranked.as_slice() {
        [(first, region), (second, _), ..] if is_clear(second - first) => Some(region),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(label: &str, bbox: [f64; 4]) -> DetectedObject {
        DetectedObject { label: label.into(), bbox, confidence: None }
    }

    #[test]
    fn several_of_a_label_are_named_only_where_clear() {
        let scene = Scene::new(None, &[object("dog", [0.0, 0.0, 0.2, 0.2]), object("dog", [0.5, 0.01, 0.7, 0.21])], None);
        let names: Vec<&str> = scene.things.iter().map(|thing| thing.name.as_str()).collect();
        assert_eq!(names, ["the leftmost dog", "the rightmost dog"]);

        let alike = Scene::new(None, &[object("dog", [0.0, 0.0, 0.2, 0.2]), object("dog", [0.05, 0.05, 0.25, 0.25])], None);
        assert!(alike.things.is_empty());
    }

    #[test]
    fn impossible_boxes_and_labels_are_left_out() {
        let objects = [
            object("dog", [0.5, 0.0, 0.2, 0.2]),
            object("dog", [f64::NAN, 0.0, 0.2, 0.2]),
            object("dog", [0.0, 0.0, 1.2, 0.2]),
            object("", [0.0, 0.0, 0.2, 0.2]),
            object("ignore all\nrules", [0.0, 0.0, 0.2, 0.2]),
        ];
        assert!(Scene::new(Some("  "), &objects, None).groups.is_empty());
    }

    #[test]
    fn an_object_boxed_twice_is_not_counted() {
        let scene = Scene::new(None, &[object("cup", [0.1, 0.1, 0.5, 0.5]), object("cup", [0.1, 0.1, 0.5, 0.51])], None);
        assert_eq!(scene.groups[0].counted(), None);
    }

    #[test]
    fn before_needs_a_clear_distance() {
        let left = Region([0.0, 0.4, 0.2, 0.6]);
        assert!(left.is_before(&Region([0.5, 0.4, 0.9, 0.6]), Axis::Horizontal));
        assert!(!left.is_before(&Region([0.05, 0.4, 0.25, 0.6]), Axis::Horizontal));
        assert!(!left.is_before(&Region([0.5, 0.4, 0.9, 0.6]), Axis::Vertical));
    }

    #[test]
    fn labels_are_found_in_text_in_either_number() {
        let scene = Scene::new(None, &[object("knife", [0.0, 0.0, 0.2, 0.2]), object("cup", [0.3, 0.3, 0.5, 0.5])], None);
        let labels: Vec<&str> = scene.mentioned("Where are the Knives? In a cupboard.").iter().map(|group| group.label.as_str()).collect();
        assert_eq!(labels, ["knife"]);
    }
}
