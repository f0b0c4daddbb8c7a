//! `simhash(text)`: one hash of 64 bits, near the hashes of texts like it.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::{SECTION, TEXT};
use crate::duplicates;
use crate::functions::arguments::Description;
use crate::functions::pure::PureFunction;

static DESCRIPTION: Description = Description {
    name: "simhash",
    parameters: &[TEXT],
    optional: 0,
    section: SECTION,
    summary: "The SimHash of the text over its runs of three words (Charikar 2002) as 16 hexadecimal digits, for hamming_distance: 0 between texts that \
              are equal when normalised, a few bits between long texts that differ little, about 32 between unrelated ones. Too coarse for short \
              questions: use minhash there. NULL for NULL and for a text without any word.",
    example: "SELECT hamming_distance(simhash('How many dogs are there?'), simhash('HOW many dogs are there?'))",
};

/// The function.
pub fn simhash() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Utf8, |_, arrays, _| {
        let hash = |text| duplicates::simhash(text).map(|hash| format!("{hash:016x}"));
        Ok(Arc::new(arrays[0].as_string::<i32>().iter().map(|text| hash(text?)).collect::<StringArray>()))
    })
}
