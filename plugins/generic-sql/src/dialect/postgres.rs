//! How PostgreSQL writes SQL.

use super::Dialect;
use crate::driver::Storage;

/// PostgreSQL.
pub(crate) const POSTGRES: &dyn Dialect = &Postgres;

#[derive(Debug)]
struct Postgres;

impl Dialect for Postgres {
    fn mark(&self, number: usize) -> String {
        format!("${number}")
    }

    /// A number too large for the column is no error then, but equals none.
    fn compared(&self, number: usize, storage: Storage) -> String {
        match storage {
            Storage::Integer => format!("${number}::int8"),
            _ => format!("${number}"),
        }
    }

    /// What has a type of its own is read as the text that it writes of it.
    fn shown(&self, column: &str, storage: Storage) -> String {
        match storage {
            Storage::Own => format!("{column}::text"),
            _ => column.to_owned(),
        }
    }

    fn answering_update(&self, update: &str, columns: &str) -> Option<String> {
        Some(format!("{update} RETURNING {columns}"))
    }

    fn answer(&self, query: &str) -> String {
        format!("SELECT ({query})::text")
    }

    fn limit(&self, sql: &str, rows: usize) -> String {
        format!("{sql} LIMIT {rows}")
    }
}
