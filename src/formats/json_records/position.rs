//! A buffered reader that knows its line and column and refuses records without end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

const BUFFER_BYTES: usize = 128 << 10;

/// Reads a file and counts lines and columns (in bytes) of what was read.
#[derive(Debug)]
pub(super) struct PositionedReader {
    reader: BufReader<File>,
    line: u64,
    column: u64,
    /// Bytes that may still be read before the record counts as too large.
    allowed: usize,
}

impl PositionedReader {
    pub fn new(file: File) -> Self {
        PositionedReader { reader: BufReader::with_capacity(BUFFER_BYTES, file), line: 1, column: 0, allowed: super::MAX_RECORD_BYTES }
    }

    /// The 1-based line of the byte read last.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The 1-based column, in bytes, of the byte read last.
    pub fn column(&self) -> u64 {
        self.column.max(1)
    }

    /// Allows the next record this many bytes.
    pub fn allow(&mut self, bytes: usize) {
        self.allowed = bytes;
    }

    pub fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        if self.reader.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
            self.reader.consume("\u{feff}".len());
        }
        Ok(())
    }

    /// Skips white space; the byte that follows is not read yet. `None` at the end of the file.
    pub fn peek_token(&mut self) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let spaces = buffer.iter().take_while(|byte| is_json_space(**byte)).count();
            let token = buffer.get(spaces).copied();
            let at_end = buffer.is_empty();
            for byte in buffer.get(..spaces).unwrap_or_default() {
                (self.line, self.column) = after(self.line, self.column, *byte);
            }
            self.reader.consume(spaces);
            if token.is_some() || at_end {
                return Ok(token);
            }
        }
    }

    /// Reads the byte that [`Self::peek_token`] showed.
    pub fn take_byte(&mut self) -> io::Result<()> {
        self.read_exact(&mut [0])
    }

    /// Reads up to the next separator, which stays unread: a number or a word.
    pub fn read_scalar(&mut self) -> io::Result<Vec<u8>> {
        let mut scalar = Vec::new();
        loop {
            let Some(byte) = self.reader.fill_buf()?.first().copied() else { return Ok(scalar) };
            if is_json_space(byte) || (matches!(byte, b',' | b']' | b'}' | b'{' | b'[' | b'"') && !scalar.is_empty()) {
                return Ok(scalar);
            }
            self.take_byte()?;
            scalar.push(byte);
        }
    }

    /// Appends the next line with its line feed; 0 at the end of the file.
    pub fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<usize> {
        let limit = self.allowed as u64 + 1;
        let count = (&mut self.reader).take(limit).read_until(b'\n', line)?;
        if count > self.allowed {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.line += 1;
        Ok(count)
    }
}

impl Read for PositionedReader {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.allowed == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let wanted = buffer.len().min(self.allowed);
        let Some(buffer) = buffer.get_mut(..wanted) else { return Ok(0) };
        let count = self.reader.read(buffer)?;
        self.allowed -= count;
        for byte in buffer.iter().take(count) {
            (self.line, self.column) = after(self.line, self.column, *byte);
        }
        Ok(count)
    }
}

fn after(line: u64, column: u64, byte: u8) -> (u64, u64) {
    if byte == b'\n' { (line + 1, 0) } else { (line, column + 1) }
}

fn is_json_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
