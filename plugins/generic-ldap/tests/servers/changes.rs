//! Changed entries: values, names, places; and entries that go.

use crate::place::{
    Place, added, assert_same, changed, connect, everything, export, rdn, read, values,
};
use ecma_plugin_sdk::{AttributeChange, Connection, Update, prelude::*};

/// What Active Directory notes of each change.
const STAMPS: [&str; 3] = ["uSNChanged", "whenChanged", "modifyTimeStamp"];

/// Changes an entry; what the connector answers is what it is then.
fn change(connection: &mut Connection, update: Update) -> Entry {
    let answered = changed(connection, update);
    let now = read(connection, answered.id()).unwrap();
    // Lists of references may be left out of answers.
    let mut shown = now.clone();
    shown.retain(|name| name != "secretary");
    assert_same(&answered, &shown);
    now
}

fn modify(id: &EntryId, name: &str, added: &[Value], removed: &[Value]) -> Update {
    let change = AttributeChange::Modify { added: added.to_vec(), removed: removed.to_vec() };
    let mut update = Update::new(id.clone());
    update.attributes.push((name.to_owned(), change));
    update
}

fn texts(entry: &Entry, name: &str) -> Vec<String> {
    values(entry, name).iter().map(ToString::to_string).collect()
}

pub(crate) fn values_come_and_go_and_twice_is_as_once(place: &Place) {
    let mut connection = place.connect();
    let boss = place.put("Boss");
    let entry = added(&mut connection, place.person("x").set("givenName", "kim"));
    let id = entry.id();
    let list = |list: &[&str]| list.iter().map(|text| Value::from(*text)).collect::<Vec<_>>();
    let boss = Value::Reference(boss);
    let shouted = Value::Reference(boss.to_string().to_uppercase());
    for (update, name, expected) in [
        (
            Update::new(id.clone()).set("departmentNumber", ["1", "2"]),
            "departmentNumber",
            &["1", "2"][..],
        ),
        (
            modify(id, "departmentNumber", &list(&["2", "3"]), &list(&["1", "9"])),
            "departmentNumber",
            &["2", "3"],
        ),
        (modify(id, "departmentNumber", &[], &list(&["2", "3"])), "departmentNumber", &[]),
        (modify(id, "departmentNumber", &list(&["4"]), &[]), "departmentNumber", &["4"]),
        (
            Update::new(id.clone()).set("departmentNumber", Vec::<Value>::new()),
            "departmentNumber",
            &[],
        ),
        (Update::new(id.clone()).set("givenName", "Kim"), "givenName", &["Kim"]),
        (
            modify(id, "secretary", std::slice::from_ref(&boss), &[]),
            "secretary",
            &[&boss.to_string()],
        ),
        (
            modify(id, "secretary", std::slice::from_ref(&shouted), &[]),
            "secretary",
            &[&boss.to_string()],
        ),
        (modify(id, "secretary", &[], &[shouted]), "secretary", &[]),
        (Update::new(id.clone()).set("employeeNumber", "7"), "employeeNumber", &["7"]),
    ] {
        for _ in 0..2 {
            let entry = change(&mut connection, update.clone());
            assert_eq!(texts(&entry, name), expected, "{update:?}");
        }
    }
    let both = Update::new(id.clone()).set("sn", "Other").set("description", "d");
    let entry = change(&mut connection, both);
    assert_eq!((entry.text("sn"), entry.text("description")), (Some("Other"), Some("d")));
}

pub(crate) fn a_change_that_is_refused_leaves_the_entry_as_it_was(place: &Place) {
    let mut connection = place.connect();
    place.put("taken");
    let entry = added(&mut connection, place.person("x"));
    let id = entry.id();
    for (update, kind, attribute) in [
        (Update::new(id.clone()).set("noSuch", "x"), ErrorKind::Invalid, Some("noSuch")),
        (Update::new(id.clone()).set("-dn-", ""), ErrorKind::Invalid, Some("-dn-")),
        (Update::new(id.clone()).set("-dn-", place.dn("taken")), ErrorKind::AlreadyExists, None),
        (
            Update::new(id.clone()).set("-dn-", place.dn("new")).set("secretary", "no name"),
            ErrorKind::Invalid,
            Some("secretary"),
        ),
        // Not known to be wrong before the server says so, when the new name is there already.
        (
            Update::new(id.clone()).set("-dn-", place.dn("new")).set("objectClass", "noSuchClass"),
            ErrorKind::Invalid,
            None,
        ),
    ] {
        let error = export(&mut connection, Change::Update(update.clone())).unwrap_err();
        assert_eq!(error.kind(), kind, "{update:?}: {error}");
        if attribute.is_some() {
            assert_eq!(error.attribute(), attribute, "{error}");
        }
        // A name that was given and taken back leaves its time.
        let without_stamps = |mut entry: Entry| {
            entry.retain(|name| !STAMPS.contains(&name));
            entry
        };
        let now = read(&mut connection, id).unwrap();
        assert_same(&without_stamps(now), &without_stamps(entry.clone()));
    }
}

pub(crate) fn an_entry_is_renamed_and_moved_in_every_way_and_keeps_its_anchor(place: &Place) {
    let other = place.container("other");
    let values = place
        .values
        .clone()
        .with("dn_templates", vec!["person=cn={givenName},{base}".to_owned()])
        .with("hierarchy", vec!["ou=organizationalUnit".to_owned()]);
    let mut connection = connect(&values);
    let entry = added(&mut connection, place.person("a").set("givenName", "a"));
    let mut id = entry.id().clone();
    let new = |name: &str| Update::new(entry.id().clone()).set("-dn-", name);
    let moved = place.dn_in(&other, "b");
    let deep = place.ou("deep", &place.ou("deeper", &place.base));
    let (deep, deep_too) = (place.dn_in(&deep, "b"), place.dn_in(&deep, "c"));
    let mut elsewhere = Update::new(entry.id().clone());
    elsewhere.new_dn = Some(ecma_plugin_sdk::Dn::new(moved.as_str()));
    for (update, dn) in [
        (new(&place.dn("b")), place.dn("b")),
        (new(&place.dn("B")), place.dn("B")),
        (elsewhere, moved.clone()),
        (new(&deep), deep.clone()),
        // The template says another name, and nothing else about the place than before.
        (Update::new(id.clone()).set("givenName", "c"), deep_too),
        (new(&place.dn("c")).set("sn", "Other"), place.dn("c")),
    ] {
        let update = Update { id: id.clone(), ..update };
        let entry = change(&mut connection, update.clone());
        assert_eq!(entry.id().anchor, id.anchor);
        assert_eq!(entry.id().dn.as_ref().unwrap().as_str(), dn, "{update:?}");
        assert_eq!(entry.get("-dn-"), [dn.as_str().into()]);
        assert_eq!(entry.text("cn"), Some(rdn(&entry).as_str()));
        id = entry.id().clone();
    }
    assert_eq!(place.stored(&place.dn("c"), "sn"), ["Other"]);
    // Without a template the naming attribute itself names anew.
    let entry = change(&mut place.connect(), Update::new(id).set("cn", "by part"));
    assert_eq!(entry.id().dn.as_ref().unwrap().as_str(), place.dn("by part"));
}

/// An entry that was moved away, and the id it had, which is another entry's name now.
fn moved_away(place: &Place, connection: &mut Connection, name: &str) -> EntryId {
    let other = place.ou("away", &place.base);
    if !place.names().contains(&other) {
        place.container("away");
    }
    let entry = added(connection, place.person(name));
    place.rename(&place.dn(name), &format!("cn={name}"), Some(&other));
    place.put(name);
    entry.id().clone()
}

pub(crate) fn an_entry_with_an_old_name_is_found_and_who_has_the_name_now_is_not_touched(
    place: &Place,
) {
    let mut connection = place.connect();
    let away = |name: &str| place.dn_in(&place.ou("away", &place.base), name);

    let id = moved_away(place, &mut connection, "a");
    let entry = change(&mut connection, Update::new(id.clone()).set("sn", "Changed"));
    assert_eq!(entry.id().dn.as_ref().unwrap().as_str(), away("a"));
    assert_eq!(place.stored(&away("a"), "sn"), ["Changed"]);
    assert_eq!(place.stored(&place.dn("a"), "sn"), ["Of Tests"]);

    let id = moved_away(place, &mut connection, "b");
    let entry = change(&mut connection, Update::new(id.clone()).set("-dn-", place.dn("new b")));
    assert_eq!(entry.id().anchor, id.anchor, "the one with the anchor was renamed");
    assert_eq!(place.stored(&place.dn("b"), "sn"), ["Of Tests"]);

    let id = moved_away(place, &mut connection, "c");
    export(&mut connection, Change::Delete { id: id.clone() }).unwrap();
    assert_eq!(read(&mut connection, &id), None);
    assert_eq!(place.stored(&place.dn("c"), "sn"), ["Of Tests"]);

    let id = moved_away(place, &mut connection, "d");
    place.server.delete(&away("d"));
    for change in [
        Change::Update(Update::new(id.clone()).set("sn", "Changed")),
        Change::Update(Update::new(id.clone()).set("-dn-", place.dn("new d"))),
        Change::Delete { id: id.clone() },
    ] {
        let error = export(&mut connection, change.clone()).expect_err("it is gone");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{change:?}: {error}");
    }
    assert_eq!(place.stored(&place.dn("d"), "sn"), ["Of Tests"]);
}

pub(crate) fn an_entry_is_deleted_once(place: &Place) {
    let mut connection = place.connect();
    let entry = added(&mut connection, place.person("x"));
    let delete = || Change::Delete { id: entry.id().clone() };
    export(&mut connection, delete()).unwrap();
    let update = Change::Update(Update::new(entry.id().clone()).set("sn", "x"));
    for change in [delete(), update] {
        assert_eq!(export(&mut connection, change).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

pub(crate) fn what_stands_below_an_entry_goes_only_when_the_settings_say_so(place: &Place) {
    let top = place.container("top");
    let inside = place.ou("in", &top);
    place.make_container(&inside);
    place.put_in(&top, "one");
    place.put_in(&inside, "two");
    let before = place.names();
    let mut connection = place.connect();
    let all = everything(&mut connection);
    let unit = all.values().find(|entry| rdn(entry) == "top").unwrap();
    let delete = || Change::Delete { id: unit.id().clone() };
    let error = export(&mut connection, delete()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.message().contains("delete_subtree"), "{error}");
    assert_eq!(place.names(), before);
    export(&mut place.connect_with("delete_subtree", true), delete()).unwrap();
    assert_eq!(place.names().len(), 1);
}
