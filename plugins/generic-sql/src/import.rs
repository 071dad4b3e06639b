//! Imports: rows of the tables straight into the sink's pages, as of one moment.

use crate::{
    child::Child,
    delta::{Digest, Known, Marks, Since},
    dialect::Dialect,
    driver::{Cell, Cells, Driver, Failure, Merged, Purpose, Scalar, Storage},
    schema::{Column, Table},
    statement::{self, Source},
    value::{self, Read},
};
use ecma_plugin_sdk::{
    self as sdk, AttributeType, Entry, EntryId, Error, ImportKind, ImportRun, ImportSink, Result,
    Row, Watermark, tracing,
};
use std::{ops::Range, str};

/// What is read of a table: the columns that were asked for, those of the anchor among them, the
/// watermark column last; and the multi-valued attributes that were asked for.
pub(crate) struct Plan<'a> {
    pub(crate) table: &'a Table,
    pub(crate) columns: Vec<&'a Column>,
    pub(crate) watermark: Option<&'a Column>,
    children: Vec<&'a Child>,
    /// Where the anchor stands among the columns.
    anchor: Vec<usize>,
}

impl<'a> Plan<'a> {
    fn new(table: &'a Table, run: &ImportRun) -> Result<Plan<'a>> {
        let object_type = &table.object_type;
        let selections = run.selected.iter().filter(|s| s.object_type == *object_type);
        for name in selections.flat_map(|selection| &selection.attributes) {
            if table.column(name).is_none() && table.child(name).is_none() {
                return Err(Error::config(format!("table {} has no column {name}", table.name)));
            }
        }
        let wants = |name: &str| run.wants_attribute(object_type, name);
        let columns = table.columns.iter().filter(|c| c.readable && (c.anchor || wants(&c.name)));
        let columns: Vec<&Column> = columns.collect();
        let anchor = (0..columns.len()).filter(|at| columns[*at].anchor).collect();
        let children = table.children.iter().filter(|child| wants(child.name())).collect();
        let watermark = table.watermark.map(|at| &table.columns[at]);
        Ok(Plan { table, columns, watermark, children, anchor })
    }

    /// The columns and multi-valued attributes as a page of the import has them.
    fn layout(&self) -> impl Iterator<Item = sdk::Column> {
        let columns = self.columns.iter().map(|column| match column.anchor {
            true => sdk::Column::anchor(&column.name),
            false => sdk::Column::new(&column.name),
        });
        columns.chain(self.children.iter().map(|child| sdk::Column::new(child.name())))
    }

    /// The columns that are read, with the watermark column at the end when asked for.
    fn read(&self, watermark: bool) -> Vec<&'a Column> {
        let last = self.watermark.filter(|_| watermark);
        self.columns.iter().copied().chain(last).collect()
    }

    /// The watermark column as it is written in a condition.
    pub(crate) fn watermark_name(&self, dialect: &dyn Dialect) -> Option<String> {
        self.watermark.map(|column| dialect.of_parent(&column.name))
    }

    /// The child tables that have a watermark column.
    pub(crate) fn child_watermarks(&self) -> impl Iterator<Item = (&'a Child, &'a str, Storage)> {
        let children = self.children.iter().copied();
        children.filter_map(|child| {
            let (column, storage) = child.watermark.as_ref()?;
            Some((child, column.as_str(), *storage))
        })
    }

    /// Whether statements have rows of child tables beside those of the table.
    pub(crate) fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// The anchor in a row of the table.
    pub(crate) fn anchor_cells<'c>(
        &'c self,
        cells: &'c dyn Cells,
    ) -> impl Iterator<Item = (&'c Column, Cell<'c>)> {
        self.anchor.iter().map(|at| (self.columns[*at], cells.cell(*at)))
    }

    /// Where the columns of a value stand in a row of a child table: after the parent's anchor.
    fn value(&self, child: &Child) -> Range<usize> {
        let first = self.anchor.len();
        first..first + child.columns().count()
    }

    /// Whether a row of a child table is one of this row.
    fn owns(&self, cells: &dyn Cells, child: &dyn Cells) -> bool {
        let mut anchor = self.anchor.iter().enumerate();
        anchor.all(|(at, column)| cells.cell(*column) == child.cell(at))
    }

    /// The rows that fit a condition, with those of their children.
    fn merged<'m>(
        &'m self,
        watermark: bool,
        condition: &'m str,
        parameters: &'m [Scalar],
        most: Option<usize>,
    ) -> Merged<'m> {
        let (table, columns) = (self.table, self.read(watermark));
        let (anchor, children) = (&self.anchor[..], &self.children[..]);
        Merged { table, columns, anchor, children, condition, parameters, most }
    }
}

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
    driver: &dyn Driver,
    tables: &[Table],
    run: &ImportRun,
    sink: &mut ImportSink<'_>,
) -> Result<Option<Watermark>> {
    let old = match &run.kind {
        ImportKind::Delta(since) => Some(Marks::parse(since)?),
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
    let wanted = tables.iter().filter(|table| run.wants(&table.object_type));
    let plans = wanted.map(|table| Plan::new(table, run)).collect::<Result<Vec<_>>>()?;
    driver.begin(Purpose::Read)?;
    let mut pass = || {
        let mut marks = old.clone().unwrap_or_default();
        for plan in &plans {
            // What changes after the mark is made comes again with the next delta.
            marks.renew(driver, plan)?;
            let since = old.as_ref().map(|old| old.since(driver, plan)).transpose()?;
            match (&plan.table.source, plan.has_children()) {
                (Source::Procedure(_), _) if old.is_some() => {
                    let text = format!("{} comes from a procedure", plan.table.object_type);
                    return Err(Error::unsupported(text + ", which has no delta import").into());
                }
                (Source::Procedure(_), _) => called(driver, plan, run.page_size, sink)?,
                (_, false) => rows(driver, plan, since.as_ref(), sink)?,
                (_, true) => rows_and_children(driver, plan, since.as_ref(), sink)?,
            }
            if let Some(since) = since {
                since.tell_gone(driver, plan.table, sink)?;
            }
        }
        Ok(marks)
    };
    let marks: Result<Marks, Failure> = pass();
    let ended = driver.rollback();
    let marks = marks?;
    ended?;
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

/// Writes a value of a child table. `false`: what stands there is none.
fn fill_child<'s, 'a>(
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
fn fill<'s, 'a>(mut row: Row<'s, 'a>, plan: &Plan<'_>, cells: &dyn Cells) -> Result<Row<'s, 'a>> {
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
    let Some(anchor) = anchor(table, id)? else { return Ok(None) };
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
    for (at, column) in table.read().enumerate() {
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
