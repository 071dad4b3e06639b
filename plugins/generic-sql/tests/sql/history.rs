//! Delta imports by a history table, filled by the triggers that the script of the documentation
//! prints, or by hand where the order of things matters.

use crate::support::{Database, id};
use ecma_plugin_sdk::{Connection, prelude::*, testkit::import};
use rusqlite::named_params;

const PEOPLE: &str = "
    CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO person VALUES (1, 'a'), (2, 'b'), (3, 'c');";

/// A history of which nothing is written by itself.
const BY_HAND: &str = "
    CREATE TABLE log (number INTEGER, person INTEGER, what TEXT);
    INSERT INTO log VALUES (1, 1, 'Add'), (2, 2, 'Add'), (3, 3, 'Add');";

const SCRIPT: &str = include_str!("../../../../docs/databases/delta-triggers-sqlite.sql");

/// What the script of the documentation prints.
fn script(database: &Database, table: &str, child: Option<(&str, &str)>) -> Vec<String> {
    let mut statement = database.sql.prepare(SCRIPT).unwrap();
    let child = child.unzip();
    let values = named_params! { ":table": table, ":child": child.0, ":join": child.1 };
    let lines = statement.query_map(values, |row| row.get::<_, String>(0)).unwrap();
    lines.map(Result::unwrap).collect()
}

/// Runs what the script of the documentation prints.
fn install(database: &Database, table: &str, child: Option<(&str, &str)>) {
    let lines = script(database, table, child);
    assert!(lines.len() > 4, "{lines:?}");
    database.sql.execute_batch(&lines.join("\n")).unwrap();
}

/// The settings for histories that the script makes, by tables and the columns of their keys.
fn by_script(values: Values, keys: &[(&str, &[&str])]) -> Values {
    let entry = |(table, columns): &(&str, &[&str])| {
        let pair = |column: &&str| format!("{table}_history.key_{column} = {table}.{column}");
        let join: Vec<String> = columns.iter().map(pair).collect();
        format!("{table} = {table}_history WHERE {}", join.join(" AND "))
    };
    let tables: Vec<String> = keys.iter().map(entry).collect();
    values
        .with("delta_strategy", "history")
        .with("history_tables", tables.join(", "))
        .with("history_operation_column", "operation")
}

fn by_hand(values: Values) -> Values {
    values
        .with("delta_strategy", "history")
        .with("history_tables", "person = log WHERE log.person = person.id")
        .with("history_watermark_column", "number")
        .with("history_operation_column", "what")
}

fn full(connection: &mut Connection) -> Watermark {
    import(connection, &ImportRun::full()).unwrap().watermark.unwrap()
}

/// What a delta brings, as `+1=a` or `-1`, and the next watermark.
fn delta(connection: &mut Connection, since: &Watermark) -> (Vec<String>, Watermark) {
    let imported = import(connection, &ImportRun::delta(since.clone())).unwrap();
    assert_eq!(imported.refused, []);
    let shown = |change: &Change| {
        let key: Vec<String> =
            change.id().anchor.iter().map(|(_, value)| value.to_string()).collect();
        match change {
            Change::Add(entry) => {
                format!("+{}={}", key.join("/"), entry.text("name").unwrap_or_default())
            }
            Change::Delete { .. } => format!("-{}", key.join("/")),
            other => panic!("neither an entry nor a delete: {other:?}"),
        }
    };
    let mut changes: Vec<String> = imported.changes.iter().map(shown).collect();
    changes.sort();
    (changes, imported.watermark.unwrap())
}

#[test]
fn what_happened_comes_once_as_it_is_now() {
    let database = Database::new(PEOPLE);
    install(&database, "person", None);
    let mut connection = database.open_with(|values| by_script(values, &[("person", &["id"])]));
    let mut since = full(&mut connection);
    for (sql, expected) in [
        ("", &[][..]),
        ("INSERT INTO person VALUES (4, 'd')", &["+4=d"]),
        ("", &[]),
        ("UPDATE person SET name = 'B' WHERE id = 2", &["+2=B"]),
        (
            "UPDATE person SET name = 'x'; UPDATE person SET name = 'y' WHERE id = 1",
            &["+1=y", "+2=x", "+3=x", "+4=x"],
        ),
        ("DELETE FROM person WHERE id = 3", &["-3"]),
        ("", &[]),
        ("DELETE FROM person WHERE id = 1; INSERT INTO person VALUES (1, 'new')", &["+1=new"]),
        ("UPDATE person SET id = 9 WHERE id = 4", &["+9=x", "-4"]),
        ("INSERT INTO person VALUES (5, 'e'); DELETE FROM person WHERE id = 5", &["-5"]),
        ("INSERT INTO person VALUES (3, 'again')", &["+3=again"]),
        ("DELETE FROM person WHERE id = 3", &["-3"]),
        ("", &[]),
    ] {
        database.sql.execute_batch(sql).unwrap();
        let (changes, next) = delta(&mut connection, &since);
        assert_eq!(changes, expected, "{sql}");
        since = next;
    }
}

#[test]
fn a_change_that_is_undone_is_told_because_an_export_may_stand_between() {
    let database = Database::new(PEOPLE);
    install(&database, "person", None);
    let mut connection = database.open_with(|values| by_script(values, &[("person", &["id"])]));
    database.sql.execute_batch("UPDATE person SET name = 'A' WHERE id = 1").unwrap();
    let since = full(&mut connection);
    let other = "UPDATE person SET name = 'other' WHERE id = 1";
    database.sql.execute_batch(other).unwrap();
    database.sql.execute_batch("UPDATE person SET name = 'A' WHERE id = 1").unwrap();
    assert_eq!(delta(&mut connection, &since).0, ["+1=A"]);
}

#[test]
fn a_key_of_several_columns_names_what_is_gone() {
    let database = Database::new(
        "CREATE TABLE device (site TEXT, number INTEGER, name TEXT, PRIMARY KEY (site, number))
            WITHOUT ROWID;
         INSERT INTO device VALUES ('a', 1, 'x'), ('a', 2, 'y'), ('b', 1, 'z');",
    );
    install(&database, "device", None);
    let keys: &[&str] = &["site", "number"];
    let mut connection = database.open_with(|values| by_script(values, &[("device", keys)]));
    let since = full(&mut connection);
    database
        .sql
        .execute_batch(
            "DELETE FROM device WHERE site = 'a' AND number = 1;
             UPDATE device SET name = 'Z' WHERE site = 'b';
             UPDATE device SET number = 7 WHERE site = 'a';",
        )
        .unwrap();
    assert_eq!(delta(&mut connection, &since).0, ["+a/7=y", "+b/1=Z", "-a/1", "-a/2"]);
}

#[test]
fn rows_of_child_tables_touch_their_owner() {
    let database = Database::new(
        "CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE member (team INTEGER, person INTEGER, PRIMARY KEY (team, person));
         INSERT INTO team VALUES (1, 'one'), (2, 'two'), (3, 'three');
         INSERT INTO member VALUES (1, 5), (2, 5), (3, 5);",
    );
    install(&database, "team", None);
    install(&database, "team", Some(("member", "team=id")));
    let mut connection = database.open_with(|values| {
        by_script(values, &[("team", &["id"])])
            .with("multi_valued_tables", "team.members = member.person WHERE member.team = team.id")
    });
    let schema = connection.schema().unwrap();
    assert_eq!(schema.types.len(), 1, "neither history nor child table is an object type");
    let mut since = full(&mut connection);
    for (sql, expected) in [
        ("INSERT INTO member VALUES (1, 6)", &["+1=one"][..]),
        ("DELETE FROM member WHERE team = 2", &["+2=two"]),
        ("UPDATE member SET team = 2 WHERE team = 3", &["+2=two", "+3=three"]),
        ("UPDATE member SET person = 8 WHERE team = 1 AND person = 6", &["+1=one"]),
        ("DELETE FROM member WHERE team = 1; DELETE FROM team WHERE id = 1", &["-1"]),
        ("", &[]),
    ] {
        database.sql.execute_batch(sql).unwrap();
        let imported = import(&mut connection, &ImportRun::delta(since.clone())).unwrap();
        for change in &imported.changes {
            if let Change::Add(entry) = change {
                let read = connection.read(&[entry.id().clone()]).unwrap().remove(0);
                assert_eq!(read.as_ref(), Some(entry), "an entry comes whole");
            }
        }
        let (changes, next) = delta(&mut connection, &since);
        assert_eq!(changes, expected, "{sql}");
        since = next;
    }
}

#[test]
fn a_lower_number_that_becomes_visible_later_is_not_lost() {
    let database = Database::new(&format!("{PEOPLE}{BY_HAND}"));
    let mut connection = database.open_with(by_hand);
    database.sql.execute_batch("INSERT INTO log VALUES (12, 1, 'Update')").unwrap();
    let since = full(&mut connection);
    database
        .sql
        .execute_batch(
            "UPDATE person SET name = 'B' WHERE id = 2; INSERT INTO log VALUES (11, 2, 'Update');
             DELETE FROM person WHERE id = 3; INSERT INTO log VALUES (10, 3, 'Delete')",
        )
        .unwrap();
    let (changes, since) = delta(&mut connection, &since);
    assert_eq!(changes, ["+2=B", "-3"]);
    assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new());
}

#[test]
fn a_look_back_is_as_far_as_is_said() {
    let database = Database::new(&format!("{PEOPLE}{BY_HAND}"));
    let overlap = |far: i64| move |values: Values| by_hand(values).with("history_overlap", far);
    database.sql.execute_batch("INSERT INTO log VALUES (100, 1, 'Update')").unwrap();
    let (mut near, mut far) = (database.open_with(overlap(5)), database.open_with(overlap(50)));
    let (since_near, since_far) = (full(&mut near), full(&mut far));
    database.sql.execute_batch("INSERT INTO log VALUES (60, 2, 'Update')").unwrap();
    assert_eq!(delta(&mut near, &since_near).0, Vec::<String>::new());
    assert_eq!(delta(&mut far, &since_far).0, ["+2=b"]);
}

#[test]
fn points_in_time_that_are_equal_lose_nothing() {
    for (first, next) in [
        ("'2026-01-01 10:00:00'", "'2026-01-01 10:00:01'"),
        ("'2026-01-01T10:00:00.5Z'", "'2026-01-01T10:00:01.0Z'"),
        ("1767261600", "1767261601"),
    ] {
        let database = Database::new(&format!(
            "{PEOPLE}CREATE TABLE log (number NUMERIC, person INTEGER, what TEXT);
             INSERT INTO log VALUES ({first}, 1, 'Update');"
        ));
        let mut connection = database.open_with(by_hand);
        let since = full(&mut connection);
        let insert = |moment: &str, person: i64| {
            let sql = format!("INSERT INTO log VALUES ({moment}, {person}, 'Update')");
            database.sql.execute_batch(&sql).unwrap();
        };
        insert(first, 2);
        let (changes, since) = delta(&mut connection, &since);
        assert_eq!(changes, ["+2=b"], "{first}");
        insert(first, 2);
        let (changes, since) = delta(&mut connection, &since);
        assert_eq!(changes, ["+2=b"], "the same row once more");
        insert(next, 3);
        let (changes, since) = delta(&mut connection, &since);
        assert_eq!(changes, ["+3=c"], "{next}");
        assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new());
    }
}

#[test]
fn rows_of_the_history_may_be_removed_below_the_mark() {
    let database = Database::new(&format!("{PEOPLE}{BY_HAND}"));
    let mut connection = database.open_with(by_hand);
    let since = full(&mut connection);
    database.sql.execute_batch("DELETE FROM log WHERE number < 3").unwrap();
    database.sql.execute_batch("INSERT INTO log VALUES (4, 1, 'Update')").unwrap();
    assert_eq!(delta(&mut connection, &since).0, ["+1=a"]);
}

#[test]
fn a_history_that_was_emptied_asks_for_a_full_import() {
    for sql in ["DELETE FROM log", "DELETE FROM log; INSERT INTO log VALUES (1, 1, 'Update')"] {
        let database = Database::new(&format!("{PEOPLE}{BY_HAND}"));
        let mut connection = database.open_with(by_hand);
        let since = full(&mut connection);
        database.sql.execute_batch(sql).unwrap();
        let error = import(&mut connection, &ImportRun::delta(since)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Conflict, "the host makes a full import then: {sql}");
        let since = full(&mut connection);
        database.sql.execute_batch("INSERT INTO log VALUES (2, 2, 'Update')").unwrap();
        assert_eq!(delta(&mut connection, &since).0, ["+2=b"]);
    }
}

#[test]
fn very_many_touched_keys_come_again_and_are_not_lost() {
    let database = Database::new(&format!(
        "{PEOPLE}{BY_HAND}
         WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 10100)
         INSERT INTO person SELECT i, 'n' FROM n;
         INSERT INTO log SELECT 7, id, 'Update' FROM person WHERE id >= 100;"
    ));
    let mut connection = database.open_with(by_hand);
    let since = full(&mut connection);
    assert!(since.as_str().len() < 200, "the watermark stays short");
    let (changes, since) = delta(&mut connection, &since);
    assert_eq!(changes.len(), 10_004);
    database.sql.execute_batch("INSERT INTO log VALUES (2000, 3, 'Update')").unwrap();
    let (_, since) = delta(&mut connection, &since);
    assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new());
}

#[test]
fn a_word_that_nobody_knows_is_a_touched_row_too() {
    let database = Database::new(&format!("{PEOPLE}{BY_HAND}"));
    let mut connection = database.open_with(by_hand);
    let since = full(&mut connection);
    database
        .sql
        .execute_batch(
            "INSERT INTO log VALUES (4, 1, 'Modify_Attribute'), (5, 2, 'whatever'), (6, 3, NULL),
                (7, NULL, 'Delete')",
        )
        .unwrap();
    assert_eq!(delta(&mut connection, &since).0, ["+1=a", "+2=b", "+3=c"]);
}

#[test]
fn a_key_of_another_type_in_the_history_is_the_same_one() {
    let database = Database::new(&format!(
        "{PEOPLE}CREATE TABLE log (number INTEGER, person TEXT, what TEXT);
         INSERT INTO log VALUES (1, '1', 'Add');"
    ));
    let mut connection = database.open_with(by_hand);
    let since = full(&mut connection);
    assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new());
    database
        .sql
        .execute_batch("DELETE FROM person WHERE id = 2; INSERT INTO log VALUES (2, '2', 'Delete')")
        .unwrap();
    let imported = import(&mut connection, &ImportRun::delta(since)).unwrap();
    assert_eq!(imported.changes, [Change::Delete { id: id("person", "id", 2) }]);
}

#[test]
fn a_script_says_when_there_is_no_such_table() {
    let database = Database::new("CREATE TABLE keyless (id INTEGER)");
    for table in ["nothing", "keyless"] {
        let expected = format!("-- there is no table {table} with a primary key");
        assert_eq!(script(&database, table, None), [expected]);
    }
}

#[test]
fn names_are_quoted_whatever_is_in_them() {
    let database = Database::new(
        r#"CREATE TABLE "a ""b'" ("key ""x'" INTEGER PRIMARY KEY, name TEXT);
           CREATE TABLE "c 'd""" ("of ""a'" INTEGER, v TEXT);"#,
    );
    install(&database, "a \"b'", None);
    install(&database, "a \"b'", Some(("c 'd\"", "of \"a'=key \"x'")));
    let mut connection = database.open_with(|values| {
        let join = r#""a ""b'_history"."key_key ""x'" = t."key ""x'""#;
        values
            .with("tables", "t=a \"b'")
            .with("delta_strategy", "history")
            .with("history_tables", format!(r#"t = "a ""b'_history" WHERE {join}"#))
    });
    let since = full(&mut connection);
    let run = |sql| database.sql.execute_batch(sql).unwrap();
    run(r#"INSERT INTO "a ""b'" VALUES (1, 'n')"#);
    let (changes, since) = delta(&mut connection, &since);
    assert_eq!(changes, ["+1=n"]);
    run(r#"INSERT INTO "c 'd""" VALUES (1, 'v')"#);
    assert_eq!(delta(&mut connection, &since).0, ["+1=n"]);
}
