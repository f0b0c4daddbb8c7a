//! Image files: what a file is without decoding it, the JPEG a model is sent, and safe access to a folder of them.
//!
//! [`inspect`] runs on every imported file, so it reads headers and endings only, as does [`dimensions`]. What decodes pixels
//! ([`request_jpeg`], [`thumbnail`], [`perceptual_hash`]) is as slow as the image is large.

mod ending;
mod error;
mod folder;
mod foreign;
mod header;
mod jpeg;
mod perceptual_hash;
mod pixels;
mod request_jpeg;

pub use error::{ImageError, ImageProblem};
pub use folder::ImageFolder;
pub use perceptual_hash::{InvalidHash, PerceptualHash, perceptual_hash};
pub use request_jpeg::{REQUEST_SIDE, RequestJpeg, png, request_jpeg, thumbnail};

/// Images of more pixels than this are refused before they are decoded: 100 million, which is 300 MB as RGB.
///
/// The largest photos in the public training sets have about 20 million.
pub const MAX_PIXELS: u64 = 100_000_000;

/// What an image file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// The blake3 hash of the file's bytes, as 64 hex digits.
    pub image_id: String,
    /// By the first bytes, not by the name.
    pub format: ImageFormat,
    /// In pixels, as a viewer shows it: with the orientation in the file's metadata applied. Boxes refer to this size.
    pub width: u32,
    /// See [`width`](ImageInfo::width).
    pub height: u32,
}

/// The image formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// Baseline or progressive; gray, RGB or CMYK.
    Jpeg,
    /// Any bit depth; of an animated one, the first frame.
    Png,
    /// Lossy or lossless; of an animation, the first frame.
    WebP,
    /// Of an animation, the first frame.
    Gif,
    /// Windows bitmaps.
    Bmp,
    /// The first page.
    Tiff,
}

impl ImageFormat {
    /// Every format.
    pub const ALL: [ImageFormat; 6] =
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff];

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<ImageFormat> {
        ImageFormat::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The name in `images.format`.
    pub fn name(self) -> &'static str {
        match self {
            ImageFormat::Jpeg => "jpeg",
            ImageFormat::Png => "png",
            ImageFormat::WebP => "webp",
            ImageFormat::Gif => "gif",
            ImageFormat::Bmp => "bmp",
            ImageFormat::Tiff => "tiff",
        }
    }

    /// The media type, as in a `Content-Type` header or a data URL.
    pub fn media_type(self) -> &'static str {
        self.decoder().to_mime_type()
    }

    /// The format of a file by its first bytes; `None` if it is none that can be read.
    fn of(bytes: &[u8]) -> Option<ImageFormat> {
        match image::guess_format(bytes).ok()? {
            image::ImageFormat::Jpeg => Some(ImageFormat::Jpeg),
            image::ImageFormat::Png => Some(ImageFormat::Png),
            image::ImageFormat::WebP => Some(ImageFormat::WebP),
            image::ImageFormat::Gif => Some(ImageFormat::Gif),
            image::ImageFormat::Bmp => Some(ImageFormat::Bmp),
            image::ImageFormat::Tiff => Some(ImageFormat::Tiff),
            _ => None,
        }
    }

    fn decoder(self) -> image::ImageFormat {
        match self {
            ImageFormat::Jpeg => image::ImageFormat::Jpeg,
            ImageFormat::Png => image::ImageFormat::Png,
            ImageFormat::WebP => image::ImageFormat::WebP,
            ImageFormat::Gif => image::ImageFormat::Gif,
            ImageFormat::Bmp => image::ImageFormat::Bmp,
            ImageFormat::Tiff => image::ImageFormat::Tiff,
        }
    }
}

/// Says what an image file is, from its content alone, and whether it is all there.
///
/// Costs a hash of the bytes and a look at the header and the end. Pixels are decoded only where the file's structure cannot tell
/// whether its end is missing: every TIFF, and the BMP or GIF whose lengths do not add up. A file that passes may still hold damaged pixels.
///
/// # Errors
/// The file is empty, no image, larger than [`MAX_PIXELS`], cut off, or has a header that cannot be read.
pub fn inspect(bytes: &[u8]) -> Result<ImageInfo, ImageError> {
    let header = header::read(bytes)?;
    let (width, height) = header.displayed_size();
    Ok(ImageInfo { image_id: blake3::hash(bytes).to_hex().to_string(), format: header.format, width, height })
}

/// Whether the pixels of a JPEG, PNG or WebP stand as red, green and blue of 8 bits, with transparency or without: not gray, CMYK, of a palette or
/// of 16 bits. `false` for other formats, and for what cannot be read. Costs what [`dimensions`] costs.
pub fn is_rgb(bytes: &[u8]) -> bool {
    header::read(bytes).is_ok_and(|header| header.is_rgb)
}

/// Width and height in pixels, as a viewer shows the image. Costs what [`inspect`] costs, without the hash.
///
/// # Errors
/// As [`inspect`].
pub fn dimensions(bytes: &[u8]) -> Result<(u32, u32), ImageError> {
    Ok(header::read(bytes)?.displayed_size())
}
