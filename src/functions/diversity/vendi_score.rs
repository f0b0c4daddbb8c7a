//! `vendi_score(vector)`: how many different vectors there are in effect.

use datafusion::logical_expr::AggregateUDF;

use super::vectors::of_vectors;
use super::{SECTION, VECTOR};
use crate::diversity::Vendi;
use crate::functions::aggregate::{AggregateFunction, Measured};
use crate::functions::arguments::Description;

static DESCRIPTION: Description = Description {
    name: "vendi_score",
    parameters: &[VECTOR],
    optional: 0,
    section: SECTION,
    summary: "The exponential of the entropy of the eigenvalues of the cosines' matrix (Friedman and Dieng 2023): 1 where all vectors point one way, to \
              their number or length, whichever is less. Exact for vectors of up to 2048 components; of longer ones, a sample of 2048 that is drawn \
              by hash. Zeros and vectors with NaN, infinity or NULL are left out; two lengths are an error. NULL for no vectors.",
    example: "SELECT vendi_score(vector) FROM (VALUES ([1.0, 0.0]), ([0.0, 1.0]), ([0.0, 2.0])) AS t(vector)",
};

/// The function.
pub fn vendi_score() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |_| Ok(Measured::begin(&DESCRIPTION, Vendi::default(), of_vectors(Vendi::add))))
}
