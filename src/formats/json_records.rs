//! Records of a JSON list or of JSON lines, one at a time: a file of many gigabytes needs the memory of its largest record.

pub(super) mod fields;
mod layout;
mod numbers;
mod position;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use self::fields::{Fields, fault};
use self::layout::{Layout, layout};
use self::numbers::{NoNumber, WithoutNaN};
use self::position::PositionedReader;
use super::RecordFault;
use super::detect::FormatError;

/// The largest record that is read. What is larger is a file that lost a quote or a bracket, not a sample.
pub const MAX_RECORD_BYTES: usize = 256 << 20;

/// One record of a JSON file.
#[derive(Debug)]
pub struct JsonRecord {
    /// 1-based: the element of a list, the line of a JSONL file.
    pub number: u64,
    /// The record's text, checked to be JSON; a fault is a line that is none.
    pub text: Result<Box<RawValue>, RecordFault>,
}

/// The records of one file, in order. After an `Err` nothing follows.
#[derive(Debug)]
pub struct JsonRecords {
    path: PathBuf,
    layout: Layout,
    reader: PositionedReader,
    /// Of the record read last.
    number: u64,
    finished: bool,
}

/// Opens a JSON list or a JSONL file; its first bytes decide which it is. A file that holds one object has one record, a UTF-8
/// byte order mark is skipped, and so are blank lines.
///
/// # Errors
/// If the file cannot be read, is empty, or does not begin like JSON.
pub fn open(path: impl AsRef<Path>) -> Result<JsonRecords, FormatError> {
    let path = path.as_ref();
    let layout = layout(path, &mut PositionedReader::new(open_file(path)?))?;
    let mut reader = PositionedReader::new(open_file(path)?);
    reader.skip_byte_order_mark().map_err(|source| FormatError::read(path, source))?;
    Ok(JsonRecords { path: path.to_owned(), layout, reader, number: 0, finished: false })
}

/// Opens a regular file to read from. It is opened several times, first to see what it is: of a pipe, what was looked at would be gone.
///
/// # Errors
/// If there is none, it is a directory, a pipe or a device, or may not be read.
pub(super) fn open_file(path: &Path) -> Result<File, FormatError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => FormatError::Missing { path: path.to_owned() },
        _ => FormatError::read(path, source),
    };
    // Not of the opened file: opening a pipe waits for somebody to write into it.
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(FormatError::Directory { path: path.to_owned() });
    }
    if !metadata.is_file() {
        return Err(FormatError::Pipe { path: path.to_owned() });
    }
    File::open(path).map_err(failed)
}

impl Iterator for JsonRecords {
    type Item = Result<JsonRecord, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        self.reader.allow(MAX_RECORD_BYTES);
        let next = match self.layout {
            Layout::List => self.next_element(),
            Layout::Values => self.next_value(),
            Layout::Lines => self.next_line(),
        };
        self.finished = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

impl JsonRecords {
    fn next_element(&mut self) -> Result<Option<JsonRecord>, FormatError> {
        const LIST_REMEDY: &str = "The file may be cut off or hand-edited: repair the list there, or get the whole file again";
        let is_first = self.number == 0;
        if is_first {
            self.peek()?;
            self.take()?;
        }
        match self.peek()? {
            Some(b']') => {
                self.take()?;
                return match self.peek()? {
                    None => Ok(None),
                    Some(_) => {
                        self.take()?;
                        Err(self.syntax("there is text after the end of the list", "One file holds one list: remove what follows it"))
                    }
                };
            }
            Some(b',') if !is_first => {
                self.take()?;
                if self.peek()? == Some(b']') {
                    return Err(self.syntax("there is a comma before the end of the list", "Remove the comma"));
                }
            }
            Some(_) if !is_first => {
                self.take()?;
                return Err(self.syntax("expected a comma or the end of the list", LIST_REMEDY));
            }
            _ => {}
        }
        if self.peek()?.is_none() {
            return Err(self.syntax("the file ends inside the list", LIST_REMEDY));
        }
        self.number += 1;
        self.read_value(LIST_REMEDY).map(Some)
    }

    fn next_value(&mut self) -> Result<Option<JsonRecord>, FormatError> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        self.number += 1;
        self.read_value("The file may be cut off: get it again. Several records belong into one JSON list, or on a line each").map(Some)
    }

    fn next_line(&mut self) -> Result<Option<JsonRecord>, FormatError> {
        let mut line = Vec::new();
        while line.trim_ascii().is_empty() {
            line.clear();
            self.number += 1;
            if self.reader.read_line(&mut line).map_err(|source| self.read_error(source))? == 0 {
                return Ok(None);
            }
        }
        // Without the line's end, which would put an error at the end of the record on the next line.
        let line = line.trim_ascii_end();
        let text = serde_json::from_slice(line).map_err(|error| {
            let cause = if std::str::from_utf8(line).is_err() { "it is not UTF-8 text".to_owned() } else { cause(&error) };
            fault(format!("line {}, column {} is not JSON: {cause}", self.number, error.column()))
        });
        Ok(Some(JsonRecord { number: self.number, text }))
    }

    /// Reads the value that begins at the next byte, which is no white space.
    fn read_value(&mut self, remedy: &'static str) -> Result<JsonRecord, FormatError> {
        let is_delimited = matches!(self.peek()?, Some(b'{' | b'[' | b'"'));
        let mut no_number = None;
        let parsed = if is_delimited {
            let mut reader = WithoutNaN::new(&mut self.reader);
            let parsed = <Box<RawValue>>::deserialize(&mut serde_json::Deserializer::from_reader(&mut reader));
            no_number = reader.first();
            parsed
        } else {
            // The parser would swallow the byte after a number, so that these are cut out first.
            let scalar = self.reader.read_scalar().map_err(|source| self.read_error(source))?;
            serde_json::from_slice(&scalar)
        };
        match parsed {
            Ok(text) => {
                let text = match no_number {
                    None => Ok(text),
                    Some(no_number) => Err(fault_of(&text, &no_number)),
                };
                Ok(JsonRecord { number: self.number, text })
            }
            Err(error) if error.is_io() => Err(self.read_error(error.into())),
            Err(error) => Err(self.syntax(cause(&error), remedy)),
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, FormatError> {
        self.reader.peek_token().map_err(|source| FormatError::read(&self.path, source))
    }

    fn take(&mut self) -> Result<(), FormatError> {
        self.reader.take_byte().map_err(|source| self.read_error(source))
    }

    fn read_error(&self, source: io::Error) -> FormatError {
        match source.kind() {
            io::ErrorKind::FileTooLarge => self.syntax(
                format!("the record is larger than {} MiB", MAX_RECORD_BYTES >> 20),
                "A quote or bracket may be missing; images of this size belong into files",
            ),
            _ => FormatError::read(&self.path, source),
        }
    }

    fn syntax(&self, cause: impl Into<String>, remedy: &'static str) -> FormatError {
        FormatError::Syntax {
            path: self.path.clone(),
            record: self.number.max(1),
            line: self.reader.line(),
            column: self.reader.column(),
            cause: cause.into(),
            remedy,
        }
    }
}

/// The fault of a record that can be read but for one of its numbers.
fn fault_of(record: &RawValue, no_number: &NoNumber) -> RecordFault {
    let source_id = Fields::of_record(record).and_then(|mut fields| fields.take_source_id()).ok().flatten();
    RecordFault { source_id, ..fault(no_number.to_string()) }
}

/// The value of a record, or what else is made of one. Its text was checked to be JSON, which leaves numbers out of range, halves of surrogate
/// pairs, and deep nesting.
///
/// # Errors
/// Says what cannot be read, with the text before it.
pub fn value<T: DeserializeOwned>(record: &RawValue) -> Result<T, String> {
    /// Characters shown of the text before what cannot be read.
    const TEXT_SHOWN: usize = 40;

    serde_json::from_str(record.get()).map_err(|error| {
        let text = record.get();
        let lines_before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let read = text.get(..lines_before + error.column()).unwrap_or(text);
        let start = read.char_indices().rev().nth(TEXT_SHOWN).map_or(0, |(start, _)| start);
        let mark = if start > 0 { "..." } else { "" };
        format!("the record cannot be read: {} at the end of {mark}{}", cause(&error), read.get(start..).unwrap_or_default())
    })
}

/// The parser's message without its position, which counts from the record's beginning.
fn cause(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    match message {
        "expected value" => "expected a value (JSON has no NaN, no Infinity, no single quotes and no comments)".to_owned(),
        "expected ident" => "expected true, false or null".to_owned(),
        "unexpected end of hex escape" | "lone leading surrogate in hex escape" => "half of a surrogate pair stands alone".to_owned(),
        "number out of range" => "a number is out of range".to_owned(),
        "recursion limit exceeded" => "it is nested too deeply".to_owned(),
        "invalid unicode code point" => "it is not UTF-8 text".to_owned(),
        other => match other.strip_prefix("EOF while parsing ") {
            Some(unfinished) => format!("the text ends inside {unfinished}"),
            None => other.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// The records of a file as `number:text`, and the error that ends it.
    fn records(content: &[u8]) -> (Vec<String>, Option<String>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let (mut texts, mut error) = (Vec::new(), None);
        match open(file.path()) {
            Ok(records) => {
                for record in records {
                    match record {
                        Ok(JsonRecord { number, text: Ok(text) }) => texts.push(format!("{number}:{}", text.get())),
                        Ok(JsonRecord { number, text: Err(fault) }) => texts.push(format!("{number}!{fault}")),
                        Err(failure) => error = Some(failure.to_string()),
                    }
                }
            }
            Err(failure) => error = Some(failure.to_string()),
        }
        (texts, error)
    }

    fn texts(content: &str) -> Vec<String> {
        let (texts, error) = records(content.as_bytes());
        assert_eq!(error, None, "{content}");
        texts
    }

    fn failure(content: &[u8], delivered: usize) -> String {
        let (texts, error) = records(content);
        assert_eq!(texts.len(), delivered, "{texts:?}");
        error.expect("an error")
    }

    #[test]
    fn layouts_are_told_apart_by_the_first_bytes() {
        assert_eq!(texts(r#" [{"a":1} , {"b":[2]}, 7,"x",null] "#), [r#"1:{"a":1}"#, r#"2:{"b":[2]}"#, "3:7", "4:\"x\"", "5:null"]);
        assert_eq!(texts("\u{feff}[{}]"), ["1:{}"]);
        assert_eq!(texts("[]"), [""; 0]);
        assert_eq!(texts("{\"a\":1}\r\n\n  \n{\"b\":2}\n"), [r#"1:{"a":1}"#, r#"4:{"b":2}"#]);
        assert_eq!(texts("\u{feff}{\"a\":1}"), [r#"1:{"a":1}"#]);
        assert_eq!(texts("{\n\"a\":1\n}\n"), ["1:{\n\"a\":1\n}"]);
        assert_eq!(texts("{\n\"a\":1\n}\n{\n}"), ["1:{\n\"a\":1\n}", "2:{\n}"]);
    }

    /// It was once taken for a file of lines, of which the first had the fault.
    #[test]
    fn an_object_over_several_lines_has_its_fault_where_it_is() {
        let error = failure(b"{\n \"a\": 1,\n \"b\": [\"x\"", 0);
        assert!(error.contains("record 1, line 3, column 10: the text ends inside a list"), "{error}");
        let lines = texts("{\n \"a\": NaN\n}\n");
        assert!(lines[0].starts_with("1!line 2, column 7 holds NaN"), "{lines:?}");
        // One line that is cut off is a record.
        for content in ["{\"a\": 1,", "\n{\"a\": 1,\n\n"] {
            assert!(texts(content)[0].contains("is not JSON: the text ends inside an object"), "{content}");
        }
    }

    #[test]
    fn a_bad_line_is_a_fault_of_that_line() {
        let lines = texts("{\"a\": 1}\n{\"a\": tru}\n{\"a\": 3}\n");
        assert_eq!(lines[0], r#"1:{"a": 1}"#);
        assert!(lines[1].starts_with("2!line 2, column 10 is not JSON: expected true, false or null"), "{}", lines[1]);
        assert_eq!(lines[2], r#"3:{"a": 3}"#);
        // A first line that is cut off does not swallow the second.
        let lines = texts("{\"a\": 1, \n{\"a\": 2}\n");
        assert!(lines[0].starts_with("1!line 1"), "{lines:?}");
        assert_eq!(lines[1], r#"2:{"a": 2}"#);
        let (lines, error) = records(b"{\"a\": \"\xff\"}\n{}\n");
        assert_eq!(error, None);
        assert!(lines[0].contains("not UTF-8"), "{lines:?}");
        assert_eq!(lines[1], "2:{}");
    }

    #[test]
    fn a_broken_list_delivers_what_stands_before() {
        let error = failure(b"[{\"a\":1},\n {\"b\":", 1);
        assert!(error.contains("record 2, line 2") && error.contains("ends inside a value"), "{error}");
        assert!(failure(b"[{\"a\":1},", 1).contains("ends inside the list"));
        assert!(failure(b"[{\"a\":1}", 1).contains("expected a comma") || failure(b"[{\"a\":1}", 1).contains("ends inside"));
        assert!(failure(b"[", 0).contains("ends inside the list"));
        assert!(failure(b"[{},]", 1).contains("comma before the end"));
        assert!(failure(b"[{} {}]", 1).contains("expected a comma"));
        assert!(failure(b"[{}] x", 1).contains("text after the end"));
        assert!(failure(b"[,{}]", 0).contains("expected a value"));
        assert!(failure(b"[NaN]", 0).contains("NaN"));
        assert!(failure(b"[{\"a\": \"\xff\"}]", 0).contains("not UTF-8"));
    }

    #[test]
    fn what_is_no_number_is_a_fault_of_its_record() {
        let (lines, error) = records(b"[{\"a\": [-1, -0.5e3]},\n{\"a\": [NaN, -Infinity], \"b\": \"it's \\\"NaN\"},{\"N\": \"-I\"}]");
        assert_eq!(error, None);
        assert_eq!((lines[0].as_str(), lines[2].as_str()), ("1:{\"a\": [-1, -0.5e3]}", "3:{\"N\": \"-I\"}"));
        assert!(lines[1].starts_with("2!line 2, column 8 holds NaN, which is no number"), "{lines:?}");
    }

    #[test]
    fn a_position_is_that_of_the_file() {
        let error = failure(b"[\n{\"a\": 1},\n{\"a\": x}\n]", 1);
        assert!(error.contains("record 2, line 3, column 7"), "{error}");
    }

    #[test]
    fn files_that_are_no_json_are_refused() {
        assert!(failure(b"", 0).contains("is empty"));
        assert!(failure(b" \n ", 0).contains("is empty"));
        assert!(failure(b"hello", 0).contains("neither a JSON list nor JSON lines"));
        assert!(failure(b"\x1f\x8b\x08", 0).contains("gzip"));
        assert!(failure(b"PAR1", 0).contains("Parquet"));
        assert!(failure(b"\xff\xfe[\0", 0).contains("UTF-16"));
        let folder = tempfile::tempdir().unwrap();
        assert!(open(folder.path()).unwrap_err().to_string().contains("is a directory"));
        assert!(open(folder.path().join("none.json")).unwrap_err().to_string().contains("no such file"));
    }

    #[test]
    fn deep_nesting_is_a_fault_not_a_crash() {
        let deep = format!("[{{\"a\": {}{}}}, {{}}]", "[".repeat(200_000), "]".repeat(200_000));
        let (records, error) = records(deep.as_bytes());
        assert_eq!((records.len(), error), (2, None));
        let text = RawValue::from_string(format!("{{\"a\": {}{}}}", "[".repeat(300), "]".repeat(300))).unwrap();
        assert!(fields::Fields::of_record(&text).unwrap_err().message.contains("nested too deeply"));
    }
}
