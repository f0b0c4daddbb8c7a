//! LLaVA's training format: `{id, image, conversations: [{from: "human"|"gpt", value}, ...]}`.

use std::ops::RangeInclusive;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::detect::{Format, FormatError, lacks, take_turns};
use super::export::{DatasetWriter, ExportSample, ImageField, JsonFile, Turn, image_field};
use super::json_records::fields::{Fields, fault, kind, read_sample};
use super::mmevol::{PLAIN_FORMAT, SINGLE_IMAGE, image_paths};
use super::{RecordFault, SeedItem, SeedSample};
use crate::instruction::Instruction;

/// Stands in a text where an image is shown.
pub(super) const IMAGE_TAG: &str = "<image>";
/// What stands where some programs show anything else, and what is meant.
const TAGS: [(&str, &str); 3] = [(IMAGE_TAG, "image"), ("<video>", "video"), ("<audio>", "audio")];
/// Fields of what is no image, as LLaVA's and LLaMA-Factory's records have them.
const OTHER_MEDIA: [&str; 4] = ["video", "videos", "audio", "audios"];

/// Reads one record. Each human turn and the answer to it make one item; a leading system turn is dropped. Image tags before and after the
/// text of a human turn, or on lines of their own, are taken out; one inside the text becomes `image 1`, counted through the record. A turn that
/// shows some images of the record and not all names them before its text: `Image 2: What is this?`. Of a record with one image, all tags show
/// that one.
///
/// # Errors
/// A fault that names the turn, if there is no image, one on the web, a video or sound, no conversation, several images but more tags than these,
/// or turns that do not alternate or end without an answer.
pub fn sample(record: &RawValue) -> Result<SeedSample, RecordFault> {
    const KEY: &str = "conversations";
    read_sample(Fields::of_record(record)?, |mut fields| {
        refuse_other_media(&mut fields)?;
        let values = take_turns(&mut fields, KEY, Format::Llava)?;
        if !fields.keys().iter().any(|key| key == "image") {
            return Err(fault(format!("no image: {}", lacks(Format::Llava, "image", fields.keys()))));
        }
        let images = image_paths(&mut fields, "image")?;
        let mut shown = ImagesShown::of(images.len());
        let spoken = |(index, value)| spoken(value, format!("{KEY}[{index}]"), &mut shown);
        let mut turns = values.into_iter().enumerate().map(spoken).collect::<Result<Vec<_>, _>>()?;
        if turns.first().is_some_and(|turn| turn.speaker == Speaker::System) {
            turns.remove(0);
        }
        let items = items(turns, images.len())?;
        shown.expect_at_most(images.len())?;
        Ok(SeedSample { images, rounds: vec![items], ..SeedSample::default() })
    })
}

/// A fault if the record has a video or a sound: without it, its questions would be about nothing.
pub(super) fn refuse_other_media(fields: &mut Fields) -> Result<(), RecordFault> {
    for key in OTHER_MEDIA {
        match fields.take(key) {
            None => {}
            Some(Value::Array(values)) if values.is_empty() => {}
            Some(Value::String(text)) if text.trim().is_empty() => {}
            Some(value) => {
                return Err(fault(format!("{key} holds {}: mmevol holds images only. Leave such records out", kind(&value))));
            }
        }
    }
    Ok(())
}

fn spoken(value: Value, place: String, shown: &mut ImagesShown) -> Result<SpokenTurn, RecordFault> {
    let mut fields = Fields::of_value(value, place.clone())?;
    let speaker = Speaker::of_name(&fields.filled_text("from")?, &place)?;
    let text = fields.required_text("value")?;
    Ok(SpokenTurn::new(speaker, &text, place, shown))
}

/// Who speaks a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    System,
    Human,
    Model,
}

impl Speaker {
    /// The speaker by any of the names in use.
    pub fn of_name(name: &str, place: &str) -> Result<Self, RecordFault> {
        match name.to_ascii_lowercase().as_str() {
            "human" | "user" => Ok(Speaker::Human),
            "gpt" | "assistant" => Ok(Speaker::Model),
            "system" | "developer" => Ok(Speaker::System),
            _ => Err(fault(format!("{place} is spoken by '{name:.40}', expected human, user, gpt, assistant or system"))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Speaker::System => "system",
            Speaker::Human => "human",
            Speaker::Model => "model",
        }
    }
}

/// A turn of a conversation, with its place in the record for messages.
#[derive(Debug)]
pub(super) struct SpokenTurn {
    pub speaker: Speaker,
    /// A human turn's without image tags.
    pub text: String,
    pub place: String,
    /// How many images a human turn shows.
    shows: usize,
    /// The numbers of those that its text does not speak of by number.
    unnamed: Vec<usize>,
}

impl SpokenTurn {
    /// A turn as its file has it. The images it shows are added to those that the record has `shown` so far.
    pub fn new(speaker: Speaker, text: &str, place: String, shown: &mut ImagesShown) -> SpokenTurn {
        let before = shown.count;
        let (text, unnamed) = match speaker {
            Speaker::Human => without_image_tags(text, shown),
            // No image is shown in an answer: what looks like a tag is what it speaks of.
            Speaker::System | Speaker::Model => (text.trim().to_owned(), Vec::new()),
        };
        SpokenTurn { speaker, text, place, shows: shown.count - before, unnamed }
    }

    /// The text in a record of this many images, which are those of all its turns: where this turn shows only some, it says which.
    fn text_among(self, images: usize) -> String {
        let numbers: Vec<String> = self.unnamed.iter().map(usize::to_string).collect();
        let names = match numbers.split_last() {
            Some((last, others)) if self.shows < images => match others {
                [] => format!("Image {last}"),
                others => format!("Images {} and {last}", others.join(", ")),
            },
            _ => return self.text,
        };
        if self.text.is_empty() { names } else { format!("{names}: {}", self.text) }
    }
}

/// Pairs each human turn with the answer that follows it, in a record of this many images.
pub(super) fn items(turns: Vec<SpokenTurn>, images: usize) -> Result<Vec<SeedItem>, RecordFault> {
    let mut items = Vec::with_capacity(turns.len() / 2);
    let mut turns = turns.into_iter();
    while let Some(question) = turns.next() {
        expect_speaker(&question, Speaker::Human)?;
        let Some(answer) = turns.next() else {
            return Err(fault(format!("{} has no answer: the conversation ends with a human turn", question.place)));
        };
        expect_speaker(&answer, Speaker::Model)?;
        items.push(plain_item(question.text_among(images), answer.text));
    }
    if items.is_empty() { Err(fault("no conversation: there is no question and answer")) } else { Ok(items) }
}

/// Counts the images that a record shows, one after the other.
#[derive(Debug, Default)]
pub(super) struct ImagesShown {
    count: usize,
    /// Every tag shows the record's only image: LLaVA takes the tags of a turn for one, and files say `<image>` in later turns, too.
    is_single: bool,
}

impl ImagesShown {
    /// For a record with this many images. By default, each tag shows another one.
    pub fn of(images: usize) -> ImagesShown {
        ImagesShown { count: 0, is_single: images == 1 }
    }

    /// Adds places where an image is shown.
    pub fn add(&mut self, places: usize) {
        self.count += places;
        if self.is_single {
            self.count = self.count.min(1);
        }
    }

    /// Does the same, and tells the numbers of the images.
    fn add_numbered(&mut self, places: usize) -> RangeInclusive<usize> {
        let before = self.count;
        self.add(places);
        before + 1..=self.count
    }

    /// A fault where the record has fewer images than it shows: which of them is meant cannot be told.
    pub fn expect_at_most(&self, images: usize) -> Result<(), RecordFault> {
        match self.count > images {
            true => Err(fault(format!("the texts show {} images, but the record has {images}", self.count))),
            false => Ok(()),
        }
    }
}

/// An item of which only question and answer are known.
pub(super) fn plain_item(question: String, answer: String) -> SeedItem {
    let instruction = Instruction {
        image_position: Some(SINGLE_IMAGE.to_owned()),
        format: PLAIN_FORMAT.to_owned(),
        question,
        answer,
        ..Instruction::default()
    };
    SeedItem { instruction, ..SeedItem::default() }
}

fn expect_speaker(turn: &SpokenTurn, expected: Speaker) -> Result<(), RecordFault> {
    if turn.speaker != expected {
        let (found, expected) = (turn.speaker.name(), expected.name());
        return Err(fault(format!("{} is a {found} turn where a {expected} turn must stand: questions and answers alternate", turn.place)));
    }
    Ok(())
}

/// The text without the white space around it, and without tags that say no more than that there are images: on lines of their own, and before or
/// after the text. Where one stands inside the text, it says which image is meant, and those become their numbers. With it come the numbers of the
/// images whose tags left nothing in the text.
fn without_image_tags(text: &str, shown: &mut ImagesShown) -> (String, Vec<usize>) {
    let only_shows = |line: &str| line.contains(IMAGE_TAG) && line.replace(IMAGE_TAG, "").trim().is_empty();
    let bare = without_tags_around(text);
    if !bare.lines().any(|line| line.contains(IMAGE_TAG) && !only_shows(line)) {
        let unnamed = shown.add_numbered(text.matches(IMAGE_TAG).count()).collect();
        return (bare.split_inclusive('\n').filter(|line| !line.contains(IMAGE_TAG)).collect(), unnamed);
    }
    let (mut plain, mut unnamed) = (String::with_capacity(text.len()), Vec::new());
    for line in text.trim().split_inclusive('\n') {
        let mut parts = line.split(IMAGE_TAG);
        if only_shows(line) {
            unnamed.extend(shown.add_numbered(parts.count() - 1));
            continue;
        }
        plain.push_str(parts.next().unwrap_or_default());
        for part in parts {
            shown.add(1);
            plain.push_str(&format!("image {}", shown.count));
            plain.push_str(part);
        }
    }
    (plain.trim().to_owned(), unnamed)
}

fn without_tags_around(mut text: &str) -> &str {
    loop {
        let shorter = text.trim().trim_start_matches(IMAGE_TAG).trim_end_matches(IMAGE_TAG);
        if shorter.len() == text.len() {
            return text;
        }
        text = shorter;
    }
}

/// The question with a tag for each image before it.
pub(super) fn with_image_tags(question: &str, images: usize) -> String {
    format!("{}{}", format!("{IMAGE_TAG}\n").repeat(images), untagged(question))
}

/// A text that shows nothing: who reads the export takes each tag for an image, a video or a sound.
pub(super) fn untagged(text: &str) -> String {
    TAGS.iter().fold(text.to_owned(), |text, (tag, word)| text.replace(*tag, word))
}

/// Writes a JSON list of conversations: the items of a sample as turns, in the order given.
///
/// A sample without items is left out; so is what the format has no place for (boxes, caption, rounds, lineage).
#[derive(Debug)]
pub struct LlavaWriter {
    file: JsonFile,
}

impl LlavaWriter {
    /// Begins a file that takes the name `path` when it is finished.
    ///
    /// # Errors
    /// If no file can be made in the folder of `path`, or `path` is a directory.
    pub fn create(path: &Path) -> Result<Self, FormatError> {
        Ok(LlavaWriter { file: JsonFile::list(path)? })
    }
}

impl DatasetWriter for LlavaWriter {
    fn write(&mut self, sample: &ExportSample) -> Result<(), FormatError> {
        if sample.instructions.is_empty() {
            return Ok(());
        }
        let (questions, answers): (Vec<String>, Vec<String>) = sample.turns().unzip();
        let turns = questions.iter().zip(&answers);
        let conversations = turns.flat_map(|(question, answer)| [Turn::human(question), Turn::model(answer)]).collect();
        self.file.write(&Record { id: sample.key(), image: image_field(sample), conversations })
    }

    fn finish(self: Box<Self>) -> Result<u64, FormatError> {
        self.file.finish()
    }
}

#[derive(Serialize)]
struct Record<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "ImageField::is_empty")]
    image: ImageField<'a>,
    conversations: Vec<Turn<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_only_show_images_go_and_those_that_name_them_become_numbers() {
        for (text, plain, shown, unnamed) in [
            ("<image>\nWhat is this?", "What is this?", 1, vec![1]),
            ("What is this? <image> <image>", "What is this?", 2, vec![1, 2]),
            ("Compare these:\n<image>\n<image>\nWhich is older?", "Compare these:\nWhich is older?", 2, vec![1, 2]),
            ("<image>\n<image>\nIs <image> older than <image>?", "Is image 3 older than image 4?", 4, vec![1, 2]),
            ("<image> or <image>?", "image 1 or image 2?", 2, vec![]),
            (" Look at <image>, then answer. ", "Look at image 1, then answer.", 1, vec![]),
            ("<image>", "", 1, vec![1]),
            ("No image here.\n\nReally.", "No image here.\n\nReally.", 0, vec![]),
        ] {
            let mut counted = ImagesShown::default();
            assert_eq!((without_image_tags(text, &mut counted), counted.count), ((plain.to_owned(), unnamed), shown), "{text}");
        }
        let answer = SpokenTurn::new(Speaker::Model, "Use the <image> tag.", String::new(), &mut ImagesShown::default());
        assert_eq!((answer.text.as_str(), untagged(&answer.text).as_str()), ("Use the <image> tag.", "Use the image tag."));
        assert_eq!(untagged("<video> with <audio>, <b>"), "video with audio, <b>");
    }

    #[test]
    fn a_turn_that_shows_some_images_of_its_record_names_them() {
        let among = |text: &str, images: usize| {
            let mut shown = ImagesShown::of(images);
            SpokenTurn::new(Speaker::Human, text, String::new(), &mut shown).text_among(images)
        };
        let two = "<image><image>Which is older?";
        assert_eq!([1, 2].map(|images| among("<image>\nWhat is this?", images)), ["What is this?", "Image 1: What is this?"]);
        assert_eq!([2, 3].map(|images| among(two, images)), ["Which is older?", "Images 1 and 2: Which is older?"]);
        assert_eq!(among("<image>\n<image>\n<image>", 4), "Images 1, 2 and 3");
        assert_eq!(among("<image>\nIs it like <image>?", 3), "Image 1: Is it like image 2?");
        assert_eq!(among("Nothing is shown.", 2), "Nothing is shown.");
    }
}
