//! What servers keep in ways of their own: numbers at their borders, padded text, points in time.

use super::{Vendor, import, linked};
use ecma_plugin_sdk::{Anchor, EntryId, Update, prelude::*, testkit};

/// Makes a test of each scenario for a vendor.
macro_rules! every_value {
    ($vendor:expr) => {
        tests_of! { $vendor, values:
            whole_numbers_at_their_borders_are_exact
            padding_is_no_part_of_a_value
            points_in_time_are_local_inside_and_utc_outside
            a_statement_that_takes_too_long_is_ended_and_undone
        }
    };
}
pub(crate) use every_value;

fn row(key: impl Into<Value>) -> Entry {
    Entry::new("t").anchor("id", key.into())
}

fn id(key: impl Into<Value>) -> EntryId {
    row(key).id().clone()
}

pub(crate) fn whole_numbers_at_their_borders_are_exact(vendor: &Vendor) {
    let (database, values) = vendor.database(
        "borders",
        "CREATE TABLE t (id bigint PRIMARY KEY, large numeric(20), small smallint);
         INSERT INTO t VALUES (-9223372036854775808, 18446744073709551615, -32768),
            (9223372036854775807, -99999999999999999999, 32767);",
    );
    let values = values.with("tables", "t");
    let mut found: Vec<_> = import(&values)
        .iter()
        .map(|entry| {
            let key = entry.id().anchor.get("id").unwrap().to_string();
            (key, entry.text("large").unwrap().to_owned(), entry.get("small").to_vec())
        })
        .collect();
    found.sort();
    let (least, most) = (i64::MIN.to_string(), i64::MAX.to_string());
    let small = |number: i64| vec![Value::Integer(number)];
    assert_eq!(
        found,
        [
            (least, u64::MAX.to_string(), small(-32768)),
            (most, "-99999999999999999999".to_owned(), small(32767)),
        ]
    );
    let mut connector = linked().connect(&values).unwrap();
    let change =
        |name: &str, value: Value| Change::Update(Update::new(id(i64::MAX)).set(name, value));
    let results = connector
        .export(&[
            change("large", Value::from(u64::MAX.to_string())),
            change("small", Value::Integer(32768)),
            change("small", Value::from("18446744073709551616")),
        ])
        .unwrap();
    let kinds: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Invalid), Some(ErrorKind::Invalid)], "{results:?}");
    let rows = database.query("SELECT large, small FROM t WHERE id > 0");
    assert_eq!(rows, [["18446744073709551615", "32767"]], "nothing is cut or wrapped");
    let beyond = Anchor::new([("id", Value::from("9223372036854775808"))]);
    let beyond = EntryId { anchor: beyond, ..id(1) };
    assert_eq!(connector.read(&[beyond]).unwrap(), [None]);
}

pub(crate) fn padding_is_no_part_of_a_value(vendor: &Vendor) {
    let (database, values) = vendor.database(
        "padding",
        "CREATE TABLE t (id char(6) PRIMARY KEY, name char(8), kind char(9));
         CREATE TABLE c (t char(6), value char(7), type char(9), PRIMARY KEY (t, value));
         INSERT INTO t VALUES ('a', 'ada', 't'), ('b', '', NULL);
         INSERT INTO c VALUES ('a', 'b', 't'), ('a', 'x', 'other');",
    );
    let children = "t.values = c.value WHERE c.t = t.id TYPE c.type";
    let values = values.with("tables", "t").with("multi_valued_tables", children);
    let values = values.with("references", "values=t");
    let reference = |text: &str| Value::Reference(text.to_owned());
    let ada = row("a").set("name", "ada").set("kind", "t").set("values", reference("b"));
    assert_eq!(import(&values), [ada.clone(), row("b")]);
    let mut connector = linked().connect(&values).unwrap();
    assert_eq!(connector.read(&[id("a"), id("a     ")]).unwrap()[0], Some(ada));
    let change = Update::new(id("a")).set("name", "Ada").set("values", reference("b"));
    let results = connector.export(&[
        Change::Update(change),
        Change::Add(row("c").set("name", "c")),
        Change::Add(row("c")),
        Change::Delete { id: id("b") },
    ]);
    let results = results.unwrap();
    let kinds: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, None, Some(ErrorKind::AlreadyExists), None], "{results:?}");
    let added = results[1].as_ref().unwrap();
    let entry = added.entry.as_ref().unwrap();
    assert_eq!(
        entry,
        &row("c").set("name", "c"),
        "the key that comes back is the one that was sent"
    );
    let rows = database.query("SELECT count(*) FROM c WHERE t = 'a'");
    assert_eq!(rows, [["2"]], "a value that stays is one row, and what is none stays");
    let padded = import(&values.with("trim_char_padding", false));
    let length = if vendor.cuts_padding { 3 } else { 8 };
    assert_eq!(padded[0].text("name").unwrap().len(), length);
}

pub(crate) fn points_in_time_are_local_inside_and_utc_outside(vendor: &Vendor) {
    let (database, values) = vendor.database(
        "moments",
        &format!(
            "CREATE TABLE t (id integer PRIMARY KEY, plain {}, zoned {}, words varchar(30),
                day date);
             {}
             INSERT INTO t VALUES (1, '2026-07-31 08:30:00', '2026-07-31 08:30:00',
                '07/31/2026 08:30 AM', '2026-07-31');",
            vendor.moments[0], vendor.moments[1], vendor.utc
        ),
    );
    let values = values
        .with("tables", "t")
        .with("time_zone", "Europe/Berlin")
        .with("date_time", "words, day")
        .with("date_time_format", "MM/dd/yyyy hh:mm tt");
    let now = "2026-07-31T06:30:00Z";
    let mut connector = linked().connect(&values).unwrap();
    let midnight = "2026-07-30T22:00:00Z";
    let entry = row(2).set("plain", now).set("zoned", now).set("words", now).set("day", midnight);
    let exported = connector.export(&[Change::Add(entry.clone())]).unwrap().remove(0).unwrap();
    assert_eq!(exported.entry, Some(entry.clone()));
    let rows =
        database.query(&format!("SELECT {}, words, day FROM t ORDER BY id", vendor.moments[2]));
    let local = "2026-07-31 08:30:00";
    assert_eq!(
        rows,
        [
            [local, local, "07/31/2026 08:30 AM", "2026-07-31"],
            // A type that is absolute keeps UTC.
            [local, "2026-07-31 06:30:00", "07/31/2026 08:30 AM", "2026-07-31"],
        ]
    );
    let found = import(&values);
    assert_eq!(found[1], entry);
    assert_eq!(found[0].text("plain"), Some(now));
    assert_eq!(found[0].text("day"), Some(midnight), "the format is for columns of text");
    assert_eq!(found[0].text("zoned"), Some("2026-07-31T08:30:00Z"));
}

pub(crate) fn a_statement_that_takes_too_long_is_ended_and_undone(vendor: &Vendor) {
    let (database, values) = vendor.database("late", vendor.slow);
    let values = values.with("tables", "t").with("command_timeout_seconds", 3);
    let mut connector = linked().connect(&values).unwrap();
    let results = connector.export(&[
        Change::Add(row(1).set("name", "a")),
        Change::Add(row(2).set("name", "slow")),
        Change::Add(row(3).set("name", "b")),
    ]);
    let results = results.unwrap();
    let kinds: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Timeout), None], "{results:?}");
    assert_eq!(database.query("SELECT id FROM t ORDER BY id"), [["1"], ["3"]]);
    assert!(testkit::import(&mut connector, &ImportRun::full()).is_ok());
}
