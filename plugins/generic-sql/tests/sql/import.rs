//! Full imports and reads by id.

use crate::support::{Database, entries, id};
use ecma_plugin_sdk::{Selection, prelude::*, testkit::import};

#[test]
fn values_come_as_their_kind() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n INT, pay DECIMAL, ok BOOL, at DATETIME,
             raw BLOB, phones TEXT);
         INSERT INTO t VALUES (1, 'Zoë', '42', 12.5, 'true', '2026-01-31 08:30:00', x'00ff', 'a;b'),
             (9007199254740993, '', NULL, NULL, NULL, NULL, x'', '');",
    );
    let mut connection = database.open_with(|values| {
        values.with("multi_valued", "phones").with("multi_value_separator", ";")
    });
    let expected = [
        Entry::new("t")
            .anchor("id", 1)
            .set("name", "Zoë")
            .set("n", 42)
            .set("pay", "12.5")
            .set("ok", true)
            .set("at", "2026-01-31T08:30:00Z")
            .set("raw", vec![0_u8, 255])
            .set("phones", ["a", "b"]),
        Entry::new("t").anchor("id", 9_007_199_254_740_993_i64),
    ];
    assert_eq!(entries(&mut connection), expected);
    let ids = [id("t", "id", 7), id("t", "id", "1"), id("t", "id", "no number")];
    let [one, _] = expected;
    assert_eq!(connection.read(&ids).unwrap(), [None, Some(one), None]);
}

#[test]
fn only_selected_columns_are_read() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n INTEGER);
         CREATE TABLE u (id INTEGER PRIMARY KEY); INSERT INTO u VALUES (5);
         INSERT INTO t VALUES (1, 'x', 'not a number');",
    );
    let mut connection = database.open();
    let select = |object_type: &str, attribute: &str| {
        let mut run = ImportRun::full();
        let (object_type, attributes) = (object_type.to_owned(), vec![attribute.to_owned()]);
        run.selected.push(Selection { object_type, attributes });
        run
    };
    let imported = import(&mut connection, &select("t", "a")).unwrap();
    assert_eq!(imported.changes, [Change::Add(Entry::new("t").anchor("id", 1).set("a", "x"))]);
    assert_eq!(imported.refused, [], "the bad column is not looked at");
    for run in [select("t", "gone"), select("gone", "a")] {
        assert_eq!(import(&mut connection, &run).err().unwrap().kind(), ErrorKind::Config);
    }
}

#[test]
fn a_bad_row_is_refused_and_its_neighbors_come() {
    let database = Database::new(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, n INTEGER); CREATE TABLE q (k TEXT PRIMARY KEY, v TEXT);
         INSERT INTO person VALUES (6, 1), (7, 'many'), (8, 3);
         INSERT INTO q VALUES ('a', 'x'), (NULL, 'y'), ('', 'z'), ('b', CAST(x'ff' AS TEXT));",
    );
    let imported = import(&mut database.open(), &ImportRun::full()).unwrap();
    let ids: Vec<String> = imported.changes.iter().map(|c| c.id().to_string()).collect();
    assert_eq!(ids, ["person 6", "person 8", "q a"]);
    let refused: Vec<String> =
        imported.refused.iter().map(|r| format!("{}: {}", r.place, r.error)).collect();
    let expected = [
        "table person, row id 7: n is not a whole number",
        "table q, row k empty: k is empty, and part of the anchor",
        "table q, row k empty: k is empty, and part of the anchor",
        "table q, row k b: v is not UTF-8",
    ];
    assert_eq!(refused, expected);
}

#[test]
fn names_are_nothing_but_names() {
    let hostile = "a\"b'; DROP TABLE \"select\"; --";
    let quoted = hostile.replace('"', "\"\"");
    let database = Database::new(&format!(
        "CREATE TABLE \"select\" (id INTEGER PRIMARY KEY, \"{quoted}\" TEXT UNIQUE, \"größe.x\" TEXT, \"?1\" TEXT);
         CREATE TABLE \"{quoted}\" (\"{quoted}\" TEXT PRIMARY KEY, \"order\" TEXT);"
    ));
    let mut connection = database.open();
    connection.test().unwrap();
    let first =
        Entry::new("select").anchor("id", 1).set(hostile, "v").set("größe.x", "y").set("?1", "z");
    let second =
        Entry::new(hostile).anchor(hostile, "'; DROP TABLE \"select\"; --").set("order", "o");
    for entry in [&first, &second] {
        let done = crate::support::export(&mut connection, Change::Add(entry.clone())).unwrap();
        assert_eq!(done.entry.as_ref(), Some(entry));
        let update = crate::support::update(entry.id().clone())
            .set(entry.attributes().last().unwrap().0, "\"); DELETE FROM \"select\"; --");
        crate::support::export(&mut connection, Change::Update(update)).unwrap();
    }
    assert_eq!(entries(&mut connection).len(), 2);
    let again = first.clone().set("größe.x", "new");
    let again = Entry::with_id(id("select", "id", 2)).set(hostile, again.get(hostile).to_vec());
    let taken = crate::support::export(&mut connection, Change::Add(again));
    assert_eq!(
        crate::support::failure(taken),
        (ErrorKind::AlreadyExists, Some(hostile.to_owned()))
    );
    for entry in [first, second] {
        let delete = Change::Delete { id: entry.id().clone() };
        crate::support::export(&mut connection, delete).unwrap();
    }
    assert_eq!(entries(&mut connection), []);
}

#[test]
fn columns_without_a_type_find_their_rows() {
    let database =
        Database::new("CREATE TABLE t (k PRIMARY KEY, v); INSERT INTO t VALUES (5, 1), ('6', 2)");
    let mut connection = database.open();
    let ids = [id("t", "k", "5"), id("t", "k", "6")];
    let read = connection.read(&ids).unwrap();
    assert_eq!(read.iter().flatten().map(|e| e.text("v").unwrap()).collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn an_import_sees_one_moment() {
    struct Meddle<'a>(&'a rusqlite::Connection, usize);
    impl ecma_plugin_sdk::Pager for Meddle<'_> {
        fn page(&mut self, page: &[u8]) -> bool {
            let page = ecma_plugin_sdk::page::Page::parse(page).unwrap();
            self.1 += page.records().count();
            self.0.execute_batch("INSERT INTO u (name) VALUES ('late')").unwrap();
            true
        }
    }
    let database = Database::new(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO t (name) VALUES ('a'), ('b'), ('c'); INSERT INTO u (name) VALUES ('d');",
    );
    let mut connection = database.open();
    let mut meddle = Meddle(&database.sql, 0);
    let mut run = ImportRun::full();
    run.page_size = 1;
    connection.import(&run, &mut meddle).unwrap();
    assert_eq!(meddle.1, 4, "rows added meanwhile are not seen");
    assert_eq!(entries(&mut connection).len(), 8, "they are afterwards");
}
