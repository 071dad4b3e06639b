//! The connector on real servers: one set of scenarios that each of them passes, and what only one
//! of them has.
#![expect(clippy::unwrap_used, reason = "tests")]
#![cfg(unix)]

/// Makes a test of each of these scenarios for a vendor.
macro_rules! tests_of {
    ($vendor:expr, $module:ident: $($scenario:ident)*) => {
        $(#[test]
        fn $scenario() {
            $crate::$module::$scenario(&$vendor);
        })*
    };
}

mod deltas;
mod mysql;
mod odbc;
mod postgres;
mod scenarios;
mod statements;
mod target;
mod values;

use ecma_plugin_sdk::{prelude::*, testkit};
use generic_sql::GenericSql;
use target::Target;
use targets::Database;

/// What ends a transaction.
type Commit = Box<dyn FnOnce()>;

/// A kind of server, and the tables of the scenarios as it wants them.
struct Vendor {
    /// The word of the setting `driver`.
    driver: &'static str,
    /// A database of this name on the server that all tests share.
    fresh: fn(&str) -> Target,
    /// What reaches it over ODBC, when that is the way.
    odbc: Option<fn(&Target) -> Values>,
    /// People with a generated key, devices with a key of two columns; `changed` is a watermark.
    people: &'static str,
    /// Teams with members of two types and tags.
    teams: &'static str,
    /// `t` with 45,000 rows and a key of two columns, `c` with two rows for two of three.
    pages: &'static str,
    /// `t` with a constraint of each kind.
    constraints: &'static str,
    /// `t` whose trigger ends its own connection where the note is `die`.
    deadly: &'static str,
    /// `staff` of seven, a log, and procedures for them.
    staff: &'static str,
    /// `list_kinds`, which answers `NAME` of the table `kind` where it has another `note`.
    kinds: &'static str,
    /// A statement that adds to `staff`; its key is answered, or made as numbers.
    add_staff: &'static str,
    /// A type for local times, one for absolute ones, and what shows both as they are.
    moments: [&'static str; 3],
    /// What makes UTC the time zone of a session.
    utc: &'static str,
    /// `t` with a trigger that waits for ten minutes when somebody is called `slow`.
    slow: &'static str,
    /// What prints the history of a table, or the triggers of a child table with its join.
    history: fn(&str, Option<(&str, &str)>) -> String,
    /// Runs statements in a transaction, and ends it when it is told to.
    hold: fn(&Database, &[&str]) -> Commit,
    /// Whether the server itself cuts off what fills up a CHAR.
    cuts_padding: bool,
    /// Whether bytes can be written.
    bytes: bool,
    /// The attribute that is named for a text that is too long, and for one that a CHECK refuses.
    named: [&'static str; 2],
}

impl Vendor {
    /// A database of this name with these tables, and the settings that reach it.
    fn database(&self, name: &str, sql: &str) -> (Target, Values) {
        let database = (self.fresh)(name);
        database.sql(sql);
        let values = match self.odbc {
            Some(reach) => reach(&database),
            None => {
                let server = database.server();
                self.reach(server).with("ca_file", server.ca_pem().to_str().unwrap())
            }
        };
        (database, values)
    }

    /// The settings of a driver that is built in, but for whose certificate is accepted.
    fn reach(&self, database: &Database) -> Values {
        Values::new([("driver", self.driver), ("server", database.host())])
            .with("port", i64::from(database.port()))
            .with("database_name", database.database())
            .with("user", database.user())
            .with("password", database.password())
    }
}

fn linked() -> Plugin {
    Plugin::linked::<GenericSql>("generic-sql", "0")
}

fn library() -> Plugin {
    Plugin::load(&testkit::built_library("generic-sql")).unwrap()
}

/// Every entry of a full import.
fn import(values: &Values) -> Vec<Entry> {
    let mut connector = linked().connect(values).unwrap();
    let imported = testkit::import(&mut connector, &ImportRun::full()).unwrap();
    assert_eq!(imported.refused, []);
    let entry = |change| match change {
        Change::Add(entry) => entry,
        other => panic!("a full import adds only: {other:?}"),
    };
    imported.changes.into_iter().map(entry).collect()
}

/// Whether a connection can be had, or why not.
fn refusal(values: &Values) -> Option<ErrorKind> {
    linked().connect(values).err().map(|error| error.kind())
}
