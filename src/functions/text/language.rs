//! `language(text)`: the language a text is written in.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::{TEXT, of_texts};
use crate::functions::arguments::Description;
use crate::functions::pure::{PureFunction, column};
use crate::text;

static DESCRIPTION: Description = Description {
    name: "language",
    parameters: &[TEXT],
    optional: 0,
    section: "Text",
    summary: "The language as its ISO 639-1 code, one of ar, de, en, es, fr, hi, it, ja, ko, nl, pt, ru, sv, tr, vi, zh. NULL for NULL, for other \
              languages, and where too few common words tell: a single noun, a number, code, words that several of these languages have alike. The \
              first 2,000 bytes decide.",
    example: "SELECT language('Was ist auf dem Bild zu sehen?')",
};

/// The function.
pub fn language() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Utf8, |_, arrays, result| column(of_texts(&arrays[0], text::language), result))
}
