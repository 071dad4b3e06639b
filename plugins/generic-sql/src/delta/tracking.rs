//! Deltas by the database's own account of changes, where its dialect has one
//! ([`Dialect::change_tracking`]). Its versions grow in the order in which transactions end, so
//! there is nothing to look back for.

use super::{Since, useless};
use crate::{
    child::Join,
    dialect::{Account, Dialect},
    driver::{Cell, Driver, Failure, Scalar},
    import::Plan,
};
use ecma_plugin_sdk::Error;
use serde::{Deserialize, Serialize};

/// A table whose changes the database keeps account of.
#[derive(Debug, Clone)]
pub(crate) struct Tracking {
    /// The columns of the primary key that are the anchor, in its order.
    pub(crate) keys: Vec<Join>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The version up to which everything is imported.
    pub(super) version: i64,
}

impl Tracking {
    pub(super) fn since(
        &self,
        driver: &dyn Driver,
        plan: &Plan<'_>,
        mark: &Mark,
    ) -> Result<Since, Failure> {
        let (dialect, table) = (driver.dialect(), plan.table);
        let account = account(dialect)?;
        let name = [Scalar::Text(table.quoted.clone())];
        let least = version(driver, &account.least(), &name)?.ok_or_else(|| {
            let text = "has no change tracking; turn it on, or choose another delta_strategy";
            Error::config(format!("table {} {text}", table.name))
        })?;
        if mark.version < least {
            let text = format!("the changes of table {} since the last import", table.name);
            let text = format!("{text} are not kept any more, and a full import is needed");
            return Err(useless(text).into());
        }
        let from = format!("{} h", account.changes(&table.quoted, &dialect.mark(1)));
        Ok(Since {
            condition: dialect.touched(table, &self.keys, &from, ""),
            gone: Some(dialect.gone(table, &self.keys, &from, "")),
            parameters: vec![Scalar::Integer(mark.version)],
            ..Since::default()
        })
    }

    pub(super) fn mark(&self, driver: &dyn Driver) -> Result<Mark, Failure> {
        let account = account(driver.dialect())?;
        let version = version(driver, &account.now(), &[])?.ok_or_else(|| {
            let text = "has no change tracking; turn it on, or choose another delta_strategy";
            Error::config(format!("the database {text}"))
        })?;
        Ok(Mark { version })
    }
}

fn account(dialect: &dyn Dialect) -> Result<&'static dyn Account, Error> {
    dialect.change_tracking().ok_or_else(|| Error::config("this database has no change tracking"))
}

/// The version that a statement answers.
fn version(driver: &dyn Driver, sql: &str, parameters: &[Scalar]) -> Result<Option<i64>, Failure> {
    let mut version = None;
    driver.query(sql, parameters, &mut |cells| {
        version = match cells.cell(0) {
            Cell::Integer(number) => Some(number),
            Cell::Text(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
            _ => None,
        };
        Ok(())
    })?;
    Ok(version)
}
