//! COPY TO one file leaves the old file or the whole new one. The engine itself ends the file that it writes also where the statement fails: a
//! part would stand in the target's place, and look whole.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::{Analyze, LogicalPlan};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::sql::parser::CopyToStatement;
use datafusion::sql::sqlparser::ast::Value;
use futures::{TryStreamExt, stream};
use tempfile::TempPath;
use url::Url;

use crate::error::Error;

/// The file of a COPY on its way to its place. Removed where it does not get there.
#[derive(Debug)]
pub(super) struct PendingCopy {
    written: TempPath,
    target: PathBuf,
}

/// Gives a format the name that the engine knows, where it is one that only FROM does: JSON lines and values between tabs.
pub(super) fn name_format(copy: &mut CopyToStatement) {
    let extension = || text(Path::new(&copy.target).extension()).map(str::to_owned);
    let format = copy.stored_as.clone().or_else(extension).map(|name| name.to_ascii_lowercase());
    match format.as_deref() {
        Some("jsonl" | "ndjson") => copy.stored_as = Some("JSON".to_owned()),
        Some("tsv") => {
            copy.stored_as = Some("CSV".to_owned());
            // Before those of the statement, which replace it.
            copy.options.insert(0, ("format.delimiter".to_owned(), Value::SingleQuotedString("\t".to_owned())));
        }
        _ => {}
    }
}

/// Refuses a COPY to a format that has no place for a column, before anything is computed for it.
///
/// # Errors
/// A list, struct or map for a CSV file; the column is named.
pub(super) fn refuse_columns(plan: &LogicalPlan) -> crate::error::Result<()> {
    match plan {
        LogicalPlan::Copy(copy) if copy.file_type.get_ext() == "csv" => {
            let is_written = |field: &Field| !copy.partition_by.contains(field.name());
            let nested = copy.input.schema().fields().iter().find(|field| field.data_type().is_nested() && is_written(field));
            nested.map_or(Ok(()), |field| Err(not_in_csv(field)))
        }
        LogicalPlan::Analyze(analyze) => refuse_columns(&analyze.input),
        LogicalPlan::Explain(explain) => refuse_columns(&explain.plan),
        _ => Ok(()),
    }
}

fn not_in_csv(field: &Field) -> Error {
    let name = field.name();
    let part = match field.data_type() {
        DataType::Struct(fields) => {
            let first = fields.iter().find(|field| !field.data_type().is_nested()).map_or("field", |field| field.name().as_str());
            format!("take a field of it: {name}['{first}']")
        }
        DataType::Map(..) => format!("take a value of it: {name}['key']"),
        _ => format!("make it a text: array_to_string({name}, ' ')"),
    };
    Error::Sql {
        message: format!("column '{name}' is {}, which a CSV file has no place for", field.data_type()),
        position: None,
        hints: vec![format!("write .parquet or .jsonl, or {part}")],
    }
}

/// The same statement; a COPY to one file writes it beside its target. Any other COPY, to a folder or an address, is the engine's own.
pub(super) fn beside_target(frame: DataFrame) -> Result<(DataFrame, Option<PendingCopy>)> {
    let (state, plan) = frame.into_parts();
    let (plan, pending) = redirected(plan)?;
    Ok((DataFrame::new(state, plan), pending))
}

fn redirected(plan: LogicalPlan) -> Result<(LogicalPlan, Option<PendingCopy>)> {
    match plan {
        LogicalPlan::Copy(copy) => match PendingCopy::of(&copy)? {
            Some((output_url, pending)) => Ok((LogicalPlan::Copy(CopyTo { output_url, ..copy }), Some(pending))),
            None => Ok((LogicalPlan::Copy(copy), None)),
        },
        // It runs what it explains.
        LogicalPlan::Analyze(analyze) => {
            let (input, pending) = redirected(Arc::unwrap_or_clone(analyze.input))?;
            Ok((LogicalPlan::Analyze(Analyze { input: Arc::new(input), ..analyze }), pending))
        }
        other => Ok((other, None)),
    }
}

impl PendingCopy {
    /// Where to write instead, as a statement names it, and what becomes of it; `None` for a COPY that makes no single file.
    fn of(copy: &CopyTo) -> Result<Option<(String, PendingCopy)>> {
        let Some(target) = single_file(copy) else { return Ok(None) };
        let (Some(folder), Some(name), Some(extension)) = (target.parent(), text(target.file_name()), text(target.extension())) else {
            return Ok(None);
        };
        // The folder stays as it was written: made absolute, its name could hold what the engine takes for a pattern.
        let Some(folder_as_written) = copy.output_url.strip_suffix(name) else { return Ok(None) };
        // Where a folder takes no files, such as /proc, the engine tries for ever.
        if folder.is_dir() {
            tempfile::tempfile_in(folder).map_err(|cause| Error::io("write", &target, cause))?;
        }
        let suffix = format!(".{extension}");
        // A name alone: the engine makes the file, and folders that are missing.
        let named = tempfile::Builder::new().prefix(".copy-").suffix(&suffix).rand_bytes(12).make_in(folder, |_| Ok(()));
        let written = named.map_err(|cause| Error::io("write", &target, cause))?.into_temp_path();
        let Some(written_name) = text(written.file_name()) else { return Ok(None) };
        let output_url = format!("{folder_as_written}{written_name}");
        Ok(Some((output_url, PendingCopy { written, target })))
    }

    /// The rows of the statement. They come once the file is in its place.
    pub(super) fn in_place_after(self, rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let PendingCopy { written, target } = self;
        let schema = rows.schema();
        let placed = async move {
            // Given up here, the statement goes before its file does.
            let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(|cause| about_target(cause, &written, &target))?;
            written.persist(&target).map_err(|failed| Error::io("write", &target, failed.error))?;
            Ok::<_, DataFusionError>(stream::iter(batches.into_iter().map(Ok::<_, DataFusionError>)))
        };
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(placed).try_flatten()))
    }
}

/// The file that a COPY writes, if it is one, on this machine. What cannot be read as a place is left to the engine, which says why.
fn single_file(copy: &CopyTo) -> Option<PathBuf> {
    if !copy.partition_by.is_empty() || Url::parse(&copy.output_url).is_ok() {
        return None;
    }
    let place = ListingTableUrl::parse(&copy.output_url).ok()?;
    if place.is_collection() || place.file_extension().is_none() {
        return None;
    }
    let address: &Url = place.as_ref();
    address.to_file_path().ok()
}

/// An error that names the file as the statement does.
fn about_target(cause: DataFusionError, written: &Path, target: &Path) -> DataFusionError {
    let message = cause.strip_backtrace();
    // The engine drops the reason, and speaks of parts that it has left and of its own faults.
    if message.contains("while finalizing writes") {
        let hints = vec!["see that its folder can be written to, and that its disk is not full".into()];
        return Error::Sql { message: format!("failed to write '{}'", target.display()), position: None, hints }.into();
    }
    match (text(written.file_name()), text(target.file_name())) {
        (Some(written), Some(target)) if message.contains(written) => Error::sql(message.replace(written, target)).into(),
        _ => cause,
    }
}

fn text(name: Option<&OsStr>) -> Option<&str> {
    name.and_then(OsStr::to_str)
}
