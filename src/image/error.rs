//! Why an image cannot be used.

use std::fmt;
use std::path::PathBuf;

use super::MAX_PIXELS;
use super::foreign::is_picture;
use crate::text::beginning;

/// Characters of a name shown in a message: any path that a person gave, and no image that stands where a path should.
const NAME_SHOWN: usize = 160;

/// A problem with an image or a folder of images, and which one.
///
/// The message says what is wrong; [`hint`](ImageError::hint) says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageError {
    subject: Subject,
    /// What is wrong, without the name of the image.
    pub problem: ImageProblem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Unnamed,
    Image(String),
    Folder(PathBuf),
}

/// What is wrong with an image, or with the way to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant says what its fields are")]
pub enum ImageProblem {
    /// A file of no bytes.
    #[error("is empty (0 bytes)")]
    Empty,
    /// Some other kind of file, or an image format that is not read.
    #[error("is not an image that can be read: it looks like {looks_like}")]
    NotAnImage { looks_like: &'static str },
    #[error(
        "has {} x {} pixels, more than the limit of {} million",
        with_thousands(*.width as usize),
        with_thousands(*.height as usize),
        MAX_PIXELS / 1_000_000
    )]
    /// More pixels than [`MAX_PIXELS`], by the header; nothing was decoded.
    TooLarge { width: u32, height: u32 },
    /// `missing` says what the file lacks, `length` how many bytes it has.
    #[error("is cut off: {missing} ({} bytes)", with_thousands(*.length))]
    CutOff { missing: String, length: usize },
    /// An image whose header or pixels the decoder refuses.
    #[error("cannot be read as {format}: {cause}")]
    Unreadable { format: &'static str, cause: String },
    /// Pixels that were decoded and cannot be made into another image.
    #[error("cannot be resized or encoded: {cause}")]
    Unconvertible { cause: String },
    /// `near_miss` says where the file may be instead.
    #[error("does not exist in '{}'", .folder.display())]
    Missing { folder: PathBuf, near_miss: Option<String> },
    /// A path with `..`, an absolute one, or a symbolic link out of the folder.
    #[error("leads outside of the image folder '{}'", .folder.display())]
    Outside { folder: PathBuf },
    /// A text too long to be a path: mostly an image that stands in its place.
    #[error("is no path: it has {} characters", with_thousands(*.length))]
    NoPath { length: usize },
    /// A folder where an image file is wanted.
    #[error("is a folder, not a file")]
    IsFolder,
    /// An image folder that is a file.
    #[error("is not a folder")]
    NotAFolder,
    /// The system refused to open or read the file.
    #[error("cannot be opened: {cause}")]
    Io { cause: String },
}

impl ImageError {
    /// The same problem, said of the image called `name`: a path as the user wrote it, or an id.
    pub fn named(self, name: &str) -> ImageError {
        ImageError { subject: Subject::Image(name.to_owned()), ..self }
    }

    pub(super) fn of_folder(folder: PathBuf, problem: ImageProblem) -> ImageError {
        ImageError { subject: Subject::Folder(folder), problem }
    }

    /// What the user can do about it; `None` where the message says it all.
    pub fn hint(&self) -> Option<String> {
        match &self.problem {
            ImageProblem::NotAnImage { looks_like } if is_picture(looks_like) => Some("convert it to JPEG or PNG".to_owned()),
            ImageProblem::Empty
            | ImageProblem::NotAnImage { .. }
            | ImageProblem::CutOff { .. }
            | ImageProblem::Unreadable { .. }
            | ImageProblem::Unconvertible { .. } => Some("replace the file".to_owned()),
            ImageProblem::TooLarge { .. } => Some("make the image smaller".to_owned()),
            ImageProblem::Missing { near_miss, .. } => {
                Some(near_miss.clone().unwrap_or_else(|| "check --images, or import with --allow-missing-images".to_owned()))
            }
            ImageProblem::Outside { .. } => {
                Some("image paths stay inside the folder given with --images; name the folder that holds all images there".to_owned())
            }
            ImageProblem::NoPath { .. } => {
                Some("give the path of an image file; base64 is read where it is that of a JPEG, PNG, GIF or WebP file".to_owned())
            }
            ImageProblem::IsFolder | ImageProblem::NotAFolder | ImageProblem::Io { .. } => None,
        }
    }
}

impl From<ImageProblem> for ImageError {
    /// The problem of an image whose name is not known here; the caller adds it with [`ImageError::named`].
    fn from(problem: ImageProblem) -> ImageError {
        ImageError { subject: Subject::Unnamed, problem }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Unnamed => f.write_str("the image")?,
            // Names come out of seed files: escaped, so that a hostile one cannot steer a terminal.
            Subject::Image(name) => {
                let (shown, is_cut) = beginning(name, NAME_SHOWN);
                write!(f, "image '{}{}'", shown.escape_debug(), if is_cut { "..." } else { "" })?;
            }
            Subject::Folder(folder) => write!(f, "image folder '{}'", folder.display())?,
        }
        write!(f, " {}", self.problem)
    }
}

impl std::error::Error for ImageError {}

/// `1234567` as `1,234,567`.
pub(super) fn with_thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
