//! Imports: rows of the tables straight into the sink's pages, as of one moment.

mod fill;
mod plan;

use crate::{
    databases::Databases,
    delta::{Digest, Known, Marks, Since},
    dn,
    driver::{Cell, Cells, Driver, Failure, Scalar},
    partition,
    schema::{Column, Table},
    statement::{self, Source},
    value,
};
use ecma_plugin_sdk::{
    self as sdk, Entry, EntryId, Error, ImportKind, ImportRun, ImportSink, Result, Row, Watermark,
    tracing,
};
use fill::{fill, fill_child};
pub(crate) use plan::Plan;

/// Digests of the rows that fit a condition, with the values of child tables; so many at most.
pub(crate) fn digests(
    driver: &dyn Driver,
    plan: &Plan<'_>,
    condition: &str,
    parameters: &[Scalar],
    most: usize,
) -> Result<Vec<Known>, Failure> {
    let dialect = driver.dialect();
    let width = plan.read(true).len();
    let mut rows = Vec::new();
    if plan.children.is_empty() {
        let sql = dialect.select(plan.table, plan.read(true), condition);
        driver.query(&dialect.limit(&sql, most), parameters, &mut |cells| {
            rows.push(Known::of(cells, width));
            Ok(())
        })?;
        return Ok(rows);
    }
    let merged = plan.merged(true, condition, parameters, Some(most));
    driver.merge(&merged, &mut |cells, others| {
        let mut digest = Digest::default();
        digest.take(cells, 0..width);
        for (at, child) in plan.children.iter().enumerate() {
            while let Some(found) = others.row(at).filter(|found| plan.owns(cells, *found)) {
                digest.take(found, plan.value(child));
                others.advance(at)?;
            }
            digest.end();
        }
        rows.push(digest.done());
        Ok(())
    })?;
    Ok(rows)
}

/// Imports the tables the run wants.
pub(crate) fn run(
    databases: &Databases,
    tables: &[Table],
    run: &ImportRun,
    sink: &mut ImportSink<'_>,
) -> Result<Option<Watermark>> {
    let old = match &run.kind {
        ImportKind::Delta(since) => Some(Marks::parse(since, &run.partition.id)?),
        _ => None,
    };
    let has_deltas = tables.iter().any(|table| table.deltas.are_possible());
    if old.is_some() && !has_deltas {
        return Err(Error::unsupported("there is no delta_strategy for a delta import"));
    }
    for selection in &run.selected {
        if !tables.iter().any(|table| table.object_type == selection.object_type) {
            let text = format!("there is no object type {}", selection.object_type);
            return Err(Error::config(text));
        }
    }
    let wanted = partition::tables(tables, &run.partition)?;
    let wanted = wanted.into_iter().filter(|table| run.wants(&table.object_type));
    let plans = wanted.map(|table| Plan::new(table, run)).collect::<Result<Vec<_>>>()?;
    let mut marks = old.clone().unwrap_or_else(|| Marks::of(&run.partition.id));
    for plan in &plans {
        let driver = databases.reading(&plan.table.object_type)?;
        // What changes after the mark is made comes again with the next delta.
        marks.renew(driver, plan)?;
        let since = old.as_ref().map(|old| old.since(driver, plan)).transpose()?;
        match (&plan.table.source, plan.has_children()) {
            (Source::Procedure(_), _) if old.is_some() => {
                let text = format!("{} comes from a procedure", plan.table.object_type);
                return Err(Error::unsupported(text + ", which has no delta import"));
            }
            (Source::Procedure(_), _) => called(driver, plan, run.page_size, sink)?,
            (_, false) => rows(driver, plan, since.as_ref(), sink)?,
            (_, true) => rows_and_children(driver, plan, since.as_ref(), sink)?,
        }
        if let Some(since) = since {
            since.tell_gone(driver, plan.table, sink)?;
        }
    }
    Ok(has_deltas.then(|| marks.watermark()))
}

fn rows(
    driver: &dyn Driver,
    plan: &Plan<'_>,
    since: Option<&Since>,
    sink: &mut ImportSink<'_>,
) -> Result<(), Failure> {
    let (dialect, table) = (driver.dialect(), plan.table);
    let everything = Since::default();
    let Since { condition, parameters, known, .. } = since.unwrap_or(&everything);
    let columns = plan.read(since.is_some());
    let width = columns.len();
    let sql = dialect.select(table, columns, condition);
    let layout = sink.layout(&table.object_type, plan.layout());
    driver.query(&sql, parameters, &mut |cells| {
        if !known.is_empty() && known.contains(&Known::of(cells, width)) {
            return Ok(());
        }
        if since.is_some_and(|since| since.is_quiet(plan, cells)) {
            return Ok(());
        }
        one(plan, sink, layout, cells)
    })
}

/// The row as an entry, or why it cannot be one.
fn one(
    plan: &Plan<'_>,
    sink: &mut ImportSink<'_>,
    layout: sdk::page::LayoutId,
    cells: &dyn Cells,
) -> Result<(), Failure> {
    let error = match fill(sink.row(layout), plan, cells) {
        Ok(row) => return Ok(row.done()?),
        Err(error) => error,
    };
    Ok(sink.refused(place(plan, cells), &error)?)
}

/// Rows that a procedure answers.
fn called(
    driver: &dyn Driver,
    plan: &Plan<'_>,
    page_size: u32,
    sink: &mut ImportSink<'_>,
) -> Result<(), Failure> {
    /// The columns of a row that are wanted.
    struct Wanted<'a>(&'a dyn Cells, &'a [usize]);

    impl Cells for Wanted<'_> {
        fn cell(&self, column: usize) -> Cell<'_> {
            self.0.cell(self.1[column])
        }
    }

    let table = plan.table;
    let place = |wanted: &&Column| table.columns.iter().position(|one| one.name == wanted.name);
    let places: Vec<usize> = plan.columns.iter().filter_map(place).collect();
    let layout = sink.layout(&table.object_type, plan.layout());
    statement::rows(driver, table, page_size, &mut |cells| {
        one(plan, sink, layout, &Wanted(cells, &places))
    })
}

/// Rows with the values of child tables. All are read side by side in the order of the anchor, so
/// that an entry is complete before the next begins and nothing is collected.
fn rows_and_children(
    driver: &dyn Driver,
    plan: &Plan<'_>,
    since: Option<&Since>,
    sink: &mut ImportSink<'_>,
) -> Result<(), Failure> {
    let table = plan.table;
    let everything = Since::default();
    let Since { condition, parameters, known, .. } = since.unwrap_or(&everything);
    let merged = plan.merged(since.is_some(), condition, parameters, None);
    let width = merged.columns.len();
    let layout = sink.layout(&table.object_type, plan.layout());
    let mut left_out = vec![0_u64; plan.children.len()];
    driver.merge(&merged, &mut |cells, others| {
        let mut digest = Digest::default();
        if !known.is_empty() {
            digest.take(cells, 0..width);
        }
        let mut row = fill(sink.row(layout), plan, cells);
        for (at, child) in plan.children.iter().enumerate() {
            let value = plan.value(child);
            let mut last = None;
            while let Some(found) = others.row(at).filter(|found| plan.owns(cells, *found)) {
                if !known.is_empty() {
                    digest.take(found, value.clone());
                }
                // The same row twice stands side by side, and is one value.
                let this = Known::of_columns(found, value.clone());
                if last != Some(this) {
                    let column = plan.columns.len() + at;
                    row = row.and_then(|row| {
                        let (row, named) = fill_child(row, column, child, found, value.start)?;
                        left_out[at] += u64::from(!named);
                        Ok(row)
                    });
                    last = Some(this);
                }
                others.advance(at)?;
            }
            digest.end();
        }
        if !known.is_empty() && known.contains(&digest.done()) {
            return Ok(());
        }
        if since.is_some_and(|since| since.is_quiet(plan, cells)) {
            return Ok(());
        }
        let error = match row.map(Row::done) {
            Ok(done) => return Ok(done?),
            Err(error) => error,
        };
        Ok(sink.refused(place(plan, cells), &error)?)
    })?;
    for (child, rows) in plan.children.iter().zip(left_out).filter(|(_, rows)| *rows > 0) {
        let (table, attribute) = (child.table.as_str(), child.name());
        tracing::debug!(table, attribute, rows, "Rows that name no object type are left out");
    }
    Ok(())
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

/// How much of an entry is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    /// Everything.
    All,
    /// Without references in child tables: a group's members are many.
    Few,
    /// Only what stands in the row itself.
    Row,
}

/// The row with this anchor as an entry; `None` when it is not there.
pub(crate) fn read(
    driver: &dyn Driver,
    table: &Table,
    id: &EntryId,
    whole: Whole,
) -> Result<Option<Entry>> {
    if matches!(table.source, Source::Procedure(_)) {
        let text = format!("entries of {} are read by an import only", table.object_type);
        return Err(Error::unsupported(text));
    }
    let Some(id) = dn::inner_id(table, id) else { return Ok(None) };
    let Some(anchor) = anchor(table, &id)? else { return Ok(None) };
    let dialect = driver.dialect();
    let sql = dialect.select(table, table.read(), &dialect.anchor(table, 1));
    let mut found = None;
    driver.query(&sql, &anchor, &mut |cells| {
        found = Some(entry(table, cells)?);
        Ok(())
    })?;
    let Some(mut entry) = found else { return Ok(None) };
    for child in &table.children {
        let wanted = whole == Whole::All || (whole == Whole::Few && !child.refers());
        if wanted && let Some(owner) = child.owner(driver, table, &anchor)? {
            entry.put(child.name(), child.values(driver, &owner)?);
        }
    }
    Ok(Some(entry))
}

/// A row of all columns that are read as an entry, without what stands in child tables.
pub(crate) fn entry(table: &Table, cells: &dyn Cells) -> Result<Entry> {
    let mut entry = Entry::new(&table.object_type);
    let is_named = table.dn.is_some_and(|naming| naming.is_anchor);
    for (at, column) in table.read().enumerate() {
        // Most have one value; an empty list would take room for four with the first.
        let mut values = Vec::with_capacity(1);
        value::read(column, cells.cell(at), |value| {
            values.push(value.into_value());
            Ok(())
        })?;
        match values.pop() {
            Some(value) if column.anchor && !is_named => {
                entry.id_mut().anchor.set(&column.name, value)
            }
            Some(value) => {
                values.push(value);
                entry.put(&column.name, values);
            }
            None => {}
        }
    }
    dn::outer(table, &mut entry);
    Ok(entry)
}

/// The values to look for; `None` when no row can have them.
pub(crate) fn anchor(table: &Table, id: &EntryId) -> Result<Option<Vec<Scalar>>> {
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
