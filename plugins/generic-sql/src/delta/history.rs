//! Deltas by a history table, which triggers fill: it says which rows were touched, and what stands
//! in the table now is what they are. A touched key without a row is a deleted entry.
//!
//! Transactions do not end in the order of their numbers: a lower one can become visible after a
//! higher one. So each delta looks back beyond its mark, and leaves out the keys of which it sees
//! nothing new: the mark remembers a digest of each key's rows of the history.

use super::{Known, Last, REMEMBERED, Since, anchor, key, useless};
use crate::{
    child::Join,
    dialect::Dialect,
    driver::{Cell, Cells, Driver, Failure, Scalar, Storage},
    import::Plan,
    schema::Table,
};
use ecma_plugin_sdk::tracing;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    str,
};

/// A history table.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) table: String,
    /// The name as it stands in statements.
    pub(crate) quoted: String,
    /// The columns with the key of the touched row, in the order of its anchor.
    pub(crate) keys: Vec<Join>,
    /// The column that grows with each row of the history.
    pub(crate) watermark: (String, Storage),
    /// The column that says what happened.
    pub(crate) operation: Option<(String, Storage)>,
    /// What it may say.
    pub(crate) operations: Vec<String>,
    /// How far a delta looks back: numbers, or seconds.
    pub(crate) overlap: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The greatest value; none when the history was empty.
    pub(super) last: Option<Last>,
    /// Of each key that the next delta comes across again, what stood there of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) touched: BTreeMap<Known, Known>,
}

impl History {
    /// The keys that were touched since a mark, and those among them that were not.
    pub(super) fn since(
        &self,
        driver: &dyn Driver,
        plan: &Plan<'_>,
        mark: &Mark,
    ) -> Result<Since, Failure> {
        if let Some(last) = &mark.last {
            let greatest = self.greatest(driver)?;
            let below = greatest.as_ref().map(|greatest| greatest.is_below(last)).transpose()?;
            if below.unwrap_or(true) {
                let now = greatest.map_or("nothing".to_owned(), |greatest| greatest.to_string());
                let text = format!(
                    "the table {} has {now} where the last import saw {last}: it was emptied or its \
                     numbers began again, and a full import is needed",
                    self.table
                );
                return Err(useless(text).into());
            }
        }
        let dialect = driver.dialect();
        let bound = self.bound(mark.last.as_ref())?;
        let (condition, parameters) = self.condition(dialect, bound.as_ref());
        let mut now: HashMap<Known, Known> = HashMap::new();
        let unknown = self.look(driver, plan.table, &condition, &parameters, &mut |key, row| {
            if mark.touched.contains_key(&key) {
                now.entry(key).and_modify(|known| *known = known.and(row)).or_insert(row);
            }
            true
        })?;
        if let Some((rows, word)) = unknown {
            let table = self.table.as_str();
            tracing::debug!(table, rows, word, "Operations of the history are not known");
        }
        let is_quiet = |(key, now): &(Known, Known)| mark.touched.get(key) == Some(now);
        let quiet = now.into_iter().filter(is_quiet).map(|(key, _)| key).collect();
        let (from, keys) = (format!("{} h", self.quoted), &self.keys);
        Ok(Since {
            condition: dialect.touched(plan.table, keys, &from, &condition),
            gone: Some((dialect.gone(plan.table, keys, &from, &condition), parameters.clone())),
            parameters,
            quiet,
            ..Since::default()
        })
    }

    /// How far the history goes now.
    pub(super) fn mark(&self, driver: &dyn Driver, plan: &Plan<'_>) -> Result<Mark, Failure> {
        let last = self.greatest(driver)?;
        let bound = self.bound(last.as_ref())?;
        let (condition, parameters) = self.condition(driver.dialect(), bound.as_ref());
        let mut touched: BTreeMap<Known, Known> = BTreeMap::new();
        self.look(driver, plan.table, &condition, &parameters, &mut |key, row| {
            touched.entry(key).and_modify(|known| *known = known.and(row)).or_insert(row);
            touched.len() <= REMEMBERED
        })?;
        if touched.len() > REMEMBERED {
            touched.clear();
        }
        Ok(Mark { last, touched })
    }

    fn greatest(&self, driver: &dyn Driver) -> Result<Option<Last>, Failure> {
        let (column, storage) = &self.watermark;
        let mut last = None;
        let sql = driver.dialect().greatest(&self.quoted, column, *storage);
        driver.query(&sql, &[], &mut |cells| {
            last = Last::of("history_watermark_column", cells.cell(0))?;
            Ok(())
        })?;
        Ok(last)
    }

    /// From where a delta reads that goes on at a mark.
    fn bound(&self, last: Option<&Last>) -> Result<Option<Last>, Failure> {
        Ok(last.map(|last| last.back(self.overlap)).transpose()?)
    }

    /// The condition of rows of the history from there on.
    fn condition(&self, dialect: &dyn Dialect, bound: Option<&Last>) -> (String, Vec<Scalar>) {
        let (column, storage) = &self.watermark;
        let column = dialect.of_history(column);
        match bound {
            Some(bound) => {
                let mark = dialect.compared(1, *storage);
                (format!("{column} >= {mark}"), vec![bound.scalar()])
            }
            None => (dialect.present(&column), Vec::new()),
        }
    }

    /// Hands over the key of each of these rows, and a digest of the row, until it has enough.
    /// Answers how many of them say a word that is not known, and the last one.
    fn look(
        &self,
        driver: &dyn Driver,
        table: &Table,
        condition: &str,
        parameters: &[Scalar],
        each: &mut dyn FnMut(Known, Known) -> bool,
    ) -> Result<Option<(u64, String)>, Failure> {
        let sql = driver.dialect().history(self, condition);
        let operation = self.keys.len() + 1;
        let width = operation + usize::from(self.operation.is_some());
        let (mut enough, mut unknown, mut word) = (false, 0_u64, String::new());
        driver.query(&sql, parameters, &mut |cells| {
            if self.operation.is_some() && !self.is_operation(cells.cell(operation)) {
                unknown += 1;
                word = shown(cells, operation);
            }
            if !enough && let Some(key) = key(anchor(table, cells)) {
                enough = !each(key, Known::of(cells, width));
            }
            Ok(())
        })?;
        Ok((unknown > 0).then_some((unknown, word)))
    }

    /// Whether a word says what happened.
    fn is_operation(&self, cell: Cell<'_>) -> bool {
        let Cell::Text(word) = cell else { return false };
        let word = str::from_utf8(word).unwrap_or_default().trim();
        self.operations.iter().any(|known| known.eq_ignore_ascii_case(word))
    }
}

fn shown(cells: &dyn Cells, at: usize) -> String {
    match cells.cell(at) {
        Cell::Text(word) => String::from_utf8_lossy(word).into_owned(),
        _ => String::new(),
    }
}
