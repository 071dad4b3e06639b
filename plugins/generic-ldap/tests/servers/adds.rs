//! New entries: their names, their values, and what servers refuse.

use crate::place::{Place, added, assert_same, everything, export, rdns, read, values};
use ecma_plugin_sdk::{Update, prelude::*};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// Names that are hard to write in a distinguished name.
pub(crate) const ODD: [&str; 8] = [
    "Smith, Jr. + \"x\" <y>;=\\ #",
    " leading",
    "trailing ",
    "#1",
    "*(wild)\\2a",
    "ليلى الحسن",
    "👩\u{200d}🚀 Zoë",
    "a/b c",
];

pub(crate) fn a_new_entry_is_named_by_its_template_or_says_its_name(place: &Place) {
    let template = vec!["person=cn={givenName} {sn},{base}".to_owned()];
    let mut connection = place.connect_with("dn_templates", template);
    let person = Entry::new("person").set("givenName", "Tim, X").set("sn", "Ber+ners");
    let by_template = added(&mut connection, person.clone());
    let dn = place.dn("Tim, X Ber+ners");
    assert_eq!(place.stored(&dn, "cn"), ["Tim, X Ber+ners"]);
    let own = added(&mut connection, person.set("-dn-", place.dn("own")));
    assert_eq!(place.stored(&place.dn("own"), "sn"), ["Ber+ners"]);
    for entry in [by_template, own] {
        assert_same(&read(&mut connection, entry.id()).unwrap(), &entry);
    }

    let nameless = Entry::new("person").set("sn", "x");
    for (connection, named) in [(&mut connection, "givenName"), (&mut place.connect(), "-dn-")] {
        let error = export(connection, Change::Add(nameless.clone())).unwrap_err();
        assert_eq!((error.kind(), error.attribute()), (ErrorKind::Invalid, Some(named)), "{error}");
    }
}

pub(crate) fn missing_containers_are_made_only_when_the_settings_say_of_which_class(place: &Place) {
    let dn = place.dn_in(&place.ou("b", &place.ou("a", &place.base)), "x");
    let person = Change::Add(place.person("x").set("-dn-", dn.as_str()));
    let before = place.names();
    let error = export(&mut place.connect(), person.clone()).unwrap_err();
    assert_eq!((error.kind(), error.attribute()), (ErrorKind::Invalid, Some("-dn-")), "{error}");
    assert!(error.message().contains("hierarchy"), "{error}");
    assert_eq!(place.names(), before);

    let hierarchy = vec!["ou=organizationalUnit".to_owned()];
    let mut connection = place.connect_with("hierarchy", hierarchy);
    export(&mut connection, person).unwrap();
    assert_eq!(place.stored(&dn, "sn"), ["Of Tests"]);
    let outside = place.person("y").set("-dn-", "cn=y,ou=a,dc=elsewhere");
    let error = export(&mut connection, Change::Add(outside)).unwrap_err();
    assert_eq!((error.kind(), error.attribute()), (ErrorKind::Invalid, Some("-dn-")), "{error}");
}

pub(crate) fn auxiliary_classes_come_with_new_entries_and_with_their_attributes(place: &Place) {
    let class = format!("person={}+posixAccount", place.vendor.person);
    let mut connection = place.connect_with("object_classes", vec![class]);
    let posix = |name: &str| {
        place
            .person(name)
            .set("uid", name)
            .set("uidNumber", 1001)
            .set("gidNumber", 100)
            .set("homeDirectory", "/home/x")
    };
    let new = added(&mut connection, posix("new"));
    assert_eq!(new.get("uidNumber"), [Value::Integer(1001)]);
    let has_class = |dn: &str| place.stored(dn, "objectClass").contains(&"posixAccount".to_owned());
    assert!(has_class(&place.dn("new")));

    let plain = place.put("plain");
    assert!(!has_class(&plain));
    let known = everything(&mut connection);
    let known = known.values().find(|e| e.text("cn") == Some("plain")).unwrap();
    let mut update = Update::new(known.id().clone());
    for name in ["uid", "uidNumber", "gidNumber", "homeDirectory"] {
        let values = posix("plain").get(name).to_vec();
        update = update.set(name, values);
    }
    let exported = export(&mut connection, Change::Update(update)).unwrap();
    assert_same(&exported.entry.unwrap(), &read(&mut connection, known.id()).unwrap());
    assert_eq!(place.stored(&plain, "uidNumber"), ["1001"]);
    assert_eq!(has_class(&plain), place.vendor.person != "user", "a user has these anyway");
}

pub(crate) fn names_that_are_hard_to_write_are_added_changed_renamed_and_deleted(place: &Place) {
    let mut connection = place.connect();
    for name in ODD {
        let entry = added(&mut connection, place.person(name));
        let id = entry.id().clone();
        let all = everything(&mut connection);
        assert_same(&all[&id.to_string()], &entry);
        assert_same(&read(&mut connection, &id).unwrap(), &entry);
        let trimmed = name.trim();
        let is_spaced = entry.text("cn").unwrap().trim() != entry.text("cn").unwrap();
        assert!(entry.text("cn") == Some(name) || entry.text("cn") == Some(trimmed) && !is_spaced);
        let manager = place.person("boss").set("secretary", Value::Reference(dn(&entry)));
        let boss = added(&mut connection, manager);
        let boss = read(&mut connection, boss.id()).unwrap();
        assert_eq!(boss.get("secretary"), [Value::Reference(dn(&entry))], "{name}");
        export(&mut connection, Change::Delete { id: boss.id().clone() }).unwrap();

        let update = Update::new(id.clone()).set("sn", "Other");
        let entry = export(&mut connection, Change::Update(update)).unwrap().entry.unwrap();
        assert_eq!(entry.text("sn"), Some("Other"), "{name}");
        let other = format!("{name}, too");
        let update = Update::new(id.clone()).set("-dn-", place.dn(&other));
        let entry = export(&mut connection, Change::Update(update)).unwrap().entry.unwrap();
        assert_eq!(entry.id().anchor, id.anchor, "{name}");
        assert_eq!(entry.text("cn").map(str::trim), Some(other.trim()), "{name}");
        export(&mut connection, Change::Delete { id: entry.id().clone() }).unwrap();
    }
    assert_eq!(rdns(&everything(&mut connection)).len(), 1, "the container alone is left");
}

fn dn(entry: &Entry) -> String {
    entry.id().dn.as_ref().unwrap().as_str().to_owned()
}

pub(crate) fn bytes_and_texts_come_back_as_they_were_given(place: &Place) {
    let certificate = CertificateDer::from_pem_file(place.ca()).unwrap().to_vec();
    let photo = |first: u8| [&[0xff, 0xd8, 0xff, 0xe0, first, 0, 10, 13][..], &[0; 300]].concat();
    let text = "two\nlines, ünïcode \u{1f431} and \\ \" # ;";
    let sample = place
        .person("full")
        .set("givenName", text)
        .set("jpegPhoto", vec![photo(1), photo(2)])
        .set("userCertificate", certificate.clone())
        .set("departmentNumber", ["2", "1", "É"]);
    let mut connection = place.connect();
    let entry = added(&mut connection, sample.clone());
    for entry in [&entry, &read(&mut connection, entry.id()).unwrap()] {
        for name in ["givenName", "jpegPhoto", "userCertificate", "departmentNumber"] {
            assert_eq!(values(entry, name), values(&sample, name), "{name}");
        }
    }
    let update = Update::new(entry.id().clone())
        .set("userCertificate", None::<Vec<u8>>)
        .set("jpegPhoto", photo(3));
    let entry = export(&mut connection, Change::Update(update)).unwrap().entry.unwrap();
    assert_eq!(entry.get("userCertificate"), []);
    assert_eq!(entry.get("jpegPhoto"), [Value::Binary(photo(3))]);
}

pub(crate) fn empty_texts_are_no_values(place: &Place) {
    let mut connection = place.connect();
    let person = place.person("x").set("givenName", "").set("departmentNumber", ["", "1"]);
    let entry = added(&mut connection, person);
    assert_eq!(entry.get("givenName"), []);
    assert_eq!(entry.get("departmentNumber"), ["1".into()]);
    let update = Update::new(entry.id().clone()).set("departmentNumber", "");
    let entry = export(&mut connection, Change::Update(update)).unwrap().entry.unwrap();
    assert_eq!(entry.get("departmentNumber"), []);
}

pub(crate) fn what_cannot_be_added_is_refused_by_kind_and_attribute(place: &Place) {
    let mut connection = place.connect_with("operational_attributes", true);
    added(&mut connection, place.person("known"));
    let is_active_directory = place.vendor.person == "user";
    let made = if is_active_directory { "whenCreated" } else { "createTimestamp" };
    let long = "9".repeat(600);
    let mut cases = vec![
        (place.person("known"), ErrorKind::AlreadyExists, Some("cn")),
        (place.person("x").set("noSuch", "x"), ErrorKind::Invalid, Some("noSuch")),
        (place.person("x").set(made, "2026-01-01T00:00:00Z"), ErrorKind::Invalid, Some(made)),
        (place.person("x").set("secretary", "no name"), ErrorKind::Invalid, Some("secretary")),
        (place.person("x").set("-dn-", "x"), ErrorKind::Invalid, Some("-dn-")),
    ];
    if is_active_directory {
        let long = place.person("x").set("employeeNumber", long);
        cases.push((long, ErrorKind::Invalid, Some("employeeNumber")));
        let other = place.person("x").set("sAMAccountName", "Administrator");
        cases.push((other, ErrorKind::AlreadyExists, None));
    } else {
        cases.push((place.person("x").set("sn", ""), ErrorKind::Invalid, Some("sn")));
    }
    let before = place.names();
    for (entry, kind, attribute) in cases {
        let shown = format!("{entry:?}");
        let error = export(&mut connection, Change::Add(entry)).expect_err(&shown);
        assert_eq!((error.kind(), error.attribute()), (kind, attribute), "{error}");
    }
    assert_eq!(place.names(), before);
}

pub(crate) fn a_group_without_members_has_none(place: &Place) {
    let mut connection = place.connect();
    let kim = place.put("Kim");
    let group = Entry::new("group").set("-dn-", place.dn("empty"));
    let entry = added(&mut connection, group);
    let members = |connection: &mut _| read(connection, entry.id()).unwrap().get("member").to_vec();
    assert_eq!(members(&mut connection), []);
    let kim = Value::Reference(kim);
    let update = Update::new(entry.id().clone()).set("member", vec![kim.clone()]);
    export(&mut connection, Change::Update(update)).unwrap();
    assert_eq!(members(&mut connection), std::slice::from_ref(&kim));
    let (added, removed) = (Vec::new(), vec![kim.clone()]);
    let mut last = Update::new(entry.id().clone());
    last.attributes
        .push(("member".to_owned(), ecma_plugin_sdk::AttributeChange::Modify { added, removed }));
    for _ in 0..2 {
        export(&mut connection, Change::Update(last.clone())).unwrap();
        assert_eq!(members(&mut connection), []);
    }
    let update = Update::new(entry.id().clone()).set("member", vec![kim.clone()]);
    export(&mut connection, Change::Update(update)).unwrap();
    let update = Update::new(entry.id().clone()).set("member", Vec::<Value>::new());
    export(&mut connection, Change::Update(update)).unwrap();
    assert_eq!(members(&mut connection), []);
    let all = everything(&mut connection);
    assert_eq!(all[&entry.id().to_string()].get("member"), []);
}
