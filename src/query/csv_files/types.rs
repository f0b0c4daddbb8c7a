//! Which types the values of a CSV file have. The engine's inference looks at the first records alone, and at shapes: `2023-02-30` is a date to it.

use std::path::Path;

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit};
use chrono::Utc;
use datafusion::common::Result;

use super::texts;

/// The types that every value in so many bytes has, beginning with those of the first records.
pub(super) fn widened(path: &Path, delimiter: u8, mut types: Vec<DataType>, enough_bytes: usize) -> Result<Vec<DataType>> {
    if types.iter().all(|data_type| *data_type == DataType::Utf8) {
        return Ok(types);
    }
    let mut bytes = 0;
    for batch in texts(path, delimiter, types.len())? {
        // What cannot be read is told of where it is read.
        let Ok(batch) = batch else { break };
        if bytes >= enough_bytes {
            break;
        }
        for (data_type, column) in types.iter_mut().zip(batch.columns()) {
            let values: &StringArray = column.as_string::<i32>();
            bytes += values.value_data().len() + values.len();
            if *data_type == DataType::Utf8 {
                continue;
            }
            for value in values.iter().flatten() {
                while !(is_read_as(value, data_type) && is_held_by(value, data_type)) {
                    *data_type = wider(data_type, value);
                }
            }
        }
    }
    Ok(types)
}

/// Whether the reader takes a value for one of the type.
pub(super) fn is_read_as(value: &str, data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean => ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)),
        DataType::Int64 => Int64Type::parse(value).is_some(),
        DataType::Float64 => Float64Type::parse(value).is_some(),
        DataType::Date32 => Date32Type::parse(value).is_some(),
        DataType::Timestamp(unit, _) => {
            let time = string_to_datetime(&Utc, value);
            time.is_ok_and(|time| *unit != TimeUnit::Nanosecond || time.timestamp_nanos_opt().is_some())
        }
        _ => true,
    }
}

/// Whether nothing of a value is lost that is read as one of the type.
fn is_held_by(value: &str, data_type: &DataType) -> bool {
    match data_type {
        // As floats, long ids that differ were one.
        DataType::Float64 => !is_whole(value) || Int64Type::parse(value).is_some(),
        // The time of the day would go.
        DataType::Date32 => value.len() == "2000-01-01".len(),
        DataType::Timestamp(unit, _) => {
            let nanoseconds = match unit {
                TimeUnit::Second => 1_000_000_000,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Microsecond => 1_000,
                TimeUnit::Nanosecond => 1,
            };
            string_to_datetime(&Utc, value).is_ok_and(|time| time.timestamp_subsec_nanos().is_multiple_of(nanoseconds))
        }
        _ => true,
    }
}

/// The next type that may hold `value` as well as every value that `data_type` holds; in the end text, which holds all.
fn wider(data_type: &DataType, value: &str) -> DataType {
    match data_type {
        DataType::Int64 if !is_whole(value) => DataType::Float64,
        DataType::Date32 => DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Second, _) => DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Timestamp(TimeUnit::Millisecond, _) => DataType::Timestamp(TimeUnit::Microsecond, None),
        // Nanoseconds reach back to 1677 only.
        _ => DataType::Utf8,
    }
}

fn is_whole(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    digits.bytes().all(|byte| byte.is_ascii_digit())
}
