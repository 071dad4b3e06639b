//! Object types that rows name.

use crate::support::{Database, entries, plugin};
use ecma_plugin_sdk::{Connection, prelude::*, testkit};

const PARTIES: &str = "
CREATE TABLE Person (id INTEGER PRIMARY KEY, login TEXT);
CREATE TABLE groups (id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE kind (name TEXT, \"note.text\" TEXT, number INTEGER, bytes BLOB);
CREATE VIEW kinds AS SELECT name FROM kind WHERE name <> 'robot';
CREATE VIRTUAL TABLE words USING fts5 (word);
INSERT INTO Person VALUES (1, 'ada'); INSERT INTO groups VALUES (1, 'all');
INSERT INTO kind (name) VALUES ('Team'), (' person '), (NULL), (''), ('  '), ('Team'), ('person');";
const TEAM: &str = "Team=groups";

fn types(connection: &mut Connection) -> Vec<String> {
    connection.schema().unwrap().types.into_iter().map(|one| one.name).collect()
}

#[test]
fn the_values_of_a_column_are_the_object_types_and_have_the_tables_of_their_names() {
    let database = Database::new(PARTIES);
    for (parameter, text) in [
        ("object_type_column", "kind.name"),
        ("object_type_column", "KIND.Name"),
        ("object_type_column", "kinds.name"),
        ("object_type_query", "SELECT name FROM kind WHERE name NOT IN ('robot', 'x');"),
        ("object_type_query", "SELECT 'Team' UNION ALL\n SELECT trim(name) FROM kind"),
    ] {
        let mut connection =
            database.open_with(|values| values.with(parameter, text).with("tables", TEAM));
        assert_eq!(types(&mut connection), ["Team", "person"], "{text}");
        let found = entries(&mut connection);
        let found: Vec<_> = found.iter().map(|one| one.id().object_type.as_str()).collect();
        assert_eq!(found, ["Team", "person"]);
        let person = connection.schema().unwrap().get("person").unwrap().clone();
        assert!(person.get("login").is_some(), "it is the table Person");
    }
}

#[test]
fn a_type_that_rows_name_may_be_a_query_and_a_view() {
    let database = Database::new(&format!("{PARTIES} CREATE VIEW staff AS SELECT * FROM groups;"));
    let mut connection = database.open_with(|values| {
        values
            .with("object_type_column", "kind.name")
            .with("tables", "Team=staff")
            .with("queries", vec!["person = SELECT id, title AS login FROM groups".to_owned()])
            .with("anchor", "id")
    });
    assert_eq!(types(&mut connection), ["Team", "person"]);
    assert_eq!(entries(&mut connection).len(), 2);
}

#[test]
fn object_types_stay_in_a_session_until_the_schema_is_asked_for() {
    let database = Database::new(PARTIES);
    let mut connection = database
        .open_with(|values| values.with("object_type_column", "kind.name").with("tables", TEAM));
    database.sql.execute_batch("INSERT INTO kind (name) VALUES ('groups'), ('robot')").unwrap();
    assert_eq!(entries(&mut connection).len(), 2, "an import has the types of the session");
    let error = connection.schema().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("names the type \"robot\""), "{error}");
    database.sql.execute_batch("DELETE FROM kind WHERE name = 'robot'").unwrap();
    assert_eq!(types(&mut connection), ["Team", "groups", "person"]);
    let imported = testkit::import(&mut connection, &ImportRun::full()).unwrap();
    assert_eq!(imported.changes.len(), 3);
}

#[test]
fn what_is_wrong_with_the_rows_is_said_with_the_remedy() {
    let database = Database::new(&format!(
        "{PARTIES} CREATE TABLE many (name TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO many SELECT 'type ' || i FROM n;
         CREATE TABLE cases (name TEXT); INSERT INTO cases VALUES ('Team'), ('person'), ('TEAM');
         CREATE TABLE more (name TEXT);
         INSERT INTO more VALUES ('Team'), ('person'), ('robot'), ('words');
         UPDATE kind SET bytes = x'ff';"
    ));
    for (parameter, text, expected) in [
        (
            "object_type_column",
            "kind.number",
            "has \"kind.number\", whose rows name no object type: there are none, or nothing in them",
        ),
        (
            "object_type_column",
            "kind.nmae",
            "has \"kind.nmae\", whose \"nmae\" is no column of kind, did you mean \"name\"?",
        ),
        (
            "object_type_column",
            "kinn.name",
            "has \"kinn.name\", whose \"kinn\" is no table or view, did you mean \"kind\"?",
        ),
        ("object_type_column", "name", "has \"name\", which is not written as table.column"),
        (
            "object_type_column",
            "many.name",
            "has \"many.name\", which has more than 200 different values: name where only object \
             types stand",
        ),
        (
            "object_type_column",
            "cases.name",
            "has \"cases.name\", which has \"TEAM\" and \"Team\": write an object type in one way only",
        ),
        (
            "object_type_column",
            "kind.bytes",
            "has \"kind.bytes\", which cannot be done: a value is not UTF-8",
        ),
        (
            "object_type_query",
            "SELECT name, number FROM kind",
            "has \"SELECT name, number FROM kind\", which answers 2 columns where one is read",
        ),
        (
            "object_type_query",
            "SELECT name FROM kinn",
            "has \"SELECT name FROM kinn\", which the database does not take: no such table: kinn",
        ),
        (
            "object_type_query",
            "SELECT name FROM kind\nDROP TABLE kind",
            "has \"SELECT name FROM kind\", which has 2 statements where one is read; a line of a \
             long one begins with a space",
        ),
        (
            "object_type_query",
            "DELETE FROM kind",
            "has \"DELETE FROM kind\", which the database does not take: near \"DELETE\": syntax error",
        ),
        (
            "object_type_procedure",
            "name = list_kinds",
            "has \"name = list_kinds\", which cannot be done: sqlite has no stored procedures; \
             queries take their place",
        ),
        (
            "object_type_procedure",
            "list_kinds",
            "has \"list_kinds\", which has no column and equals sign before the procedure; it is \
             written as column = procedure",
        ),
        (
            "object_type_procedure",
            "name = list_kinds\nwhat",
            "has \"name = list_kinds\", which has the line \"what\", which has no direction; it is \
             written as NAME:INPUT:VALUE or NAME:OUTPUT:ATTRIBUTE",
        ),
    ] {
        let found = database.problems(|values| values.with(parameter, text).with("tables", TEAM));
        assert_eq!(found, [format!("{parameter} {expected}")], "{text}");
    }
    let found = database
        .problems(|values| values.with("object_type_column", "more.name").with("tables", TEAM));
    let no_table = |name: &str| {
        format!(
            "object_type_column names the type \"{name}\", and there is no table or view {name}: say \
             where its entries are, as tables = [\"{name}=TABLE\"], or in queries or procedures"
        )
    };
    assert_eq!(found, [no_table("robot"), no_table("words")]);
    assert_eq!(database.rows("SELECT count(*) FROM kind"), ["7"], "nothing was written");
}

#[test]
fn entries_for_types_that_no_row_names_are_told() {
    let database = Database::new(PARTIES);
    let found = database.problems(|values| {
        values
            .with("object_type_column", "kind.name")
            .with("tables", "Team=groups, people=Person, groups")
            .with("queries", vec!["Persn = SELECT 1 AS id".to_owned()])
            .with("anchor", "id")
    });
    assert_eq!(
        found,
        [
            "tables names the type \"people\", which is none of object_type_column; there is Team, \
             person",
            "tables names the type \"groups\", which is none of object_type_column; there is Team, \
             person",
            "queries names the type \"Persn\", which is none of object_type_column, did you mean \
             \"person\"?",
        ]
    );
    // What is wrong with an entry is told once.
    let found = database.problems(|values| {
        values.with("object_type_column", "kind.name").with("tables", "Team=group")
    });
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("tables names \"Team=group\", but the tables"), "{found:?}");
}

#[test]
fn names_come_from_one_place() {
    // No database is looked at.
    let values = Values::new([("database", "nowhere.db"), ("object_type_column", "kind.name")])
        .with("object_type_query", "SELECT 1")
        .with("object_type_procedure", "a = b");
    let found: Vec<String> =
        plugin().check(&values).unwrap().iter().map(ToString::to_string).collect();
    let too_much = "is too much: one of object_type_column, object_type_query and \
                    object_type_procedure is needed";
    assert_eq!(
        found,
        [format!("object_type_query {too_much}"), format!("object_type_procedure {too_much}")]
    );
}
