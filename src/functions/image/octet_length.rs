//! `octet_length(value)`: the engine's function of that name, for image bytes too.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;

static DESCRIPTION: Description = Description {
    name: "octet_length",
    parameters: &[Parameter { name: "value", kind: ParameterKind::Bytes, description: "Bytes, such as images.bytes, or a text." }],
    optional: 0,
    section: "Images",
    summary: "How many bytes the value has; a text is counted in UTF-8. NULL for NULL.",
    example: "SELECT octet_length('käse')",
};

/// The function.
pub fn octet_length() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Int64, |_, arrays, _| {
        let lengths = arrays.iter().flat_map(|values| values.as_binary::<i64>()).map(|value| value.map(|bytes| bytes.len() as i64));
        Ok(Arc::new(lengths.collect::<Int64Array>()))
    })
}
