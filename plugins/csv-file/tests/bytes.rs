//! What an export does to the bytes of a file: only what it must.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use ecma_plugin_sdk::{ErrorKind, prelude::*};
use std::io::Write;
use support::{Place, delete, person, update};

fn wide(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn check(what: &str, place: Place, changes: &[Change], after: impl AsRef<[u8]>) {
    for result in place.export(changes) {
        result.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    let (found, after) = (place.bytes(), after.as_ref());
    let text = String::from_utf8_lossy;
    assert!(found == after, "{what}:\n{:?}\nnot\n{:?}", text(&found), text(after));
}

fn rename(id: &str, name: &str) -> Change {
    Change::Update(update(id).set("name", name))
}

fn add(id: &str, name: &str) -> Change {
    Change::Add(person(id).set("name", name))
}

#[test]
fn columns_quotes_line_endings_and_the_end_are_kept() {
    let table: [(&str, &str, Change, &str); 17] = [
        (
            "an update",
            "id,x,name\n1,p,Ada\n2,q,Bo\n",
            rename("2", "Bob"),
            "id,x,name\n1,p,Ada\n2,q,Bob\n",
        ),
        ("an addition", "id,x,name\n1,p,Ada\n", add("2", "Bo"), "id,x,name\n1,p,Ada\n2,,Bo\n"),
        ("a deletion", "id,name\n1,Ada\n2,Bo\n3,C\n", delete("2"), "id,name\n1,Ada\n3,C\n"),
        ("no final newline, update", "id,name\n1,Ada", rename("1", "B"), "id,name\n1,B"),
        ("no final newline, addition", "id,name\n1,Ada", add("2", "B"), "id,name\n1,Ada\n2,B"),
        ("no final newline, deletion", "id,name\n1,A\n2,B", delete("2"), "id,name\n1,A"),
        ("CRLF", "id,name\r\n1,A\r\n", add("2", "B"), "id,name\r\n1,A\r\n2,B\r\n"),
        ("CRLF, no final", "id,name\r\n1,A", add("2", "B"), "id,name\r\n1,A\r\n2,B"),
        ("mixed", "id,name\r\n1,A\n2,B\r3,C\r\n", rename("2", "D"), "id,name\r\n1,A\n2,D\r3,C\r\n"),
        ("empty lines", "id,name\n\n1,A\n\n2,B\n\n", delete("1"), "id,name\n\n\n2,B\n\n"),
        (
            "untouched quoting",
            "id,\"name\"\n\"1\",\"A\"\n2,\"B\"\"\"\n",
            rename("1", "C"),
            "id,\"name\"\n\"1\",\"C\"\n2,\"B\"\"\"\n",
        ),
        (
            "quoting of a new row",
            "\"id\",\"name\"\n\"1\",\"A\"\n",
            add("2", "B"),
            "\"id\",\"name\"\n\"1\",\"A\"\n\"2\",\"B\"\n",
        ),
        (
            "quoting where needed",
            "id,name\n1,A\n",
            rename("1", "a,\"b\"\r\nc"),
            "id,name\n1,\"a,\"\"b\"\"\r\nc\"\n",
        ),
        ("formulas are text", "id,name\n1,A\n", rename("1", "=1+1"), "id,name\n1,=1+1\n"),
        ("malformed rows", "id,name\n1\n2,B\n,x,y\n", rename("2", "C"), "id,name\n1\n2,C\n,x,y\n"),
        ("a BOM", "\u{feff}id,name\n1,A\n", add("2", "Zoë"), "\u{feff}id,name\n1,A\n2,Zoë\n"),
        ("header only", "id,name", add("1", "A"), "id,name\n1,A"),
    ];
    for (what, before, change, after) in table {
        check(what, Place::new(before), &[change], after);
    }
}

#[test]
fn delimiters_and_encodings_are_kept() {
    let semicolons = Place::new("id;name\n1;'A;''B'\n").with("delimiter", ";").with("quote", "'");
    check("semicolons", semicolons, &[add("2", "x,'y'")], "id;name\n1;'A;''B'\n2;'x,''y'''\n");
    let tabs = Place::new("id\tname\n1\tA\n").with("delimiter", "\\t");
    check("tabs", tabs, &[add("2", "x\ty")], "id\tname\n1\tA\n2\t\"x\ty\"\n");
    let section = Place::new(b"id\xa7name\n1\xa7Zo\xeb\n").with("delimiter", "§");
    let section = section.with("encoding", "windows-1252");
    check("latin", section, &[rename("1", "é€")], b"id\xa7name\n1\xa7\xe9\x80\n");
    let marked = Place::new(wide("id,name\r\n1,Zoë\r\n2,B")).with("encoding", "windows-1252");
    check(
        "UTF-16",
        marked,
        &[rename("1", "東,京"), add("3", "C")],
        wide("id,name\r\n1,\"東,京\"\r\n2,B\r\n3,C"),
    );
    let plain = Place::new(&wide("id,name\n1,A\n")[2..]).with("encoding", "utf-16le");
    check("UTF-16 without BOM", plain, &[rename("1", "B")], &wide("id,name\n1,B\n")[2..]);
    let japanese = Place::new(b"id,name\n1,\x93\x8c\n2,A\n").with("encoding", "shift_jis");
    check("Shift_JIS", japanese, &[rename("2", "京")], b"id,name\n1,\x93\x8c\n2,\x8b\x9e\n");
}

#[test]
fn a_page_is_done_in_its_order() {
    let place = Place::new("id,name\n1,A\n2,B\n");
    let changes = [rename("1", "X"), delete("1"), add("1", "Y"), add("3", "C"), rename("3", "D")];
    check("a page", place, &changes, "id,name\n1,Y\n2,B\n3,D\n");
}

#[test]
fn typed_columns_are_written_as_they_are_spelled() {
    let place = || {
        let place = Place::new("id,on,n,tags\n1,Yes,007,a|b\n2,,,\n");
        let place = place.with("boolean", "on").with("integer", "n").with("multi_valued", "tags");
        place.with("multi_value_separator", "|")
    };
    let set = |id, name: &str, values: Vec<Value>| Change::Update(update(id).set(name, values));
    let same = [set("1", "n", vec![7.into()]), set("1", "on", vec![true.into()])];
    check("the same", place(), &same, place().bytes());
    let other = [set("2", "n", vec![8.into()]), set("2", "on", vec![false.into()])];
    check("others", place(), &other, "id,on,n,tags\n1,Yes,007,a|b\n2,No,8,\n");
    let tags = set("1", "tags", vec!["c".into(), "a".into()]);
    check("several", place(), &[tags], "id,on,n,tags\n1,Yes,007,c|a\n2,,,\n");
    let modify = AttributeChange::Modify { added: vec!["c".into()], removed: vec!["a".into()] };
    let mut change = update("1");
    change.attributes.push(("tags".to_owned(), modify));
    check("modify", place(), &[Change::Update(change)], "id,on,n,tags\n1,Yes,007,b|c\n2,,,\n");
    let replace = Change::Replace(person("1").set("n", 1));
    check("replace", place(), &[replace], "id,on,n,tags\n1,,1,\n2,,,\n");
}

#[test]
fn what_cannot_be_done_is_refused_by_kind_and_attribute() {
    let place = Place::new("id,name,tags,n,mail\n1,A,,,a@x\n2,B,,,b@x\n9,C,,,\n9,D,,,\n")
        .with("encoding", "windows-1252")
        .with("required", "name")
        .with("unique", "mail")
        .with("integer", "n")
        .with("multi_valued", "tags")
        .with("multi_value_separator", ";");
    let set = |id, name: &str, value: &str| Change::Update(update(id).set(name, value));
    let group = Entry::new("group").anchor("id", "7").set("name", "G");
    let two = update("1").set("name", ["x", "y"]);
    let table = [
        (add("1", "X"), ErrorKind::AlreadyExists, Some("id")),
        (rename("7", "X"), ErrorKind::NotFound, None),
        (delete("7"), ErrorKind::NotFound, None),
        (Change::Replace(person("7")), ErrorKind::NotFound, None),
        (set("1", "shoe", "X"), ErrorKind::Invalid, Some("shoe")),
        (Change::Add(person("7")), ErrorKind::Invalid, Some("name")),
        (Change::Add(Entry::new("person").set("name", "X")), ErrorKind::Invalid, Some("id")),
        (Change::Add(group), ErrorKind::Invalid, None),
        (Change::Update(update("1").set("name", None::<Value>)), ErrorKind::Invalid, Some("name")),
        (Change::Update(two), ErrorKind::Invalid, Some("name")),
        (set("1", "name", "東"), ErrorKind::Invalid, Some("name")),
        (set("1", "name", "a\0b"), ErrorKind::Invalid, Some("name")),
        (set("1", "tags", "a;b"), ErrorKind::Invalid, Some("tags")),
        (set("1", "n", "many"), ErrorKind::Invalid, Some("n")),
        (set("1", "id", "2"), ErrorKind::Invalid, Some("id")),
        (set("1", "mail", "b@x"), ErrorKind::AlreadyExists, Some("mail")),
        (rename("9", "X"), ErrorKind::Conflict, None),
        (delete("9"), ErrorKind::Conflict, None),
    ];
    let before = place.bytes();
    let changes: Vec<Change> = table.iter().map(|(change, ..)| change.clone()).collect();
    let one_by_one =
        changes.iter().map(|change| place.export(std::slice::from_ref(change)).remove(0));
    let one_by_one: Vec<_> = one_by_one.collect();
    for results in [one_by_one, place.export(&changes)] {
        for (result, (change, kind, attribute)) in results.into_iter().zip(&table) {
            let error = result.expect_err(&format!("{change:?}"));
            assert_eq!(
                (error.kind(), error.attribute()),
                (*kind, *attribute),
                "{change:?}: {error}"
            );
        }
    }
    assert_eq!(place.bytes(), before);
    assert_eq!(std::fs::read_dir(place.dir.path()).unwrap().count(), 2, "the file and its lock");
}

#[test]
fn unique_values_go_to_one_row_only() {
    let place = Place::new("id,mail\n1,a\n2,b\n").with("unique", "mail");
    let give = |id, mail: &str| Change::Update(update(id).set("mail", mail));
    let new = |id: &str| Change::Add(person(id).set("mail", "c"));
    let results = place.export(&[new("3"), new("4"), give("1", "d"), give("2", "a")]);
    let fine: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(fine, [true, false, true, true]);
    assert_eq!(place.bytes(), b"id,mail\n1,d\n2,a\n3,c\n");
}

#[test]
fn an_update_that_changes_nothing_writes_nothing() {
    let place = Place::new("id,name\n1,A\n");
    let open = std::fs::File::options().append(true).open(&place.file).unwrap();
    assert!(place.export(&[rename("1", "A")])[0].is_ok());
    writeln!(&open, "2,B").unwrap();
    assert_eq!(place.bytes(), b"id,name\n1,A\n2,B\n", "the file is the one that it was");
    assert!(place.export(&[rename("1", "C")])[0].is_ok());
    writeln!(&open, "3,C").unwrap();
    assert_eq!(place.bytes(), b"id,name\n1,C\n2,B\n", "a change makes a new file");
}

#[cfg(unix)]
#[test]
fn links_owner_and_mode_stay() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    let place = Place::new("id,name\n1,A\n");
    let link = place.dir.path().join("link.csv");
    symlink("people.csv", &link).unwrap();
    std::fs::set_permissions(&place.file, PermissionsExt::from_mode(0o640)).unwrap();
    let given = chown(&place.file, Some(12), Some(34)).is_ok();
    let linked = Place::new("").with("file", link.to_str().unwrap());
    assert!(linked.export(&[rename("1", "B")])[0].is_ok());
    assert_eq!(place.bytes(), b"id,name\n1,B\n");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let metadata = std::fs::metadata(&place.file).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    assert_eq!((metadata.uid(), metadata.gid()) == (12, 34), given);
}

#[test]
fn a_file_that_may_only_be_read_or_is_not_there_is_told() {
    let place = Place::new("id,name\n1,A\n");
    let mut permissions = std::fs::metadata(&place.file).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&place.file, permissions).unwrap();
    let error = place.export(&[rename("1", "B")]).remove(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    std::fs::remove_file(&place.file).unwrap();
    let path = place.file.to_str().unwrap();
    let error = place.export(&[rename("1", "B")]).remove(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().contains(path), "{error}");
    let error = place.connect().schema().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}
