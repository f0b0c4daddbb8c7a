//! `normalize_text(text)`: the text as it is compared.

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use std::sync::Arc;

use super::{SECTION, TEXT};
use crate::duplicates::text;
use crate::functions::arguments::Description;
use crate::functions::pure::PureFunction;

static DESCRIPTION: Description = Description {
    name: "normalize_text",
    parameters: &[TEXT],
    optional: 0,
    section: SECTION,
    summary: "The text as it is compared: characters in their plain form (Unicode NFKC), lowercase, without invisible ones, each run of white space \
              and control characters as one space. Punctuation stays. Exact duplicates are equal in this form. NULL for NULL.",
    example: "SELECT normalize_text('  What COLOUR  is it? ')",
};

/// The function.
pub fn normalize_text() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Utf8, |_, arrays, _| {
        let texts = arrays[0].as_string::<i32>();
        Ok(Arc::new(texts.iter().map(|text| text.map(text::normalize_text)).collect::<StringArray>()))
    })
}
