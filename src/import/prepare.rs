//! One record with its images read and checked: everything of an import that needs no store, on any core.

use bytes::Bytes;

use super::MissingImages;
use crate::formats::{RecordFault, SeedImage, SeedItem, SeedSample};
use crate::ids::stable_id;
use crate::image::{ImageError, ImageFolder, ImageInfo, ImageProblem, inspect};
use crate::instruction::DetectedObject;

/// A record that can be written.
#[derive(Debug)]
pub struct Prepared {
    pub source_id: Option<String>,
    pub images: Vec<PreparedImage>,
    /// Paths that were not found.
    pub missing_images: Vec<String>,
    pub caption: Option<String>,
    pub objects: Vec<DetectedObject>,
    pub topics: Vec<String>,
    pub rounds: Vec<Vec<SeedItem>>,
    /// Hash of what the sample is before its first round: images, context and seed items.
    pub content_hash: String,
}

/// An image file as it will be stored.
#[derive(Debug)]
pub struct PreparedImage {
    pub info: ImageInfo,
    pub uri: String,
    pub bytes: Bytes,
}

/// Reads and checks a record's images.
pub fn prepare(sample: Result<SeedSample, RecordFault>, folder: &ImageFolder, missing: MissingImages) -> Result<Prepared, RecordFault> {
    let sample = sample?;
    let source_id = sample.source_id.clone();
    with_images(sample, folder, missing).map_err(|error| RecordFault { source_id, message: error.to_string(), hint: error.hint() })
}

fn with_images(sample: SeedSample, folder: &ImageFolder, missing: MissingImages) -> Result<Prepared, ImageError> {
    let SeedSample { source_id, images: references, caption, objects, topics, rounds } = sample;
    let mut images = Vec::with_capacity(references.len());
    let mut missing_images = Vec::new();
    for reference in references {
        match load(reference, folder) {
            Ok(image) => images.push(image),
            Err((Some(path), error)) if missing == MissingImages::Allow && matches!(error.problem, ImageProblem::Missing { .. }) => {
                missing_images.push(path)
            }
            Err((_, error)) => return Err(error),
        }
    }
    let content = serde_json::json!([
        images.iter().map(|image| &image.info.image_id).collect::<Vec<_>>(),
        missing_images,
        caption,
        objects,
        topics,
        rounds.first().map(|items| items.iter().map(|item| &item.instruction).collect::<Vec<_>>()),
    ]);
    let content_hash = stable_id([Some("sample content"), Some(&content.to_string())]);
    Ok(Prepared { source_id, images, missing_images, caption, objects, topics, rounds, content_hash })
}

fn load(reference: SeedImage, folder: &ImageFolder) -> Result<PreparedImage, (Option<String>, ImageError)> {
    match reference {
        SeedImage::Path(path) => {
            let read = || -> Result<PreparedImage, ImageError> {
                let file = folder.resolve(&path)?;
                let bytes = Bytes::from(
                    std::fs::read(&file).map_err(|cause| ImageError::from(ImageProblem::Io { cause: cause.to_string() }).named(&path))?,
                );
                let info = inspect(&bytes).map_err(|error| error.named(&path))?;
                Ok(PreparedImage { info, uri: path.clone(), bytes })
            };
            read().map_err(|error| (Some(path.clone()), error))
        }
        SeedImage::Bytes { bytes, name } => {
            let name = name.unwrap_or_default();
            let info = inspect(&bytes).map_err(|error| (None, error.named(if name.is_empty() { "embedded image" } else { &name })))?;
            Ok(PreparedImage { info, uri: name, bytes })
        }
    }
}
