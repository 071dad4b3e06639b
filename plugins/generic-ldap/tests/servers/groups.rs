//! Groups with many members, and such that name them in another way.

use crate::{
    failures::plain,
    place::{Place, added, connect, everything, export, read},
    proxy::{Break, Message, Proxy},
    vendors::MEMBERS,
};
use ecma_plugin_sdk::{AttributeChange, Connection, Update, prelude::*};
use std::sync::Arc;

fn members(connection: &mut Connection, id: &EntryId, added: &[Value], removed: &[Value]) {
    let mut update = Update::new(id.clone());
    let change = AttributeChange::Modify { added: added.to_vec(), removed: removed.to_vec() };
    update.attributes.push(("member".to_owned(), change));
    export(connection, Change::Update(update)).unwrap();
}

pub(crate) fn a_large_group_is_built_changed_and_imported_whole(place: &Place) {
    let mut connection = place.connect();
    let count = MEMBERS;
    let names: Vec<Value> =
        (0..count).map(|n| Value::Reference((place.vendor.member)(place, n))).collect();
    let (last, most) = names.split_last().unwrap();
    let group = Entry::new("group").set("-dn-", place.dn("all"));
    let group = added(&mut connection, group.set("member", most[..10].to_vec()));
    let id = group.id();
    assert_eq!(group.get("member"), [], "an answer does not list them");
    members(&mut connection, id, &most[10..], &[]);
    members(&mut connection, id, std::slice::from_ref(last), &most[..1]);
    // Once more, with what is there already and what is not any more.
    members(&mut connection, id, &names[count - 5..], &most[..1]);

    let sorted = |entry: &Entry| {
        let mut members: Vec<String> =
            entry.get("member").iter().map(ToString::to_string).collect();
        members.sort();
        members
    };
    let expected: Vec<String> = names[1..].iter().map(ToString::to_string).collect();
    assert!(sorted(&read(&mut connection, id).unwrap()) == expected, "a look at it");
    let all = everything(&mut connection);
    assert!(sorted(&all[&id.to_string()]) == expected, "an import");
    let all_new = Update::new(id.clone()).set("member", names[..count - 1].to_vec());
    export(&mut connection, Change::Update(all_new)).unwrap();
    assert_eq!(place.stored(&place.dn("all"), "member").len(), count - 1);
    let group = read(&mut connection, id).unwrap();
    assert!(sorted(&group)[0] == names[0].to_string() && group.get("member").len() == count - 1);
}

/// So many values go at a time in the scenarios of new groups with more.
const AT_ONCE: usize = 20;

/// A connection that writes few values at a time.
fn by_few(place: &Place, proxy: &Proxy) -> Connection {
    let values = plain(&place.values, "127.0.0.1", proxy.port);
    connect(&values.with("values_per_modification", i64::try_from(AT_ONCE).unwrap()))
}

/// A new group with so many members.
fn group_of(place: &Place, name: &str, count: usize) -> Entry {
    let member = |n| Value::Reference((place.vendor.member)(place, n));
    let members: Vec<Value> = (0..count).map(member).collect();
    Entry::new("group").set("-dn-", place.dn(name)).set("member", members)
}

pub(crate) fn a_new_group_with_many_members_is_added_in_steps(place: &Place) {
    let proxy = Proxy::to(place.host(), place.port());
    let mut connection = by_few(place, &proxy);
    for (name, count, steps) in
        [("few", AT_ONCE, 0), ("one more", AT_ONCE + 1, 1), ("many", 3 * AT_ONCE + 7, 3)]
    {
        let group = group_of(place, name, count);
        let entry = added(&mut connection, group.clone());
        let writes = [vec![Message::Add], vec![Message::Modify; steps]].concat();
        assert_eq!(proxy.writes(), writes, "{name}");
        let whole = read(&mut connection, entry.id()).unwrap();
        assert_eq!(crate::place::values(&whole, "member"), crate::place::values(&group, "member"));
        assert_eq!(entry.id(), whole.id());
        assert_eq!(place.stored(&place.dn(name), "member").len(), count);
    }
}

pub(crate) fn a_new_entry_goes_again_when_the_rest_of_it_is_refused(place: &Place) {
    let proxy = Proxy::to(place.host(), place.port());
    let mut connection = by_few(place, &proxy);
    let count = 2 * AT_ONCE;
    // The last value is the wrong one.
    let refused = if place.vendor.person == "user" {
        let group = group_of(place, "half", count);
        let nobody = Value::Reference(place.dn("nobody there"));
        let members = [group.get("member"), &[nobody]].concat();
        group.set("member", members)
    } else {
        let mail = (0..count).map(|n| format!("m{n}@example.com"));
        place.person("half").set("mail", mail.chain(["ü".to_owned()]).collect::<Vec<String>>())
    };
    let before = place.names();
    let error = export(&mut connection, Change::Add(refused.clone())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(!error.message().contains("removed"), "{error}");
    let mut writes = proxy.writes();
    writes.dedup();
    assert_eq!(writes, [Message::Add, Message::Modify, Message::Delete]);
    assert_eq!(place.names(), before);

    // That it cannot be removed is said; what was only found, and may be another's, is left.
    let half = place.dn("half");
    let said = format!("the new entry {half} lacks values and could not be removed: ");
    for when in [Break::Before(Message::Delete), Break::Before(Message::Added)] {
        proxy.breaks(when);
        let error = export(&mut connection, Change::Add(refused.clone())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{when:?}: {error}");
        assert!(error.message().contains(&said), "{when:?}: {error}");
        assert_eq!(place.names().len(), before.len() + 1, "{when:?}");
        place.delete(&half);
    }
}

pub(crate) fn a_new_entry_goes_again_when_the_connection_breaks_before_it_has_all(place: &Place) {
    let proxy = Arc::new(Proxy::to(place.host(), place.port()));
    let mut connection = by_few(place, &proxy);
    let group = group_of(place, "half", 2 * AT_ONCE);
    let (before, half) = (place.names(), place.dn("half"));
    let mut breaks = vec![Break::Before(Message::Modify), Break::Before(Message::Modified)];
    if place.vendor.person == "user" {
        // It does not answer what it added, and is asked.
        breaks.push(Break::Before(Message::SearchEntry));
    }
    for when in breaks {
        proxy.breaks(when);
        let error = export(&mut connection, Change::Add(group.clone())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{when:?}: {error}");
        assert!(!error.message().contains("removed"), "{when:?}: {error}");
        assert_eq!(place.names(), before, "{when:?}");
    }
    // One that stays would be in its own way: the host is to look, and not to send it again.
    let shared = proxy.clone();
    proxy.breaks(Break::Before(Message::Modify));
    proxy.before(Message::Delete, move || shared.breaks(Break::Before(Message::Delete)));
    let error = export(&mut connection, Change::Add(group.clone())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let said = format!("the new entry {half} lacks values and could not be removed: ");
    assert!(error.message().contains(&said), "{error}");
    place.delete(&half);
    let entry = added(&mut connection, group);
    // An answer to the first step that does not come is no reason for that.
    proxy.writes();
    proxy.breaks(Break::Before(Message::Added));
    let other = added(&mut connection, group_of(place, "whole", 2 * AT_ONCE));
    assert_eq!(proxy.writes(), [Message::Add, Message::Modify]);
    for entry in [entry, other] {
        assert_eq!(read(&mut connection, entry.id()).unwrap().get("member").len(), 2 * AT_ONCE);
    }
}

pub(crate) fn a_new_entry_that_others_delete_before_it_has_all_is_worth_another_try(place: &Place) {
    let proxy = Proxy::to(place.host(), place.port());
    let mut connection = by_few(place, &proxy);
    let group = group_of(place, "gone", 2 * AT_ONCE);
    for is_told in [true, false] {
        if !is_told {
            proxy.breaks(Break::Before(Message::Added));
        }
        let (server, dn) = (place.server, place.dn("gone"));
        proxy.before(Message::Modify, move || server.delete(&dn));
        let error = export(&mut connection, Change::Add(group.clone())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
        assert!(!error.message().contains("removed"), "{error}");
    }
    let entry = added(&mut connection, group);
    assert_eq!(read(&mut connection, entry.id()).unwrap().get("member").len(), 2 * AT_ONCE);
}

pub(crate) fn a_group_of_others_gets_no_members_when_an_answer_does_not_come(place: &Place) {
    let proxy = Proxy::to(place.host(), place.port());
    let mut connection = by_few(place, &proxy);
    let class = place.vendor.group;
    // It has all that goes with the new one, and more, or nothing that could be compared.
    let groups = [("none", 0), ("one more", AT_ONCE + 1), ("twice", 2 * AT_ONCE)];
    for (name, count) in groups {
        if count == 0 && class == "groupOfNames" {
            continue;
        }
        let dn = place.dn(name);
        let member = |n| format!("member: {}\n", (place.vendor.member)(place, n));
        let members: String = (0..count).map(member).collect();
        place.add(&format!(
            "dn: {dn}\nobjectClass: top\nobjectClass: {class}\ncn: {name}\n{members}"
        ));
        proxy.breaks(Break::Before(Message::Added));
        let group = group_of(place, name, 3 * AT_ONCE);
        let error = export(&mut connection, Change::Add(group)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{name}: {error}");
        assert_eq!(proxy.writes(), [Message::Add], "{name}");
    }
}

pub(crate) fn a_member_that_is_not_there_is_invalid(place: &Place) {
    let mut connection = place.connect();
    let nobody = Value::Reference(place.dn("nobody there"));
    let group = Entry::new("group").set("-dn-", place.dn("group"));
    let with = group.clone().set("member", vec![nobody.clone()]);
    let refused = export(&mut connection, Change::Add(with)).unwrap_err();
    let group = added(&mut connection, group);
    let update = Update::new(group.id().clone()).set("member", vec![nobody]);
    let other = export(&mut connection, Change::Update(update)).unwrap_err();
    for error in [refused, other] {
        assert_eq!((error.kind(), error.attribute()), (ErrorKind::Invalid, None), "{error}");
        assert!(error.message().contains("a value names an entry that is not there"), "{error}");
    }
}

pub(crate) fn members_that_are_named_by_their_log_in_names_are_references(place: &Place) {
    let group = format!("posixgroup={}", place.vendor.posix_group);
    let classes = vec![format!("person={}", place.vendor.person), group];
    let mut connection = connect(&place.values.clone().with("object_classes", classes));
    let person = |name: &str| place.person(name).set("uid", format!("login-{name}"));
    let people: Vec<Value> = ["a", "B", "c, d"]
        .map(|name| added(&mut connection, person(name)))
        .map(|entry| Value::Reference(entry.id().dn.clone().unwrap().as_str().to_owned()))
        .to_vec();
    let group = Entry::new("posixgroup")
        .set("-dn-", place.dn("group"))
        .set("gidNumber", 7)
        .set("memberUid", people[..2].to_vec());
    let group = added(&mut connection, group);
    let dn = place.dn("group");
    assert_eq!(place.stored(&dn, "memberUid"), ["login-B", "login-a"]);
    let mut update = Update::new(group.id().clone());
    let (added, removed) = (vec![people[2].clone()], vec![people[0].clone()]);
    update.attributes.push(("memberUid".to_owned(), AttributeChange::Modify { added, removed }));
    export(&mut connection, Change::Update(update)).unwrap();
    assert_eq!(place.stored(&dn, "memberUid"), ["login-B", "login-c, d"]);
    place.modify(&format!("dn: {dn}\nchangetype: modify\nadd: memberUid\nmemberUid: nobody\n"));
    let mut run = ImportRun::full();
    // Looked up while the next page is on its way.
    run.page_size = 1;
    let all = crate::place::full(&mut connection, &run).0;
    let mut found = all[&group.id().to_string()].get("memberUid").to_vec();
    found.sort();
    let mut expected = people[1..].to_vec();
    expected.push(Value::Reference("nobody".to_owned()));
    expected.sort();
    assert_eq!(found, expected);
    let error = export(
        &mut connection,
        Change::Update(
            Update::new(group.id().clone())
                .set("memberUid", Value::Reference(place.dn("nobody there"))),
        ),
    );
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.attribute()), (ErrorKind::Invalid, Some("memberUid")));
}
