//! Rows of a catalog, as texts.

use super::{Cell, Driver, Failure, Scalar};
use std::collections::BTreeMap;

/// A row of a catalog. Numbers have their digits, `true` is 1, nothing is empty.
pub(super) type Facts = Vec<String>;

/// What a statement about the catalog answers: rows of so many columns.
pub(super) fn rows(
    driver: &dyn Driver,
    sql: &str,
    parameters: &[Scalar],
    width: usize,
) -> Result<Vec<Facts>, Failure> {
    let mut found = Vec::new();
    driver.query(sql, parameters, &mut |cells| {
        let fact = |at| match cells.cell(at) {
            Cell::Integer(number) => number.to_string(),
            Cell::Text(text) | Cell::Bytes(text) => String::from_utf8_lossy(text).into_owned(),
            _ => String::new(),
        };
        found.push((0..width).map(fact).collect());
        Ok(())
    })?;
    Ok(found)
}

/// Rows by what stands in their first column, without it.
pub(super) fn by_first(rows: Vec<Facts>) -> BTreeMap<String, Vec<Facts>> {
    let mut groups: BTreeMap<String, Vec<Facts>> = BTreeMap::new();
    for mut row in rows {
        let first = row.remove(0);
        groups.entry(first).or_default().push(row);
    }
    groups
}
