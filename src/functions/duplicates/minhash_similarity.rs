//! `minhash_similarity(a, b)`: the estimated Jaccard similarity of two texts, from their signatures.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::logical_expr::ScalarUDF;

use super::SECTION;
use crate::duplicates::minhash::signature_similarity;
use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;

const SIGNATURE: &str = "A signature of minhash.";

static DESCRIPTION: Description = Description {
    name: "minhash_similarity",
    parameters: &[
        Parameter { name: "a", kind: ParameterKind::Integers, description: SIGNATURE },
        Parameter { name: "b", kind: ParameterKind::Integers, description: SIGNATURE },
    ],
    optional: 0,
    section: SECTION,
    summary: "The share of places in which two signatures of minhash agree, 0 to 1: an estimate of the share of runs of three words that the texts have \
              in common, of all that either has. NULL if either is NULL or has a NULL in it; signatures of different lengths are an error.",
    example: "SELECT minhash_similarity(minhash('a dog on a mat'), minhash('A dog on a  mat'))",
};

/// The function.
pub fn minhash_similarity() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Float64, |_, arrays, _| {
        let (left, right) = (arrays[0].as_list::<i32>(), arrays[1].as_list::<i32>());
        let similarity = |row| -> Result<Option<f64>> {
            if left.is_null(row) || right.is_null(row) {
                return Ok(None);
            }
            let (a, b) = (left.value(row), right.value(row));
            let similarity = signature_similarity(a.as_primitive::<Int64Type>().values(), b.as_primitive::<Int64Type>().values());
            let similarity = similarity.ok_or_else(|| {
                let problem = format!("signatures must be of one length of at least 1, got {} and {} values", a.len(), b.len());
                Error::argument(DESCRIPTION.name, problem)
            })?;
            Ok((a.null_count() == 0 && b.null_count() == 0).then_some(similarity))
        };
        Ok(Arc::new((0..left.len()).map(similarity).collect::<Result<Float64Array>>()?))
    })
}
