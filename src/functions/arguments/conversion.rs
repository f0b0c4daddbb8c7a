//! Arguments in the type in which a function gets them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapBuilder, StringBuilder, StructArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use datafusion::common::format::DEFAULT_CAST_OPTIONS;
use datafusion::common::nested_struct::cast_column;

/// The array as `wanted`. A value where a list is wanted is a list of that value, NULL a NULL list.
///
/// # Errors
/// A value that its column's type allows and `wanted` does not.
pub fn conform(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    let given = array.data_type();
    match (given, wanted) {
        _ if given == wanted => return Ok(Arc::clone(array)),
        (DataType::Null, _) => return Ok(new_null_array(wanted, array.len())),
        (DataType::Struct(_), DataType::Map(..)) => return options_of(array.as_struct()),
        (DataType::Map(..), DataType::Map(..)) => return Ok(cast(array, wanted)?),
        (_, DataType::List(element)) if element_type(given).is_none() => {
            let values = cast(array, element.data_type())?;
            let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(1, values.len()));
            let nulls = values.logical_nulls();
            return Ok(Arc::new(ListArray::try_new(Arc::clone(element), offsets, values, nulls)?));
        }
        _ => {}
    }
    let array = match (given, element_type(given)) {
        (DataType::List(_), _) | (_, None) => Arc::clone(array),
        (_, Some(element)) => cast(array, &list_of(element.clone()))?,
    };
    match array.data_type() == wanted {
        true => Ok(array),
        false => Ok(cast_column(&array, wanted, &DEFAULT_CAST_OPTIONS)?),
    }
}

/// A list of values that may be NULL.
pub fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

/// The type of a list's elements, whatever its layout; `None` for what is no list.
pub fn element_type(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => Some(element.data_type()),
        _ => None,
    }
}

/// Options by name, as they are written. The names of its parts are those that a [`MapBuilder`] gives.
pub fn options_type() -> DataType {
    let entry = Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

/// The fields of each struct that are not NULL, by name.
fn options_of(structs: &StructArray) -> Result<ArrayRef> {
    let columns: Vec<ArrayRef> = structs.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<Result<_, _>>()?;
    let mut options = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in 0..structs.len() {
        for (name, column) in structs.column_names().into_iter().zip(&columns) {
            let column = column.as_string::<i32>();
            if structs.is_valid(row) && column.is_valid(row) {
                options.keys().append_value(name);
                options.values().append_value(column.value(row));
            }
        }
        options.append(structs.is_valid(row))?;
    }
    Ok(Arc::new(options.finish()))
}
