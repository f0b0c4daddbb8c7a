//! Pixels: laid on white, resized.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
use image::{DynamicImage, RgbImage};

use super::ImageProblem;

/// RGB, 8 bits, with transparent pixels laid on white. Done before a resize, where no colour of a hidden pixel can bleed any more.
pub(super) fn on_white(image: DynamicImage) -> RgbImage {
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

/// The image at that size, whatever its aspect, with a Lanczos filter.
pub(super) fn resize(image: RgbImage, width: u32, height: u32) -> Result<RgbImage, ImageProblem> {
    if image.dimensions() == (width, height) {
        return Ok(image);
    }
    let source = ImageRef::new(image.width(), image.height(), image.as_raw(), PixelType::U8x3).map_err(|error| unconvertible(&error))?;
    let mut resized = Image::new(width, height, PixelType::U8x3);
    Resizer::new().resize(&source, &mut resized, None).map_err(|error| unconvertible(&error))?;
    RgbImage::from_raw(width, height, resized.into_vec()).ok_or_else(|| unconvertible(&"the resized image has a wrong length"))
}

pub(super) fn unconvertible(cause: &dyn std::fmt::Display) -> ImageProblem {
    ImageProblem::Unconvertible { cause: cause.to_string() }
}
