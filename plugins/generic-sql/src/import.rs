//! Imports: rows of the tables straight into the sink's pages, as of one moment.

use crate::{
    delta::{Known, Marks},
    driver::{Cell, Cells, Driver, Failure, Purpose},
    schema::{Column, Table},
    value::{self, Read},
};
use ecma_plugin_sdk::{
    self as sdk, AttributeType, Entry, EntryId, Error, ImportKind, ImportRun, ImportSink, Result,
    Row, Watermark,
};
use std::str;

/// What is read of a table: the columns that were asked for, those of the anchor among them, and
/// the watermark column last.
pub(crate) struct Plan<'a> {
    pub(crate) table: &'a Table,
    pub(crate) columns: Vec<&'a Column>,
    pub(crate) watermark: Option<&'a Column>,
}

impl<'a> Plan<'a> {
    fn new(table: &'a Table, run: &ImportRun) -> Result<Plan<'a>> {
        let object_type = &table.object_type;
        let selections = run.selected.iter().filter(|s| s.object_type == *object_type);
        for name in selections.flat_map(|selection| &selection.attributes) {
            if table.column(name).is_none() {
                return Err(Error::config(format!("table {} has no column {name}", table.name)));
            }
        }
        let wanted = |c: &&Column| c.anchor || run.wants_attribute(object_type, &c.name);
        let columns = table.columns.iter().filter(wanted).collect();
        Ok(Plan { table, columns, watermark: table.watermark.map(|at| &table.columns[at]) })
    }

    /// Names of the columns, with the watermark column at the end when asked for.
    pub(crate) fn names(&self, watermark: bool) -> impl Iterator<Item = &'a str> {
        let last = self.watermark.filter(|_| watermark);
        let columns: Vec<&'a Column> = self.columns.iter().copied().chain(last).collect();
        columns.into_iter().map(|column| column.name.as_str())
    }
}

/// Imports the tables the run wants.
pub(crate) fn run(
    driver: &dyn Driver,
    tables: &[Table],
    run: &ImportRun,
    sink: &mut ImportSink<'_>,
) -> Result<Option<Watermark>> {
    let mut marks = match &run.kind {
        ImportKind::Delta(since) => Some(Marks::parse(since)?),
        _ => None,
    };
    let delta = marks.is_some();
    if delta && tables.iter().all(|table| table.watermark.is_none()) {
        return Err(Error::unsupported("there is no watermark column for a delta import"));
    }
    for selection in &run.selected {
        if !tables.iter().any(|table| table.object_type == selection.object_type) {
            let text = format!("there is no object type {}", selection.object_type);
            return Err(Error::config(text));
        }
    }
    let wanted = tables.iter().filter(|table| run.wants(&table.object_type));
    let plans = wanted.map(|table| Plan::new(table, run)).collect::<Result<Vec<_>>>()?;
    driver.begin(Purpose::Read)?;
    let mut pass = || {
        let mut marks = marks.take().unwrap_or_default();
        for plan in &plans {
            rows(driver, plan, delta.then_some(&marks), sink)?;
            if plan.watermark.is_some() {
                marks.renew(driver, plan)?;
            }
        }
        Ok(marks)
    };
    let marks: Result<Marks, Failure> = pass();
    let ended = driver.rollback();
    let marks = marks?;
    ended?;
    Ok(tables.iter().any(|table| table.watermark.is_some()).then(|| marks.watermark()))
}

fn rows(
    driver: &dyn Driver,
    plan: &Plan<'_>,
    since: Option<&Marks>,
    sink: &mut ImportSink<'_>,
) -> Result<(), Failure> {
    let (dialect, table) = (driver.dialect(), plan.table);
    let (condition, parameters, known) = match since {
        Some(marks) => marks.since(dialect, plan),
        None => Default::default(),
    };
    let sql = dialect.select(&table.name, plan.names(since.is_some()), &condition);
    let width = plan.columns.len() + usize::from(since.is_some());
    let columns = plan.columns.iter().map(|column| match column.anchor {
        true => sdk::Column::anchor(&column.name),
        false => sdk::Column::new(&column.name),
    });
    let layout = sink.layout(&table.object_type, columns);
    driver.query(&sql, &parameters, &mut |cells| {
        if !known.is_empty() && known.contains(&Known::of(cells, width)) {
            return Ok(());
        }
        let error = match fill(sink.row(layout), plan, cells) {
            Ok(row) => return Ok(row.done()?),
            Err(error) => error,
        };
        Ok(sink.refused(place(plan, cells), &error)?)
    })
}

/// Writes the values of a row; the error says which of them cannot be.
fn fill<'s, 'a>(mut row: Row<'s, 'a>, plan: &Plan<'_>, cells: &dyn Cells) -> Result<Row<'s, 'a>> {
    for (at, column) in plan.columns.iter().enumerate() {
        let cell = cells.cell(at);
        // Most cells by far are what their column says; the long way is for the others.
        if column.separator.is_none() {
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
            open = open.take().map(|row| match value {
                Read::Text(text) => row.text(at, &text),
                Read::Reference(text) => row.reference(at, &text),
                Read::Integer(number) => row.integer(at, number),
                Read::Boolean(truth) => row.boolean(at, truth),
                Read::Binary(bytes) => row.binary(at, bytes),
            });
            Ok(())
        })?;
        if empty && column.anchor {
            return Err(Error::invalid(&column.name, "is empty, and part of the anchor"));
        }
        row = open.expect("each value puts the row back");
    }
    Ok(row)
}

/// Where a row stands, in words: `table person, row id 7`.
fn place(plan: &Plan<'_>, cells: &dyn Cells) -> String {
    let mut parts = Vec::new();
    for (at, column) in plan.columns.iter().enumerate().filter(|(_, column)| column.anchor) {
        let mut part = format!("{} empty", column.name);
        let _ = value::read(column, cells.cell(at), |value| {
            part = format!("{} {}", column.name, value.into_value());
            Ok(())
        });
        parts.push(part);
    }
    format!("table {}, row {}", plan.table.name, parts.join(", "))
}

/// The row with this anchor as an entry; `None` when it is not there.
pub(crate) fn read(driver: &dyn Driver, table: &Table, id: &EntryId) -> Result<Option<Entry>> {
    let Some(anchor) = anchor(table, id)? else { return Ok(None) };
    let dialect = driver.dialect();
    let names = table.columns.iter().map(|column| column.name.as_str());
    let sql = dialect.select(&table.name, names, &dialect.anchor(table, 1));
    let mut found = None;
    driver.query(&sql, &anchor, &mut |cells| {
        let mut entry = Entry::new(&table.object_type);
        for (at, column) in table.columns.iter().enumerate() {
            let mut values = Vec::new();
            value::read(column, cells.cell(at), |value| {
                values.push(value.into_value());
                Ok(())
            })?;
            match values.pop() {
                Some(value) if column.anchor => entry.id_mut().anchor.set(&column.name, value),
                Some(value) => {
                    values.push(value);
                    entry.put(&column.name, values);
                }
                None => {}
            }
        }
        found = Some(entry);
        Ok(())
    })?;
    Ok(found)
}

/// The values to look for; `None` when no row can have them.
pub(crate) fn anchor(table: &Table, id: &EntryId) -> Result<Option<Vec<crate::driver::Scalar>>> {
    let mut scalars = Vec::new();
    for column in table.anchors() {
        let Some(value) = id.anchor.get(&column.name) else {
            return Err(Error::invalid(&column.name, "is missing in the anchor"));
        };
        match value::scalar(column, value) {
            Ok(scalar) => scalars.push(scalar),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(scalars))
}
