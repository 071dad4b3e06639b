//! What the database says, as kinds of errors and the attribute they are about.

use crate::support::{Database, add, export, failure, id, plugin, update};
use ecma_plugin_sdk::{Update, prelude::*};
use std::fs;

const STRICT: &str = "
    CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO room VALUES (1, 'one');
    CREATE TABLE person (
        id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, mail TEXT, level INTEGER CHECK (level < 10),
        room INTEGER REFERENCES room, site TEXT, desk INTEGER, up TEXT AS (upper(login)),
        CONSTRAINT mail_has_at CHECK (instr(mail, '@')), UNIQUE (site, desk)) STRICT;
    INSERT INTO person (login, mail, site, desk) VALUES ('ada', 'a@b', 'a', 1), ('bob', NULL, 'b', 2);
    CREATE UNIQUE INDEX folded ON person (lower(mail));
    CREATE TRIGGER root BEFORE UPDATE ON person WHEN new.login = 'root'
        BEGIN SELECT RAISE(ABORT, 'nobody is root'); END;
    UPDATE person SET room = 1 WHERE login = 'ada';";

fn person() -> Entry {
    Entry::new("person").set("login", "new")
}

fn bob() -> Update {
    update(id("person", "id", 2))
}

#[test]
fn refusals_name_the_attribute() {
    use ErrorKind::{AlreadyExists, Invalid, NotFound};
    let nobody = || id("person", "id", 99);
    for (change, kind, attribute) in [
        (add(person().set("login", "ada")), AlreadyExists, Some("login")),
        (add(person().anchor("id", 1)), AlreadyExists, Some("id")),
        (add(person().set("site", "a").set("desk", 1)), AlreadyExists, Some("site")),
        (add(person().set("mail", "A@B")), AlreadyExists, None),
        (Change::Update(bob().set("login", "ada")), AlreadyExists, Some("login")),
        (add(Entry::new("person").set("mail", "a@b")), Invalid, Some("login")),
        (Change::Update(bob().set("login", None::<&str>)), Invalid, Some("login")),
        (add(person().set("level", 11)), Invalid, Some("level")),
        (add(person().set("mail", "nothing")), Invalid, None),
        (add(person().set("room", 7)), Invalid, Some("room")),
        (Change::Update(bob().set("room", 7)), Invalid, Some("room")),
        (Change::Delete { id: id("room", "id", 1) }, Invalid, None),
        (Change::Update(bob().set("login", "root")), Invalid, None),
        (add(person().set("level", "high")), Invalid, Some("level")),
        (add(person().set("mail", vec![1_u8])), Invalid, Some("mail")),
        (add(person().set("mail", ["a@b", "c@d"])), Invalid, Some("mail")),
        (add(person().set("nickname", "x")), Invalid, Some("nickname")),
        (add(person().anchor("key", 1)), Invalid, Some("key")),
        (Change::Update(bob().set("nickname", "x")), Invalid, Some("nickname")),
        (Change::Update(bob().set("id", 3)), Invalid, Some("id")),
        (Change::Update(bob().set("id", None::<i64>)), Invalid, Some("id")),
        (Change::Update(bob().set("up", "BOB")), Invalid, Some("up")),
        (add(Entry::new("robot").set("login", "x")), Invalid, None),
        (Change::Delete { id: nobody() }, NotFound, None),
        (Change::Delete { id: id("person", "id", "no number") }, NotFound, None),
        (Change::Update(update(nobody()).set("mail", "a@b")), NotFound, None),
        (Change::Update(update(nobody())), NotFound, None),
        (Change::Replace(person().anchor("id", 99)), NotFound, None),
        (Change::Delete { id: Entry::new("person").id().clone() }, Invalid, Some("id")),
    ] {
        let database = Database::new(STRICT);
        let before = database.rows("SELECT * FROM person, room");
        let result = export(&mut database.open(), change.clone());
        let expected = (kind, attribute.map(str::to_owned));
        assert_eq!(failure(result), expected, "{change:?}");
        assert_eq!(database.rows("SELECT * FROM person, room"), before, "{change:?}");
    }
}

#[test]
fn a_key_is_never_null() {
    let database = Database::new("CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT)");
    let result = export(&mut database.open(), add(Entry::new("t").set("v", "x")));
    assert_eq!(failure(result), (ErrorKind::Invalid, Some("k".to_owned())));
    assert_eq!(database.rows("SELECT count(*) FROM t"), ["0"]);
}

#[test]
fn a_row_that_goes_or_cannot_be_read_is_told_apart() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER);
         CREATE TRIGGER gone AFTER INSERT ON t WHEN new.v = 'gone' BEGIN DELETE FROM t WHERE id = new.id; END;
         CREATE TRIGGER odd AFTER INSERT ON t WHEN new.v = 'odd'
             BEGIN UPDATE t SET n = 'odd' WHERE id = new.id; END;",
    );
    let mut connection = database.open();
    let gone = export(&mut connection, add(Entry::new("t").set("v", "gone")));
    assert_eq!(failure(gone), (ErrorKind::Invalid, None));
    let odd = export(&mut connection, add(Entry::new("t").set("v", "odd"))).unwrap();
    assert_eq!((odd.entry, odd.anchor), (None, Some(id("t", "id", 1).anchor)));
}

#[test]
fn a_column_that_went_is_no_text() {
    let database = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, w TEXT)");
    let mut connection = database.open();
    connection.schema().unwrap();
    database.sql.execute_batch("ALTER TABLE t DROP COLUMN w").unwrap();
    let result = export(&mut connection, add(Entry::new("t").set("w", "x")));
    assert_eq!(failure(result), (ErrorKind::Invalid, Some("w".to_owned())));
    let read = connection.read(&[id("t", "id", 1)]);
    assert_eq!(failure(read).0, ErrorKind::Invalid, "the name is not taken for a text");
    connection.schema().unwrap();
    assert_eq!(connection.read(&[id("t", "id", 1)]).unwrap(), [None]);
    database.sql.execute_batch("DROP TABLE t").unwrap();
    assert_eq!(failure(connection.test()).0, ErrorKind::Config);
}

#[test]
fn a_locked_database_is_busy() {
    let database =
        Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    let mut connection = database.open_with(|values| values.with("busy_timeout_seconds", 0));
    let page = || [add(Entry::new("t").anchor("id", 2)), add(Entry::new("t").anchor("id", 3))];
    let busy = |connection: &mut ecma_plugin_sdk::Connection, when| {
        let results = connection.export(&page()).unwrap();
        let kinds: Vec<_> = results.into_iter().map(|result| failure(result).0).collect();
        assert_eq!(kinds, [ErrorKind::Busy, ErrorKind::Busy], "{when}");
    };
    database.sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    busy(&mut connection, "somebody writes");
    database.sql.execute_batch("ROLLBACK; BEGIN; SELECT * FROM t").unwrap();
    busy(&mut connection, "somebody reads, so the commit fails");
    database.sql.execute_batch("ROLLBACK").unwrap();
    assert_eq!(database.rows("SELECT id FROM t"), ["1"], "nothing of a failed commit is there");
    assert!(connection.export(&page()).unwrap().iter().all(Result::is_ok), "afterwards it goes on");
}

#[test]
fn a_database_that_cannot_be_read_is_unreachable() {
    let database = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let kind = |path: &std::path::Path| {
        let values = Values::new([("database", path.to_str().unwrap())]);
        assert_eq!(plugin().check(&values).unwrap(), [], "the settings are fine");
        let error = plugin().connect(&values).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        error.to_string()
    };
    let missing = database.path().with_file_name("missing.db");
    assert_eq!(kind(&missing), format!("there is no file {}", missing.display()));
    assert!(!missing.exists(), "it is never created");
    assert!(kind(missing.parent().unwrap()).ends_with("is a folder, not a database"));
    let garbage = database.path().with_file_name("garbage.db");
    fs::write(&garbage, "this is not a database, however long it is ".repeat(100)).unwrap();
    assert!(kind(&garbage).contains("file is not a database"));
}

#[test]
fn a_damaged_database_is_unreachable() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO t SELECT i, 'some text to fill pages with' FROM n",
    );
    let mut bytes = fs::read(database.path()).unwrap();
    bytes[4096..].fill(0xee);
    fs::write(database.path(), bytes).unwrap();
    let error = database.open().import(&ImportRun::full(), &mut Forget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
}

struct Forget;

impl ecma_plugin_sdk::Pager for Forget {
    fn page(&mut self, _: &[u8]) -> bool {
        true
    }
}

#[cfg(unix)]
#[test]
fn a_replaced_file_is_noticed() {
    let database = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let mut connection = database.open();
    connection.test().unwrap();
    let other = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    fs::rename(other.path(), database.path()).unwrap();
    let result = export(&mut connection, add(Entry::new("t")));
    assert_eq!(failure(result), (ErrorKind::Unreachable, None), "a write would be lost");
    assert_eq!(failure(connection.test()).0, ErrorKind::Unreachable);
    fs::remove_file(database.path()).unwrap();
    assert_eq!(failure(connection.schema()).0, ErrorKind::Unreachable);
}
