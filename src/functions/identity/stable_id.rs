//! `stable_id(value, ...)`: the id of something identified by these values.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;

static DESCRIPTION: Description = Description {
    name: "stable_id",
    parameters: &[Parameter {
        name: "value",
        kind: ParameterKind::Values,
        description: "Texts and numbers; NULL counts as a value of its own.",
    }],
    optional: 0,
    section: "Identity",
    summary: "The id of what these values identify: 32 hex digits of a blake3 hash over the values with their lengths. Never NULL.",
    example: "SELECT stable_id('evolution', 'a', 1)",
};

/// The function.
pub fn stable_id() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Utf8, |_, arrays, _| {
        let columns: Vec<&StringArray> = arrays.iter().map(|array| array.as_string::<i32>()).collect();
        let rows = columns.first().map_or(0, |column| column.len());
        let ids = (0..rows).map(|row| crate::ids::stable_id(columns.iter().map(|column| column.is_valid(row).then(|| column.value(row)))));
        Ok(Arc::new(StringArray::from_iter_values(ids)))
    })
}
