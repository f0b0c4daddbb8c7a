//! `shannon_entropy(x)`: how uncertain a row's category is.

use datafusion::logical_expr::AggregateUDF;

use super::{CATEGORY, SECTION, of_categories};
use crate::diversity::Statistic;
use crate::functions::aggregate::AggregateFunction;
use crate::functions::arguments::Description;

static DESCRIPTION: Description = Description {
    name: "shannon_entropy",
    parameters: &[CATEGORY],
    optional: 0,
    section: SECTION,
    summary: "The entropy of the categories' shares in bits, -sum(p * log2(p)) (Shannon 1948): 0 for one category to log2(k) for k that are equally \
              frequent. NULL for no rows. Keeps a hash and a count of each category.",
    example: "SELECT shannon_entropy(x) FROM (VALUES ('cat'), ('cat'), ('dog'), ('cow')) AS t(x)",
};

/// The function.
pub fn shannon_entropy() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |_| Ok(of_categories(&DESCRIPTION, Statistic::Entropy)))
}
