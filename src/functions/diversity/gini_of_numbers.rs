//! `gini_of_numbers(number)`: how unequally a total is shared.

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use datafusion::logical_expr::AggregateUDF;

use super::SECTION;
use crate::diversity::NumberInequality;
use crate::functions::aggregate::{AggregateFunction, Measured};
use crate::functions::arguments::{Description, Parameter, ParameterKind};

static DESCRIPTION: Description = Description {
    name: "gini_of_numbers",
    parameters: &[Parameter { name: "number", kind: ParameterKind::Number, description: "A row's part of the total, 0 or more." }],
    optional: 0,
    section: SECTION,
    summary: "The Gini coefficient of numbers (Gini 1912): 0 where all are equal, to 1 - 1/n where one of n has all. A negative number is an error; \
              what is not finite is left out. NULL for no rows and where all are 0. Over counts of its own it takes in categories without rows, \
              which gini(x) cannot know. Keeps each distinct number with a count.",
    example: "SELECT gini_of_numbers(x) FROM (VALUES (0), (0), (1), (3)) AS t(x)",
};

/// The function.
pub fn gini_of_numbers() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 1, |_| {
        Ok(Measured::begin(&DESCRIPTION, NumberInequality::default(), |measure, arguments| {
            let numbers = arguments[0].as_primitive::<Float64Type>();
            numbers.iter().flatten().try_for_each(|number| measure.add(number)).map_err(Into::into)
        }))
    })
}
