//! Which format a file has, and reading any of them.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;
use serde_json::value::RawValue;

use super::json_records::fields::{Fields, entries, fault, kind, shown_keys};
use super::{RecordFault, SeedRecord, SeedSample, json_records, llava, messages, mmevol, parquet};
use crate::error::nearest;

/// Bytes at the beginning of every Parquet file.
const PARQUET_MAGIC: [u8; 4] = *b"PAR1";

/// A format that seeds are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The reference's own: `image`, `caption`, `det`, `conversations_v0`, and finished rounds in `conversations_v1`...
    Mmevol,
    /// `image` and `conversations` of `from`/`value` turns.
    Llava,
    /// `messages` of `role`/`content` turns, as OpenAI, Hugging Face and LLaMA-Factory write them.
    Messages,
    /// Hugging Face datasets and our own export.
    Parquet,
}

impl Format {
    /// Every format, in the order in which messages list them.
    pub const ALL: [Format; 4] = [Format::Mmevol, Format::Llava, Format::Messages, Format::Parquet];

    /// The name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Format::Mmevol => "mmevol",
            Format::Llava => "llava",
            Format::Messages => "messages",
            Format::Parquet => "parquet",
        }
    }

    /// The keys or columns that a record of this format has.
    pub fn wanted_keys(self) -> &'static str {
        match self {
            Format::Mmevol => "image and conversations_v0",
            Format::Llava => "image and conversations",
            Format::Messages => "messages, and images unless the messages hold them",
            Format::Parquet => "image or images, with one of messages, conversations, texts, or question and answer",
        }
    }

    /// The JSON format whose records have these keys.
    fn of_keys(keys: &[String]) -> Option<Format> {
        let has = |key: &str| keys.iter().any(|known| known == key);
        if has("conversations_v0") {
            Some(Format::Mmevol)
        } else if has("messages") || (has("conversations") && has("images")) {
            Some(Format::Messages)
        } else if has("conversations") {
            Some(Format::Llava)
        } else {
            None
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Format::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| FormatError::unknown_name(name, &Format::ALL.map(Format::name)))
    }
}

/// Why a file cannot be read or written. A fault of one record alone is a [`RecordFault`].
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant says what its fields are")]
pub enum FormatError {
    /// There is nothing at the path.
    #[error("there is no such file: {}. Check the path", path.display())]
    Missing { path: PathBuf },
    /// A folder was named where a file is wanted.
    #[error("{} is a directory, expected a file. Name the JSON, JSONL or Parquet file in it; folders of images go to --images", path.display())]
    Directory { path: PathBuf },
    /// Something that gives its bytes once, as `/dev/stdin` behind a pipe; files are looked at before they are read.
    #[error("{} is a pipe or a device, which can be read only once. Save what it gives to a file first, and name that", path.display())]
    Pipe { path: PathBuf },
    /// A file of no bytes, or of white space only.
    #[error("{} is empty: it holds no record. Check that it was written to its end", path.display())]
    Empty { path: PathBuf },
    /// The system refused to read.
    #[error("failed to read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The system refused to write.
    #[error("failed to write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A `.json` file whose first byte begins neither a list nor an object.
    #[error("{} is neither a JSON list nor JSON lines: {}", path.display(), not_json(*first_byte))]
    NotJson { path: PathBuf, first_byte: u8 },
    /// JSON that does not parse, with its place. What follows it cannot be read either.
    #[error("{}: record {record}, line {line}, column {column}: {cause}. {remedy}", path.display())]
    Syntax { path: PathBuf, record: u64, line: u64, column: u64, cause: String, remedy: &'static str },
    /// No Parquet footer, or one that cannot be read.
    #[error("{} cannot be opened as Parquet: {cause}. It may be cut off or be no Parquet file: get it again, or name another --format", path.display())]
    NotParquet { path: PathBuf, cause: String },
    /// A row of a Parquet file that cannot be decoded.
    #[error("{}: row {row}: {cause}. The file seems to be damaged: get it again", path.display())]
    Row { path: PathBuf, row: u64, cause: String },
    /// A row of our own export whose sample ended before. Its items cannot be told from those of another sample any more.
    #[error("{}: row {row}: the rows of sample {sample_id} are not side by side. Sort the rows by sample_id, then by round", path.display())]
    Scattered { path: PathBuf, row: u64, sample_id: String },
    /// A column of images that holds something else.
    #[error("{}: column '{column}' has the type {found}, expected images: a struct of bytes and path, binary, text, or a list of these. Cast, rename or remove it before the import", path.display())]
    ImageColumn { path: PathBuf, column: String, found: String },
    /// Records, but none that can be read; this is the first of them.
    #[error("{}: record {record}: {cause}. No other record can be read either", path.display())]
    Unreadable { path: PathBuf, record: u64, cause: String },
    /// The first record fits none of the formats.
    #[error("{}: none of the formats fits: {found}. {}", path.display(), wanted_by_format())]
    Unrecognised { path: PathBuf, found: String },
    /// A Parquet file without the columns of a sample.
    #[error("{}: no columns to read samples from: found {}; wanted {}. Rename the columns before the import", path.display(), shown_keys(found), Format::Parquet.wanted_keys())]
    Columns { path: PathBuf, found: Vec<String> },
    /// A `--format` that is none.
    #[error("no format is called '{name}': expected {expected}{}", nearest.as_ref().map(|near| format!(". Did you mean '{near}'?")).unwrap_or_default())]
    UnknownName { name: String, expected: String, nearest: Option<String> },
    /// A sample that the format cannot hold.
    #[error("{}: sample {sample_id} cannot be written: {cause}", path.display())]
    Sample { path: PathBuf, sample_id: String, cause: String },
}

impl FormatError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        FormatError::Read { path: path.to_owned(), source }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        FormatError::Write { path: path.to_owned(), source }
    }

    pub(super) fn unknown_name(name: &str, known: &[&str]) -> Self {
        FormatError::UnknownName {
            name: name.chars().take(40).collect(),
            expected: known.join(", "),
            nearest: nearest(name, known.iter().copied()).map(str::to_owned),
        }
    }
}

fn not_json(first_byte: u8) -> String {
    match first_byte {
        0x1f => "it is gzip-compressed. Unpack it first".to_owned(),
        b'P' => "it begins with 'P'. If it is a Parquet file, say --format parquet; a ZIP archive must be unpacked".to_owned(),
        0xff | 0xfe => "it is no UTF-8 text, but perhaps UTF-16 text or an image. Save text as UTF-8".to_owned(),
        byte => format!("it begins with '{}'. Give a file that begins with [ or {{", byte.escape_ascii()),
    }
}

fn wanted_by_format() -> String {
    let wanted = Format::ALL.map(|format| format!("{format} wants {}", format.wanted_keys()));
    format!("{}. Rename the keys, or name the format with --format", wanted.join("; "))
}

/// Tells the format of a file by its first bytes and by the keys of its first readable record, however many stand before it.
///
/// # Errors
/// If the file cannot be read, holds no record, or none that can be read; if its keys fit no format, the message lists them.
pub fn detect(path: impl AsRef<Path>) -> Result<Format, FormatError> {
    let path = path.as_ref();
    if is_parquet(path)? {
        return Ok(Format::Parquet);
    }
    let mut first_fault = None;
    for record in json_records::open(path)? {
        let record = match record {
            Ok(record) => record,
            // What is wrong first is said first.
            Err(_) if first_fault.is_some() => break,
            Err(failure) => return Err(failure),
        };
        let fault = match &record.text {
            Ok(text) => match entries(text) {
                Ok(entries) => return format_of_record(path, &entries),
                Err(fault) => fault.message,
            },
            Err(fault) => fault.message.clone(),
        };
        first_fault.get_or_insert((record.number, fault));
    }
    match first_fault {
        Some((record, cause)) => Err(FormatError::Unreadable { path: path.to_owned(), record, cause }),
        None => Err(FormatError::Empty { path: path.to_owned() }),
    }
}

fn is_parquet(path: &Path) -> Result<bool, FormatError> {
    let mut magic = Vec::new();
    let mut beginning = json_records::open_file(path)?.take(PARQUET_MAGIC.len() as u64);
    beginning.read_to_end(&mut magic).map_err(|source| FormatError::read(path, source))?;
    Ok(magic == PARQUET_MAGIC || path.extension().is_some_and(|extension| extension == "parquet"))
}

/// Only keys are read: a value that cannot be, such as a number out of range, is the fault of its record and not of the format.
fn format_of_record(path: &Path, entries: &[(String, &RawValue)]) -> Result<Format, FormatError> {
    let unrecognised = |found| FormatError::Unrecognised { path: path.to_owned(), found };
    let keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
    let format = Format::of_keys(&keys).ok_or_else(|| match keys.is_empty() {
        true => unrecognised("the first record is empty".to_owned()),
        false => unrecognised(format!("the first record has the keys {}", shown_keys(&keys))),
    })?;
    // ShareGPT's key with OpenAI's turns.
    let has_roles = || {
        let turns = entries.iter().find(|(key, _)| key == "conversations")?.1;
        let turns: Vec<&RawValue> = serde_json::from_str(turns.get()).ok()?;
        Some(self::entries(turns.first()?).ok()?.iter().any(|(key, _)| key == "role"))
    };
    Ok(if format == Format::Llava && has_roles() == Some(true) { Format::Messages } else { format })
}

/// Reads a file as a stream of records in its order, with the memory of its largest record (Parquet: of a few rows).
///
/// A record that cannot be understood is a [`RecordFault`] and the stream goes on; after an `Err` item it ends.
///
/// # Errors
/// If the file cannot be opened, or is no file of this kind at all.
pub fn read_seeds(
    path: impl AsRef<Path>,
    format: Format,
) -> Result<Box<dyn Iterator<Item = Result<SeedRecord, FormatError>> + Send>, FormatError> {
    let path = path.as_ref();
    let sample: fn(&RawValue) -> Result<SeedSample, RecordFault> = match format {
        Format::Mmevol => mmevol::sample,
        Format::Llava => llava::sample,
        Format::Messages => messages::sample,
        Format::Parquet => return parquet::open(path),
    };
    let records = json_records::open(path)?.map(move |record| {
        let record = record?;
        Ok(SeedRecord { number: record.number, sample: record.text.and_then(|text| sample(&text)) })
    });
    Ok(Box::new(records))
}

/// The fault of a record that lacks what its format lives on: mostly a file of another format.
pub(super) fn lacks(format: Format, missing: &str, keys: &[String]) -> RecordFault {
    let mut message =
        format!("{missing} is missing: a record of format {format} has {}; this one has {}", format.wanted_keys(), shown_keys(keys));
    if let Some(likely) = Format::of_keys(keys).filter(|likely| *likely != format) {
        message.push_str(&format!(". It looks like {likely} (--format {likely})"));
    }
    fault(message)
}

/// Takes the turns at `key`, which must be a list of some.
pub(super) fn take_turns(fields: &mut Fields, key: &str, format: Format) -> Result<Vec<Value>, RecordFault> {
    let turns = take_list(fields, key, format)?;
    if turns.is_empty() { Err(fault(format!("no conversation: {key} is empty"))) } else { Ok(turns) }
}

/// Takes what is at `key`, which must be a list, if only an empty one.
pub(super) fn take_list(fields: &mut Fields, key: &str, format: Format) -> Result<Vec<Value>, RecordFault> {
    match fields.take(key) {
        None => Err(lacks(format, key, fields.keys())),
        Some(Value::Array(values)) => Ok(values),
        Some(other) => Err(fault(format!("{key} is {}, expected a list", kind(&other)))),
    }
}
