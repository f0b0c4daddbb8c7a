//! `token_count(text [, encoding])`: how many tokens a text is to a model.

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::TEXT;
use crate::error::{Error, Result, suggest};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::{PureFunction, column};
use crate::text::Encoding;

static DESCRIPTION: Description = Description {
    name: "token_count",
    parameters: &[
        TEXT,
        Parameter {
            name: "encoding",
            kind: ParameterKind::Text,
            description: "o200k_base (GPT-4o and later, the default), o200k_harmony, cl100k_base (GPT-4), p50k_base, p50k_edit or r50k_base.",
        },
    ],
    optional: 1,
    section: "Text",
    summary: "How many tokens the text is, as tiktoken counts them, without what a chat format adds; what looks like a special token counts as text. \
              NULL for NULL, also as encoding; an encoding that does not exist is an error.",
    example: "SELECT token_count('What is the man holding?')",
};

/// The function.
pub fn token_count() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Int64, |_, arrays, result| {
        let texts: &StringArray = arrays[0].as_string();
        let encodings: Option<&StringArray> = arrays.get(1).map(|encodings| encodings.as_string());
        let counts: Vec<Option<u64>> = (0..texts.len()).map(|row| count(value(texts, row), encodings, row)).collect::<Result<_>>()?;
        column(counts.into_iter(), result)
    })
}

fn count(text: Option<&str>, encodings: Option<&StringArray>, row: usize) -> Result<Option<u64>> {
    let encoding = match encodings {
        None => Some(Encoding::default()),
        // Read even if the text is NULL: a wrong name must not depend on the text to be noticed.
        Some(encodings) => value(encodings, row).map(encoding).transpose()?,
    };
    Ok(text.zip(encoding).map(|(text, encoding)| encoding.count(text) as u64))
}

fn value(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

fn encoding(name: &str) -> Result<Encoding> {
    Encoding::named(name).ok_or_else(|| {
        let known = Encoding::ALL.map(Encoding::name);
        let hints = match suggest(name, known) {
            none if none.is_empty() => vec![format!("it counts by {}", known.join(", "))],
            some => some,
        };
        Error::Argument { name: DESCRIPTION.name.to_owned(), message: format!("there is no encoding '{name}'"), hints }
    })
}
