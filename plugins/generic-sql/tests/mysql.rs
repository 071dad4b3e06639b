//! The connector on a real MariaDB: the contract, what only a server has, and what it says.
#![expect(clippy::unwrap_used, reason = "tests")]
#![cfg(unix)]

use databases::{Database, Mariadb};
use ecma_plugin_sdk::{Anchor, Dn, Update, prelude::*, testkit::*};
use generic_sql::GenericSql;
use std::sync::LazyLock;

static SERVER: LazyLock<Mariadb> = LazyLock::new(Mariadb::start);

const PEOPLE: &str = "
CREATE TABLE person (
    id integer AUTO_INCREMENT PRIMARY KEY,
    login varchar(20) NOT NULL UNIQUE,
    name text,
    enabled boolean NOT NULL DEFAULT true,
    hired datetime,
    photo blob,
    phones text,
    salary decimal(12, 2),
    code uuid,
    shown varchar(300) GENERATED ALWAYS AS (concat(login, ' ', name)) STORED,
    changed bigint
);
CREATE SEQUENCE moment;
CREATE TRIGGER added BEFORE INSERT ON person FOR EACH ROW SET new.changed = NEXTVAL(moment);
CREATE TRIGGER marked BEFORE UPDATE ON person FOR EACH ROW SET new.changed =
    IF(old.login <=> new.login AND old.name <=> new.name, old.changed, NEXTVAL(moment));
INSERT INTO person (login, name, hired) VALUES
    ('ada', 'Ada', '1843-10-01 12:00:00'), ('grace', 'Grace', NULL), ('edsger', 'Edsger', NULL);
CREATE TABLE device (site varchar(20), number integer, owner integer, note text,
    PRIMARY KEY (site, number), FOREIGN KEY (owner) REFERENCES person (id));
INSERT INTO device VALUES ('a', 1, 1, 'one'), ('a', 2, 2, 'two'), ('b', 1, NULL, 'three');";

const TEAMS: &str = "
CREATE TABLE person (id integer AUTO_INCREMENT PRIMARY KEY, name text, changed bigint);
CREATE TABLE team (id integer AUTO_INCREMENT PRIMARY KEY, name text, changed bigint);
CREATE TABLE member (team integer, member integer, type varchar(20), changed bigint,
    PRIMARY KEY (team, member, type), FOREIGN KEY (team) REFERENCES team (id));
CREATE TABLE tag (team integer, tag varchar(10) NOT NULL, UNIQUE (team, tag),
    FOREIGN KEY (team) REFERENCES team (id));
CREATE SEQUENCE moment;
CREATE TRIGGER team_added BEFORE INSERT ON team FOR EACH ROW SET new.changed = NEXTVAL(moment);
CREATE TRIGGER team_marked BEFORE UPDATE ON team FOR EACH ROW SET new.changed =
    IF(old.name <=> new.name, old.changed, NEXTVAL(moment));
CREATE TRIGGER member_added BEFORE INSERT ON member FOR EACH ROW SET new.changed = NEXTVAL(moment);
INSERT INTO person (name) VALUES ('Ada'), ('Grace'), ('Edsger');
INSERT INTO team (name) VALUES ('all'), ('some');
INSERT INTO member (team, member, type) VALUES (1, 2, 'team'), (1, 3, 'person'), (2, 1, 'person');
INSERT INTO tag VALUES (1, 'old'), (1, 'big'), (2, 'new');";

fn linked() -> Plugin {
    Plugin::linked::<GenericSql>("generic-sql", "0")
}

fn library() -> Plugin {
    Plugin::load(&built_library("generic-sql")).unwrap()
}

/// A database of this name with these tables, and the settings that reach it.
fn database(name: &str, sql: &str) -> (Database, Values) {
    let database = SERVER.fresh_database(name);
    database.sql(sql);
    let values = reach(&database).with("ca_file", database.ca_pem().to_str().unwrap());
    (database, values)
}

fn reach(database: &Database) -> Values {
    Values::new([("driver", "mysql"), ("server", database.host())])
        .with("port", i64::from(database.port()))
        .with("database_name", database.database())
        .with("user", database.user())
        .with("password", database.password())
}

fn verify(plugin: Plugin, name: &str, sample: Entry, adapt: impl FnOnce(Values) -> Values) {
    let (_database, values) = database(name, PEOPLE);
    let values = values
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
        .set("salary", "1234567890.10")
        .set("code", "00112233-4455-6677-8899-aabbccddeeff")
}

fn device() -> Entry {
    let owner = Value::Reference("3".to_owned());
    Entry::new("device")
        .anchor("site", "c")
        .anchor("number", 7)
        .set("owner", owner)
        .set("note", "x")
}

#[test]
fn a_generated_key_keeps_the_contract() {
    verify(linked(), "generated", person(), |values| values);
    verify(library(), "generated_library", person(), |values| values);
}

#[test]
fn a_key_of_two_columns_keeps_the_contract() {
    verify(linked(), "two_columns", device(), |values| values);
}

#[test]
fn deltas_and_whole_rows_keep_the_contract() {
    let only = |values: Values| values.with("tables", "person").with("watermark_column", "changed");
    verify(linked(), "deltas", person(), only);
    verify(linked(), "whole_rows", person(), |v| only(v).with("export_object_replace", true));
}

#[test]
fn child_tables_keep_the_contract() {
    let children = "team.members = member.member WHERE member.team = team.id TYPE member.type, \
                    team.tags = tag.tag WHERE tag.team = team.id";
    let member = |key: i64, object_type| {
        let name = Dn::autogenerated(object_type, &Anchor::new([("id", key)]));
        Value::Reference(name.as_str().to_owned())
    };
    let mut sample = Entry::new("team").set("name", "new").set("tags", ["a", "b"]);
    sample.put("members", vec![member(1, "person"), member(2, "person"), member(2, "team")]);
    for (name, deltas) in [("children", false), ("children_deltas", true)] {
        let (_database, mut values) = database(name, TEAMS);
        values = values.with("read_only_columns", "changed").with("multi_valued_tables", children);
        if deltas {
            values = values.with("watermark_column", "changed");
        }
        Contract::new(linked(), values).sample(sample.clone()).verify();
    }
}

fn import(values: &Values) -> Vec<Entry> {
    let mut connector = linked().connect(values).unwrap();
    let imported = ecma_plugin_sdk::testkit::import(&mut connector, &ImportRun::full()).unwrap();
    assert_eq!(imported.refused, []);
    let entry = |change| match change {
        Change::Add(entry) => entry,
        other => panic!("a full import adds only: {other:?}"),
    };
    imported.changes.into_iter().map(entry).collect()
}

#[test]
fn child_tables_are_merged_beyond_one_page_of_their_parents() {
    const PARENTS: usize = 45_000;
    let (_database, values) = database(
        "pages",
        &format!(
            "CREATE TABLE t (a varchar(9), b integer, note text, PRIMARY KEY (a, b));
             INSERT INTO t SELECT char(97 + seq % 26), seq, concat('note ', seq)
                 FROM seq_1_to_{PARENTS};
             CREATE TABLE c (a varchar(9), b integer, value varchar(9), PRIMARY KEY (a, b, value));
             INSERT INTO c SELECT a, b, concat('v', seq) FROM t, seq_1_to_2 WHERE b % 3 > 0;"
        ),
    );
    let children = "t.values = c.value WHERE c.a = t.a AND c.b = t.b";
    let entries = import(&values.with("tables", "t").with("multi_valued_tables", children));
    assert_eq!(entries.len(), PARENTS);
    for entry in &entries {
        let Some(Value::Integer(number)) = entry.id().anchor.get("b") else { panic!("{entry:?}") };
        let expected: &[Value] = if number % 3 > 0 { &["v1".into(), "v2".into()] } else { &[] };
        assert_eq!(entry.get("values"), expected, "{number}");
    }
}

#[test]
fn an_enum_in_the_anchor_loses_no_row_between_pages() {
    const PARENTS: usize = 45_000;
    let (_database, values) = database(
        "enums",
        &format!(
            "CREATE TABLE t (a enum('z', 'm', 'a'), b integer, PRIMARY KEY (a, b));
             INSERT INTO t SELECT 1 + seq % 3, seq FROM seq_1_to_{PARENTS};
             CREATE TABLE c (a char(1), b integer, value varchar(9), PRIMARY KEY (a, b, value));
             INSERT INTO c SELECT a, b, 'v' FROM t;"
        ),
    );
    let children = "t.values = c.value WHERE c.a = t.a AND c.b = t.b";
    let entries = import(&values.with("tables", "t").with("multi_valued_tables", children));
    assert_eq!(entries.len(), PARENTS);
    assert!(entries.iter().all(|entry| entry.get("values") == ["v".into()]));
}

#[test]
fn values_are_what_they_are_in_the_database() {
    let (_database, values) = database(
        "kinds",
        "CREATE TABLE t (id bigint PRIMARY KEY, small smallint, large bigint unsigned,
            exact decimal(30, 2), single float, `double` double, truth boolean, flag bit(1),
            bits bit(12), day date, plain datetime(6), zoned timestamp NULL, clock time, born year,
            code uuid, document json, padded char(5), net inet6, bytes blob, fixed binary(2),
            kind enum('x', 'y'), several set('a', 'b'), latin varchar(9) CHARACTER SET latin1,
            empty text);
         SET time_zone = '+02:00';
         INSERT INTO t VALUES (9223372036854775807, -1, 9, 12345678901234567890.10, 0.1, 0.2, true,
            b'1', b'100000001', '2026-01-31', '2026-01-31 08:30:00.5', '2026-01-31 08:30:00',
            '-100:00:01', 1999, '00112233-4455-6677-8899-aabbccddeeff', '{\"a\": [1]}', 'ab',
            '2001:db8::1', x'00ff', x'ff00', 'y', 'a,b', 'Zoë', '');",
    );
    let entries = import(&values.with("tables", "t"));
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.id().anchor.get("id"), Some(&Value::Integer(i64::MAX)));
    let text = |name| entry.text(name).unwrap_or("nothing");
    assert_eq!(entry.get("small"), [Value::Integer(-1)]);
    assert_eq!(entry.get("large"), [Value::Integer(9)]);
    assert_eq!(
        (text("exact"), text("single"), text("double")),
        ("12345678901234567890.10", "0.1", "0.2")
    );
    assert_eq!(entry.get("truth"), [Value::Boolean(true)]);
    assert_eq!(entry.get("flag"), [Value::Boolean(true)]);
    assert_eq!(entry.get("bits"), [Value::Integer(257)]);
    assert_eq!((text("day"), text("clock")), ("2026-01-31", "-100:00:01"));
    assert_eq!(entry.get("born"), [Value::Integer(1999)]);
    assert_eq!((text("plain"), text("zoned")), ("2026-01-31T08:30:00.5Z", "2026-01-31T06:30:00Z"));
    assert_eq!(text("code"), "00112233-4455-6677-8899-aabbccddeeff");
    assert_eq!((text("document"), text("net")), ("{\"a\": [1]}", "2001:db8::1"));
    assert_eq!((text("padded"), text("latin")), ("ab", "Zoë"));
    assert_eq!((text("kind"), text("several")), ("y", "a,b"));
    assert_eq!(entry.get("bytes"), [Value::Binary(vec![0, 255])]);
    assert_eq!(entry.get("fixed"), [Value::Binary(vec![255, 0])]);
    assert_eq!(entry.get("empty"), []);
}

#[test]
fn a_key_that_is_a_decimal_number_is_compared_digit_by_digit() {
    let (database, values) = database(
        "exact",
        "CREATE TABLE t (id decimal(30, 2) PRIMARY KEY, note text);
         INSERT INTO t VALUES (12345678901234567890.10, 'a'), (12345678901234567890.11, 'b');",
    );
    let mut connector = linked().connect(&values.with("tables", "t")).unwrap();
    let id = Entry::new("t").anchor("id", "12345678901234567890.11").id().clone();
    let update = Change::Update(Update::new(id.clone()).set("note", "c"));
    assert!(connector.export(&[update, Change::Delete { id }]).unwrap().iter().all(Result::is_ok));
    assert_eq!(database.query("SELECT note FROM t"), [["a"]]);
}

#[test]
fn a_key_that_the_database_makes_and_does_not_tell_is_refused() {
    let (database, values) = database(
        "made",
        "CREATE TABLE t (id uuid DEFAULT uuid() PRIMARY KEY, note text);
         CREATE TABLE n (id integer AUTO_INCREMENT PRIMARY KEY, note text);
         CREATE TRIGGER more AFTER INSERT ON t FOR EACH ROW INSERT INTO n (note) VALUES ('more');",
    );
    let mut connector = linked().connect(&values).unwrap();
    let mut results = connector
        .export(&[
            Change::Add(Entry::new("t").set("note", "x")),
            Change::Add(Entry::new("n")),
            Change::Add(Entry::new("n").anchor("id", 7)),
        ])
        .unwrap();
    let error = results.remove(0).unwrap_err();
    assert_eq!((error.kind(), error.attribute()), (ErrorKind::Invalid, Some("id")), "{error}");
    assert!(error.to_string().contains("does not tell"), "{error}");
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(database.query("SELECT id FROM n ORDER BY id"), [["1"], ["7"]]);
}

#[test]
fn what_the_server_refuses_names_the_attribute_and_leaves_the_neighbors() {
    let (database, values) = database(
        "refusals",
        "CREATE TABLE t (id integer PRIMARY KEY, login varchar(5) UNIQUE, name text NOT NULL,
            age integer CHECK (age > 0), boss integer, note text,
            FOREIGN KEY (boss) REFERENCES t (id));
         DELIMITER //
         CREATE TRIGGER noted BEFORE INSERT ON t FOR EACH ROW
            IF new.note = 'no' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this note';
            END IF//",
    );
    let mut connector = linked().connect(&values.with("tables", "t")).unwrap();
    let entry = |id: i64| Entry::new("t").anchor("id", id).set("name", "n");
    let boss = Value::Reference("77".to_owned());
    let results = connector.export(&[
        Change::Add(entry(1).set("login", "ada")),
        Change::Add(entry(2).set("login", "ada")),
        Change::Add(entry(3).set("login", "grace2")),
        Change::Add(Entry::new("t").anchor("id", 4)),
        Change::Add(entry(5).set("age", -1)),
        Change::Add(entry(6).set("boss", boss)),
        Change::Add(entry(1)),
        Change::Add(entry(7).set("login", "'--\"`")),
        Change::Add(entry(8).set("note", "no")),
    ]);
    let results = results.unwrap();
    let kinds: Vec<_> = results
        .iter()
        .map(|result| result.as_ref().err().map(|e| (e.kind(), e.attribute().unwrap_or("-"))))
        .collect();
    assert_eq!(
        kinds,
        [
            None,
            Some((ErrorKind::AlreadyExists, "login")),
            Some((ErrorKind::Invalid, "login")),
            Some((ErrorKind::Invalid, "name")),
            Some((ErrorKind::Invalid, "age")),
            Some((ErrorKind::Invalid, "boss")),
            Some((ErrorKind::AlreadyExists, "id")),
            None,
            Some((ErrorKind::Invalid, "note")),
        ],
        "{results:?}"
    );
    assert_eq!(
        database.query("SELECT id, login FROM t ORDER BY id"),
        [["1", "ada"], ["7", "'--\"`"]]
    );
}

#[test]
fn a_lost_connection_is_unreachable_and_a_new_one_goes_on() {
    let (database, values) = database("lost", "CREATE TABLE t (id integer PRIMARY KEY, note text)");
    let mut connector = linked().connect(&values.clone().with("tables", "t")).unwrap();
    let add = |id: i64| Change::Add(Entry::new("t").anchor("id", id).set("note", "n"));
    assert!(connector.export(&[add(1)]).unwrap()[0].is_ok());
    database.kill_connections();
    let lost = connector.export(&[add(2)]).unwrap();
    assert_eq!(lost[0].as_ref().unwrap_err().kind(), ErrorKind::Unreachable, "{lost:?}");
    let mut connector = linked().connect(&values.with("tables", "t")).unwrap();
    assert!(connector.export(&[add(2)]).unwrap()[0].is_ok());
    let update =
        Update::new(Entry::new("t").anchor("id", 2).id().clone()).set("note", None::<&str>);
    assert!(connector.export(&[Change::Update(update)]).unwrap()[0].is_ok());
    let rows = database.query("SELECT id, note FROM t ORDER BY id");
    assert_eq!(rows, [["1", "n"], ["2", databases::NULL]]);
}

#[test]
fn a_lock_that_is_held_too_long_is_busy_and_leaves_the_neighbors() {
    let (database, values) = database(
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
        let hold = "START TRANSACTION; UPDATE t SET note = 'held' WHERE id = 1;
            INSERT INTO t VALUES (3, 'mark'); SELECT sleep(4); ROLLBACK;";
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
fn a_deadlock_undoes_the_page_and_it_is_done_without_the_change() {
    let (database, values) = database(
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
        // More work than the page has done, so that it is the page that is undone.
        let other = "START TRANSACTION; UPDATE t SET note = 'other' WHERE id = 2;
            INSERT INTO t SELECT seq, 'x' FROM seq_100_to_1000; SELECT sleep(1);
            UPDATE t SET note = 'other' WHERE id = 1; COMMIT;";
        scope.spawn(|| database.sql(other));
        let dirty = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
            SELECT id FROM t WHERE id = 1000";
        while database.query(dirty).is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        connector.export(&[update(1), update(2), update(3)]).unwrap()
    });
    let kinds: Vec<_> = results.iter().map(|r| r.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Busy), None], "{results:?}");
    assert_eq!(
        database.query("SELECT note FROM t WHERE id < 4 ORDER BY id"),
        [["new"], ["other"], ["new"]]
    );
}

#[test]
fn a_server_without_encryption_gets_nothing() {
    use std::io::{Read as _, Write as _};
    let (database, _) = database("plain", "CREATE TABLE t (id integer PRIMARY KEY)");
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
    let values = reach(&database)
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
    let (database, values) = database("trust", "CREATE TABLE t (id integer PRIMARY KEY)");
    let kind = |values: &Values| match linked().connect(values) {
        Ok(_) => None,
        Err(error) => Some(error.kind()),
    };
    assert_eq!(kind(&values), None);
    assert_eq!(kind(&reach(&database)), Some(ErrorKind::Unreachable), "not a CA of the system");
    assert_eq!(kind(&reach(&database).with("tls", "off")), None);
    assert_eq!(kind(&values.with("password", "wrong")), Some(ErrorKind::Forbidden));
    let pinned = reach(&database).with("certificate_sha256", database.certificate_sha256());
    assert_eq!(kind(&pinned), Some(ErrorKind::Config), "not for this driver");
}
