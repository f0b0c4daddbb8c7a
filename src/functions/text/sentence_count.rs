//! `sentence_count(text)`: how many sentences a text has.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::{TEXT, of_texts};
use crate::functions::arguments::Description;
use crate::functions::pure::{PureFunction, column};
use crate::text;

static DESCRIPTION: Description = Description {
    name: "sentence_count",
    parameters: &[TEXT],
    optional: 0,
    section: "Text",
    summary: "How many sentences the text has, in any language: by the boundaries of Unicode Annex 29, but abbreviations such as \"Dr.\", initials and \
              the numbers of list items end none, nor do line breaks before a line that goes on in lower case. Markup is passed over. 0 for a text \
              without letters and digits, NULL for NULL.",
    example: "SELECT sentence_count('Look at Dr. Smith. What is he holding?')",
};

/// The function.
pub fn sentence_count() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Int64, |_, arrays, result| {
        column(of_texts(&arrays[0], |text| Some(text::sentence_count(text) as u64)), result)
    })
}
