//! What is imported of Microsoft's SQL connector satisfies ours, and works on a database of that shape.
#![expect(clippy::unwrap_used, reason = "tests")]

mod exchange;

use ecma_host::{
    config::Secret,
    exchange::{self as host, Here, Imported},
};
use ecma_plugin_sdk::{Answer, Plugin, Problem};
use exchange::Home;
use generic_sql::GenericSql;

#[test]
fn the_plugin_finds_nothing_wrong_once_the_secrets_are_entered() {
    for sample in ["sql-server", "sql-queries"] {
        exchange::check::<GenericSql>(&Home::new(), sample);
    }
}

/// Checks a document of a database with SQLite in its place.
fn check_on(tables: &str, sample: &str, at: usize, absent: &[&str]) -> Vec<Problem> {
    let home = Home::new();
    let database = home.folder.path().join("hr.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch(tables).unwrap();
    let (config, mut values) = home.values(&home.import(sample)[at]);
    for name in ["dsn_file", "connection_string", "user", "password"].iter().chain(absent) {
        values.remove(name);
    }
    values.set("driver", "sqlite");
    values.set("database", database.to_str().unwrap());
    Plugin::linked::<GenericSql>(&config.plugin, "0.1.0").check(&values).unwrap()
}

const EMPLOYEES: &str = "
    CREATE TABLE Employees (ContosoLogin TEXT PRIMARY KEY, AzureID TEXT, Email TEXT, Hired TEXT,
        Manager TEXT, Active TEXT, InitialPin TEXT, Changed INTEGER);
    CREATE TABLE EmployeePhone (EmployeeLogin TEXT, Phone TEXT, Changed INTEGER);";
/// SQLite has no procedures.
const PROCEDURES: [&str; 2] = ["set_password_procedures", "change_password_procedures"];

#[test]
fn tables_of_values_and_columns_are_found_where_they_are() {
    assert_eq!(check_on(EMPLOYEES, "sql-server", 0, &PROCEDURES), []);
    let without = EMPLOYEES.replace("EmployeeLogin", "Other").replace("Hired", "Begun");
    let found = check_on(&without, "sql-server", 0, &PROCEDURES);
    let at: Vec<&str> = found.iter().map(|problem| problem.at.as_str()).collect();
    assert!(at.contains(&"multi_valued_tables") && at.contains(&"date_time"), "{found:?}");
}

#[test]
fn queries_statements_and_histories_are_found_where_they_are() {
    let tables = "
        CREATE TABLE person (id INTEGER PRIMARY KEY, login TEXT, mail TEXT);
        CREATE TABLE person_history (nr INTEGER PRIMARY KEY, person_id INTEGER, operation TEXT);
        CREATE TABLE log (what TEXT);";
    assert_eq!(check_on(tables, "sql-queries", 0, &[]), []);
    let found = check_on(&tables.replace("person_id", "other"), "sql-queries", 0, &[]);
    assert!(found.iter().any(|problem| problem.at == "history_tables"), "{found:?}");
}

#[test]
fn members_of_any_type_are_found_where_they_are() {
    let tables = "
        CREATE TABLE team_base (id INTEGER PRIMARY KEY, Owner TEXT);
        CREATE TABLE team_member (team INTEGER, Member TEXT, MemberType TEXT);
        CREATE VIEW teams AS SELECT * FROM team_base;";
    // SQLite keeps no account of changes.
    assert_eq!(check_on(tables, "sql-server", 1, &["delta_strategy"]), []);
    let without = tables.replace("MemberType", "Other");
    let found = check_on(&without, "sql-server", 1, &["delta_strategy"]);
    assert!(found.iter().any(|problem| problem.at == "multi_valued_tables"), "{found:?}");
}

#[test]
fn a_document_of_ours_travels_with_what_was_imported() {
    let (from, to) = (Home::new(), Home::new());
    let one = &from.import("sql-queries")[0];
    let passphrase = Secret::from("correct horse");
    let origin = host::Origin {
        secret_parameters: None,
        name: &one.name,
        plugin_version: None,
        exported: jiff::Timestamp::UNIX_EPOCH,
    };
    let secrets = host::Secrets::Sealed { key: &from.key, passphrase: &passphrase };
    let out = host::export_document(&one.document, &origin, secrets).unwrap();
    let here = Here { home: to.folder.path(), key: &to.key, plugins: &[] };
    let arrived = host::import(out.text.as_bytes(), Some(&passphrase), None, &here).unwrap();
    let connection = |home: &Home, one: &Imported| {
        home.values(one).1.get("connection_string").and_then(Answer::as_text)
    };
    let expected = connection(&from, one);
    assert!(expected.as_ref().is_some_and(|text| text.contains("PWD=hunter22")));
    assert_eq!(connection(&to, &arrived[0]), expected);
}
