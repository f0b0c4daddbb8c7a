//! `gini(x)`: how unequally rows are spread over the categories there are.

use datafusion::logical_expr::AggregateUDF;

use super::{CATEGORY, SECTION, of_categories};
use crate::diversity::Statistic;
use crate::functions::aggregate::AggregateFunction;
use crate::functions::arguments::Description;

static DESCRIPTION: Description = Description {
    name: "gini",
    parameters: &[CATEGORY],
    optional: 0,
    section: SECTION,
    summary: "The Gini coefficient of how many rows each category has (Gini 1912): 0 where all are equally frequent, to 1 - 1/k where one of k has nearly \
              all rows. Numbers are categories too: for the inequality of the numbers themselves use gini_of_numbers. NULL for no rows. Keeps a hash \
              and a count of each category.",
    example: "SELECT gini(x) FROM (VALUES ('cat'), ('cat'), ('cat'), ('dog')) AS t(x)",
};

/// The function.
pub fn gini() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |_| Ok(of_categories(&DESCRIPTION, Statistic::Gini)))
}
