//! Values as plain text, one line a row.

use arrow::array::Array;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sqllogictest::DefaultColumnType;

/// The letter of a type after `query`: `T` text, `I` integer, `R` number with a fraction, `?` anything else.
pub fn column_type(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DefaultColumnType::Text,
        integer if integer.is_integer() => DefaultColumnType::Integer,
        number if number.is_numeric() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Any,
    }
}

/// The rows of all batches. A line of a plan is a row of its own.
pub fn rows(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>, ArrowError> {
    let mut rows = Vec::new();
    for batch in batches {
        let is_plan = batch.schema().fields().iter().map(|field| field.name().as_str()).eq(["plan_type", "plan"]);
        let options = FormatOptions::new().with_null("NULL");
        let columns =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            match is_plan {
                true => rows.extend(cells[1].lines().map(|line| vec![cells[0].clone(), line.to_owned()])),
                false => rows.push(batch.columns().iter().zip(cells).map(|(column, cell)| one_line(column.as_ref(), cell)).collect()),
            }
        }
    }
    Ok(rows)
}

/// A cell without line breaks; an empty text is `(empty)`.
fn one_line(column: &dyn Array, cell: String) -> String {
    match cell.is_empty() && column.data_type().is_string() {
        true => "(empty)".into(),
        false => cell.replace('\\', r"\\").replace('\n', r"\n").replace('\r', r"\r").replace('\t', r"\t"),
    }
}
