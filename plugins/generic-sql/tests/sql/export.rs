//! Exports: what is written, what comes back, pages.

use crate::support::{Database, add, entries, export, failure, id, update};
use ecma_plugin_sdk::{AttributeChange, Update, prelude::*};
use std::thread;

const PEOPLE: &str = "CREATE TABLE person (
        id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT, level INTEGER NOT NULL DEFAULT 3,
        mail TEXT, up TEXT AS (upper(login)));
    CREATE TRIGGER mailbox AFTER INSERT ON person WHEN new.mail IS NULL BEGIN
        UPDATE person SET mail = new.login || '@example.org' WHERE id = new.id; END;
    CREATE TRIGGER trimmed AFTER UPDATE OF name ON person BEGIN
        UPDATE person SET name = trim(new.name) WHERE id = new.id; END;";

fn person(login: &str) -> Entry {
    Entry::new("person").set("login", login)
}

#[test]
fn defaults_keys_and_triggers_come_back() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open();
    let done = export(&mut connection, add(person("ada"))).unwrap();
    let expected = Entry::new("person")
        .anchor("id", 1)
        .set("login", "ada")
        .set("level", 3)
        .set("mail", "ada@example.org")
        .set("up", "ADA");
    assert_eq!(done.entry, Some(expected.clone()));

    let change = update(id("person", "id", 1)).set("name", "  Ada ").set("level", "7");
    let done = export(&mut connection, Change::Update(change)).unwrap();
    let expected = expected.set("name", "Ada").set("level", 7);
    let found = done.entry.unwrap();
    assert_eq!(found.text("name"), Some("Ada"));
    assert!(found.attributes().all(|(name, values)| expected.get(name) == values));

    let given = export(&mut connection, add(person("bob").anchor("id", 40))).unwrap();
    assert_eq!(given.entry.unwrap().id(), &id("person", "id", 40));
    let rows = ["1|'ada'|'Ada'|7|'ada@example.org'", "40|'bob'|NULL|3|'bob@example.org'"];
    assert_eq!(database.rows("SELECT id, login, name, level, mail FROM person"), rows);
}

#[test]
fn a_key_of_an_expression_comes_back() {
    let database = Database::new(
        "CREATE TABLE t (k TEXT PRIMARY KEY DEFAULT ('k' || lower(hex(randomblob(4)))), v TEXT)",
    );
    let mut connection = database.open();
    let done = export(&mut connection, add(Entry::new("t").set("v", "x"))).unwrap();
    assert_eq!(connection.read(&[done.entry.clone().unwrap().id().clone()]).unwrap(), [done.entry]);
    let done = export(&mut connection, add(Entry::new("t"))).unwrap();
    assert!(done.entry.unwrap().attributes().next().is_none(), "a row of defaults only");
}

#[test]
fn an_update_touches_what_it_names() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT);
         CREATE TABLE log (what TEXT);
         CREATE TRIGGER a AFTER UPDATE OF a ON t BEGIN INSERT INTO log VALUES ('a'); END;
         CREATE TRIGGER b AFTER UPDATE OF b ON t BEGIN INSERT INTO log VALUES ('b'); END;
         INSERT INTO t VALUES (1, 'a', 'b', 'c');",
    );
    let mut connection = database.open();
    let change = update(id("t", "id", 1)).set("b", "B").set("c", None::<&str>);
    export(&mut connection, Change::Update(change)).unwrap();
    assert_eq!(database.rows("SELECT * FROM t"), ["1|'a'|'B'|NULL"]);
    assert_eq!(database.rows("SELECT * FROM log"), ["'b'"]);
    // No attribute, or the anchor as it is: only whether the row is there.
    for (key, there) in [(1, true), (2, false)] {
        let change = update(id("t", "id", key)).set("id", key.to_string());
        let done = export(&mut connection, Change::Update(change));
        assert_eq!(done.is_ok(), there, "{key}");
    }
}

#[test]
fn whole_rows_are_replaced() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open_with(|values| {
        values.with("export_object_replace", true).with("read_only_columns", "mail")
    });
    let entry =
        export(&mut connection, add(person("ada").set("name", "Ada"))).unwrap().entry.unwrap();
    let entry = entry.set("login", "lovelace").set("name", None::<&str>).set("level", None::<i64>);
    export(&mut connection, Change::Replace(entry)).unwrap();
    let row = database.rows("SELECT id, login, name, level, mail FROM person");
    assert_eq!(
        row,
        ["1|'lovelace'|NULL|3|'ada@example.org'"],
        "read only and default columns stay"
    );
}

#[test]
fn values_are_gained_and_lost() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, phones TEXT); INSERT INTO t VALUES (1, '1;2;3')",
    );
    let mut connection = database.open_with(|values| {
        values.with("multi_valued", "phones").with("multi_value_separator", ";")
    });
    let mut change = Update::new(id("t", "id", 1));
    let modify =
        AttributeChange::Modify { added: vec!["4".into(), "3".into()], removed: vec!["1".into()] };
    change.attributes.push(("phones".to_owned(), modify));
    export(&mut connection, Change::Update(change)).unwrap();
    assert_eq!(database.rows("SELECT phones FROM t"), ["'2;3;4'"]);
}

#[test]
fn a_change_of_several_rows_is_undone() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, login TEXT NOT NULL, n INTEGER);
         INSERT INTO t VALUES (1, 'same', 1), (2, 'same', 2), (3, 'other', 3);",
    );
    let mut connection = database.open_with(|values| values.with("anchor", "login"));
    let change = |login| Change::Update(update(id("t", "login", login)).set("n", 9));
    let delete = |login| Change::Delete { id: id("t", "login", login) };
    let page = [change("same"), change("other"), delete("same")];
    let results = connection.export(&page).unwrap();
    let kinds: Vec<_> =
        results.into_iter().map(|result| result.map(drop).map_err(|e| e.kind())).collect();
    assert_eq!(kinds, [Err(ErrorKind::Conflict), Ok(()), Err(ErrorKind::Conflict)]);
    assert_eq!(database.rows("SELECT n FROM t"), ["1", "2", "9"]);
}

/// Exports a page of three whose second must fail; the others must be there afterwards.
fn neighbors(sql: &str, bad: Change, kind: ErrorKind) {
    let database = Database::new(sql);
    let mut connection = database.open_with(|values| values.with("tables", "t"));
    let good = |key| add(Entry::new("t").anchor("id", key).set("v", format!("good {key}")));
    let results = connection.export(&[good(101), bad, good(102)]).unwrap();
    let kinds: Vec<_> =
        results.into_iter().map(|result| result.map(drop).map_err(|e| e.kind())).collect();
    assert_eq!(kinds, [Ok(()), Err(kind), Ok(())], "{sql}");
    assert_eq!(
        database.rows("SELECT id FROM t WHERE id > 100 ORDER BY id"),
        ["101", "102"],
        "{sql}"
    );
    assert_eq!(database.rows("SELECT id FROM t WHERE v = 'bad'"), [""; 0], "{sql}");
}

#[test]
fn a_bad_row_leaves_its_neighbors() {
    let bad = || add(Entry::new("t").anchor("id", 1).set("v", "bad"));
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT";
    let trigger = |says: &str| {
        format!(
            "{table}); CREATE TRIGGER no BEFORE INSERT ON t WHEN new.v = 'bad' \
             BEGIN SELECT RAISE({says}); END;"
        )
    };
    let taken = format!("{table} UNIQUE); INSERT INTO t VALUES (1, 'x')");
    neighbors(&taken, bad(), ErrorKind::AlreadyExists);
    neighbors(&format!("{table} CHECK (v <> 'bad'))"), bad(), ErrorKind::Invalid);
    neighbors(&trigger("ABORT, 'no'"), bad(), ErrorKind::Invalid);
    neighbors(&trigger("FAIL, 'no'"), bad(), ErrorKind::Invalid);
    // This one ends the whole transaction.
    neighbors(&trigger("ROLLBACK, 'no'"), bad(), ErrorKind::Invalid);
    // This one leaves the row out without a word.
    neighbors(&trigger("IGNORE"), bad(), ErrorKind::Invalid);
    // And this one is found out at the end of the transaction only.
    let late =
        "CREATE TABLE p (k TEXT PRIMARY KEY); INSERT INTO p VALUES ('good 101'), ('good 102');
        CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT REFERENCES p DEFERRABLE INITIALLY DEFERRED)";
    neighbors(late, bad(), ErrorKind::Invalid);
}

#[test]
fn a_tables_own_conflict_clause_neither_replaces_nor_hides() {
    for clause in ["REPLACE", "IGNORE", "ROLLBACK", "FAIL"] {
        let sql = format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT {clause}, v TEXT UNIQUE ON CONFLICT {clause});
             INSERT INTO t VALUES (1, 'a'), (2, 'b')"
        );
        let taken = add(Entry::new("t").anchor("id", 1).set("v", "bad"));
        neighbors(&sql, taken, ErrorKind::AlreadyExists);
        let database = Database::new(&sql);
        let change = update(id("t", "id", 1)).set("v", "b");
        let result = export(&mut database.open(), Change::Update(change));
        assert_eq!(failure(result), (ErrorKind::AlreadyExists, Some("v".to_owned())), "{clause}");
        assert_eq!(database.rows("SELECT * FROM t"), ["1|'a'", "2|'b'"], "{clause}");
    }
}

#[test]
fn two_connections_write_at_once() {
    for mode in ["WAL", "DELETE"] {
        let database = Database::new(&format!("PRAGMA journal_mode = {mode}; {PEOPLE}"));
        let write = |who: &'static str| {
            let mut connection = database.open();
            move || {
                for page in 0..10 {
                    let login = |n| format!("{who}{}", page * 10 + n);
                    let changes: Vec<Change> = (0..10).map(|n| add(person(&login(n)))).collect();
                    let results = connection.export(&changes).unwrap();
                    assert!(results.iter().all(Result::is_ok), "{results:?}");
                }
            }
        };
        let (one, two) = (write("a"), write("b"));
        thread::scope(|scope| {
            scope.spawn(one);
            scope.spawn(two);
        });
        assert_eq!(entries(&mut database.open()).len(), 200, "{mode}");
    }
}
