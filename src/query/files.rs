//! `FROM 'file.jsonl'`: files as tables, by their path.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::common::Result;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::context::SessionState;
use datafusion::prelude::SessionContext;

use crate::error::Error;

/// The extensions that are read, for messages.
const KNOWN: &str = ".parquet, .jsonl, .ndjson, .json, .csv, .tsv or .arrow";

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
        let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else { return Ok(None) };
        let format: Arc<dyn FileFormat> = match extension.to_ascii_lowercase().as_str() {
            "parquet" => Arc::new(ParquetFormat::default()),
            "csv" => Arc::new(CsvFormat::default()),
            "tsv" => Arc::new(CsvFormat::default().with_delimiter(b'\t')),
            "jsonl" | "ndjson" => Arc::new(JsonFormat::default()),
            "json" => Arc::new(JsonFormat::default().with_newline_delimited(!starts_with_list(path))),
            "arrow" => Arc::new(ArrowFormat),
            _ if path.exists() => return Err(unreadable(name, &format!("its extension is none of {KNOWN}"))),
            _ => return Ok(None),
        };
        if !path.exists() {
            return Err(unreadable(name, "there is no such file"));
        }
        let options = ListingOptions::new(format).with_file_extension(format!(".{extension}"));
        let config = ListingTableConfig::new(ListingTableUrl::parse(name)?).with_listing_options(options);
        let config = config.infer_schema(&self.state).await?;
        Ok(Some(Arc::new(ListingTable::try_new(config)?)))
    }
}

/// Whether a JSON file is one list, rather than an object a line. A file that cannot be read fails when it is read.
fn starts_with_list(path: &Path) -> bool {
    let Ok(file) = std::fs::File::open(path) else { return false };
    let first = std::io::BufReader::new(file).bytes().find(|byte| byte.as_ref().map_or(true, |byte| !byte.is_ascii_whitespace()));
    matches!(first, Some(Ok(b'[')))
}

fn unreadable(name: &str, problem: &str) -> datafusion::error::DataFusionError {
    Error::Sql { message: format!("cannot read '{name}' as a table: {problem}"), hints: Vec::new() }.into()
}
