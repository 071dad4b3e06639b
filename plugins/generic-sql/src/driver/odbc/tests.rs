//! What the driver can do that no connector asks for yet, and a database that nobody knows.

use super::*;
use crate::{
    driver::{Argument, Direction, Storage},
    statement::Source,
};
use ecma_plugin_sdk::{AttributeType, Config as _, Values, testkit::temp_dir};
use std::sync::LazyLock;
use targets::{Mariadb, odbc_driver};

static SERVER: LazyLock<Mariadb> = LazyLock::new(Mariadb::start);

fn open(values: Values) -> Odbc {
    let settings = Settings::read(&values.with("driver", "odbc")).unwrap();
    Odbc::open(&settings).map_err(Error::from).unwrap()
}

/// A new database of MariaDB with these tables and procedures.
fn mariadb(name: &str, sql: &str) -> Odbc {
    let database = SERVER.fresh_database(name);
    database.sql(sql);
    let text = format!(
        "Driver={};Server=127.0.0.1;Port={};Database={name};SSLCA={};SSLVERIFY=1;FORCETLS=1",
        odbc_driver("libmaodbc.so"),
        database.port(),
        database.ca_pem().display()
    );
    let values = Values::new([("connection_string", text.as_str())]);
    open(values.with("user", database.user()).with("password", database.password()))
}

fn argument(name: &str, value: Scalar, direction: Direction) -> Argument {
    Argument { name: name.to_owned(), value, direction }
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}

/// The first value of each row, the names of columns, and what was answered.
type Outcome = (Vec<Scalar>, Vec<String>, Vec<(String, Scalar)>);

fn call(odbc: &Odbc, name: &str, arguments: &[Argument]) -> Result<Outcome, Error> {
    let mut rows = Vec::new();
    let call = Call { name, arguments, is_named: false };
    let called = odbc.call(&call, &mut |cells, columns| {
        assert!(!columns.is_empty());
        rows.push(Scalar::of(cells.cell(0)));
        Ok(())
    })?;
    let names = called.columns.into_iter().map(|column| column.name).collect();
    Ok((rows, names, called.outputs))
}

#[test]
fn a_query_is_described_and_does_not_run() {
    let odbc = mariadb(
        "described",
        "CREATE TABLE t (id bigint PRIMARY KEY, name varchar(20), born datetime, photo blob,
            exact decimal(9, 2), part double);
         CREATE TABLE ran (id integer);
         DELIMITER //
         CREATE FUNCTION run() RETURNS integer BEGIN INSERT INTO ran VALUES (1); RETURN 1; END//",
    );
    let columns = odbc
        .columns("SELECT id, name, born, photo, exact, part, run() AS runs FROM t WHERE id > 0")
        .map_err(Error::from)
        .unwrap();
    let columns: Vec<_> = columns.iter().map(|c| (c.name.as_str(), c.kind, c.storage)).collect();
    assert_eq!(
        columns,
        [
            ("id", AttributeType::Integer, Storage::Integer),
            ("name", AttributeType::Text, Storage::Text),
            ("born", AttributeType::DateTime, Storage::Text),
            ("photo", AttributeType::Binary, Storage::Bytes),
            ("exact", AttributeType::Text, Storage::Numeric),
            ("part", AttributeType::Text, Storage::Real),
            ("runs", AttributeType::Integer, Storage::Integer),
        ]
    );
    odbc.query("SELECT count(*) FROM ran", &[], &mut |cells| {
        assert_eq!(cells.cell(0), Cell::Integer(0));
        Ok(())
    })
    .map_err(Error::from)
    .unwrap();
    let failure = Error::from(odbc.columns("SELECT nothing FROM t").unwrap_err());
    assert_eq!(failure.kind(), ecma_plugin_sdk::ErrorKind::Invalid, "{failure}");
}

#[test]
fn a_statement_is_described_once_until_it_fails_or_the_catalog_is_read() {
    let odbc = mariadb("described_once", "CREATE TABLE t (id integer PRIMARY KEY, a integer)");
    const SQL: &str = "SELECT * FROM t WHERE id = ?";
    let width = || odbc.columns(SQL).map(|columns| columns.len()).map_err(Error::from);
    let other = |sql| odbc.run(sql).map_err(Error::from).unwrap();
    assert_eq!(width(), Ok(2));
    other("ALTER TABLE t ADD b integer");
    assert_eq!(width(), Ok(2), "it is not asked for again");
    odbc.describe().map_err(Error::from).unwrap();
    assert_eq!(width(), Ok(3));
    other("ALTER TABLE t DROP b");
    other("ALTER TABLE t RENAME TO gone");
    let failed = odbc.query(SQL, &[Scalar::Integer(1)], &mut nothing);
    assert!(failed.is_err());
    other("ALTER TABLE gone RENAME TO t");
    assert_eq!(width(), Ok(2));
}

#[test]
fn a_procedure_reads_and_writes_its_arguments_and_answers_rows() {
    let odbc = mariadb(
        "called",
        "CREATE TABLE t (id integer AUTO_INCREMENT PRIMARY KEY, login varchar(20), age integer);
         DELIMITER //
         CREATE PROCEDURE added(IN login varchar(20), IN age integer, OUT id integer,
            INOUT note varchar(90))
         BEGIN
            INSERT INTO t (login, age) VALUES (login, age);
            SET id = LAST_INSERT_ID(); SET note = concat(note, ': ', login);
         END//
         CREATE PROCEDURE everybody(IN least integer)
         BEGIN SELECT login FROM t WHERE age >= least ORDER BY login; END//
         CREATE PROCEDURE refused() SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'//",
    );
    for (number, login) in [(1, "😀"), (2, "ada")] {
        let arguments = [
            argument("login", text(login), Direction::Input),
            argument("age", Scalar::Integer(36), Direction::Input),
            argument("id", Scalar::Integer(0), Direction::Output),
            argument("note", text("new"), Direction::Both),
        ];
        // This driver hands over what is written as a row too, behind those of the procedure.
        let (rows, _, outputs) = call(&odbc, "added", &arguments).unwrap();
        assert_eq!(rows, [Scalar::Integer(number)]);
        let note = text(&format!("new: {login}"));
        assert_eq!(
            outputs,
            [("id".to_owned(), Scalar::Integer(number)), ("note".to_owned(), note)]
        );
    }
    let least = [argument("least", Scalar::Integer(1), Direction::Input)];
    let (rows, columns, _) = call(&odbc, "everybody", &least).unwrap();
    assert_eq!((rows, columns), (vec![text("ada"), text("😀")], vec!["login".to_owned()]));
    let null = [argument("least", Scalar::Null, Direction::Input)];
    let (rows, columns, _) = call(&odbc, "everybody", &null).unwrap();
    assert_eq!((rows, columns), (Vec::new(), vec!["login".to_owned()]));

    let refused = call(&odbc, "refused", &[]).unwrap_err();
    assert!(refused.message().contains("not today"), "{refused}");
    let order = [
        argument("a", Scalar::Null, Direction::Output),
        argument("b", Scalar::Integer(1), Direction::Input),
    ];
    let refused = call(&odbc, "p", &order).unwrap_err();
    assert!(refused.message().contains("behind at most 20 others"), "{refused}");
    // The connection goes on.
    assert_eq!(call(&odbc, "everybody", &least).map(|(rows, ..)| rows.len()), Ok(2));
}

#[test]
fn rows_that_nobody_wants_any_more_are_not_read_and_the_connection_goes_on() {
    let odbc = mariadb("stopped", "CREATE TABLE t (id integer)");
    let mut seen = 0;
    let stopped = odbc.query("SELECT seq FROM seq_1_to_100000", &[], &mut |_| {
        seen += 1;
        match seen {
            150 => Err(Error::cancelled().into()),
            _ => Ok(()),
        }
    });
    assert_eq!(Error::from(stopped.unwrap_err()), Error::cancelled());
    assert_eq!(seen, 150);
    odbc.alive().map_err(Error::from).unwrap();
}

#[test]
fn a_database_that_nobody_knows_is_described_by_odbc_and_changed_without_savepoints() {
    let folder = temp_dir();
    let path = folder.path().join("x.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, login VARCHAR(20) NOT NULL,
                boss INTEGER REFERENCES person (id), hired TIMESTAMP);
             CREATE VIEW shown AS SELECT login FROM person;",
        )
        .unwrap();
    let text = format!("Driver={};Database={}", odbc_driver("libsqlite3odbc.so"), path.display());
    let odbc = open(Values::new([("connection_string", text.as_str()), ("dialect", "ansi")]));
    let tables = odbc.describe().map_err(Error::from).unwrap();
    let [person, shown] = &tables[..] else { panic!("{tables:?}") };
    assert_eq!((person.name.as_str(), person.unfit), ("person", None));
    assert_eq!((shown.name.as_str(), &shown.source), ("shown", &Source::View));
    let columns: Vec<_> = person
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.kind, c.primary_key, c.not_null))
        .collect();
    assert_eq!(
        columns,
        [
            ("id", AttributeType::Integer, true, false),
            ("login", AttributeType::Text, false, true),
            ("boss", AttributeType::Integer, false, false),
            ("hired", AttributeType::DateTime, false, false),
        ]
    );
    let [reference] = &person.foreign[..] else { panic!("{person:?}") };
    assert_eq!((reference.column, reference.table.as_str()), (2, "person"));
    assert!(odbc.dialect().savepoints().is_none());
    odbc.alive().map_err(Error::from).unwrap();
}
