//! Values of a row, into an entry of a page.

use super::Plan;
use crate::{
    child::Child,
    dn,
    driver::{Cell, Cells},
    value::{self, Read},
};
use ecma_plugin_sdk::{AttributeType, Error, Result, Row};
use std::str;

/// Writes a value of a child table. `false`: what stands there is none.
pub(super) fn fill_child<'s, 'a>(
    row: Row<'s, 'a>,
    at: usize,
    child: &Child,
    cells: &dyn Cells,
    first: usize,
) -> Result<(Row<'s, 'a>, bool)> {
    let mut open = Some(row);
    let named = child.read(cells, first, |value| {
        open = open.take().map(|row| put(row, at, value));
        Ok(())
    })?;
    Ok((open.expect("each value puts the row back"), named))
}

fn put<'s, 'a>(row: Row<'s, 'a>, at: usize, value: Read<'_>) -> Row<'s, 'a> {
    match value {
        Read::Text(text) => row.text(at, &text),
        Read::Reference(text) => row.reference(at, &text),
        Read::Integer(number) => row.integer(at, number),
        Read::Boolean(truth) => row.boolean(at, truth),
        Read::Binary(bytes) => row.binary(at, bytes),
    }
}

/// Writes the values of a row; the error says which of them cannot be.
pub(super) fn fill<'s, 'a>(
    mut row: Row<'s, 'a>,
    plan: &Plan<'_>,
    cells: &dyn Cells,
) -> Result<Row<'s, 'a>> {
    for (at, column) in plan.columns.iter().enumerate() {
        let cell = cells.cell(at);
        // Most cells by far are what their column says; the long way is for the others.
        if column.separator.is_none() && !column.form.padded {
            match (column.kind, cell) {
                (AttributeType::Text, Cell::Text(bytes)) if !bytes.is_empty() => {
                    if let Ok(text) = str::from_utf8(bytes) {
                        row = row.text(at, text);
                        continue;
                    }
                }
                (AttributeType::Integer, Cell::Integer(number)) => {
                    row = row.integer(at, number);
                    continue;
                }
                (_, Cell::Null) if !column.anchor => continue,
                _ => {}
            }
        }
        let mut empty = true;
        let mut open = Some(row);
        value::read(column, cell, |value| {
            empty = false;
            open = open.take().map(|row| put(row, at, value));
            Ok(())
        })?;
        if empty && column.anchor {
            return Err(Error::invalid(&column.name, "is empty, and part of the anchor"));
        }
        row = open.expect("each value puts the row back");
    }
    if let Some(naming) = plan.naming {
        let mut value = None;
        value::read(plan.columns[naming.column], cells.cell(naming.column), |read| {
            value = Some(read.into_value());
            Ok(())
        })?;
        if let Some(value) = value {
            let name = dn::name(&plan.table.object_type, &value.to_string());
            row = row.text(plan.name(), &name);
        }
    }
    Ok(row)
}
