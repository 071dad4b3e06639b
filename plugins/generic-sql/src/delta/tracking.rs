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
    /// Which child tables have the columns of the join in their primary keys.
    pub(crate) children: Vec<usize>,
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
        if !is_kept(driver, account, &table.name, &table.quoted, mark)? {
            return Err(untracked(&format!("table {}", table.name)).into());
        }
        let version = Scalar::Integer(mark.version);
        let from = format!("{} h", account.changes(&table.quoted, &dialect.mark(1)));
        let gone = dialect.gone(table, &self.keys, &from, "");
        let mut parts = vec![dialect.touched(table, &self.keys, &from, "")];
        for child in self.children.iter().filter_map(|at| table.children.get(*at)) {
            if is_kept(driver, account, &child.table, &child.quoted, mark)? {
                let number = dialect.mark(parts.len() + 1);
                let from = format!("{} h", account.changes(&child.quoted, &number));
                parts.push(dialect.touched(table, &child.join, &from, ""));
            }
        }
        Ok(Since {
            parameters: vec![version.clone(); parts.len()],
            condition: parts.join(" OR "),
            gone: Some((gone, vec![version])),
            ..Since::default()
        })
    }

    pub(super) fn mark(&self, driver: &dyn Driver) -> Result<Mark, Failure> {
        let account = account(driver.dialect())?;
        let version = version(driver, &account.now(), &[])?;
        Ok(Mark { version: version.ok_or_else(|| untracked("the database"))? })
    }
}

/// Whether the account of a table goes back to a mark; `false` when there is none.
fn is_kept(
    driver: &dyn Driver,
    account: &dyn Account,
    name: &str,
    quoted: &str,
    mark: &Mark,
) -> Result<bool, Failure> {
    let least = version(driver, &account.least(), &[Scalar::Text(quoted.to_owned())])?;
    if least.is_some_and(|least| mark.version < least) {
        let text =
            format!("the changes of table {name} since the last import are not kept any more");
        return Err(useless(format!("{text}, and a full import is needed")).into());
    }
    Ok(least.is_some())
}

fn untracked(what: &str) -> Error {
    let text = "has no change tracking; turn it on, or choose another delta_strategy";
    Error::config(format!("{what} {text}"))
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
