//! Writing pages of rows, in the framing of `words.rs`.

use crate::{connection::Pages, words};

/// Rows of a page at most.
pub(crate) const ROWS: usize = 100;
/// A page that has so many bytes goes, however few rows it has.
const BYTES: usize = 256 * 1024;

/// Rows on their way to the plugin.
pub(crate) struct Page<'a, 'p> {
    bytes: Vec<u8>,
    head: usize,
    rows: usize,
    pages: &'a mut Pages<'p>,
    /// Whether somebody wants more.
    pub(crate) wanted: bool,
}

impl<'a, 'p> Page<'a, 'p> {
    pub(crate) fn new(columns: usize, pages: &'a mut Pages<'p>) -> Page<'a, 'p> {
        let bytes = (columns as u32).to_le_bytes().to_vec();
        Page { head: bytes.len(), bytes, rows: 0, pages, wanted: true }
    }

    /// A whole number; none is NULL, as in the next ones.
    pub(crate) fn integer(&mut self, number: Option<i64>) {
        self.number(words::INTEGER, number.map(i64::to_le_bytes));
    }

    pub(crate) fn real(&mut self, number: Option<f64>) {
        self.number(words::REAL, number.map(f64::to_le_bytes));
    }

    pub(crate) fn text(&mut self, text: Option<&[u8]>) {
        self.long(words::TEXT, text);
    }

    pub(crate) fn binary(&mut self, bytes: Option<&[u8]>) {
        self.long(words::BYTES, bytes);
    }

    fn number(&mut self, tag: u8, number: Option<[u8; 8]>) {
        let Some(number) = number else { return self.bytes.push(words::NULL) };
        self.bytes.push(tag);
        self.bytes.extend(number);
    }

    fn long(&mut self, tag: u8, bytes: Option<&[u8]>) {
        let Some(bytes) = bytes else { return self.bytes.push(words::NULL) };
        self.bytes.push(tag);
        self.bytes.extend((bytes.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    /// Where the next row begins.
    pub(crate) fn place(&self) -> usize {
        self.bytes.len()
    }

    /// What was written since a place.
    pub(crate) fn since(&self, place: usize) -> &[u8] {
        &self.bytes[place..]
    }

    /// Takes back what was written since a place.
    pub(crate) fn forget(&mut self, place: usize) {
        self.bytes.truncate(place);
    }

    /// A row is complete.
    pub(crate) fn row(&mut self) {
        self.rows += 1;
        if self.rows >= ROWS || self.bytes.len() >= BYTES {
            self.send();
        }
    }

    /// Sends what there is.
    pub(crate) fn send(&mut self) {
        if self.rows > 0 && self.wanted {
            self.wanted = (self.pages)(&self.bytes);
        }
        self.rows = 0;
        self.bytes.truncate(self.head);
    }
}
