//! LLaVA's training format: `{id, image, conversations: [{from: "human"|"gpt", value}, ...]}`.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::detect::{Format, FormatError, lacks, take_turns};
use super::export::{DatasetWriter, ExportSample, ImageField, JsonFile, Turn, image_field};
use super::json_records::fields::{Fields, fault, read_sample};
use super::mmevol::{PLAIN_FORMAT, SINGLE_IMAGE, image_paths};
use super::{RecordFault, SeedItem, SeedSample};
use crate::instruction::Instruction;

/// Stands in a text where an image is shown.
pub(super) const IMAGE_TAG: &str = "<image>";

/// Reads one record. Each human turn and the answer to it make one item; image tags are taken out, a leading system turn is dropped.
///
/// # Errors
/// A fault that names the turn, if there is no image, no conversation, or turns that do not alternate or end without an answer.
pub fn sample(record: &RawValue) -> Result<SeedSample, RecordFault> {
    const KEY: &str = "conversations";
    read_sample(Fields::of_record(record)?, |mut fields| {
        let values = take_turns(&mut fields, KEY, Format::Llava)?;
        let mut turns =
            values.into_iter().enumerate().map(|(index, value)| spoken(value, format!("{KEY}[{index}]"))).collect::<Result<Vec<_>, _>>()?;
        if turns.first().is_some_and(|turn| turn.speaker == Speaker::System) {
            turns.remove(0);
        }
        let items = items(turns)?;
        if !fields.keys().iter().any(|key| key == "image") {
            return Err(fault(format!("no image: {}", lacks(Format::Llava, "image", fields.keys()))));
        }
        Ok(SeedSample { images: image_paths(&mut fields, "image")?, rounds: vec![items], ..SeedSample::default() })
    })
}

fn spoken(value: Value, place: String) -> Result<SpokenTurn, RecordFault> {
    let mut fields = Fields::of_value(value, place.clone())?;
    let speaker = Speaker::of_name(&fields.filled_text("from")?, &place)?;
    let text = fields.required_text("value")?;
    Ok(SpokenTurn { speaker, text: without_image_tags(&text), place })
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
        match name {
            "human" | "user" => Ok(Speaker::Human),
            "gpt" | "assistant" => Ok(Speaker::Model),
            "system" => Ok(Speaker::System),
            other => Err(fault(format!("{place} is spoken by '{other:.40}', expected human, user, gpt, assistant or system"))),
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
    /// Without image tags.
    pub text: String,
    pub place: String,
}

/// Pairs each human turn with the answer that follows it.
pub(super) fn items(turns: Vec<SpokenTurn>) -> Result<Vec<SeedItem>, RecordFault> {
    let mut items = Vec::with_capacity(turns.len() / 2);
    let mut turns = turns.into_iter();
    while let Some(question) = turns.next() {
        expect_speaker(&question, Speaker::Human)?;
        let Some(answer) = turns.next() else {
            return Err(fault(format!("{} has no answer: the conversation ends with a human turn", question.place)));
        };
        expect_speaker(&answer, Speaker::Model)?;
        items.push(plain_item(question.text, answer.text));
    }
    if items.is_empty() { Err(fault("no conversation: there is no question and answer")) } else { Ok(items) }
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
    SeedItem { instruction, score: None }
}

fn expect_speaker(turn: &SpokenTurn, expected: Speaker) -> Result<(), RecordFault> {
    if turn.speaker != expected {
        let (found, expected) = (turn.speaker.name(), expected.name());
        return Err(fault(format!("{} is a {found} turn where a {expected} turn must stand: questions and answers alternate", turn.place)));
    }
    Ok(())
}

/// The text without its image tags and the white space around it.
pub(super) fn without_image_tags(text: &str) -> String {
    text.replace(IMAGE_TAG, "").trim().to_owned()
}

/// The question with a tag for each image before it.
pub(super) fn with_image_tags(question: &str, images: usize) -> String {
    format!("{}{}", format!("{IMAGE_TAG}\n").repeat(images), without_image_tags(question))
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
        let questions: Vec<String> = sample.questions_with_tags().collect();
        let answers = sample.instructions.iter().map(|exported| exported.instruction.answer.as_str());
        let conversations =
            questions.iter().zip(answers).flat_map(|(question, answer)| [Turn::human(question), Turn::model(answer)]).collect();
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
