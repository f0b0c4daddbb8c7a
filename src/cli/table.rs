//! Terminal tables: how many columns a text takes, what is cut, and when fields go one below the other.
//!
//! Text from data is never trusted: control characters (which could move the cursor or change colours) and direction marks
//! (which could reorder what is read) are replaced by visible signs before anything is measured or drawn.

use std::borrow::Cow;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, TableComponent, Width, presets};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Below this many characters a column says nothing; a table that would need it is laid out as records instead.
const LEAST_COLUMN_WIDTH: usize = 8;
/// Between two columns.
const GAP: usize = 2;
/// A record never gets less than this, however narrow the terminal says it is.
const LEAST_RECORD_WIDTH: usize = 20;

/// A column of a [`TextTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Shown in the header, cut when it does not fit.
    pub name: String,
    /// Numbers are right-aligned and never cut: a cut number is a different number.
    pub is_number: bool,
}

/// Rows of text under named columns, drawn to fit a width.
#[derive(Debug, Clone, Default)]
pub struct TextTable {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// What [`TextTable::draw`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// Lines, each ended by a newline, without trailing spaces.
    pub text: String,
    /// Whether some cell was cut to fit.
    pub cut: bool,
}

/// How a record shows a value longer than its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongText {
    /// Cut it to one line, with `…` at the end.
    Cut,
    /// Wrap it onto as many lines as it needs.
    Wrap,
}

impl TextTable {
    /// A table without rows yet.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
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
    /// its whole content), otherwise as one record after the other.
    pub fn draw(&self, width: usize) -> Drawing {
        match self.column_widths(width) {
            Some(widths) => self.draw_columns(&widths),
            None => self.draw_records(width, LongText::Cut),
        }
    }

    /// Whether [`TextTable::draw`] would lay the rows out as records.
    pub fn needs_records(&self, width: usize) -> bool {
        self.column_widths(width).is_none()
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

    fn draw_columns(&self, widths: &[usize]) -> Drawing {
        let mut table = plain_table();
        table.set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, ' ');
        table.set_style(TableComponent::VerticalLines, ' ');
        let (header, mut cut) = fit_row(self.columns.iter().map(|column| column.name.as_str()), widths);
        table.set_header(header);
        for row in &self.rows {
            let (cells, was_cut) = fit_row(row.iter().map(String::as_str), widths);
            table.add_row(cells);
            cut |= was_cut;
        }
        let last = self.columns.len().saturating_sub(1);
        for (index, (drawn, column)) in table.column_iter_mut().zip(&self.columns).enumerate() {
            // The vertical line is one space wide; the padding makes up the rest of the gap.
            drawn.set_padding((0, if index == last { 0 } else { (GAP - 1) as u16 }));
            drawn.set_cell_alignment(if column.is_number { CellAlignment::Right } else { CellAlignment::Left });
        }
        Drawing { text: ended(table.trim_fmt()), cut }
    }

    /// The width of each column, or `None` when they do not fit side by side. Narrow columns stay whole; the wide ones
    /// are held to one common width, the largest that fits.
    fn column_widths(&self, width: usize) -> Option<Vec<usize>> {
        let available = width.checked_sub(GAP * self.columns.len().saturating_sub(1))?;
        let extents: Vec<Extent> = (0..self.columns.len()).map(|index| self.extent(index)).collect();
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

    fn extent(&self, index: usize) -> Extent {
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        let widest_cell = cells.map(|cell| shown_width(cell)).max().unwrap_or(0);
        let column = &self.columns[index];
        let natural = widest_cell.max(shown_width(&column.name)).max(1);
        let never_cut = if column.is_number { widest_cell } else { 0 };
        Extent { least: never_cut.max(natural.min(LEAST_COLUMN_WIDTH)), natural }
    }
}

/// Fits each cell to its width; a row with too few cells is filled up. Also says whether a cell was cut.
fn fit_row<'a>(mut cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> (Vec<String>, bool) {
    let fitted: Vec<(String, bool)> = widths.iter().map(|&width| fit(cells.next().unwrap_or_default(), width)).collect();
    let cut = fitted.iter().any(|(_, was_cut)| *was_cut);
    (fitted.into_iter().map(|(text, _)| text).collect(), cut)
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
            LongText::Wrap => visible_lines(value),
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

/// `text` on one line of at most `width` columns, and whether its end was cut off (then it ends in `…`).
///
/// Newlines show as `⏎`, other control characters as their picture. Never splits what is read as one character.
pub fn fit(text: &str, width: usize) -> (String, bool) {
    let mut fitted = String::with_capacity(text.len().min(width.saturating_mul(4)));
    let mut used = 0;
    let mut length_with_room_for_mark = 0;
    for grapheme in text.graphemes(true) {
        let shown = visible(grapheme);
        used += shown.width();
        if used > width {
            fitted.truncate(length_with_room_for_mark);
            fitted.push('…');
            return (fitted, true);
        }
        fitted.push_str(&shown);
        if used < width {
            length_with_room_for_mark = fitted.len();
        }
    }
    (fitted, false)
}

/// `text` with its line ends kept and all other control characters made visible.
pub fn visible_lines(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.lines().map(visible).collect();
    lines.join("\n")
}

/// How many terminal columns `text` takes on one line.
pub fn shown_width(text: &str) -> usize {
    text.graphemes(true).map(|grapheme| visible(grapheme).width()).sum()
}

fn visible(text: &str) -> Cow<'_, str> {
    if text == "\r\n" {
        return Cow::Borrowed("⏎");
    }
    if !text.chars().any(|character| picture(character).is_some()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|character| picture(character).unwrap_or(character)).collect())
}

/// What stands for a character that must not reach the terminal.
fn picture(character: char) -> Option<char> {
    match character {
        '\n' => Some('⏎'),
        '\t' => Some(' '),
        // Unicode's control pictures are in the order of the characters they stand for.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)),
        '\u{7f}' => Some('␡'),
        // C1 controls, line and paragraph separators, marks that change the direction of the text after them.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some('\u{fffd}')
        }
        _ => None,
    }
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

    #[test]
    fn text_is_cut_between_what_is_read_as_one_character() {
        assert_eq!(fit("abcdef", 6), ("abcdef".to_owned(), false));
        assert_eq!(fit("abcdef", 5), ("abcd…".to_owned(), true));
        assert_eq!(fit("猫猫猫", 5), ("猫猫…".to_owned(), true));
        assert_eq!(fit("猫猫猫", 4), ("猫…".to_owned(), true));
        assert_eq!(fit("a\u{301}bc", 2), ("a\u{301}…".to_owned(), true));
        assert_eq!(fit("👨‍👩‍👧x", 2), ("…".to_owned(), true));
        assert_eq!(fit("a\nb", 9), ("a⏎b".to_owned(), false));
        assert_eq!(fit("", 0), (String::new(), false));
    }

    fn widths(columns: &[(&str, bool, &str)], width: usize) -> Option<Vec<usize>> {
        let heads = columns.iter().map(|(name, is_number, _)| Column { name: (*name).to_owned(), is_number: *is_number });
        let mut table = TextTable::new(heads.collect());
        table.push(columns.iter().map(|(_, _, cell)| (*cell).to_owned()).collect());
        table.column_widths(width)
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
    fn a_tiny_terminal_still_gets_records() {
        let drawing = draw_record(1, &["a_very_long_column_name"], &["some text that wraps".to_owned()], 0, LongText::Wrap);
        assert!(drawing.text.lines().all(|line| shown_width(line) <= 20), "{}", drawing.text);
    }
}
