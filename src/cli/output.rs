//! How results are shown: a table for people, CSV and JSON for programs, Markdown for documents.
//!
//! [`write_stream`] writes what a query streams, batch by batch. Only tables hold rows back (to size their columns), and
//! only as many as they show; every other format needs memory for one batch, however long the result.

mod cell;
mod data;
mod screen;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::pin::pin;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use clap::ValueEnum;
use futures::{Stream, StreamExt};

use super::table::LongText;
use crate::text::grouped;

/// The form in which results are written. `clap` reads it from `--output`, [`FromStr`](std::str::FromStr) from `.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// A table cut to fit the terminal; floats rounded to six digits. Long results show their first rows.
    #[default]
    Table,
    /// One `name  value` line per field, long text wrapped: shows everything.
    Line,
    /// RFC 4180 with a header; NULL is empty, nested values are JSON text, bytes are base64.
    Csv,
    /// One array of objects, one row per line; NULL is null, bytes are base64, NaN and infinities are null. Several results become several arrays.
    Json,
    /// One object per line, values as in `json`.
    Jsonl,
    /// A Markdown table, nothing cut.
    Markdown,
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No format is hidden.
        self.to_possible_value().map_or(Ok(()), |value| formatter.write_str(value.get_name()))
    }
}

impl std::str::FromStr for OutputFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        <Self as ValueEnum>::from_str(name, true)
    }
}

/// How much room a result has. Only `table` and `line` look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputOptions {
    /// Terminal columns.
    pub width: usize,
    /// Rows a table shows; the rest is counted, not shown.
    pub max_rows: usize,
    /// What a table does with a cell or a header that is wider than its column.
    pub long_text: LongText,
}

impl Default for OutputOptions {
    fn default() -> Self {
        Self { width: 80, max_rows: 200, long_text: LongText::Cut }
    }
}

impl OutputOptions {
    /// The room on standard output: `COLUMNS` if set, else the terminal's width, else 80 columns.
    pub fn for_stdout() -> Self {
        let from_variable = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|&columns| columns > 0);
        let from_terminal = || io::stdout().is_terminal().then(|| comfy_table::Table::new().width().map(usize::from)).flatten();
        let default = Self::default();
        Self { width: from_variable.or_else(from_terminal).unwrap_or(default.width), ..default }
    }
}

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file or pipe refused the bytes.
    #[error("failed to write the result: {0}")]
    Write(#[from] io::Error),
    /// A column has a type that the format cannot express.
    #[error("failed to format the result: {0}")]
    Format(#[from] ArrowError),
}

/// What [`write_stream`] did with a result. `Display` is the footer: `3 rows`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowCount {
    /// Rows the query gave.
    pub rows: u64,
    /// Of these, rows that a table did not show.
    pub hidden: u64,
    /// The width that cells were cut to, if any was.
    pub cut_to: Option<usize>,
    /// Whether the reader closed the pipe before the end (`| head`); the rest of the query was not run.
    pub reader_left: bool,
}

impl RowCount {
    /// The note about rows not shown, for standard error.
    pub fn hidden_note(&self) -> Option<String> {
        let rows = if self.hidden == 1 { "row" } else { "rows" };
        let hidden = grouped(self.hidden);
        (self.hidden > 0).then(|| format!("(… {hidden} more {rows}; all of them: --output csv or jsonl, fewer: LIMIT)"))
    }

    /// The note about cells that were cut, for standard error; once per session is enough.
    pub fn cut_note(&self) -> Option<String> {
        self.cut_to.map(|width| format!("(cut to fit {width} columns; whole: --output line or jsonl, in the shell .mode line)"))
    }
}

impl fmt::Display for RowCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", grouped(self.rows), if self.rows == 1 { "row" } else { "rows" })
    }
}

/// Writes everything that `batches` gives to `out`, which need not be buffered and is flushed after each batch.
///
/// A result without columns (`CREATE VIEW ...`) writes nothing, so that it comes between no others. An empty result writes the header
/// (table, Markdown, CSV), `[]` (JSON) or nothing (JSONL, line). When the reader of a pipe goes away, the stream is dropped
/// and the count says so; that is not an error.
///
/// # Errors
/// What the stream gives, as it is; [`OutputError`] when a value cannot be expressed or `out` fails. What was written before
/// stays written; nothing is before the first batch.
pub async fn write_stream<E>(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, E>>,
    format: OutputFormat,
    options: OutputOptions,
    out: &mut dyn Write,
) -> Result<RowCount, E>
where
    E: From<OutputError>,
{
    let mut out = io::BufWriter::with_capacity(64 * 1024, out);
    let mut writer = writer_for(&schema, format, options);
    let mut count = RowCount::default();
    let mut batches = pin!(batches);
    // Before anything is written: of a statement that fails at once nothing appears.
    let mut next = batches.next().await.transpose()?;
    let mut written = writer.start(&mut out);
    while written.is_ok()
        && let Some(batch) = next.take()
    {
        count.rows += batch.num_rows() as u64;
        if batch.num_columns() > 0 {
            written = writer.write(&batch, &mut out).and_then(|()| Ok(out.flush()?));
        }
        if written.is_ok() {
            next = batches.next().await.transpose()?;
        }
    }
    let shown = written.and_then(|()| writer.finish(&mut out)).and_then(|shown| out.flush().map(|()| shown).map_err(OutputError::from));
    // What is still buffered after a failure must not be written again on drop.
    let _ = out.into_parts();
    match shown {
        Ok(shown) => {
            Ok(RowCount { hidden: count.rows - shown.rows.unwrap_or(count.rows), cut_to: shown.cut.then_some(options.width), ..count })
        }
        Err(OutputError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(RowCount { reader_left: true, ..count }),
        Err(error) => Err(error.into()),
    }
}

/// One output format at work on one result.
trait ResultWriter {
    /// Writes what stands before the rows.
    fn start(&mut self, _out: &mut dyn Write) -> Result<(), OutputError> {
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), OutputError>;

    /// Writes what stands after the rows and says what a reader does not see.
    fn finish(&mut self, _out: &mut dyn Write) -> Result<Shown, OutputError> {
        Ok(Shown::default())
    }
}

/// How much of a result its reader sees. The default: all.
#[derive(Default)]
struct Shown {
    /// Rows shown, `None` for all.
    rows: Option<u64>,
    /// Whether a cell was cut.
    cut: bool,
}

fn writer_for(schema: &SchemaRef, format: OutputFormat, options: OutputOptions) -> Box<dyn ResultWriter> {
    match format {
        _ if schema.fields().is_empty() => Box::new(Nothing),
        OutputFormat::Json => Box::new(data::JsonWriter::array(schema)),
        OutputFormat::Jsonl => Box::new(data::JsonWriter::lines(schema)),
        OutputFormat::Csv => Box::new(data::CsvWriter::new(schema)),
        OutputFormat::Markdown => Box::new(screen::MarkdownWriter::new(schema)),
        OutputFormat::Line => Box::new(screen::LineWriter::new(schema, options)),
        OutputFormat::Table if screen::is_plan(schema) => Box::new(screen::LineWriter::new(schema, options)),
        OutputFormat::Table => Box::new(screen::TableWriter::new(schema, options)),
    }
}

/// For statements that give no columns.
struct Nothing;

impl ResultWriter for Nothing {
    fn write(&mut self, _batch: &RecordBatch, _out: &mut dyn Write) -> Result<(), OutputError> {
        Ok(())
    }
}
