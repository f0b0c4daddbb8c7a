//! `NaN` and `Infinity`, which many programs write into JSON and JSON has not: the record that holds one is at fault, not the file.

use std::io::{self, Read};

use super::position::PositionedReader;

/// A word that stands for no number, and where it begins.
#[derive(Debug)]
pub(super) struct NoNumber {
    word: String,
    line: u64,
    column: u64,
}

impl std::fmt::Display for NoNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let NoNumber { word, line, column } = self;
        write!(f, "line {line}, column {column} holds {word}, which is no number in JSON: give a number or null")
    }
}

/// Reads one JSON value, with such words as texts, so that it can be read to its end.
pub(super) struct WithoutNaN<'a> {
    reader: &'a mut PositionedReader,
    in_text: bool,
    escaped: bool,
    /// What was read ahead, from its end.
    ahead: Vec<u8>,
    first: Option<NoNumber>,
}

impl<'a> WithoutNaN<'a> {
    pub fn new(reader: &'a mut PositionedReader) -> Self {
        WithoutNaN { reader, in_text: false, escaped: false, ahead: Vec::new(), first: None }
    }

    /// The first of the words that the value held.
    pub fn first(self) -> Option<NoNumber> {
        self.first
    }

    fn next(&mut self) -> io::Result<Option<u8>> {
        if let Some(byte) = self.ahead.pop() {
            return Ok(Some(byte));
        }
        let mut byte = [0];
        if self.reader.read(&mut byte)? == 0 {
            return Ok(None);
        }
        let [byte] = byte;
        if self.in_text {
            self.in_text = byte != b'"' || self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
        } else if byte == b'"' {
            self.in_text = true;
        } else if matches!(byte, b'N' | b'I' | b'-') {
            return self.word(byte).map(Some);
        }
        Ok(Some(byte))
    }

    /// Reads the word or number that begins with this byte; gives back its first byte, or that of the text in its place.
    fn word(&mut self, first: u8) -> io::Result<u8> {
        let (line, column) = (self.reader.line(), self.reader.column());
        let mut word = vec![first];
        word.extend(self.reader.read_scalar()?);
        if matches!(word.as_slice(), b"NaN" | b"Infinity" | b"-Infinity") {
            let text = String::from_utf8_lossy(&word).into_owned();
            word = format!("\"{text}\"").into_bytes();
            self.first.get_or_insert(NoNumber { word: text, line, column });
        }
        let start = word.remove(0);
        self.ahead.extend(word.into_iter().rev());
        Ok(start)
    }
}

impl Read for WithoutNaN<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(place) = buffer.first_mut() else { return Ok(0) };
        let Some(byte) = self.next()? else { return Ok(0) };
        *place = byte;
        Ok(1)
    }
}
