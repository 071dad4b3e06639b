//! Digests of rows, to know them again without keeping them.

use crate::driver::{Cell, Cells};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A digest of a row, all columns of an import and the watermark column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Known(u128);

impl Known {
    /// This one and another one, in either order. That one came twice is told from once.
    pub(crate) fn and(self, other: Known) -> Known {
        Known(self.0.wrapping_add(other.0))
    }

    pub(crate) fn of(cells: &dyn Cells, width: usize) -> Known {
        Known::of_columns(cells, 0..width)
    }

    pub(crate) fn of_columns(cells: &dyn Cells, columns: Range<usize>) -> Known {
        let mut digest = Digest::default();
        digest.take(cells, columns);
        digest.done()
    }
}

/// A digest in the making: FNV-1a with 128 bits over each value's type, length and bytes.
#[derive(Debug, Clone)]
pub(crate) struct Digest(u128);

impl Default for Digest {
    fn default() -> Digest {
        Digest(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Digest {
    pub(crate) fn done(self) -> Known {
        Known(self.0)
    }

    /// Ends a list of values, so that it is told from the next one.
    pub(crate) fn end(&mut self) {
        self.0 = self.0.wrapping_add(1);
    }

    /// Takes the bytes of a value, and how many they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.byte(*byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
    }

    pub(crate) fn take(&mut self, cells: &dyn Cells, columns: Range<usize>) {
        for column in columns {
            let number;
            let (kind, bytes) = match cells.cell(column) {
                Cell::Null => (0, [].as_slice()),
                Cell::Integer(value) => {
                    number = value.to_le_bytes();
                    (1, number.as_slice())
                }
                Cell::Real(value) => {
                    number = value.to_le_bytes();
                    (2, number.as_slice())
                }
                Cell::Text(text) => (3, text),
                Cell::Bytes(bytes) => (4, bytes),
            };
            self.byte(kind);
            self.bytes(bytes);
        }
    }
}

impl From<Known> for String {
    fn from(known: Known) -> String {
        format!("{:032x}", known.0)
    }
}

impl TryFrom<String> for Known {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Known, Self::Error> {
        u128::from_str_radix(&text, 16).map(Known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    struct Row(&'static [Cell<'static>]);

    impl Cells for Row {
        fn cell(&self, column: usize) -> Cell<'_> {
            self.0[column]
        }
    }

    #[test]
    fn rows_that_differ_have_different_digests() {
        let rows: [&'static [Cell<'static>]; 7] = [
            &[Cell::Null, Cell::Text(b"a")],
            &[Cell::Text(b""), Cell::Text(b"a")],
            &[Cell::Text(b"a"), Cell::Null],
            &[Cell::Bytes(b"a"), Cell::Null],
            &[Cell::Text(b"ab"), Cell::Text(b"c")],
            &[Cell::Text(b"a"), Cell::Text(b"bc")],
            &[Cell::Integer(0), Cell::Real(0.0)],
        ];
        let digests: HashSet<Known> = rows.iter().map(|row| Known::of(&Row(row), 2)).collect();
        assert_eq!(digests.len(), rows.len());
        assert_eq!(Known::of(&Row(rows[0]), 2), Known::of(&Row(rows[0]), 2));
    }
}
