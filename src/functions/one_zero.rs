//! Numbers that are equal, in one form.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, ListArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

/// The same numbers, also those in lists, with one form of zero and one of what is no number, so that equal ones are of the same bits.
pub fn with_one_zero(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float32 => {
            let numbers: Float32Array =
                values.as_primitive::<Float32Type>().unary(|number| if number.is_nan() { f32::NAN } else { number + 0.0 });
            Arc::new(numbers)
        }
        DataType::Float64 => {
            let numbers: Float64Array =
                values.as_primitive::<Float64Type>().unary(|number| if number.is_nan() { f64::NAN } else { number + 0.0 });
            Arc::new(numbers)
        }
        DataType::List(element) => {
            let lists = values.as_list::<i32>();
            let numbers = with_one_zero(lists.values());
            Arc::new(ListArray::new(Arc::clone(element), lists.offsets().clone(), numbers, lists.nulls().cloned()))
        }
        _ => Arc::clone(values),
    }
}
