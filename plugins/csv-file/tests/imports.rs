//! What imports find: malformed rows by line, selections, what changed since a watermark.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use ecma_plugin_sdk::{ErrorKind, ImportRun, Selection, Watermark, prelude::*, testkit::import};
use std::collections::BTreeSet;
use support::{Place, delete, person, update};

#[test]
fn malformed_rows_are_refused_by_line_and_others_go_on() {
    let file = b"id,name,n\r\n1,\"two\r\nlines\",1\r\n2,B\r\n3,C,x\r\n,D,1\r\n\r\n1,again,1\r\n4,\xff,1\r\n5,E,5\r\n";
    let place = Place::new(file).with("integer", "n");
    let (entries, refused) = place.entries();
    let ids: Vec<&str> = entries.iter().filter_map(|entry| entry.text("id")).collect();
    assert_eq!(ids, ["1", "5"]);
    assert_eq!(
        refused,
        [
            "line 4: the row has 2 values, not 3",
            "line 5: n is not a whole number",
            "line 6: id is empty, but it is part of the anchor",
            "line 8: an earlier line is person 1 already",
            "line 9: name has bytes that are no text in the encoding of the file",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_to_its_end_fails_the_import() {
    let place = Place::new("id,name\n1,A\n2,\"B\n3,C\n");
    let error = import(&mut place.connect(), &ImportRun::full()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("line 3"), "{error}");
    let error = place.export(&[delete("1")]).remove(0).unwrap_err();
    assert!(error.message().contains("line 3"), "{error}");
    for header in ["", "id,id\n", "name\n", "\n\n"] {
        place.write(header);
        let error = place.connect().schema().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{header:?}");
    }
}

#[test]
fn references_name_the_one_object_type_there_is() {
    let place = || Place::new("id,kind,boss\n1,user,\n2,user,1\n").with("references", "boss");
    let refers_to = |place: Place| {
        let schema = place.connect().schema().unwrap();
        schema.types[0].get("boss").unwrap().refers_to.clone()
    };
    assert_eq!(refers_to(place().with("object_type", "user")), ["user"]);
    assert_eq!(refers_to(place().with("object_type_column", "kind")), [""; 0]);
    assert_eq!(refers_to(place().with("anchor", "id, kind")), [""; 0]);
}

#[test]
fn only_what_is_selected_is_imported() {
    let place = Place::new("kind,id,a,b\nuser,1,x,y\ngroup,2,x,y\n,3,x,\n");
    let place = place.with("object_type_column", "kind");
    let names: Vec<String> =
        place.connect().schema().unwrap().types.into_iter().map(|kind| kind.name).collect();
    assert_eq!(names, ["group", "person", "user"]);
    let mut run = ImportRun::full();
    let select = |name: &str, attributes: &[&str]| Selection {
        object_type: name.to_owned(),
        attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
    };
    run.selected = vec![select("user", &["b"]), select("person", &["a", "b"])];
    let found = import(&mut place.connect(), &run).unwrap();
    let user = Entry::new("user").anchor("id", "1").set("b", "y");
    assert_eq!(found.changes, [Change::Add(user), Change::Add(person("3").set("a", "x"))]);
}

fn delta(place: &Place, since: &Watermark) -> (BTreeSet<String>, Watermark) {
    let found = import(&mut place.connect(), &ImportRun::delta(since.clone())).unwrap();
    let word = |change: &Change| match change {
        Change::Add(entry) => {
            format!("{} {}", entry.id().anchor, entry.text("name").unwrap_or("-"))
        }
        change => format!("{} gone", change.id().anchor),
    };
    (found.changes.iter().map(word).collect(), found.watermark.unwrap())
}

fn full(place: &Place) -> Watermark {
    import(&mut place.connect(), &ImportRun::full()).unwrap().watermark.unwrap()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_delta_finds_what_was_added_changed_and_deleted() {
    let place = Place::new("id,name\n1,A\n2,B\n3,C\n");
    let start = full(&place);
    assert_eq!(delta(&place, &start).0, set(&[]));
    place.write("id,name\n3,C\n1,X\n4,D\n");
    let (found, next) = delta(&place, &start);
    assert_eq!(found, set(&["1 X", "2 gone", "4 D"]));
    assert_eq!(delta(&place, &next).0, set(&[]));
    assert_eq!(delta(&place, &start).0, found, "a watermark whose run failed is used again");
    let changes = [delete("3"), Change::Add(person("5").set("name", "E"))];
    assert!(place.export(&changes).iter().all(Result::is_ok));
    assert_eq!(delta(&place, &next).0, set(&["3 gone", "5 E"]));
}

#[test]
fn a_row_that_cannot_be_read_is_not_taken_for_a_deletion() {
    let place = Place::new("id,name,n\n1,A,1\n2,B,2\n3,C,3\n").with("integer", "n");
    let start = full(&place);
    place.write("id,name,n\n1,A,x\n2,B\n");
    let (found, next) = delta(&place, &start);
    assert_eq!(found, set(&[]));
    place.write("id,name,n\n1,A,1\n2,B,2\n");
    assert_eq!(delta(&place, &next).0, set(&["1 A", "3 gone"]));
}

#[test]
fn a_watermark_that_is_not_known_asks_for_a_full_import() {
    let place = Place::new("id,name\n1,A\n");
    let start = full(&place);
    let refused = |place: &Place, mark: &Watermark| {
        import(&mut place.connect(), &ImportRun::delta(mark.clone())).err().unwrap().kind()
    };
    for mark in ["", "0123456789abcdef", "../people.csv"] {
        assert_eq!(refused(&place, &Watermark::new(mark)), ErrorKind::Conflict, "{mark:?}");
    }
    place.write("id,name,more\n1,A,\n");
    assert_eq!(refused(&place, &start), ErrorKind::Conflict, "other columns");
    let start = full(&place);
    std::fs::remove_dir_all(place.dir.path().join(".people.csv.snapshots")).unwrap();
    assert_eq!(refused(&place, &start), ErrorKind::Conflict, "no snapshots");
}

#[cfg(unix)]
#[test]
fn snapshots_are_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("id,name\n1,A\n");
    full(&place);
    let folder = place.dir.path().join(".people.csv.snapshots");
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for file in std::fs::read_dir(folder).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn without_a_place_for_snapshots_full_imports_go_on() {
    let place = Place::new("id,name\n1,A\n");
    let place = Place {
        values: place.values.clone().with("snapshots", place.file.to_str().unwrap()),
        ..place
    };
    let found = import(&mut place.connect(), &ImportRun::full()).unwrap();
    assert_eq!((found.changes.len(), found.watermark), (1, None));
}

#[test]
fn settings_that_do_not_fit_the_file_are_told_by_name() {
    let place = Place::new("id,name\n1,A\n").with("required", "nobody");
    let error = place.connect().test().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("required names \"nobody\""), "{error}");
}

#[test]
fn single_entries_are_read() {
    let place = Place::new("id,name,n\n1,A,1\n2,B,x\n").with("integer", "n");
    let id = |id: &str| update(id).id;
    let read = place.connect().read(&[id("1"), id("7"), id("1")]).unwrap();
    let ada = person("1").set("name", "A").set("n", 1);
    assert_eq!(read, [Some(ada.clone()), None, Some(ada)]);
    let error = place.connect().read(&[id("2")]).unwrap_err();
    assert!(error.message().contains("line 3"), "{error}");
}
