//! On which lines of a CSV file its records are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::READ_BYTES;

/// What some programs begin a file of UTF-8 with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A record and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlacedRecord {
    /// The line on which it begins, from 1. Blank lines are counted, and so are those inside of values.
    pub line: usize,
    /// How many values it has.
    pub values: usize,
    pub is_utf8: bool,
}

impl PlacedRecord {
    fn of(line: usize, values: usize, text: &[u8]) -> PlacedRecord {
        PlacedRecord { line, values, is_utf8: std::str::from_utf8(text).is_ok() }
    }
}

/// The records of the file at `path`, its header first, parted as the engine's readers part them. They end where the file cannot be read.
///
/// # Errors
/// If the file cannot be opened.
pub(super) fn placed_records(path: &Path, delimiter: u8) -> io::Result<impl Iterator<Item = PlacedRecord> + use<>> {
    let mut file = BufReader::with_capacity(READ_BYTES, File::open(path)?);
    if file.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        file.consume(BYTE_ORDER_MARK.len());
    }
    Ok(placed(file.bytes().map_while(Result::ok), delimiter))
}

/// What the next byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A record that has not begun, or a blank line before it.
    NextRecord,
    /// A value that has not begun.
    NextValue,
    /// A value without quotes.
    Bare,
    /// A value in quotes.
    Quoted,
    /// What follows a quote inside of quotes: another one makes the two a quote of the value.
    BehindQuote,
}

fn placed(mut bytes: impl Iterator<Item = u8>, delimiter: u8) -> impl Iterator<Item = PlacedRecord> {
    let (mut line, mut before) = (1, b'\n');
    std::iter::from_fn(move || {
        let (mut first_line, mut values, mut text) = (line, 1, Vec::new());
        let mut part = Part::NextRecord;
        for byte in bytes.by_ref() {
            let ends_line = matches!(byte, b'\n' | b'\r');
            if part == Part::NextRecord && !ends_line {
                first_line = line;
            }
            let is_rest_of_end = (before, byte) == (b'\r', b'\n');
            line += usize::from(ends_line && !is_rest_of_end);
            before = byte;
            text.push(byte);
            part = match part {
                Part::Quoted if byte == b'"' => Part::BehindQuote,
                Part::Quoted => Part::Quoted,
                Part::NextRecord | Part::NextValue | Part::BehindQuote if byte == b'"' => Part::Quoted,
                Part::NextRecord if ends_line => Part::NextRecord,
                _ if ends_line => return Some(PlacedRecord::of(first_line, values, &text)),
                _ if byte == delimiter => {
                    values += 1;
                    Part::NextValue
                }
                _ => Part::Bare,
            };
        }
        // The last record may lack the end of its line.
        (part != Part::NextRecord).then(|| PlacedRecord::of(first_line, values, &text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line and the number of values of each record.
    fn places(content: &str) -> Vec<(usize, usize)> {
        placed(content.bytes(), b',').map(|record| (record.line, record.values)).collect()
    }

    #[test]
    fn blank_lines_and_line_breaks_in_values_are_lines() {
        assert_eq!(places("a,b\n\n\"x\"\"y,\n\",1\r\n\r\n,\n"), [(1, 2), (3, 2), (6, 2)]);
        assert_eq!(places("\n\r\n\ra\rb\n\nc"), [(4, 1), (5, 1), (7, 1)]);
        // A quote inside of a value without quotes is a part of it.
        assert_eq!(places("5\" tall,a\n6\" tall\n"), [(1, 2), (2, 1)]);
        assert_eq!(places("\"never closed\n,\n"), [(1, 1)]);
        assert!(places("\n\n").is_empty());
    }
}
