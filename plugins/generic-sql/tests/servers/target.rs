//! A database that a scenario works with: one of a server, or a file of SQLite.

use ecma_plugin_sdk::testkit::TempDir;
use std::{ops::Deref, path::PathBuf};
use targets::Database;

pub(crate) enum Target {
    Server(Box<Database>),
    /// A file, in a folder that goes with it.
    File(TempDir),
}

impl Target {
    pub(crate) fn server(&self) -> &Database {
        match self {
            Target::Server(database) => database,
            Target::File(_) => panic!("a file has no server"),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Target::Server(_) => panic!("a server has no path"),
            Target::File(folder) => folder.path().join("test.db"),
        }
    }

    /// Runs a script.
    pub(crate) fn sql(&self, text: &str) {
        match self {
            Target::Server(database) => database.sql(text),
            Target::File(_) => {
                rusqlite::Connection::open(self.path()).unwrap().execute_batch(text).unwrap();
            }
        }
    }

    /// The rows of a query, as texts.
    pub(crate) fn query(&self, text: &str) -> Vec<Vec<String>> {
        match self {
            Target::Server(database) => database.query(text),
            Target::File(_) => {
                let connection = rusqlite::Connection::open(self.path()).unwrap();
                let mut statement = connection.prepare(text).unwrap();
                let width = statement.column_count();
                let rows = statement.query_map([], |row| {
                    (0..width)
                        .map(|at| match row.get_ref(at)? {
                            rusqlite::types::ValueRef::Null => Ok(targets::NULL.to_owned()),
                            rusqlite::types::ValueRef::Integer(number) => Ok(number.to_string()),
                            value => Ok(value.as_str()?.to_owned()),
                        })
                        .collect()
                });
                rows.unwrap().map(Result::unwrap).collect()
            }
        }
    }
}

/// What only a server can do, where a test knows that it is one.
impl Deref for Target {
    type Target = Database;

    fn deref(&self) -> &Database {
        self.server()
    }
}
