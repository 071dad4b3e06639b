//! The connector on a real MariaDB: the contract, what only a server has, and what it says.
#![expect(clippy::unwrap_used, reason = "tests")]
#![cfg(unix)]

mod refusals;

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
