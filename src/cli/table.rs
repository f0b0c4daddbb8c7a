//! Terminal tables: how many columns a text takes, what is cut, and when fields go one below the other.
//!
//! Text from data is never trusted: control characters (which could move the cursor or change colours) and direction marks
//! (which could reorder what is read) are replaced by visible signs before anything is measured or drawn.

mod text;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, TableComponent, Width, presets};
use unicode_width::UnicodeWidthStr;

use self::text::{broken_name, widest_part, with_hanging_lines};
pub use self::text::{fit, shown_width, visible_lines};

/// Below this many characters a column says nothing; a table that would need it is laid out as records instead.
const LEAST_COLUMN_WIDTH: usize = 8;
/// Between two columns.
const GAP: usize = 2;
/// A record never gets less than this, however narrow the terminal says it is.
const LEAST_RECORD_WIDTH: usize = 20;

/// A column of a [`TextTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Shown in the header, and treated there as the cells are.
    pub name: String,
    /// Numbers are right-aligned and never cut: a cut number is a different number.
    pub is_number: bool,
}

/// Rows of text under named columns, drawn to fit a width.
#[derive(Debug, Clone, Default)]
pub struct TextTable {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    long_text: LongText,
}

/// How the columns stand side by side.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    widths: Vec<usize>,
    gap: usize,
}

/// What becomes of headers that are wider than their columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Headers {
    Cut,
    /// Columns are made as wide.
    Whole,
    Broken,
}

/// What [`TextTable::draw`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// Lines, each ended by a newline, without trailing spaces.
    pub text: String,
    /// Whether some cell was cut to fit.
    pub cut: bool,
}

/// How a text that is wider than its column is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LongText {
    /// Cut it to one line, with `…` at the end.
    #[default]
    Cut,
    /// Wrap it onto as many lines as it needs. In a table only between words, and after the `_`, `/` and `-` of a name.
    Wrap,
}

impl TextTable {
    /// A table without rows yet.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new(), long_text: LongText::Cut }
    }

    /// The same table, which shows long texts so.
    pub fn with_long_text(self, long_text: LongText) -> Self {
        Self { long_text, ..self }
    }

    /// Adds a row; missing cells stay empty, cells beyond the last column are not shown.
    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// How many rows were added.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Drops the rows after the first `rows`.
    pub fn truncate(&mut self, rows: usize) {
        self.rows.truncate(rows);
    }

    /// Draws the rows within `width` terminal columns: as a table while every column keeps at least eight characters (or
    /// its whole content, or the widest part of it where texts are wrapped), otherwise as one record after the other.
    pub fn draw(&self, width: usize) -> Drawing {
        match self.layout(width) {
            Some(layout) => self.draw_columns(&layout),
            None => self.draw_records(width, self.long_text),
        }
    }

    /// Whether [`TextTable::draw`] would lay the rows out as records.
    pub fn needs_records(&self, width: usize) -> bool {
        self.layout(width).is_none()
    }

    /// Draws every row as a record: one `name  value` line per field.
    pub fn draw_records(&self, width: usize, long_text: LongText) -> Drawing {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let mut drawing = Drawing { text: String::new(), cut: false };
        for (index, row) in self.rows.iter().enumerate() {
            let record = draw_record(index + 1, &names, row, width, long_text);
            drawing.text.push_str(&record.text);
            drawing.cut |= record.cut;
        }
        drawing
    }

    fn draw_columns(&self, layout: &Layout) -> Drawing {
        let mut table = plain_table();
        table.set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, ' ');
        table.set_style(TableComponent::VerticalLines, ' ');
        let (header, mut cut) = self.fit_row(self.columns.iter().map(|column| column.name.as_str()), &layout.widths);
        table.set_header(header);
        for row in &self.rows {
            let (cells, was_cut) = self.fit_row(row.iter().map(String::as_str), &layout.widths);
            table.add_row(cells);
            cut |= was_cut;
        }
        let last = self.columns.len().saturating_sub(1);
        for (index, (drawn, column)) in table.column_iter_mut().zip(&self.columns).enumerate() {
            // The vertical line is one space wide; the padding makes up the rest of the gap.
            drawn.set_padding((0, if index == last { 0 } else { (layout.gap - 1) as u16 }));
            drawn.set_cell_alignment(if column.is_number { CellAlignment::Right } else { CellAlignment::Left });
        }
        Drawing { text: ended(table.trim_fmt()), cut }
    }

    /// `None` when the columns do not fit side by side.
    fn layout(&self, width: usize) -> Option<Layout> {
        let tries: &[(Headers, usize)] = match self.long_text {
            LongText::Cut => &[(Headers::Cut, GAP)],
            // Where nothing may be cut, columns that stand closer are better than records.
            LongText::Wrap => &[(Headers::Whole, GAP), (Headers::Broken, GAP), (Headers::Broken, 1)],
        };
        tries.iter().find_map(|&(headers, gap)| Some(Layout { widths: self.column_widths(width, headers, gap)?, gap }))
    }

    /// The width of each column, or `None` when they do not fit. Narrow columns stay whole; the wide ones are held to one
    /// common width, the largest that fits.
    fn column_widths(&self, width: usize, headers: Headers, gap: usize) -> Option<Vec<usize>> {
        let available = width.checked_sub(gap * self.columns.len().saturating_sub(1))?;
        let extents: Vec<Extent> = (0..self.columns.len()).map(|index| self.extent(index, headers)).collect();
        let total = |level: usize| extents.iter().map(|extent| extent.at(level)).sum::<usize>();
        if total(0) > available {
            return None;
        }
        let level = (0..=available).rev().find(|&level| total(level) <= available)?;
        let mut spare = available - total(level);
        let widths = extents.iter().map(|extent| {
            let one_more = usize::from(spare > 0 && extent.at(level + 1) > extent.at(level));
            spare -= one_more;
            extent.at(level) + one_more
        });
        Some(widths.collect())
    }

    fn extent(&self, index: usize, headers: Headers) -> Extent {
        let column = &self.columns[index];
        let cells = || self.rows.iter().filter_map(|row| row.get(index));
        let widest_cell = cells().map(|cell| shown_width(cell)).max().unwrap_or(0);
        let header = match headers {
            Headers::Cut | Headers::Whole => shown_width(&column.name),
            Headers::Broken => widest_part(&column.name),
        };
        let natural = widest_cell.max(header).max(1);
        let least = match (headers, column.is_number) {
            (Headers::Cut, true) => widest_cell.max(natural.min(LEAST_COLUMN_WIDTH)),
            (Headers::Cut, false) => natural.min(LEAST_COLUMN_WIDTH),
            (Headers::Whole | Headers::Broken, true) => natural,
            (Headers::Whole | Headers::Broken, false) => cells().map(|cell| widest_part(cell)).fold(header.max(1), usize::max),
        };
        Extent { least, natural }
    }

    /// Fits each cell to its width; a row with too few cells is filled up. Also says whether a cell was cut.
    fn fit_row<'a>(&self, mut cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> (Vec<String>, bool) {
        let fitted = widths.iter().map(|&width| {
            let cell = cells.next().unwrap_or_default();
            match self.long_text {
                LongText::Cut => fit(cell, width),
                LongText::Wrap => (broken_name(cell, width), false),
            }
        });
        let (cells, cut): (Vec<String>, Vec<bool>) = fitted.unzip();
        (cells, cut.contains(&true))
    }
}

/// The range of widths a column can take.
struct Extent {
    least: usize,
    natural: usize,
}

impl Extent {
    fn at(&self, level: usize) -> usize {
        level.clamp(self.least, self.natural)
    }
}

/// Draws one record: a line with its `number`, then one line (or more, wrapped) per field.
pub fn draw_record(number: usize, names: &[&str], values: &[String], width: usize, long_text: LongText) -> Drawing {
    let width = width.max(LEAST_RECORD_WIDTH);
    let widest_name = names.iter().map(|name| shown_width(name)).max().unwrap_or(0);
    let name_width = widest_name.min(width / 2 - GAP);
    let value_width = width - name_width - GAP;
    let mut cut = false;
    let mut table = plain_table();
    for (name, value) in names.iter().zip(values) {
        let value = match long_text {
            LongText::Wrap => with_hanging_lines(&visible_lines(value), value_width),
            LongText::Cut => {
                let (text, was_cut) = fit(value, value_width);
                cut |= was_cut;
                text
            }
        };
        table.add_row(vec![fit(name, name_width).0, value]);
    }
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::try_from(width).unwrap_or(u16::MAX));
    for (column, (width, padding)) in table.column_iter_mut().zip([(name_width + GAP, GAP), (value_width, 0)]) {
        column.set_padding((0, padding as u16));
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(u16::try_from(width).unwrap_or(u16::MAX))));
    }
    let title = format!("─[ {number} ]");
    let rule = "─".repeat(width.min(LEAST_RECORD_WIDTH * 2).saturating_sub(title.width()));
    Drawing { text: format!("{title}{rule}\n{}", ended(table.trim_fmt())), cut }
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn ended(mut text: String) -> String {
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(columns: &[(&str, bool, &str)], width: usize) -> Option<Vec<usize>> {
        let heads = columns.iter().map(|(name, is_number, _)| Column { name: (*name).to_owned(), is_number: *is_number });
        let mut table = TextTable::new(heads.collect());
        table.push(columns.iter().map(|(_, _, cell)| (*cell).to_owned()).collect());
        table.layout(width).map(|layout| layout.widths)
    }

    #[test]
    fn narrow_columns_stay_whole_and_wide_ones_share_the_rest() {
        let long = "x".repeat(100);
        assert_eq!(widths(&[("id", false, "abc"), ("a", false, &long), ("b", false, &long)], 40), Some(vec![3, 17, 16]));
        assert_eq!(widths(&[("id", false, "abc"), ("b", false, "short")], 40), Some(vec![3, 5]));
        assert_eq!(widths(&[("n", true, "1234567890123"), ("b", false, &long)], 23), Some(vec![13, 8]));
        assert_eq!(widths(&[("n", true, "1234567890123"), ("b", false, &long)], 22), None, "a number is never cut");
        assert_eq!(widths(&[], 0), Some(vec![]));
    }

    #[test]
    fn rows_of_any_length_are_drawn() {
        let mut table =
            TextTable::new(vec![Column { name: "a".to_owned(), is_number: false }, Column { name: "b".to_owned(), is_number: true }]);
        table.push(vec!["only".to_owned()]);
        table.push(vec!["x".to_owned(), "1".to_owned(), "extra".to_owned()]);
        assert_eq!(table.draw(80), Drawing { text: "a     b\n───── ─\nonly\nx     1\n".to_owned(), cut: false });
    }

    #[test]
    fn names_are_broken_where_nothing_may_be_cut() {
        let heads = [("operator", false), ("mean_score", true)].map(|(name, is_number)| Column { name: name.to_owned(), is_number });
        let mut table = TextTable::new(heads.to_vec()).with_long_text(LongText::Wrap);
        table.push(vec!["fine_grained_perception".to_owned(), "7.25".to_owned()]);
        table.push(vec!["Complex Reasoning".to_owned(), "10.0".to_owned()]);
        let drawn = |width| table.draw(width).text;
        let one_line = "operator                 mean_score\n──────────────────────── ──────────\n\
                        fine_grained_perception        7.25\nComplex Reasoning              10.0\n";
        assert_eq!(drawn(35), one_line);
        let broken = "operator       mean_\n               score\n────────────── ─────\n\
                      fine_grained_   7.25\nperception\nComplex         10.0\nReasoning\n";
        assert_eq!(drawn(20), broken);
        let close = "operator   mean_\n           score\n────────── ─────\n\
                     fine_       7.25\ngrained_\nperception\nComplex     10.0\nReasoning\n";
        assert_eq!(drawn(16), close);
        assert!(drawn(15).starts_with("─[ 1 ]─"), "{}", drawn(15));
    }

    #[test]
    fn a_plan_keeps_its_shape() {
        let drawing = draw_record(1, &["plan"], &["Scan: it\n  Scan: one, two, three\n  Scan: a".to_owned()], 20, LongText::Wrap);
        let expected = "─[ 1 ]──────────────\nplan  Scan: it\n        Scan: one,\n            two,\n            three\n        Scan: a\n";
        assert_eq!(drawing.text, expected);
    }

    #[test]
    fn a_tiny_terminal_still_gets_records() {
        let drawing = draw_record(1, &["a_very_long_column_name"], &["some text that wraps".to_owned()], 0, LongText::Wrap);
        assert!(drawing.text.lines().all(|line| shown_width(line) <= 20), "{}", drawing.text);
    }
}
