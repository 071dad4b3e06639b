//! Exports: a page is a transaction, each change in it a savepoint, so that one that fails leaves
//! its neighbors as they are. Where there are no savepoints, each change is a transaction.

mod added;
mod blame;
mod method;
mod row;

use crate::{
    dn,
    driver::{Driver, Failure, Purpose},
    schema::Table,
};
use added::Inserts;
use ecma_plugin_sdk::{Change, Error, ErrorKind, Exported, Result};
use std::{thread, time::Duration};

pub(crate) use method::password;

/// How often a page is done again that a deadlock undid.
const AGAIN: u32 = 3;
/// How long the first time waits; each later one waits twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// A failure stays one until the page knows what to do about it.
type Done<T> = Result<T, Failure>;

/// Does a page of changes; one result for each, in order.
///
/// Most pages go well, so the first try sets no savepoints: they cost as much as the changes. When
/// something does not go well, all is undone and done again with them.
pub(crate) fn page(
    driver: &dyn Driver,
    tables: &[Table],
    changes: &[Change],
) -> Vec<Result<Exported>> {
    let alone = |change| page_of_one(driver, tables, change);
    let mut refused: Vec<Option<Error>> = vec![None; changes.len()];
    let (mut deadlocks, mut is_careful) = (0, false);
    loop {
        let (whose, failure) = match attempt(driver, tables, changes, &refused, is_careful) {
            Ok(results) => match driver.commit() {
                Ok(()) => return results,
                Err(failure) => (None, failure),
            },
            Err(ended) => ended,
        };
        let is_deadlock = failure.is_deadlock();
        let error = driver.rollback().map_or_else(Error::from, |()| failure.into());
        if is_deadlock && deadlocks < AGAIN {
            thread::sleep(PAUSE * (1 << deadlocks));
            deadlocks += 1;
            continue;
        }
        match whose {
            _ if error.kind() == ErrorKind::Unreachable || changes.len() == 1 => {}
            Some(_) if driver.dialect().savepoints().is_none() => {
                return changes.iter().map(alone).collect();
            }
            Some(_) if !is_careful => {
                is_careful = true;
                continue;
            }
            // A trigger that ended all, or a deadlock once more: the neighbors go without it.
            Some(at) => {
                refused[at] = Some(error);
                continue;
            }
            // A constraint that waits for the end of the transaction does not say whose it is.
            None if error.kind() == ErrorKind::Invalid => {
                return changes.iter().map(alone).collect();
            }
            None => {}
        }
        return changes.iter().map(|_| Err(error.clone())).collect();
    }
}

/// Does one change in a transaction of its own.
pub(crate) fn page_of_one(
    driver: &dyn Driver,
    tables: &[Table],
    change: &Change,
) -> Result<Exported> {
    let mut results = page(driver, tables, std::slice::from_ref(change));
    results.pop().unwrap_or_else(|| Err(Error::internal("a page of one has no result")))
}

/// Does the changes that are not refused yet. When the transaction is over before its end, the
/// failure says why, and at which change. Only a careful one goes on behind a change that failed.
fn attempt(
    driver: &dyn Driver,
    tables: &[Table],
    changes: &[Change],
    refused: &[Option<Error>],
    is_careful: bool,
) -> Result<Vec<Result<Exported>>, (Option<usize>, Failure)> {
    let whole = |failure| (None, failure);
    driver.begin(Purpose::Write).map_err(whole)?;
    let inserts = Inserts::default();
    let mut results = Vec::with_capacity(changes.len());
    for (at, (change, refused)) in changes.iter().zip(refused).enumerate() {
        if let Some(error) = refused {
            results.push(Err(error.clone()));
            continue;
        }
        if is_careful {
            driver.save().map_err(whole)?;
        }
        results.push(match one(driver, tables, change, &inserts) {
            Ok(exported) => {
                if is_careful {
                    driver.release().map_err(whole)?;
                }
                Ok(exported)
            }
            Err(failure) if !is_careful || failure.is_deadlock() || !driver.in_transaction() => {
                return Err((Some(at), failure));
            }
            Err(failure) => {
                let error = Error::from(failure);
                // The database itself is in trouble, and so are the others.
                if error.kind() == ErrorKind::Unreachable {
                    return Err(whole(error.into()));
                }
                driver.restore().map_err(whole)?;
                Err(error)
            }
        });
    }
    Ok(results)
}

fn one<'a>(
    driver: &'a dyn Driver,
    tables: &'a [Table],
    change: &Change,
    inserts: &'a Inserts<'a>,
) -> Done<Exported> {
    let table = table(tables, &change.id().object_type)?;
    let export = Export { driver, table, inserts };
    let methods = &table.methods;
    let change = dn::inner(table, change)?;
    match &*change {
        Change::Add(entry) => match &methods.add {
            Some(method) => export.add_by(method, entry),
            None => export.add(entry),
        },
        Change::Replace(entry) => match &methods.update {
            Some(method) => export.replace_by(method, entry),
            None => export.replace(entry),
        },
        Change::Update(update) => match &methods.update {
            Some(method) => export.update_by(method, update),
            None => export.update(update),
        },
        Change::Delete { id } => match &methods.delete {
            Some(method) => export.delete_by(method, id),
            None => export.delete(id),
        },
    }
}

fn table<'t>(tables: &'t [Table], object_type: &str) -> Result<&'t Table> {
    tables.iter().find(|table| table.object_type == object_type).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("there is no object type {object_type}"))
    })
}

struct Export<'a> {
    driver: &'a dyn Driver,
    table: &'a Table,
    inserts: &'a Inserts<'a>,
}
