//! Vectors in any layout of a list.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use crate::functions::aggregate::TakeError;

/// How a measure of vectors takes a batch. A vector with a component that is NULL is left out, like a NULL.
pub fn of_vectors<M, E: Into<TakeError>>(
    mut add: impl FnMut(&mut M, &[f64]) -> Result<(), E>,
) -> impl FnMut(&mut M, &[ArrayRef]) -> Result<(), TakeError> {
    move |measure, arguments| for_each(&arguments[0], |vector| add(measure, vector).map_err(Into::into))
}

fn for_each(vectors: &ArrayRef, take: impl FnMut(&[f64]) -> Result<(), TakeError>) -> Result<(), TakeError> {
    match vectors.data_type() {
        DataType::Null => Ok(()),
        DataType::FixedSizeList(..) => {
            let list = vectors.as_fixed_size_list();
            let length = list.value_length() as usize;
            let places = (0..list.len()).filter(|row| list.is_valid(*row)).map(|row| row * length..(row + 1) * length);
            take_all(list.values(), places, take)
        }
        DataType::List(_) => take_all(vectors.as_list::<i32>().values(), places::<i32>(vectors), take),
        DataType::LargeList(_) => take_all(vectors.as_list::<i64>().values(), places::<i64>(vectors), take),
        _ => for_each(&cast(vectors, &DataType::new_large_list(DataType::Float64, true))?, take),
    }
}

/// Where the components of each vector that is not NULL stand.
fn places<O: OffsetSizeTrait>(vectors: &ArrayRef) -> impl Iterator<Item = Range<usize>> {
    let list = vectors.as_list::<O>();
    let offsets = list.offsets().windows(2).enumerate();
    offsets.filter(|(row, _)| list.is_valid(*row)).map(|(_, ends)| ends[0].as_usize()..ends[1].as_usize())
}

fn take_all(
    components: &ArrayRef,
    places: impl Iterator<Item = Range<usize>>,
    mut take: impl FnMut(&[f64]) -> Result<(), TakeError>,
) -> Result<(), TakeError> {
    let nulls = components.nulls().filter(|nulls| nulls.null_count() > 0);
    let has_null = |place: &Range<usize>| nulls.is_some_and(|nulls| nulls.slice(place.start, place.len()).null_count() > 0);
    let mut places = places.filter(|place| !has_null(place));
    if let DataType::Float32 = components.data_type() {
        let single = components.as_primitive::<Float32Type>().values();
        let mut vector = Vec::new();
        return places.try_for_each(|place| {
            vector.clear();
            vector.extend(single[place].iter().map(|component| f64::from(*component)));
            take(&vector)
        });
    }
    let double = cast(components, &DataType::Float64)?;
    let double = double.as_primitive::<Float64Type>().values();
    places.try_for_each(|place| take(&double[place]))
}
