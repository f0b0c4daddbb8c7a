//! `cohen_kappa(a, b)`: how far two judges agree.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{CastOptions, cast_with_options};
use datafusion::logical_expr::AggregateUDF;
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;

use super::SECTION;
use super::labels::Labels;
use crate::diversity::Kappa;
use crate::error::{Error, Result};
use crate::functions::aggregate::{AggregateFunction, Measured};
use crate::functions::arguments::{Description, Parameter, ParameterKind};

static DESCRIPTION: Description = Description {
    name: "cohen_kappa",
    parameters: &[
        Parameter { name: "a", kind: ParameterKind::Category, description: "One judge's label of a row." },
        Parameter { name: "b", kind: ParameterKind::Category, description: "The other judge's label of the same row." },
    ],
    optional: 0,
    section: SECTION,
    summary: "The agreement of two judges beyond chance, (po - pe) / (1 - pe) (Cohen 1960), with po the share of rows they agree on and pe what their \
              labels' shares alone would give: 1 for full agreement, 0 for chance, negative for less. Any labels, none nearer to another. Rows with a \
              NULL are left out. NULL for no rows, and where both give all rows one label.",
    example: "SELECT cohen_kappa(a, b) FROM (VALUES (true, true), (true, false), (false, false), (false, false)) AS t(a, b)",
};

/// The function.
pub fn cohen_kappa() -> AggregateUDF {
    AggregateFunction::over(&DESCRIPTION, 2, |_| {
        let mut labels = Labels::default();
        Ok(Measured::begin(&DESCRIPTION, Kappa::default(), move |measure, arguments| {
            let [a, b] = of_one_type(&arguments[0], &arguments[1])?;
            let pairs = labels.of(&a)?.into_iter().zip(labels.of(&b)?);
            pairs.filter_map(|(a, b)| a.zip(b)).for_each(|(a, b)| measure.add(a, b));
            Ok(())
        }))
    })
}

/// Both in the type in which the engine would compare them. A label that has no value of it is an error, as it is there.
fn of_one_type(a: &ArrayRef, b: &ArrayRef) -> Result<[ArrayRef; 2]> {
    let [given_a, given_b] = [a.data_type(), b.data_type()];
    if given_a == given_b {
        return Ok([Arc::clone(a), Arc::clone(b)]);
    }
    let cannot = || Error::argument(DESCRIPTION.name, format!("labels of types {given_a} and {given_b} cannot be compared"));
    let common = comparison_coercion(given_a, given_b).ok_or_else(cannot)?;
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    let in_common = |labels: &ArrayRef| {
        cast_with_options(labels, &common, &strictly).map_err(|cause| Error::Argument {
            name: DESCRIPTION.name.to_owned(),
            message: format!("labels of types {given_a} and {given_b} are compared as {common}: {cause}"),
            hints: vec!["cast both to VARCHAR to compare them as texts".to_owned()],
        })
    };
    Ok([in_common(a)?, in_common(b)?])
}
