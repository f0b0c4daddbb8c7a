//! `FROM 'file.jsonl'`: files as tables, by their path.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::reader::infer_json_schema_from_iterator;
use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::context::SessionState;
use datafusion::prelude::SessionContext;
use serde_json::Value;
use url::Url;

use crate::error::Error;
use crate::formats::RecordFault;
use crate::formats::json_records::{self, JsonRecord};

/// The extensions that are read, for messages.
const KNOWN: &str = ".parquet, .jsonl, .ndjson, .json, .csv, .tsv or .arrow";

/// How many records decide which columns a JSON list has; the engine's number for JSON lines.
const RECORDS_TO_INFER_FROM: usize = 1000;

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
        let mut schema = None;
        let format: Arc<dyn FileFormat> = match extension.to_ascii_lowercase().as_str() {
            "parquet" => Arc::new(ParquetFormat::default().with_options(self.state.default_table_options().parquet)),
            "csv" => Arc::new(CsvFormat::default()),
            "tsv" => Arc::new(CsvFormat::default().with_delimiter(b'\t')),
            "json" | "jsonl" | "ndjson" => {
                schema = path.is_file().then(|| infer_json_schema(name, path)).transpose()?;
                Arc::new(JsonFormat::default().with_newline_delimited(!starts_with_list(path)))
            }
            "arrow" => Arc::new(ArrowFormat),
            _ => return not_a_table(name, path),
        };
        if !path.exists() {
            return Err(unreadable(name, "there is no such file"));
        }
        let options = ListingOptions::new(format).with_file_extension(format!(".{extension}"));
        let config = ListingTableConfig::new(location(name, path)?).with_listing_options(options);
        let config = match schema {
            Some(schema) => config.with_schema(schema),
            None => config.infer_schema(&self.state).await?,
        };
        Ok(Some(Arc::new(ListingTable::try_new(config)?)))
    }
}

/// The columns of a JSON file, from its first records. The engine's own inference wants one record a line, also in a list, and names
/// neither file nor record of what it cannot read.
fn infer_json_schema(name: &str, path: &Path) -> Result<SchemaRef> {
    let records = json_records::open(path).map_err(Error::from)?.take(RECORDS_TO_INFER_FROM);
    let values = records.map(|record| {
        let JsonRecord { number, text } = record.map_err(|cause| external(Error::from(cause).into()))?;
        let not_json = |fault: RecordFault| external(unreadable(name, &format!("record {number}, {}", fault.message)));
        serde_json::from_str::<Value>(text.map_err(not_json)?.get()).map_err(|cause| ArrowError::JsonError(cause.to_string()))
    });
    Ok(Arc::new(infer_json_schema_from_iterator(values)?))
}

fn external(error: DataFusionError) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}

/// The file itself: to the engine, brackets and question marks in a name would be a pattern of names.
fn location(name: &str, path: &Path) -> Result<ListingTableUrl> {
    let absolute = std::path::absolute(path).map_err(|cause| Error::io("find", path, cause))?;
    let url = Url::from_file_path(absolute).map_err(|()| unreadable(name, "its path cannot be written as an address"))?;
    ListingTableUrl::try_new(url, None)
}

/// A name that is not a table's file may be a table's own, unless there is such a file or it is written as a path.
fn not_a_table(name: &str, path: &Path) -> Result<Option<Arc<dyn TableProvider>>> {
    if path.is_file() {
        return Err(unreadable(name, &format!("its extension is none of {KNOWN}")));
    }
    match (name.contains('/'), path.is_dir()) {
        (true, true) => Err(unreadable(name, "it is a folder")),
        (true, false) => Err(unreadable(name, "there is no such file")),
        (false, _) => Ok(None),
    }
}

/// Whether a JSON file is one list, rather than an object a line. A file that cannot be read fails when it is read.
fn starts_with_list(path: &Path) -> bool {
    let Ok(file) = std::fs::File::open(path) else { return false };
    let first = std::io::BufReader::new(file).bytes().find(|byte| byte.as_ref().map_or(true, |byte| !byte.is_ascii_whitespace()));
    matches!(first, Some(Ok(b'[')))
}

fn unreadable(name: &str, problem: &str) -> DataFusionError {
    Error::Sql { message: format!("cannot read '{name}' as a table: {problem}"), hints: Vec::new() }.into()
}
