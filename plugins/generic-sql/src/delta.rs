//! Delta imports by a watermark column: rows at or after the last value, without those that were
//! imported as they are.
//!
//! Several rows can have the last value, and one of them can change again without getting a greater
//! one. So the watermark remembers a digest of each row at the last value, and only rows that are
//! the same in every column are left out. Deleted rows are not seen.

use crate::{
    dialect::Dialect,
    driver::{Cell, Cells, Driver, Failure, Scalar},
    import::Plan,
};
use ecma_plugin_sdk::{Error, Result, Watermark};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashSet},
    str,
};

const VERSION: u32 = 1;
/// With more rows than this at the last value none is remembered: they come again with each delta
/// import until a greater value comes.
const REMEMBERED: usize = 10_000;

/// What the text of a watermark says: how far each object type was imported.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Marks {
    version: u32,
    types: BTreeMap<String, Mark>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Mark {
    last: Last,
    rows: Vec<Known>,
}

/// The greatest value of a watermark column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Last {
    Integer(i64),
    /// The bits of a number: its digits would not be read back as exactly the same one.
    Real(u64),
    Text(String),
}

impl Last {
    fn of(cell: Cell<'_>) -> Result<Option<Last>> {
        Ok(Some(match cell {
            Cell::Null => return Ok(None),
            Cell::Integer(number) => Last::Integer(number),
            Cell::Real(number) => Last::Real(number.to_bits()),
            Cell::Text(text) => match str::from_utf8(text) {
                Ok(text) => Last::Text(text.to_owned()),
                Err(_) => return Err(Error::config("the watermark column is not UTF-8")),
            },
            Cell::Bytes(_) => return Err(Error::config("the watermark column has bytes")),
        }))
    }

    fn scalar(&self) -> Scalar {
        match self {
            Last::Integer(number) => Scalar::Integer(*number),
            Last::Real(bits) => Scalar::Real(f64::from_bits(*bits)),
            Last::Text(text) => Scalar::Text(text.clone()),
        }
    }
}

/// A digest of a row, all columns of an import and the watermark column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Known(u128);

impl Known {
    /// FNV-1a with 128 bits over each value's type, length and bytes.
    pub(crate) fn of(cells: &dyn Cells, width: usize) -> Known {
        let mut digest = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                digest = (digest ^ u128::from(*byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
            }
        };
        for column in 0..width {
            let (kind, number);
            let bytes = match cells.cell(column) {
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
            let bytes = {
                kind = bytes.0;
                bytes.1
            };
            take(&[kind]);
            take(&(bytes.len() as u64).to_le_bytes());
            take(bytes);
        }
        Known(digest)
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

impl Marks {
    pub(crate) fn parse(watermark: &Watermark) -> Result<Marks> {
        let foreign = || {
            let text = "the watermark is not one of this version of the plugin: a full import makes a new one";
            Error::config(text)
        };
        let marks: Marks = serde_json::from_str(watermark.as_str()).map_err(|_| foreign())?;
        if marks.version == VERSION { Ok(marks) } else { Err(foreign()) }
    }

    pub(crate) fn watermark(mut self) -> Watermark {
        self.version = VERSION;
        Watermark::new(serde_json::to_string(&self).expect("marks are always JSON"))
    }

    /// The condition of rows that may have changed, and those among them that have not.
    pub(crate) fn since(
        &self,
        dialect: &Dialect,
        plan: &Plan<'_>,
    ) -> (String, Vec<Scalar>, HashSet<Known>) {
        let Some(column) = plan.watermark else { return Default::default() };
        match self.types.get(&plan.table.object_type) {
            Some(mark) => (
                dialect.since(&column.name),
                vec![mark.last.scalar()],
                mark.rows.iter().copied().collect(),
            ),
            None => (dialect.present(&column.name), Vec::new(), HashSet::new()),
        }
    }

    /// Remembers how far a table is imported now, in the transaction that read it.
    pub(crate) fn renew(&mut self, driver: &dyn Driver, plan: &Plan<'_>) -> Result<(), Failure> {
        let Some(column) = plan.watermark else { return Ok(()) };
        let (dialect, table) = (driver.dialect(), plan.table);
        let mut last = None;
        driver.query(&dialect.greatest(&table.name, &column.name), &[], &mut |cells| {
            last = Last::of(cells.cell(0))?;
            Ok(())
        })?;
        let Some(last) = last else { return Ok(()) };
        let sql = dialect.select(&table.name, plan.names(true), &dialect.at(&column.name));
        let width = plan.columns.len() + 1;
        let mut rows = Vec::new();
        driver.query(&dialect.limit(&sql, REMEMBERED + 1), &[last.scalar()], &mut |cells| {
            rows.push(Known::of(cells, width));
            Ok(())
        })?;
        if rows.len() > REMEMBERED {
            rows.clear();
        }
        rows.sort_unstable_by_key(|known| known.0);
        self.types.insert(table.object_type.clone(), Mark { last, rows });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_watermark_is_read_as_it_was_written() {
        for last in [
            Last::Integer(i64::MIN),
            Last::Real(0.1_f64.to_bits()),
            Last::Text("2026-01-31 08:30:00".to_owned()),
        ] {
            let rows = vec![Known(0), Known(u128::MAX)];
            let types = BTreeMap::from([("person".to_owned(), Mark { last, rows })]);
            let marks = || Marks { version: VERSION, types: Default::default() };
            let mut written = marks();
            written.types = types;
            let text = serde_json::to_string(&written).unwrap();
            assert_eq!(Marks::parse(&Watermark::new(text)), Ok(written));
        }
    }

    #[test]
    fn a_watermark_of_somebody_else_is_refused() {
        for text in ["", "17", "{}", r#"{"version":2,"types":{}}"#] {
            let error = Marks::parse(&Watermark::new(text)).unwrap_err();
            assert_eq!(error.kind(), ecma_plugin_sdk::ErrorKind::Config, "{text}");
        }
    }
}
