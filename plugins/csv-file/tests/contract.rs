//! The contract, kept by the connector linked in and as a library.
#![expect(clippy::unwrap_used, reason = "tests")]

use csv_file::CsvFile;
use ecma_plugin_sdk::{prelude::*, testkit::*};

const TABLE: &str = "kind,id,name,age,active,tags,boss\n\
    person,1,Ada,36,true,a;b,\n\
    person,2,\"Hopper, Grace\",85,false,,1\n\
    robot,3,Marvin,,TRUE,x,2\n";

fn verify(plugin: Plugin) {
    let dir = temp_dir();
    let file = dir.path().join("people.csv");
    std::fs::write(&file, TABLE).unwrap();
    let lists = [
        ("anchor", "id"),
        ("required", "name"),
        ("unique", "name"),
        ("integer", "age"),
        ("boolean", "active"),
        ("references", "boss"),
        ("multi_valued", "tags"),
        ("multi_value_separator", ";"),
        ("object_type_column", "kind"),
    ];
    let sample =
        Entry::new("person").anchor("id", "42").set("name", "Zoë \"Z\" =1+1").set("age", 7);
    Contract::new(plugin, Values::new(lists).with("file", file.to_str().unwrap()))
        .sample(sample.set("active", true).set("tags", ["p", "q"]))
        .verify();
    assert_eq!(std::fs::read_to_string(file).unwrap(), TABLE, "all is as it was");
}

#[test]
fn linked() {
    verify(Plugin::linked::<CsvFile>("csv-file", "0"));
}

#[test]
fn as_library() {
    verify(Plugin::load(&built_library("csv-file")).unwrap());
}

#[test]
fn an_anchor_of_several_columns_and_no_header() {
    let dir = temp_dir();
    let file = dir.path().join("people.csv");
    std::fs::write(&file, "Ada,1,x\nAda,2,y\nBo,1,z").unwrap();
    let values = Values::new([("anchor", "n,name"), ("columns", "name,n,note"), ("integer", "n")])
        .with("file", file.to_str().unwrap())
        .with("header", false);
    let sample = Entry::new("person").anchor("name", "Bo").anchor("n", 2).set("note", "w");
    Contract::new(Plugin::linked::<CsvFile>("csv-file", "0"), values).sample(sample).verify();
    assert_eq!(std::fs::read_to_string(file).unwrap(), "Ada,1,x\nAda,2,y\nBo,1,z");
}
