//! `image_phash(bytes)`: the perceptual hash of an image.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::{IMAGE, of_images};
use crate::functions::arguments::Description;
use crate::functions::pure::{PureFunction, column};
use crate::image::perceptual_hash;

static DESCRIPTION: Description = Description {
    name: "image_phash",
    parameters: &[IMAGE],
    optional: 0,
    section: "Images",
    summary: "The perceptual hash of the image (DCT, 64 bits) as 16 hexadecimal digits. A resized or recompressed copy has nearly the same: \
              compare with hamming_distance. Decodes the whole image. NULL for NULL and for bytes that cannot be decoded as an image.",
    example: "SELECT image_phash(decode('R0lGODlhAwACAIAAAP///wAAACwAAAAAAwACAAACBUSIEGEBADs=', 'base64'))",
};

/// The function.
pub fn image_phash() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Utf8, |_, arrays, result| {
        column(of_images(&arrays[0], perceptual_hash).map(|hash| hash.map(|hash| hash.to_string())), result)
    })
}
