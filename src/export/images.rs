//! The images of an export.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use super::rows::SampleRow;
use super::{Export, Images};
use crate::error::{Error, Result};
use crate::formats::export::{ExportFormat, ExportImage, ExportInstruction, ExportSample, PendingFile};
use crate::image::{ImageFormat, is_rgb, png};
use crate::store::{Snapshot, StoredImages, Table};

/// The folder beside the export that image files go to, as the paths in its records begin.
const FOLDER: &str = "images/";
/// Images that are held for the samples that come next: those of one image mostly stand together.
const HELD_IMAGES: usize = 8;
/// Bytes of the name of a file or a folder that common file systems take.
const LONGEST_NAME_BYTES: usize = 255;
/// Bytes of a path in our folder. The 4096 that Linux takes are those of the folder, too.
const LONGEST_PATH_BYTES: usize = 1024;

/// Reads images from the store and writes each distinct one once beside the export, or hands them to its writer.
pub(super) struct ImageFiles {
    stored: StoredImages,
    snapshot: Snapshot,
    format: ExportFormat,
    rule: Images,
    folder: PathBuf,
    /// What is known of an image: loaded with the first one that is asked for.
    described: Option<HashMap<String, Described>>,
    /// The path of each image that has a file, relative to the export.
    files: HashMap<String, String>,
    /// Those read last, for formats that hold images; the newest at the end.
    held: VecDeque<HeldImage>,
}

#[derive(Debug, Clone)]
struct Described {
    uri: String,
    format: String,
}

/// An image as the format takes it.
#[derive(Debug, Clone)]
struct HeldImage {
    image_id: String,
    media_type: &'static str,
    bytes: Bytes,
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
            files: HashMap::new(),
            held: VecDeque::new(),
        }
    }

    /// How many distinct image files the export names.
    pub(super) fn files(&self) -> u64 {
        self.files.len() as u64
    }

    pub(super) async fn sample(&mut self, row: SampleRow) -> Result<ExportSample> {
        let (mut images, mut missing_images) = (Vec::new(), Vec::new());
        if self.rule != Images::None {
            for image_id in row.image_ids.unwrap_or_default() {
                let image = self.image(image_id, &row.sample_id).await?;
                if self.rule == Images::Link && image.uri.trim().is_empty() {
                    return Err(without_path(&row.sample_id, row.source_id.as_deref()));
                }
                images.push(image);
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

    async fn image(&mut self, image_id: String, sample_id: &str) -> Result<ExportImage> {
        let Described { uri, format } = self.describe(&image_id).await?;
        let media_type = ImageFormat::from_name(&format).map_or("application/octet-stream", ImageFormat::media_type);
        let mut image = ExportImage { image_id, uri, file_name: None, media_type: media_type.to_owned(), bytes: None };
        if self.rule != Images::Copy {
            return Ok(image);
        }
        if self.format.holds_images() {
            let held = self.held(&image, media_type, sample_id).await?;
            held.media_type.clone_into(&mut image.media_type);
            image.bytes = Some(held.bytes);
        } else {
            image.file_name = Some(self.file(&image, &format).await?);
        }
        Ok(image)
    }

    /// The image as the format takes it, from the last few or from the store.
    async fn held(&mut self, image: &ExportImage, media_type: &'static str, sample_id: &str) -> Result<HeldImage> {
        let place = self.held.iter().position(|held| held.image_id == image.image_id);
        let held = match place.and_then(|place| self.held.remove(place)) {
            Some(held) => held,
            None => {
                let bytes = self.stored.bytes(&image.image_id).await?;
                let is_taken = self.format.takes_image(media_type) && (!self.format.wants_rgb() || is_rgb(&bytes));
                let (media_type, bytes) = match is_taken {
                    true => (media_type, bytes),
                    false => ("image/png", as_png(bytes, &image.uri, sample_id).await?),
                };
                HeldImage { image_id: image.image_id.clone(), media_type, bytes }
            }
        };
        if self.held.len() >= HELD_IMAGES {
            self.held.pop_front();
        }
        self.held.push_back(held.clone());
        Ok(held)
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

    /// The path of the image's file, relative to the export. Writes the file unless this export or an earlier one has done so.
    async fn file(&mut self, image: &ExportImage, format: &str) -> Result<String> {
        if let Some(file) = self.files.get(&image.image_id) {
            return Ok(file.clone());
        }
        let bytes = self.stored.bytes(&image.image_id).await?;
        // A path may begin with the folder already, such as one that comes from an export: it goes to the same place again.
        let inner = image.uri.trim_start_matches(FOLDER);
        let by_id = format!("{FOLDER}{}.{format}", image.image_id);
        let mut file = if can_name_a_file(inner) { format!("{FOLDER}{inner}") } else { by_id.clone() };
        // Another image may have that path: one of this export, of an earlier one, or of the user.
        if !self.write(&file, bytes.clone()).await? {
            file = by_id;
            if !self.write(&file, bytes).await? {
                return Err(Error::Argument {
                    name: format!("image file '{}'", self.folder.join(&file).display()),
                    message: "something else has its name, which an export does not change".to_owned(),
                    hints: vec!["move it away, or export into another folder".to_owned()],
                });
            }
        }
        self.files.insert(image.image_id.clone(), file.clone());
        Ok(file)
    }

    /// Writes an image file; `false` if something else has its name.
    async fn write(&self, file: &str, bytes: Bytes) -> Result<bool> {
        let path = self.folder.join(file);
        let written = tokio::task::spawn_blocking(move || write_file(&path, &bytes)).await;
        written.map_err(|cause| Error::task_ended("writes an image", cause))?
    }
}

/// Writes a file unless it is there with these bytes; `false` if there is something else, which stays: a record of an earlier export may name it,
/// or it is the user's own.
fn write_file(path: &Path, bytes: &[u8]) -> Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => return Ok(holds(path, bytes)),
        // One of its folders is a file.
        Err(cause) if cause.kind() == ErrorKind::NotADirectory => return Ok(false),
        Err(_) => {}
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|cause| Error::io("create", parent, cause))?;
    }
    let mut file = PendingFile::create(path)?;
    file.write_all(bytes).map_err(|cause| Error::io("write", path, cause))?;
    // Another export into this folder may have been faster.
    Ok(file.finish_new()? || holds(path, bytes))
}

/// Whether these bytes are read from the path. What cannot be read, such as a link that leads nowhere, holds others.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    // Reading a pipe would never end.
    let may_hold = std::fs::metadata(path).is_ok_and(|present| present.is_file() && present.len() == bytes.len() as u64);
    may_hold && std::fs::read(path).is_ok_and(|present| present == bytes)
}

/// The error of an image that came as bytes, without a path that a record could name.
fn without_path(sample_id: &str, source_id: Option<&str>) -> Error {
    let key = source_id.map(|key| format!(" ('{key}')")).unwrap_or_default();
    Error::Argument {
        name: "--images link".to_owned(),
        message: format!("sample {sample_id}{key} has an image without a path: it was imported as bytes"),
        hints: vec!["use --images copy, which writes such images too".to_owned()],
    }
}

/// The image for a format that does not take its own. An import looks at headers: that pixels are broken may show only here.
async fn as_png(bytes: Bytes, uri: &str, sample_id: &str) -> Result<Bytes> {
    let made = tokio::task::spawn_blocking(move || png(&bytes)).await;
    let made = made.map_err(|cause| Error::task_ended("converts an image", cause))?;
    made.map_err(|error| Error::Argument {
        name: format!("image '{uri}' of sample {sample_id}"),
        message: format!("it cannot be converted to PNG: {error}"),
        hints: vec![format!("leave that sample out: --where \"sample_id <> '{sample_id}'\"")],
    })
}

/// Whether the name that an image came under can be that of a file in a folder of ours, and no reader takes it for an address.
fn can_name_a_file(uri: &str) -> bool {
    let path = Path::new(uri);
    let stays_inside = path.components().all(|part| matches!(part, Component::Normal(name) if name.len() <= LONGEST_NAME_BYTES));
    // A slash or a dot behind it is no part of the path, but the system makes no such file.
    let ends_as_a_file = path.file_name().and_then(OsStr::to_str).is_some_and(|name| uri.ends_with(name));
    stays_inside && ends_as_a_file && uri.len() <= LONGEST_PATH_BYTES && !uri.contains('\0') && !uri.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere_or_to_no_file_are_not_used() {
        let (longest, too_long, too_deep) = ("x".repeat(255), "x".repeat(256), "x/".repeat(600) + "a.jpg");
        for uri in ["coco/a.jpg", "coco//a.jpg", "a?b=1.jpg", longest.as_str()] {
            assert!(can_name_a_file(uri), "{uri}");
        }
        let elsewhere = ["", "/etc/passwd", "../a.jpg", "a/../../b.jpg", "./a.jpg", "https://h/a.jpg"];
        let no_file = ["a.jpg/", "a.jpg/.", "a\0b.jpg", "..", too_long.as_str(), too_deep.as_str()];
        for uri in elsewhere.into_iter().chain(no_file) {
            assert!(!can_name_a_file(uri), "{uri}");
        }
    }
}
