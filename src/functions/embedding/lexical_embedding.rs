//! `lexical_embedding(text)`: the embedded model's vector of a text.

use std::sync::Arc;

use arrow::array::{AsArray, Float32Builder, ListBuilder};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::model::lexical::vector;

static DESCRIPTION: Description = Description {
    name: "lexical_embedding",
    parameters: &[Parameter { name: "text", kind: ParameterKind::Text, description: "What to embed." }],
    optional: 0,
    section: "Embeddings",
    summary: "The embedded model's vector of a text, a list of 384 Float32 of length 1: its words, pairs of words and runs of characters, hashed. \
              It compares words and letters, not meaning. The same on every machine; costs no call. NULL for NULL and for a blank text.",
    example: "SELECT array_distance(lexical_embedding('a red car'), lexical_embedding('a red cart'))",
};

/// The function.
pub fn lexical_embedding() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::new_list(DataType::Float32, true), |_, arrays, _| {
        let mut vectors = ListBuilder::new(Float32Builder::new());
        for text in arrays[0].as_string::<i32>() {
            let text = text.filter(|text| !text.trim().is_empty());
            if let Some(text) = text {
                vectors.values().append_slice(&vector(text));
            }
            vectors.append(text.is_some());
        }
        Ok(Arc::new(vectors.finish()))
    })
}
