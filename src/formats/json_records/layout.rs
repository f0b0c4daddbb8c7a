//! How the records of a JSON file are laid out: its first bytes decide.

use std::fs::File;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::numbers::WithoutNaN;
use super::position::PositionedReader;
use crate::formats::detect::FormatError;

/// How records are laid out in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `[{...}, {...}]`
    List,
    /// One record per line.
    Lines,
    /// Records that span lines, one after another; mostly a file of a single object.
    Values,
}

/// The layout of the file at `path`, of which `reader` has read nothing.
///
/// # Errors
/// If the file cannot be read, is empty, or does not begin like JSON.
pub(super) fn layout(path: &Path, reader: &mut PositionedReader) -> Result<Layout, FormatError> {
    let read_error = |source| FormatError::read(path, source);
    reader.skip_byte_order_mark().map_err(read_error)?;
    let is_named_lines = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson");
    match reader.peek_token().map_err(read_error)? {
        None => Err(FormatError::Empty { path: path.to_owned() }),
        Some(b'[') => Ok(Layout::List),
        Some(b'{') => {
            let first_line = reader.line();
            let mut without_nan = WithoutNaN::new(&mut *reader);
            let first = <Box<RawValue>>::deserialize(&mut serde_json::Deserializer::from_reader(&mut without_nan));
            let spans_lines = match first {
                Ok(_) => reader.line() > first_line,
                // An object over several lines that is cut off. In a file of lines, the first of them is.
                Err(error) => !is_named_lines && error.is_eof() && has_second_line(path).map_err(read_error)?,
            };
            Ok(if spans_lines { Layout::Values } else { Layout::Lines })
        }
        // A faulty first line, unless the file is no text at all.
        Some(first_byte) if is_named_lines && !matches!(first_byte, 0x1f | 0xfe | 0xff) => Ok(Layout::Lines),
        Some(first_byte) => Err(FormatError::NotJson { path: path.to_owned(), first_byte }),
    }
}

/// Whether anything but white space follows the first line that is not blank.
fn has_second_line(path: &Path) -> io::Result<bool> {
    let mut reader = PositionedReader::new(File::open(path)?);
    reader.peek_token()?;
    reader.read_line(&mut Vec::new())?;
    Ok(reader.peek_token()?.is_some())
}
