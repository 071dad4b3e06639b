//! MariaDB over ODBC.

use super::connected;
use crate::{
    Target, Vendor,
    deltas::every_delta,
    import, linked,
    mysql::{MARIADB, SERVER},
    scenarios::every_scenario,
    values::every_value,
};
use databases::{Mariadb, odbc_driver};
use ecma_plugin_sdk::prelude::*;

const ODBC: Vendor = Vendor {
    driver: "odbc",
    fresh: |name| Target::Server(Box::new(SERVER.fresh_database(&format!("odbc_{name}")))),
    odbc: Some(reach),
    ..MARIADB
};

fn reach(database: &Target) -> Values {
    let text = format!(
        "Driver={};Server=127.0.0.1;Port={};Database={};SSLCA={};SSLVERIFY=1;FORCETLS=1",
        odbc_driver("libmaodbc.so"),
        database.port(),
        database.database(),
        database.ca_pem().display(),
    );
    connected(&text).with("user", database.user()).with("password", database.password())
}

every_scenario!(ODBC);
every_delta!(ODBC);
every_value!(ODBC);

#[test]
fn long_values_are_whole_and_signs_beyond_the_first_plane_come_through() {
    let (database, values) = ODBC.database("long", "CREATE TABLE t (id integer PRIMARY KEY, short varchar(20), `long` longtext, bytes longblob)");
    super::long_values_come_back(&database, &values);
}

#[test]
fn values_are_what_they_are_in_the_database() {
    let (_database, values) = ODBC.database(
        "kinds",
        "CREATE TABLE t (id bigint PRIMARY KEY, small smallint, large bigint unsigned,
            exact decimal(30, 2), single float, `double` double, truth boolean, flag bit(1),
            day date, plain datetime(6), zoned timestamp NULL, clock time, born year,
            code uuid, document json, padded char(5), net inet6, bytes blob, fixed binary(2),
            kind enum('x', 'y'), several set('a', 'b'), latin varchar(9) CHARACTER SET latin1,
            empty text);
         SET time_zone = '+02:00';
         INSERT INTO t VALUES (9223372036854775807, -1, 9,
            12345678901234567890.10, 0.1, 0.2, true,
            b'1', '2026-01-31', '2026-01-31 08:30:00.5', '2026-01-31 08:30:00',
            '10:00:01', 1999, '00112233-4455-6677-8899-aabbccddeeff', '{\"a\": [1]}', 'ab',
            '2001:db8::1', x'00ff', x'ff00', 'y', 'a,b', 'Zoë', '');",
    );
    let entries = import(&values.with("tables", "t"));
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.id().anchor.get("id"), Some(&Value::Integer(i64::MAX)));
    let text = |name| entry.text(name).unwrap_or("nothing");
    assert_eq!(entry.get("small"), [Value::Integer(-1)]);
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
fn a_password_with_every_sign_of_a_connection_string_arrives() {
    // A server of its own: the account has another password meanwhile.
    let server = Mariadb::start();
    let password = "a;b{c}d=e+%20 ü";
    server.sql(&format!(
        "CREATE TABLE t (id integer PRIMARY KEY); SET PASSWORD = PASSWORD('{password}')"
    ));
    let values = reach(&Target::Server(Box::new((**server).clone())));
    linked().connect(&values.with("password", password)).unwrap();
}
