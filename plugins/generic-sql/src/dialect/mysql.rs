//! MySQL and MariaDB. Nothing here depends on a server's `sql_mode`.

use super::Dialect;
use crate::driver::Storage;

/// MySQL.
pub(crate) const MYSQL: &dyn Dialect = &Mysql { returning: false };
/// MariaDB from 10.5 on.
pub(crate) const MARIADB: &dyn Dialect = &Mysql { returning: true };

#[derive(Debug)]
struct Mysql {
    /// Whether an INSERT answers its row.
    returning: bool,
}

impl Dialect for Mysql {
    fn mark(&self, _: usize) -> String {
        "?".to_owned()
    }

    /// A decimal number would be compared with text as a floating-point number, and two that differ
    /// in their last digits be the same.
    fn compared(&self, _: usize, storage: Storage) -> String {
        match storage {
            Storage::Numeric => "CAST(? AS DECIMAL(65, 30))".to_owned(),
            _ => "?".to_owned(),
        }
    }

    fn quotes(&self) -> (char, char) {
        ('`', '`')
    }

    /// What has a type of its own is read as the text that the server writes of it.
    fn shown(&self, column: &str, storage: Storage) -> String {
        match storage {
            Storage::Own => format!("CAST({column} AS CHAR)"),
            _ => column.to_owned(),
        }
    }

    /// An ENUM stands in the order of its declaration and is compared as text.
    fn ordered(&self, column: &str, storage: Storage) -> String {
        match storage {
            Storage::Own => format!("CAST({column} AS CHAR) COLLATE utf8mb4_bin"),
            _ => column.to_owned(),
        }
    }

    fn escapes_with_backslash(&self) -> bool {
        true
    }

    fn answering(&self, insert: &str, columns: &str) -> Option<String> {
        self.returning.then(|| format!("{insert} RETURNING {columns}"))
    }

    fn named(&self, _: &str, _: &str, _: bool) -> Option<String> {
        None
    }

    fn defaults(&self, _: &str) -> String {
        "() VALUES ()".to_owned()
    }

    fn limit(&self, sql: &str, rows: usize) -> String {
        format!("{sql} LIMIT {rows}")
    }
}
