//! A database of a test, seen through the plugin and past it.

use ecma_plugin_sdk::{
    Anchor, Connection, EntryId, Exported, Update,
    prelude::*,
    testkit::{self, TempDir},
};
use generic_sql::GenericSql;
use rusqlite::types::Value as Stored;
use std::path::PathBuf;

/// A database file in a folder of its own.
pub(crate) struct Database {
    dir: TempDir,
    /// A connection past the plugin.
    pub(crate) sql: rusqlite::Connection,
}

impl Database {
    /// With these statements run.
    pub(crate) fn new(sql: &str) -> Database {
        let dir = testkit::temp_dir();
        let connection = rusqlite::Connection::open(dir.path().join("test.db")).unwrap();
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        connection.execute_batch(sql).unwrap();
        Database { dir, sql: connection }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("test.db")
    }

    pub(crate) fn values(&self) -> Values {
        Values::new([("database", self.path().to_str().unwrap())])
    }

    /// A connection of the plugin.
    pub(crate) fn open(&self) -> Connection {
        plugin().connect(&self.values()).unwrap()
    }

    pub(crate) fn open_with(&self, adapt: impl FnOnce(Values) -> Values) -> Connection {
        plugin().connect(&adapt(self.values())).unwrap()
    }

    /// Problems of the settings, as `name message`.
    pub(crate) fn problems(&self, adapt: impl FnOnce(Values) -> Values) -> Vec<String> {
        let problems = plugin().check(&adapt(self.values())).unwrap();
        problems.iter().map(ToString::to_string).collect()
    }

    /// Rows of a query, values between bars.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let mut statement = self.sql.prepare(query).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| {
            let shown = |at| match row.get::<_, Stored>(at).unwrap() {
                Stored::Null => "NULL".to_owned(),
                Stored::Integer(number) => number.to_string(),
                Stored::Real(number) => format!("{number:?}"),
                Stored::Text(text) => format!("'{text}'"),
                Stored::Blob(bytes) => format!("{bytes:?}"),
            };
            Ok((0..width).map(shown).collect::<Vec<_>>().join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }
}

pub(crate) fn plugin() -> Plugin {
    Plugin::linked::<GenericSql>("generic-sql", "0")
}

/// The id of a row with one anchor column.
pub(crate) fn id(object_type: &str, column: &str, value: impl Into<Value>) -> EntryId {
    let anchor = Anchor::new([(column, value.into())]);
    EntryId { object_type: object_type.to_owned(), anchor, dn: None }
}

pub(crate) fn add(entry: Entry) -> Change {
    Change::Add(entry)
}

pub(crate) fn update(id: EntryId) -> Update {
    Update::new(id)
}

/// Exports one change.
pub(crate) fn export(connection: &mut Connection, change: Change) -> Result<Exported> {
    connection.export(&[change]).unwrap().remove(0)
}

/// Every entry of a full import.
pub(crate) fn entries(connection: &mut Connection) -> Vec<Entry> {
    let imported = testkit::import(connection, &ImportRun::full()).unwrap();
    assert_eq!(imported.refused, []);
    let entry = |change| match change {
        Change::Add(entry) => entry,
        other => panic!("a full import adds only: {other:?}"),
    };
    imported.changes.into_iter().map(entry).collect()
}

/// The kind and the attribute of a failure.
pub(crate) fn failure<T: std::fmt::Debug>(result: Result<T>) -> (ErrorKind, Option<String>) {
    let error = result.unwrap_err();
    (error.kind(), error.attribute().map(str::to_owned))
}
