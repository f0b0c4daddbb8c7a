//! `mean_pairwise_distance(vector)`: how far apart vectors are on average.

use datafusion::logical_expr::AggregateUDF;

use super::vectors::of_vectors;
use super::{SECTION, VECTOR};
use crate::diversity::MeanDirection;
use crate::functions::aggregate::{AggregateFunction, Measured};
use crate::functions::arguments::Description;

static DESCRIPTION: Description = Description {
    name: "mean_pairwise_distance",
    parameters: &[VECTOR],
    optional: 0,
    section: SECTION,
    summary: "The mean cosine distance (1 - cosine) of all pairs of vectors: 0 where all point one way, about 1 for unrelated ones, 2 for two that are \
              opposite. Exact, from the sum of the unit vectors, in one pass. Zeros and vectors with NaN, infinity or NULL are left out; two \
              lengths are an error. NULL for fewer than two vectors.",
    example: "SELECT mean_pairwise_distance(vector) FROM (VALUES ([1.0, 0.0]), ([0.0, 1.0]), ([1.0, 1.0])) AS t(vector)",
};

/// The function.
pub fn mean_pairwise_distance() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |_| {
        Ok(Measured::begin(&DESCRIPTION, MeanDirection::default(), of_vectors(MeanDirection::add)))
    })
}
