//! `FROM 'file.csv'`: values between commas, semicolons or tabs as tables.
//!
//! The engine's own table takes a column for what its first records are, and where a later value is none it names neither the file nor the column.

mod places;
mod types;

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use self::places::placed_records;
use self::types::{is_read_as, widened};
use super::explain::{encoding_hint, without_kind};
use super::files::unreadable_with;
use super::json_files::{BATCHES_WAITING, BYTES_TO_INFER_FROM, RECORDS_TO_INFER_FROM};
use crate::error::Error;

/// Where a separator is looked for.
const LONGEST_HEADER_BYTES: u64 = 1 << 16;
/// Of a file at a time.
const READ_BYTES: usize = 1 << 20;
/// Records that are looked at together.
const RECORDS_AT_ONCE: usize = 1024;
/// Of a value, in an error.
const SHOWN_CHARACTERS: usize = 60;

/// A CSV file as a table. A column has the type that its values in the first 64 MiB have, and is text where they have none in common or the first
/// 1,000 records have none at all; a later value of another type is an error. Empty values are NULL. Every query reads the file anew, on one thread
/// and with the memory of a few batches: where it was cut, a part could begin inside a value with line breaks.
#[derive(Debug, Clone)]
pub(super) struct CsvFile {
    /// As the query names it.
    name: String,
    path: PathBuf,
    delimiter: u8,
    /// All that the file has.
    columns: SchemaRef,
    /// Which of them are read.
    places: Vec<usize>,
    /// Those that are read.
    schema: SchemaRef,
}

impl CsvFile {
    /// The file at `path`, which the query calls `name`; reads its beginning.
    ///
    /// # Errors
    /// If it cannot be read, or its first records have no columns in common.
    pub(super) fn open(name: &str, path: &Path, delimiter: u8) -> Result<CsvFile> {
        CsvFile::inferred_from(name, path, delimiter, BYTES_TO_INFER_FROM)
    }

    fn inferred_from(name: &str, path: &Path, delimiter: u8, enough_bytes: usize) -> Result<CsvFile> {
        let written = schema_as_written(name, path, delimiter, RECORDS_TO_INFER_FROM)?;
        // A column without any value is text: of any other type, what comes later would be lost or refused.
        let types = written.fields().iter().map(|column| match column.data_type() {
            DataType::Null => DataType::Utf8,
            known => known.clone(),
        });
        let types = widened(path, delimiter, types.collect(), enough_bytes)?;
        Ok(CsvFile::with_types(name, path, delimiter, &written, types))
    }

    fn with_types(name: &str, path: &Path, delimiter: u8, written: &Schema, types: Vec<DataType>) -> CsvFile {
        let columns = written.fields().iter().zip(types).map(|(column, data_type)| Arc::new(Field::new(column.name(), data_type, true)));
        let columns = Arc::new(Schema::new(with_own_names(columns)));
        let places = (0..columns.fields().len()).collect();
        CsvFile { name: name.to_owned(), path: path.to_owned(), delimiter, places, schema: Arc::clone(&columns), columns }
    }

    /// The same file with the columns at these places.
    fn project(&self, places: &[usize]) -> CsvFile {
        let fields: Fields = places.iter().map(|place| Arc::clone(&self.columns.fields()[*place])).collect();
        CsvFile { places: places.to_vec(), schema: Arc::new(Schema::new(fields)), ..self.clone() }
    }

    /// Reads the whole file; `take` gets each batch and says whether it wants more.
    fn read(&self, batch_size: usize, mut take: impl FnMut(RecordBatch) -> bool) -> Result<()> {
        let builder = ReaderBuilder::new(Arc::clone(&self.columns)).with_projection(self.places.clone());
        let mut records = 0;
        for batch in batches(builder, &self.path, self.delimiter, batch_size)? {
            let batch = batch.map_err(|cause| self.explained(&cause, records))?;
            records += batch.num_rows();
            if !take(batch) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// An error among the records after the first `records`.
    fn explained(&self, cause: &ArrowError, records: usize) -> DataFusionError {
        let misfit = matches!(cause, ArrowError::ParseError(_)).then(|| self.misfit(records)).flatten();
        misfit.unwrap_or_else(|| unreadable_csv(&self.name, &self.path, self.delimiter, cause))
    }

    /// The first value after so many records that is not of its column's type, as an error. The reader itself counts records and columns.
    fn misfit(&self, records: usize) -> Option<DataFusionError> {
        let mut record = 0;
        for batch in texts(&self.path, self.delimiter, self.columns.fields().len()).ok()? {
            let batch = batch.ok()?;
            let columns: Vec<&StringArray> = batch.columns().iter().map(|column| column.as_string::<i32>()).collect();
            for row in 0..batch.num_rows() {
                record += 1;
                let is_misfit = |place: &&usize| {
                    let (column, data_type) = (columns[**place], self.columns.field(**place).data_type());
                    column.is_valid(row) && !is_read_as(column.value(row), data_type)
                };
                if record > records
                    && let Some(&place) = self.places.iter().find(is_misfit)
                {
                    // The first record of the file is its header.
                    let line = placed_records(&self.path, self.delimiter).ok()?.nth(record)?.line;
                    return Some(self.of_misfit(place, columns[place].value(row), line));
                }
            }
        }
        None
    }

    fn of_misfit(&self, place: usize, value: &str, line: usize) -> DataFusionError {
        let column = self.columns.field(place);
        let kind = match column.data_type() {
            DataType::Boolean => "truth values",
            DataType::Int64 => "whole numbers",
            DataType::Float64 => "numbers",
            DataType::Date32 => "dates",
            _ => "times",
        };
        let (name, value) = (column.name(), value.chars().take(SHOWN_CHARACTERS).collect::<String>());
        let problem = format!("line {line}: column '{name}' has {kind} before it, and '{value}' is none");
        let delimiter = match self.delimiter {
            b',' => String::new(),
            other => format!(", 'format.delimiter' '{}'", char::from(other)),
        };
        let options = format!("'format.has_header' 'true', 'format.newlines_in_values' 'true'{delimiter}");
        let hint = format!(
            "name its columns with their types: CREATE EXTERNAL TABLE c (\"{name}\" VARCHAR, …) STORED AS CSV LOCATION '{}' \
             OPTIONS ({options})",
            self.path.display()
        );
        unreadable_with(&self.name, &problem, Some(hint.as_str()))
    }
}

#[async_trait]
impl TableProvider for CsvFile {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let file = projection.map_or_else(|| self.clone(), |places| self.project(places));
        let schema = Arc::clone(&file.schema);
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(file)], None, [], false, limit)?))
    }
}

impl PartitionStream for CsvFile {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), BATCHES_WAITING);
        let (file, batches, batch_size) = (self.clone(), stream.tx(), context.session_config().batch_size());
        stream.spawn_blocking(move || file.read(batch_size, |batch| batches.blocking_send(Ok(batch)).is_ok()));
        stream.build()
    }
}

/// A CSV file as a table of texts, each as it is written there: `007`. `None` for a file that is none, or that is not there.
///
/// # Errors
/// If its header cannot be read.
pub(crate) fn table_of_texts(path: &Path) -> Result<Option<Arc<dyn TableProvider>>> {
    // What is no file is told of where it is looked for.
    let delimiter = if path.is_file() { delimiter(path) } else { None };
    let Some(delimiter) = delimiter else { return Ok(None) };
    let name = path.to_string_lossy();
    let written = schema_as_written(&name, path, delimiter, 0)?;
    let types = vec![DataType::Utf8; written.fields().len()];
    Ok(Some(Arc::new(CsvFile::with_types(&name, path, delimiter, &written, types))))
}

/// What the file behind `table` calls its columns; several columns of a CSV file may have one name there.
pub(crate) fn written_names(path: &Path, table: &Schema) -> Result<Vec<String>> {
    let names = |schema: &Schema| -> Vec<String> { schema.fields().iter().map(|column| column.name().clone()).collect() };
    match delimiter(path) {
        Some(delimiter) => Ok(names(&schema_as_written(&path.to_string_lossy(), path, delimiter, 0)?)),
        None => Ok(names(table)),
    }
}

/// What separates the columns of a file; `None` for one that is no CSV.
pub(super) fn delimiter(path: &Path) -> Option<u8> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" => Some(separator(path)),
        "tsv" => Some(b'\t'),
        _ => None,
    }
}

/// What separates the columns of a file called .csv: where numbers have a decimal comma, spreadsheets write semicolons, and some programs write tabs.
/// A comma in the header is taken at its word.
fn separator(path: &Path) -> u8 {
    let mut header = Vec::new();
    let read = File::open(path).and_then(|file| BufReader::new(file.take(LONGEST_HEADER_BYTES)).read_until(b'\n', &mut header));
    // What cannot be read is told of where it is read.
    if read.is_err() || header.contains(&b',') {
        return b',';
    }
    [b';', b'\t'].into_iter().find(|mark| header.contains(mark)).unwrap_or(b',')
}

/// The columns of a CSV file under the names that stand there, of types that so many records have. The engine itself looks at pieces that end at a
/// line break, which may stand inside a value.
fn schema_as_written(name: &str, path: &Path, delimiter: u8, records: usize) -> Result<Schema> {
    let file = File::open(path).map_err(|cause| Error::io("read", path, cause))?;
    let format = Format::default().with_header(true).with_delimiter(delimiter);
    let inferred = format.infer_schema(file, Some(records));
    let (schema, _) = inferred.map_err(|cause| unreadable_csv(name, path, delimiter, &cause))?;
    Ok(schema)
}

/// An error of a reader in our words, with the line where the record at fault begins: readers count records, which blank lines are not.
fn unreadable_csv(name: &str, path: &Path, delimiter: u8, cause: &ArrowError) -> DataFusionError {
    let problem = faulty_record(path, delimiter, cause).unwrap_or_else(|| without_kind(cause));
    unreadable_with(name, &problem, encoding_hint(cause))
}

/// The first record of which a reader says this; `None` where it is about no record.
fn faulty_record(path: &Path, delimiter: u8, cause: &ArrowError) -> Option<String> {
    if !matches!(cause, ArrowError::CsvError(_)) {
        return None;
    }
    let mut records = placed_records(path, delimiter).ok()?;
    if encoding_hint(cause).is_some() {
        let record = records.find(|record| !record.is_utf8)?;
        return Some(format!("line {}: it is not UTF-8 text", record.line));
    }
    let header = records.next()?;
    let record = records.find(|record| record.values != header.values)?;
    Some(format!("line {}: its number of values is {}, and that of the header is {}", record.line, record.values, header.values))
}

/// The columns of a file under names that differ: the engine refuses a table with two of one name. A later one of a name has its place in the file
/// behind it, as in `comment_5`.
fn with_own_names(columns: impl Iterator<Item = Arc<Field>>) -> Fields {
    let columns: Vec<Arc<Field>> = columns.collect();
    let mut taken: HashSet<String> = columns.iter().map(|column| column.name().clone()).collect();
    let mut seen = HashSet::new();
    let with_own_name = |(at, column): (usize, &Arc<Field>)| {
        if seen.insert(column.name().clone()) {
            return Arc::clone(column);
        }
        let mut place = at + 1;
        while !taken.insert(format!("{}_{place}", column.name())) {
            place += 1;
        }
        Arc::new(Field::new(format!("{}_{place}", column.name()), column.data_type().clone(), true))
    };
    columns.iter().enumerate().map(with_own_name).collect()
}

/// The file's records as `builder` has them. A file without a header has none.
fn batches(
    builder: ReaderBuilder,
    path: &Path,
    delimiter: u8,
    batch_size: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<>> {
    let file = File::open(path).map_err(|cause| Error::io("read", path, cause))?;
    let builder = builder.with_header(true).with_delimiter(delimiter).with_batch_size(batch_size);
    Ok(builder.build_buffered(BufReader::with_capacity(READ_BYTES, file))?)
}

/// The file's records, every value as it is written.
fn texts(path: &Path, delimiter: u8, columns: usize) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<>> {
    let schema = Schema::new(vec![Field::new("", DataType::Utf8, true); columns]);
    batches(ReaderBuilder::new(Arc::new(schema)), path, delimiter, RECORDS_AT_ONCE)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    /// A file of a header, so many records that say what a column is, and a last one; of each, `enough_bytes` are looked at.
    fn file(first: &str, last: &str, enough_bytes: usize) -> (tempfile::TempDir, CsvFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("late.csv");
        let records = format!("a,{first}\n").repeat(2 * RECORDS_TO_INFER_FROM);
        std::fs::write(&path, format!("text,x\n{records}\"two\nlines\",{last}\n")).unwrap();
        let file = CsvFile::inferred_from("late.csv", &path, b',', enough_bytes).unwrap();
        (folder, file)
    }

    #[test]
    fn later_values_have_their_say() {
        let time = |unit| DataType::Timestamp(unit, None);
        for (first, last, expected) in [
            ("1", "2", DataType::Int64),
            ("1", "0.5", DataType::Float64),
            ("1", "abc", DataType::Utf8),
            ("1", "99999999999999999999", DataType::Utf8),
            ("0.5", "99999999999999999999", DataType::Utf8),
            ("true", "yes", DataType::Utf8),
            ("2020-01-01", "2020-01-31", DataType::Date32),
            ("2020-01-01", "0000-00-00", DataType::Utf8),
            ("2020-01-01", "2020-01-01 10:00:00", time(TimeUnit::Second)),
            ("2023-02-30", "2023-02-28", DataType::Utf8),
            ("2020-01-01 10:00:00", "2020-01-01 10:00:00.25", time(TimeUnit::Millisecond)),
            ("2020-01-01 10:00:00", "2020-02-30 10:00:00", DataType::Utf8),
            ("", "7", DataType::Utf8),
        ] {
            let (_folder, file) = file(first, last, usize::MAX);
            assert_eq!(*file.schema.field(1).data_type(), expected, "{first} {last}");
            let mut records = 0;
            file.read(300, |batch| {
                records += batch.num_rows();
                true
            })
            .unwrap();
            assert_eq!(records, 2 * RECORDS_TO_INFER_FROM + 1);
        }
    }

    #[test]
    fn a_value_that_was_not_foreseen_is_named_with_its_place() {
        let (_folder, file) = file("1", "7\n\"one\nmore\",0.5", 0);
        let error = file.read(300, |_| true).unwrap_err().to_string();
        // 2,000 records after the header, and one of two lines.
        let expected = "line 2004: column 'x' has whole numbers before it, and '0.5' is none";
        assert!(error.contains("'late.csv'") && error.contains(expected), "{error}");
        // Another column is read all the same.
        file.project(&[0]).read(300, |batch| batch.num_columns() == 1).unwrap();
    }

    /// The readers count records: blank lines are none, and a record may have several.
    #[test]
    fn errors_name_the_line_that_an_editor_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("few.csv");
        for (content, expected) in [
            (&b"\nid,name\r\n\r\n1,dog\r\n2,cat,extra\r\n"[..], "line 5: its number of values is 3, and that of the header is 2"),
            (b"id,name\n\n\"1\n1\",dog\n2\n", "line 5: its number of values is 1, and that of the header is 2"),
            (b"id,name\n\n1,dog\n2,f\xfcr\n", "line 4: it is not UTF-8 text"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = CsvFile::open("few.csv", &path, b',').unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        // Behind 2,000 records after the header, and one of two lines.
        for (last, expected) in [
            ("7\n\n\n\"one\nmore\",0.5", "line 2006: column 'x' has whole numbers before it, and '0.5' is none"),
            ("7\n\na,1,2", "line 2005: its number of values is 3, and that of the header is 2"),
        ] {
            let (_folder, file) = file("1", last, 0);
            let error = file.read(300, |_| true).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
