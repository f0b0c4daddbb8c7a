//! `image_thumbnail(bytes [, size])`: a small JPEG of an image.

use std::num::NonZeroU16;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeBinaryArray};
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use datafusion::logical_expr::ScalarUDF;

use super::IMAGE;
use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::image::thumbnail;

static DESCRIPTION: Description = Description {
    name: "image_thumbnail",
    parameters: &[
        IMAGE,
        Parameter {
            name: "size",
            kind: ParameterKind::Integer,
            description: "The side in pixels of the square that the thumbnail fits, 1 to 65535; 128 if left out.",
        },
    ],
    optional: 1,
    section: "Images",
    summary: "A JPEG of the image that fits size x size pixels: same aspect, upright, transparent parts on white, the first frame of an \
              animation, never enlarged. Decodes the whole image. NULL for NULL and for bytes that cannot be decoded as an image.",
    example: "SELECT octet_length(image_thumbnail(decode('R0lGODlhAwACAIAAAP///wAAACwAAAAAAwACAAACBUSIEGEBADs=', 'base64'), 64)) > 0",
};

const DEFAULT_SIZE: i64 = 128;

/// The function.
pub fn image_thumbnail() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::LargeBinary, |_, arrays, _| Ok(Arc::new(thumbnails(arrays)?)))
}

fn thumbnails(arrays: &[ArrayRef]) -> Result<LargeBinaryArray> {
    let sizes = arrays.get(1).map(|sizes| sizes.as_primitive::<Int64Type>());
    let size = |row| match sizes {
        Some(sizes) => sizes.is_valid(row).then(|| sizes.value(row)),
        None => Some(DEFAULT_SIZE),
    };
    let thumbnails = arrays[0].as_binary::<i64>().iter().enumerate().map(|(row, bytes)| {
        let side = size(row).map(side).transpose()?;
        Ok(side.zip(bytes).and_then(|(side, bytes)| thumbnail(bytes, side).ok()))
    });
    thumbnails.collect::<Result<Vec<Option<Bytes>>>>().map(LargeBinaryArray::from_iter)
}

fn side(size: i64) -> Result<NonZeroU16> {
    let side = u16::try_from(size).ok().and_then(NonZeroU16::new);
    side.ok_or_else(|| Error::argument(DESCRIPTION.name, format!("size must be 1 to {}, got {size}", u16::MAX)))
}
