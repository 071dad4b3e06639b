//! Points in time in the zone and notation of the settings, words for booleans, and the time that a
//! statement may take.

use crate::support::{Database, add, entries, export, failure, id, update};
use ecma_plugin_sdk::{prelude::*, testkit::import};

const TABLE: &str = "CREATE TABLE person (id INTEGER PRIMARY KEY, hired DATETIME, seen TEXT,
    since INTEGER, active TEXT, member TEXT, flag BOOLEAN);";

fn settings(values: Values) -> Values {
    values
        .with("date_time", "seen, since")
        .with("boolean", "active, member")
        .with("time_zone", "W. Europe Standard Time")
}

#[test]
fn points_in_time_are_local_inside_and_utc_outside() {
    let database = Database::new(&format!(
        "{TABLE} INSERT INTO person (id, hired, seen, since) VALUES
            (1, '2026-07-31 08:30:00', '2026-07-31T08:30:00-05:00', 1785479400);"
    ));
    let mut connection = database.open_with(settings);
    let now = "2026-07-31T06:30:00Z";
    let found = entries(&mut connection).remove(0);
    assert_eq!(found.text("hired"), Some(now));
    assert_eq!(found.text("seen"), Some("2026-07-31T13:30:00Z"), "with an offset it is absolute");
    assert_eq!(found.text("since"), Some(now), "seconds since 1970 are of UTC");
    let entry = Entry::new("person").anchor("id", 2);
    let entry = entry.set("hired", now).set("seen", now).set("since", now);
    let exported = export(&mut connection, add(entry)).unwrap();
    assert_eq!(exported.entry.unwrap().text("hired"), Some(now));
    assert_eq!(
        database.rows("SELECT hired, seen, since FROM person WHERE id = 2"),
        ["'2026-07-31 08:30:00'|'2026-07-31 08:30:00'|1785479400"]
    );
}

#[test]
fn a_notation_of_dates_is_kept_and_what_does_not_fit_refuses_its_row() {
    let database = Database::new(&format!(
        "{TABLE} INSERT INTO person (id, seen) VALUES
            (1, '31/Jul/2026 08:30'), (2, '31/jul/2026 25:30'), (3, '2026-07-31 08:30:00');"
    ));
    let mut connection =
        database.open_with(|values| settings(values).with("date_time_format", "dd/MMM/yyyy HH:mm"));
    let imported = import(&mut connection, &ImportRun::full()).unwrap();
    let [Change::Add(entry)] = &imported.changes[..] else { panic!("{:?}", imported.changes) };
    assert_eq!(entry.text("seen"), Some("2026-07-31T06:30:00Z"));
    let places: Vec<&str> = imported.refused.iter().map(|refused| refused.place.as_str()).collect();
    assert_eq!(places, ["table person, row id 2", "table person, row id 3"]);
    let change = update(id("person", "id", 1)).set("seen", "2026-12-31T23:30:00Z");
    export(&mut connection, Change::Update(change)).unwrap();
    let rows = database.rows("SELECT seen FROM person WHERE id = 1");
    assert_eq!(rows, ["'01/Jan/2027 00:30'"]);
}

#[test]
fn booleans_have_words_in_columns_of_text() {
    let database = Database::new(&format!(
        "{TABLE} INSERT INTO person (id, active, member, flag) VALUES
            (1, 'j', 'Y', 1), (2, 'N', 'no', 0), (3, 'true', 'maybe', 1);"
    ));
    let mut connection = database
        .open_with(|values| settings(values).with("boolean_words", "Y/N, person.active=J/N"));
    let imported = import(&mut connection, &ImportRun::full()).unwrap();
    let truths: Vec<_> = imported
        .changes
        .iter()
        .map(|change| match change {
            Change::Add(entry) => ["active", "member", "flag"].map(|name| entry.get(name).to_vec()),
            other => panic!("{other:?}"),
        })
        .collect();
    let [yes, no] = [true, false].map(|truth| vec![Value::Boolean(truth)]);
    assert_eq!(
        truths,
        [[yes.clone(), yes.clone(), yes.clone()], [no.clone(), no.clone(), no.clone()]]
    );
    assert_eq!(imported.refused.len(), 1, "maybe is no truth");
    let change = update(id("person", "id", 1));
    let change = change.set("active", false).set("member", true).set("flag", false);
    export(&mut connection, Change::Update(change)).unwrap();
    let rows = database.rows("SELECT active, member, flag FROM person WHERE id = 1");
    assert_eq!(rows, ["'N'|'Y'|0"], "a column that is no text keeps its numbers");
}

#[test]
fn settings_of_values_that_do_not_fit_are_told() {
    let database = Database::new(TABLE);
    for (name, value, expected) in [
        (
            "time_zone",
            "Europe/Berln",
            "time_zone is \"Europe/Berln\", which is no time zone, did you mean \"Europe/Berlin\"?",
        ),
        (
            "time_zone",
            "W Europe Standard Time",
            "time_zone is \"W Europe Standard Time\", which is no time zone, did you mean \
             \"W. Europe Standard Time\"?",
        ),
        (
            "date_time_format",
            "yyyy-MM-dd HHxmm",
            "date_time_format has \"x\" at 14, which means nothing; what is meant as it is stands \
             in single quotes",
        ),
        (
            "boolean_words",
            "Y",
            "boolean_words has \"Y\", which is not two different words with a slash between them, \
             as Y/N or person.active=Y/N",
        ),
        ("boolean_words", "Y/N, J/N", "boolean_words has words for all columns twice"),
        (
            "boolean_words",
            "nothing=Y/N",
            "boolean_words names \"nothing\", which is no column of person",
        ),
        (
            "boolean_words",
            "flag=Y/N",
            "boolean_words names \"flag\", which is no boolean in a column of text",
        ),
        (
            "command_timeout_seconds",
            "90000",
            "command_timeout_seconds is more than 86400 seconds, a day",
        ),
    ] {
        let found = database.problems(|values| values.with(name, value));
        assert_eq!(found, [expected], "{name} {value}");
    }
}

#[test]
fn a_statement_that_takes_too_long_is_ended_and_undone() {
    let endless = "(SELECT count(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1
        FROM n) SELECT i FROM n))";
    let database = Database::new(&format!(
        "{TABLE} CREATE TRIGGER slow AFTER INSERT ON person WHEN new.active = 'slow' BEGIN
            UPDATE person SET since = {endless}; END;"
    ));
    let mut connection = database.open_with(|values| values.with("command_timeout_seconds", 3));
    let person =
        |key: i64, active| add(Entry::new("person").anchor("id", key).set("active", active));
    let results = connection.export(&[person(1, "a"), person(2, "slow"), person(3, "b")]).unwrap();
    let [first, slow, last] = &results[..] else { panic!("{results:?}") };
    assert!(first.is_ok() && last.is_ok(), "{results:?}");
    assert_eq!(failure(slow.clone()), (ErrorKind::Timeout, None));
    assert_eq!(database.rows("SELECT id FROM person ORDER BY id"), ["1", "3"]);
}
