//! What differs from object type to object type: time zone, notation of dates, deltas, the database.

use crate::support::{Database, add, entries, export, id, update};
use ecma_plugin_sdk::{Answer, prelude::*, testkit::import};

const BOTH: &str = "
    CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, seen TEXT, changed INT);
    CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT, seen TEXT);";

fn list(entries: &[&str]) -> Answer {
    Answer::from(entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>())
}

/// The texts of an attribute, by object type.
fn texts(entries: &[Entry], attribute: &str) -> Vec<(String, String)> {
    let text = |entry: &Entry| {
        let text = entry.text(attribute).unwrap_or_default();
        (entry.id().object_type.clone(), text.to_owned())
    };
    entries.iter().map(text).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}

#[test]
fn a_time_zone_and_a_notation_of_dates_are_of_one_object_type() {
    let database = Database::new(&format!(
        "{BOTH} INSERT INTO person (id, seen) VALUES (1, '31/Jul/2026 08:30');
         INSERT INTO team (id, seen) VALUES (1, '2026-07-31 08:30:00');"
    ));
    let mut connection = database.open_with(|values| {
        values
            .with("date_time", "seen")
            .with("time_zone", "Europe/Berlin")
            .with("partition_time_zones", list(&["person = Asia/Tokyo"]))
            .with("partition_date_time_formats", list(&["person = dd/MMM/yyyy HH:mm"]))
    });
    assert_eq!(
        texts(&entries(&mut connection), "seen"),
        pairs(&[("person", "2026-07-30T23:30:00Z"), ("team", "2026-07-31T06:30:00Z")])
    );
    for object_type in ["person", "team"] {
        let change = update(id(object_type, "id", 1)).set("seen", "2026-01-01T00:00:00Z");
        export(&mut connection, Change::Update(change)).unwrap();
    }
    let rows = database.rows("SELECT seen FROM person UNION ALL SELECT seen FROM team");
    assert_eq!(rows, ["'01/Jan/2026 09:00'", "'2026-01-01 01:00:00'"]);
}

#[test]
fn a_delta_strategy_is_of_one_object_type() {
    let database = Database::new(&format!(
        "{BOTH} CREATE TABLE team_history (id INTEGER PRIMARY KEY, team INTEGER);
         CREATE TABLE device (id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO person VALUES (1, 'ada', NULL, 1);
         INSERT INTO team VALUES (1, 'all', NULL);
         INSERT INTO device VALUES (1, 'phone');"
    ));
    let mut connection = database.open_with(|values| {
        let history = "team = team_history WHERE team_history.team = team.id";
        values
            .with("tables", "person, team, device")
            .with("delta_strategy", "none")
            .with("watermark_column", "changed")
            .with("history_tables", history)
            .with("partition_delta_strategies", list(&["person = watermark", "team = history"]))
    });
    let since = import(&mut connection, &ImportRun::full()).unwrap().watermark.unwrap();
    let sql = "INSERT INTO person VALUES (2, 'grace', NULL, 2); DELETE FROM team;
        INSERT INTO team_history (team) VALUES (1);";
    database.sql.execute_batch(sql).unwrap();
    let delta = import(&mut connection, &ImportRun::delta(since)).unwrap();
    let shown: Vec<String> = delta.changes.iter().map(|change| change.id().to_string()).collect();
    assert_eq!(shown, ["person 2", "team 1", "device 1"], "what has no deltas comes whole");
    assert!(matches!(delta.changes[1], Change::Delete { .. }));
}

#[test]
fn a_watermark_query_is_of_one_object_type() {
    let database = Database::new(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, changed INT);
         CREATE TABLE b (id INTEGER PRIMARY KEY, changed INT);
         INSERT INTO a VALUES (1, 5); INSERT INTO b VALUES (1, 5);",
    );
    let open = |query: &str| {
        let queries = list(&[&format!("a = {query}")]);
        database.open_with(|values| {
            let values = values.with("watermark_column", "changed");
            values.with("partition_watermark_queries", queries)
        })
    };
    let mut connection = open("SELECT 10");
    let since = import(&mut connection, &ImportRun::full()).unwrap().watermark.unwrap();
    let sql = "INSERT INTO a VALUES (2, 7); INSERT INTO b VALUES (2, 7);";
    database.sql.execute_batch(sql).unwrap();
    let delta = import(&mut connection, &ImportRun::delta(since)).unwrap();
    let shown: Vec<String> = delta.changes.iter().map(|change| change.id().to_string()).collect();
    assert_eq!(shown, ["b 2"], "up to 10 was promised for a");
    let error = import(&mut open("SELECT NULL"), &ImportRun::full()).err().unwrap();
    let words = "partition_watermark_queries answers nothing; it answers one value, not NULL";
    assert_eq!(error.message(), words);
}

#[test]
fn an_object_type_stands_in_another_file() {
    let here = Database::new(BOTH);
    let there = Database::new(BOTH);
    here.sql.execute_batch("INSERT INTO person (id, name) VALUES (1, 'ada')").unwrap();
    there.sql.execute_batch("INSERT INTO team (id, name) VALUES (1, 'all')").unwrap();
    let file = format!("team = {}", there.path().display());
    let mut connection =
        here.open_with(|values| values.with("partition_databases", list(&[&file])));
    let names = pairs(&[("person", "ada"), ("team", "all")]);
    assert_eq!(texts(&entries(&mut connection), "name"), names);

    let entry = |object_type, name| add(Entry::new(object_type).set("name", name));
    let page = [entry("team", "some"), entry("person", "grace"), entry("team", "none")];
    let results = connection.export(&page).unwrap();
    let anchor = |result: &Result<ecma_plugin_sdk::Exported>| {
        result.as_ref().unwrap().entry.as_ref().unwrap().id().to_string()
    };
    let anchors: Vec<String> = results.iter().map(anchor).collect();
    assert_eq!(anchors, ["team 2", "person 2", "team 3"], "in the order of the page");
    assert_eq!(here.rows("SELECT name FROM person"), ["'ada'", "'grace'"]);
    assert_eq!(here.rows("SELECT count(*) FROM team"), ["0"]);
    assert_eq!(there.rows("SELECT name FROM team"), ["'all'", "'some'", "'none'"]);
    let read = connection.read(&[id("team", "id", 3), id("person", "id", 3)]).unwrap();
    assert_eq!(read[0].as_ref().and_then(|entry| entry.text("name")), Some("none"));
    assert_eq!(read[1], None);
}

#[test]
fn a_database_of_a_partition_has_to_have_its_table() {
    let here = Database::new(BOTH);
    let there = Database::new("CREATE TABLE person (id INTEGER PRIMARY KEY)");
    let file = format!("team = {}", there.path().display());
    let values = here.values().with("partition_databases", list(&[&file]));
    let error = crate::support::plugin().connect(&values).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    let words =
        "the table team is not in the database of its partition, or hidden from its account";
    assert_eq!(error.message(), words);
}

#[test]
fn entries_that_do_not_fit_are_told() {
    let database = Database::new(BOTH);
    for (parameter, entry, expected) in [
        (
            "partition_time_zones",
            "person",
            "partition_time_zones has \"person\", which is not written as type = value",
        ),
        (
            "partition_time_zones",
            "persn = Asia/Tokyo",
            "partition_time_zones names \"persn\", which is no object type, did you mean \"person\"?",
        ),
        (
            "partition_time_zones",
            "person = Asia/Tokio",
            "partition_time_zones has \"person = Asia/Tokio\", which is no time \
             zone, did you mean \"Asia/Tokyo\"?",
        ),
        (
            "partition_date_time_formats",
            "person = HH:mm",
            "partition_date_time_formats has \"person = HH:mm\", which has no year, such as yyyy",
        ),
        (
            "partition_delta_strategies",
            "person = often",
            "partition_delta_strategies has \"person = often\", which is not one of none, watermark, \
             history, change_tracking",
        ),
        (
            "partition_delta_strategies",
            "person = change_tracking",
            "delta_strategy is change_tracking, which this database does not have; history is for \
             all",
        ),
        (
            "partition_delta_strategies",
            "team = watermark",
            "watermark_column is missing: the delta_strategy watermark needs it",
        ),
        (
            "partition_watermark_queries",
            "person = DELETE FROM person",
            "partition_watermark_queries has \"person = DELETE FROM person\", which is not one SELECT",
        ),
        (
            "partition_watermark_queries",
            "person = SELECT 1",
            "partition_watermark_queries has \"person = SELECT 1\", which is for the delta \
             strategy watermark",
        ),
        (
            "partition_users",
            "person = reader",
            "partition_users has \"person = reader\", which is for a server, and sqlite is a file",
        ),
    ] {
        let found = database.problems(|values| values.with(parameter, list(&[entry])));
        assert_eq!(found, [expected]);
    }
    let twice = list(&["person = Asia/Tokyo", "person = UTC"]);
    let found = database.problems(|values| values.with("partition_time_zones", twice));
    assert_eq!(
        found,
        ["partition_time_zones has \"person = UTC\", which is the second one of person"]
    );
    let secret = "\nteam\nperson = hush";
    let found = database.problems(|values| values.with("partition_passwords", secret));
    let line = |at, what: &str| format!("partition_passwords has line {at}, which {what}");
    assert_eq!(
        found,
        [
            line(2, "is not written as type = value"),
            line(3, "is for a server, and sqlite is a file")
        ],
        "a password is never shown"
    );
}
