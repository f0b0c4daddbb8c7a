//! Rows of a Parquet file as JSON fields and images, a few at a time.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::compute::{CastOptions, cast, cast_with_options, take_record_batch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::Value;

use super::super::detect::FormatError;
use super::super::json_records::fields::{Fields, fault};
use super::super::messages::image_of_text;
use super::super::{RecordFault, SeedImage};

/// Rows decoded at once. Few, since a row may hold images of several megabytes.
const BATCH_ROWS: usize = 16;
/// The columns that hold images, in the order in which a sample has them.
pub(super) const IMAGE_COLUMNS: [&str; 3] = ["image", "images", "further_images"];
/// The columns that hold a row's own key.
const ID_COLUMNS: [&str; 2] = ["hash_id", "id"];

/// The rows of a file, with the columns asked for.
#[derive(Debug)]
pub(super) struct Rows {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    decoded: VecDeque<Row>,
    /// Rows decoded so far.
    count: u64,
    /// After an error nothing follows: the decoder would repeat it for ever.
    failed: bool,
}

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    /// 1-based.
    pub number: u64,
    /// The columns that hold no images.
    pub fields: Result<Fields, RecordFault>,
    pub images: RowImages,
}

/// The images of one row, not yet copied out of their batch.
#[derive(Debug)]
pub(super) struct RowImages {
    columns: Arc<[(String, ArrayRef)]>,
    row: usize,
}

/// Opens a Parquet file to see its columns.
pub(super) fn open_file(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, FormatError> {
    let file = super::super::json_records::open_file(path)?;
    guarded(|| Ok(ParquetRecordBatchReaderBuilder::try_new(file)?)).map_err(|error| not_parquet(path, &error))
}

fn not_parquet(path: &Path, cause: &dyn std::error::Error) -> FormatError {
    FormatError::NotParquet { path: path.to_owned(), cause: cause.to_string() }
}

/// Runs the decoder, which panics on some damaged files instead of returning an error. What it was decoding is not used again.
fn guarded<T>(decode: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    decoded.unwrap_or_else(|_| Err(ArrowError::ParquetError("the decoder gave up on damaged data".to_owned())))
}

impl Rows {
    /// Reads the columns named, as far as the file has them.
    ///
    /// # Errors
    /// If a column of images has a type that holds none, or the file cannot be decoded.
    pub fn new(path: &Path, file: ParquetRecordBatchReaderBuilder<File>, columns: &[&str]) -> Result<Self, FormatError> {
        let mut images = file.schema().fields().iter().filter(|field| IMAGE_COLUMNS.contains(&field.name().as_str()));
        if let Some(unfit) = images.find(|field| view_type(field.data_type()).is_none()) {
            let (column, found) = (unfit.name().clone(), unfit.data_type().to_string());
            return Err(FormatError::ImageColumn { path: path.to_owned(), column, found });
        }
        let wanted = file.schema().fields().iter().enumerate().filter(|(_, field)| columns.contains(&field.name().as_str()));
        let roots: Vec<usize> = wanted.map(|(index, _)| index).collect();
        let mask = ProjectionMask::roots(file.parquet_schema(), roots);
        let batches = file.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(|error| not_parquet(path, &error))?;
        Ok(Rows { path: path.to_owned(), batches, decoded: VecDeque::new(), count: 0, failed: false })
    }

    /// Reads no further.
    pub fn end(&mut self) {
        self.failed = true;
        self.decoded.clear();
    }

    fn decode(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let schema = batch.schema();
        let (image_columns, text_columns): (Vec<usize>, Vec<usize>) =
            (0..batch.num_columns()).partition(|index| IMAGE_COLUMNS.contains(&schema.field(*index).name().as_str()));
        let mut images = Vec::with_capacity(image_columns.len());
        for name in IMAGE_COLUMNS {
            if let Some(column) = batch.column_by_name(name) {
                images.push((name.to_owned(), with_views(column)?));
            }
        }
        let images: Arc<[(String, ArrayRef)]> = images.into();
        for (row, value) in values(&batch.project(&text_columns)?)?.into_iter().enumerate() {
            self.count += 1;
            let fields = value.and_then(|value| Fields::of_value(value, String::new()));
            self.decoded.push_back(Row { number: self.count, fields, images: RowImages { columns: Arc::clone(&images), row } });
        }
        Ok(())
    }
}

impl Iterator for Rows {
    type Item = Result<Row, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.decoded.is_empty() && !self.failed {
            let batch = guarded(|| self.batches.next().transpose()).transpose()?;
            let decoded = batch.and_then(|batch| self.decode(&batch));
            if let Err(error) = decoded {
                self.failed = true;
                return Some(Err(FormatError::Row { path: self.path.clone(), row: self.count + 1, cause: error.to_string() }));
            }
        }
        self.decoded.pop_front().map(Ok)
    }
}

/// Each row as JSON: it is read by the same code as the JSON formats then.
fn values(rows: &RecordBatch) -> Result<Vec<Result<Value, RecordFault>>, ArrowError> {
    let texts = match with_texts(rows)? {
        Ok(texts) => texts,
        Err(not_text) if rows.num_rows() <= 1 => return Ok(vec![Err(not_text)]),
        // Only the rows that hold such bytes are at fault.
        Err(_) => {
            let single = (0..rows.num_rows() as u64).map(|row| values(&take_record_batch(rows, &UInt64Array::from(vec![row]))?));
            return Ok(single.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect());
        }
    };
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&texts)?;
    writer.finish()?;
    let lines = writer.into_inner();
    let read = |line: &[u8]| serde_json::from_slice::<Value>(line).map_err(|error| fault(format!("the row cannot be read: {error}")));
    Ok(lines.split(|byte| *byte == b'\n').take(rows.num_rows()).map(read).collect())
}

/// The columns with text in place of bytes, which JSON would show as hexadecimal digits: many programs write text as bytes. The fault is of bytes
/// that are no text; in a single row's id, such as a UUID, they become these digits.
fn with_texts(rows: &RecordBatch) -> Result<Result<RecordBatch, RecordFault>, ArrowError> {
    // Instead of NULL for what cannot be cast.
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    let schema = rows.schema();
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        let data_type = map_bytes(field.data_type(), &DataType::LargeUtf8);
        let column = match data_type == *field.data_type() {
            true => Arc::clone(column),
            false => match cast_with_options(&with_variable_bytes(column)?, &data_type, &strictly) {
                Ok(texts) => texts,
                Err(_) if rows.num_rows() == 1 && ID_COLUMNS.contains(&field.name().as_str()) => Arc::clone(column),
                Err(_) => return Ok(Err(fault(format!("{} holds bytes that are no UTF-8 text", field.name())))),
            },
        };
        fields.push(Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    Ok(Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?))
}

/// The column with bytes of any length in place of such of one length, which have no cast to text.
fn with_variable_bytes(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    cast(column, &map_bytes(column.data_type(), &DataType::LargeBinary))
}

/// The type with another in place of bytes, also in lists, structs and dictionaries.
fn map_bytes(data_type: &DataType, replacement: &DataType) -> DataType {
    use DataType::{
        Binary, BinaryView, Dictionary, FixedSizeBinary, FixedSizeList, LargeBinary, LargeList, LargeListView, List, ListView, Struct,
    };
    let replaced = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(map_bytes(field.data_type(), replacement)));
    match data_type {
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => replacement.clone(),
        Dictionary(key, values) => Dictionary(key.clone(), Box::new(map_bytes(values, replacement))),
        List(item) => List(replaced(item)),
        LargeList(item) => LargeList(replaced(item)),
        ListView(item) => ListView(replaced(item)),
        LargeListView(item) => LargeListView(replaced(item)),
        FixedSizeList(item, length) => FixedSizeList(replaced(item), *length),
        Struct(fields) => Struct(fields.iter().map(replaced).collect()),
        other => other.clone(),
    }
}

/// The column with one type for each kind of content: views for texts and bytes, structs of `bytes` and `path`, and lists of these.
fn with_views(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let data_type = column.data_type();
    let wanted = view_type(data_type).ok_or_else(|| ArrowError::SchemaError(format!("a column of type {data_type} holds no images")))?;
    cast(column, &wanted)
}

/// The type of such a column; `None` for a type that holds no images. Of a struct, what is neither `bytes` nor `path` is left out.
fn view_type(data_type: &DataType) -> Option<DataType> {
    use DataType::{
        Binary, BinaryView, Dictionary, FixedSizeBinary, FixedSizeList, LargeBinary, LargeList, LargeListView, LargeUtf8, List, ListView,
        Null, Struct, Utf8, Utf8View,
    };
    let viewed = |field: &FieldRef| Some(Arc::new(field.as_ref().clone().with_data_type(view_type(field.data_type())?)));
    match data_type {
        Null | Utf8 | LargeUtf8 | Utf8View => Some(Utf8View),
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => Some(BinaryView),
        Dictionary(_, values) => view_type(values),
        List(item) | LargeList(item) | ListView(item) | LargeListView(item) | FixedSizeList(item, _) => Some(LargeList(viewed(item)?)),
        Struct(fields) => {
            let parts = fields.iter().filter(|field| matches!(field.name().as_str(), "bytes" | "path"));
            let parts = parts.map(viewed).collect::<Option<Vec<_>>>()?;
            if parts.is_empty() { None } else { Some(Struct(parts.into())) }
        }
        _ => None,
    }
}

impl RowImages {
    /// Copies the images out.
    ///
    /// # Errors
    /// A fault, if there is none, or one names an address on the web.
    pub fn read(&self) -> Result<Vec<SeedImage>, RecordFault> {
        let images = self.read_any()?;
        if images.is_empty() { Err(fault("no image: the row's image columns are empty")) } else { Ok(images) }
    }

    /// Like [`RowImages::read`], where there may be none.
    pub fn read_any(&self) -> Result<Vec<SeedImage>, RecordFault> {
        let mut images = Vec::new();
        for (name, column) in self.columns.iter() {
            collect(column, self.row, name, &mut images)?;
        }
        Ok(images)
    }
}

/// Adds the images at a place. A null column holds none; a null in a list stands where an image should, and texts tell the images after it by number.
fn collect(array: &ArrayRef, row: usize, place: &str, images: &mut Vec<SeedImage>) -> Result<(), RecordFault> {
    if array.is_null(row) {
        return Ok(());
    }
    if let Some(lists) = array.as_list_opt::<i64>() {
        let list = lists.value(row);
        return (0..list.len()).try_for_each(|index| {
            let place = format!("{place}[{index}]");
            if holds_nothing(&list, index) {
                return Err(fault(format!("{place} is null, expected the path of an image")));
            }
            collect(&list, index, &place, images)
        });
    }
    let (bytes, path) = match array.as_struct_opt() {
        Some(parts) => (parts.column_by_name("bytes"), parts.column_by_name("path")),
        None => (Some(array), Some(array)),
    };
    let bytes = bytes.and_then(|array| array.as_binary_view_opt()).filter(|bytes| bytes.is_valid(row)).map(|bytes| bytes.value(row));
    let path = path.and_then(|array| array.as_string_view_opt()).filter(|paths| paths.is_valid(row)).map(|paths| paths.value(row));
    match (bytes, path) {
        (Some(bytes), name) => images.push(SeedImage::Bytes { bytes: Bytes::copy_from_slice(bytes), name: name.map(str::to_owned) }),
        (None, Some(path)) => images.push(image_of_text(path.to_owned(), place)?),
        (None, None) => {}
    }
    Ok(())
}

/// Whether there is null, or an image without bytes and path.
fn holds_nothing(array: &ArrayRef, row: usize) -> bool {
    array.is_null(row) || array.as_struct_opt().is_some_and(|parts| parts.columns().iter().all(|part| part.is_null(row)))
}
