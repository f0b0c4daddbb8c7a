//! Chat messages: `{messages: [{role, content}], images: [...]}`, as OpenAI, Hugging Face and LLaMA-Factory write them.

use std::path::Path;

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::detect::{Format, FormatError, lacks, take_turns};
use super::export::{DatasetWriter, ExportSample, JsonFile};
use super::json_records::fields::{Fields, fault, kind, read_sample, shown};
use super::llava::{IMAGE_TAG, ImagesShown, Speaker, SpokenTurn, items, refuse_other_media};
use super::{RecordFault, SeedImage, SeedSample};

/// Base64 as data URLs have it; the padding may be missing.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
/// How JPEG, PNG, GIF and WebP files begin as base64.
const IMAGES_IN_BASE64: [&str; 4] = ["/9j/", "iVBOR", "R0lGOD", "UklGR"];
/// A GIF of one pixel takes some 50 characters. What is shorter, or no base64 after all, may be a path.
const SHORTEST_IN_BASE64: usize = 48;

/// Reads one record. Each user message and the answer to it make one item; system messages are dropped, image tags treated as in LLaVA's format.
///
/// Messages may also be called `conversations` and have `from`/`value` turns (ShareGPT). Images stand in content parts
/// (`image_url`, `image`; data URLs and base64 become bytes), in `images` or in `image`; an object there has a `path`, a `url`, or `bytes` in base64.
/// A part between texts becomes `image 1`, as a tag does.
///
/// # Errors
/// A fault that names the message, if there is no image, more image tags than images, an image on the web, a video or sound, no conversation,
/// or messages that do not alternate or end without an answer.
pub fn sample(record: &RawValue) -> Result<SeedSample, RecordFault> {
    read_sample(Fields::of_record(record)?, |mut fields| {
        let images = images_beside(&mut fields)?;
        sample_of(fields, images)
    })
}

/// Reads the messages of a record whose `images` stand beside them.
pub(super) fn sample_of(mut fields: Fields, images: Vec<SeedImage>) -> Result<SeedSample, RecordFault> {
    refuse_other_media(&mut fields)?;
    let key = ["messages", "conversations"].into_iter().find(|key| fields.keys().iter().any(|known| known == key)).unwrap_or("messages");
    let values = take_turns(&mut fields, key, Format::Messages)?;
    // LLaVA's records have this name for them, in Parquet files too.
    let shown = if key == "conversations" { ImagesShown::of(images.len()) } else { ImagesShown::default() };
    let mut contents = Contents { images: Vec::new(), shown };
    let mut turns = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        turns.extend(spoken(value, format!("{key}[{index}]"), &mut contents)?);
    }
    let Contents { images: mut all_images, shown } = contents;
    all_images.extend(images);
    if all_images.is_empty() {
        return Err(fault(format!("no image: {}", lacks(Format::Messages, "images", fields.keys()))));
    }
    shown.expect_at_most(all_images.len())?;
    let items = items(turns, all_images.len())?;
    Ok(SeedSample { images: all_images, rounds: vec![items], ..SeedSample::default() })
}

/// What the contents of the messages read so far show beside text.
struct Contents {
    images: Vec<SeedImage>,
    /// Places where an image is shown: tags in the text, and content parts.
    shown: ImagesShown,
}

/// Reads one message; `None` if it is the system's.
fn spoken(value: Value, place: String, contents: &mut Contents) -> Result<Option<SpokenTurn>, RecordFault> {
    let mut fields = Fields::of_value(value, place.clone())?;
    let [role, content] = if fields.keys().iter().any(|key| key == "from") { ["from", "value"] } else { ["role", "content"] };
    let speaker = Speaker::of_name(&fields.filled_text(role)?, &place)?;
    if speaker == Speaker::System {
        return Ok(None);
    }
    let place_of_content = fields.place_of(content);
    let text = match fields.take(content) {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => text_of_parts(parts, &place_of_content, speaker, contents)?,
        other => return Err(fields.unexpected(content, &other.unwrap_or(Value::Null), "text or a list of parts")),
    };
    Ok(Some(SpokenTurn::new(speaker, &text, place, &mut contents.shown)))
}

/// The texts of content parts, one a line. An image that a human shows has its tag in the line of the texts around it: on a line of its own, a tag
/// would not say which image is meant there.
fn text_of_parts(parts: Vec<Value>, place: &str, speaker: Speaker, contents: &mut Contents) -> Result<String, RecordFault> {
    let mut text = String::new();
    let mut follows_tag = false;
    for (index, part) in parts.into_iter().enumerate() {
        let part = part_text(part, format!("{place}[{index}]"), contents)?;
        let is_tag = part.is_none() && speaker == Speaker::Human;
        match part {
            Some(part) if follows_tag => {
                text.push(' ');
                text.push_str(part.trim_start());
            }
            Some(part) => {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&part);
            }
            None if is_tag => {
                if !text.is_empty() && !text.ends_with(char::is_whitespace) {
                    text.push(' ');
                }
                text.push_str(IMAGE_TAG);
            }
            None => contents.shown.add(1),
        }
        follows_tag = is_tag;
    }
    Ok(text)
}

/// The text of a content part; `None` for an image part, whose image goes to `contents`.
fn part_text(part: Value, place: String, contents: &mut Contents) -> Result<Option<String>, RecordFault> {
    let mut fields = match part {
        Value::String(text) => return Ok(Some(text)),
        part => Fields::of_value(part, place.clone())?,
    };
    match fields.filled_text("type")?.as_str() {
        "text" => Ok(Some(fields.text("text")?.unwrap_or_default())),
        "image_url" | "image" => {
            let image = ["image_url", "image", "path", "url"].into_iter().find_map(|key| fields.take(key));
            contents.images.extend(image.map(|image| image_of(image, &place)).transpose()?);
            Ok(None)
        }
        other => Err(fault(format!("{place} is of type '{other:.40}', expected text, image_url or image"))),
    }
}

/// The images in the `images` and `image` fields.
fn images_beside(fields: &mut Fields) -> Result<Vec<SeedImage>, RecordFault> {
    let mut images = Vec::new();
    for key in ["images", "image"] {
        let values = match fields.take(key) {
            None => continue,
            Some(Value::Array(values)) => values,
            Some(single) => vec![single],
        };
        for (index, value) in values.into_iter().enumerate() {
            images.push(image_of(value, &format!("{key}[{index}]"))?);
        }
    }
    Ok(images)
}

/// An image given as text, or as an object with its path or URL, or with its bytes in base64, of which the path is then the name.
fn image_of(value: Value, place: &str) -> Result<SeedImage, RecordFault> {
    let mut object = match value {
        Value::String(text) => return image_of_text(text, place),
        Value::Object(object) => object,
        other => return Err(fault(format!("{place} is {}, expected the path of an image", kind(&other)))),
    };
    let mut take = |key: &str| object.remove(key).filter(|value| !value.is_null());
    match take("bytes") {
        Some(Value::String(encoded)) => {
            let bytes = decoded(&encoded).map_err(|error| fault(format!("{place}.bytes holds broken base64: {error}")))?;
            let name = take("path").and_then(|path| path.as_str().map(str::to_owned));
            return Ok(SeedImage::Bytes { bytes: bytes.into(), name });
        }
        Some(other) => return Err(fault(format!("{place}.bytes is {}, expected base64", kind(&other)))),
        None => {}
    }
    match ["url", "path", "image"].into_iter().find_map(take) {
        Some(Value::String(text)) => image_of_text(text, place),
        _ => Err(fault(format!("{place} names no image: expected a path or a data URL"))),
    }
}

/// An image given as a path, a data URL, or mere base64.
pub(super) fn image_of_text(text: String, place: &str) -> Result<SeedImage, RecordFault> {
    if text.trim().is_empty() {
        return Err(fault(format!("{place} holds an empty path")));
    }
    if let Some(data) = text.strip_prefix("data:") {
        let Some((_, encoded)) = data.split_once(";base64,") else {
            return Err(fault(format!("{place} is a data URL without base64: expected data:image/...;base64,...")));
        };
        let bytes = decoded(encoded).map_err(|error| fault(format!("{place} is a data URL with broken base64: {error}")))?;
        return Ok(SeedImage::Bytes { bytes: bytes.into(), name: None });
    }
    if let Some(bytes) = image_in_base64(&text) {
        return Ok(SeedImage::Bytes { bytes: bytes.into(), name: None });
    }
    if is_address(&text) {
        let way_out = match text.starts_with("file://") {
            true => "give the file's path inside the folder of images instead",
            false => "download the image first and give its path",
        };
        let address = shown(&Value::String(text));
        return Err(fault(format!("{place} is the address {address}: {way_out}")));
    }
    Ok(SeedImage::Path(text))
}

/// Whether the text begins with a scheme (RFC 3986, 3.1) and `://`, which may also stand inside a path.
fn is_address(text: &str) -> bool {
    let Some((scheme, _)) = text.trim_start().split_once("://") else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.'))
}

/// The bytes whose base64 the text is, in one line or in several.
fn decoded(encoded: &str) -> Result<Vec<u8>, DecodeError> {
    BASE64.decode(encoded.split_ascii_whitespace().collect::<String>())
}

/// The image whose base64 the text is; `None` if it is none.
fn image_in_base64(text: &str) -> Option<Vec<u8>> {
    let encoded = text.trim();
    if encoded.len() < SHORTEST_IN_BASE64 || !IMAGES_IN_BASE64.iter().any(|beginning| encoded.starts_with(beginning)) {
        return None;
    }
    decoded(encoded).ok()
}

/// Writes JSONL of `messages` with a tag for each image in the first of them, and the paths in `images`.
///
/// A sample without items is left out; so is what the format has no place for (boxes, caption, rounds, lineage).
#[derive(Debug)]
pub struct MessagesWriter {
    file: JsonFile,
}

impl MessagesWriter {
    /// Begins a file that takes the name `path` when it is finished.
    ///
    /// # Errors
    /// If no file can be made in the folder of `path`, or `path` is a directory.
    pub fn create(path: &Path) -> Result<Self, FormatError> {
        Ok(MessagesWriter { file: JsonFile::lines(path)? })
    }
}

impl DatasetWriter for MessagesWriter {
    fn write(&mut self, sample: &ExportSample) -> Result<(), FormatError> {
        if sample.instructions.is_empty() {
            return Ok(());
        }
        let message = |role, content| Message { role, content };
        let turns = sample.turns();
        let messages = turns.flat_map(|(question, answer)| [message("user", question), message("assistant", answer)]);
        let images = sample.image_paths().collect();
        self.file.write(&Record { id: sample.key(), messages: messages.collect(), images })
    }

    fn finish(self: Box<Self>) -> Result<u64, FormatError> {
        self.file.finish()
    }
}

#[derive(Serialize)]
struct Record<'a> {
    id: &'a str,
    messages: Vec<Message>,
    images: Vec<&'a str>,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: String,
}
