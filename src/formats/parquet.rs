//! Parquet in and out: Hugging Face datasets, and our own export with everything a sample holds.
//!
//! Our export has one row per instruction: `sample_id`, `source`, `source_id`, `image`, `further_images`, `image_ids`, `caption`,
//! `det` (list of `label`, `bbox`, `confidence`), `topics`, `instruction_id`, `parent_id`, `root_id`, `round`, `operator`, `question`,
//! `answer`, `objects`, `skills`, `format`, `steps`, `image_position`, `improved`, `score`, `status`, `model`.
//!
//! `image` is the sample's first image, `further_images` the others (empty for nearly every sample). Both hold structs of `bytes`
//! and `path`, which Hugging Face `datasets` decodes as its Image feature, told so by the file's `huggingface` metadata. The rows of a
//! sample repeat its image, but the file holds it once: image bytes are dictionary-encoded. They stand side by side, and have to when the
//! file is read back. Then `model`, `root_id` and the ids of images and of the sample are left out: they are made anew, and no request comes
//! with the file.

mod reader;
mod rows;
mod writer;

pub use reader::open;
pub use writer::ParquetWriter;

/// Columns that only our own export has together; a file with all of them is read as one.
const OWN_COLUMNS: [&str; 4] = ["sample_id", "round", "question", "answer"];
