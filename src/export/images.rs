//! The images of an export.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use super::rows::SampleRow;
use super::{Export, Images};
use crate::error::{Error, Result};
use crate::formats::export::{ExportFormat, ExportImage, ExportInstruction, ExportSample};
use crate::image::{ImageFormat, png};
use crate::store::{Snapshot, StoredImages, Table};

/// The folder beside the export that image files go to, as the paths in its records begin.
const FOLDER: &str = "images/";

/// Reads images from the store and writes them beside the export or hands them to its writer, each distinct one once.
pub(super) struct ImageFiles {
    stored: StoredImages,
    snapshot: Snapshot,
    format: ExportFormat,
    rule: Images,
    folder: PathBuf,
    /// What is known of an image: loaded with the first one that is asked for.
    described: Option<HashMap<String, Described>>,
    /// File names in use, and by which image.
    names: HashMap<String, String>,
    pub(super) written: u64,
}

#[derive(Debug, Clone)]
struct Described {
    uri: String,
    format: String,
}

impl ImageFiles {
    pub(super) fn new(snapshot: &Snapshot, export: &Export) -> ImageFiles {
        let parent = export.output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        ImageFiles {
            stored: StoredImages::new(snapshot),
            snapshot: snapshot.clone(),
            format: export.format,
            rule: export.images,
            folder: parent.to_owned(),
            described: None,
            names: HashMap::new(),
            written: 0,
        }
    }

    pub(super) async fn sample(&mut self, row: SampleRow) -> Result<ExportSample> {
        let (mut images, mut missing_images) = (Vec::new(), Vec::new());
        if self.rule != Images::None {
            for image_id in row.image_ids.unwrap_or_default() {
                images.push(self.image(image_id).await?);
            }
            missing_images = row.missing_images.unwrap_or_default();
        }
        Ok(ExportSample {
            sample_id: row.sample_id,
            source: row.source,
            source_id: row.source_id,
            caption: row.caption,
            objects: row.objects.unwrap_or_default(),
            topics: row.topics.unwrap_or_default(),
            images,
            missing_images,
            instructions: row.instructions.into_iter().map(ExportInstruction::from).collect(),
        })
    }

    async fn image(&mut self, image_id: String) -> Result<ExportImage> {
        let Described { uri, format } = self.describe(&image_id).await?;
        let media_type = ImageFormat::from_name(&format).map_or("application/octet-stream", ImageFormat::media_type).to_owned();
        let mut image = ExportImage { image_id, uri, file_name: None, media_type, bytes: None };
        if self.rule == Images::Copy {
            let mut bytes = self.stored.bytes(&image.image_id).await?;
            if !self.format.takes_image(&image.media_type) {
                bytes = as_png(bytes, &image.uri).await?;
                "image/png".clone_into(&mut image.media_type);
            }
            match self.format.holds_images() {
                true => image.bytes = Some(bytes),
                false => image.file_name = Some(self.write(&image, &format, &bytes)?),
            }
        }
        Ok(image)
    }

    async fn describe(&mut self, image_id: &str) -> Result<Described> {
        if self.described.is_none() {
            let mut described = HashMap::new();
            self.snapshot
                .for_each(Table::Images, &["image_id", "uri", "format"], |batch| {
                    let text = |index: usize| arrow::array::AsArray::as_string::<i32>(batch.column(index));
                    for ((id, uri), format) in text(0).iter().zip(text(1)).zip(text(2)) {
                        let (Some(id), Some(uri), Some(format)) = (id, uri, format) else { continue };
                        described.insert(id.to_owned(), Described { uri: uri.to_owned(), format: format.to_owned() });
                    }
                })
                .await?;
            self.described = Some(described);
        }
        let known = self.described.as_ref().and_then(|described| described.get(image_id));
        known.cloned().ok_or_else(|| Error::UnknownId { what: "image", id: image_id.to_owned() })
    }

    /// Writes an image file unless it is there. Returns its path relative to the export.
    fn write(&mut self, image: &ExportImage, format: &str, bytes: &[u8]) -> Result<String> {
        // A path may begin with the folder already, such as one that comes from an export: it goes to the same place again.
        let inner = image.uri.trim_start_matches(FOLDER);
        let wanted = if stays_inside(inner) { inner.to_owned() } else { format!("{}.{format}", image.image_id) };
        // Two sources may use one path for different images.
        let name = match self.names.get(&wanted) {
            Some(owner) if *owner != image.image_id => format!("{}.{format}", image.image_id),
            _ => wanted,
        };
        let relative = format!("{FOLDER}{name}");
        if self.names.insert(name, image.image_id.clone()).is_none() {
            let path = self.folder.join(&relative);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(|cause| Error::io("create", parent, cause))?;
            }
            std::fs::write(&path, bytes).map_err(|cause| Error::io("write", path, cause))?;
            self.written += 1;
        }
        Ok(relative)
    }
}

/// The image for a format that does not take its own.
async fn as_png(bytes: Bytes, uri: &str) -> Result<Bytes> {
    let made = tokio::task::spawn_blocking(move || png(&bytes)).await;
    let made = made.map_err(|cause| Error::internal("the task that converts an image ended early", cause))?;
    made.map_err(|error| Error::argument(format!("image '{uri}'"), format!("it cannot be converted to PNG: {error}")))
}

/// Whether a path from a seed file can be used below a folder of ours.
fn stays_inside(uri: &str) -> bool {
    !uri.is_empty() && Path::new(uri).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere_are_not_used() {
        assert!(stays_inside("coco/a.jpg"));
        for uri in ["", "/etc/passwd", "../a.jpg", "a/../../b.jpg", "./a.jpg"] {
            assert!(!stays_inside(uri), "{uri}");
        }
    }
}
