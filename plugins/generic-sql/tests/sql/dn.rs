//! The attribute `-dn-`, beside the anchor and as the anchor.

use crate::support::{Database, add, entries, export, failure, id, update};
use ecma_plugin_sdk::{AttributeType, EntryId, prelude::*, testkit::import};

const PEOPLE: &str = "
    CREATE TABLE person (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT,
        manager TEXT REFERENCES person (login), changed INT);
    CREATE TABLE deputy (person TEXT, deputy TEXT, UNIQUE (person, deputy));
    INSERT INTO person VALUES (1, 'ada', 'Ada', NULL, 1), (2, 'o,neil', 'Kim', 'ada', 2);
    INSERT INTO deputy VALUES ('ada', 'o,neil');";
const ADA: &str = "CN=ada,OBJECT=person";
const NEIL: &str = "CN=o\\,neil,OBJECT=person";

fn named(values: Values) -> Values {
    values.with("tables", "person").with("dn_attributes", "person = login")
}

fn anchored(values: Values) -> Values {
    let deputies = "person.deputies = deputy.deputy WHERE deputy.person = person.login";
    named(values)
        .with("dn_is_anchor", true)
        .with("watermark_column", "changed")
        .with("multi_valued_tables", deputies)
        .with("references", "person.deputies=person")
}

fn dn(name: &str) -> EntryId {
    id("person", "-dn-", name)
}

fn reference(name: &str) -> Value {
    Value::Reference(name.to_owned())
}

#[test]
fn entries_have_a_name_beside_their_anchor() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open_with(named);
    let schema = connection.schema().unwrap();
    let kind = schema.get("person").unwrap();
    let anchors: Vec<&str> = kind.anchors().map(|attribute| attribute.name.as_str()).collect();
    assert_eq!(anchors, ["id"]);
    let attribute = kind.get("-dn-").unwrap();
    assert_eq!((attribute.kind, attribute.unique), (AttributeType::Text, true));
    let found = entries(&mut connection);
    let names: Vec<_> = found.iter().map(|entry| entry.text("-dn-").unwrap()).collect();
    assert_eq!(names, [ADA, NEIL]);
    let read = connection.read(&[id("person", "id", 2)]).unwrap().remove(0).unwrap();
    assert_eq!(read, found[1], "what is read is what is imported");
}

#[test]
fn a_name_comes_alone_when_only_it_is_selected() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open_with(named);
    let mut run = ImportRun::full();
    let attributes = vec!["-dn-".to_owned()];
    run.selected =
        vec![ecma_plugin_sdk::Selection { object_type: "person".to_owned(), attributes }];
    let changes = import(&mut connection, &run).unwrap().changes;
    assert_eq!(changes[0].text("-dn-"), Some(ADA));
    assert_eq!(changes[0].text("name"), None);
    run.selected[0].attributes = vec!["name".to_owned()];
    let changes = import(&mut connection, &run).unwrap().changes;
    assert_eq!(changes[0].text("-dn-"), None);
}

#[test]
fn a_name_that_is_sent_stands_for_its_column_and_agrees_with_it() {
    let database = Database::new(PEOPLE);
    for settings in [named, anchored] {
        let mut connection = database.open_with(settings);
        let entry = |name: &str| Entry::new("person").set("-dn-", name);
        let added = export(&mut connection, add(entry("cn = grace , Object = PERSON"))).unwrap();
        let grace = added.entry.unwrap();
        assert_eq!(grace.text("-dn-"), Some("CN=grace,OBJECT=person"));
        assert_eq!(grace.text("login"), Some("grace"));
        let both = entry("CN=kay,OBJECT=person").set("login", "kay");
        let kay = export(&mut connection, add(both)).unwrap().entry.unwrap();
        for (entry, words) in [
            (entry("kay"), "is \"kay\", not written as CN=value,OBJECT=person"),
            (entry("CN=kay,OBJECT=team"), "which is a name of \"team\", not of person"),
            (
                entry("CN=kay,OBJECT=person").set("login", "other"),
                "is \"CN=kay,OBJECT=person\", which is not what login has",
            ),
        ] {
            let error = export(&mut connection, add(entry)).unwrap_err();
            assert_eq!((error.kind(), error.attribute()), (ErrorKind::Invalid, Some("-dn-")));
            assert!(error.message().contains(words), "{error:?}");
        }
        for entry in [grace, kay] {
            export(&mut connection, Change::Delete { id: entry.id().clone() }).unwrap();
        }
    }
    assert_eq!(database.rows("SELECT login FROM person"), ["'ada'", "'o,neil'"]);
}

#[test]
fn a_name_beside_the_anchor_may_change() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open_with(named);
    let change = update(id("person", "id", 2)).set("-dn-", "CN=neil, OBJECT=person");
    let now = export(&mut connection, Change::Update(change)).unwrap().entry.unwrap();
    assert_eq!(now.text("login"), Some("neil"));
    assert_eq!(now.text("-dn-"), Some("CN=neil,OBJECT=person"));
}

#[test]
fn a_name_that_is_the_anchor_finds_its_row() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open_with(anchored);
    let found = entries(&mut connection);
    let names: Vec<String> = found.iter().map(|entry| entry.id().anchor.to_string()).collect();
    assert_eq!(names, [ADA, NEIL]);
    assert_eq!(found[1].get("manager"), [reference(ADA)]);
    assert_eq!(found[0].get("deputies"), [reference(NEIL)]);
    assert_eq!(found[1].text("login"), Some("o,neil"));

    let read = connection.read(&[dn("cn=o\\2Cneil, object=person"), dn("CN=x,OBJECT=person")]);
    assert_eq!(read.unwrap(), [Some(found[1].clone()), None]);
    let change = update(dn(ADA)).set("name", "A").set("manager", vec![reference(NEIL)]);
    export(&mut connection, Change::Update(change)).unwrap();
    let rows = database.rows("SELECT name, manager FROM person WHERE id = 1");
    assert_eq!(rows, ["'A'|'o,neil'"]);
    let change = update(dn(NEIL)).set("deputies", vec![reference(ADA)]);
    export(&mut connection, Change::Update(change)).unwrap();
    assert_eq!(
        database.rows("SELECT * FROM deputy ORDER BY 1"),
        ["'ada'|'o,neil'", "'o,neil'|'ada'"]
    );
    let change = update(dn(ADA)).set("manager", vec![reference("ada")]);
    let refused = failure(export(&mut connection, Change::Update(change)));
    assert_eq!(refused, (ErrorKind::Invalid, Some("manager".to_owned())));
    let change = update(dn(ADA)).set("login", "other");
    let refused = failure(export(&mut connection, Change::Update(change)));
    assert_eq!(refused, (ErrorKind::Invalid, Some("login".to_owned())), "the anchor stays");
    export(&mut connection, Change::Update(update(dn(ADA)).set("manager", None::<&str>))).unwrap();
    export(&mut connection, Change::Delete { id: dn(NEIL) }).unwrap();
    assert_eq!(database.rows("SELECT login FROM person"), ["'ada'"]);
}

#[test]
fn a_delta_names_entries_as_an_import_does() {
    let database = Database::new(&format!(
        "{PEOPLE} CREATE TABLE history (id INTEGER PRIMARY KEY, login TEXT);"
    ));
    let mut connection = database.open_with(|values| {
        let join = "person = history WHERE history.login = person.login";
        let values = named(values).with("dn_is_anchor", true).with("delta_strategy", "history");
        values.with("history_tables", join)
    });
    let since = import(&mut connection, &ImportRun::full()).unwrap().watermark.unwrap();
    let sql = "DELETE FROM person WHERE id = 2; UPDATE person SET name = 'A' WHERE id = 1;
        INSERT INTO history (login) VALUES ('o,neil'), ('ada');";
    database.sql.execute_batch(sql).unwrap();
    let delta = import(&mut connection, &ImportRun::delta(since)).unwrap();
    let shown: Vec<String> = delta.changes.iter().map(|change| change.id().to_string()).collect();
    assert_eq!(shown, [format!("person {ADA}"), format!("person {NEIL}")]);
    assert!(matches!(delta.changes[1], Change::Delete { .. }));
}

#[test]
fn a_number_that_the_database_makes_is_in_the_name() {
    let database = Database::new("CREATE TABLE device (id INTEGER PRIMARY KEY, name TEXT)");
    let mut connection = database.open_with(|values| values.with("dn_is_anchor", true));
    let added = export(&mut connection, add(Entry::new("device").set("name", "phone"))).unwrap();
    let added = added.entry.unwrap();
    assert_eq!(added.id().anchor.to_string(), "CN=1,OBJECT=device");
    assert_eq!(connection.read(&[added.id().clone()]).unwrap(), [Some(added)]);
}

#[test]
fn no_name_becomes_sql() {
    let database = Database::new(PEOPLE);
    let hostile = "x'); DROP TABLE person; --";
    for settings in [named, anchored] {
        let mut connection = database.open_with(settings);
        let name = format!("CN={},OBJECT=person", hostile.replace(';', "\\;"));
        let entry = Entry::new("person").set("-dn-", name.as_str());
        let added = export(&mut connection, add(entry)).unwrap().entry.unwrap();
        assert_eq!(added.text("-dn-"), Some(name.as_str()));
        let rows = database.rows("SELECT login FROM person WHERE id > 2");
        assert_eq!(rows, ["'x'); DROP TABLE person; --'"]);
        let read = connection.read(&[added.id().clone()]).unwrap();
        assert_eq!(read, [Some(added.clone())]);
        export(&mut connection, Change::Delete { id: added.id().clone() }).unwrap();
        let gone = Change::Delete { id: dn("CN=' OR 1=1 --,OBJECT=person") };
        assert!(export(&mut connection, gone).is_err());
    }
    assert_eq!(database.rows("SELECT count(*) FROM person"), ["2"]);
}

#[test]
fn names_that_do_not_fit_are_told() {
    let database = Database::new(&format!(
        "{PEOPLE} CREATE TABLE pair (a TEXT, b TEXT, photo BLOB, PRIMARY KEY (a, b));"
    ));
    for (tables, attributes, is_anchor, expected) in [
        (
            "person, pair",
            "",
            true,
            "dn_is_anchor is for one object type, and there are person, pair",
        ),
        ("pair", "", true, "dn_is_anchor needs one column of pair: name it in dn_attributes"),
        ("pair", "pair", false, "dn_attributes has \"pair\", which is not type = column"),
        (
            "person",
            "persn = login",
            false,
            "dn_attributes names \"persn\", which is no object type, did you mean \"person\"?",
        ),
        (
            "person",
            "person = logon",
            false,
            "dn_attributes names \"logon\", which is no column of person, did you mean \"login\"?",
        ),
        (
            "pair",
            "pair = photo",
            false,
            "dn_attributes names pair.photo, which is no column of text or numbers with one value \
             that is read",
        ),
    ] {
        let found = database.problems(|values| {
            let values = values.with("tables", tables).with("dn_attributes", attributes);
            values.with("dn_is_anchor", is_anchor)
        });
        assert_eq!(found, [expected]);
    }
}

#[test]
fn an_anchor_that_a_name_takes_the_place_of_is_told() {
    let database = Database::new(PEOPLE);
    let found = database.problems(|values| anchored(values).with("anchor", "id"));
    let expected = "anchor is not looked at beside dn_is_anchor and dn_attributes, whose column is the \
                    anchor; leave it out, or dn_attributes";
    assert_eq!(found, [expected]);
    let alone = |values: Values| {
        values.with("tables", "person").with("dn_is_anchor", true).with("anchor", "login")
    };
    assert!(database.problems(alone).is_empty(), "the name is of the anchor");
}
