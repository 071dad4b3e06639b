//! Partitions: what each of them reads, as of which moment, and from which watermark it goes on.

use crate::support::{Database, id};
use ecma_plugin_sdk::{Connection, Partition, prelude::*, testkit::import};

/// Writers go on while an import reads.
const BOTH: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, changed INT);
    CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT, changed INT);
    INSERT INTO person VALUES (1, 'ada', 1);
    INSERT INTO team VALUES (1, 'all', 1);";
const WRITE: &str = "BEGIN; INSERT INTO person VALUES (2, 'grace', 2);
    INSERT INTO team VALUES (2, 'some', 2); COMMIT;";

fn partition(object_type: &str) -> Partition {
    let name = format!("OBJECT={object_type}");
    Partition { id: name.clone(), name, dn: None }
}

fn run(object_type: &str, since: Option<&Watermark>) -> ImportRun {
    let mut run = since.map_or_else(ImportRun::full, |since| ImportRun::delta(since.clone()));
    run.partition = partition(object_type);
    run
}

/// Names of the entries that come, and where the next delta goes on.
fn read(
    connection: &mut Connection,
    object_type: &str,
    since: Option<&Watermark>,
) -> (Vec<String>, Option<Watermark>) {
    let imported = import(connection, &run(object_type, since)).unwrap();
    let name = |change: &Change| change.text("name").unwrap().to_owned();
    (imported.changes.iter().map(name).collect(), imported.watermark)
}

fn full(connection: &mut Connection, object_type: &str) -> Vec<String> {
    read(connection, object_type, None).0
}

#[test]
fn each_object_type_is_a_partition_that_brings_nothing_else() {
    let database = Database::new(BOTH);
    let mut connection = database.open();
    let partitions = connection.partitions().unwrap();
    assert_eq!(partitions, [partition("person"), partition("team")]);
    assert_eq!(full(&mut connection, "team"), ["all"]);
    assert_eq!(full(&mut connection, "person"), ["ada"]);
    let error = import(&mut connection, &run("device", None)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    let words = "there is no partition OBJECT=device; there is OBJECT=person, OBJECT=team";
    assert_eq!(error.message(), words);
}

#[test]
fn partitions_are_read_as_of_one_moment_while_a_writer_changes_both() {
    let database = Database::new(BOTH);
    let mut connection = database.open();
    assert_eq!(full(&mut connection, "person"), ["ada"]);
    database.sql.execute_batch(WRITE).unwrap();
    assert_eq!(full(&mut connection, "team"), ["all"], "as of the moment of the first partition");
    assert_eq!(full(&mut connection, "team"), ["all", "some"], "all were read: a new moment");
    assert_eq!(full(&mut connection, "person"), ["ada", "grace"]);
}

#[test]
fn a_moment_ends_when_a_partition_comes_again() {
    let database = Database::new(BOTH);
    let mut connection = database.open();
    assert_eq!(full(&mut connection, "person"), ["ada"]);
    database.sql.execute_batch(WRITE).unwrap();
    assert_eq!(full(&mut connection, "person"), ["ada", "grace"]);
    assert_eq!(full(&mut connection, "team"), ["all", "some"]);
}

#[test]
fn a_moment_ends_with_any_other_request() {
    let others: [fn(&mut Connection); 4] = [
        |connection| connection.test().unwrap(),
        |connection| drop(connection.schema().unwrap()),
        |connection| assert!(connection.read(&[id("team", "id", 2)]).unwrap()[0].is_some()),
        |connection| {
            let gone = Change::Delete { id: id("person", "id", 7) };
            assert!(connection.export(&[gone]).unwrap()[0].is_err());
        },
    ];
    for other in others {
        let database = Database::new(BOTH);
        let mut connection = database.open();
        assert_eq!(full(&mut connection, "person"), ["ada"]);
        database.sql.execute_batch(WRITE).unwrap();
        other(&mut connection);
        assert_eq!(full(&mut connection, "team"), ["all", "some"]);
    }
}

#[test]
fn a_failed_partition_leaves_no_transaction_behind() {
    let database = Database::new(BOTH);
    let mut connection = database.open();
    assert_eq!(full(&mut connection, "person"), ["ada"]);
    database.sql.execute_batch(WRITE).unwrap();
    assert!(import(&mut connection, &run("device", None)).is_err());
    assert_eq!(full(&mut connection, "team"), ["all", "some"]);
}

#[test]
fn each_partition_has_a_watermark_of_its_own() {
    let database = Database::new(BOTH);
    let mut connection = database.open_with(|values| values.with("watermark_column", "changed"));
    let (_, people) = read(&mut connection, "person", None);
    let (_, teams) = read(&mut connection, "team", None);
    database.sql.execute_batch(WRITE).unwrap();

    let (names, since) = read(&mut connection, "person", people.as_ref());
    assert_eq!(names, ["grace"]);
    let (names, _) = read(&mut connection, "person", since.as_ref());
    assert_eq!(names, [""; 0], "what came does not come again");
    assert_eq!(read(&mut connection, "team", teams.as_ref()).0, ["some"]);
}

#[test]
fn a_watermark_of_another_partition_asks_for_a_full_import() {
    let database = Database::new(BOTH);
    let mut connection = database.open_with(|values| values.with("watermark_column", "changed"));
    let people = read(&mut connection, "person", None).1.unwrap();
    let all = import(&mut connection, &ImportRun::full()).unwrap().watermark.unwrap();
    for other in [people, all, Watermark::new(r#"{"version":2,"types":{}}"#)] {
        let error = import(&mut connection, &run("team", Some(&other))).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{other:?}");
    }
}
