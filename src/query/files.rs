//! `FROM 'file.jsonl'`: files as tables, by their path.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::context::SessionState;
use datafusion::prelude::SessionContext;
use url::Url;

use super::explain::{SAVE_AS_UTF8, encoding_hint, without_kind};
use super::json_files::{JsonFile, RECORDS_TO_INFER_FROM};
use crate::error::Error;

/// The extensions that are read, for messages.
const KNOWN: &str = ".parquet, .jsonl, .ndjson, .json, .csv, .tsv or .arrow";

/// The extensions of spreadsheets, which are not read.
const SPREADSHEETS: [&str; 5] = ["xlsx", "xlsm", "xls", "ods", "numbers"];

/// Where a separator is looked for.
const LONGEST_HEADER_BYTES: u64 = 1 << 16;

/// The same context, with files as tables.
pub(super) fn with_file_tables(context: SessionContext) -> SessionContext {
    let state = context.state();
    let factory = Arc::new(FileTables { state: state.clone() });
    context.register_catalog_list(Arc::new(DynamicFileCatalog::new(Arc::clone(state.catalog_list()), factory)));
    context
}

/// Makes a table of a file whose schema it infers.
#[derive(Debug)]
struct FileTables {
    state: SessionState,
}

#[async_trait]
impl UrlTableFactory for FileTables {
    async fn try_new(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let path = Path::new(name);
        let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else { return not_a_table(name, path) };
        let lower_case = extension.to_ascii_lowercase();
        let delimiter = delimiter(path);
        let format: Option<Arc<dyn FileFormat>> = match lower_case.as_str() {
            "parquet" => Some(Arc::new(ParquetFormat::default().with_options(self.state.default_table_options().parquet))),
            "csv" | "tsv" => delimiter.map(csv),
            "arrow" => Some(Arc::new(ArrowFormat)),
            "json" | "jsonl" | "ndjson" => None,
            _ => return not_a_table(name, path),
        };
        if !path.exists() {
            return Err(unreadable(name, "there is no such file"));
        }
        let Some(format) = format else {
            let (name, path) = (name.to_owned(), path.to_owned());
            // Many records say what its columns are.
            let opened = tokio::task::spawn_blocking(move || JsonFile::open(&name, &path)).await;
            let file = opened.map_err(|cause| Error::internal("failed to read a file", cause))??;
            return Ok(Some(Arc::new(file)));
        };
        let options = ListingOptions::new(format).with_file_extension(format!(".{extension}"));
        let config = ListingTableConfig::new(location(name, path)?).with_listing_options(options);
        let config = match delimiter {
            Some(delimiter) => config.with_schema(csv_schema(name, path, delimiter)?),
            None => config.infer_schema(&self.state).await?,
        };
        Ok(Some(Arc::new(ListingTable::try_new(config)?)))
    }
}

/// What separates the columns of a file; `None` for one that is no CSV.
fn delimiter(path: &Path) -> Option<u8> {
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

/// A file with line breaks in its values is read in one piece: where it was cut, a part would begin inside a value.
fn csv(delimiter: u8) -> Arc<dyn FileFormat> {
    Arc::new(CsvFormat::default().with_delimiter(delimiter).with_newlines_in_values(true))
}

/// The columns of a CSV file, by its first records. The engine looks at pieces that end at a line break, which may stand inside a value. A column
/// without any value there is text: of any other type, what comes later would be lost or refused.
fn csv_schema(name: &str, path: &Path, delimiter: u8) -> Result<SchemaRef> {
    let schema = schema_as_written(name, path, delimiter, RECORDS_TO_INFER_FROM)?;
    let with_a_type = |field: &Arc<Field>| match field.data_type() {
        DataType::Null => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        _ => Arc::clone(field),
    };
    Ok(Arc::new(Schema::new(with_own_names(schema.fields().iter().map(with_a_type)))))
}

/// The columns of a CSV file under the names that stand there, of types that so many records have.
fn schema_as_written(name: &str, path: &Path, delimiter: u8, records: usize) -> Result<Schema> {
    let file = File::open(path).map_err(|cause| Error::io("read", path, cause))?;
    let format = Format::default().with_header(true).with_delimiter(delimiter);
    let inferred = format.infer_schema(file, Some(records));
    let (schema, _) = inferred.map_err(|cause| unreadable_with(name, &without_kind(&cause), encoding_hint(&cause)))?;
    Ok(schema)
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

/// What the file behind `table` calls its columns; several columns of a CSV file may have one name there.
pub(crate) fn written_names(path: &Path, table: &Schema) -> Result<Vec<String>> {
    let names = |schema: &Schema| -> Vec<String> { schema.fields().iter().map(|column| column.name().clone()).collect() };
    match delimiter(path) {
        Some(delimiter) => Ok(names(&schema_as_written(&path.to_string_lossy(), path, delimiter, 0)?)),
        None => Ok(names(table)),
    }
}

/// The file itself: to the engine, brackets and question marks in a name would be a pattern of names.
pub(super) fn location(name: &str, path: &Path) -> Result<ListingTableUrl> {
    // Without `..`, which the engine takes for a break-out.
    let absolute = std::fs::canonicalize(path).map_err(|cause| Error::io("find", path, cause))?;
    let url = Url::from_file_path(absolute).map_err(|()| unreadable(name, "its path cannot be written as an address"))?;
    ListingTableUrl::try_new(url, None)
}

/// A name that is not a table's file may be a table's own, unless there is such a file or it is written as a path.
fn not_a_table(name: &str, path: &Path) -> Result<Option<Arc<dyn TableProvider>>> {
    if path.is_file() {
        let is_spreadsheet =
            path.extension().is_some_and(|extension| SPREADSHEETS.iter().any(|known| extension.eq_ignore_ascii_case(known)));
        return Err(unreadable_with(name, &format!("its extension is none of {KNOWN}"), is_spreadsheet.then_some(SAVE_AS_UTF8)));
    }
    match (name.contains('/'), path.is_dir()) {
        (true, true) => Err(unreadable(name, "it is a folder")),
        (true, false) => Err(unreadable(name, "there is no such file")),
        (false, _) => Ok(None),
    }
}

pub(super) fn unreadable(name: &str, problem: &str) -> DataFusionError {
    unreadable_with(name, problem, None)
}

fn unreadable_with(name: &str, problem: &str, hint: Option<&str>) -> DataFusionError {
    let message = format!("cannot read '{name}' as a table: {problem}");
    Error::Sql { message, position: None, hints: hint.map(str::to_owned).into_iter().collect() }.into()
}
