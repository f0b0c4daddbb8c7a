//! Formats that people read: tables, records and Markdown.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;

use super::cell::{CellFormatter, Style};
use super::{OutputError, OutputOptions, ResultWriter, Shown};
use crate::cli::table::{Column, Drawing, LongText, TextTable, draw_record, fit, visible_lines};

/// Records shown when a table does not fit, however few rows `max_rows` would leave for them.
const LEAST_RECORDS: usize = 10;

pub(super) struct TableWriter {
    options: OutputOptions,
    columns: Vec<Column>,
    table: TextTable,
    /// The first row as it is: a result of one row is shown whole.
    first_row: Option<Vec<String>>,
}

impl TableWriter {
    pub(super) fn new(schema: &Schema, options: OutputOptions) -> Self {
        let columns = columns(schema);
        let table = TextTable::new(columns.clone()).with_long_text(options.long_text);
        Self { options, table, columns, first_row: None }
    }

    fn draw(&mut self) -> Drawing {
        let drawing = self.table.draw(self.options.width);
        match &self.first_row {
            Some(row) if self.table.row_count() == 1 && drawing.cut => {
                draw_record(1, &names(&self.columns), row, self.options.width, LongText::Wrap)
            }
            _ => drawing,
        }
    }
}

impl ResultWriter for TableWriter {
    fn write(&mut self, batch: &RecordBatch, _out: &mut dyn Write) -> Result<(), OutputError> {
        let wanted = self.options.max_rows.saturating_sub(self.table.row_count());
        let rows = batch.slice(0, wanted.min(batch.num_rows()));
        for_each_row(&rows, |row| {
            // No cell is ever shown wider than this; the rest of a long text need not be kept.
            self.table.push(row.iter().map(|cell| fit(cell, self.options.width.saturating_add(1)).0).collect());
            self.first_row.get_or_insert(row);
            Ok(())
        })
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<Shown, OutputError> {
        if self.table.needs_records(self.options.width) {
            // So that a wide result takes about as many lines as a narrow one.
            self.table.truncate((self.options.max_rows / self.columns.len().max(1)).max(LEAST_RECORDS));
        }
        let drawing = self.draw();
        out.write_all(drawing.text.as_bytes())?;
        Ok(Shown { rows: Some(self.table.row_count() as u64), cut: drawing.cut })
    }
}

pub(super) struct LineWriter {
    options: OutputOptions,
    columns: Vec<Column>,
    written: usize,
}

impl LineWriter {
    pub(super) fn new(schema: &Schema, options: OutputOptions) -> Self {
        Self { options, columns: columns(schema), written: 0 }
    }
}

impl ResultWriter for LineWriter {
    fn write(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), OutputError> {
        let names = names(&self.columns);
        for_each_row(batch, |row| {
            self.written += 1;
            let record = draw_record(self.written, &names, &row, self.options.width, LongText::Wrap);
            Ok(out.write_all(record.text.as_bytes())?)
        })
    }
}

pub(super) struct MarkdownWriter {
    columns: Vec<Column>,
}

impl MarkdownWriter {
    pub(super) fn new(schema: &Schema) -> Self {
        Self { columns: columns(schema) }
    }
}

impl ResultWriter for MarkdownWriter {
    fn start(&mut self, out: &mut dyn Write) -> Result<(), OutputError> {
        let names: Vec<String> = self.columns.iter().map(|column| markdown_text(&column.name)).collect();
        let alignments: Vec<&str> = self.columns.iter().map(|column| if column.is_number { "---:" } else { "---" }).collect();
        Ok(writeln!(out, "| {} |\n| {} |", names.join(" | "), alignments.join(" | "))?)
    }

    fn write(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), OutputError> {
        for_each_row(batch, |row| {
            let cells: Vec<String> = row.iter().map(|cell| markdown_text(cell)).collect();
            Ok(writeln!(out, "| {} |", cells.join(" | "))?)
        })
    }
}

/// Whether the result is that of `EXPLAIN`: plans are indented trees, which a table cell cannot show.
pub(super) fn is_plan(schema: &Schema) -> bool {
    schema.fields().iter().map(|field| field.name().as_str()).eq(["plan_type", "plan"])
}

fn columns(schema: &Schema) -> Vec<Column> {
    let fields = schema.fields().iter();
    fields.map(|field| Column { name: field.name().clone(), is_number: field.data_type().is_numeric() }).collect()
}

fn names(columns: &[Column]) -> Vec<&str> {
    columns.iter().map(|column| column.name.as_str()).collect()
}

/// Calls `show` with each row's texts; NULL is the word.
fn for_each_row(batch: &RecordBatch, mut show: impl FnMut(Vec<String>) -> Result<(), OutputError>) -> Result<(), OutputError> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let cells = columns.map(|(field, column)| CellFormatter::new(field, column.as_ref(), Style::Screen));
    let mut cells = cells.collect::<Result<Vec<_>, ArrowError>>()?;
    for row in 0..batch.num_rows() {
        let texts = cells.iter_mut().map(|cell| Ok(cell.text(row)?.unwrap_or_else(|| "NULL".to_owned())));
        show(texts.collect::<Result<Vec<_>, ArrowError>>()?)?;
    }
    Ok(())
}

/// `text` inside a Markdown table: on one line, without what would end the cell or be taken for HTML (such as `<image>`).
fn markdown_text(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('|', r"\|").replace('&', "&amp;").replace('<', "&lt;");
    visible_lines(&escaped).replace('\n', "<br>")
}
