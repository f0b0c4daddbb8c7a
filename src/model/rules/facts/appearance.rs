//! What the pixels show: colours, light, and the shape of the picture.

use super::{Fact, Kind, Move, skill};
use crate::model::rules::colour::{Colour, Pixels, Tone};
use crate::model::rules::scene::{Region, Scene, Thing};

/// Things that have no one colour, are seen through, or fill little of their box.
const NO_COLOUR_OF_ITS_OWN: &[&str] = &[
    "person",
    "people",
    "man",
    "woman",
    "boy",
    "girl",
    "child",
    "glass",
    "bottle",
    "window",
    "mirror",
    "tv",
    "laptop",
    "monitor",
    "phone",
    "bicycle",
    "motorcycle",
    "fork",
    "knife",
    "spoon",
    "racket",
    "bat",
    "skis",
    "kite",
    "tripod",
    "mast",
    "tower",
    "plant",
    "tree",
    "table",
    "chair",
    "bench",
    "scissors",
    "toothbrush",
    "cup",
    "bowl",
    "sink",
    "pizza",
    "sandwich",
    "traffic",
    "light",
    "floodlight",
    "eye",
    "eyes",
    "clock",
    "vase",
    "book",
];

/// What pixels show; nothing without an image.
pub fn facts(scene: &Scene) -> Vec<Fact> {
    let Some(pixels) = &scene.pixels else { return Vec::new() };
    let mut facts: Vec<Fact> = scene.things.iter().filter_map(|thing| colour(thing, scene, pixels)).collect();
    facts.extend([brightness(pixels), orientation(pixels), tone(pixels), main_colour(pixels)].into_iter().flatten());
    facts.extend([brighter_half(pixels, HALVES_ACROSS), brighter_half(pixels, HALVES_DOWN)].into_iter().flatten());
    facts
}

fn colour(thing: &Thing, scene: &Scene, pixels: &Pixels) -> Option<Fact> {
    let last_word = thing.label.rsplit(' ').next().unwrap_or_default().to_lowercase();
    if NO_COLOUR_OF_ITS_OWN.contains(&last_word.as_str()) || pixels.tone() != Tone::FullColour {
        return None;
    }
    let others: Vec<Region> =
        scene.regions().filter(|region| **region != thing.region && region.area() < thing.region.area()).copied().collect();
    let colour = pixels.dominant_colour(&thing.region, &others)?;
    let (name, is) = (&thing.name, thing.noun.is());
    // A fruit or a person may carry the colour's name.
    if thing.label.eq_ignore_ascii_case(colour.name()) {
        return None;
    }
    let questions = [
        format!("What colour {is} {name} for the most part?"),
        format!("Which colour prevails on {name}?"),
        format!("What is the main colour of {name}?"),
    ];
    let wrong = Colour::ALL.into_iter().filter(|other| !other.is_near(colour)).map(|other| other.name().to_owned());
    Some(
        Fact::new(Kind::Colour, questions, format!("{name} {is} mostly {}.", colour.name()), colour.name())
            .wrong(wrong)
            .solvable_gap()
            .skills(&[skill::REFERENCING, skill::GROUNDING])
            .about(&[thing])
            .then(Move::Think("Name the colour that fills most of it.".to_owned())),
    )
}

fn brightness(pixels: &Pixels) -> Option<Fact> {
    let (level, other) = match pixels.brightness(&Region([0.0, 0.0, 1.0, 1.0]))? {
        mean if mean < 65.0 => ("dark", "bright"),
        mean if mean > 165.0 => ("bright", "dark"),
        _ => return None,
    };
    let questions = [
        "Is the image as a whole bright or dark?".to_owned(),
        "How would you describe the overall light in the image, bright or dark?".to_owned(),
    ];
    Some(
        Fact::new(Kind::Brightness, questions, format!("the image as a whole is {level}."), level)
            .wrong([other.to_owned(), "half bright and half dark".to_owned()])
            .solvable_gap()
            .skills(&[skill::CONTEXT])
            .then(Move::Think("Judge the light of the whole image.".to_owned())),
    )
}

const HALVES_ACROSS: [(&str, Region); 2] = [("left", Region([0.0, 0.0, 0.5, 1.0])), ("right", Region([0.5, 0.0, 1.0, 1.0]))];
const HALVES_DOWN: [(&str, Region); 2] = [("upper", Region([0.0, 0.0, 1.0, 0.5])), ("lower", Region([0.0, 0.5, 1.0, 1.0]))];

fn brighter_half(pixels: &Pixels, [(first, first_region), (second, second_region)]: [(&'static str, Region); 2]) -> Option<Fact> {
    let lead = pixels.brightness(&first_region)? - pixels.brightness(&second_region)?;
    let (brighter, darker) = if lead > 0.0 { (first, second) } else { (second, first) };
    if lead.abs() < 30.0 {
        return None;
    }
    let questions = [
        format!("Which half of the image is brighter, the {first} or the {second} one?"),
        format!("Comparing the {first} and the {second} half of the image, which receives more light?"),
    ];
    Some(
        Fact::new(Kind::BrighterHalf, questions, format!("the {brighter} half of the image is brighter than the {darker} half."), brighter)
            .wrong([darker.to_owned()])
            .solvable_gap()
            .skills(&[skill::CONTEXT, skill::CALCULATING])
            .then(Move::Think("Compare the light in the two halves.".to_owned())),
    )
}

fn orientation(pixels: &Pixels) -> Option<Fact> {
    let (shape, explanation) = match pixels.aspect() {
        aspect if aspect > 1.15 => ("landscape", "wider than it is tall"),
        aspect if aspect < 1.0 / 1.15 => ("portrait", "taller than it is wide"),
        _ => return None,
    };
    let questions = [
        "Is the image in landscape or in portrait format?".to_owned(),
        "Which format does the image have: landscape, portrait or square?".to_owned(),
    ];
    Some(
        Fact::new(Kind::Orientation, questions, format!("the image is in {shape} format: it is {explanation}."), shape)
            .wrong(["landscape", "portrait", "square"].map(str::to_owned))
            .solvable_gap()
            .skills(&[skill::CONTEXT])
            .then(Move::Think("Compare the width and the height of the image.".to_owned())),
    )
}

fn tone(pixels: &Pixels) -> Option<Fact> {
    let (tone, others) = match pixels.tone() {
        Tone::BlackAndWhite => ("black and white", ["full colour", "sepia tones", "bright neon colours"]),
        Tone::FullColour => ("full colour", ["black and white", "sepia tones", "shades of a single colour"]),
        Tone::Unclear => return None,
    };
    let questions = [
        "Is the image in full colour or in black and white?".to_owned(),
        "How is the image rendered, in full colour or in black and white?".to_owned(),
    ];
    Some(
        Fact::new(Kind::Tone, questions, format!("the image is in {tone}."), tone)
            .wrong(others.map(str::to_owned))
            .solvable_gap()
            .skills(&[skill::CONTEXT])
            .then(Move::Think("Check whether the image has colours.".to_owned())),
    )
}

fn main_colour(pixels: &Pixels) -> Option<Fact> {
    let colour = pixels.main_colour()?;
    let questions = ["Which colour fills most of the image?".to_owned(), "What colour dominates the image as a whole?".to_owned()];
    let wrong = Colour::ALL.into_iter().filter(|other| !other.is_near(colour)).map(|other| other.name().to_owned());
    Some(
        Fact::new(Kind::Colour, questions, format!("most of the image is {}.", colour.name()), colour.name())
            .wrong(wrong)
            .solvable_gap()
            .skills(&[skill::REFERENCING])
            .then(Move::Think("Name the colour that covers most of the image.".to_owned())),
    )
}
