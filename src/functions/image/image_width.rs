//! `image_width(bytes)`: the width of an image in pixels.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::{IMAGE, of_images};
use crate::functions::arguments::Description;
use crate::functions::pure::{PureFunction, column};
use crate::image::dimensions;

static DESCRIPTION: Description = Description {
    name: "image_width",
    parameters: &[IMAGE],
    optional: 0,
    section: "Images",
    summary: "The width of the image in pixels, as a viewer shows it, with the orientation of its metadata applied. Reads the header, not the \
              pixels. NULL for NULL and for bytes that are no complete image of a format that is read.",
    example: "SELECT image_width(decode('R0lGODlhAwACAIAAAP///wAAACwAAAAAAwACAAACBUSIEGEBADs=', 'base64'))",
};

/// The function.
pub fn image_width() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Int32, |_, arrays, result| {
        column(of_images(&arrays[0], dimensions).map(|size| size.map(|(width, _)| width)), result)
    })
}
