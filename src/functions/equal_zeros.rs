//! Numbers that are equal, in one form.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, Float16Array, Float32Array, Float64Array, GenericListArray, OffsetSizeTrait, StructArray,
};
use arrow::datatypes::{ArrowPrimitiveType, DataType, FieldRef, Float16Type, Float32Type, Float64Type};

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// The same numbers, also those in lists, structs and dictionaries, with one form of zero and one of what is no number, so that equal ones are of the
/// same bits. Other values stay as they are.
pub fn with_one_zero(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float16 => {
            let numbers: Float16Array =
                values.as_primitive::<Float16Type>().unary(|number| if number.is_nan() { Half::NAN } else { number + Half::ZERO });
            Arc::new(numbers)
        }
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
        DataType::List(element) => of_lists(values.as_list::<i32>(), element),
        DataType::LargeList(element) => of_lists(values.as_list::<i64>(), element),
        DataType::FixedSizeList(element, length @ 1..) => {
            let lists = values.as_fixed_size_list();
            Arc::new(FixedSizeListArray::new(Arc::clone(element), *length, with_one_zero(lists.values()), lists.nulls().cloned()))
        }
        DataType::Struct(fields) if !fields.is_empty() => {
            let structs = values.as_struct();
            let columns = structs.columns().iter().map(with_one_zero).collect();
            Arc::new(StructArray::new(fields.clone(), columns, structs.nulls().cloned()))
        }
        DataType::Dictionary(_, _) => {
            let dictionary = values.as_any_dictionary();
            dictionary.with_values(with_one_zero(dictionary.values()))
        }
        _ => Arc::clone(values),
    }
}

fn of_lists<O: OffsetSizeTrait>(lists: &GenericListArray<O>, element: &FieldRef) -> ArrayRef {
    let numbers = with_one_zero(lists.values());
    Arc::new(GenericListArray::new(Arc::clone(element), lists.offsets().clone(), numbers, lists.nulls().cloned()))
}
