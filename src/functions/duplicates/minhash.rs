//! `minhash(text [, permutations])`: a signature from which the Jaccard similarity of two texts can be told.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, ListBuilder, UInt32Builder};
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::logical_expr::ScalarUDF;

use super::{SECTION, TEXT};
use crate::duplicates::MinHasher;
use crate::duplicates::minhash::{DEFAULT_PERMUTATIONS, MAX_PERMUTATIONS};
use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;

static DESCRIPTION: Description = Description {
    name: "minhash",
    parameters: &[
        TEXT,
        Parameter {
            name: "permutations",
            kind: ParameterKind::Integer,
            description: "Values of the signature, 1 to 4096; 128 if left out.",
        },
    ],
    optional: 1,
    section: SECTION,
    summary: "The MinHash signature of the text over its runs of three words (Broder 1997): a list of 32-bit numbers without sign (List(UInt32)), the \
              same on every machine and in every version. The share of places in which two signatures agree, minhash_similarity, estimates \
              the Jaccard similarity of the texts with a standard error of at most 0.5 / sqrt(permutations). A longer signature begins with the \
              shorter one. NULL for NULL and for a text without any word. Time is words times permutations.",
    example: "SELECT minhash('How many dogs are there?', 4)",
};

/// The function.
pub fn minhash() -> ScalarUDF {
    let signature = DataType::List(Arc::new(Field::new("item", DataType::UInt32, true)));
    PureFunction::of_columns(&DESCRIPTION, signature, |_, arrays, _| {
        let texts = arrays[0].as_string::<i32>();
        let lengths = arrays.get(1).map(|lengths| lengths.as_primitive::<Int64Type>());
        let mut hashers: HashMap<usize, MinHasher> = HashMap::new();
        let mut signatures = ListBuilder::new(UInt32Builder::new());
        for (row, text) in texts.iter().enumerate() {
            let length = match lengths {
                Some(lengths) if lengths.is_null(row) => None,
                Some(lengths) => Some(permutations(lengths.value(row))?),
                None => Some(DEFAULT_PERMUTATIONS),
            };
            let signature = text.zip(length).and_then(|(text, length)| {
                let hasher = hashers.entry(length).or_insert_with(|| MinHasher::new(length));
                hasher.signature(text)
            });
            signatures.append_option(signature.map(|values| values.into_iter().map(Some)));
        }
        Ok(Arc::new(signatures.finish()))
    })
}

fn permutations(number: i64) -> Result<usize> {
    let valid = usize::try_from(number).ok().filter(|number| (1..=MAX_PERMUTATIONS).contains(number));
    valid.ok_or_else(|| Error::argument(DESCRIPTION.name, format!("permutations must be 1 to {MAX_PERMUTATIONS}, got {number}")))
}
