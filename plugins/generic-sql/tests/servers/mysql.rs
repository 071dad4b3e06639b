//! MariaDB alone: its tables, its types, its words; and who stands in the way there.

mod refusals;

use super::{
    Commit, Target, Vendor, deltas::every_delta, import, linked, scenarios::every_scenario,
    values::every_value,
};
use ecma_plugin_sdk::{Update, prelude::*, testkit};
use mysql_async::{Conn, OptsBuilder, prelude::Queryable as _};
use std::sync::LazyLock;
use targets::{Database, Mariadb};

pub(crate) static SERVER: LazyLock<Mariadb> = LazyLock::new(Mariadb::start);

pub(crate) const MARIADB: Vendor = Vendor {
    driver: "mysql",
    fresh: |name| Target::Server(Box::new(SERVER.fresh_database(name))),
    odbc: None,
    cuts_padding: true,
    bytes: true,
    people: PEOPLE,
    teams: TEAMS,
    pages: "CREATE TABLE t (a varchar(9), b integer, note text, PRIMARY KEY (a, b));
        INSERT INTO t SELECT char(97 + seq % 26), seq, concat('note ', seq) FROM seq_1_to_45000;
        CREATE TABLE c (a varchar(9), b integer, value varchar(9), PRIMARY KEY (a, b, value));
        INSERT INTO c SELECT a, b, concat('v', seq) FROM t, seq_1_to_2 WHERE b % 3 > 0;",
    constraints: "CREATE TABLE t (id integer PRIMARY KEY, login varchar(5) UNIQUE,
            name text NOT NULL, age integer CHECK (age > 0), boss integer,
            FOREIGN KEY (boss) REFERENCES t (id));
        DELIMITER //
        CREATE TRIGGER named BEFORE INSERT ON t FOR EACH ROW
            IF new.name = 'no' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this name';
            END IF//",
    deadly: "CREATE TABLE t (id integer PRIMARY KEY, note text);
        DELIMITER //
        CREATE TRIGGER die BEFORE INSERT ON t FOR EACH ROW
            IF new.note = 'die' THEN KILL CONNECTION CONNECTION_ID(); END IF//",
    staff: STAFF,
    kinds: "CREATE PROCEDURE list_kinds(unwanted varchar(9))
        SELECT 1 AS number, name AS NAME FROM kind WHERE note <> unwanted;",
    add_staff: "INSERT INTO staff (login, age) VALUES (@login, @age)",
    moments: ["datetime", "timestamp NULL", "plain, CONVERT_TZ(zoned, @@time_zone, '+00:00')"],
    utc: "SET time_zone = '+00:00';",
    slow: "CREATE TABLE t (id integer PRIMARY KEY, name varchar(9));
        DELIMITER //
        CREATE TRIGGER wait BEFORE INSERT ON t FOR EACH ROW
            IF new.name = 'slow' THEN SET new.id = new.id + SLEEP(600); END IF//",
    history: |table, child| {
        let child = child.map(|(child, join)| format!(", @child = '{child}', @join = '{join}'"));
        let script = include_str!("../../../../docs/databases/delta-triggers-mysql.sql");
        format!("SET @table = '{table}'{};\n{script}", child.unwrap_or_default())
    },
    hold,
    named: ["login", "age"],
};

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

const STAFF: &str = "
CREATE TABLE staff (id integer AUTO_INCREMENT PRIMARY KEY, login varchar(99) UNIQUE, age integer,
    secret text);
INSERT INTO staff (login) SELECT concat('p', seq) FROM seq_1_to_7;
CREATE TABLE log (what text);
DELIMITER //
CREATE PROCEDURE list_staff(first integer, last integer)
    SELECT id, login, age FROM
        (SELECT s.*, row_number() OVER (ORDER BY id) AS n FROM staff s) x
    WHERE n BETWEEN first AND last ORDER BY n//
CREATE PROCEDURE list_staff_whole(first integer, last integer)
    SELECT id, login, age FROM staff ORDER BY id//
CREATE PROCEDURE add_staff(log_in varchar(99), years integer, OUT made integer)
BEGIN
    INSERT INTO staff (login, age) VALUES (log_in, years);
    SET made = last_insert_id();
END//
CREATE PROCEDURE found_one(rows_changed integer)
BEGIN
    IF rows_changed <> 1 THEN SIGNAL SQLSTATE '02000' SET MESSAGE_TEXT = 'nobody'; END IF;
END//
CREATE PROCEDURE change_staff(k integer, log_in varchar(99), years integer)
BEGIN
    UPDATE staff SET login = log_in, age = years WHERE id = k;
    CALL found_one(row_count());
END//
CREATE PROCEDURE remove_staff(k integer)
BEGIN
    DELETE FROM staff WHERE id = k;
    CALL found_one(row_count());
END//
CREATE PROCEDURE password_staff(k integer, word text, why text)
BEGIN
    UPDATE staff SET secret = concat(word, ' ', why) WHERE id = k;
    CALL found_one(row_count());
END//
DELIMITER ;
";

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

every_scenario!(MARIADB);
every_delta!(MARIADB);
every_value!(MARIADB);

fn hold(database: &Database, statements: &[&str]) -> Commit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = OptsBuilder::default()
        .ip_or_hostname(database.host())
        .tcp_port(database.port())
        .db_name(Some(database.database()))
        .user(Some(database.user()))
        .pass(Some(database.password()))
        .prefer_socket(false);
    let mut connection = runtime.block_on(Conn::new(options)).unwrap();
    for statement in ["START TRANSACTION"].iter().chain(statements) {
        runtime.block_on(connection.query_drop(*statement)).unwrap();
    }
    Box::new(move || {
        runtime.block_on(connection.query_drop("COMMIT")).unwrap();
        runtime.block_on(connection.disconnect()).unwrap();
    })
}

#[test]
fn an_enum_in_the_anchor_loses_no_row_between_pages() {
    const PARENTS: usize = 45_000;
    let (_database, values) = MARIADB.database(
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
    every_type(&MARIADB);
    // What the driver of ODBC cannot tell.
    let (_database, values) = MARIADB.database(
        "more",
        "CREATE TABLE t (id integer PRIMARY KEY, bits bit(12), clock time);
         INSERT INTO t VALUES (1, b'100000001', '-100:00:01');",
    );
    let [entry] = &import(&values)[..] else { panic!("one row") };
    assert_eq!(entry.get("bits"), [Value::Integer(257)]);
    assert_eq!(entry.text("clock"), Some("-100:00:01"));
}

/// A value of each type, however the server is reached.
pub(crate) fn every_type(vendor: &Vendor) {
    let (_database, values) = vendor.database(
        "kinds",
        "CREATE TABLE t (id bigint PRIMARY KEY, small smallint, large bigint unsigned,
            exact decimal(30, 2), single float, `double` double, truth boolean, flag bit(1),
            day date, plain datetime(6), zoned timestamp NULL, clock time, born year,
            code uuid, document json, padded char(5), net inet6, bytes blob, fixed binary(2),
            kind enum('x', 'y'), several set('a', 'b'), latin varchar(9) CHARACTER SET latin1,
            empty text);
         SET time_zone = '+02:00';
         INSERT INTO t VALUES (9223372036854775807, -1, 9, 12345678901234567890.10, 0.1, 0.2, true,
            b'1', '2026-01-31', '2026-01-31 08:30:00.5', '2026-01-31 08:30:00',
            '10:00:01', 1999, '00112233-4455-6677-8899-aabbccddeeff', '{\"a\": [1]}', 'ab',
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
    assert_eq!((text("day"), text("clock")), ("2026-01-31", "10:00:01"));
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
    let (database, values) = MARIADB.database(
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
fn an_unsigned_number_that_is_too_large_refuses_its_row_and_no_other() {
    let (database, values) = MARIADB.database(
        "unsigned",
        "CREATE TABLE t (id bigint unsigned PRIMARY KEY, many bigint unsigned);
         INSERT INTO t VALUES (1, 9223372036854775807), (2, 9223372036854775808),
            (18446744073709551615, 1);",
    );
    let mut connector = linked().connect(&values.with("tables", "t")).unwrap();
    let imported = testkit::import(&mut connector, &ImportRun::full()).unwrap();
    let [Change::Add(entry)] = &imported.changes[..] else { panic!("{:?}", imported.changes) };
    assert_eq!(entry.get("many"), [Value::Integer(i64::MAX)]);
    assert_eq!(imported.refused.len(), 2, "{:?}", imported.refused);
    let update = Update::new(entry.id().clone()).set("many", "18446744073709551615");
    let refused = connector.export(&[Change::Update(update)]).unwrap().remove(0).unwrap_err();
    assert_eq!((refused.kind(), refused.attribute()), (ErrorKind::Invalid, Some("many")));
    let rows = database.query("SELECT many FROM t WHERE id = 1");
    assert_eq!(rows, [["9223372036854775807"]]);
}
