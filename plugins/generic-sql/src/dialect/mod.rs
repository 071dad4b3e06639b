//! SQL text, as a database wants it: what differs from database to database in a file each; the
//! statements that are made of it in `statements`.

mod ansi;
mod db2;
mod marked;
mod mysql;
mod oracle;
mod postgres;
mod sql_server;
mod sqlite;
mod statements;
#[cfg(test)]
mod tests;
mod touched;

use crate::driver::Storage;
use ecma_plugin_sdk::AttributeType;
use std::fmt::Debug;

pub(crate) use ansi::ANSI;
pub(crate) use db2::{DB2, DB2_CATALOG};
pub(crate) use marked::{POSTGRES_BY_ODBC, SQLITE_BY_ODBC};
pub(crate) use mysql::{MARIADB, MYSQL};
pub(crate) use oracle::{ORACLE, ORACLE_CATALOG};
pub(crate) use postgres::POSTGRES;
pub(crate) use sql_server::{SQL_SERVER, SQL_SERVER_CATALOG};
pub(crate) use sqlite::SQLITE;
pub(crate) use touched::Account;

/// How a database writes SQL; without a word of its own as the standard has it.
pub(crate) trait Dialect: Debug + Sync {
    /// The mark of a parameter, counted from 1. They stand in a statement in this order.
    fn mark(&self, number: usize) -> String;

    /// The mark of a parameter that a column of this kind is compared with.
    fn compared(&self, number: usize, _storage: Storage) -> String {
        self.mark(number)
    }

    /// What stands before and behind a name; the second is doubled where it is part of one.
    fn quotes(&self) -> (char, char) {
        ('"', '"')
    }

    /// A column as it is read. It is quoted already, as in all of these.
    fn shown(&self, column: &str, _storage: Storage) -> String {
        column.to_owned()
    }

    /// A column is the same as something else.
    fn is(&self, column: &str, _storage: Storage, other: &str) -> String {
        format!("{column} = {other}")
    }

    /// What rows stand in order by for a column, and what is compared to go on behind one of them.
    fn ordered(&self, column: &str, _storage: Storage) -> String {
        column.to_owned()
    }

    /// The statement that adds a row and answers these columns of it, where there is one.
    fn answering(&self, insert: &str, columns: &str) -> Option<String> {
        Some(format!("{insert} RETURNING {columns}"))
    }

    /// The statement that adds a row and answers how many rows came, and the number of the new one;
    /// for a database that tells it in the same breath only.
    fn numbering(&self, _insert: &str) -> Option<String> {
        None
    }

    /// What stands behind the table's name for a row of defaults; some want to see a column.
    fn defaults(&self, _column: &str) -> String {
        "DEFAULT VALUES".to_owned()
    }

    /// Whether several columns can be looked up in a list at once, as `(a, b) IN (…)`.
    fn compares_rows(&self) -> bool {
        true
    }

    /// A statement that changes a row and answers these columns of it, where there is a way to.
    fn answering_update(&self, _update: &str, _columns: &str) -> Option<String> {
        None
    }

    /// How a part of a transaction is undone. None: it cannot be.
    fn savepoints(&self) -> Option<Savepoints> {
        Some(Savepoints {
            set: "SAVEPOINT one_change",
            forget: Some("RELEASE SAVEPOINT one_change"),
            back: "ROLLBACK TO SAVEPOINT one_change",
        })
    }

    /// At most so many rows of a statement.
    fn limit(&self, sql: &str, rows: usize) -> String {
        format!("{sql} FETCH FIRST {rows} ROWS ONLY")
    }

    /// Whether a backslash in a text takes the quote behind it along.
    fn escapes_with_backslash(&self) -> bool {
        false
    }

    /// An argument of a procedure with the name of its parameter. None: only their order counts.
    fn named(&self, name: &str, mark: &str, _is_answered: bool) -> Option<String> {
        let (open, close) = self.quotes();
        Some(format!("{open}{}{close} => {mark}", name.replace(close, &format!("{close}{close}"))))
    }

    /// A call of a procedure, its name in quotes already.
    fn call(&self, procedure: &str, arguments: &[String]) -> String {
        format!("CALL {procedure}({})", arguments.join(", "))
    }

    /// How a statement begins that adds rows.
    fn insert_into(&self) -> &'static str {
        "INSERT INTO"
    }

    /// How a statement begins that changes rows.
    fn update_word(&self) -> &'static str {
        "UPDATE"
    }

    /// The statement for the one value that somebody's query answers.
    fn answer(&self, query: &str) -> String {
        format!("SELECT ({query})")
    }

    /// The condition that columns are the same as those selected of one of these rows.
    fn among(
        &self,
        columns: &[String],
        selected: &[String],
        from: &str,
        condition: &str,
    ) -> String {
        let word = if condition.is_empty() { "" } else { " WHERE " };
        let query = format!("SELECT {} FROM {from}{word}{condition}", selected.join(", "));
        match columns {
            [one] => format!("{one} IN ({query})"),
            several if self.compares_rows() => format!("({}) IN ({query})", several.join(", ")),
            several => {
                let same =
                    several.iter().zip(selected).map(|(one, other)| format!("{one} = {other}"));
                let condition = Some(condition).filter(|text| !text.is_empty());
                let condition = condition.map(|text| format!("({text})"));
                let all: Vec<String> = same.chain(condition).collect();
                format!("EXISTS (SELECT 1 FROM {from} WHERE {})", all.join(" AND "))
            }
        }
    }

    /// The account of changes that the database keeps itself, where it can. SQL Server's stands in
    /// its own file.
    fn change_tracking(&self) -> Option<&'static dyn Account> {
        None
    }
}

/// Statements that set a savepoint, forget it where that is needed, and go back to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Savepoints {
    pub(crate) set: &'static str,
    pub(crate) forget: Option<&'static str>,
    pub(crate) back: &'static str,
}

/// Statements about the catalog of a database, in one shape for all, and what its types are.
///
/// Truth values are 1 and 0. A table is known by its schema and its name.
pub(crate) struct Catalog {
    /// Schema, table, `V` for a view, whether it is in the schema of the connection.
    pub(crate) tables: &'static str,
    /// Schema, table, column, type, NOT NULL, has a default, is numbered, is computed, ignores case.
    pub(crate) columns: &'static str,
    /// Schema, table, key, is it the primary one, column; the columns of a key in their order. A
    /// part that is no whole column is empty.
    pub(crate) keys: &'static str,
    /// Schema, table, key, column, schema and table and column that are referred to.
    pub(crate) foreign: &'static str,
    /// What kind of values a type stands for.
    pub(crate) type_of: fn(&str) -> (AttributeType, Storage),
}
