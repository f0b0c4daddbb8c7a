//! `hamming_distance(a, b)`: in how many bits two perceptual hashes differ.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::{PureFunction, column};
use crate::image::PerceptualHash;

const HASH: &str = "A hash of image_phash: 16 hexadecimal digits.";

static DESCRIPTION: Description = Description {
    name: "hamming_distance",
    parameters: &[
        Parameter { name: "a", kind: ParameterKind::Text, description: HASH },
        Parameter { name: "b", kind: ParameterKind::Text, description: HASH },
    ],
    optional: 0,
    section: "Images",
    summary: "How many of their 64 bits differ between two hashes of image_phash: 0 to about 8 between copies of a picture, about 32 between \
              unrelated ones. NULL if either is NULL; anything but 16 hexadecimal digits is an error.",
    example: "SELECT hamming_distance('c2d7c5b2a4e5a4c1', 'c2d7c5b2a4e5a4c2')",
};

#[derive(Deserialize)]
struct Row {
    a: Option<String>,
    b: Option<String>,
}

/// The function.
pub fn hamming_distance() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Int32, |fields, arrays, result| {
        let rows: Vec<Row> = DESCRIPTION.rows(fields, arrays)?;
        let distances: Vec<Option<u32>> = rows.into_iter().map(distance).collect::<Result<_>>()?;
        column(distances.into_iter(), result)
    })
}

fn distance(row: Row) -> Result<Option<u32>> {
    // Both are read even if one is NULL: a bad hash must not depend on its partner to be noticed.
    let [a, b] = [row.a, row.b].map(|text| text.map(|text| text.parse::<PerceptualHash>()).transpose());
    let invalid = |cause| Error::argument(DESCRIPTION.name, format!("{cause}"));
    Ok(a.map_err(invalid)?.zip(b.map_err(invalid)?).map(|(a, b)| a.distance(b)))
}
