//! ODBC: the scenarios with three drivers, and what only ODBC has.

mod mariadb;
mod postgres;
mod sqlite;

use super::{Target, import, linked};
use ecma_plugin_sdk::{Update, prelude::*, testkit};
use std::fs;

fn connected(text: &str) -> Values {
    Values::new([("driver", "odbc"), ("connection_string", text)])
}

/// A megabyte of text and of bytes, a text that is empty, signs of four bytes: written and read back.
fn long_values_come_back(database: &Target, values: &Values) {
    let text = "Zoë 😀 ".repeat(100_000);
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut connector = linked().connect(values).unwrap();
    let entry = |id: i64| Entry::new("t").anchor("id", id);
    let results = connector.export(&[
        Change::Add(
            entry(1).set("short", "😀").set("long", text.as_str()).set("bytes", bytes.clone()),
        ),
        Change::Add(entry(2).set("short", "x").set("long", "y").set("bytes", vec![0_u8])),
        Change::Update(Update::new(entry(2).id().clone()).set("bytes", None::<Vec<u8>>)),
    ]);
    let results = results.unwrap();
    assert!(results.iter().all(Result::is_ok), "{:?}", results.iter().map(|r| r.as_ref().err()));
    let entries = import(values);
    assert_eq!(entries[0].text("short"), Some("😀"));
    assert!(entries[0].text("long") == Some(text.as_str()), "the long text is whole");
    assert!(entries[0].get("bytes") == [Value::Binary(bytes)], "the bytes are whole");
    assert_eq!(entries[1].get("bytes"), []);
    assert_eq!(database.query("SELECT short FROM t WHERE bytes IS NULL"), [["x"]]);
}

#[test]
fn a_plugin_without_its_companion_says_so() {
    let folder = testkit::temp_dir();
    let built = testkit::built_library("generic-sql");
    let alone = folder.path().join(built.file_name().unwrap());
    fs::copy(&built, &alone).unwrap();
    let plugin = Plugin::load(&alone).unwrap();
    let error = plugin.connect(&connected("Driver=x")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("is not beside the plugin"), "{error}");
}

#[test]
fn exactly_one_source_is_wanted_and_nothing_of_other_drivers() {
    let problems = |values: Values| {
        let problems = linked().check(&values).unwrap();
        problems.iter().map(|problem| problem.at.clone()).collect::<Vec<_>>()
    };
    assert_eq!(problems(Values::new([("driver", "odbc")])), ["connection_string"]);
    assert_eq!(problems(connected("Driver=x").with("dsn", "y")), ["dsn"]);
    assert_eq!(
        problems(connected("Driver=x").with("server", "y").with("tls", "off")),
        ["server", "tls"]
    );
    let sqlite = Values::new([("database", "x.db"), ("dialect", "ansi")]);
    assert_eq!(problems(sqlite), ["dialect"]);
}
