//! Filters against a second opinion: the same question put to plain JSON by code that shares
//! nothing with the room but the text. It is slow, and short enough to be read beside RFC 7644
//! §3.4.2.2 and the head of `matching.rs`.

use super::{
    AttributeDefinition, AttributeKind, Filter, Resource, ResourceSchemas, Schema, standard,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const OWN: &str = "urn:x:Custom";

/// How the values of an attribute are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    ExactText,
    Boolean,
    Number,
    Moment,
    Binary,
    /// An object that has no `value`: it can be there or not.
    Object,
}
use Kind::{Binary, Boolean, ExactText, Moment, Number, Object, Text};

/// An attribute as filters may name it: the text, the members that lead to it, its kind.
type Attribute = (&'static str, &'static [&'static str], Kind);

const KNOWN: [Attribute; 25] = [
    ("userName", &["userName"], Text),
    ("urn:ietf:params:scim:schemas:core:2.0:User:userName", &["userName"], Text),
    ("id", &["id"], ExactText),
    ("externalId", &["externalId"], ExactText),
    ("title", &["title"], Text),
    ("profileUrl", &["profileUrl"], ExactText),
    ("active", &["active"], Boolean),
    ("name", &["name"], Object),
    ("name.givenName", &["name", "givenName"], Text),
    ("emails", &["emails", "value"], Text),
    ("emails.value", &["emails", "value"], Text),
    ("emails.type", &["emails", "type"], Text),
    ("emails.primary", &["emails", "primary"], Boolean),
    ("x509Certificates.value", &["x509Certificates", "value"], Binary),
    ("meta.created", &["meta", "created"], Moment),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        &[ENTERPRISE, "department"],
        Text,
    ),
    ("department", &[ENTERPRISE, "department"], Text),
    ("manager", &[ENTERPRISE, "manager", "value"], ExactText),
    ("manager.displayName", &[ENTERPRISE, "manager", "displayName"], Text),
    ("urn:x:Custom:level", &[OWN, "level"], Number),
    ("urn:x:Custom:score", &[OWN, "score"], Number),
    ("urn:x:Custom:hired", &[OWN, "hired"], Moment),
    ("urn:x:Custom:key", &[OWN, "key"], Binary),
    ("urn:x:Custom:tags", &[OWN, "tags"], ExactText),
    ("urn:x:Custom:marks", &[OWN, "marks"], Number),
];

/// Those of them that are complex: their name alone stands for their `value`.
const WHOLES: [&str; 2] = ["emails", "manager"];

const UNKNOWN: [&str; 5] =
    ["PLACEHOLDER", "name.nope", "nope.value", "urn:x:Custom:nope", "urn:y:Other:title"];

/// What may stand in front of brackets, and what in them.
const LISTS: [(&str, &[&str], &[Attribute]); 2] = [
    (
        "emails",
        &["emails"],
        &[
            ("value", &["value"], Text),
            ("type", &["type"], Text),
            ("primary", &["primary"], Boolean),
            ("display", &["display"], Text),
        ],
    ),
    ("urn:x:Custom:tags", &[OWN, "tags"], &[("value", &[], ExactText)]),
];

const OPERATORS: [&str; 10] = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"];

#[derive(Debug, Clone)]
enum Ask {
    And(Vec<Ask>),
    Or(Vec<Ask>),
    Not(Box<Ask>),
    /// Attribute, operator and value.
    Test(Attribute, &'static str, Value),
    /// The same of what nobody knows.
    Unknown(&'static str, &'static str, Value),
    /// Brackets, and a comparison of a sub-attribute of what they choose.
    Chosen(usize, Box<Ask>, Option<(Attribute, &'static str, Value)>),
}

impl Ask {
    /// The text, with parentheses around everything and names in the case that is asked for.
    fn text(&self, loud: bool) -> String {
        let shout = |text: &str| if loud { text.to_uppercase() } else { text.to_owned() };
        let join = |parts: &[Ask], word: &str| {
            let parts: Vec<_> = parts.iter().map(|part| format!("({})", part.text(loud))).collect();
            parts.join(&shout(word))
        };
        let compare = |name: &str, operator: &str, value: &Value| match operator {
            "pr" => format!("{} {}", shout(name), shout("pr")),
            _ => format!("{} {} {value}", shout(name), shout(operator)),
        };
        match self {
            Ask::And(parts) => join(parts, " and "),
            Ask::Or(parts) => join(parts, " or "),
            Ask::Not(inner) => format!("{}({})", shout("not "), inner.text(loud)),
            Ask::Test((name, ..), operator, value) | Ask::Unknown(name, operator, value) => {
                compare(name, operator, value)
            }
            Ask::Chosen(list, inner, then) => {
                let brackets = format!("{}[{}]", shout(LISTS[*list].0), inner.text(loud));
                match then {
                    None => brackets,
                    Some(((name, ..), operator, value)) => {
                        format!("{brackets}.{}", compare(name, operator, value))
                    }
                }
            }
        }
    }

    /// Whether the answer is that the question makes no sense: an order where there is none.
    fn is_senseless(&self) -> bool {
        let orders = |kind: Kind, operator: &str, wanted: &Value| {
            let has_none = match kind {
                Boolean | Binary => true,
                // What is no number and no moment has no order with those that are.
                Number => number(wanted).is_none() && !wanted.is_null(),
                Moment => seconds(wanted).is_none() && !wanted.is_null(),
                Text | ExactText | Object => false,
            };
            has_none && matches!(operator, "gt" | "ge" | "lt" | "le")
        };
        match self {
            Ask::And(parts) | Ask::Or(parts) => parts.iter().any(Ask::is_senseless),
            Ask::Not(inner) => inner.is_senseless(),
            Ask::Test((_, _, kind), operator, wanted) => orders(*kind, operator, wanted),
            Ask::Unknown(..) => false,
            Ask::Chosen(_, inner, then) => {
                inner.is_senseless()
                    || then.as_ref().is_some_and(|((_, _, kind), operator, wanted)| {
                        orders(*kind, operator, wanted)
                    })
            }
        }
    }

    fn answer(&self, json: &Value) -> bool {
        match self {
            Ask::And(parts) => parts.iter().all(|part| part.answer(json)),
            Ask::Or(parts) => parts.iter().any(|part| part.answer(json)),
            Ask::Not(inner) => !inner.answer(json),
            Ask::Unknown(..) => false,
            Ask::Test((name, members, kind), operator, wanted) => {
                // What is compared is the `value`; what is there or not is the whole.
                let is_presence = *operator == "pr" || wanted.is_null();
                let members = match members {
                    [whole @ .., _] if is_presence && WHOLES.contains(name) => whole,
                    members => members,
                };
                decide(&values(json, members), *kind, operator, wanted)
            }
            Ask::Chosen(list, inner, then) => {
                let mut chosen = values(json, LISTS[*list].1);
                chosen.retain(|element| inner.answer(element));
                match then {
                    None => !chosen.is_empty(),
                    Some(((_, members, kind), operator, wanted)) => {
                        let found: Vec<_> =
                            chosen.iter().flat_map(|element| values(element, members)).collect();
                        decide(&found, *kind, operator, wanted)
                    }
                }
            }
        }
    }
}

/// The values that members lead to, lists opened on the way; what says nothing is no value.
fn values(json: &Value, members: &[&str]) -> Vec<Value> {
    let mut found = vec![json.clone()];
    for name in members {
        found = found.iter().filter_map(|part| part.get(name)).flat_map(opened).collect();
    }
    found.retain(says_something);
    found
}

/// RFC 7644 §3.4.2.2: of a complex value, one node that is not empty is enough.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Object(parts) => parts.values().any(says_something),
        other => *other != Value::Null && *other != json!(""),
    }
}

fn opened(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn decide(values: &[Value], kind: Kind, operator: &str, wanted: &Value) -> bool {
    let any = |operator: &str| values.iter().any(|value| holds(value, kind, operator, wanted));
    match (operator, wanted) {
        ("pr", _) | ("ne", Value::Null) => !values.is_empty(),
        ("eq", Value::Null) => values.is_empty(),
        (_, Value::Null) => false,
        _ if kind == Object => false,
        ("ne", _) => values.is_empty() || any("ne"),
        _ => any(operator),
    }
}

fn holds(value: &Value, kind: Kind, operator: &str, wanted: &Value) -> bool {
    let ordering = match kind {
        Boolean => {
            let same = truth(value).is_some() && truth(value) == truth(wanted);
            return operator == "eq" && same || operator == "ne" && !same;
        }
        Number => number(value).zip(number(wanted)).and_then(|(a, b)| a.partial_cmp(&b)),
        Moment => seconds(value).zip(seconds(wanted)).map(|(a, b)| a.cmp(&b)),
        _ => None,
    };
    let orders = matches!(operator, "gt" | "ge" | "lt" | "le");
    if ordering.is_none() && orders && matches!(kind, Number | Moment) {
        return false;
    }
    let lower = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if matches!(kind, ExactText | Binary) { text } else { text.to_lowercase() }
    };
    let (value, wanted) = (lower(value), lower(wanted));
    let ordering = ordering.unwrap_or_else(|| value.cmp(&wanted));
    match operator {
        "eq" => ordering == Ordering::Equal,
        "ne" => ordering != Ordering::Equal,
        "gt" => ordering == Ordering::Greater,
        "ge" => ordering != Ordering::Less,
        "lt" => ordering == Ordering::Less,
        "le" => ordering != Ordering::Greater,
        "co" => value.contains(&wanted),
        "sw" => value.starts_with(&wanted),
        "ew" => value.ends_with(&wanted),
        other => panic!("{other} is no operator"),
    }
}

fn truth(value: &Value) -> Option<bool> {
    let text = value.as_str().map(str::to_lowercase);
    value.as_bool().or(text.and_then(|text| text.parse::<bool>().ok()))
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Of `2024-01-DDTHH:00:00` and a zone of whole hours; without a zone it is UTC.
fn seconds(value: &Value) -> Option<i64> {
    let text = value.as_str()?;
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let local = (part(8..10)? * 24 + part(11..13)?) * 3600;
    Some(match text.get(19..22).filter(|zone| *zone != "Z") {
        Some(zone) => local - zone.parse::<i64>().ok()? * 3600,
        None => local,
    })
}

fn schemas() -> ResourceSchemas {
    let own = Schema {
        id: OWN.into(),
        name: "Custom".into(),
        description: String::new(),
        attributes: vec![
            AttributeDefinition::new("level", AttributeKind::Integer),
            AttributeDefinition::new("score", AttributeKind::Decimal),
            AttributeDefinition::new("hired", AttributeKind::DateTime),
            AttributeDefinition::new("key", AttributeKind::Binary),
            AttributeDefinition::new("tags", AttributeKind::String).multi_valued().case_exact(),
            AttributeDefinition::new("marks", AttributeKind::Integer).multi_valued(),
        ],
    };
    ResourceSchemas::new(standard::user(), vec![(standard::enterprise_user(), false), (own, false)])
}

/// Few letters, so that texts meet: equal, of other case, one within another.
fn text() -> impl Strategy<Value = Value> {
    prop_oneof![4 => "[aAbÉé]{1,3}", 1 => Just(String::new())].prop_map(Value::from)
}

fn truth_value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![json!(true), json!(false), json!("True"), json!("false")])
}

fn number_value() -> impl Strategy<Value = Value> {
    let numbers =
        [json!(-1), json!(9), json!(10), json!(2.5), json!(10.0), json!("10"), json!(1e3)];
    prop::sample::select(numbers.to_vec())
}

fn moment_value() -> impl Strategy<Value = Value> {
    let zone = prop::sample::select(vec!["", "Z", "+01:00", "-05:00", "+00:00"]);
    (10..13, 0..4, zone)
        .prop_map(|(day, hour, zone)| format!("2024-01-{day}T{:02}:00:00{zone}", hour * 6).into())
}

fn some<T: std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.7, value)
}

/// An object of those members that have a value.
fn object(members: Vec<(&str, Option<Value>)>) -> Value {
    let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

fn email() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![json!("work"), json!("Home")]);
    (some(text()), some(kind), some(truth_value())).prop_map(|(value, kind, primary)| {
        object(vec![("value", value), ("type", kind), ("primary", primary)])
    })
}

fn resource() -> impl Strategy<Value = Value> {
    let core = (some(text()), some(text()), some(text()), some(text()), some(truth_value()));
    let lists = (prop::collection::vec(email(), 0..4), prop::collection::vec(text(), 0..3));
    let own = (
        some(number_value()),
        some(number_value()),
        some(moment_value()),
        some(text()),
        prop::collection::vec(text(), 0..3),
        prop::collection::vec(number_value(), 0..3),
    );
    let more = (some(text()), some(text()), some(text()), some(moment_value()), some(text()));
    (core, lists, own, more).prop_map(|(core, lists, own, more)| {
        let part = |name: &str, value: Option<Value>| object(vec![(name, value)]);
        let certificates: Vec<_> = lists.1.into_iter().map(|v| json!({"value": v})).collect();
        let manager = object(vec![("value", more.1), ("displayName", more.2)]);
        object(vec![
            ("userName", core.0),
            ("id", core.1),
            ("externalId", core.2),
            ("title", core.3.clone()),
            ("profileUrl", core.3),
            ("active", core.4),
            ("emails", Some(lists.0.into())),
            ("x509Certificates", Some(certificates.into())),
            ("name", Some(part("givenName", more.4))),
            ("meta", Some(part("created", more.3))),
            (ENTERPRISE, Some(object(vec![("department", more.0), ("manager", Some(manager))]))),
            (
                OWN,
                Some(object(vec![
                    ("level", own.0),
                    ("score", own.1),
                    ("hired", own.2),
                    ("key", own.3),
                    ("tags", Some(own.4.into())),
                    ("marks", Some(own.5.into())),
                ])),
            ),
        ])
    })
}

/// An operator and a value to compare with, mostly one of the attribute's kind.
fn comparison(kind: Kind) -> BoxedStrategy<(&'static str, Value)> {
    let any = prop_oneof![text(), truth_value(), number_value(), moment_value(), Just(Value::Null)];
    let own = match kind {
        Boolean => truth_value().boxed(),
        Number => number_value().boxed(),
        Moment => moment_value().boxed(),
        Text | ExactText | Binary | Object => text().boxed(),
    };
    (prop::sample::select(OPERATORS.to_vec()), prop_oneof![4 => own, 1 => any]).boxed()
}

fn test(
    attributes: &'static [Attribute],
) -> impl Strategy<Value = (Attribute, &'static str, Value)> {
    prop::sample::select(attributes)
        .prop_flat_map(|one| (Just(one), comparison(one.2)))
        .prop_map(|(attribute, (operator, value))| (attribute, operator, value))
}

fn tree(leaf: BoxedStrategy<Ask>) -> BoxedStrategy<Ask> {
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Ask::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Ask::Or),
            inner.prop_map(|inner| Ask::Not(Box::new(inner))),
        ]
    })
    .boxed()
}

fn tested(attributes: &'static [Attribute]) -> BoxedStrategy<Ask> {
    test(attributes).prop_map(|(one, operator, value)| Ask::Test(one, operator, value)).boxed()
}

fn unknown(names: &'static [&'static str]) -> impl Strategy<Value = Ask> {
    (prop::sample::select(names), comparison(Text))
        .prop_map(|(name, (operator, value))| Ask::Unknown(name, operator, value))
}

fn chosen() -> impl Strategy<Value = Ask> {
    (0..LISTS.len()).prop_flat_map(|list| {
        let (_, _, subs) = LISTS[list];
        let leaf = prop_oneof![6 => tested(subs), 1 => unknown(&["nope"])];
        // A list of texts has no sub-attributes that could be named behind the brackets.
        let then =
            if subs.len() > 1 { prop::option::of(test(subs)).boxed() } else { Just(None).boxed() };
        (tree(leaf.boxed()), then)
            .prop_map(move |(inner, then)| Ask::Chosen(list, Box::new(inner), then))
    })
}

fn ask() -> BoxedStrategy<Ask> {
    tree(prop_oneof![6 => tested(&KNOWN), 1 => unknown(&UNKNOWN), 3 => chosen()].boxed())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_filter_answers_what_plain_json_answers(
        json in resource(), ask in ask(), loud in any::<bool>(),
    ) {
        let (text, schemas) = (ask.text(loud), schemas());
        let resource: Resource = serde_json::from_value(json.clone()).unwrap();
        match Filter::parse_for(&text, &schemas) {
            Err(error) => prop_assert!(ask.is_senseless(), "{text}: {error}"),
            Ok(filter) => {
                prop_assert!(!ask.is_senseless(), "{text} has no order");
                prop_assert_eq!(filter.matches(&resource, &schemas), ask.answer(&json), "{}", text);
            }
        }
    }
}
