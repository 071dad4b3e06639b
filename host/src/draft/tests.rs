//! Drafts by tables: answers, proposals, and texts that the host reads back as they were meant.

use super::*;
use crate::{
    config::{ConfigValue, ConnectorConfig, DeleteFlow, DisableFlow, TokenHash},
    space::mapping,
};
use ecma_plugin_sdk::{
    AttributeType::{self, Binary, Boolean, Integer, Reference, Text},
    Capabilities, ObjectType, Parameter, ParameterKind, ParameterPage, Schema,
};

fn given(sets: &[(&str, &str)]) -> Given {
    let mut given = Given::default();
    sets.iter().for_each(|(key, text)| given.set(key, (*text).to_owned()));
    given
}

#[test]
fn an_answer_finds_its_parameter_with_and_without_the_page() {
    let file = Parameter::new("file", ParameterKind::File);
    let anchor = Parameter::new("anchor", ParameterKind::List).on(ParameterPage::Schema(2));
    for (key, parameter, found) in [
        ("file", &file, true),
        ("connectivity.file", &file, true),
        ("Connectivity.file", &file, true),
        ("global.file", &file, false),
        ("profile", &file, false),
        ("files", &file, false),
        ("schema2.anchor", &anchor, true),
        ("SCHEMA.anchor", &anchor, true),
        ("schema1.anchor", &anchor, false),
    ] {
        let taken = given(&[(key, "x")]).take(parameter).unwrap();
        assert_eq!(taken.is_some(), found, "{key}");
    }
}

#[test]
fn an_answer_is_read_as_its_parameter_wants_it() {
    let list = ["a", "b"].map(str::to_owned).to_vec();
    let whole = ParameterKind::Integer { min: 1, max: 9 };
    for (kind, texts, expected) in [
        (ParameterKind::Text, &["7"][..], Ok(ConfigValue::Text("7".into()))),
        (ParameterKind::Text, &["env:X"], Ok(ConfigValue::Env("X".into()))),
        (ParameterKind::Secret, &["file:p"], Ok(ConfigValue::File("p".into()))),
        (ParameterKind::Text, &["a", "b"], Err("is given more than once")),
        (whole.clone(), &["7"], Ok(ConfigValue::Integer(7))),
        (whole.clone(), &["seven"], Err("is not a whole number")),
        (whole, &["12"], Err("is 12, not a number from 1 to 9")),
        (ParameterKind::Boolean, &["yes"], Ok(ConfigValue::Boolean(true))),
        (ParameterKind::Boolean, &["maybe"], Err("is neither true nor false")),
        (ParameterKind::List, &["a", "b"], Ok(ConfigValue::List(list.clone()))),
        (ParameterKind::List, &["a, b"], Ok(ConfigValue::List(list.clone()))),
        (ParameterKind::List, &["[\"a\", \"b\"]"], Ok(ConfigValue::List(list))),
        (ParameterKind::List, &["a,b", "c"], Ok(ConfigValue::List(vec!["a,b".into(), "c".into()]))),
        (ParameterKind::Text, &["env:"], Err("names no environment variable after env:")),
    ] {
        let sets: Vec<_> = texts.iter().map(|text| ("key", *text)).collect();
        let taken = given(&sets).take(&Parameter::new("key", kind));
        let taken = taken.map(|taken| taken.unwrap().value);
        assert_eq!(taken, expected.map_err(str::to_owned), "{texts:?}");
    }
    assert!(given(&[("key", "[1]")]).take(&Parameter::new("key", ParameterKind::List)).is_err());
}

#[test]
fn a_secret_in_plain_text_was_seen_unless_it_was_read() {
    let password = Parameter::new("password", ParameterKind::Secret);
    let seen = |given: &mut Given| given.take(&password).unwrap().unwrap().was_seen;
    assert!(seen(&mut given(&[("password", "hunter2")])));
    assert!(!seen(&mut given(&[("password", "env:PASSWORD")])));
    let mut read = Given::default();
    read.set_secret("password", "hunter2".to_owned());
    assert!(!seen(&mut read));
}

#[test]
fn what_no_parameter_takes_is_told_with_the_nearest() {
    let known = [
        Parameter::new("file", ParameterKind::File),
        Parameter::new("anchor", ParameterKind::List).on(ParameterPage::Schema(2)),
    ];
    for (key, said) in [
        ("connectivity.fil", "did you mean connectivity.file?"),
        ("global.anchor", "did you mean schema2.anchor?"),
        ("ancor", "did you mean schema2.anchor?"),
        ("something", "it asks for connectivity.file, schema2.anchor"),
    ] {
        let left = given(&[(key, "x")]).left(&known);
        assert!(left.len() == 1 && left[0].contains(said), "{left:?}");
    }
    let mut all = given(&[("file", "x")]);
    all.take(&known[0]).unwrap();
    assert_eq!(all.left(&known), Vec::<String>::new());
}

fn kind(name: &str, attributes: &[(&str, AttributeType)]) -> ObjectType {
    let kind = ObjectType::new(name).anchor("id", Integer);
    attributes.iter().fold(kind, |kind, (name, of)| kind.attribute(*name, *of))
}

fn places(kind: ObjectType, wishes: &Wishes) -> Vec<(String, String)> {
    let schema = Schema::new([kind]);
    let objects = propose(Some(&schema), &Capabilities::default(), wishes).unwrap();
    let mut found: Vec<_> = objects[0]
        .attributes
        .iter()
        .map(|one| (one.target.clone(), one.scim.clone().unwrap_or_default()))
        .collect();
    assert_eq!(found.remove(0).0, "id");
    found
}

#[test]
fn usual_names_have_their_usual_places() {
    const WORK: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:";
    for (name, place) in [
        ("login", "userName"),
        ("sAMAccountName", "userName"),
        ("USER_NAME", "userName"),
        ("uid", "userName"),
        ("given_name", "name.givenName"),
        ("first_name", "name.givenName"),
        ("sn", "name.familyName"),
        ("cn", "displayName"),
        ("mail", "emails[type eq \"work\"].value"),
        ("telephoneNumber", "phoneNumbers[type eq \"work\"].value"),
        ("mobile", "phoneNumbers[type eq \"mobile\"].value"),
        ("-enabled-", "active"),
        ("title", "title"),
        ("department", &format!("{WORK}department")),
        ("employeeNumber", &format!("{WORK}employeeNumber")),
        ("manager_id", &format!("{WORK}manager")),
        ("badge", ""),
    ] {
        // Somebody else is the user name, so that nothing has to take its place.
        let others = if place == "userName" { &[][..] } else { &[("login", Text)] };
        let kind = kind("person", &[&[(name, Text)], others].concat());
        let found = places(kind, &Wishes::default());
        assert_eq!(found[0], (name.to_owned(), place.to_owned()));
    }
}

#[test]
fn of_two_for_one_place_the_better_name_is_there() {
    let kind = kind("person", &[("uid", Text), ("login", Text), ("cn", Text), ("display", Text)]);
    let found = places(kind, &Wishes::default());
    let places: Vec<&str> = found.iter().map(|(_, place)| place.as_str()).collect();
    assert_eq!(places, ["", "userName", "", "displayName"]);
}

#[test]
fn people_get_a_user_name_in_any_case() {
    for (attributes, user_name) in
        [(&[("mail", Text), ("badge", Text)][..], Some("mail")), (&[("badge", Text)], None)]
    {
        let found = places(kind("person", attributes), &Wishes::default());
        let named = found.iter().find(|(_, place)| place == "userName");
        assert_eq!(named.map(|(name, _)| name.as_str()), user_name);
    }
    let schema = Schema::new([kind("person", &[("badge", Text)])]);
    let found = propose(Some(&schema), &Capabilities::default(), &Wishes::default()).unwrap();
    assert_eq!(found[0].attributes[0].scim.as_deref(), Some("userName"), "the anchor");
    let unique = kind("person", &[("badge", Text)]).unique();
    assert_eq!(places(unique, &Wishes::default())[0].1, "userName");
}

#[test]
fn wishes_come_before_what_is_usual() {
    let wishes = Wishes {
        maps: vec![
            ("mail".into(), "userName".into()),
            ("person.login".into(), "externalId".into()),
            ("photo".into(), String::new()),
        ],
        not_mapped: vec!["badge".into()],
        ..Wishes::default()
    };
    let attributes =
        [("login", Text), ("mail", Text), ("badge", Text), ("photo", Binary), ("raw", Binary)];
    let found = places(kind("person", &attributes), &wishes);
    let expected = [("login", "externalId"), ("mail", "userName"), ("photo", "")];
    assert_eq!(found, expected.map(|(name, place)| (name.to_owned(), place.to_owned())));
    let schema = Schema::new([kind("person", &attributes)]);
    let wrong = Wishes {
        maps: vec![("maill".into(), "userName".into())],
        not_mapped: vec!["group.badge".into()],
        ..Wishes::default()
    };
    let problems = propose(Some(&schema), &Capabilities::default(), &wrong).unwrap_err();
    assert!(problems[0].starts_with("--map maill: ") && problems[0].contains("mean mail?"));
    assert!(problems[1].starts_with("--no-map group.badge: "), "{problems:?}");
}

#[test]
fn object_types_are_chosen_by_their_names_unless_said() {
    let schema = |names: &[&str]| Schema::new(names.iter().map(|name| kind(name, &[])));
    for (names, expected) in [
        (&["person"][..], Ok(vec![("person", "User")])),
        (&["thing"], Ok(vec![("thing", "User")])),
        (
            &["hr.employees", "hr.teams", "hr.log"],
            Ok(vec![("hr.employees", "User"), ("hr.teams", "Group")]),
        ),
        (&["users", "people"], Ok(vec![("users", "User")])),
        (&["a", "b"], Err("which object types? The target has a, b")),
        (&[], Err("which object types? The target has none")),
    ] {
        let found = propose(Some(&schema(names)), &Capabilities::default(), &Wishes::default());
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                let found: Vec<_> = found
                    .iter()
                    .map(|one| (one.object_type.as_str(), one.resource.as_str()))
                    .collect();
                assert_eq!(found, expected);
            }
            (Err(found), Err(expected)) => assert!(found[0].starts_with(expected), "{found:?}"),
            (found, _) => panic!("{names:?}: {found:?}"),
        }
    }
    let wishes = |name: &str| Wishes {
        objects: vec![(name.to_owned(), Some("Device".to_owned()))],
        ..Wishes::default()
    };
    let two = schema(&["a", "b"]);
    let found = propose(Some(&two), &Capabilities::default(), &wishes("b")).unwrap();
    assert_eq!((found[0].object_type.as_str(), found[0].resource.as_str()), ("b", "Device"));
    let wrong = propose(Some(&two), &Capabilities::default(), &wishes("c")).unwrap_err();
    assert!(wrong[0].contains("it has a, b"), "{wrong:?}");
}

/// People and groups of a directory, with something odd.
fn directory() -> Schema {
    let person = kind("person", &[("login", Text)])
        .required()
        .unique()
        .attribute("mail", Text)
        .multi_valued()
        .attribute("odd name \"x\"", Text)
        .attribute("enabled", Boolean)
        .attribute("photo", Binary)
        .attribute("manager", Reference)
        .refers_to(["person"]);
    let group = kind("group", &[("name", Text)])
        .attribute("members", Reference)
        .multi_valued()
        .refers_to(["person"]);
    Schema::new([person, group])
}

#[test]
fn an_attribute_that_disables_is_for_the_object_types_that_have_it() {
    let capabilities = Capabilities::default();
    let proposed = |attribute: &str| {
        let disable =
            DisableFlow::Set { attribute: attribute.into(), when_true: None, when_false: None };
        let wishes = Wishes { disable: Some(disable), ..Wishes::default() };
        propose(Some(&directory()), &capabilities, &wishes)
    };
    for named in ["enabled", "person.enabled"] {
        let objects = proposed(named).unwrap();
        let flows: Vec<_> = objects
            .iter()
            .map(|one| (one.object_type.as_str(), &one.deprovisioning.disable))
            .collect();
        let set =
            DisableFlow::Set { attribute: "enabled".into(), when_true: None, when_false: None };
        assert_eq!(flows, [("person", &set), ("group", &DisableFlow::None)], "{named}");
    }
    let problems = proposed("enabeld").unwrap_err();
    assert_eq!(problems, ["--disable enabeld: there is no such attribute, did you mean enabled?"]);
}

#[test]
fn the_text_is_read_as_it_was_meant_and_fits_the_target() {
    let schema = directory();
    let mut capabilities = Capabilities::default();
    capabilities.password = true;
    let wishes = Wishes {
        disable: Some(DisableFlow::Set {
            attribute: "enabled".into(),
            when_true: Some("true".into()),
            when_false: Some("false".into()),
        }),
        not_mapped: vec!["odd name \"x\"".into()],
        delete: Some(DeleteFlow::None),
        objects: vec![("person".into(), None)],
        ..Wishes::default()
    };
    for wishes in [wishes, Wishes::default()] {
        let mut objects = propose(Some(&schema), &capabilities, &wishes).unwrap();
        // A name of the extension has no spaces.
        objects[0].attributes.retain(|one| !one.target.starts_with("odd"));
        let values = [
            (
                Parameter::new("file", ParameterKind::File).label("File\nof people"),
                ConfigValue::Text("C:\\a \"b\".csv".into()),
            ),
            (Parameter::new("list", ParameterKind::List), ConfigValue::List(vec!["a".into()])),
            (Parameter::new("odd key", ParameterKind::Text), ConfigValue::Env("X".into())),
            (Parameter::new("port", ParameterKind::Text), ConfigValue::Integer(-3)),
        ];
        let token = TokenHash::new("0123456789ab").to_string();
        let text = document(&Draft {
            plugin: "csv-file",
            description: Some("two\nlines"),
            token: &token,
            autosync: 5,
            values: &values,
            objects: &objects,
            schema: Some(&schema),
        });
        let read = ConnectorConfig::parse(&"HR".parse().unwrap(), "HR.toml", &text).unwrap();
        assert_eq!(read.objects, objects, "{text}");
        assert_eq!(read.autosync, 5);
        assert_eq!(read.description.as_deref(), Some("two\nlines"));
        for (parameter, value) in values {
            assert_eq!(read.values.get(&parameter.name), Some(&value), "{text}");
        }
        let compiled = mapping::compile(&schema, &read.objects, &capabilities);
        let misfits = compiled.err().unwrap_or_default();
        assert_eq!(misfits, [], "{text}");
    }
}

#[test]
fn look_ups_are_by_the_user_name_and_by_what_is_unique() {
    let kind = kind("person", &[("login", Text), ("badge", Text)]).unique();
    let found = propose(Some(&Schema::new([kind])), &Capabilities::default(), &Wishes::default());
    assert_eq!(found.unwrap()[0].query, ["login", "badge"]);
}

#[test]
fn without_a_target_only_wishes_are_written() {
    let wishes = Wishes {
        objects: vec![("person".into(), None)],
        maps: vec![("login".into(), "userName".into()), ("badge".into(), String::new())],
        ..Wishes::default()
    };
    let found = propose(None, &Capabilities::default(), &wishes).unwrap();
    let names: Vec<&str> = found[0].attributes.iter().map(|one| one.target.as_str()).collect();
    assert_eq!((names, &found[0].query), (vec!["login", "badge"], &vec!["login".to_owned()]));
    assert!(propose(None, &Capabilities::default(), &Wishes::default()).is_err());
}
