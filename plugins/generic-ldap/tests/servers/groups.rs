//! Groups with many members, and such that name them in another way.

use crate::{
    place::{Place, added, connect, everything, export, read},
    vendors::MEMBERS,
};
use ecma_plugin_sdk::{AttributeChange, Connection, Update, prelude::*};

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
