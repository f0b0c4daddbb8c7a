//! What a dataset writer is given, and what the writers share.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytes::Bytes;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::detect::FormatError;
use super::llava::{LlavaWriter, untagged, with_image_tags};
use super::messages::MessagesWriter;
use super::mmevol::MmevolWriter;
use super::openai::{ACCEPTED, OpenAiWriter};
use super::parquet::ParquetWriter;
use super::target::{behind_links, folder_of};
use crate::instruction::{DetectedObject, Instruction};

/// One sample with the instructions to export.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExportSample {
    /// 32 hexadecimal digits.
    pub sample_id: String,
    /// The name of the import it came with.
    pub source: String,
    /// The seed file's own key of the sample.
    pub source_id: Option<String>,
    /// What the seed file says the image shows; `None` where it says nothing.
    pub caption: Option<String>,
    /// What is where in the image; empty where no boxes are known.
    pub objects: Vec<DetectedObject>,
    /// Labels of the seed file, in its order.
    pub topics: Vec<String>,
    /// In the order in which the items speak of them; empty for a sample without image, or an export without images.
    pub images: Vec<ExportImage>,
    /// The paths of images that were not found when the sample was imported.
    pub missing_images: Vec<String>,
    /// In the order in which they are written.
    pub instructions: Vec<ExportInstruction>,
}

impl ExportSample {
    /// The key of the sample in formats that have but one: the seed file's own where it had one.
    pub(super) fn key(&self) -> &str {
        self.source_id.as_deref().unwrap_or(&self.sample_id)
    }

    /// The path of each image: those that the store has, then those that were missing.
    pub(super) fn image_paths(&self) -> impl Iterator<Item = &str> {
        self.images.iter().map(ExportImage::path).chain(self.missing_images.iter().map(String::as_str))
    }

    /// Questions and answers, the first question with a tag for each image.
    pub(super) fn turns(&self) -> impl Iterator<Item = (String, String)> {
        let images = self.image_paths().count();
        let tags = move |index| if index == 0 { images } else { 0 };
        let items = self.instructions.iter().map(|exported| &exported.instruction).enumerate();
        items.map(move |(index, item)| (with_image_tags(&item.question, tags(index)), untagged(&item.answer)))
    }
}

/// An image of an exported sample.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExportImage {
    /// The blake3 hash of the file, 64 hexadecimal digits.
    pub image_id: String,
    /// The path the image was imported from, relative to its image folder.
    pub uri: String,
    /// Where the image was written beside the export, relative to it; `None` where none was written.
    pub file_name: Option<String>,
    /// Such as `image/jpeg`.
    pub media_type: String,
    /// The image itself, for formats that hold it.
    pub bytes: Option<Bytes>,
}

impl ExportImage {
    /// The path to write: of the file beside the export, else of the original.
    pub(super) fn path(&self) -> &str {
        self.file_name.as_deref().unwrap_or(&self.uri)
    }
}

/// An instruction of an exported sample, with its lineage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExportInstruction {
    /// 32 hexadecimal digits.
    pub instruction_id: String,
    /// The item it was made from; `None` for a seed and for an item whose parent is not known.
    pub parent_id: Option<String>,
    /// The seed at the start of its lineage; `None` where that is not known.
    pub root_id: Option<String>,
    /// 0 for a seed.
    pub round: i32,
    /// `seed`, an operator, or empty where the operator is not known.
    pub operator: String,
    /// Question, answer and what belongs to them.
    pub instruction: Instruction,
    /// The judge's verdict; `None` for a seed and for an item that was not judged.
    pub improved: Option<bool>,
    /// 0 to 10, by the judge; `None` where there is none.
    pub score: Option<i64>,
    /// As in `instructions.status`.
    pub status: String,
    /// The model that wrote it; `None` for a seed and for rounds that came finished.
    pub model: Option<String>,
}

/// Writes a dataset sample by sample. The file appears under its name only when it is finished; dropped before, nothing is left.
pub trait DatasetWriter: Send {
    /// Writes one sample; what it holds and the format does not is left out.
    ///
    /// # Errors
    /// If the file cannot be written, or the format cannot hold the sample. The export cannot be finished then.
    fn write(&mut self, sample: &ExportSample) -> Result<(), FormatError>;

    /// Ends the file, puts it in its place (replacing an older one) and returns how many records it holds.
    ///
    /// # Errors
    /// If the file cannot be written to its end or moved.
    fn finish(self: Box<Self>) -> Result<u64, FormatError>;
}

/// A format that datasets are exported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// JSON list of `conversations`, LLaVA's training format.
    Llava,
    /// JSONL of `messages` and `images`, as LLaMA-Factory reads it.
    Messages,
    /// JSONL for OpenAI's fine-tuning, images inside as data URLs.
    OpenAi,
    /// The reference's output format, with boxes, caption and rounds.
    Mmevol,
    /// One row per instruction with everything, images inside; Hugging Face `datasets` shows them.
    Parquet,
}

impl ExportFormat {
    /// Every format, in the order in which messages list them.
    pub const ALL: [ExportFormat; 5] =
        [ExportFormat::Llava, ExportFormat::Messages, ExportFormat::OpenAi, ExportFormat::Mmevol, ExportFormat::Parquet];

    /// The name in flags.
    pub fn name(self) -> &'static str {
        match self {
            ExportFormat::Llava => "llava",
            ExportFormat::Messages => "messages",
            ExportFormat::OpenAi => "openai",
            ExportFormat::Mmevol => "mmevol",
            ExportFormat::Parquet => "parquet",
        }
    }

    /// Whether the format holds the images themselves, so that [`ExportImage::bytes`] is wanted.
    pub fn holds_images(self) -> bool {
        matches!(self, ExportFormat::OpenAi | ExportFormat::Parquet)
    }

    /// Whether images of this media type stand in the format as they are; others become PNG.
    pub fn takes_image(self, media_type: &str) -> bool {
        self != ExportFormat::OpenAi || ACCEPTED.contains(&media_type)
    }

    /// Whether images must have red, green and blue of 8 bits; others become PNG.
    pub fn wants_rgb(self) -> bool {
        self == ExportFormat::OpenAi
    }

    /// Begins a file of this format.
    ///
    /// # Errors
    /// If no file can be made in the target's folder, or the target is a directory.
    pub fn create(self, path: &Path) -> Result<Box<dyn DatasetWriter>, FormatError> {
        Ok(match self {
            ExportFormat::Llava => Box::new(LlavaWriter::create(path)?),
            ExportFormat::Messages => Box::new(MessagesWriter::create(path)?),
            ExportFormat::OpenAi => Box::new(OpenAiWriter::create(path)?),
            ExportFormat::Mmevol => Box::new(MmevolWriter::create(path)?),
            ExportFormat::Parquet => Box::new(ParquetWriter::create(path)?),
        })
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ExportFormat {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = ExportFormat::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| FormatError::unknown_name(name, &ExportFormat::ALL.map(ExportFormat::name)))
    }
}

/// A `from`/`value` turn, as LLaVA and the reference write it.
#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    from: &'static str,
    value: &'a str,
}

impl<'a> Turn<'a> {
    pub fn human(value: &'a str) -> Self {
        Turn { from: "human", value }
    }

    pub fn model(value: &'a str) -> Self {
        Turn { from: "gpt", value }
    }
}

/// The `image` field of LLaVA and the reference: a path, or a list of several.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ImageField<'a> {
    One(&'a str),
    Several(Vec<&'a str>),
}

impl ImageField<'_> {
    pub fn is_empty(&self) -> bool {
        matches!(self, ImageField::Several(paths) if paths.is_empty())
    }
}

pub(super) fn image_field(sample: &ExportSample) -> ImageField<'_> {
    match sample.image_paths().collect::<Vec<_>>().as_slice() {
        &[path] => ImageField::One(path),
        paths => ImageField::Several(paths.to_vec()),
    }
}

/// A file that takes its name only when it is complete.
#[derive(Debug)]
pub(crate) struct PendingFile {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl PendingFile {
    /// Begins a file that will be at `target`, or where a symbolic link there leads to, be something there or not.
    pub fn create(target: &Path) -> Result<Self, FormatError> {
        let error = |source| FormatError::write(target, source);
        let present = std::fs::metadata(target).ok();
        if present.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            return Err(error(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory; name a file in it")));
        }
        if present.as_ref().is_some_and(|present| !present.is_file()) {
            let cause = "it is a device or a pipe, which a finished file would replace; name a file";
            return Err(error(io::Error::new(io::ErrorKind::InvalidInput, cause)));
        }
        let target = behind_links(target).map_err(error)?;
        let file = temporary_file(folder_of(&target)).map_err(|source| FormatError::write(&target, source))?;
        Ok(PendingFile { target, file: BufWriter::new(file) })
    }

    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Puts the file in its place once it is on the disk.
    pub fn finish(self) -> Result<(), FormatError> {
        let (target, file) = self.written()?;
        let error = |source| FormatError::write(&target, source);
        file.as_file().sync_all().map_err(error)?;
        file.persist(&target).map_err(|failed| error(failed.error))?;
        Ok(())
    }

    /// Puts a new file in its place without waiting for the disk, for one of very many; `false`, and it is gone, if something has that name by now.
    pub fn finish_new(self) -> Result<bool, FormatError> {
        let (target, file) = self.written()?;
        match file.persist_noclobber(&target) {
            Ok(_) => Ok(true),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            // Some file systems can only replace.
            Err(failed) => match failed.file.persist(&target) {
                Ok(_) => Ok(true),
                Err(failed) => Err(FormatError::write(&target, failed.error)),
            },
        }
    }

    /// The file with everything that was written to it, and where it belongs.
    fn written(self) -> Result<(PathBuf, NamedTempFile), FormatError> {
        let PendingFile { target, file } = self;
        let file = file.into_inner().map_err(|failed| FormatError::write(&target, failed.into_error()))?;
        Ok((target, file))
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".export-");
    // An export is an ordinary file; without this it would be readable by its owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// JSON records written one after another.
#[derive(Debug)]
pub(super) struct JsonFile {
    file: PendingFile,
    is_list: bool,
    records: u64,
}

impl JsonFile {
    /// One JSON list.
    pub fn list(path: &Path) -> Result<Self, FormatError> {
        Ok(JsonFile { file: PendingFile::create(path)?, is_list: true, records: 0 })
    }

    /// One record per line.
    pub fn lines(path: &Path) -> Result<Self, FormatError> {
        Ok(JsonFile { file: PendingFile::create(path)?, is_list: false, records: 0 })
    }

    pub fn write(&mut self, record: &impl Serialize) -> Result<(), FormatError> {
        let separator = match (self.is_list, self.records) {
            (true, 0) => "[\n",
            (true, _) => ",\n",
            (false, 0) => "",
            (false, _) => "\n",
        };
        let written = self.file.write_all(separator.as_bytes()).and_then(|()| Ok(serde_json::to_writer(&mut self.file, record)?));
        written.map_err(|source| FormatError::write(self.file.target(), source))?;
        self.records += 1;
        Ok(())
    }

    pub fn finish(mut self) -> Result<u64, FormatError> {
        let end = match (self.is_list, self.records) {
            (true, 0) => "[]\n",
            (true, _) => "\n]\n",
            (false, 0) => "",
            (false, _) => "\n",
        };
        self.file.write_all(end.as_bytes()).map_err(|source| FormatError::write(self.file.target(), source))?;
        self.file.finish()?;
        Ok(self.records)
    }

    /// The error of a sample that the format cannot hold.
    pub fn refuse(&self, sample: &ExportSample, cause: String) -> FormatError {
        FormatError::Sample { path: self.file.target().to_owned(), sample_id: sample.sample_id.clone(), cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two exports that found no image of a name, the later one once put its own in the place of the other's.
    #[test]
    fn a_new_file_takes_no_name_that_is_taken_by_now() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.png");
        let mut files = [PendingFile::create(&target).unwrap(), PendingFile::create(&target).unwrap()];
        for (file, bytes) in files.iter_mut().zip(["first", "later"]) {
            file.write_all(bytes.as_bytes()).unwrap();
        }
        assert_eq!(files.map(|file| file.finish_new().unwrap()), [true, false]);
        assert_eq!(std::fs::read(&target).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
