//! Texts and pictures of the demo seeds, and how new ones are put together from them.

use std::io::Cursor;
use std::path::Path;

use mmevol::formats::detect::{Format, read_seeds};
use mmevol::instruction::vocabulary::{ABILITIES, FORMATS, MANIPULATIONS};
use mmevol::instruction::{DetectedObject, Instruction, Step};

pub struct Corpus {
    items: Vec<Instruction>,
    pictures: Vec<Picture>,
}

/// What a seed says of its image.
pub struct Picture {
    pub source_id: String,
    pub caption: Option<String>,
    pub objects: Vec<DetectedObject>,
}

impl Corpus {
    pub fn read(path: &Path) -> Corpus {
        let records = read_seeds(path, Format::Mmevol).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
        let mut corpus = Corpus { items: Vec::new(), pictures: Vec::new() };
        for record in records {
            let Ok(sample) = record.unwrap().sample else { continue };
            corpus.items.extend(sample.rounds.into_iter().flatten().map(|item| item.instruction));
            let source_id = sample.source_id.unwrap_or_default();
            corpus.pictures.push(Picture { source_id, caption: sample.caption, objects: sample.objects });
        }
        corpus
    }

    pub fn picture(&self, number: usize) -> &Picture {
        &self.pictures[number % self.pictures.len()]
    }

    /// A seed item as it stands.
    pub fn seed(&self, dice: &mut Dice) -> Instruction {
        dice.pick(&self.items).clone()
    }

    /// An item that is longer than its parent, as rewritten ones are: the sentences of two seed items, with steps and skills.
    pub fn rewritten(&self, dice: &mut Dice, operator: &str, item: i64) -> Instruction {
        let (first, second) = (dice.pick(&self.items), dice.pick(&self.items));
        let picture = dice.pick(&self.pictures);
        let steps = (0..1 + dice.below(4))
            .map(|number| Step { manipulation: format!("{}_{}", dice.pick(&MANIPULATIONS), number + 1), description: self.step(dice) });
        let steps = steps.collect();
        let format = if operator == "interaction" { *dice.pick(&FORMATS[3..]) } else { FORMATS[0] };
        Instruction {
            item: Some(item),
            image_position: Some("single".to_owned()),
            objects: picture.objects.iter().take(1 + dice.below(3)).map(|object| object.label.clone()).collect(),
            skills: (0..1 + dice.below(3)).map(|_| (*dice.pick(&ABILITIES)).to_owned()).collect(),
            format: format.to_owned(),
            question: format!("{} {}", first.question, second.question),
            steps,
            answer: format!("{} {}", first.answer, first_sentence(&second.answer)),
        }
    }

    fn step(&self, dice: &mut Dice) -> String {
        first_sentence(&dice.pick(&self.items).answer).to_owned()
    }
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

/// A picture of a kilobyte: what differs between images is a comment in the file.
pub fn small_jpeg() -> Vec<u8> {
    let picture = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([(4 * x) as u8, (4 * y) as u8, (2 * (x + y)) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// Numbers that depend on a sample and a round alone (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(sample: usize, round: usize) -> Dice {
        Dice(((sample as u64) << 8) | round as u64)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit as u64) as usize
    }

    pub fn chance(&mut self, share: f64) -> bool {
        ((self.roll() >> 11) as f64) < share * (1u64 << 53) as f64
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}
