//! The contract, kept by the connector linked in and as a library: keys of the database's making
//! and of ours, changes by attribute and by row, with and without deltas.
#![expect(clippy::unwrap_used, reason = "tests")]

use ecma_plugin_sdk::{prelude::*, testkit::*};
use generic_sql::GenericSql;

const PEOPLE: &str = "
CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT,
    enabled BOOLEAN NOT NULL DEFAULT 1,
    hired DATETIME,
    photo BLOB,
    phones TEXT,
    shown TEXT AS (login || ' ' || name),
    changed INTEGER
);
CREATE TRIGGER added AFTER INSERT ON person BEGIN
    UPDATE person SET changed = (SELECT coalesce(max(changed), 0) + 1 FROM person) WHERE id = new.id;
END;
CREATE TRIGGER updated AFTER UPDATE ON person
    WHEN (old.login, old.name) IS NOT (new.login, new.name) BEGIN
    UPDATE person SET changed = (SELECT max(changed) + 1 FROM person) WHERE id = new.id;
END;
INSERT INTO person (login, name, hired) VALUES
    ('ada', 'Ada', '1843-10-01 12:00:00'), ('grace', 'Grace', NULL), ('edsger', 'Edsger', NULL);
CREATE TABLE device (site TEXT, number INTEGER, owner INTEGER REFERENCES person, note TEXT,
    PRIMARY KEY (site, number)) WITHOUT ROWID;
INSERT INTO device VALUES ('a', 1, 1, 'one'), ('a', 2, 2, 'two'), ('b', 1, NULL, 'three');";

fn verify(plugin: Plugin, sample: Entry, adapt: impl FnOnce(Values) -> Values) {
    let dir = temp_dir();
    let path = dir.path().join("people.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(PEOPLE).unwrap();
    let values = Values::new([("database", path.to_str().unwrap())])
        .with("read_only_columns", "changed")
        .with("multi_valued", "phones")
        .with("multi_value_separator", ";");
    Contract::new(plugin, adapt(values)).sample(sample).verify();
}

fn person() -> Entry {
    Entry::new("person")
        .set("login", "marvin")
        .set("name", "Marvin")
        .set("enabled", false)
        .set("hired", "1978-03-08T22:30:00Z")
        .set("photo", vec![0_u8, 255])
        .set("phones", ["42", "43"])
}

fn device() -> Entry {
    let owner = Value::Reference("3".to_owned());
    Entry::new("device")
        .anchor("site", "c")
        .anchor("number", 7)
        .set("owner", owner)
        .set("note", "x")
}

fn linked() -> Plugin {
    Plugin::linked::<GenericSql>("generic-sql", "0")
}

fn library() -> Plugin {
    Plugin::load(&built_library("generic-sql")).unwrap()
}

#[test]
fn linked_with_a_generated_key() {
    verify(linked(), person(), |values| values);
}

#[test]
fn as_library_with_a_generated_key() {
    verify(library(), person(), |values| values);
}

#[test]
fn linked_with_a_key_of_two_columns() {
    verify(linked(), device(), |values| values);
}

#[test]
fn as_library_with_a_key_of_two_columns() {
    verify(library(), device(), |values| values);
}

#[test]
fn linked_with_deltas() {
    let only = |values: Values| values.with("tables", "person").with("watermark_column", "changed");
    verify(linked(), person(), only);
}

#[test]
fn as_library_with_deltas_and_whole_rows() {
    verify(library(), person(), |values| {
        values
            .with("tables", "person")
            .with("watermark_column", "changed")
            .with("export_object_replace", true)
    });
}

#[test]
fn linked_with_an_anchor_of_choice() {
    let sample = person().anchor("login", "marvin").set("login", None::<&str>);
    verify(linked(), sample, |values| values.with("anchor", "person.login"));
}
