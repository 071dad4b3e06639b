//! MariaDB: what it refuses, and who stands in the way.

use super::MARIADB;
use crate::{linked, refusal};
use ecma_plugin_sdk::{Update, prelude::*};

#[test]
fn a_key_that_the_database_makes_is_answered() {
    let (database, values) = MARIADB.database(
        "made",
        "CREATE TABLE t (id uuid DEFAULT uuid() PRIMARY KEY, note text);
         CREATE TABLE n (id integer AUTO_INCREMENT PRIMARY KEY, note text);
         CREATE TRIGGER more AFTER INSERT ON t FOR EACH ROW INSERT INTO n (note) VALUES ('more');",
    );
    let mut connector = linked().connect(&values).unwrap();
    let results = connector.export(&[
        Change::Add(Entry::new("t").set("note", "x")),
        Change::Add(Entry::new("n")),
        Change::Add(Entry::new("n").anchor("id", 7)),
    ]);
    let results = results.unwrap().into_iter().map(|result| result.unwrap().entry.unwrap());
    let keys: Vec<_> = results.map(|entry| entry.id().anchor.first().cloned().unwrap()).collect();
    let made = database.query("SELECT id FROM t").remove(0).remove(0);
    assert_eq!(keys, [Value::Text(made), Value::Integer(2), Value::Integer(7)]);
    let rows = database.query("SELECT id, note FROM n ORDER BY id");
    assert_eq!(rows, [["1", "more"], ["2", targets::NULL], ["7", targets::NULL]]);
}

#[test]
fn a_lock_that_is_held_too_long_is_busy_and_leaves_the_neighbors() {
    let (database, values) = MARIADB.database(
        "locks",
        "CREATE TABLE t (id integer PRIMARY KEY, note text);
         INSERT INTO t VALUES (1, 'a'), (2, 'b');",
    );
    let values = values.with("tables", "t").with("busy_timeout_seconds", 1);
    let mut connector = linked().connect(&values).unwrap();
    let update = |id: i64| {
        let id = Entry::new("t").anchor("id", id).id().clone();
        Change::Update(Update::new(id).set("note", "new"))
    };
    let results = std::thread::scope(|scope| {
        // Holds the row until the page has done the other one.
        let hold = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; START TRANSACTION;
            UPDATE t SET note = 'held' WHERE id = 1; INSERT INTO t VALUES (3, 'mark');
            DELIMITER //
            BEGIN NOT ATOMIC
                REPEAT DO sleep(0.02); SELECT note INTO @note FROM t WHERE id = 2;
                UNTIL @note <> 'b' END REPEAT;
            END//
            ROLLBACK//";
        scope.spawn(|| database.sql(hold));
        let dirty = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
            SELECT id FROM t WHERE id = 3";
        while database.query(dirty).is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        connector.export(&[update(1), update(2)]).unwrap()
    });
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::Busy, "{results:?}");
    assert!(results[1].is_ok(), "{results:?}");
    assert_eq!(database.query("SELECT note FROM t ORDER BY id"), [["a"], ["new"]]);
}

#[test]
fn a_deadlock_undoes_the_page_and_it_is_done_again() {
    let (database, values) = MARIADB.database(
        "deadlock",
        "CREATE TABLE t (id integer PRIMARY KEY, note text);
         INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');",
    );
    let mut connector = linked().connect(&values.with("tables", "t")).unwrap();
    let update = |id: i64| {
        let id = Entry::new("t").anchor("id", id).id().clone();
        Change::Update(Update::new(id).set("note", "new"))
    };
    let results = std::thread::scope(|scope| {
        // More work than the page has done, so that it is the page that is undone. It goes on once
        // the page has changed its first row.
        let other = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; START TRANSACTION;
            UPDATE t SET note = 'other' WHERE id = 2;
            INSERT INTO t SELECT seq, 'x' FROM seq_100_to_1000;
            DELIMITER //
            BEGIN NOT ATOMIC
                REPEAT DO sleep(0.02); SELECT note INTO @note FROM t WHERE id = 1;
                UNTIL @note <> 'a' END REPEAT;
            END//
            UPDATE t SET note = 'other' WHERE id = 1//
            COMMIT//";
        scope.spawn(|| database.sql(other));
        let dirty = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
            SELECT id FROM t WHERE id = 1000";
        while database.query(dirty).is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        connector.export(&[update(1), update(2), update(3)]).unwrap()
    });
    let kinds: Vec<_> = results.iter().map(|r| r.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, None, None], "{results:?}");
    assert_eq!(
        database.query("SELECT note FROM t WHERE id < 4 ORDER BY id"),
        [["new"], ["new"], ["new"]]
    );
}

#[test]
fn a_deadlock_that_comes_again_and_again_leaves_the_neighbors_done() {
    let (database, values) = MARIADB.database(
        "changed",
        "CREATE TABLE t (id integer PRIMARY KEY, note text);
         INSERT INTO t VALUES (1, 'a'), (2, 'b');
         DELIMITER //
         CREATE TRIGGER moved BEFORE UPDATE ON t FOR EACH ROW IF old.id = 2 THEN
            SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1020, MESSAGE_TEXT = 'changed';
            END IF//",
    );
    let mut connector = linked().connect(&values.with("tables", "t")).unwrap();
    let id = Entry::new("t").anchor("id", 2).id().clone();
    let results = connector.export(&[
        Change::Add(Entry::new("t").anchor("id", 3)),
        Change::Update(Update::new(id).set("note", "new")),
        Change::Add(Entry::new("t").anchor("id", 4)),
    ]);
    let results = results.unwrap();
    let kinds: Vec<_> = results.iter().map(|r| r.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Busy), None], "{results:?}");
    let rows = database.query("SELECT id FROM t ORDER BY id");
    assert_eq!(rows, [["1"], ["2"], ["3"], ["4"]]);
}

#[test]
fn a_server_without_encryption_gets_nothing() {
    use std::io::{Read as _, Write as _};
    let (database, _) = MARIADB.database("plain", "CREATE TABLE t (id integer PRIMARY KEY)");
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let received = std::thread::spawn(move || {
        let (mut client, _) = server.accept().unwrap();
        // A greeting that offers everything but encryption, and asks for the password as it is.
        let offered = !(1_u32 << 11);
        let (low, high) = (offered as u16, (offered >> 16) as u16 & 0x00ff);
        let mut greeting = b"\x0a8.0.36\0\x01\0\0\0saltsalt\0".to_vec();
        greeting.extend(low.to_le_bytes());
        greeting.extend([45, 2, 0]);
        greeting.extend(high.to_le_bytes());
        greeting.push(21);
        greeting.extend([0; 10]);
        greeting.extend(b"saltsaltsalt\0mysql_clear_password\0");
        client.write_all(&[greeting.len() as u8, 0, 0, 0]).unwrap();
        client.write_all(&greeting).unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        received
    });
    let values = MARIADB
        .reach(&database)
        .with("port", i64::from(port))
        .with("ca_file", database.ca_pem().to_str().unwrap());
    let error = linked().connect(&values).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    let received = String::from_utf8_lossy(&received.join().unwrap()).into_owned();
    assert!(!received.contains(database.password()), "{received:?}");
    assert!(!received.contains(database.user()), "{received:?}");
    assert!(error.to_string().contains("SSL"), "{error}");
}

#[test]
fn only_a_server_that_is_trusted_gets_the_password() {
    let (database, values) = MARIADB.database("trust", "CREATE TABLE t (id integer PRIMARY KEY)");
    assert_eq!(refusal(&values), None);
    assert_eq!(
        refusal(&MARIADB.reach(&database)),
        Some(ErrorKind::Unreachable),
        "not a CA of the system"
    );
    assert_eq!(refusal(&MARIADB.reach(&database).with("tls", "off")), None);
    assert_eq!(refusal(&values.with("password", "wrong")), Some(ErrorKind::Forbidden));
    let pinned = MARIADB.reach(&database).with("certificate_sha256", database.certificate_sha256());
    assert_eq!(refusal(&pinned), Some(ErrorKind::Config), "not for this driver");
}
