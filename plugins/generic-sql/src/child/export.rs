//! Writes rows of child tables. What it costs follows the change, not how many values there are.

use super::Child;
use crate::{
    delta::Known,
    driver::{Cell, Cells, Driver, Failure, Scalar},
    schema::Table,
};
use ecma_plugin_sdk::{AttributeChange, Error, ErrorKind, Result, Value};
use std::collections::HashSet;

impl Child {
    /// The values of the join's columns in the parent's row with this anchor; `None` when there is
    /// no such row.
    pub(crate) fn owner(
        &self,
        driver: &dyn Driver,
        table: &Table,
        anchor: &[Scalar],
    ) -> Result<Option<Vec<Scalar>>> {
        let known =
            |at: usize| table.anchors().position(|anchor| anchor.name == table.columns[at].name);
        let places = self.join.iter().map(|join| known(join.parent));
        if let Some(places) = places.collect::<Option<Vec<_>>>() {
            return Ok(Some(places.into_iter().map(|at| anchor[at].clone()).collect()));
        }
        let dialect = driver.dialect();
        let columns = self.join.iter().map(|join| &table.columns[join.parent]);
        let sql = dialect.select(table, columns, &dialect.anchor(table, 1));
        let mut owner = None;
        driver.query(&sql, anchor, &mut |cells| {
            owner = Some((0..self.join.len()).map(|at| Scalar::of(cells.cell(at))).collect());
            Ok(())
        })?;
        Ok(owner)
    }

    /// Changes the values of this owner.
    pub(crate) fn write(
        &self,
        driver: &dyn Driver,
        owner: &[Scalar],
        change: &AttributeChange,
    ) -> Result<(), Failure> {
        match change {
            AttributeChange::Set(values) => self.set(driver, owner, values),
            AttributeChange::Clear => self.set(driver, owner, &[]),
            AttributeChange::Modify { added, removed } => {
                // What no row can have need not be removed.
                for value in removed.iter().filter_map(|value| self.scalars(value).ok()) {
                    self.remove(driver, owner, &value)?;
                }
                added.iter().try_for_each(|value| self.add(driver, owner, self.scalars(value)?))
            }
        }
    }

    /// Rows that stay are not touched: they may have columns of their own.
    fn set(&self, driver: &dyn Driver, owner: &[Scalar], values: &[Value]) -> Result<(), Failure> {
        let dialect = driver.dialect();
        if values.is_empty() && self.type_column.is_none() {
            return self.remove_all(driver, owner);
        }
        let wanted = values.iter().map(|value| self.scalars(value)).collect::<Result<Vec<_>>>()?;
        let digests: HashSet<_> = wanted.iter().map(|value| digest(value)).collect();
        let width = self.columns().count();
        let mut gone = Vec::new();
        driver.query(&dialect.child_rows(self, false), owner, &mut |cells| {
            let trimmed = |at| self.value.form.trimmed(cells.cell(at));
            let now: Vec<Scalar> = (0..width).map(|at| Scalar::of(trimmed(at))).collect();
            let ours = self.type_column.is_none() || self.type_at(cells, 1).is_some();
            if ours && !digests.contains(&digest(&now)) {
                gone.push(now);
            }
            Ok(())
        })?;
        for value in &gone {
            self.remove(driver, owner, value)?;
        }
        wanted.into_iter().try_for_each(|value| self.add(driver, owner, value))
    }

    /// Adds a row unless it is there.
    fn add(
        &self,
        driver: &dyn Driver,
        owner: &[Scalar],
        value: Vec<Scalar>,
    ) -> Result<(), Failure> {
        let (dialect, parameters) = (driver.dialect(), [owner, &value].concat());
        let mut is_there = false;
        let known = driver.query(&dialect.child_rows(self, true), &parameters, &mut |_| {
            is_there = true;
            Ok(())
        });
        known.map_err(|failure| self.blame(failure))?;
        if is_there {
            return Ok(());
        }
        let added = driver.execute(&dialect.child_insert(self), &parameters);
        added.map(drop).map_err(|failure| self.blame(failure))
    }

    fn remove(
        &self,
        driver: &dyn Driver,
        owner: &[Scalar],
        value: &[Scalar],
    ) -> Result<(), Failure> {
        // Nothing equals NULL, and NULL is no value.
        if value.contains(&Scalar::Null) {
            return Ok(());
        }
        let parameters = [owner, value].concat();
        let sql = driver.dialect().child_delete(self, true);
        driver.execute(&sql, &parameters).map(drop).map_err(|failure| self.blame(failure))
    }

    /// Removes all rows of this owner, also those that are no values.
    pub(crate) fn remove_all(&self, driver: &dyn Driver, owner: &[Scalar]) -> Result<(), Failure> {
        let sql = driver.dialect().child_delete(self, false);
        driver.execute(&sql, owner).map(drop).map_err(|failure| self.blame(failure))
    }

    /// The error with the attribute, when it is about values.
    fn blame(&self, failure: Failure) -> Failure {
        if failure.is_deadlock() {
            return failure;
        }
        let error = Error::from(failure);
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::AlreadyExists => error.at(self.name()).into(),
            _ => error.into(),
        }
    }
}

struct Scalars<'a>(&'a [Scalar]);

impl Cells for Scalars<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        self.0[column].cell()
    }
}

fn digest(scalars: &[Scalar]) -> Known {
    Known::of(&Scalars(scalars), scalars.len())
}
