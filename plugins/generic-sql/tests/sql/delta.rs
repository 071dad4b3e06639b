//! Delta imports by a watermark column.

use crate::support::Database;
use ecma_plugin_sdk::{Connection, prelude::*, testkit::import};

const PEOPLE: &str = "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, changed TEXT);
    INSERT INTO person VALUES (1, 'a', '2026-01-01 10:00:00'), (2, 'b', '2026-01-01 10:00:01'),
        (3, 'c', '2026-01-01 10:00:01');";

fn open(database: &Database) -> Connection {
    database.open_with(|values| values.with("watermark_column", "changed"))
}

fn full(connection: &mut Connection) -> Watermark {
    import(connection, &ImportRun::full()).unwrap().watermark.unwrap()
}

/// Names in the delta, and the next watermark.
fn delta(connection: &mut Connection, since: &Watermark) -> (Vec<String>, Watermark) {
    let imported = import(connection, &ImportRun::delta(since.clone())).unwrap();
    assert_eq!(imported.refused, []);
    let name = |change: &Change| change.text("name").unwrap().to_owned();
    (imported.changes.iter().map(name).collect(), imported.watermark.unwrap())
}

#[test]
fn rows_with_the_last_value_are_neither_lost_nor_repeated() {
    let database = Database::new(PEOPLE);
    let mut connection = open(&database);
    let since = full(&mut connection);
    assert_eq!(delta(&mut connection, &since), (vec![], since.clone()), "nothing changed");

    let run = |sql| database.sql.execute_batch(sql).unwrap();
    run("INSERT INTO person VALUES (4, 'd', '2026-01-01 10:00:01')");
    let (names, since) = delta(&mut connection, &since);
    assert_eq!(names, ["d"], "a row of the same second");

    run("UPDATE person SET name = 'B' WHERE id = 2");
    let (names, since) = delta(&mut connection, &since);
    assert_eq!(names, ["B"], "a known row changed again in the same second");

    run("UPDATE person SET name = 'A', changed = '2026-01-01 10:00:02' WHERE id = 1;
         DELETE FROM person WHERE id = 3");
    let (names, since) = delta(&mut connection, &since);
    assert_eq!(names, ["A"], "a deleted row is not seen");
    assert_eq!(delta(&mut connection, &since), (vec![], since.clone()));

    run(
        "DELETE FROM person WHERE id = 1; INSERT INTO person VALUES (9, 'e', '2026-01-01 10:00:02')",
    );
    assert_eq!(delta(&mut connection, &since).0, ["e"], "also when the last value went in between");
}

#[test]
fn numbers_and_fractions_are_watermarks_too() {
    for (last, next) in
        [("41", "42"), ("0.1", "0.30000000000000004"), ("9007199254740993", "9007199254740994")]
    {
        let database = Database::new(&format!(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, changed NUMERIC);
             INSERT INTO person VALUES (1, 'a', {last})"
        ));
        let mut connection = open(&database);
        let since = full(&mut connection);
        assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new(), "{last}");
        database.sql.execute_batch(&format!("INSERT INTO person VALUES (2, 'b', {next})")).unwrap();
        let (names, since) = delta(&mut connection, &since);
        assert_eq!(names, ["b"], "{next}");
        assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new(), "{next}");
    }
}

#[test]
fn an_empty_table_begins_a_delta() {
    let database =
        Database::new("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, changed INT)");
    let mut connection = open(&database);
    let since = full(&mut connection);
    database.sql.execute_batch("INSERT INTO person VALUES (1, 'a', 5), (2, 'b', NULL)").unwrap();
    assert_eq!(delta(&mut connection, &since).0, ["a"], "NULL is no point in time");
}

#[test]
fn very_many_rows_with_the_last_value_come_again() {
    let database = Database::new(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, changed INT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)
         INSERT INTO person SELECT i, 'n', 7 FROM n",
    );
    let mut connection = open(&database);
    let since = full(&mut connection);
    assert!(since.as_str().len() < 200, "the watermark stays short");
    assert_eq!(delta(&mut connection, &since).0.len(), 10_001, "and nothing is lost");
    database.sql.execute_batch("UPDATE person SET changed = 8 WHERE id = 3").unwrap();
    let (names, since) = delta(&mut connection, &since);
    assert_eq!(names.len(), 10_001);
    assert_eq!(delta(&mut connection, &since).0.len(), 0, "until a greater value comes");
}

#[test]
fn a_delta_needs_a_watermark_of_its_own() {
    let database = Database::new(PEOPLE);
    let run = ImportRun::delta(Watermark::new("yesterday"));
    let foreign = import(&mut open(&database), &run).err().unwrap();
    assert_eq!(foreign.kind(), ErrorKind::Conflict, "the host makes a full import then");
    let since = full(&mut open(&database));
    let none = import(&mut database.open(), &ImportRun::delta(since)).err().unwrap();
    assert_eq!(none.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_query_says_how_far_an_import_comes_and_nothing_at_the_border_is_lost() {
    let database = Database::new(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, changed INT);
         CREATE TABLE clock (now INT);
         INSERT INTO clock VALUES (10);
         INSERT INTO person VALUES (1, 'a', 9), (2, 'b', 10), (3, 'c', 11);",
    );
    let mut connection = database.open_with(|values| {
        values.with("watermark_column", "changed").with("watermark_query", "SELECT now FROM clock;")
    });
    let since = full(&mut connection);
    let run = |sql| database.sql.execute_batch(sql).unwrap();
    assert_eq!(delta(&mut connection, &since), (vec![], since.clone()), "nothing changed");

    run("INSERT INTO person VALUES (4, 'd', 10); UPDATE person SET name = 'C' WHERE id = 3");
    let (names, since) = delta(&mut connection, &since);
    assert_eq!(names, ["C", "d"], "at the border and beyond it");
    run("UPDATE clock SET now = 20; INSERT INTO person VALUES (5, 'e', 15)");
    let (names, since) = delta(&mut connection, &since);
    assert_eq!(names, ["e"]);
    run("INSERT INTO person VALUES (6, 'f', 20), (7, 'late', 12)");
    assert_eq!(delta(&mut connection, &since).0, ["f"], "what is before the mark was promised");
}

#[test]
fn a_query_that_answers_no_single_value_is_told() {
    let database = Database::new(PEOPLE);
    for (query, words) in [
        ("SELECT NULL", "watermark_query answers nothing; it answers one value, not NULL"),
        ("SELECT id FROM person WHERE id > 99", "watermark_query answers nothing"),
        ("SELECT 1, 2", "watermark_query does not work: "),
        ("SELECT nothing", "watermark_query does not work: "),
    ] {
        let mut connection = database.open_with(|values| {
            values.with("watermark_column", "changed").with("watermark_query", query)
        });
        let error = import(&mut connection, &ImportRun::full()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config, "{query}");
        assert!(error.message().contains(words), "{query}: {error:?}");
    }
}
