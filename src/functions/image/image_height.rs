//! `image_height(bytes)`: the height of an image in pixels.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::{IMAGE, of_images};
use crate::functions::arguments::Description;
use crate::functions::pure::{PureFunction, column};
use crate::image::dimensions;

static DESCRIPTION: Description = Description {
    name: "image_height",
    parameters: &[IMAGE],
    optional: 0,
    section: "Images",
    summary: "The height of the image in pixels, as a viewer shows it, with the orientation of its metadata applied. Reads the header, not the \
              pixels. NULL for NULL and for bytes that are no complete image of a format that is read.",
    example: "SELECT image_height(decode('R0lGODlhAwACAIAAAP///wAAACwAAAAAAwACAAACBUSIEGEBADs=', 'base64'))",
};

/// The function.
pub fn image_height() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Int32, |_, arrays, result| {
        column(of_images(&arrays[0], dimensions).map(|size| size.map(|(_, height)| height)), result)
    })
}
