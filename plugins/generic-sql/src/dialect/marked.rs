//! PostgreSQL and SQLite as they are reached over ODBC: their own SQL, with the marks of ODBC.

use super::{Dialect, POSTGRES, SQLITE, Savepoints};
use crate::driver::Storage;

/// PostgreSQL over ODBC.
pub(crate) const POSTGRES_BY_ODBC: &dyn Dialect = &Marked { inner: POSTGRES, answers: true };
/// SQLite over ODBC.
pub(crate) const SQLITE_BY_ODBC: &dyn Dialect = &Marked { inner: SQLITE, answers: false };

#[derive(Debug)]
struct Marked {
    inner: &'static dyn Dialect,
    /// Whether the driver hands over what a statement answers that adds a row.
    answers: bool,
}

impl Dialect for Marked {
    fn mark(&self, _: usize) -> String {
        "?".to_owned()
    }

    fn compared(&self, number: usize, storage: Storage) -> String {
        self.inner.compared(number, storage).replace(&self.inner.mark(number), "?")
    }

    fn quotes(&self) -> (char, char) {
        self.inner.quotes()
    }

    fn shown(&self, column: &str, storage: Storage) -> String {
        self.inner.shown(column, storage)
    }

    fn is(&self, column: &str, storage: Storage, other: &str) -> String {
        self.inner.is(column, storage, other)
    }

    fn ordered(&self, column: &str, storage: Storage) -> String {
        self.inner.ordered(column, storage)
    }

    fn answering(&self, insert: &str, columns: &str) -> Option<String> {
        self.inner.answering(insert, columns).filter(|_| self.answers)
    }

    fn escapes_with_backslash(&self) -> bool {
        self.inner.escapes_with_backslash()
    }

    fn named(&self, name: &str, mark: &str, is_answered: bool) -> Option<String> {
        self.inner.named(name, mark, is_answered)
    }

    fn call(&self, procedure: &str, arguments: &[String]) -> String {
        self.inner.call(procedure, arguments)
    }

    fn answer(&self, query: &str) -> String {
        self.inner.answer(query)
    }

    fn defaults(&self, column: &str) -> String {
        self.inner.defaults(column)
    }

    fn compares_rows(&self) -> bool {
        self.inner.compares_rows()
    }

    fn savepoints(&self) -> Option<Savepoints> {
        self.inner.savepoints()
    }

    fn limit(&self, sql: &str, rows: usize) -> String {
        self.inner.limit(sql, rows)
    }

    fn insert_into(&self) -> &'static str {
        self.inner.insert_into()
    }

    fn update_word(&self) -> &'static str {
        self.inner.update_word()
    }
}
