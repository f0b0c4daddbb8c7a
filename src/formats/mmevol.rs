//! The reference's own format: a JSON list of samples with `conversations_v0`, the finished rounds beside it, caption and boxes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::detect::{Format, FormatError, take_list};
use super::export::{DatasetWriter, ExportInstruction, ExportSample, JsonFile, Turn, image_field};
use super::json_records::fields::{Fields, fault, kind, read_sample, shown};
use super::messages::image_of_text;
use super::{RecordFault, SeedImage, SeedItem, SeedSample};
use crate::instruction::{DetectedObject, Instruction, Step};

/// The format of an item that names none.
pub(super) const PLAIN_FORMAT: &str = "Norm";
/// The place of an item that is no corner of a mosaic.
pub(super) const SINGLE_IMAGE: &str = "single";
/// The highest round that is believed: `conversations_v999999999` is an error, not a billion rounds.
pub(super) const LAST_ROUND: usize = 1000;
/// How far a corner may lie outside the image by rounding; it is then put on the edge.
const EDGE_TOLERANCE: f64 = 1e-6;
const ROUND_PREFIX: &str = "conversations_v";

/// Reads one record.
///
/// Missing or null: `caption`, `det` and `topic_name` are then empty, an item's `objects`, `skills` and `steps` too, its
/// `format` is `Norm` and its `image_position` `single`. Question and answer must be there but may be empty. A step that is mere text becomes one without a manipulation.
///
/// # Errors
/// A fault that names the field, if there is no image, one on the web, no `conversations_v0`, no item in any round, an item without question or
/// answer, a box outside the image, or anything of the wrong type.
pub fn sample(record: &RawValue) -> Result<SeedSample, RecordFault> {
    read_sample(Fields::of_record(record)?, |mut fields| {
        let rounds = rounds(&mut fields)?;
        Ok(SeedSample {
            source_id: None,
            images: image_paths(&mut fields, "image")?,
            caption: caption(&mut fields)?,
            objects: boxes(&mut fields)?,
            topics: fields.texts("topic_name")?,
            rounds,
        })
    })
}

fn rounds(fields: &mut Fields) -> Result<Vec<Vec<SeedItem>>, RecordFault> {
    let seeds = take_list(fields, "conversations_v0", Format::Mmevol)?;
    let mut rounds = vec![items(seeds, "conversations_v0")?];
    for key in fields.keys().to_vec() {
        let Some(round) = round_of_key(&key)? else { continue };
        let items = items(fields.list(&key)?, &key)?;
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Vec::new);
        }
        if let Some(slot) = rounds.get_mut(round) {
            *slot = items;
        }
    }
    // An export of one round leaves the others empty.
    if rounds.iter().all(Vec::is_empty) {
        return Err(fault("no conversation: conversations_v0 is empty, and no later round has items"));
    }
    Ok(rounds)
}

/// The evolved round that a key holds.
fn round_of_key(key: &str) -> Result<Option<usize>, RecordFault> {
    let Some(number) = key.strip_prefix(ROUND_PREFIX).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())) else {
        return Ok(None);
    };
    if number.is_empty() || number.starts_with('0') {
        return Ok(None);
    }
    match number.parse::<usize>() {
        Ok(round) if round <= LAST_ROUND => Ok(Some(round)),
        _ => Err(fault(format!("{ROUND_PREFIX}{number:.20}: rounds above {LAST_ROUND} are not read"))),
    }
}

fn items(values: Vec<Value>, key: &str) -> Result<Vec<SeedItem>, RecordFault> {
    values.into_iter().enumerate().map(|(index, value)| item(Fields::of_value(value, format!("{key}[{index}]"))?)).collect()
}

/// Reads one item with all that the reference's items hold.
pub(super) fn item(mut fields: Fields) -> Result<SeedItem, RecordFault> {
    let instruction = Instruction {
        item: None,
        image_position: Some(fields.text("image_position")?.unwrap_or_else(|| SINGLE_IMAGE.to_owned())),
        objects: fields.texts("objects")?,
        skills: fields.texts("skills")?,
        format: fields.text("format")?.unwrap_or_else(|| PLAIN_FORMAT.to_owned()),
        question: fields.required_text("question")?,
        steps: steps(&mut fields)?,
        answer: fields.required_text("answer")?,
    };
    Ok(SeedItem { instruction, score: score(&mut fields)?, ..SeedItem::default() })
}

/// The judge's score of an item of a finished round, from 0 to 10; halves are rounded up, as in a judge's answer.
fn score(fields: &mut Fields) -> Result<Option<i64>, RecordFault> {
    let Some(value) = fields.take("score") else { return Ok(None) };
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    match number.filter(|number| (0.0..=10.0).contains(number)) {
        Some(number) => Ok(Some((number + 0.5).floor() as i64)),
        None => Err(fields.unexpected("score", &value, "a number from 0 to 10")),
    }
}

fn steps(fields: &mut Fields) -> Result<Vec<Step>, RecordFault> {
    const NO_CALL: &str = "None";
    let (place, values) = (fields.place_of("steps"), fields.list("steps")?);
    let read = |(index, value): (usize, Value)| match value {
        Value::String(description) => Ok(Step { manipulation: NO_CALL.to_owned(), description }),
        value => {
            let mut step = Fields::of_value(value, format!("{place}[{index}]"))?;
            Ok(Step {
                manipulation: step.text("manipulation")?.unwrap_or_else(|| NO_CALL.to_owned()),
                description: step.text("description")?.unwrap_or_default(),
            })
        }
    };
    values.into_iter().enumerate().map(read).collect()
}

/// The images at `key`: a path or a data URL, or a list of them.
pub(super) fn image_paths(fields: &mut Fields, key: &str) -> Result<Vec<SeedImage>, RecordFault> {
    let paths = fields.texts(key)?;
    if paths.is_empty() {
        return Err(fault(format!("no image: {} is missing or empty", fields.place_of(key))));
    }
    if paths.iter().any(|path| path.trim().is_empty()) {
        return Err(fault(format!("no image: {} holds an empty path", fields.place_of(key))));
    }
    let read = |(index, path)| image_of_text(path, &format!("{}[{index}]", fields.place_of(key)));
    paths.into_iter().enumerate().map(read).collect()
}

/// A caption is text, or two turns of which the second is the caption; `[]` is none.
pub(super) fn caption(fields: &mut Fields) -> Result<Option<String>, RecordFault> {
    let turns = match fields.take("caption") {
        None => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(text).filter(|text| !text.trim().is_empty())),
        Some(Value::Array(turns)) if turns.is_empty() => return Ok(None),
        Some(Value::Array(turns)) => turns,
        Some(other) => return Err(fields.unexpected("caption", &other, "text, [] or two turns")),
    };
    let of_model = |turn: &Value| turn.get("from").and_then(Value::as_str).is_some_and(|from| matches!(from, "gpt" | "assistant"));
    match turns.into_iter().filter(of_model).collect::<Vec<_>>().as_slice() {
        [turn] => match turn.get("value") {
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.trim().is_empty())),
            other => Err(fault(format!("the caption's gpt turn has {} for its value, expected text", kind(other.unwrap_or(&Value::Null))))),
        },
        turns => Err(fault(format!("the caption has {} gpt turns, expected text, [], or a human and a gpt turn", turns.len()))),
    }
}

/// The boxes in `det`, checked.
pub(super) fn boxes(fields: &mut Fields) -> Result<Vec<DetectedObject>, RecordFault> {
    fields.list("det")?.into_iter().enumerate().map(|(index, value)| detected_object(value, index)).collect()
}

fn detected_object(value: Value, index: usize) -> Result<DetectedObject, RecordFault> {
    let mut fields = Fields::of_value(value, format!("det[{index}]"))?;
    let label = fields.filled_text("label")?;
    let values = fields.take("bbox").unwrap_or(Value::Null);
    let bbox = bbox(&values).map_err(|cause| fault(format!("det[{index}] ({label:.60}): bbox {} {cause}", shown(&values))))?;
    let confidence = match fields.take("confidence") {
        None => None,
        Some(value) => Some(value.as_f64().ok_or_else(|| fields.unexpected("confidence", &value, "a number"))?),
    };
    Ok(DetectedObject { label, bbox, confidence })
}

fn bbox(values: &Value) -> Result<[f64; 4], &'static str> {
    let numbers: Vec<f64> = match values {
        Value::Array(values) => {
            values.iter().map(|value| value.as_f64().ok_or("holds something that is no number")).collect::<Result<_, _>>()?
        }
        _ => return Err("is no list of four numbers"),
    };
    let corners: [f64; 4] = numbers.try_into().map_err(|_| "does not have four numbers")?;
    if corners.iter().any(|corner| !(-EDGE_TOLERANCE..=1.0 + EDGE_TOLERANCE).contains(corner)) {
        return Err("leaves the image: corners are fractions between 0 and 1 (divide pixels by the image's width and height)");
    }
    let [left, top, right, bottom] = corners.map(|corner| corner.clamp(0.0, 1.0));
    if left > right || top > bottom {
        return Err("has its corners swapped: expected [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2");
    }
    Ok([left, top, right, bottom])
}

/// Writes the reference's output format: a JSON list, every sample kept, every round from 0 to its last one present, possibly as `[]`.
///
/// The format holds survivors only and says nothing of lineage: what is written is what is given. Read back, a sample needs items in some round.
#[derive(Debug)]
pub struct MmevolWriter {
    file: JsonFile,
}

impl MmevolWriter {
    /// Begins a file that takes the name `path` when it is finished.
    ///
    /// # Errors
    /// If no file can be made in the folder of `path`, or `path` is a directory.
    pub fn create(path: &Path) -> Result<Self, FormatError> {
        Ok(MmevolWriter { file: JsonFile::list(path)? })
    }
}

impl DatasetWriter for MmevolWriter {
    fn write(&mut self, sample: &ExportSample) -> Result<(), FormatError> {
        let mut rounds: BTreeMap<usize, Vec<ItemRecord>> = BTreeMap::from([(0, Vec::new())]);
        for exported in &sample.instructions {
            match usize::try_from(exported.round) {
                Ok(round) if round <= LAST_ROUND => rounds.entry(round).or_default().push(ItemRecord::new(exported)),
                _ => return Err(self.file.refuse(sample, format!("round {} is outside 0..{LAST_ROUND}", exported.round))),
            }
        }
        self.file.write(&SampleRecord { sample, rounds })
    }

    fn finish(self: Box<Self>) -> Result<u64, FormatError> {
        self.file.finish()
    }
}

struct SampleRecord<'a> {
    sample: &'a ExportSample,
    rounds: BTreeMap<usize, Vec<ItemRecord<'a>>>,
}

impl Serialize for SampleRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sample = self.sample;
        let mut record = serializer.serialize_map(None)?;
        record.serialize_entry("id", sample.key())?;
        record.serialize_entry("image", &image_field(sample))?;
        for round in 0..=self.rounds.last_key_value().map_or(0, |(last, _)| *last) {
            record.serialize_entry(&format!("{ROUND_PREFIX}{round}"), self.rounds.get(&round).map_or(&[] as &[_], Vec::as_slice))?;
        }
        record.serialize_entry("topic_name", &sample.topics)?;
        let caption = sample.caption.as_ref().map(|caption| [Turn::human("<image>\nDescribe the image."), Turn::model(caption)]);
        record.serialize_entry("caption", caption.as_ref().map_or(&[] as &[_], |turns| turns.as_slice()))?;
        record.serialize_entry("det", &sample.objects)?;
        record.serialize_entry("hash_id", sample.key())?;
        record.end()
    }
}

/// An item with the reference's keys, in its order.
#[derive(Serialize)]
struct ItemRecord<'a> {
    image_position: &'a str,
    objects: &'a [String],
    skills: &'a [String],
    format: &'a str,
    question: &'a str,
    steps: &'a [Step],
    answer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<i64>,
}

impl<'a> ItemRecord<'a> {
    fn new(exported: &'a ExportInstruction) -> Self {
        let instruction = &exported.instruction;
        ItemRecord {
            image_position: instruction.image_position.as_deref().unwrap_or(SINGLE_IMAGE),
            objects: &instruction.objects,
            skills: &instruction.skills,
            format: &instruction.format,
            question: &instruction.question,
            steps: &instruction.steps,
            answer: &instruction.answer,
            score: exported.score.filter(|_| exported.round > 0),
        }
    }
}
