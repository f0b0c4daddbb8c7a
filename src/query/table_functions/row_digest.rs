//! A digest of whole rows, to tell whether two are equal without keeping both.

use std::sync::Arc;

use arrow::array::BinaryArray;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// 128 bits: with 10^12 rows, the chance that any two different ones share a digest is below 10^-14.
const DIGEST_BYTES: usize = 16;

/// A function of any columns, lists and structs as well, whose values agree exactly where all columns do; NULL equals NULL.
pub(super) fn row_digest() -> ScalarUDF {
    ScalarUDF::new_from_impl(RowDigest { signature: Signature::variadic_any(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RowDigest {
    signature: Signature,
}

impl ScalarUDFImpl for RowDigest {
    fn name(&self) -> &str {
        "row_digest"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
        let digests = rows.iter().map(|row| *blake3::hash(row.as_ref()).as_bytes());
        Ok(ColumnarValue::Array(Arc::new(BinaryArray::from_iter_values(digests.map(|digest| digest[..DIGEST_BYTES].to_vec())))))
    }
}
