//! The files that samples come from and go to, one file per format.
//!
//! Readers turn a file into a stream of [`SeedRecord`]s and know nothing of the store; writers turn
//! [`ExportSample`](export::ExportSample)s into a file. Images stay references until the importer resolves them.

pub mod detect;
pub mod export;
pub mod json_records;
pub mod llava;
pub mod messages;
pub mod mmevol;
pub mod openai;
pub mod parquet;
pub(crate) mod target;

use bytes::Bytes;
pub use detect::FormatError;

use crate::instruction::{DetectedObject, Instruction};

/// One sample as a seed file gives it, before images are looked up and ids are made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeedSample {
    /// The file's own key of the sample: `hash_id`, else `id`; `None` where the file gives none.
    pub source_id: Option<String>,
    /// In the order of the file; empty for a sample without image.
    pub images: Vec<SeedImage>,
    /// What the image shows, in words; `None` where the file does not say.
    pub caption: Option<String>,
    /// Labelled boxes; empty where the file gives none.
    pub objects: Vec<DetectedObject>,
    /// The file's own labels, in its order.
    pub topics: Vec<String>,
    /// `rounds[0]` are the seed items, `rounds[n]` the survivors of round n where the file holds finished rounds.
    pub rounds: Vec<Vec<SeedItem>>,
}

/// A seed item, with the judge's score where the file holds a finished round.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeedItem {
    /// The item, as it stands in the file.
    pub instruction: Instruction,
    /// 0 to 10; `None` for a seed.
    pub score: Option<i64>,
    /// Where it comes from, as far as the file says.
    pub origin: SeedOrigin,
}

/// Where an item comes from. Only our own Parquet export says it; ids are those of the store that was exported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeedOrigin {
    /// The item itself.
    pub instruction_id: Option<String>,
    /// What it was made from; `None` for a seed and where it is not known.
    pub parent_id: Option<String>,
    /// The direction it was rewritten in; `None` where it is not known.
    pub operator: Option<String>,
    /// The judge's verdict; `None` for a seed and where there is none.
    pub improved: Option<bool>,
}

/// Where a sample's image is.
#[derive(Debug, Clone, PartialEq)]
pub enum SeedImage {
    /// A path inside the image folder, as written in the file.
    Path(String),
    /// The bytes themselves (Hugging Face's Image feature, data URLs), with the name they came under.
    Bytes {
        /// The image file.
        bytes: Bytes,
        /// The path beside the bytes; `None` where there is none, as in a data URL.
        name: Option<String>,
    },
}

/// One record of a seed file with the place it stands at, for error messages.
#[derive(Debug)]
pub struct SeedRecord {
    /// 1-based: the element of a JSON list, the line of a JSONL file, the row of a Parquet file.
    pub number: u64,
    /// The sample, or what is wrong with the record. A fault here concerns this record alone: the stream goes on.
    pub sample: Result<SeedSample, RecordFault>,
}

/// What is wrong with one record, in words that name the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RecordFault {
    /// The record's own key, where it could be read.
    pub source_id: Option<String>,
    /// Which field, what is wrong with it, and what was expected.
    pub message: String,
    /// What the user can do about it; `None` where the message says it all.
    pub hint: Option<String>,
}
