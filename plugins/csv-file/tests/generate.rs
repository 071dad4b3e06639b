//! Anchors that the plugin makes for rows that come without one.
#![expect(clippy::unwrap_used, reason = "tests")]

use csv_file::CsvFile;
use ecma_plugin_sdk::{prelude::*, testkit::temp_dir};
use std::{fs, path::Path};

fn values(file: &Path, generate: &str) -> Values {
    let file = file.to_str().unwrap();
    Values::new([("file", file), ("anchor", "id"), ("generate", generate)])
}

/// The anchors that two people without one get, and the file afterwards.
fn added(generate: &str, before: &str) -> (Vec<Result<String>>, String) {
    let dir = temp_dir();
    let file = dir.path().join("people.csv");
    fs::write(&file, before).unwrap();
    let plugin = Plugin::linked::<CsvFile>("csv-file", "0");
    let mut connection = plugin.connect(&values(&file, generate)).unwrap();
    let people = ["Ada", "Grace"].map(|name| Change::Add(Entry::new("person").set("name", name)));
    let results = connection.export(&people).unwrap();
    let anchors = results.into_iter().map(|result| {
        result.map(|done| done.anchor.map(|anchor| anchor.to_string()).unwrap_or_default())
    });
    (anchors.collect(), fs::read_to_string(file).unwrap())
}

#[test]
fn a_number_is_one_more_than_the_largest() {
    let (anchors, file) = added("number", "id,name\n7,X\nabc,Y\n3,Z\n");
    assert_eq!(anchors, [Ok("8".to_owned()), Ok("9".to_owned())]);
    assert_eq!(file, "id,name\n7,X\nabc,Y\n3,Z\n8,Ada\n9,Grace\n");
}

#[test]
fn a_row_that_has_too_few_values_keeps_its_number() {
    let (anchors, file) = added("number", "id,name\n7,X\n8\n\n");
    assert_eq!(anchors, [Ok("9".to_owned()), Ok("10".to_owned())]);
    assert!(file.starts_with("id,name\n7,X\n8\n"), "{file}");
}

#[test]
fn a_uuid_is_random_and_well_formed() {
    let (anchors, file) = added("uuid", "id,name\n");
    let ids: Vec<String> = anchors.into_iter().map(Result::unwrap).collect();
    assert_eq!(file, format!("id,name\n{},Ada\n{},Grace\n", ids[0], ids[1]));
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(&id[14..15], "4", "{id} says its version");
    }
}

#[test]
fn without_it_an_anchor_is_required() {
    let (anchors, file) = added("no", "id,name\n");
    for result in anchors {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.attribute()), (ErrorKind::Invalid, Some("id")));
    }
    assert_eq!(file, "id,name\n");
}

#[test]
fn it_needs_an_anchor_of_one_column() {
    let plugin = Plugin::linked::<CsvFile>("csv-file", "0");
    let mut values = values(Path::new("people.csv"), "number");
    values.set("anchor", vec!["id".to_owned(), "name".to_owned()]);
    let problems = plugin.check(&values).unwrap();
    assert!(problems.iter().any(|problem| problem.at == "generate"), "{problems:?}");
}
