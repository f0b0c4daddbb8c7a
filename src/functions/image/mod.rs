//! Functions over images.
//!
//! Bytes that cannot be read as a picture (no image, cut off, damaged, more pixels than [`MAX_PIXELS`](crate::image::MAX_PIXELS)) give NULL,
//! so that one bad file does not end a query over many.

pub mod hamming_distance;
pub mod image_height;
pub mod image_phash;
pub mod image_thumbnail;
pub mod image_width;
pub mod octet_length;

use arrow::array::{ArrayRef, AsArray};

use crate::functions::arguments::{Parameter, ParameterKind};
use crate::image::ImageError;

/// The parameter of functions that take an image.
const IMAGE: Parameter =
    Parameter { name: "bytes", kind: ParameterKind::Image, description: "The bytes of an image file, such as images.bytes." };

/// What `read` makes of each image in a column of that parameter; `None` for NULL and for what is no readable image.
fn of_images<T>(images: &ArrayRef, read: impl Fn(&[u8]) -> Result<T, ImageError>) -> impl Iterator<Item = Option<T>> {
    images.as_binary::<i64>().iter().map(move |bytes| read(bytes?).ok())
}
