//! Exports: a page is a transaction, each change in it a savepoint, so that one that fails leaves
//! its neighbors as they are.

mod added;
mod blame;
mod method;
mod row;

use crate::{
    driver::{Driver, Failure, Purpose},
    schema::Table,
};
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
pub(crate) fn page(
    driver: &dyn Driver,
    tables: &[Table],
    changes: &[Change],
) -> Vec<Result<Exported>> {
    let mut refused: Vec<Option<Error>> = vec![None; changes.len()];
    let mut deadlocks = 0;
    loop {
        let (whose, failure) = match attempt(driver, tables, changes, &refused) {
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
        // A trigger, or a deadlock once more: the neighbors are done without the change.
        if let Some(at) = whose.filter(|_| error.kind() != ErrorKind::Unreachable) {
            refused[at] = Some(error);
            continue;
        }
        // A constraint that waits for the end of the transaction does not say whose it is.
        if error.kind() == ErrorKind::Invalid && changes.len() > 1 {
            let alone = |change| page_of_one(driver, tables, change);
            return changes.iter().map(alone).collect();
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
/// failure says why, and at which change.
fn attempt(
    driver: &dyn Driver,
    tables: &[Table],
    changes: &[Change],
    refused: &[Option<Error>],
) -> Result<Vec<Result<Exported>>, (Option<usize>, Failure)> {
    let whole = |failure| (None, failure);
    driver.begin(Purpose::Write).map_err(whole)?;
    let mut results = Vec::with_capacity(changes.len());
    for (at, (change, refused)) in changes.iter().zip(refused).enumerate() {
        if let Some(error) = refused {
            results.push(Err(error.clone()));
            continue;
        }
        driver.save().map_err(whole)?;
        results.push(match one(driver, tables, change) {
            Ok(exported) => {
                driver.release().map_err(whole)?;
                Ok(exported)
            }
            Err(failure) if failure.is_deadlock() || !driver.in_transaction() => {
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

fn one(driver: &dyn Driver, tables: &[Table], change: &Change) -> Done<Exported> {
    let table = table(tables, &change.id().object_type)?;
    let export = Export { driver, table };
    let methods = &table.methods;
    match change {
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
}
