//! Formats that programs read: JSON, JSON lines and CSV. Exact and complete, never cut.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, LargeStringBuilder, RecordBatch, StructArray};
use arrow::csv::WriterBuilder;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::make_encoder;

use super::cell::{CellFormatter, Style, json_options};
use super::{OutputError, ResultWriter, Shown};

/// Encoded rows are handed on when there are this many bytes of them.
const CHUNK_BYTES: usize = 64 * 1024;
/// Nested and binary columns are turned into text this many rows at a time, so that a batch of images stays small.
const CSV_ROWS_AT_ONCE: usize = 64;

pub(super) struct JsonWriter {
    /// The keys of a row.
    names: Vec<String>,
    open: &'static str,
    between_rows: &'static str,
    after_row: &'static str,
    close: &'static str,
    has_rows: bool,
}

impl JsonWriter {
    /// One array over all batches, one row per line.
    pub(super) fn array(schema: &Schema) -> Self {
        Self { names: distinct_names(schema), open: "[", between_rows: ",\n ", after_row: "", close: "]\n", has_rows: false }
    }

    /// One object per line.
    pub(super) fn lines(schema: &Schema) -> Self {
        Self { names: distinct_names(schema), open: "", between_rows: "", after_row: "\n", close: "", has_rows: false }
    }
}

impl ResultWriter for JsonWriter {
    fn start(&mut self, out: &mut dyn Write) -> Result<(), OutputError> {
        Ok(out.write_all(self.open.as_bytes())?)
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), OutputError> {
        let schema = batch.schema();
        let fields = schema.fields().iter().zip(&self.names);
        // Nullable throughout: what a stream declares about NULL is not always what its batches hold.
        let fields = fields.map(|(field, name)| field.as_ref().clone().with_name(name).with_nullable(true));
        let rows = StructArray::try_new(fields.collect(), batch.columns().to_vec(), None)?;
        let row_field: FieldRef = Arc::new(Field::new("", rows.data_type().clone(), false));
        let mut encoder = make_encoder(&row_field, &rows, json_options(Style::Data))?;
        let mut chunk = Vec::new();
        for row in 0..rows.len() {
            if self.has_rows {
                chunk.extend_from_slice(self.between_rows.as_bytes());
            }
            self.has_rows = true;
            encoder.encode(row, &mut chunk);
            chunk.extend_from_slice(self.after_row.as_bytes());
            if chunk.len() > CHUNK_BYTES {
                out.write_all(&chunk)?;
                chunk.clear();
            }
        }
        Ok(out.write_all(&chunk)?)
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<Shown, OutputError> {
        out.write_all(self.close.as_bytes())?;
        Ok(Shown::default())
    }
}

/// The column names. SQL may give two columns one name, an object cannot have a key twice: the second becomes `name_2`.
fn distinct_names(schema: &Schema) -> Vec<String> {
    let mut taken: HashSet<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut seen = HashSet::new();
    let mut names = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let mut name = field.name().clone();
        if !seen.insert(field.name()) {
            let mut number = 2;
            while !taken.insert(format!("{}_{number}", field.name())) {
                number += 1;
            }
            name = format!("{name}_{number}");
        }
        names.push(name);
    }
    names
}

pub(super) struct CsvWriter {
    header: SchemaRef,
}

impl CsvWriter {
    pub(super) fn new(schema: &Schema) -> Self {
        let fields = schema.fields().iter().map(|field| Field::new(field.name(), DataType::Utf8, true));
        Self { header: Arc::new(Schema::new(fields.collect::<Fields>())) }
    }
}

impl ResultWriter for CsvWriter {
    fn start(&mut self, out: &mut dyn Write) -> Result<(), OutputError> {
        let no_rows = RecordBatch::new_empty(self.header.clone());
        Ok(out.write_all(&csv_text(&no_rows, true)?)?)
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), OutputError> {
        for first in (0..batch.num_rows()).step_by(CSV_ROWS_AT_ONCE) {
            let rows = batch.slice(first, CSV_ROWS_AT_ONCE.min(batch.num_rows() - first));
            out.write_all(&csv_text(&with_text_columns(&rows)?, false)?)?;
        }
        Ok(())
    }
}

fn csv_text(rows: &RecordBatch, has_header: bool) -> Result<Vec<u8>, ArrowError> {
    let mut text = Vec::new();
    WriterBuilder::new().with_header(has_header).build(&mut text).write(rows)?;
    Ok(text)
}

/// `rows` with nested and binary columns, which the CSV writer does not take, as text.
fn with_text_columns(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let mut fields = Vec::with_capacity(rows.num_columns());
    let mut columns = Vec::with_capacity(rows.num_columns());
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        let column = if needs_text(column.data_type()) { text_column(field, column)? } else { column.clone() };
        fields.push(Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn needs_text(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
    data_type.is_nested() || matches!(data_type, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}

fn text_column(field: &FieldRef, column: &dyn Array) -> Result<ArrayRef, ArrowError> {
    let mut cells = CellFormatter::new(field, column, Style::Data)?;
    let mut texts = LargeStringBuilder::new();
    for row in 0..column.len() {
        texts.append_option(cells.text(row)?);
    }
    Ok(Arc::new(texts.finish()))
}
