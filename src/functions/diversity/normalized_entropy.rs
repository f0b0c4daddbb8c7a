//! `normalized_entropy(x)`: how evenly rows are spread over the categories there are.

use datafusion::logical_expr::AggregateUDF;

use super::{CATEGORY, SECTION, of_categories};
use crate::diversity::Statistic;
use crate::functions::aggregate::AggregateFunction;
use crate::functions::arguments::Description;

static DESCRIPTION: Description = Description {
    name: "normalized_entropy",
    parameters: &[CATEGORY],
    optional: 0,
    section: SECTION,
    summary: "shannon_entropy(x) by log2(k), the most it can be for the k categories that occur (Pielou 1966): near 0 where one has nearly all rows, \
              1 where all are equally frequent. NULL for fewer than two categories. Keeps a hash and a count of each category.",
    example: "SELECT normalized_entropy(x) FROM (VALUES ('cat'), ('cat'), ('dog'), ('cow')) AS t(x)",
};

/// The function.
pub fn normalized_entropy() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |_| Ok(of_categories(&DESCRIPTION, Statistic::NormalizedEntropy)))
}
