//! OpenAI's fine-tuning format: JSONL of `messages` with the images inside, as data URLs.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::detect::FormatError;
use super::export::{DatasetWriter, ExportImage, ExportSample, JsonFile};
use super::llava::untagged;

/// What fine-tuning takes, by <https://platform.openai.com/docs/guides/vision-fine-tuning>; its images "must be in the RGB or RGBA image mode".
pub(super) const ACCEPTED: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

/// Writes one line per sample, its items as turns; the first user turn shows the images.
///
/// Answers are lists of one part, as fine-tuning takes them too: readers of tables want one type for all contents.
/// An image without bytes is written as its path, which only local tools can read. The format allows no keys beside
/// `messages`, so that a line does not say which sample it is. A sample without items is left out.
#[derive(Debug)]
pub struct OpenAiWriter {
    file: JsonFile,
}

impl OpenAiWriter {
    /// Begins a file that takes the name `path` when it is finished.
    ///
    /// # Errors
    /// If no file can be made in the folder of `path`, or `path` is a directory.
    pub fn create(path: &Path) -> Result<Self, FormatError> {
        Ok(OpenAiWriter { file: JsonFile::lines(path)? })
    }
}

impl DatasetWriter for OpenAiWriter {
    fn write(&mut self, sample: &ExportSample) -> Result<(), FormatError> {
        if sample.instructions.is_empty() {
            return Ok(());
        }
        let mut messages = Vec::with_capacity(sample.instructions.len() * 2);
        for (index, exported) in sample.instructions.iter().enumerate() {
            let mut content = vec![Part::Text { text: untagged(&exported.instruction.question) }];
            if index == 0 {
                let urls = sample.images.iter().map(image_url).chain(sample.missing_images.iter().cloned());
                content.extend(urls.map(|url| Part::ImageUrl { image_url: ImageUrl { url } }));
            }
            messages.push(Message::User { content });
            messages.push(Message::Assistant { content: vec![Part::Text { text: untagged(&exported.instruction.answer) }] });
        }
        self.file.write(&Record { messages })
    }

    fn finish(self: Box<Self>) -> Result<u64, FormatError> {
        self.file.finish()
    }
}

fn image_url(image: &ExportImage) -> String {
    match &image.bytes {
        Some(bytes) => format!("data:{};base64,{}", image.media_type, STANDARD.encode(bytes)),
        None => image.path().to_owned(),
    }
}

#[derive(Serialize)]
struct Record {
    messages: Vec<Message>,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Message {
    User { content: Vec<Part> },
    Assistant { content: Vec<Part> },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Serialize)]
struct ImageUrl {
    url: String,
}
