//! Delta imports by a history, filled by the triggers that the scripts of the documentation print.

use super::{Target, Vendor, linked};

use ecma_plugin_sdk::{
    Connection,
    prelude::*,
    testkit::{self, Contract},
};

/// Makes a test of each scenario for a vendor.
macro_rules! every_delta {
    ($vendor:expr) => {
        tests_of! { $vendor, deltas:
            a_history_keeps_the_contract
            what_the_triggers_write_is_what_a_delta_brings
            a_transaction_that_ends_late_is_not_lost
            points_in_time_are_looked_back_from
            a_history_that_was_emptied_asks_for_a_full_import
            a_query_says_how_far_an_import_comes
            a_script_says_when_there_is_no_such_table
        }
    };
}
pub(crate) use every_delta;

const TEAMS: &str = "
CREATE TABLE person (id integer PRIMARY KEY, name varchar(40));
INSERT INTO person VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE device (site varchar(9), id integer, name varchar(40), PRIMARY KEY (site, id));
INSERT INTO device VALUES ('a', 1, 'x'), ('a', 2, 'y');
CREATE TABLE team (id integer PRIMARY KEY, name varchar(40));
CREATE TABLE member (team_id integer, person integer, PRIMARY KEY (team_id, person));
INSERT INTO team VALUES (1, 'one'), (2, 'two');
INSERT INTO member VALUES (1, 1), (1, 2), (2, 2);";

const HISTORIES: &str = "\
    person = person_history WHERE person_history.key_id = person.id, \
    device = device_history WHERE device_history.key_id = device.id \
        AND device_history.key_site = device.site, \
    team = team_history WHERE team_history.key_id = team.id";

/// Runs what the script of the documentation prints.
fn install(vendor: &Vendor, database: &Target, table: &str, child: Option<(&str, &str)>) {
    let lines = database.query(&(vendor.history)(table, child));
    assert!(!lines.is_empty());
    database.sql(&lines.concat().join("\n"));
}

/// A database with these tables and their histories, and the settings for them.
fn teams(vendor: &Vendor, name: &str) -> (Target, Values) {
    let (database, values) = vendor.database(name, TEAMS);
    for table in ["person", "device", "team"] {
        install(vendor, &database, table, None);
    }
    install(vendor, &database, "team", Some(("member", "team_id=id")));
    let values = values
        .with("multi_valued_tables", "team.members = member.person WHERE member.team_id = team.id")
        .with("references", "members=person")
        .with("delta_strategy", "history")
        .with("history_tables", HISTORIES)
        .with("history_operation_column", "operation");
    (database, values)
}

fn full(connection: &mut Connection) -> Watermark {
    testkit::import(connection, &ImportRun::full()).unwrap().watermark.unwrap()
}

/// What a delta brings, as `+person/1=a` or `-person/1`, and the next watermark.
fn delta(connection: &mut Connection, since: &Watermark) -> (Vec<String>, Watermark) {
    let imported = testkit::import(connection, &ImportRun::delta(since.clone())).unwrap();
    assert_eq!(imported.refused, []);
    let shown = |change: &Change| {
        let id = change.id();
        let key: Vec<String> = id.anchor.iter().map(|(_, value)| value.to_string()).collect();
        let name = format!("{}/{}", id.object_type, key.join("/"));
        match change {
            Change::Add(entry) => {
                let members = entry.get("members").len();
                let members = if members > 0 { format!(" {members}") } else { String::new() };
                format!("+{name}={}{members}", entry.text("name").unwrap_or_default())
            }
            Change::Delete { .. } => format!("-{name}"),
            other => panic!("neither an entry nor a delete: {other:?}"),
        }
    };
    let mut changes: Vec<String> = imported.changes.iter().map(shown).collect();
    changes.sort();
    (changes, imported.watermark.unwrap())
}

pub(crate) fn a_history_keeps_the_contract(vendor: &Vendor) {
    let (_database, values) = teams(vendor, "history_contract");
    let members = ["1", "3"].map(|key| Value::Reference(key.to_owned()));
    let mut sample = Entry::new("team").anchor("id", 7).set("name", "new");
    sample.put("members", members.to_vec());
    Contract::new(linked(), values).sample(sample).verify();
}

pub(crate) fn what_the_triggers_write_is_what_a_delta_brings(vendor: &Vendor) {
    let (database, values) = teams(vendor, "history");
    let mut since = full(&mut linked().connect(&values).unwrap());
    for (sql, expected) in [
        ("INSERT INTO person VALUES (4, 'd')", &["+person/4=d"][..]),
        ("UPDATE person SET name = 'B' WHERE id = 2", &["+person/2=B"]),
        (
            "UPDATE person SET name = 'x' WHERE id = 1; UPDATE person SET name = 'y' WHERE id = 1",
            &["+person/1=y"],
        ),
        ("DELETE FROM person WHERE id = 3", &["-person/3"]),
        (
            "DELETE FROM person WHERE id = 1; INSERT INTO person VALUES (1, 'new')",
            &["+person/1=new"],
        ),
        ("UPDATE person SET id = 9 WHERE id = 4", &["+person/9=d", "-person/4"]),
        ("UPDATE device SET site = 'b' WHERE id = 1", &["+device/b/1=x", "-device/a/1"]),
        ("INSERT INTO member VALUES (1, 9)", &["+team/1=one 3"]),
        ("DELETE FROM member WHERE team_id = 2", &["+team/2=two"]),
        ("UPDATE member SET team_id = 2 WHERE person = 9", &["+team/1=one 2", "+team/2=two 1"]),
        ("DELETE FROM member WHERE team_id = 1; DELETE FROM team WHERE id = 1", &["-team/1"]),
    ] {
        database.sql(sql);
        // Each time with another connection and the watermark as text, as after a restart.
        let mut connection = linked().connect(&values).unwrap();
        let text = since.as_str().to_owned();
        let (changes, next) = delta(&mut connection, &Watermark::new(text));
        assert_eq!(changes, expected, "{sql}");
        assert_eq!(delta(&mut connection, &next).0, Vec::<String>::new(), "after {sql}");
        since = next;
    }
}

pub(crate) fn a_transaction_that_ends_late_is_not_lost(vendor: &Vendor) {
    let (database, values) = teams(vendor, "history_late");
    let mut connection = linked().connect(&values).unwrap();
    let since = full(&mut connection);
    let late = (vendor.hold)(
        &database,
        &[
            "UPDATE person SET name = 'late' WHERE id = 2",
            "DELETE FROM device WHERE site = 'a' AND id = 1",
        ],
    );
    database.sql("UPDATE person SET name = 'early' WHERE id = 1; DELETE FROM device WHERE site = 'a' AND id = 2");
    let (changes, since) = delta(&mut connection, &since);
    assert_eq!(changes, ["+person/1=early", "-device/a/2"], "the other one is not visible yet");
    late();
    let (changes, since) = delta(&mut connection, &since);
    assert_eq!(changes, ["+person/2=late", "-device/a/1"], "its numbers are lower");
    assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new());
}

pub(crate) fn points_in_time_are_looked_back_from(vendor: &Vendor) {
    let (database, values) = teams(vendor, "history_moments");
    let values = values.with("history_watermark_column", "changed_at");
    let mut connection = linked().connect(&values).unwrap();
    let since = full(&mut connection);
    database.sql("UPDATE person SET name = 'A' WHERE id = 1");
    let (changes, since) = delta(&mut connection, &since);
    assert_eq!(changes, ["+person/1=A"]);
    // Two of one moment, of which the second one comes later.
    let again = "INSERT INTO person_history (key_id, operation, changed_at)
        SELECT 2, 'Update', max(changed_at) FROM person_history";
    for _ in 0..2 {
        database.sql(again);
        assert_eq!(delta(&mut connection, &since).0, ["+person/2=b"]);
    }
    let (_, since) = delta(&mut connection, &since);
    assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new());
}

pub(crate) fn a_history_that_was_emptied_asks_for_a_full_import(vendor: &Vendor) {
    let (database, values) = teams(vendor, "history_emptied");
    let mut connection = linked().connect(&values).unwrap();
    database.sql("UPDATE person SET name = 'A' WHERE id = 1");
    let since = full(&mut connection);
    database.sql("TRUNCATE TABLE person_history");
    let error = testkit::import(&mut connection, &ImportRun::delta(since)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict, "the host makes a full import then");
}

pub(crate) fn a_query_says_how_far_an_import_comes(vendor: &Vendor) {
    let (database, values) = vendor.database(
        "query",
        "CREATE TABLE t (id integer PRIMARY KEY, name varchar(9), changed timestamp(6) NULL);
         INSERT INTO t VALUES (1, 'a', '2026-01-01 10:00:00'), (2, 'b', '2037-01-01 10:00:00');",
    );
    let values = values.with("watermark_column", "changed");
    let mut connection = linked()
        .connect(&values.clone().with("watermark_query", "SELECT CURRENT_TIMESTAMP"))
        .unwrap();
    let since = full(&mut connection);
    assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new());
    database.sql("INSERT INTO t VALUES (3, 'c', '2036-01-01 10:00:00')");
    let (changes, since) = delta(&mut connection, &since);
    assert_eq!(changes, ["+t/3=c"], "smaller than the greatest value");
    assert_eq!(delta(&mut connection, &since).0, Vec::<String>::new());
    for query in ["SELECT 1, 2", "SELECT id FROM t", "SELECT NULL"] {
        let values = values.clone().with("watermark_query", query);
        let error = testkit::import(&mut linked().connect(&values).unwrap(), &ImportRun::full());
        assert_eq!(error.err().unwrap().kind(), ErrorKind::Config, "{query}");
    }
}

pub(crate) fn a_script_says_when_there_is_no_such_table(vendor: &Vendor) {
    let (database, _) = vendor.database("no_table", "CREATE TABLE keyless (id integer)");
    for table in ["nothing", "keyless"] {
        let said = database.query(&(vendor.history)(table, None)).concat();
        assert_eq!(said, [format!("-- there is no table {table} with a primary key")]);
    }
}
