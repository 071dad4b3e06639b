//! SQLite over ODBC.

use super::connected;
use crate::{Target, Vendor, import, linked, postgres::POSTGRES, scenarios::every_scenario};
use ecma_plugin_sdk::{Update, prelude::*, testkit::temp_dir};
use targets::odbc_driver;

const ODBC: Vendor = Vendor {
    driver: "odbc",
    fresh: |_| Target::File(temp_dir()),
    odbc: Some(reach),
    bytes: false,
    people: PEOPLE,
    teams: TEAMS,
    pages: "CREATE TABLE t (a TEXT, b INTEGER, note TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45000)
        INSERT INTO t SELECT char(97 + i % 26), i, 'note ' || i FROM n;
        CREATE TABLE c (a TEXT, b INTEGER, value TEXT, PRIMARY KEY (a, b, value)) WITHOUT ROWID;
        INSERT INTO c SELECT a, b, 'v1' FROM t WHERE b % 3 > 0;
        INSERT INTO c SELECT a, b, 'v2' FROM t WHERE b % 3 > 0;",
    constraints: "CREATE TABLE t (id INTEGER PRIMARY KEY, login TEXT UNIQUE,
            name TEXT NOT NULL, age INTEGER CHECK (age > 0), boss INTEGER REFERENCES t,
            CONSTRAINT login_length CHECK (length(login) < 6));
        CREATE TRIGGER named BEFORE INSERT ON t WHEN new.name = 'no' BEGIN
            SELECT RAISE(ABORT, 'not this name'); END;",
    // A constraint with a name is known by that.
    named: ["-", "age"],
    // What only servers have.
    ..POSTGRES
};

const PEOPLE: &str = "
CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT,
    enabled BOOLEAN NOT NULL DEFAULT 1,
    hired DATETIME,
    photo BLOB,
    phones TEXT,
    salary TEXT,
    code TEXT,
    shown TEXT AS (login || ' ' || name),
    changed INTEGER
);
CREATE TRIGGER added AFTER INSERT ON person BEGIN
    UPDATE person SET changed = (SELECT coalesce(max(changed), 0) + 1 FROM person) WHERE id = new.id;
END;
CREATE TRIGGER updated AFTER UPDATE ON person
    WHEN (old.login, old.name) IS NOT (new.login, new.name) BEGIN
    UPDATE person SET changed = (SELECT max(changed) + 1 FROM person) WHERE id = new.id;
END;
INSERT INTO person (login, name, hired) VALUES
    ('ada', 'Ada', '1843-10-01 12:00:00'), ('grace', 'Grace', NULL), ('edsger', 'Edsger', NULL);
CREATE TABLE device (site TEXT, number INTEGER, owner INTEGER REFERENCES person, note TEXT,
    PRIMARY KEY (site, number)) WITHOUT ROWID;
INSERT INTO device VALUES ('a', 1, 1, 'one'), ('a', 2, 2, 'two'), ('b', 1, NULL, 'three');";

const TEAMS: &str = "
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, changed INTEGER);
CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT, changed INTEGER);
CREATE TABLE member (team INTEGER REFERENCES team, member INTEGER, type TEXT, changed INTEGER,
    PRIMARY KEY (team, member, type)) WITHOUT ROWID;
CREATE TABLE tag (team INTEGER REFERENCES team, tag TEXT NOT NULL, UNIQUE (team, tag));
CREATE TRIGGER added AFTER INSERT ON team BEGIN
    UPDATE team SET changed = (SELECT coalesce(max(changed), 0) + 1 FROM team) WHERE id = new.id;
END;
CREATE TRIGGER updated AFTER UPDATE OF name ON team WHEN old.name IS NOT new.name BEGIN
    UPDATE team SET changed = (SELECT max(changed) + 1 FROM team) WHERE id = new.id;
END;
CREATE TRIGGER joined AFTER INSERT ON member BEGIN
    UPDATE member SET changed = (SELECT coalesce(max(changed), 0) + 1 FROM member)
        WHERE team = new.team AND member = new.member AND type = new.type;
END;
INSERT INTO person (name) VALUES ('Ada'), ('Grace'), ('Edsger');
INSERT INTO team (id, name) VALUES (1, 'all'), (2, 'some');
INSERT INTO member (team, member, type) VALUES (1, 2, 'team'), (1, 3, 'person'), (2, 1, 'person');
INSERT INTO tag VALUES (1, 'old'), (1, 'big'), (2, 'new');";

fn reach(database: &Target) -> Values {
    connected(&format!(
        "Driver={};Database={}",
        odbc_driver("libsqlite3odbc.so"),
        database.path().display()
    ))
}

every_scenario!(ODBC, of_a_file);

#[test]
fn bytes_are_shown_as_the_driver_writes_them_and_are_read_only() {
    let (_database, values) = ODBC.database(
        "bytes",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, photo BLOB); INSERT INTO t VALUES (1, x'00ff');",
    );
    assert_eq!(import(&values)[0].text("photo"), Some("X'00FF'"));
    let mut connector = linked().connect(&values).unwrap();
    let set = Update::new(Entry::new("t").anchor("id", 1).id().clone()).set("photo", "x");
    let results = connector.export(&[Change::Update(set)]).unwrap();
    assert_eq!(results[0].as_ref().unwrap_err().message(), "is read only");
}
