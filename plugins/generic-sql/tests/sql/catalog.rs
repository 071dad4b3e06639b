//! Object types, attributes and problems from the catalog and the settings.

use crate::support::{Database, plugin};
use ecma_plugin_sdk::{Access, AttributeType, prelude::*};

/// An attribute in a few words: name, kind, and what is special about it.
fn words(object_type: &ObjectType) -> Vec<String> {
    let attribute = |a: &ecma_plugin_sdk::Attribute| {
        let mut words = format!("{} {:?}", a.name, a.kind);
        for (is, word) in [
            (a.anchor, "anchor"),
            (a.required, "required"),
            (a.unique, "unique"),
            (a.generated, "generated"),
            (a.multi_valued, "multi"),
            (!a.case_exact, "nocase"),
            (a.access == Access::ImportOnly, "import-only"),
        ] {
            if is {
                words.push(' ');
                words.push_str(word);
            }
        }
        words
    };
    object_type.attributes.iter().map(attribute).collect()
}

/// The attributes of table `t`.
fn attributes(sql: &str, adapt: impl FnOnce(Values) -> Values) -> Vec<String> {
    let schema = Database::new(sql).open_with(adapt).schema().unwrap();
    words(schema.get("t").unwrap())
}

#[test]
fn columns_are_attributes_of_their_declared_types() {
    let sql = "CREATE TABLE o (k TEXT PRIMARY KEY); CREATE TABLE t (
        id INTEGER PRIMARY KEY, login VARCHAR(20) NOT NULL UNIQUE COLLATE NOCASE,
        big BIGINT NOT NULL DEFAULT 0, photo BLOB, pay DECIMAL(8, 2), height REAL,
        ok BOOLEAN, seen TIMESTAMP, plain, o TEXT REFERENCES o, boss INT REFERENCES t (id),
        a TEXT, b TEXT, up TEXT AS (upper(login)) STORED, down TEXT AS (lower(login)),
        UNIQUE (a, b));
        CREATE UNIQUE INDEX pay_once ON t (pay) WHERE ok;
        CREATE UNIQUE INDEX height_once ON t (height);";
    let expected = [
        "id Integer anchor unique generated",
        "login Text required unique nocase",
        "big Integer",
        "photo Binary",
        "pay Text",
        "height Text unique",
        "ok Boolean",
        "seen DateTime",
        "plain Text",
        "o Reference",
        "boss Reference",
        "a Text",
        "b Text",
        "up Text import-only",
        "down Text import-only",
    ];
    assert_eq!(attributes(sql, |values| values), expected);
    // Without the other table among the object types its key is a plain value.
    let alone = attributes(sql, |values| values.with("tables", "t"));
    assert_eq!(alone[9..11], ["o Text", "boss Reference"]);
}

#[test]
fn the_anchor_is_the_key() {
    for (sql, expected) in [
        ("CREATE TABLE t (id INTEGER PRIMARY KEY DESC)", "id Integer anchor required unique"),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY) WITHOUT ROWID",
            "id Integer anchor required unique",
        ),
        ("CREATE TABLE t (id INT PRIMARY KEY)", "id Integer anchor required unique"),
        ("CREATE TABLE t (id TEXT PRIMARY KEY)", "id Text anchor required unique"),
        (
            "CREATE TABLE t (id TEXT PRIMARY KEY DEFAULT (hex(randomblob(8))))",
            "id Text anchor unique generated",
        ),
        ("CREATE TABLE t (id BLOB NOT NULL UNIQUE)", "id Binary anchor required unique"),
        ("CREATE TABLE t (id DATETIME NOT NULL UNIQUE)", "id Text anchor required unique"),
        (
            "CREATE TABLE t (x TEXT UNIQUE, id TEXT NOT NULL UNIQUE)",
            "id Text anchor required unique",
        ),
    ] {
        let attributes = attributes(sql, |values| values);
        let anchors: Vec<_> = attributes.iter().filter(|words| words.contains("anchor")).collect();
        assert_eq!(anchors, [expected], "{sql}");
    }
    let sql = "CREATE TABLE t (a TEXT NOT NULL, n INTEGER, b TEXT NOT NULL, PRIMARY KEY (b, a))";
    let expected = ["a Text anchor required", "n Integer", "b Text anchor required"];
    assert_eq!(attributes(sql, |values| values), expected);
    let expected = ["a Text required", "n Integer anchor required unique", "b Text required"];
    assert_eq!(attributes(sql, |values| values.with("anchor", "t.n")), expected);
}

#[test]
fn settings_say_what_the_catalog_does_not() {
    let sql =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, yes INT, \"when\" TEXT, who TEXT, several TEXT)";
    let found = attributes(sql, |values| {
        values
            .with("boolean", "YES")
            .with("date_time", "t.when")
            .with("references", "who")
            .with("read_only_columns", "who, yes")
            .with("multi_valued", "several")
            .with("multi_value_separator", ";")
    });
    let expected = [
        "id Integer anchor unique generated",
        "yes Boolean import-only",
        "when DateTime",
        "who Reference import-only",
        "several Text multi",
    ];
    assert_eq!(found, expected);
}

#[test]
fn tables_are_object_types() {
    let database = Database::new(
        "CREATE TABLE person (id INTEGER PRIMARY KEY); CREATE TABLE \"a=b\" (id TEXT PRIMARY KEY);
         CREATE TABLE joined (a INT, b INT); CREATE VIEW seen AS SELECT * FROM person;",
    );
    let types = |tables: Option<&str>| {
        let mut connection = database.open_with(|values| match tables {
            Some(tables) => values.with("tables", tables),
            None => values,
        });
        let schema = connection.schema().unwrap();
        schema.types.into_iter().map(|object_type| object_type.name).collect::<Vec<_>>()
    };
    assert_eq!(types(None), ["a=b", "person"], "all with a key");
    assert_eq!(types(Some("user=person, a=b")), ["user", "a=b"]);
    assert_eq!(types(Some("one=person,two=PERSON")), ["one", "two"]);
}

#[test]
fn what_does_not_fit_is_said_by_name() {
    let database = Database::new(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, a TEXT, b TEXT);
         CREATE TABLE joined (a INT, b INT); CREATE VIEW seen AS SELECT * FROM person;",
    );
    let several = |names: &str| format!("names \"{names}\", which is no column of person");
    for (name, answer, expected) in [
        (
            "tables",
            "persons",
            "names \"persons\", but the tables of the database are: joined, person, seen"
                .to_owned(),
        ),
        (
            "tables",
            "seen",
            "is missing for seen, whose keys nobody tells; name its columns as seen.column"
                .to_owned(),
        ),
        ("tables", "person,person", "names the type \"person\" twice".to_owned()),
        ("tables", "=person", "has no type before the equals sign of \"=person\"".to_owned()),
        ("anchor", "idd", several("idd")),
        ("boolean", "x", several("x")),
        ("date_time", "joined.a", several("joined.a")),
        ("references", "person.x", several("person.x")),
        ("read_only_columns", "x", several("x")),
        (
            "watermark_column",
            "changed",
            "is \"changed\", which table person does not have".to_owned(),
        ),
        ("multi_valued", "a", String::new()),
        ("multi_value_separator", ";", String::new()),
        ("busy_timeout_seconds", "601", "is more than 600 seconds".to_owned()),
    ] {
        let found = database.problems(|values| values.with("tables", "person").with(name, answer));
        let expected = match name {
            "multi_valued" => {
                "multi_value_separator is missing for the columns of multi_valued".to_owned()
            }
            "multi_value_separator" => "multi_valued names no column for the separator".to_owned(),
            _ if answer == "seen" => format!("anchor {expected}"),
            _ => format!("{name} {expected}"),
        };
        assert_eq!(found, [expected], "{name} = {answer}");
    }
    let found = database.problems(|values| values.with("tables", "joined"));
    assert!(found[0].starts_with("anchor is missing for table joined"), "{found:?}");
    let error = plugin().connect(&database.values().with("tables", "seen")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(database.problems(|values| values.with("driver", "oracle")).len(), 1);
    let empty = Database::new("PRAGMA user_version = 1");
    assert_eq!(empty.problems(|values| values), ["database has no table with a key"]);
}

#[test]
fn a_new_column_is_seen_without_a_new_connection() {
    let database = Database::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let mut connection = database.open();
    assert_eq!(connection.schema().unwrap().types[0].attributes.len(), 1);
    database.sql.execute_batch("ALTER TABLE t ADD COLUMN more INTEGER").unwrap();
    let schema = connection.schema().unwrap();
    assert_eq!(schema.types[0].attributes[1].kind, AttributeType::Integer);
}
