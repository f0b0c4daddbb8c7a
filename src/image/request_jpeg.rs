//! The small JPEG of an image: the one that is sent to a model, and thumbnails.

use std::num::NonZeroU16;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, RgbImage};

use super::ImageError;
use super::header::{self, Header};
use super::pixels::{on_white, resize, unconvertible};

/// Request images fit a square of this side, in pixels, as the reference's do; models bill one such image at low detail.
pub const REQUEST_SIDE: u32 = 512;

/// Where a quality of 85 shows no artefacts at this size, and a photo takes about 50 KB.
const QUALITY: u8 = 85;

/// A JPEG larger than this is encoded anew even if its pixels would do: the rest is colour profiles or padding, not worth sending.
const MAX_UNTOUCHED_BYTES: usize = 1 << 20;

/// An image as a model is sent it: a JPEG, 8 bits, RGB or gray, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestJpeg {
    /// The file.
    pub jpeg: Bytes,
    /// In pixels, 1 to [`REQUEST_SIDE`].
    pub width: u32,
    /// See [`width`](RequestJpeg::width).
    pub height: u32,
}

/// Makes the JPEG that a model is sent: it fits [`REQUEST_SIDE`] squared, keeps its aspect and is never enlarged.
///
/// A plain JPEG that already fits is passed through, byte for byte, unless it holds EXIF or XMP: where and with what a photo was taken is
/// none of the model's business. Anything else is decoded, turned upright, laid on white where it is transparent, and encoded at quality
/// 85. Of an animation, the first frame is taken. Costs a decode of the whole image and, for the largest allowed, about a gigabyte of
/// memory: call it off the async threads and bound how many run at once.
///
/// # Errors
/// As [`inspect`](super::inspect), and where the pixels cannot be decoded.
pub fn request_jpeg(bytes: &[u8]) -> Result<RequestJpeg, ImageError> {
    fitting_jpeg(bytes, REQUEST_SIDE)
}

/// A JPEG of the image that fits a square of `side` pixels, made as [`request_jpeg`] makes its own: same aspect, upright, never enlarged.
///
/// # Errors
/// As [`request_jpeg`].
pub fn thumbnail(bytes: &[u8], side: NonZeroU16) -> Result<Bytes, ImageError> {
    Ok(fitting_jpeg(bytes, side.get().into())?.jpeg)
}

/// The image as PNG, in its own size: upright, 8 bits, RGB, laid on white where it is transparent. Of an animation, the first frame. Costs as much
/// as [`request_jpeg`].
///
/// # Errors
/// As [`request_jpeg`].
pub fn png(bytes: &[u8]) -> Result<Bytes, ImageError> {
    let header = header::read(bytes)?;
    let mut upright = DynamicImage::ImageRgb8(on_white(header::decode(header.format, bytes)?));
    upright.apply_orientation(header.orientation);
    let mut png = std::io::Cursor::new(Vec::new());
    upright.write_to(&mut png, image::ImageFormat::Png).map_err(|error| unconvertible(&error))?;
    Ok(png.into_inner().into())
}

fn fitting_jpeg(bytes: &[u8], side: u32) -> Result<RequestJpeg, ImageError> {
    let header = header::read(bytes)?;
    if passes_through(&header, bytes, side) {
        let (width, height) = (header.stored_width, header.stored_height);
        return Ok(RequestJpeg { jpeg: Bytes::copy_from_slice(bytes), width, height });
    }

    let pixels = on_white(header::decode(header.format, bytes)?);
    let (width, height) = fit(pixels.width(), pixels.height(), side);
    let mut small = DynamicImage::ImageRgb8(resize(pixels, width, height)?);
    small.apply_orientation(header.orientation);
    encode(&small.into_rgb8())
}

fn passes_through(header: &Header, bytes: &[u8], side: u32) -> bool {
    header.is_plain_jpeg && header.stored_width.max(header.stored_height) <= side && bytes.len() <= MAX_UNTOUCHED_BYTES
}

/// The size that fits a square of that side; the same size if it already does. No side becomes zero.
fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let long_side = width.max(height);
    if long_side <= side {
        return (width, height);
    }
    let scale = f64::from(side) / f64::from(long_side);
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (scaled(width), scaled(height))
}

fn encode(image: &RgbImage) -> Result<RequestJpeg, ImageError> {
    let (width, height) = image.dimensions();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(image.as_raw(), width, height, ExtendedColorType::Rgb8)
        .map_err(|error| unconvertible(&error))?;
    Ok(RequestJpeg { jpeg: jpeg.into(), width, height })
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn a_size_shrinks_to_fit_and_never_grows_or_vanishes() {
        assert_eq!(fit(1024, 768, 512), (512, 384));
        assert_eq!(fit(600, 1000, 512), (307, 512));
        assert_eq!(fit(512, 512, 512), (512, 512));
        assert_eq!(fit(3, 2, 512), (3, 2));
        assert_eq!(fit(1, 100_000, 512), (1, 512));
    }
}
