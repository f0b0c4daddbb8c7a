//! `effective_number(x [, q])`: how many categories there are in effect.

use datafusion::logical_expr::AggregateUDF;

use super::{CATEGORY, SECTION, of_categories};
use crate::diversity::Statistic;
use crate::functions::aggregate::AggregateFunction;
use crate::functions::arguments::{Description, Parameter, ParameterKind};

static DESCRIPTION: Description = Description {
    name: "effective_number",
    parameters: &[
        CATEGORY,
        Parameter {
            name: "q",
            kind: ParameterKind::Number,
            description: "The order, 0 or more, also infinity; a constant; 1 if left out. 0 counts all categories alike, higher ones mind the frequent.",
        },
    ],
    optional: 1,
    section: SECTION,
    summary: "The Hill number of order q, sum(p^q)^(1 / (1 - q)) (Hill 1973): as many categories of equal frequency are as diverse. 1 to k. q = 0 gives \
              the number of categories k, 1 the exponential of the entropy, 2 the inverse of Simpson's index, infinity 1 by the largest share. NULL for \
              no rows. Keeps a hash and a count of each category.",
    example: "SELECT effective_number(x, 2) FROM (VALUES ('cat'), ('cat'), ('dog'), ('cow')) AS t(x)",
};

/// The function.
pub fn effective_number() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |constants| {
        let order = constants.number("q", "0 or more", |order| order >= 0.0, 1.0)?;
        Ok(of_categories(&DESCRIPTION, Statistic::EffectiveNumber { order }))
    })
}
