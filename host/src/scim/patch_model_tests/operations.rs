//! Operations as clients send them, each with what it means, and the resources they are put to.

use super::super::{
    AttributeDefinition, AttributeKind, Mutability, ResourceSchemas, Schema, standard,
};
use super::{At, CHOICES, ENTERPRISE, Meaning, Model, OWN, Object, USER, declare, is_simple};
use proptest::prelude::*;
use serde_json::{Value, json};

/// An operation: its name, its path, its value, and what it means.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) json: Value,
    pub(super) meanings: Vec<Meaning>,
}

/// A value as it is sent, and what it means.
type Sent = (Value, Value);

pub(super) fn schemas() -> ResourceSchemas {
    let own = Schema {
        id: OWN.into(),
        name: "User".into(),
        description: String::new(),
        attributes: vec![
            AttributeDefinition::new("Level", AttributeKind::Integer),
            AttributeDefinition::new("Score", AttributeKind::Decimal),
            AttributeDefinition::new("Badge", AttributeKind::String)
                .mutability(Mutability::Immutable),
            AttributeDefinition::new("tags", AttributeKind::String).multi_valued(),
        ],
    };
    ResourceSchemas::new(standard::user(), vec![(standard::enterprise_user(), false), (own, false)])
}

/// The single values: path, place, kind.
const SINGLES: [(&str, At, Option<&str>, AttributeKind); 13] = [
    ("userName", (None, "userName"), None, AttributeKind::String),
    ("title", (None, "title"), None, AttributeKind::String),
    ("externalId", (None, "externalId"), None, AttributeKind::String),
    ("active", (None, "active"), None, AttributeKind::Boolean),
    ("name.givenName", (None, "name"), Some("givenName"), AttributeKind::String),
    ("name.familyName", (None, "name"), Some("familyName"), AttributeKind::String),
    ("department", (Some(ENTERPRISE), "department"), None, AttributeKind::String),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        (Some(ENTERPRISE), "department"),
        None,
        AttributeKind::String,
    ),
    ("manager.value", (Some(ENTERPRISE), "manager"), Some("value"), AttributeKind::String),
    ("Level", (Some(OWN), "Level"), None, AttributeKind::Integer),
    (
        "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User:Level",
        (Some(OWN), "Level"),
        None,
        AttributeKind::Integer,
    ),
    ("Score", (Some(OWN), "Score"), None, AttributeKind::Decimal),
    ("Badge", (Some(OWN), "Badge"), None, AttributeKind::String),
];

const LISTS: [(&str, At); 3] = [
    ("emails", (None, "emails")),
    ("roles", (None, "roles")),
    ("urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User:tags", (Some(OWN), "tags")),
];

fn one_of<T: Clone + std::fmt::Debug>(values: &[T]) -> prop::sample::Select<T> {
    prop::sample::select(values.to_vec())
}

/// No value, in the forms that clients give it.
fn clear() -> impl Strategy<Value = Sent> {
    one_of(&[json!(null), json!(""), json!([]), json!([""]), json!({"value": ""})])
        .prop_map(|sent| (sent, Value::Null))
}

fn single(kind: AttributeKind) -> impl Strategy<Value = Sent> {
    let known: &[(Value, Value)] = &match kind {
        AttributeKind::Boolean => [
            (json!(true), json!(true)),
            (json!(false), json!(false)),
            (json!("True"), json!(true)),
            (json!("FALSE"), json!(false)),
        ],
        AttributeKind::Integer => [
            (json!(7), json!(7)),
            (json!("-42"), json!(-42)),
            (json!(3.0), json!(3)),
            (json!("8"), json!(8)),
        ],
        AttributeKind::Decimal => [
            (json!(7), json!(7)),
            (json!("2.5"), json!(2.5)),
            (json!(0.5), json!(0.5)),
            (json!("-1"), json!(-1)),
        ],
        _ => [
            (json!("a"), json!("a")),
            (json!("B"), json!("B")),
            (json!(42), json!("42")),
            (json!(true), json!("true")),
        ],
    };
    let bare = one_of(known);
    let wrapped = (bare.clone(), 0..3).prop_map(|((sent, means), how)| {
        let sent = match how {
            0 => json!([sent]),
            1 => json!([{"$ref": null, "value": sent}]),
            _ => json!({"VALUE": sent}),
        };
        (sent, means)
    });
    prop_oneof![5 => bare, 2 => wrapped, 1 => clear()]
}

/// An element of a list: complex, or plain for `tags`.
fn list_element(at: At) -> BoxedStrategy<Sent> {
    let value = one_of(&["a", "A", "b", "bb"]);
    if is_simple(at) {
        return (value, 0..3)
            .prop_map(|(value, how)| match how {
                0 => (json!({"value": value}), json!(value)),
                _ => (json!(value), json!(value)),
            })
            .boxed();
    }
    let bare = value.clone().prop_map(|value| (json!(value), json!({"value": value})));
    let kind = prop::option::of(one_of(&["work", "Work", "home", "fax"]));
    let primary = prop::option::weighted(
        0.4,
        one_of(&[(json!(true), true), (json!("True"), true), (json!(false), false)]),
    );
    let display = prop::option::weighted(0.3, Just("D"));
    let object = (prop::option::weighted(0.9, value), kind, primary, display, any::<bool>());
    let object =
        object.prop_filter_map("says something", |(value, kind, primary, display, loud)| {
            let (mut sent, mut means) = (Object::new(), Object::new());
            let mut put = |name: &str, wire: Value, meaning: Value| {
                sent.insert(if loud { name.to_uppercase() } else { name.to_owned() }, wire);
                means.insert(name.to_owned(), meaning);
            };
            for (name, text) in [("value", value), ("type", kind), ("display", display)] {
                if let Some(text) = text {
                    put(name, json!(text), json!(text));
                }
            }
            if let Some((wire, meaning)) = primary {
                put("primary", wire, json!(meaning));
            }
            if loud {
                sent.insert("nobody".into(), json!("knows"));
                sent.insert("DISPLAY".into(), means.get("display").cloned().unwrap_or_default());
            }
            // In a list, members that are to be cleared are left out.
            (!means.is_empty()).then(|| (sent.into(), means.into()))
        });
    prop_oneof![1 => bare, 4 => object].boxed()
}

fn operation_json(op: &str, path: &str, value: Option<Value>) -> Value {
    let mut json = json!({"op": op, "path": path});
    if let Some(value) = value {
        json["value"] = value;
    }
    json
}

/// Names are found in any case, those of operations too.
fn spelled(text: &str, how: u8) -> String {
    match how {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        _ => text.to_owned(),
    }
}

/// Writes to single values.
fn write_single() -> impl Strategy<Value = Operation> {
    (one_of(&SINGLES), 0..4_u8)
        .prop_flat_map(|(one, how)| {
            (Just(one), single(one.3), Just(how), one_of(&["add", "replace"]))
        })
        .prop_map(|((path, at, sub, _), (sent, means), how, op)| Operation {
            json: operation_json(&spelled(op, how), &spelled(path, how), Some(sent)),
            meanings: vec![Meaning::Value(at, sub, means)],
        })
}

/// Members of `name` or of `manager`.
fn write_complex() -> impl Strategy<Value = Operation> {
    const NAME: At = (None, "name");
    const MANAGER: At = (Some(ENTERPRISE), "manager");
    let members = |json: Value| json.as_object().cloned().unwrap();
    let cases = [
        ("name", NAME, json!({"givenName": "a", "Nobody": 1}), members(json!({"givenName": "a"}))),
        (
            "name",
            NAME,
            json!({"FAMILYNAME": "b", "givenName": null}),
            members(json!({"familyName": "b", "givenName": null})),
        ),
        ("name", NAME, json!("{\"givenName\": \"c\"}"), members(json!({"givenName": "c"}))),
        ("name", NAME, json!([{"middleName": "m"}]), members(json!({"middleName": "m"}))),
        (
            "name",
            NAME,
            json!({"givenName": "", "familyName": "d"}),
            members(json!({"givenName": null, "familyName": "d"})),
        ),
        ("name", NAME, json!({}), Object::new()),
        ("name", NAME, json!(null), Object::new()),
        ("manager", MANAGER, json!("m1"), members(json!({"value": "m1"}))),
        (
            "manager",
            MANAGER,
            json!([{"$ref": "../m2", "value": "m2", "displayName": "read-only"}]),
            members(json!({"$ref": "../m2", "value": "m2"})),
        ),
        ("manager", MANAGER, json!({"value": "M1"}), members(json!({"value": "M1"}))),
        ("manager", MANAGER, json!("{\"value\": \"m1\"}"), members(json!({"value": "m1"}))),
        (
            "manager",
            MANAGER,
            json!({"value": "{\"value\": \"m3\"}"}),
            members(json!({"value": "m3"})),
        ),
        ("manager", MANAGER, json!(""), Object::new()),
        ("manager", MANAGER, json!([]), Object::new()),
    ];
    (one_of(&cases), one_of(&["add", "Replace"]), any::<bool>()).prop_map(
        |((path, at, sent, means), op, full)| {
            // Cleared as a whole by an object of empty members, too.
            let path = match at.0 {
                Some(urn) if full => format!("{urn}:{path}"),
                _ => path.to_owned(),
            };
            Operation {
                json: operation_json(op, &path, Some(sent)),
                meanings: vec![Meaning::Members(at, means)],
            }
        },
    )
}

/// Adds to, replaces and subtracts from lists.
fn write_list() -> impl Strategy<Value = Operation> {
    one_of(&LISTS)
        .prop_flat_map(|(path, at)| {
            let elements = prop::collection::vec(list_element(at), 0..4);
            (Just((path, at)), elements, one_of(&["add", "replace", "remove"]), any::<bool>())
        })
        .prop_map(|((path, at), elements, op, alone)| {
            let (mut sent, means): (Vec<_>, Vec<_>) = elements.into_iter().unzip();
            // A single value is a list of one; empty elements are none.
            let sent = if alone && sent.len() == 1 {
                sent.remove(0)
            } else {
                sent.push(json!({"value": ""}));
                sent.into()
            };
            let meaning = match op {
                "add" => Meaning::Add(at, means),
                "replace" => Meaning::Replace(at, means),
                _ => Meaning::Subtract(at, means),
            };
            Operation { json: operation_json(op, path, Some(sent)), meanings: vec![meaning] }
        })
}

/// A sub-attribute of each element.
fn write_each() -> impl Strategy<Value = Operation> {
    let cases = [
        ("display", json!("X"), json!("X")),
        ("display", json!(""), json!(null)),
        ("display", json!(null), json!(null)),
        ("type", json!("work"), json!("work")),
        ("primary", json!("True"), json!(true)),
        ("primary", json!([false]), json!(false)),
        ("value", json!("a"), json!("a")),
    ];
    (one_of(&LISTS[..2]), one_of(&cases), one_of(&["add", "replace"])).prop_map(
        |((path, at), (sub, sent, means), op)| Operation {
            json: operation_json(op, &format!("{path}.{sub}"), Some(sent)),
            meanings: vec![Meaning::Each(at, sub, means)],
        },
    )
}

/// Writes to and removes what a value filter chooses.
fn write_chosen() -> impl Strategy<Value = Operation> {
    let members = |json: Value| json.as_object().cloned().unwrap();
    let cases = [
        (None, json!({"value": "k", "Nobody": 1}), members(json!({"value": "k"}))),
        (
            None,
            json!({"display": "K", "value": null}),
            members(json!({"display": "K", "value": null})),
        ),
        (
            None,
            json!({"type": "work", "value": ""}),
            members(json!({"type": "work", "value": null})),
        ),
        (None, json!("k"), members(json!({"value": "k"}))),
        (None, json!({"primary": "True"}), members(json!({"primary": true}))),
        (None, json!(""), Object::new()),
        (Some("value"), json!("bb"), members(json!({"value": "bb"}))),
        (Some("value"), json!([{"value": "a"}]), members(json!({"value": "a"}))),
        (Some("value"), json!(""), Object::new()),
        (Some("display"), json!("K"), members(json!({"display": "K"}))),
        (Some("display"), json!(null), Object::new()),
        (Some("primary"), json!(true), members(json!({"primary": true}))),
        (Some("type"), json!("home"), members(json!({"type": "home"}))),
    ];
    let op = one_of(&["add", "replace", "remove"]);
    (one_of(&LISTS), 0..CHOICES.len(), one_of(&cases), op).prop_map(
        |((path, at), choice, (sub, sent, members), op)| {
            let choice = &CHOICES[choice];
            // A plain element has no sub-attributes: only its value can be chosen and written.
            let (choice, sub, sent, members) = match is_simple(at) {
                true if members.is_empty() => (&CHOICES[3], None, json!(""), members),
                true => (
                    &CHOICES[3 + usize::from(sub.is_some())],
                    None,
                    json!("c"),
                    Object::from_iter([("value".into(), json!("c"))]),
                ),
                false => (choice, sub, sent, members),
            };
            let behind = sub.map(|sub| format!(".{sub}")).unwrap_or_default();
            let path = format!("{path}[{}]{behind}", choice.text);
            match op {
                "remove" => Operation {
                    json: operation_json(op, &path, None),
                    meanings: vec![Meaning::RemoveChosen(at, choice, sub)],
                },
                _ => Operation {
                    json: operation_json(op, &path, Some(sent)),
                    meanings: vec![Meaning::Chosen(at, choice, sub, members)],
                },
            }
        },
    )
}

/// Removes attributes and whole extensions, and tries what cannot be.
fn others() -> impl Strategy<Value = Operation> {
    let mut cases: Vec<(Value, Meaning)> = SINGLES
        .iter()
        .map(|(path, at, sub, _)| {
            (operation_json("remove", path, None), Meaning::Value(*at, *sub, Value::Null))
        })
        .collect();
    for (path, at) in LISTS {
        for json in
            [operation_json("Remove", path, None), operation_json("remove", path, Some(json!("")))]
        {
            cases.push((json, Meaning::Replace(at, vec![])));
        }
    }
    let value = Some(json!("x"));
    cases.extend([
        (operation_json("remove", "name", None), Meaning::Members((None, "name"), Object::new())),
        (operation_json("remove", ENTERPRISE, None), Meaning::RemoveExtension(ENTERPRISE)),
        (operation_json("remove", OWN, None), Meaning::RemoveExtension(OWN)),
        (operation_json("replace", OWN, Some(json!(null))), Meaning::RemoveExtension(OWN)),
        (operation_json("add", "nobody.knows", value.clone()), Meaning::Nothing),
        (operation_json("remove", "urn:nobody:2.0:User:knows", None), Meaning::Nothing),
        (operation_json("replace", "schemas", value.clone()), Meaning::Nothing),
        (operation_json("replace", "meta.created", value.clone()), Meaning::Forbidden),
        (operation_json("add", "groups", value.clone()), Meaning::Forbidden),
        (operation_json("remove", "id", None), Meaning::Forbidden),
        (operation_json("add", "manager.displayName", value.clone()), Meaning::Forbidden),
    ]);
    prop::sample::select(cases)
        .prop_map(|(json, meaning)| Operation { json, meanings: vec![meaning] })
}

/// Several operations as one without a path, whose value names the attributes. Their order is
/// nobody's promise, so no two are about the same attribute.
fn without_path(several: Vec<Operation>) -> Operation {
    let mut value = Object::from_iter([("id".to_owned(), json!("theirs"))]);
    let (mut meanings, mut known) = (Vec::new(), Vec::new());
    for one in several {
        let (Some(path), Some(sent)) = (one.json["path"].as_str(), one.json.get("value")) else {
            continue;
        };
        let about = match &one.meanings[0] {
            Meaning::Value(at, ..) | Meaning::Members(at, _) | Meaning::Add(at, _) => *at,
            Meaning::Each(at, ..) | Meaning::Chosen(at, ..) => *at,
            // `replace` means another thing than `add`: left to operations with a path.
            _ => continue,
        };
        if !known.contains(&about) {
            known.push(about);
            value.insert(path.to_owned(), sent.clone());
            meanings.extend(one.meanings);
        }
    }
    Operation { json: json!({"op": "add", "value": value}), meanings }
}

pub(super) fn operation() -> BoxedStrategy<Operation> {
    let with_path = prop_oneof![
        4 => write_single(),
        2 => write_complex(),
        4 => write_list(),
        1 => write_each(),
        4 => write_chosen(),
        2 => others(),
    ]
    .boxed();
    let several = prop::collection::vec(with_path.clone(), 1..4).prop_map(without_path);
    prop_oneof![6 => with_path, 1 => several].boxed()
}

/// A resource as the server has it: what its schemas say, nothing empty, one primary.
pub(super) fn resource() -> impl Strategy<Value = Object> {
    let first: [fn() -> Meaning; 8] = [
        || Meaning::Value((None, "title"), None, json!("t")),
        || Meaning::Value((None, "active"), None, json!(true)),
        || Meaning::Value((None, "name"), Some("givenName"), json!("g")),
        || {
            Meaning::Members(
                (Some(ENTERPRISE), "manager"),
                Object::from_iter([
                    ("value".into(), json!("m1")),
                    ("$ref".into(), json!("../m1")),
                    ("displayName".into(), json!("Max")),
                ]),
            )
        },
        || Meaning::Value((Some(ENTERPRISE), "department"), None, json!("d")),
        || Meaning::Value((Some(OWN), "Level"), None, json!(1)),
        || Meaning::Value((Some(OWN), "Badge"), None, json!("a")),
        || Meaning::Value((None, "schemas"), None, json!([USER])),
    ];
    let chosen = prop::sample::subsequence(first.to_vec(), 0..=first.len());
    let lists = LISTS.map(|(_, at)| prop::collection::vec(list_element(at), 0..4));
    (chosen, lists).prop_map(|(chosen, lists)| {
        let mut model = Model(Object::from_iter([
            ("id".to_owned(), json!("7")),
            ("userName".to_owned(), json!("kim")),
        ]));
        for meaning in chosen {
            model.apply(&meaning()).unwrap();
        }
        for ((_, at), elements) in LISTS.into_iter().zip(lists) {
            let elements = elements.into_iter().map(|(_, means)| means).collect();
            model.apply(&Meaning::Add(at, elements)).unwrap();
        }
        declare(&mut model.0);
        model.0
    })
}
