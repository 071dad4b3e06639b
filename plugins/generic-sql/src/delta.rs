//! Delta imports by a watermark column: rows at or after the last value, without those that were
//! imported as they are.
//!
//! Several rows can have the last value, and one of them can change again without getting a greater
//! one. So the watermark remembers a digest of each row at the last value, and only rows that are
//! the same in every column are left out. Deleted rows are not seen.

use crate::{
    dialect::Dialect,
    driver::{Cell, Cells, Driver, Failure, Scalar},
    import::{self, Plan},
};
use ecma_plugin_sdk::{Error, Result, Watermark};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
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
    /// Of the table; none when it has no row with a value.
    last: Option<Last>,
    /// Of each child table that has the column too, by attribute.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    children: BTreeMap<String, Last>,
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

    pub(crate) fn take(&mut self, cells: &dyn Cells, columns: Range<usize>) {
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
            }
        };
        for column in columns {
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
        dialect: &dyn Dialect,
        plan: &Plan<'_>,
    ) -> (String, Vec<Scalar>, HashSet<Known>) {
        let mark = self.types.get(&plan.table.object_type);
        let mut parameters = Vec::new();
        let mut came = |column: String, last: Option<&Last>| match last {
            Some(last) => {
                parameters.push(last.scalar());
                dialect.since(&column, parameters.len())
            }
            None => dialect.present(&column),
        };
        let last = mark.and_then(|mark| mark.last.as_ref());
        let mut parts = Vec::new();
        parts.extend(plan.watermark_name(dialect).map(|column| came(column, last)));
        for (child, column, _) in plan.child_watermarks() {
            let last = mark.and_then(|mark| mark.children.get(child.name()));
            let condition = came(dialect.of_child(column), last);
            parts.push(dialect.has_child(plan.table, child, &condition));
        }
        let known = mark.map(|mark| mark.rows.iter().copied().collect());
        (any(&parts), parameters, known.unwrap_or_default())
    }

    /// Remembers how far a table is imported now, in the transaction that read it.
    pub(crate) fn renew(&mut self, driver: &dyn Driver, plan: &Plan<'_>) -> Result<(), Failure> {
        let Some(column) = plan.watermark else { return Ok(()) };
        let (dialect, table) = (driver.dialect(), plan.table);
        let greatest = |table: &str, column: &str, storage| -> Result<Option<Last>, Failure> {
            let mut last = None;
            driver.query(&dialect.greatest(table, column, storage), &[], &mut |cells| {
                last = Last::of(cells.cell(0))?;
                Ok(())
            })?;
            Ok(last)
        };
        let mut parameters = Vec::new();
        let mut parts = Vec::new();
        let mut at = |column: String, last: &Last| {
            parameters.push(last.scalar());
            dialect.at(&column, parameters.len())
        };
        let last = greatest(&table.quoted, &column.name, column.storage)?;
        let column = plan.watermark_name(dialect);
        parts.extend(column.zip(last.as_ref()).map(|(column, last)| at(column, last)));
        let mut children = BTreeMap::new();
        for (child, column, storage) in plan.child_watermarks() {
            if let Some(last) = greatest(&child.quoted, column, storage)? {
                let condition = at(dialect.of_child(column), &last);
                parts.push(dialect.has_child(table, child, &condition));
                children.insert(child.name().to_owned(), last);
            }
        }
        if parts.is_empty() {
            return Ok(());
        }
        let mut rows = import::digests(driver, plan, &any(&parts), &parameters, REMEMBERED + 1)?;
        if rows.len() > REMEMBERED {
            rows.clear();
        }
        rows.sort_unstable_by_key(|known| known.0);
        self.types.insert(table.object_type.clone(), Mark { last, children, rows });
        Ok(())
    }
}

/// The condition of what fits one of these.
fn any(parts: &[String]) -> String {
    parts.join(" OR ")
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
            let children = BTreeMap::from([("roles".to_owned(), last.clone())]);
            let mark = Mark { last: Some(last), children, rows };
            let types = BTreeMap::from([("person".to_owned(), mark)]);
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
