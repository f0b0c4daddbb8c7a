//! `FROM 'file.jsonl'`: files as tables, by their path.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::context::SessionState;
use datafusion::prelude::SessionContext;
use url::Url;

use super::csv_files::{CsvFile, delimiter};
use super::explain::SAVE_AS_UTF8;
use super::json_files::JsonFile;
use crate::error::Error;

/// The extensions that are read, for messages.
const KNOWN: &str = ".parquet, .jsonl, .ndjson, .json, .csv, .tsv or .arrow";

/// The extensions of spreadsheets, which are not read.
const SPREADSHEETS: [&str; 5] = ["xlsx", "xlsm", "xls", "ods", "numbers"];

/// Why a pipe or a device is not read, and what to do: a file is read several times, first to see what it holds, and opening a pipe waits for
/// somebody to write into it.
const STREAM: (&str, &str) = ("it is no file but a stream, which can be read only once", "write it to a file first: cat > rows.jsonl");

type IsSuch = fn(&str) -> bool;

/// What people write in place of a file's path, each with why it is none and what to do. Of several, the first counts.
const NO_PATHS: [(IsSuch, &str, &str); 4] = [
    (|name| name.contains("://"), "it is an address, and addresses are not read", "download the file, and name it by its path"),
    (|name| name.starts_with("~/"), "~ is not expanded", "write out the path of the home folder"),
    (|name| name.contains(['*', '?']), "patterns of names are not read", "name one file each, with UNION ALL between them"),
    (|name| name.starts_with("/dev/"), STREAM.0, STREAM.1),
];

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
        let format: Option<Arc<dyn FileFormat>> = match extension.to_ascii_lowercase().as_str() {
            "parquet" => Some(Arc::new(ParquetFormat::default().with_options(self.state.default_table_options().parquet))),
            "arrow" => Some(Arc::new(ArrowFormat)),
            "csv" | "tsv" | "json" | "jsonl" | "ndjson" => None,
            _ => return not_a_table(name, path),
        };
        if !path.exists() {
            return Err(missing(name));
        }
        if !path.is_file() {
            return Err(no_file(name, path));
        }
        let Some(format) = format else {
            let (name, path) = (name.to_owned(), path.to_owned());
            // Many records say what its columns are.
            let opened = tokio::task::spawn_blocking(move || text_file(&name, &path)).await;
            let file = opened.map_err(|cause| Error::internal("failed to read a file", cause))??;
            return Ok(Some(file));
        };
        let options = ListingOptions::new(format).with_file_extension(format!(".{extension}"));
        let config = ListingTableConfig::new(location(name, path)?).with_listing_options(options);
        Ok(Some(Arc::new(ListingTable::try_new(config.infer_schema(&self.state).await?)?)))
    }
}

/// A file of records that are text, whose reader is ours.
fn text_file(name: &str, path: &Path) -> Result<Arc<dyn TableProvider>> {
    let file: Arc<dyn TableProvider> = match delimiter(path) {
        Some(delimiter) => Arc::new(CsvFile::open(name, path, delimiter)?),
        None => Arc::new(JsonFile::open(name, path)?),
    };
    Ok(file)
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
    match (name.contains('/'), path.exists()) {
        (true, true) => Err(no_file(name, path)),
        (true, false) => Err(missing(name)),
        (false, _) => Ok(None),
    }
}

/// What is there is no regular file.
fn no_file(name: &str, path: &Path) -> DataFusionError {
    match path.is_dir() {
        true => unreadable(name, "it is a folder"),
        false => unreadable_with(name, STREAM.0, Some(STREAM.1)),
    }
}

/// There is nothing of that path, or what it stands for elsewhere is not read here.
fn missing(name: &str) -> DataFusionError {
    match NO_PATHS.iter().find(|(is_meant, ..)| is_meant(name)) {
        Some(&(_, problem, hint)) => unreadable_with(name, problem, Some(hint)),
        None => unreadable(name, "there is no such file"),
    }
}

pub(super) fn unreadable(name: &str, problem: &str) -> DataFusionError {
    unreadable_with(name, problem, None)
}

pub(super) fn unreadable_with(name: &str, problem: &str, hint: Option<&str>) -> DataFusionError {
    let message = format!("cannot read '{name}' as a table: {problem}");
    Error::Sql { message, position: None, hints: hint.map(str::to_owned).into_iter().collect() }.into()
}
