//! MariaDB over ODBC.

use super::connected;
use crate::{
    Target, Vendor,
    deltas::every_delta,
    linked,
    mysql::{MARIADB, SERVER, every_type},
    scenarios::every_scenario,
    values::every_value,
};
use ecma_plugin_sdk::prelude::*;
use targets::{Mariadb, odbc_driver};

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
    every_type(&ODBC);
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
