//! The frame of every pure SQL function: its description and result as data, its body as a function of one row.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::arguments::Description;
use crate::error::Error;

/// A pure function of its arguments: immutable, free, the same on every row.
pub struct PureFunction {
    description: &'static Description,
    result: DataType,
    body: Box<Body>,
    signature: Signature,
    documentation: Documentation,
}

/// Arguments with fields named after the parameters, and the field of the result.
type Body = dyn Fn(&[FieldRef], &[ArrayRef], &FieldRef) -> crate::Result<ArrayRef> + Send + Sync;

impl PureFunction {
    /// A SQL function that computes each row by `body`, with the row's arguments deserialized by parameter name into `R`.
    pub fn of_rows<R: DeserializeOwned + 'static, T: Serialize + 'static>(
        description: &'static Description,
        result: DataType,
        body: impl Fn(R) -> T + Send + Sync + 'static,
    ) -> ScalarUDF {
        Self::of_columns(description, result, move |fields, arrays, result| {
            column(description.rows(fields, arrays)?.into_iter().map(&body), result)
        })
    }

    /// A SQL function that computes a whole column at once.
    pub fn of_columns(
        description: &'static Description,
        result: DataType,
        body: impl Fn(&[FieldRef], &[ArrayRef], &FieldRef) -> crate::Result<ArrayRef> + Send + Sync + 'static,
    ) -> ScalarUDF {
        ScalarUDF::new_from_impl(PureFunction {
            description,
            result,
            body: Box::new(body),
            signature: Description::signature(Volatility::Immutable),
            documentation: description.documentation(),
        })
    }
}

impl std::fmt::Debug for PureFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.description.name)
    }
}

#[derive(Serialize)]
struct Value<T> {
    value: T,
}

/// One column from one value a row.
pub(super) fn column<T: Serialize>(values: impl Iterator<Item = T>, result: &FieldRef) -> crate::Result<ArrayRef> {
    let values: Vec<Value<T>> = values.map(|value| Value { value }).collect();
    let arrays = serde_arrow::to_arrow(std::slice::from_ref(result), &values)?;
    arrays.into_iter().next().ok_or_else(|| Error::internal("a function made no column", "empty result"))
}

/// The field that results are serialized into.
pub(super) fn result_field(result: &DataType) -> FieldRef {
    Arc::new(Field::new("value", result.clone(), true))
}

impl ScalarUDFImpl for PureFunction {
    fn name(&self) -> &str {
        self.description.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.description.check(arguments)?;
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let (fields, arrays) = self.description.arguments(&args)?;
        let values = (self.body)(&fields, &arrays, &result_field(&self.result))?;
        Ok(match constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?),
            false => ColumnarValue::Array(values),
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for PureFunction {
    fn eq(&self, other: &Self) -> bool {
        self.description.name == other.description.name
    }
}

impl Eq for PureFunction {}

impl Hash for PureFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.description.name.hash(state);
    }
}
