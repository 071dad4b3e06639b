//! PostgreSQL over ODBC.

use super::connected;
use crate::{
    Target, Vendor,
    deltas::every_delta,
    import, linked,
    postgres::{POSTGRES, SERVER, every_type},
    scenarios::every_scenario,
    values::every_value,
};
use ecma_plugin_sdk::{prelude::*, testkit::temp_dir};
use std::fs;
use targets::odbc_driver;

const ODBC: Vendor = Vendor {
    driver: "odbc",
    fresh: |name| Target::Server(Box::new(SERVER.fresh_database(&format!("odbc_{name}")))),
    odbc: Some(reach),
    ..POSTGRES
};

fn reach(database: &Target) -> Values {
    let text = format!(
        "Driver={};Server=localhost;Port={};Database={};sslmode=verify-full;pqopt={{sslrootcert={}}}",
        odbc_driver("psqlodbcw.so"),
        database.port(),
        database.database(),
        database.ca_pem().display(),
    );
    connected(&text).with("user", database.user()).with("password", database.password())
}

every_scenario!(ODBC);
every_delta!(ODBC);
every_value!(ODBC);

#[test]
fn long_values_are_whole_and_signs_beyond_the_first_plane_come_through() {
    let (database, values) = ODBC.database(
        "long",
        "CREATE TABLE t (id integer PRIMARY KEY, short varchar(20), long text, bytes bytea)",
    );
    super::long_values_come_back(&database, &values);
}

#[test]
fn a_value_longer_than_its_driver_says_is_read_whole_and_no_row_comes_twice() {
    // The driver says 255 of a varchar that has no length.
    let (_database, values) = ODBC.database(
        "longer",
        "CREATE TABLE t (id integer PRIMARY KEY, note varchar);
         INSERT INTO t SELECT i, CASE i WHEN 250 THEN repeat('ä', 5000) ELSE 'n' || i END
         FROM generate_series(1, 400) i;",
    );
    let entries = import(&values);
    assert_eq!(entries.len(), 400);
    let note = |id: i64| {
        let is = |entry: &&Entry| entry.id().anchor.get("id") == Some(&Value::Integer(id));
        entries.iter().find(is).unwrap().text("note").unwrap().to_owned()
    };
    assert_eq!((note(249), note(250), note(400)), ("n249".into(), "ä".repeat(5000), "n400".into()));
}

#[test]
fn values_are_what_they_are_in_the_database() {
    every_type(&ODBC);
}

#[test]
fn a_password_with_every_sign_of_a_connection_string_arrives() {
    let password = "a;b{c}d=e}}+%20 '\"ü";
    let (database, values) = ODBC.database(
        "signs",
        &format!(
            "CREATE TABLE t (id integer PRIMARY KEY);
             CREATE ROLE odbc_signs LOGIN PASSWORD '{}'; GRANT SELECT ON t TO odbc_signs;",
            password.replace('\'', "''")
        ),
    );
    let values = values.with("user", "odbc_signs");
    linked().connect(&values.clone().with("password", password)).unwrap();
    let error = linked().connect(&values.with("password", "wrong;{}=")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    assert!(!error.message().contains("wrong"), "{error}");
    drop(database);
}

#[test]
fn what_is_wrong_with_the_source_is_said() {
    let (database, values) = ODBC.database("source", "CREATE TABLE t (id integer PRIMARY KEY)");
    let folder = temp_dir();
    let file = folder.path().join("hr.dsn");
    let text = format!(
        "[ODBC]\nDRIVER={}\nSERVER=localhost\nPORT={}\nDATABASE={}\nSSLMODE=require\n",
        odbc_driver("psqlodbcw.so"),
        database.port(),
        database.database()
    );
    fs::write(&file, &text).unwrap();
    let by_file = Values::new([("driver", "odbc"), ("dsn_file", file.to_str().unwrap())])
        .with("user", database.user())
        .with("password", database.password());
    linked().connect(&by_file).unwrap();

    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&file, wide).unwrap();
    let error = linked().connect(&by_file).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.message().contains("is not in UTF-8, first at byte 1"), "{error}");

    for (text, words) in [
        ("Driver=Nope", "Can't open lib 'Nope' : file not found"),
        ("DSN=nope", "Data source name not found"),
    ] {
        let error = linked().connect(&super::connected(text)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.message().contains(words), "{error}");
    }
    let error = linked().connect(&values.with("password", "wrong")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
}

#[test]
fn a_driver_that_is_known_only_when_it_is_connected_is_told_the_same() {
    let (database, values) = ODBC.database("unnamed", "CREATE TABLE t (id integer PRIMARY KEY)");
    let folder = temp_dir();
    let other = folder.path().join("driver.so");
    std::os::unix::fs::symlink(odbc_driver("psqlodbcw.so"), &other).unwrap();
    let text = format!(
        "Driver={};Server=localhost;Port={};Database={};sslmode=require",
        other.display(),
        database.port(),
        database.database()
    );
    let mut connector = linked().connect(&values.with("connection_string", text.as_str())).unwrap();
    let add = Change::Add(Entry::new("t").anchor("id", 1));
    // Without a word about it the driver would undo the page with the change that fails.
    let results = connector.export(&[add.clone(), add.clone()]).unwrap();
    assert!(results[0].is_ok(), "{results:?}");
    let alone = connector.export(&[add]).unwrap();
    for result in [&results[1], &alone[0]] {
        assert_eq!(result.as_ref().unwrap_err().kind(), ErrorKind::AlreadyExists, "{result:?}");
    }
}

#[test]
fn a_database_without_savepoints_gets_a_transaction_for_each_change() {
    let (database, values) = ODBC.database(
        "ansi",
        "CREATE TABLE team (id integer PRIMARY KEY);
         CREATE TABLE t (id integer PRIMARY KEY, name varchar(20) NOT NULL,
            team integer REFERENCES team (id));
         CREATE TABLE c (t integer, v varchar(20), PRIMARY KEY (t, v));
         INSERT INTO team VALUES (1);",
    );
    let values = values
        .with("dialect", "ansi")
        .with("tables", "t, team")
        .with("multi_valued_tables", "t.values = c.v WHERE c.t = t.id");
    let mut connector = linked().connect(&values).unwrap();
    let entry = |id: i64| Entry::new("t").anchor("id", id).set("name", "n");
    let reference = Value::Reference("1".to_owned());
    let results = connector.export(&[
        Change::Add(entry(1).set("team", reference.clone()).set("values", ["a", "b"])),
        // What it did before the value that is too long is undone.
        Change::Add(entry(2).set("values", ["a", "much longer than twenty letters"])),
        Change::Add(entry(1)),
        Change::Add(entry(3)),
    ]);
    let results = results.unwrap();
    let kinds: Vec<_> = results.iter().map(|r| r.as_ref().err().map(Error::kind)).collect();
    let refused = [Some(ErrorKind::Invalid), Some(ErrorKind::AlreadyExists)];
    assert_eq!(kinds, [None, refused[0], refused[1], None], "{results:?}");
    assert_eq!(database.query("SELECT id FROM t ORDER BY id"), [["1"], ["3"]]);
    assert_eq!(database.query("SELECT t, v FROM c ORDER BY v"), [["1", "a"], ["1", "b"]]);
    let entries = import(&values);
    let first = entries.iter().find(|entry| entry.id().object_type == "t").unwrap();
    assert_eq!(first.get("team"), [reference]);
    assert_eq!(first.get("values"), ["a".into(), "b".into()]);
}
