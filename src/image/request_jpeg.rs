//! The small JPEG of an image that is sent to a model.

use bytes::Bytes;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, RgbImage};

use super::header::{self, Header};
use super::{ImageError, ImageProblem};

/// Request images fit a square of this side, in pixels, as the reference's do; models bill one such image at low detail.
pub const REQUEST_SIDE: u32 = 512;

/// Where a quality of 85 shows no artefacts at this size, and a photo takes about 50 KB.
const QUALITY: u8 = 85;

/// A JPEG larger than this is encoded anew even if its pixels would do: the rest is colour profiles or padding, not worth sending.
const MAX_UNTOUCHED_BYTES: usize = 1 << 20;

/// An image as a model is sent it: a JPEG, 8 bits, RGB or gray, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestJpeg {
    pub jpeg: Bytes,
    pub width: u32,
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
    let header = header::read(bytes)?;
    if passes_through(&header, bytes) {
        let (width, height) = (header.stored_width, header.stored_height);
        return Ok(RequestJpeg { jpeg: Bytes::copy_from_slice(bytes), width, height });
    }

    let pixels = on_white(header::decode(header.format, bytes)?);
    let mut small = DynamicImage::ImageRgb8(shrink(pixels)?);
    small.apply_orientation(header.orientation);
    encode(&small.into_rgb8())
}

fn passes_through(header: &Header, bytes: &[u8]) -> bool {
    header.is_plain_jpeg && header.stored_width.max(header.stored_height) <= REQUEST_SIDE && bytes.len() <= MAX_UNTOUCHED_BYTES
}

/// RGB, 8 bits, with transparent pixels laid on white. Done before the resize, where no colour of a hidden pixel can bleed any more.
fn on_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    let mut opaque = RgbImage::new(width, height);
    for (target, source) in opaque.pixels_mut().zip(image.pixels()) {
        let [red, green, blue, alpha] = source.0;
        target.0 = [red, green, blue].map(|value| {
            let blended = u32::from(value) * u32::from(alpha) + 255 * u32::from(255 - alpha);
            ((blended + 127) / 255) as u8
        });
    }
    opaque
}

fn shrink(image: RgbImage) -> Result<RgbImage, ImageProblem> {
    let (width, height) = image.dimensions();
    let (small_width, small_height) = fit(width, height);
    if (small_width, small_height) == (width, height) {
        return Ok(image);
    }
    let source = ImageRef::new(width, height, image.as_raw(), PixelType::U8x3).map_err(|error| unconvertible(&error))?;
    let mut small = Image::new(small_width, small_height, PixelType::U8x3);
    Resizer::new().resize(&source, &mut small, None).map_err(|error| unconvertible(&error))?;
    RgbImage::from_raw(small_width, small_height, small.into_vec()).ok_or_else(|| unconvertible(&"the resized image has a wrong length"))
}

/// The size that fits the request square; the same size if it already does. No side becomes zero.
fn fit(width: u32, height: u32) -> (u32, u32) {
    let long_side = width.max(height);
    if long_side <= REQUEST_SIDE {
        return (width, height);
    }
    let scale = f64::from(REQUEST_SIDE) / f64::from(long_side);
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

fn unconvertible(cause: &dyn std::fmt::Display) -> ImageProblem {
    ImageProblem::Unconvertible { cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn a_size_shrinks_to_fit_and_never_grows_or_vanishes() {
        assert_eq!(fit(1024, 768), (512, 384));
        assert_eq!(fit(600, 1000), (307, 512));
        assert_eq!(fit(512, 512), (512, 512));
        assert_eq!(fit(3, 2), (3, 2));
        assert_eq!(fit(1, 100_000), (1, 512));
    }
}
