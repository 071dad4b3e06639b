//! PATCH against a second opinion: the same operations applied to plain JSON by code that shares
//! nothing with the room. It follows RFC 7644 §3.5.2, and where clients bend it the tables at the
//! top of `patch.rs` and `dialect.rs`. How a value is sent and what it means are made together, in
//! `operations`, so the model knows no dialect of values.

mod operations;

use super::{PatchRequest, Resource, patch};
use operations::{Operation, operation, resource, schemas};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const OWN: &str = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";

type Object = Map<String, Value>;

/// Where an attribute stands: under an extension's URN or at the top.
type At = (Option<&'static str>, &'static str);

/// What an operation means, whatever it looked like.
#[derive(Debug, Clone)]
enum Meaning {
    /// A single value, perhaps of a sub-attribute, becomes this; `null` is none.
    Value(At, Option<&'static str>, Value),
    /// Members of a single complex value become these; none at all removes the value.
    Members(At, Object),
    /// Elements are added.
    Add(At, Vec<Value>),
    /// Elements take the place of all there are.
    Replace(At, Vec<Value>),
    /// Elements like these are removed, and no others.
    Subtract(At, Vec<Value>),
    /// A sub-attribute of every element becomes this.
    Each(At, &'static str, Value),
    /// Members of the chosen elements become these; none at all removes the elements, or `sub`.
    Chosen(At, &'static Choice, Option<&'static str>, Object),
    /// The chosen elements are removed, or a sub-attribute of them.
    RemoveChosen(At, &'static Choice, Option<&'static str>),
    /// All attributes of an extension are removed.
    RemoveExtension(&'static str),
    /// Nobody knows the attribute.
    Nothing,
    /// The attribute is the server's.
    Forbidden,
}

/// A value filter, who matches it, and the element it describes.
#[derive(Debug)]
struct Choice {
    text: &'static str,
    matches: fn(&Value) -> bool,
    describes: Option<&'static str>,
}

fn is(element: &Value, name: &str, wanted: &str) -> bool {
    element[name].as_str().is_some_and(|text| text.to_lowercase() == wanted)
}

static CHOICES: [Choice; 9] = [
    Choice {
        text: "type eq \"work\"",
        matches: |element| is(element, "type", "work"),
        describes: Some(r#"{"type": "work"}"#),
    },
    Choice {
        text: "TYPE Eq \"fax\" and primary eq \"True\"",
        matches: |element| is(element, "type", "fax") && element["primary"] == true,
        describes: Some(r#"{"type": "fax", "primary": true}"#),
    },
    Choice {
        text: "primary eq true",
        matches: |element| element["primary"] == true,
        describes: Some(r#"{"primary": true}"#),
    },
    Choice {
        text: "value eq \"A\"",
        matches: |element| is(element, "value", "a"),
        describes: Some(r#"{"value": "A"}"#),
    },
    Choice {
        text: "value sw \"b\"",
        matches: |element| is(element, "value", "b") || is(element, "value", "bb"),
        describes: None,
    },
    Choice {
        text: "not (type eq \"work\")",
        matches: |element| !is(element, "type", "work"),
        describes: None,
    },
    Choice {
        text: "type eq \"work\" or display pr",
        matches: |element| is(element, "type", "work") || element.get("display").is_some(),
        describes: None,
    },
    Choice { text: "type eq \"work\" and type eq \"home\"", matches: |_| false, describes: None },
    Choice { text: "nobody eq \"knows\"", matches: |_| false, describes: None },
];

/// The model: what stands in the resource.
#[derive(Debug, Clone)]
struct Model(Object);

/// The server refuses; which of the reasons it has is for the tables of `patch.rs`.
#[derive(Debug)]
struct Refused;

impl Model {
    fn get(&self, (extension, name): At) -> Value {
        let scope = extension.map_or(Some(&self.0), |urn| self.0.get(urn)?.as_object());
        scope.and_then(|scope| scope.get(name)).cloned().unwrap_or_default()
    }

    /// Sets an attribute; what is empty is not there, and an extension without attributes neither.
    fn set(&mut self, (extension, name): At, value: Value) {
        let mut scope = match extension {
            None => std::mem::take(&mut self.0),
            Some(urn) => {
                self.0.remove(urn).and_then(|v| v.as_object().cloned()).unwrap_or_default()
            }
        };
        let is_empty = value.is_null() || value == json!([]) || value == json!({});
        if is_empty {
            scope.remove(name);
        } else {
            scope.insert(name.to_owned(), value);
        }
        match extension {
            None => self.0 = scope,
            Some(urn) if !scope.is_empty() => _ = self.0.insert(urn.to_owned(), scope.into()),
            Some(_) => {}
        }
    }

    fn list(&self, at: At) -> Vec<Value> {
        self.get(at).as_array().cloned().unwrap_or_default()
    }

    fn apply(&mut self, meaning: &Meaning) -> Result<(), Refused> {
        let badge = self.get((Some(OWN), "Badge"));
        self.apply_freely(meaning)?;
        // RFC 7643 §2.2: immutable values are set once, and neither changed nor removed.
        if !badge.is_null() && self.get((Some(OWN), "Badge")) != badge {
            Err(Refused)
        } else {
            Ok(())
        }
    }

    fn apply_freely(&mut self, meaning: &Meaning) -> Result<(), Refused> {
        match meaning.clone() {
            Meaning::Value(at, None, value) => self.set(at, value),
            Meaning::Value(at, Some(sub), value) => {
                self.write_members(at, Object::from_iter([(sub.to_owned(), value)]));
            }
            Meaning::Members(at, members) if members.is_empty() => self.set(at, Value::Null),
            Meaning::Members(at, members) => self.write_members(at, members),
            Meaning::Add(at, elements) => {
                let list = self.list(at);
                self.add(at, list, elements);
            }
            Meaning::Replace(at, elements) => self.add(at, Vec::new(), elements),
            Meaning::Subtract(at, elements) => {
                let mut list = self.list(at);
                list.retain(|known| !elements.iter().any(|listed| is_described(known, listed)));
                self.set(at, list.into());
            }
            Meaning::Each(at, sub, value) => {
                let mut list = self.list(at);
                if list.is_empty() && !value.is_null() {
                    list.push(json!({}));
                }
                let all: Vec<_> = (0..list.len()).collect();
                for element in &mut list {
                    write(element, &Object::from_iter([(sub.to_owned(), value.clone())]));
                }
                one_primary(&mut list, &all);
                list.retain(|element| *element != json!({}));
                self.set(at, list.into());
            }
            Meaning::Chosen(at, choice, sub, members) => {
                return self.chosen(at, choice, sub, &members);
            }
            Meaning::RemoveChosen(at, choice, sub) => {
                if !self.list(at).iter().any(|known| (choice.matches)(&element(known))) {
                    return Err(Refused); // §3.5.2.2, noTarget
                }
                self.remove_chosen(at, choice, sub);
            }
            Meaning::RemoveExtension(urn) => _ = self.0.remove(urn),
            Meaning::Nothing => {}
            Meaning::Forbidden => return Err(Refused),
        }
        Ok(())
    }

    fn write_members(&mut self, at: At, members: Object) {
        let mut parts = self.get(at);
        if parts.is_null() {
            parts = json!({});
        }
        // Another manager: what was said of the old one goes.
        if members.get("value").is_some_and(|new| *new != parts["value"]) {
            for name in ["$ref", "displayName"] {
                parts.as_object_mut().unwrap().remove(name);
            }
        }
        write(&mut parts, &members);
        self.set(at, parts);
    }

    fn add(&mut self, at: At, mut list: Vec<Value>, elements: Vec<Value>) {
        let mut primary = Vec::new();
        for element in elements {
            let place = match list.iter().position(|known| is_same(known, &element)) {
                Some(place) => {
                    if let Some(members) = element.as_object() {
                        write(&mut list[place], members);
                    }
                    place
                }
                None => {
                    list.push(element.clone());
                    list.len() - 1
                }
            };
            if element["primary"] == true {
                primary = vec![place];
            }
        }
        one_primary(&mut list, &primary);
        self.set(at, list.into());
    }

    fn chosen(
        &mut self,
        at: At,
        choice: &Choice,
        sub: Option<&str>,
        members: &Object,
    ) -> Result<(), Refused> {
        if members.is_empty() {
            self.remove_chosen(at, choice, sub);
            return Ok(());
        }
        let mut list = self.list(at);
        let chosen = |known: &Value| (choice.matches)(&element(known));
        let mut written: Vec<_> = (0..list.len()).filter(|place| chosen(&list[*place])).collect();
        if written.is_empty() {
            if members.values().all(Value::is_null) {
                return Ok(()); // there is nothing to clear
            }
            let described = choice.describes.ok_or(Refused)?;
            let described = serde_json::from_str(described).unwrap();
            list.push(if is_simple(at) { json!("") } else { described });
            written.push(list.len() - 1);
        }
        for place in &written {
            write(&mut list[*place], members);
        }
        if members.values().any(Value::is_null) {
            let gone = |place: usize| written.contains(&place) && says_nothing(&list[place]);
            let kept: Vec<_> = (0..list.len()).filter(|place| !gone(*place)).collect();
            let still = kept.iter().enumerate().filter(|(_, old)| written.contains(old));
            let still = still.map(|(new, _)| new).collect();
            list = kept.iter().map(|place| list[*place].clone()).collect();
            written = still;
        }
        one_primary(&mut list, &written);
        self.set(at, list.into());
        Ok(())
    }

    fn remove_chosen(&mut self, at: At, choice: &Choice, sub: Option<&str>) {
        let mut list = self.list(at);
        list.retain_mut(|known| {
            if !(choice.matches)(&element(known)) {
                return true;
            }
            match (sub, known.as_object_mut()) {
                (Some(sub), Some(parts)) => {
                    parts.remove(sub);
                    !says_nothing(known)
                }
                _ => false,
            }
        });
        self.set(at, list.into());
    }
}

fn is_simple(at: At) -> bool {
    at.1 == "tags"
}

/// An element as value filters see it: a plain value is the `value` of itself.
fn element(known: &Value) -> Value {
    if known.is_object() { known.clone() } else { json!({"value": known}) }
}

fn write(element: &mut Value, members: &Object) {
    let Some(parts) = element.as_object_mut() else {
        *element = members["value"].clone();
        return;
    };
    for (name, value) in members {
        if value.is_null() {
            parts.remove(name);
        } else {
            parts.insert(name.clone(), value.clone());
        }
    }
}

/// Whether nothing is left of an element but its kind.
fn says_nothing(element: &Value) -> bool {
    element.as_object().unwrap().keys().all(|name| name == "type" || name == "primary")
}

fn lower(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_lowercase)
}

/// RFC 7643 §2.4: the same value of the same type is there once.
fn is_same(known: &Value, new: &Value) -> bool {
    if known["value"].is_null() || new["value"].is_null() {
        return if known.is_object() { known == new } else { lower(known) == lower(new) };
    }
    let types = [&known["type"], &new["type"]];
    let types_agree = types.iter().any(|one| one.is_null()) || lower(types[0]) == lower(types[1]);
    lower(&known["value"]) == lower(&new["value"]) && types_agree
}

fn is_described(known: &Value, listed: &Value) -> bool {
    match listed.as_object() {
        None => lower(known) == lower(listed),
        Some(listed) => listed
            .iter()
            .filter(|(name, _)| *name != "display")
            .all(|(name, wanted)| known.get(name).is_some_and(|it| lower(it) == lower(wanted))),
    }
}

/// RFC 7644 §3.5.2: of those just written the last one stays primary, and no other.
fn one_primary(list: &mut [Value], written: &[usize]) {
    let Some(last) = written.last().copied().filter(|last| list[*last]["primary"] == true) else {
        return;
    };
    for (place, element) in list.iter_mut().enumerate() {
        if place != last && element["primary"] == true {
            element["primary"] = json!(false);
        }
    }
}

/// A resource that says which schemas it uses says it right.
fn declare(members: &mut Object) {
    if members.contains_key("schemas") {
        let used = [ENTERPRISE, OWN].into_iter().filter(|urn| members.contains_key(*urn));
        let urns: Vec<_> = std::iter::once(USER).chain(used).collect();
        members.insert("schemas".to_owned(), json!(urns));
    }
}

/// What the model makes of the operations; none when they are refused.
fn expected(before: &Object, operations: &[Operation]) -> Option<Object> {
    let mut model = Model(before.clone());
    for meaning in operations.iter().flat_map(|operation| &operation.meanings) {
        model.apply(meaning).ok()?;
    }
    if !model.0.contains_key("userName") {
        return None; // it is required
    }
    if model.0 != *before {
        declare(&mut model.0);
    }
    Some(model.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_patch_makes_what_plain_json_makes(
        before in resource(),
        operations in prop::collection::vec(operation(), 1..5),
    ) {
        let body: Vec<_> = operations.iter().map(|operation| operation.json.clone()).collect();
        let request = PatchRequest::try_from(json!({"Operations": body})).unwrap();
        let mut resource = Resource::from(before.clone());
        let patched = patch::apply(&mut resource, &request, &schemas(), &[]);
        let after = Value::from(resource);
        match (patched, expected(&before, &operations)) {
            (Ok(patched), Some(expected)) => {
                prop_assert_eq!(&after, &Value::from(expected), "{}", json!(body));
                prop_assert_eq!(patched.changed, after != Value::from(before));
            }
            (Err(_), None) => prop_assert_eq!(after, Value::from(before)),
            (Ok(_), None) => prop_assert!(false, "the model refuses {}", json!(body)),
            (Err(error), Some(_)) => prop_assert!(false, "{}: {}", error, json!(body)),
        }
    }
}
