//! Splits the bytes of a file into rows and values, and knows where each stands. Deliberately does
//! not decode: a row that nobody changes is copied as the bytes it is.
//!
//! Reads what the `csv` crate reads (a test compares them), but tells besides where a row begins and
//! ends, its true line number, and that a quoted value never ends.

use crate::{
    scan::{CR, Field, Form, LF, Scan, quick, scan, skip, unit_at, width},
    text::{Codec, Units},
};
use ecma_plugin_sdk::{Error, Result};
use std::{io::Read, ops::Range};

const BLOCK: usize = 64 * 1024;
/// A longer row is a quote that was forgotten.
const LONGEST: usize = 16 * 1024 * 1024;

/// What separates and encloses values, as units of the encoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) codec: Codec,
    pub(crate) delimiter: u16,
    pub(crate) quote: u16,
}

/// Reads row after row; one at a time is in memory.
pub(crate) struct Rows<R> {
    source: R,
    dialect: Dialect,
    buffer: Vec<u8>,
    filled: usize,
    ended: bool,
    fields: Vec<Field>,
    /// The current row: its bytes without and with what ends it.
    start: usize,
    content: usize,
    end: usize,
    line: u64,
    next_line: u64,
    read: u64,
}

impl<R: Read> Rows<R> {
    /// The rows of a source; `start` is what was read of it already.
    pub(crate) fn new(source: R, dialect: Dialect, start: &[u8]) -> Rows<R> {
        let mut buffer = vec![0; BLOCK.max(start.len())];
        buffer[..start.len()].copy_from_slice(start);
        Rows {
            source,
            dialect,
            buffer,
            filled: start.len(),
            ended: false,
            fields: Vec::new(),
            start: 0,
            content: 0,
            end: 0,
            line: 1,
            next_line: 1,
            read: 0,
        }
    }

    /// Goes to the next row; `false` after the last. An empty line is a row without values.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        self.line = self.next_line;
        self.start = self.end;
        loop {
            if self.start == self.filled {
                if self.ended {
                    return Ok(false);
                }
            } else {
                match self.scan() {
                    Scan::Row { content, end, broken } => {
                        (self.content, self.end) = (self.start + content, self.start + end);
                        self.read += end as u64;
                        let within = if broken { self.lines() } else { 0 };
                        self.next_line = self.line + within + u64::from(end > content);
                        return Ok(true);
                    }
                    Scan::Unclosed => return Err(self.unclosed()),
                    Scan::Incomplete if self.filled - self.start >= LONGEST => {
                        return Err(self.unclosed());
                    }
                    Scan::Incomplete => {}
                }
            }
            self.fill()?;
        }
    }

    /// The bytes of the row.
    pub(crate) fn content(&self) -> &[u8] {
        &self.buffer[self.start..self.content]
    }

    /// The bytes that end the row: none at the end of a file without a final line ending.
    pub(crate) fn terminator(&self) -> &[u8] {
        &self.buffer[self.content..self.end]
    }

    /// The line on which the row begins, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// How many bytes the rows so far have.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    /// How many values the row has.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// A value as it is written, quotes included.
    pub(crate) fn raw(&self, at: usize) -> &[u8] {
        &self.content()[self.fields[at].raw()]
    }

    /// Whether a value is written between quotes.
    pub(crate) fn quoted(&self, at: usize) -> bool {
        self.fields[at].form != Form::Plain
    }

    /// Where in the row's bytes a value stands that is written as it is, quotes apart.
    pub(crate) fn span(&self, at: usize) -> Option<Range<usize>> {
        let field = self.fields[at];
        let quote = match field.form {
            Form::Plain => return Some(field.raw()),
            Form::Quoted => width(self.dialect.codec.units),
            Form::Escaped => return None,
        };
        Some(field.raw().start + quote..field.raw().end - quote)
    }

    /// The bytes of a value, quotes resolved.
    pub(crate) fn value<'a>(&'a self, at: usize, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let raw = self.raw(at);
        let width = width(self.dialect.codec.units);
        match self.fields[at].form {
            Form::Plain => raw,
            Form::Quoted => &raw[width..raw.len() - width],
            Form::Escaped => {
                scratch.clear();
                let mut rest = &raw[width..];
                while let Some(at) = self.quote(rest) {
                    scratch.extend_from_slice(&rest[..at]);
                    rest = &rest[at + width..];
                    if self.quote(rest) != Some(0) {
                        break;
                    }
                    scratch.extend_from_slice(&rest[..width]);
                    rest = &rest[width..];
                }
                scratch.extend_from_slice(rest);
                scratch
            }
        }
    }

    /// Where the first quote is.
    fn quote(&self, bytes: &[u8]) -> Option<usize> {
        let Dialect { codec: Codec { units, .. }, quote, .. } = self.dialect;
        if units == Units::Bytes {
            return bytes.iter().position(|byte| u16::from(*byte) == quote);
        }
        let at = bytes.chunks(2).position(|unit| unit_at(units, unit, 0) == Some(quote))?;
        Some(2 * at)
    }

    fn fill(&mut self) -> Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            (self.start, self.content, self.end) = (0, 0, 0);
        }
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            return Ok(());
        }
    }

    fn scan(&mut self) -> Scan {
        let bytes = &self.buffer[self.start..self.filled];
        match self.dialect.codec.units {
            Units::Bytes => {
                if let Some(row) = quick(bytes, self.dialect, &mut self.fields) {
                    return row;
                }
                let at = |at: usize| bytes.get(at).map(|byte| u16::from(*byte));
                let skip = |at, stops| skip(bytes, at, stops);
                let Rows { ended, dialect, fields, .. } = self;
                scan::<1>(at, skip, bytes.len(), *ended, *dialect, fields)
            }
            units => {
                let at = |at: usize| unit_at(units, bytes, at);
                let Rows { ended, dialect, fields, .. } = self;
                scan::<2>(at, |at, _| at, bytes.len(), *ended, *dialect, fields)
            }
        }
    }

    /// Line endings within the values of the row.
    fn lines(&self) -> u64 {
        let units = self.dialect.codec.units;
        let content = self.content();
        let mut lines = 0;
        for field in self.fields.iter().filter(|field| field.form != Form::Plain) {
            let Range { start: mut at, end } = field.raw();
            while at < end {
                let next = at + width(units);
                lines += match unit_at(units, content, at) {
                    Some(LF) => 1,
                    Some(CR) if unit_at(units, content, next) != Some(LF) => 1,
                    _ => 0,
                };
                at = next;
            }
        }
        lines
    }

    fn unclosed(&self) -> Error {
        Error::config(format!(
            "line {}: the row has a quote that opens and never closes, nothing after it can be read",
            self.line
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dialect(label: &str) -> Dialect {
        let codec = Codec::for_label(label).unwrap();
        let unit = |c| codec.unit(c).unwrap();
        Dialect { codec, delimiter: unit(','), quote: unit('"') }
    }

    /// Gives one byte at a time, so that every place is once the end of what was read.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let length = self.0.len().min(1);
            out[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn rows(source: impl Read, label: &str) -> Result<Vec<(u64, Vec<Vec<u8>>)>> {
        let mut rows = Rows::new(source, dialect(label), b"");
        let mut scratch = Vec::new();
        let mut found = Vec::new();
        while rows.advance()? {
            let fields = (0..rows.len()).map(|at| rows.value(at, &mut scratch).to_vec()).collect();
            found.push((rows.line(), fields));
        }
        Ok(found)
    }

    fn texts(found: &[(u64, Vec<Vec<u8>>)]) -> Vec<(u64, Vec<String>)> {
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
        found.iter().map(|(line, fields)| (*line, fields.iter().map(text).collect())).collect()
    }

    #[test]
    fn rows_know_their_lines() {
        let file = "a,b\r\n1,\"x\ny\r\nz\"\r\n\r\n2,\"say \"\"hi\"\"\"\n3,\n,\r\"4\"\"\"x\"y,5";
        let found = rows(file.as_bytes(), "utf-8").unwrap();
        let expected: [(u64, &[&str]); 7] = [
            (1, &["a", "b"]),
            (2, &["1", "x\ny\r\nz"]),
            (5, &[]),
            (6, &["2", "say \"hi\""]),
            (7, &["3", ""]),
            (8, &["", ""]),
            (9, &["4\"x\"y", "5"]),
        ];
        let expected: Vec<(u64, Vec<String>)> = expected
            .into_iter()
            .map(|(line, fields)| (line, fields.iter().map(|f| (*f).to_owned()).collect()))
            .collect();
        assert_eq!(texts(&found), expected);
    }

    #[test]
    fn a_quote_that_never_closes_is_told_with_its_line() {
        let error = rows("a\n\"b\nc".as_bytes(), "utf-8").unwrap_err();
        assert!(error.message().starts_with("line 2: "), "{error}");
        let long = [b"\"".as_slice(), &vec![b'x'; LONGEST + 1]].concat();
        let error = rows(long.as_slice(), "utf-8").unwrap_err();
        assert!(error.message().starts_with("line 1: "), "{error}");
    }

    /// What the `csv` crate reads.
    fn theirs(file: &str) -> Vec<Vec<Vec<u8>>> {
        let mut theirs = csv::ReaderBuilder::new();
        let theirs = theirs.has_headers(false).flexible(true).from_reader(file.as_bytes());
        let rows = theirs.into_byte_records();
        rows.map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect()
    }

    fn without_empty(found: Vec<(u64, Vec<Vec<u8>>)>) -> Vec<Vec<Vec<u8>>> {
        found.into_iter().map(|(_, row)| row).filter(|row| !row.is_empty()).collect()
    }

    /// Values with and without quotes, so long that rows take many steps of 64 bytes.
    fn long_file() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            8 => "[a-zé]{0,20}",
            2 => "[a-zé]{60,140}",
            4 => "\"[a-z,\r\n]{0,80}\"",
            2 => "\"([a-z,\n]|\"\"){0,60}\"",
            12 => Just(",".to_owned()),
            3 => "\r|\n|\r\n|\n\n",
            1 => Just("\"".to_owned()),
        ];
        proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn rows_go_on_from_block_to_block() {
        let row =
            "1,\"two\r\nlines, \"\"quoted\"\"\",a value that is plain and a bit longer,,\"x\"\r\n";
        let file = row.repeat(3 * BLOCK / row.len());
        let found = rows(file.as_bytes(), "utf-8").unwrap();
        assert!(found.iter().enumerate().all(|(at, (line, _))| *line == 1 + 2 * at as u64));
        assert_eq!(without_empty(found), theirs(&file));
    }

    proptest! {
        #[test]
        fn reads_what_the_csv_crate_reads(file in prop_oneof!["[ab\",\r\n]{0,40}", long_file()]) {
            if let Ok(ours) = rows(file.as_bytes(), "utf-8") {
                prop_assert_eq!(&rows(Drip(file.as_bytes()), "utf-8").unwrap(), &ours);
                prop_assert_eq!(without_empty(ours), theirs(&file));
            } else {
                prop_assert!(file.contains('"'));
            }
        }

        #[test]
        fn wide_units_are_read_as_bytes_are(file in "[ab\",\r\n]{0,40}") {
            let wide: Vec<u8> = file.encode_utf16().flat_map(u16::to_be_bytes).collect();
            match (rows(file.as_bytes(), "utf-8"), rows(Drip(&wide), "utf-16be")) {
                (Ok(narrow), Ok(wide)) => {
                    let low = |bytes: &Vec<u8>| bytes.iter().skip(1).step_by(2).copied().collect();
                    let wide: Vec<(u64, Vec<Vec<u8>>)> = wide
                        .iter()
                        .map(|(line, fields)| (*line, fields.iter().map(low).collect()))
                        .collect();
                    prop_assert_eq!(narrow, wide);
                }
                (narrow, wide) => prop_assert_eq!(narrow.is_err(), wide.is_err()),
            }
        }

        #[test]
        fn nothing_is_lost_between_rows(file in proptest::collection::vec(any::<u8>(), 0..60)) {
            for label in ["utf-8", "utf-16le"] {
                let mut rows = Rows::new(file.as_slice(), dialect(label), b"");
                let mut copy = Vec::new();
                let mut scratch = Vec::new();
                let whole = loop {
                    match rows.advance() {
                        Ok(true) => {}
                        Ok(false) => break true,
                        Err(_) => break false,
                    }
                    copy.extend_from_slice(rows.content());
                    copy.extend_from_slice(rows.terminator());
                    (0..rows.len()).for_each(|at| drop(rows.value(at, &mut scratch).to_vec()));
                };
                prop_assert!(!whole || copy == file);
            }
        }
    }
}
