//! Delta imports: what changed since the last one.
//!
//! There are three ways to find out. A watermark column grows with each change of a row; a history
//! table tells which rows were touched; the database itself keeps account of changes. Each has a
//! file here. What they share is the mark, a text that says how far an import came, and that a mark
//! is made before the rows are read: what changes meanwhile comes again, and is not lost.

mod catalog;
mod digest;
mod history;
mod last;
mod tracking;
#[cfg(test)]
mod tracking_tests;
mod watermark;

use crate::{
    dn,
    driver::{Cell, Cells, Driver, Failure, Scalar},
    import::Plan,
    schema::{Column, Table},
    value,
};
use ecma_plugin_sdk::{Entry, EntryId, Error, ErrorKind, ImportSink, Result, Watermark};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

pub(crate) use catalog::{attach, is_history, problems, wrong_query};
pub(crate) use digest::{Digest, Known};
pub(crate) use history::History;
use last::Last;
pub(crate) use tracking::Tracking;

const VERSION: u32 = 3;
/// With more than this to remember nothing is: it comes again with each delta import until a
/// greater value comes.
const REMEMBERED: usize = 10_000;

/// How it is found out which rows of a table changed.
#[derive(Debug, Clone, Default)]
pub(crate) enum Deltas {
    /// Not at all.
    #[default]
    None,
    /// By the watermark column; a query may say how far an import comes.
    Watermark { until: Option<Until> },
    /// By a table that triggers fill.
    History(History),
    /// By the database's own account.
    Tracking(Tracking),
}

/// A query for how far an import comes, and the parameter that has it.
#[derive(Debug, Clone)]
pub(crate) struct Until {
    parameter: &'static str,
    query: String,
}

impl Deltas {
    pub(crate) fn are_possible(&self) -> bool {
        !matches!(self, Deltas::None)
    }
}

/// What the text of a watermark says: how far each object type of a partition was imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Marks {
    version: u32,
    partition: String,
    types: BTreeMap<String, Mark>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
enum Mark {
    Watermark(watermark::Mark),
    History(history::Mark),
    Tracking(tracking::Mark),
}

/// The rows that may have changed since a mark.
#[derive(Debug, Default)]
pub(crate) struct Since {
    /// All of them fit it.
    pub(crate) condition: String,
    pub(crate) parameters: Vec<Scalar>,
    /// Digests of those among them that were imported as they are.
    pub(crate) known: HashSet<Known>,
    /// Digests of the keys that were not touched since.
    quiet: HashSet<Known>,
    /// The statement for the keys of rows that are not there any more.
    gone: Option<(String, Vec<Scalar>)>,
}

impl Since {
    /// Whether the row was not touched since.
    pub(crate) fn is_quiet(&self, plan: &Plan<'_>, cells: &dyn Cells) -> bool {
        !self.quiet.is_empty()
            && key(plan.anchor_cells(cells)).is_some_and(|key| self.quiet.contains(&key))
    }

    /// Tells which entries are deleted.
    pub(crate) fn tell_gone(
        &self,
        driver: &dyn Driver,
        table: &Table,
        sink: &mut ImportSink<'_>,
    ) -> Result<(), Failure> {
        let Some((sql, parameters)) = &self.gone else { return Ok(()) };
        driver.query(sql, parameters, &mut |cells| {
            let key = key(anchor(table, cells));
            if key.is_some_and(|key| self.quiet.contains(&key)) {
                return Ok(());
            }
            match gone(table, cells) {
                Ok(id) => sink.deleted(id)?,
                Err(error) => {
                    sink.refused(format!("table {}, a deleted row", table.name), &error)?
                }
            }
            Ok(())
        })
    }
}

/// The columns of an anchor that stands in the first cells of a row.
fn anchor<'a>(
    table: &'a Table,
    cells: &'a dyn Cells,
) -> impl Iterator<Item = (&'a Column, Cell<'a>)> {
    table.anchors().enumerate().map(|(at, column)| (column, cells.cell(at)))
}

/// The name of an entry whose anchor stands in the first cells of a row.
fn gone(table: &Table, cells: &dyn Cells) -> Result<EntryId> {
    let mut entry = Entry::new(&table.object_type);
    for (column, cell) in anchor(table, cells) {
        value::read(column, cell, |value| {
            entry.id_mut().anchor.set(&column.name, value.into_value());
            Ok(())
        })?;
        if entry.id().anchor.get(&column.name).is_none() {
            return Err(Error::invalid(&column.name, "is empty, and part of the anchor"));
        }
    }
    dn::outer(table, &mut entry);
    Ok(entry.id().clone())
}

/// A digest of a key by the values it has as an anchor, so that `7` and `'7'` are the same one where
/// the anchor is a number; `None` when it cannot be one.
fn key<'a>(columns: impl Iterator<Item = (&'a Column, Cell<'a>)>) -> Option<Known> {
    let mut digest = Digest::default();
    for (column, cell) in columns {
        let mut found = false;
        let read = value::read(column, cell, |value| {
            found = true;
            digest.bytes(value.into_value().to_string().as_bytes());
            Ok(())
        });
        if read.is_err() || !found {
            return None;
        }
    }
    Some(digest.done())
}

/// Answered to a mark that is of no use: the host makes a full import then.
fn useless(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Conflict, text)
}

impl Marks {
    /// Nothing is known of this partition yet.
    pub(crate) fn of(partition: &str) -> Marks {
        Marks { version: VERSION, partition: partition.to_owned(), types: BTreeMap::new() }
    }

    pub(crate) fn parse(watermark: &Watermark, partition: &str) -> Result<Marks> {
        let marks: Option<Marks> = serde_json::from_str(watermark.as_str()).ok();
        let is_ours = |marks: &Marks| marks.version == VERSION && marks.partition == partition;
        marks.filter(is_ours).ok_or_else(|| {
            useless(format!(
                "the watermark is none of {partition} by this version of the plugin: a full import \
                 makes a new one"
            ))
        })
    }

    pub(crate) fn watermark(self) -> Watermark {
        Watermark::new(serde_json::to_string(&self).expect("marks are always JSON"))
    }

    /// What may have changed in a table since these marks.
    pub(crate) fn since(&self, driver: &dyn Driver, plan: &Plan<'_>) -> Result<Since, Failure> {
        let mark = self.types.get(&plan.table.object_type);
        match (&plan.table.deltas, mark) {
            (Deltas::None, _) => Ok(Since::default()),
            (Deltas::Watermark { .. }, None) => {
                Ok(watermark::since(driver.dialect(), plan, &watermark::Mark::default()))
            }
            (Deltas::Watermark { .. }, Some(Mark::Watermark(mark))) => {
                Ok(watermark::since(driver.dialect(), plan, mark))
            }
            (Deltas::History(history), Some(Mark::History(mark))) => {
                history.since(driver, plan, mark)
            }
            (Deltas::Tracking(tracking), Some(Mark::Tracking(mark))) => {
                tracking.since(driver, plan, mark)
            }
            _ => {
                let text = format!("the watermark has nothing of {}", plan.table.object_type);
                Err(useless(format!("{text}: a full import makes a new one")).into())
            }
        }
    }

    /// Remembers how far a table is imported. It is called in the transaction that reads the table,
    /// before it does.
    pub(crate) fn renew(&mut self, driver: &dyn Driver, plan: &Plan<'_>) -> Result<(), Failure> {
        let mark = match &plan.table.deltas {
            Deltas::None => None,
            Deltas::Watermark { until } => {
                let until = until.as_ref().map(|until| watermark::until(driver, until));
                watermark::mark(driver, plan, until.transpose()?.as_ref())?.map(Mark::Watermark)
            }
            Deltas::History(history) => Some(Mark::History(history.mark(driver, plan)?)),
            Deltas::Tracking(tracking) => Some(Mark::Tracking(tracking.mark(driver)?)),
        };
        if let Some(mark) = mark {
            self.types.insert(plan.table.object_type.clone(), mark);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watermark_is_read_as_it_was_written() {
        let digest = |byte: u8| {
            let mut digest = Digest::default();
            digest.bytes(&[byte]);
            digest.done()
        };
        for last in [
            Last::Integer(i64::MIN),
            Last::Real(0.1_f64.to_bits()),
            Last::Text("2026-01-31 08:30:00".to_owned()),
        ] {
            let rows = vec![digest(1), digest(2)];
            let children = BTreeMap::from([("roles".to_owned(), last.clone())]);
            let touched = BTreeMap::from([(digest(3), digest(4))]);
            let types = BTreeMap::from([
                (
                    "person".to_owned(),
                    Mark::Watermark(watermark::Mark { last: Some(last.clone()), children, rows }),
                ),
                ("team".to_owned(), Mark::History(history::Mark { last: Some(last), touched })),
                ("device".to_owned(), Mark::Tracking(tracking::Mark { version: 7 })),
            ]);
            let written = Marks { types, ..Marks::of("OBJECT=person") };
            assert_eq!(Marks::parse(&written.clone().watermark(), "OBJECT=person"), Ok(written));
        }
    }

    #[test]
    fn a_watermark_of_somebody_else_asks_for_a_full_import() {
        for text in [
            "",
            "17",
            "{}",
            r#"{"version":2,"types":{}}"#,
            r#"{"version":4,"partition":"OBJECT=person","types":{}}"#,
            Marks::of("OBJECT=team").watermark().as_str(),
            Marks::of("default").watermark().as_str(),
        ] {
            let error = Marks::parse(&Watermark::new(text), "OBJECT=person").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{text}");
        }
    }
}
