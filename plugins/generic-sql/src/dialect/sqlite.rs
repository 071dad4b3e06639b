//! SQLite. `OR ABORT` takes the place of a table's own `ON CONFLICT`, which could replace a row, leave
//! one out or end the transaction.

use super::Dialect;
use crate::driver::Storage;

/// SQLite.
pub(crate) const SQLITE: &dyn Dialect = &Sqlite;

#[derive(Debug)]
struct Sqlite;

impl Dialect for Sqlite {
    fn mark(&self, number: usize) -> String {
        format!("?{number}")
    }

    fn is(&self, column: &str, storage: Storage, other: &str) -> String {
        match storage {
            // Nothing is converted in a comparison with such a column.
            Storage::AsGiven => format!("CAST({column} AS TEXT) = CAST({other} AS TEXT)"),
            _ => format!("{column} = {other}"),
        }
    }

    fn limit(&self, sql: &str, rows: usize) -> String {
        format!("{sql} LIMIT {rows}")
    }

    fn insert_into(&self) -> &'static str {
        "INSERT OR ABORT INTO"
    }

    fn update_word(&self) -> &'static str {
        "UPDATE OR ABORT"
    }
}
