//! How the elements of a multi-valued attribute are found, added, merged and removed by a PATCH.

use super::filter::Filter;
use super::path::Path;
use super::resource::{Place, is_hollow, lookup};
use super::schema::{AttributeDefinition, AttributeKind};
use super::{Error, Resource, ScimType, dialect, fold};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// From how many new elements on a look-up table of the old ones pays.
const MANY: usize = 16;

pub(super) fn no_target(path: &Path) -> Error {
    Error::new(ScimType::NoTarget, format!("no value matches the path {path}"))
}

pub(super) fn merge(parts: &mut Map<String, Value>, members: Map<String, Value>) {
    for (name, value) in members {
        if value.is_null() {
            parts.remove(&name);
        } else {
            parts.insert(name, value);
        }
    }
}

/// Writes to the elements that match; when none does, the one that the filter describes is made
/// (Entra). Gives the place of an element that was written.
pub(super) fn write_matching(
    list: &mut Vec<Value>,
    filter: &Filter,
    attribute: &AttributeDefinition,
    sub: Option<&AttributeDefinition>,
    value: Value,
    path: &Path,
) -> Result<Option<usize>, Error> {
    // Entra's validator asks for the primary element also where nothing says which one that is: then
    // it is the first.
    let is_first = attribute.sub("primary").is_none() && is_primary(filter);
    let mut matching: Vec<usize> = match is_first {
        true => (0..list.len()).take(1).collect(),
        false => {
            let fits = |at: &usize| filter.matches_element(&list[*at], Some(attribute));
            (0..list.len()).filter(fits).collect()
        }
    };
    let empty = dialect::is_clear(&value);
    // A simple attribute's element is written like the `value` of a complex one.
    let members = match sub {
        _ if empty => Map::new(),
        Some(sub) => Map::from_iter([(sub.name.clone(), dialect::member(sub, value, path)?)]),
        None if attribute.kind == AttributeKind::Complex => {
            dialect::complex(attribute, value, path)?
        }
        None => Map::from_iter([("value".to_owned(), dialect::simple(attribute, value, path)?)]),
    };
    let simple = attribute.kind != AttributeKind::Complex;
    let nothing = members.values().all(Value::is_null);
    if empty || simple && nothing {
        let mut scratch = Resource::from(Map::from_iter([(
            attribute.name.clone(),
            Value::Array(std::mem::take(list)),
        )]));
        scratch.remove_at(&Place {
            extension: None,
            attribute: &attribute.name,
            definition: Some(attribute),
            filter: Some(filter),
            sub: sub.map(|sub| sub.name.as_str()),
        });
        if let Some(Value::Array(rest)) = scratch.0.remove(&attribute.name) {
            *list = rest;
        }
        return Ok(None);
    }
    if matching.is_empty() && nothing {
        return Ok(None);
    }
    if matching.is_empty() {
        let mut described = dialect::element_for(filter).ok_or_else(|| no_target(path))?;
        if is_first {
            described.clear();
        }
        let new = match attribute.kind {
            AttributeKind::Complex => {
                let known = described.keys().all(|name| attribute.sub(name).is_some());
                if !known {
                    return Err(no_target(path));
                }
                let mut members = dialect::complex(attribute, Value::Object(described), path)?;
                members.retain(|_, value| !value.is_null());
                Value::Object(members)
            }
            _ => Value::Null,
        };
        matching.push(list.len());
        list.push(new);
    }
    let clears = members.values().any(Value::is_null);
    let mut last = None;
    for at in matching.into_iter().rev() {
        match &mut list[at] {
            Value::Object(parts) => merge(parts, members.clone()),
            element => *element = members.get("value").cloned().unwrap_or_default(),
        }
        if clears && list[at].as_object().is_some_and(is_hollow) {
            list.remove(at);
            last = last.map(|last: usize| last - 1);
        } else {
            last = last.or(Some(at));
        }
    }
    Ok(last)
}

/// Whether a filter is `primary eq true` and nothing else.
fn is_primary(filter: &Filter) -> bool {
    filter.as_equality().is_some_and(|(path, value)| {
        path.attribute.eq_ignore_ascii_case("primary") && dialect::boolean(value) == Some(true)
    })
}

/// Writes a sub-attribute of each element: one value to all, or of several one to each.
pub(super) fn write_in_each(
    list: &mut Vec<Value>,
    sub: &AttributeDefinition,
    value: Value,
    path: &Path,
) -> Result<Option<usize>, Error> {
    let values = match value {
        Value::Array(values) if values.len() > 1 => values,
        single => vec![single; list.len().max(1)],
    };
    list.resize(values.len(), Value::Object(Map::new()));
    for (element, value) in list.iter_mut().zip(values) {
        let value = dialect::member(sub, value, path)?;
        if let Value::Object(parts) = element {
            merge(parts, Map::from_iter([(sub.name.clone(), value)]));
        }
    }
    list.retain(|element| !dialect::is_clear(element));
    Ok(list.len().checked_sub(1))
}

/// Adds elements; one that is there already is not added twice, but learns what is new.
/// Gives the place of the last primary one among them.
pub(super) fn add(
    list: &mut Vec<Value>,
    new: Vec<Value>,
    attribute: &AttributeDefinition,
) -> Option<usize> {
    let mut table: Option<HashMap<String, Vec<usize>>> = (new.len() > MANY).then(|| {
        let mut table = HashMap::<_, Vec<_>>::with_capacity(list.len() + new.len());
        for (at, element) in list.iter().enumerate() {
            table.entry(key(element, attribute)).or_default().push(at);
        }
        table
    });
    let mut primary = None;
    for element in new {
        let same = match &table {
            Some(table) => table.get(&key(&element, attribute)).and_then(|places| {
                places.iter().copied().find(|at| same(&list[*at], &element, attribute))
            }),
            None => list.iter().position(|known| same(known, &element, attribute)),
        };
        let is_primary = element.get("primary") == Some(&Value::Bool(true));
        let at = same.unwrap_or(list.len());
        match (same, element) {
            (Some(at), Value::Object(members)) => {
                if let Value::Object(parts) = &mut list[at] {
                    merge(parts, members);
                }
            }
            (Some(_), _) => {}
            (None, element) => {
                if let Some(table) = &mut table {
                    table.entry(key(&element, attribute)).or_default().push(at);
                }
                list.push(element);
            }
        }
        if is_primary {
            primary = Some(at);
        }
    }
    primary
}

/// What two elements that may be the same have in common: the text of the value, without case.
fn key(element: &Value, attribute: &AttributeDefinition) -> String {
    let value = match element {
        Value::Object(parts) if attribute.sub("value").is_some() => {
            parts.get("value").unwrap_or(&Value::Null)
        }
        other => other,
    };
    match value {
        Value::String(text) => fold(text).into_owned(),
        other => other.to_string(),
    }
}

fn same(known: &Value, new: &Value, attribute: &AttributeDefinition) -> bool {
    let (Value::Object(known), Value::Object(new)) = (known, new) else {
        return equal(Some(attribute), known, new);
    };
    let agree = |name: &str| match (known.get(name), new.get(name)) {
        (Some(known), Some(new)) => equal(attribute.sub(name), known, new),
        _ => true,
    };
    match (known.get("value"), new.get("value")) {
        (Some(_), Some(_)) => agree("value") && agree("type"),
        _ => known == new,
    }
}

fn equal(definition: Option<&AttributeDefinition>, left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right))
            if !definition.is_some_and(|definition| definition.case_exact) =>
        {
            fold(left) == fold(right)
        }
        _ => left == right,
    }
}

/// Removes the listed elements and no others (Entra lists members to remove in the value).
pub(super) fn subtract(list: &mut Vec<Value>, listed: &[Value], attribute: &AttributeDefinition) {
    let mut table = HashMap::<String, Vec<&Value>>::new();
    for element in listed {
        table.entry(key(element, attribute)).or_default().push(element);
    }
    let described = |known: &Value, listed: &Value| match (known, listed) {
        (Value::Object(known), Value::Object(listed)) => listed
            .iter()
            .filter(|(name, _)| *name != "$ref" && *name != "display")
            .all(|(name, wanted)| {
                lookup(known, name).is_some_and(|known| equal(attribute.sub(name), known, wanted))
                    || name == "type" && attribute.name == "members"
            }),
        _ => equal(Some(attribute), known, listed),
    };
    let unkeyed = key(&Value::Object(Map::new()), attribute);
    list.retain(|known| {
        let keyed = table.get(&key(known, attribute)).into_iter().flatten();
        let unkeyed = table.get(&unkeyed).into_iter().flatten();
        !keyed.chain(unkeyed).any(|listed| described(known, listed))
    });
}

/// At most one element is primary (RFC 7643 §2.4): the one just written.
pub(super) fn keep_one_primary(list: &mut [Value], at: usize) {
    if list[at].get("primary") != Some(&Value::Bool(true)) {
        return;
    }
    for (other, element) in list.iter_mut().enumerate() {
        if other != at
            && let Some(primary) = element.get_mut("primary")
            && dialect::boolean(primary) == Some(true)
        {
            *primary = Value::Bool(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::PatchRequest;
    use super::super::schema::Schema;
    use super::super::schemas::ResourceSchemas;
    use super::super::{patch, standard};
    use super::*;
    use serde_json::json;

    const HOST: &str = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";

    fn run(schemas: &ResourceSchemas, before: Value, operations: Value) -> Result<Value, Error> {
        let mut resource: Resource = serde_json::from_value(before).unwrap();
        let request = PatchRequest::try_from(json!({"Operations": operations}))?;
        patch::apply(&mut resource, &request, schemas, &[])?;
        Ok(resource.into())
    }

    fn check(before: Value, operations: Value, expected: Value) {
        let host = Schema {
            id: HOST.into(),
            name: "User".into(),
            description: String::new(),
            attributes: vec![
                AttributeDefinition::new("tags", AttributeKind::String).multi_valued(),
            ],
        };
        let schemas = ResourceSchemas::new(standard::user(), vec![(host, false)]);
        let after = run(&schemas, before, operations.clone()).unwrap();
        assert_eq!(after, expected, "{operations}");
    }

    #[test]
    fn one_value_is_primary() {
        let before =
            json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "type": "work"}]});
        let after = json!({"emails": [{"value": "a", "primary": false},
                                      {"value": "b", "type": "work", "primary": true}]});
        for operation in [
            json!({"op": "add", "path": "emails", "value": [{"value": "B", "type": "work", "primary": "True"}]}),
            json!({"op": "replace", "path": "emails[type eq \"work\"].primary", "value": true}),
            json!({"op": "replace", "path": "emails[value eq \"b\"]", "value": {"primary": true}}),
        ] {
            let mut expected = after.clone();
            if operation["op"] == "add" {
                expected["emails"][1]["value"] = json!("B");
            }
            check(before.clone(), json!([operation]), expected);
        }
    }

    #[test]
    fn lists() {
        let roles = |values: &[&str]| json!({"roles": values.iter().map(|value| json!({"value": value})).collect::<Vec<_>>()});
        let op =
            |op: &str, path: &str, value: Value| json!([{"op": op, "path": path, "value": value}]);
        check(
            roles(&["a"]),
            op("add", "roles", json!([{"value": "A"}, "b", {"$ref": null, "value": "c"}])),
            roles(&["A", "b", "c"]),
        );
        check(roles(&["a"]), op("replace", "roles", json!([{"value": "b"}])), roles(&["b"]));
        check(roles(&["a"]), op("replace", "roles", json!([])), json!({}));
        check(roles(&["a"]), op("add", "roles", json!([])), roles(&["a"]));
        check(
            roles(&["a", "b"]),
            op("Remove", "roles", json!([{"$ref": null, "value": "a"}])),
            roles(&["b"]),
        );
        check(roles(&["a", "b"]), op("Remove", "roles", json!("b")), roles(&["a"]));
        check(roles(&["a", "b"]), op("remove", "roles", json!([])), roles(&["a", "b"]));
        check(roles(&["a", "b"]), op("remove", "roles", json!(null)), json!({}));
        check(
            roles(&["a", "b"]),
            op("remove", "roles[value eq \"A\"]", json!(null)),
            roles(&["b"]),
        );
        check(
            json!({}),
            op(
                "Add",
                "roles",
                json!([{"value": "{\"id\":\"1\",\"value\":\"R\",\"displayName\":\"R\"}"}]),
            ),
            roles(&["R"]),
        );
        check(
            json!({HOST: {"tags": ["a", "b"]}}),
            op("remove", &format!("{HOST}:tags"), json!(["A"])),
            json!({HOST: {"tags": ["b"]}}),
        );
        check(
            json!({HOST: {"tags": ["a"]}}),
            op("add", &format!("{HOST}:tags"), json!([{"value": "c"}, "a"])),
            json!({HOST: {"tags": ["a", "c"]}}),
        );
        let same =
            json!({"emails": [{"type": "work", "value": "x"}, {"type": "home", "value": "x"}]});
        check(
            same.clone(),
            op("remove", "emails", json!([{"type": "home", "value": "x"}])),
            json!({"emails": [{"type": "work", "value": "x"}]}),
        );
        check(
            same,
            op("replace", "emails.display", json!("X")),
            json!({"emails": [{"type": "work", "value": "x", "display": "X"},
                              {"type": "home", "value": "x", "display": "X"}]}),
        );
    }

    #[test]
    fn clearing_within_an_object() {
        let path = "emails[type eq \"work\"]";
        let home = json!({"type": "home", "value": "h", "primary": true});
        let both = json!({"emails": [{"type": "work", "value": "w"}, home]});
        let op = |value: Value| json!([{"op": "replace", "path": path, "value": value}]);
        check(both.clone(), op(json!({"type": "work", "value": ""})), json!({"emails": [home]}));
        check(both.clone(), op(json!({"unknown": 1})), both);
        check(
            json!({"emails": [home]}),
            op(json!({"value": null, "x": 1})),
            json!({"emails": [home]}),
        );
        let tags = format!("{HOST}:tags[value eq \"a\"]");
        let op = json!([{"op": "add", "path": tags, "value": {"type": false, "value": ""}}]);
        check(json!({}), op.clone(), json!({}));
        check(json!({HOST: {"tags": ["a", "b"]}}), op, json!({HOST: {"tags": ["b"]}}));
    }

    #[test]
    fn members() {
        let schemas = ResourceSchemas::new(standard::group(), vec![]);
        let group = |ids: &[&str]| {
            let members: Vec<_> = ids.iter().map(|id| json!({"value": id})).collect();
            json!({"displayName": "G", "members": members})
        };
        let check = |before: &[&str], operation: Value, after: &[&str]| {
            let found = run(&schemas, group(before), json!([operation])).unwrap();
            let mut expected = group(after);
            if after.is_empty() {
                expected.as_object_mut().unwrap().remove("members");
            }
            assert_eq!(found, expected, "{operation}");
        };
        let listed = json!([{"$ref": null, "value": "u1"}, {"value": "u2"}]);
        check(&["u2"], json!({"op": "Add", "path": "members", "value": listed}), &["u2", "u1"]);
        check(
            &["u1", "u2", "u3"],
            json!({"op": "Remove", "path": "members", "value": listed}),
            &["u3"],
        );
        check(&["u1", "u2"], json!({"op": "remove", "path": "members[value eq \"u1\"]"}), &["u2"]);
        check(&["u1"], json!({"op": "remove", "path": "members"}), &[]);
        check(&["u1"], json!({"op": "add", "path": "members", "value": "U1"}), &["u1", "U1"]);
        check(
            &["u1"],
            json!({"op": "replace", "path": "members", "value": [{"value": "u9"}]}),
            &["u9"],
        );
        let many: Vec<String> = (0..40).map(|at| format!("m{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let all: Vec<_> = many.iter().map(|id| json!({"value": id})).collect();
        check(&many[..30], json!({"op": "add", "path": "members", "value": all}), &many);
        let moved =
            json!([{"op": "replace", "path": "members[value eq \"u1\"].value", "value": "u2"}]);
        let error = run(&schemas, group(&["u1"]), moved).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::Mutability));
    }
}
