//! Rows become resources and resources entries, shape by shape.

use super::{
    Flow, Space,
    cache::{By, Edit},
    mapping::{Compiled, compile},
    needs::Needs,
    row,
};
use crate::{
    config::{AttributeMapping, DeleteFlow, Deprovisioning, DisableFlow, DnSource, ObjectMapping},
    scim::{Path, Resource},
};
use ecma_plugin_sdk::{AttributeType, Capabilities, Entry, ObjectType, Schema, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::sync::Arc;

pub(super) const BASE: &str = "https://h/scim";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(super) const OWN: &str = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";

pub(super) fn to(target: &str, scim: &str) -> AttributeMapping {
    AttributeMapping {
        target: target.to_owned(),
        scim: (!scim.is_empty()).then(|| scim.to_owned()),
        when_true: None,
        when_false: None,
        single: false,
    }
}

pub(super) fn object(attributes: Vec<AttributeMapping>) -> ObjectMapping {
    ObjectMapping {
        object_type: "person".to_owned(),
        resource: "User".to_owned(),
        anchor: Vec::new(),
        dn: DnSource::None,
        query: Vec::new(),
        attributes,
        deprovisioning: Deprovisioning { disable: DisableFlow::None, delete: DeleteFlow::Delete },
    }
}

pub(super) fn person() -> ObjectType {
    use AttributeType::{Binary, Boolean, DateTime, Integer, Reference, Text};
    ObjectType::new("person")
        .anchor("id", Text)
        .attribute("login", Text)
        .case_insensitive()
        .attribute("given", Text)
        .attribute("work", Text)
        .attribute("home", Text)
        .attribute("city", Text)
        .attribute("dept", Text)
        .attribute("boss", Reference)
        .attribute("others", Text)
        .multi_valued()
        .attribute("proxies", Text)
        .multi_valued()
        .attribute("tags", Text)
        .multi_valued()
        .attribute("number", Integer)
        .attribute("level", Integer)
        .attribute("photo", Binary)
        .attribute("hired", DateTime)
        .attribute("vip", Boolean)
        .attribute("state", Text)
        .attribute("flag", Integer)
        .attribute("seen", Text)
        .import_only()
        .attribute("secret", Text)
        .export_only()
        .attribute("place", Text)
}

pub(super) fn everything() -> ObjectMapping {
    let mut object = object(vec![
        to("login", "userName"),
        to("given", "name.givenName"),
        to("work", "emails[type eq \"work\"].value"),
        to("home", "emails[type eq \"home\"].value"),
        to("city", "addresses[type eq \"work\"].locality"),
        to("dept", &format!("{ENTERPRISE}:department")),
        to("boss", &format!("{ENTERPRISE}:manager")),
        to("others", "phoneNumbers[type eq \"other\"].value"),
        AttributeMapping { single: true, ..to("proxies", "nickName") },
        to("tags", ""),
        to("number", &format!("{ENTERPRISE}:employeeNumber")),
        to("level", ""),
        to("photo", ""),
        to("hired", ""),
        to("vip", ""),
        AttributeMapping {
            when_true: Some("on".to_owned()),
            when_false: Some("off".to_owned()),
            ..to("state", "active")
        },
        to("seen", "title"),
        to("secret", "password"),
    ]);
    object.query =
        ["login", "work", "number", "level", "tags", "proxies", "id"].map(str::to_owned).into();
    object
}

fn compiled(object: ObjectMapping) -> Compiled {
    compile(&Schema::new([person()]), &[object], &Capabilities::default()).unwrap()
}

pub(super) struct Made {
    pub(super) space: Space,
    pub(super) flow: Arc<Flow>,
}

impl Made {
    pub(super) fn of(object: ObjectMapping, entries: &[Entry]) -> Made {
        let Compiled { layout, flows, .. } = compiled(object);
        let mut space = Space::new(layout);
        for entry in entries {
            let row = row::encode(space.layout(), entry).unwrap();
            space.apply(&Edit::Put(&row), By::Import, 0);
        }
        Made { space, flow: Arc::clone(&flows[0]) }
    }

    fn resource(&self, slot: u32) -> Resource {
        let stored = self.space.stored(slot).unwrap();
        self.flow.resource(&self.space, &stored, BASE, &Needs::ALL)
    }

    fn before(&self, slot: u32) -> Entry {
        self.space.entry(&self.space.stored(slot).unwrap())
    }
}

fn full() -> Entry {
    let mut entry = Entry::new("person")
        .anchor("id", "1")
        .set("login", "Ada")
        .set("given", "Ada")
        .set("work", "a@w")
        .set("home", "a@h")
        .set("city", "Oslo")
        .set("dept", "R&D")
        .set("others", ["1", "2"])
        .set("proxies", ["p", "q"])
        .set("tags", ["x"])
        .set("number", 7)
        .set("level", 3)
        .set("photo", vec![1_u8, 255])
        .set("hired", "2024-05-01T00:00:00Z")
        .set("vip", true)
        .set("state", "on")
        .set("seen", "today");
    entry.put("boss", vec![Value::Reference("1".to_owned())]);
    entry
}

#[test]
fn an_anchor_that_is_a_name_is_referred_to_by_it() {
    let names = ["CN=ada,OBJECT=person", "CN=kim,OBJECT=person"];
    let [ada, kim] = names.map(|name| Entry::new("person").anchor("id", name).set("login", name));
    let mut kim = kim;
    kim.put("boss", vec![Value::Reference(names[0].to_owned())]);
    let made = Made::of(everything(), &[ada, kim]);
    let resource = made.resource(1);
    let boss = &resource.as_map()[ENTERPRISE]["manager"]["value"];
    assert_eq!(*boss, made.resource(0).as_map()["id"]);
    let written = made.flow.entry(&made.space, &resource, &[], None).unwrap();
    assert_eq!(written.get("boss"), [Value::Reference(names[0].to_owned())]);
}

#[test]
fn every_shape_flows_both_ways() {
    let made = Made::of(everything(), &[full()]);
    let resource = made.resource(0);
    let version = resource.as_map()["meta"]["version"].clone();
    let expected = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE, OWN],
        "id": "person.1",
        "userName": "Ada",
        "name": {"givenName": "Ada"},
        "emails": [{"type": "work", "value": "a@w"}, {"type": "home", "value": "a@h"}],
        "addresses": [{"type": "work", "locality": "Oslo"}],
        "phoneNumbers": [{"type": "other", "value": "1"}, {"type": "other", "value": "2"}],
        "nickName": "p",
        "title": "today",
        "active": true,
        ENTERPRISE: {"department": "R&D", "employeeNumber": "7",
                     "manager": {"value": "person.1", "$ref": "https://h/scim/Users/person.1"}},
        OWN: {"tags": ["x"], "level": 3, "photo": "Af8=", "hired": "2024-05-01T00:00:00Z", "vip": true},
        "meta": {
            "resourceType": "User",
            "lastModified": "1970-01-01T00:00:00Z",
            "version": version,
            "location": "https://h/scim/Users/person.1",
        },
    });
    assert_eq!(Json::from(resource.clone()), expected);
    assert_eq!(
        made.flow.entry(&made.space, &resource, &[], Some(&made.before(0))).unwrap(),
        made.before(0)
    );
    let anew = made.flow.entry(&made.space, &resource, &[], None).unwrap();
    for name in [
        "login", "work", "others", "tags", "number", "level", "photo", "hired", "vip", "state",
        "boss",
    ] {
        assert_eq!(anew.get(name), full().get(name), "{name}");
    }
    assert!(anew.get("seen").is_empty(), "what is only read is not written");
    assert_eq!(anew.get("proxies"), [Value::from("p")]);
}

/// A resource with other values at one path: what the target attribute becomes.
fn check_write(path: &str, value: Json, attribute: &str, expected: Result<&[Value], &str>) {
    let made = Made::of(everything(), &[full()]);
    let mut resource = made.resource(0);
    let values = match value {
        Json::Array(values) => values,
        value => vec![value],
    };
    resource.put(&Path::parse(path).unwrap(), values);
    let entry = made.flow.entry(&made.space, &resource, &[], Some(&made.before(0)));
    match (entry, expected) {
        (Ok(entry), Ok(expected)) => assert_eq!(entry.get(attribute), expected, "{path}"),
        (Err(error), Err(expected)) => assert_eq!(error.detail, expected, "{path}"),
        (got, _) => panic!("{path}: {got:?}"),
    }
}

#[test]
fn values_are_brought_into_the_targets_words() {
    let own = |name: &str| format!("{OWN}:{name}");
    check_write("userName", json!("Eva"), "login", Ok(&["Eva".into()]));
    check_write("userName", json!(null), "login", Ok(&[]));
    check_write("active", json!(false), "state", Ok(&["off".into()]));
    check_write("nickName", json!("z"), "proxies", Ok(&["z".into()]));
    check_write(&format!("{ENTERPRISE}:employeeNumber"), json!("8"), "number", Ok(&[8.into()]));
    check_write(&own("level"), json!(-4), "level", Ok(&[(-4).into()]));
    check_write(&own("tags"), json!(["y", "x", "y"]), "tags", Ok(&["y".into(), "x".into()]));
    check_write(&own("photo"), json!("AA=="), "photo", Ok(&[vec![0_u8].into()]));
    check_write(
        &own("hired"),
        json!("2024-05-02T02:00:00+02:00"),
        "hired",
        Ok(&["2024-05-02T00:00:00Z".into()]),
    );
    check_write(&own("vip"), json!("False"), "vip", Ok(&[false.into()]));
    check_write(
        &format!("{ENTERPRISE}:employeeNumber"),
        json!("x8"),
        "number",
        Err(&format!("{ENTERPRISE}:employeeNumber cannot be \"x8\" in the target")),
    );
    check_write(
        &own("hired"),
        json!("soon"),
        "hired",
        Err(&format!("{OWN}:hired cannot be \"soon\" in the target")),
    );
    check_write(
        &own("photo"),
        json!("???"),
        "photo",
        Err(&format!("{OWN}:photo cannot be \"???\" in the target")),
    );
}

fn disabled_by(attribute: &str, words: Option<(&str, &str)>) -> ObjectMapping {
    let mut object = object(vec![to("login", "userName")]);
    object.deprovisioning.disable = DisableFlow::Set {
        attribute: attribute.to_owned(),
        when_true: words.map(|words| words.0.to_owned()),
        when_false: words.map(|words| words.1.to_owned()),
    };
    object
}

#[test]
fn active_goes_where_the_disable_flow_says() {
    let cases = [
        ("state", None, Value::from("true"), Value::from("false")),
        ("state", Some(("A", "L")), "A".into(), "L".into()),
        ("flag", None, 1.into(), 0.into()),
        ("flag", Some(("512", "514")), 512.into(), 514.into()),
        ("vip", None, true.into(), false.into()),
    ];
    for (attribute, words, yes, no) in cases {
        let mut entry = Entry::new("person").anchor("id", "1").set("login", "a");
        entry.put(attribute, vec![no.clone()]);
        let made = Made::of(disabled_by(attribute, words), &[entry]);
        let mut resource = made.resource(0);
        assert_eq!(resource.get(&Path::of("active")), [&json!(false)], "{attribute} {words:?}");
        resource.put(&Path::of("active"), vec![json!(true)]);
        let wanted = made.flow.entry(&made.space, &resource, &[], Some(&made.before(0))).unwrap();
        assert_eq!(wanted.get(attribute), [yes], "{attribute} {words:?}");
        resource.put(&Path::of("active"), vec![json!(false)]);
        let wanted = made.flow.entry(&made.space, &resource, &[], None).unwrap();
        assert_eq!(wanted.get(attribute), [no], "{attribute} {words:?}");
        assert!(!made.flow.asks_to_delete(&resource));
    }
}

#[test]
fn without_an_attribute_everybody_is_active() {
    let mut mapping = object(vec![to("login", "userName")]);
    mapping.deprovisioning.disable = DisableFlow::Delete;
    let made = Made::of(mapping, &[full()]);
    let mut resource = made.resource(0);
    assert_eq!(resource.get(&Path::of("active")), [&json!(true)]);
    assert!(!made.flow.asks_to_delete(&resource));
    resource.put(&Path::of("active"), vec![json!(false)]);
    assert!(made.flow.asks_to_delete(&resource));
    assert_eq!(
        made.flow.entry(&made.space, &resource, &[], Some(&made.before(0))).unwrap(),
        made.before(0)
    );
}

#[test]
fn a_delete_may_be_a_word_in_an_attribute() {
    let mut mapping = object(vec![to("login", "userName")]);
    mapping.deprovisioning.delete =
        DeleteFlow::Set { attribute: "flag".to_owned(), value: "9".to_owned() };
    let made = Made::of(mapping, &[full()]);
    assert_eq!(made.flow.selected(), ["flag", "login"]);
    let left = made.flow.left(&made.before(0)).unwrap().unwrap();
    assert_eq!(left.get("flag"), [Value::Integer(9)]);
    assert_eq!(left.text("login"), Some("Ada"));
    let plain = Made::of(object(vec![to("login", "userName")]), &[]);
    assert_eq!(plain.flow.left(&full()).unwrap(), None);
}

#[test]
fn names_are_made_once_and_moved_with_their_attribute() {
    let mut mapping = object(vec![to("id", "externalId"), to("place", "title")]);
    mapping.dn = DnSource::Autogenerated;
    let made = Made::of(mapping.clone(), &[full()]);
    let same = made.flow.entry(&made.space, &made.resource(0), &[], Some(&made.before(0))).unwrap();
    assert_eq!(same.id().dn, None, "an entry that has no name is not renamed");
    let anew = made.flow.entry(&made.space, &made.resource(0), &[], None).unwrap();
    assert_eq!(anew.id().dn, None, "a made name is made again for each export");
    assert_eq!(made.flow.export_id(same.id().clone()).dn.unwrap().as_str(), "CN=1,OBJECT=person");

    mapping.dn = DnSource::Attribute("place".to_owned());
    let made = Made::of(mapping, &[full().set("place", "ou=a").dn("OU=A")]);
    let mut resource = made.resource(0);
    let same = made.flow.entry(&made.space, &resource, &[], Some(&made.before(0))).unwrap();
    assert_eq!(same.id().dn.as_ref().unwrap().as_str(), "OU=A");
    resource.put(&Path::of("title"), vec![json!("ou=b")]);
    let moved = made.flow.entry(&made.space, &resource, &[], Some(&made.before(0))).unwrap();
    assert_eq!(moved.id().dn.as_ref().unwrap().as_str(), "ou=b");
}

#[test]
fn secrets_are_written_and_never_kept() {
    for (attribute, mapping) in [
        ("secret", everything()),
        ("given", {
            let mut object = object(vec![to("login", "userName"), to("given", "password")]);
            object.query = vec!["login".to_owned()];
            object
        }),
    ] {
        let made = Made::of(mapping, &[full().set("secret", "s3").set("given", "s3")]);
        assert!(made.before(0).get(attribute).is_empty());
        let mut resource = made.resource(0);
        assert!(resource.get(&Path::of("password")).is_empty());
        assert!(!made.flow.selected().contains(&attribute.to_owned()));
        resource.put(&Path::of("password"), vec![json!("new")]);
        let wanted = made.flow.entry(&made.space, &resource, &[], Some(&made.before(0))).unwrap();
        assert_eq!(wanted.text(attribute), Some("new"));
        let row = row::encode(made.space.layout(), &wanted).unwrap();
        assert!(!String::from_utf8_lossy(&row.bytes).contains("new"), "{attribute}");
    }
}

#[test]
fn what_a_client_names_is_known_by_the_targets_names() {
    let flow = &compiled(everything()).flows[0];
    let check = |path: &str, expected: &[&str]| {
        let named = flow.named(&[Path::parse(path).unwrap()]);
        assert_eq!(named.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{path}");
    };
    check("emails", &["home", "work"]);
    check("emails[type eq \"work\"]", &["work"]);
    check("emails[type eq \"home\"].value", &["home"]);
    check("name", &["given"]);
    check(ENTERPRISE, &["boss", "dept", "number"]);
    check(&format!("{ENTERPRISE}:manager"), &["boss"]);
    check("password", &["secret"]);
    check("displayName", &[]);
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let text = || proptest::option::of("[a-c ,]{0,3}|true|1|ÄÖ|2024-01-01T00:00:00\\+00:00");
    let texts = || proptest::collection::vec("[a-c]{1,2}", 0..4);
    let number = || proptest::option::of(-3_i64..600);
    let flags = (proptest::option::of(any::<bool>()), proptest::option::of(any::<Vec<u8>>()));
    let words = (text(), text(), text(), text(), text(), text());
    // Nobody, somebody who is not there, and the person itself.
    let boss = prop_oneof![text(), Just(Some("1".to_owned()))];
    (words, (texts(), texts(), texts()), (number(), number()), flags, boss).prop_map(
        |(words, lists, numbers, (vip, photo), boss)| {
            let mut entry = Entry::new("person")
                .anchor("id", "1")
                .set("login", words.0)
                .set("given", words.1)
                .set("work", words.2)
                .set("city", words.3)
                .set("hired", words.4)
                .set("state", words.5)
                .set("others", lists.0)
                .set("proxies", lists.1)
                .set("tags", lists.2)
                .set("number", numbers.0)
                .set("level", numbers.1)
                .set("vip", vip);
            entry.put("photo", photo.into_iter().map(Value::Binary).collect());
            entry.put("boss", boss.into_iter().map(Value::Reference).collect());
            entry
        },
    )
}

proptest! {
    #[test]
    fn nothing_changes_when_nothing_changed(entry in any_entry()) {
        for mapping in [everything(), disabled_by("state", None), disabled_by("state", Some(("1", "a")))] {
            let made = Made::of(mapping, std::slice::from_ref(&entry));
            let before = made.before(0);
            let after = made.flow.entry(&made.space, &made.resource(0), &[], Some(&before)).unwrap();
            prop_assert_eq!(after, before);
        }
    }

    #[test]
    fn the_text_of_a_row_is_that_of_its_tree(entry in any_entry()) {
        for mapping in [everything(), disabled_by("state", None), disabled_by("state", Some(("1", "a")))] {
            let made = Made::of(mapping, std::slice::from_ref(&entry));
            let stored = made.space.stored(0).unwrap();
            let mut text = Vec::new();
            made.flow.write(&made.space, &stored, BASE, &mut text);
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(text, Json::from(made.resource(0)).to_string());
        }
    }
}

#[test]
fn usual_mappings_are_written_without_a_tree() {
    let made = Made::of(disabled_by("state", None), &[full()]);
    assert!(made.flow.writes_text(), "a mapping of usual shape has a template");
}
