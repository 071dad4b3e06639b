//! Brings values into the shape their definition asks for. Clients send one value in many shapes;
//! each shape that is understood is one arm here.
//!
//! | sent | for | taken as |
//! |---|---|---|
//! | `null`, `""`, `[]`, `{}`, `[""]`, `{"value": ""}` | anything | no value |
//! | `"True"`, `"false"` | boolean | true, false (Entra) |
//! | `"42"` | integer, decimal | 42 |
//! | `42`, `true` | text | `"42"`, `"true"` |
//! | `["x"]`, `[{"value": "x"}]`, `{"value": "x"}` | a single simple value | `"x"` (older Entra) |
//! | `"x"` | complex with a `value` | `{"value": "x"}` (Entra's manager, members) |
//! | `"{\"value\": \"x\"}"` | complex | the object (Entra's single app role) |
//! | `{"value": "{\"value\": \"x\"}"}` | complex | the inner object (Entra's app role in a list) |
//! | `[{"value": "x"}]` | a single complex value | its only element |
//! | members of a complex value in any case, unknown, read-only or `null` | complex | respelled or dropped |

use super::filter::Filter;
use super::matching::loosely_equal;
use super::schema::{AttributeDefinition, AttributeKind, Mutability};
use super::{Error, Path};
use serde_json::{Map, Number, Value};

/// Whether a value says that there is none (RFC 7643 §2.5, and empty text as Entra sends it).
pub(super) fn is_clear(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.iter().all(is_clear),
        Value::Object(members) => members.values().all(is_clear),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A boolean, also as text.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(boolean) => Some(*boolean),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// One value of a simple attribute; `null` is none.
pub(super) fn simple(
    definition: &AttributeDefinition,
    value: Value,
    at: &Path,
) -> Result<Value, Error> {
    if is_clear(&value) {
        return Ok(Value::Null);
    }
    match value {
        Value::Array(mut list) if list.len() == 1 => simple(definition, list.remove(0), at),
        Value::Array(_) => Err(Error::value(at, "is a list, but the attribute takes one value")),
        Value::Object(mut members) => match take(&mut members, "value") {
            Some(value) => simple(definition, value, at),
            None => Err(Error::value(at, "is an object, but the attribute has no parts")),
        },
        scalar => match definition.kind {
            AttributeKind::Boolean => match boolean(&scalar) {
                Some(boolean) => Ok(Value::Bool(boolean)),
                None => {
                    Err(Error::value(at, &format!("is {}, neither true nor false", short(&scalar))))
                }
            },
            AttributeKind::Integer => match whole(&scalar) {
                Some(number) => Ok(Value::Number(number)),
                None => {
                    Err(Error::value(at, &format!("is {}, not a whole number", short(&scalar))))
                }
            },
            AttributeKind::Decimal => match number(&scalar) {
                Some(number) => Ok(Value::Number(number)),
                None => Err(Error::value(at, &format!("is {}, not a number", short(&scalar)))),
            },
            _ => Ok(match scalar {
                Value::String(text) => Value::String(text),
                other => Value::String(other.to_string()),
            }),
        },
    }
}

/// A value in a message: not more of it than a person reads.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => serde_json::from_str(text.trim()).ok(),
        _ => None,
    }
}

fn whole(value: &Value) -> Option<Number> {
    let number = number(value)?;
    if number.is_i64() || number.is_u64() {
        return Some(number);
    }
    let float = number.as_f64()?;
    let exact = float.fract() == 0.0 && float.abs() < 9e15; // beyond, a float has no exact neighbors
    exact.then(|| Number::from(float as i64))
}

/// The members of a complex value in the schema's spelling; `null` marks those to clear.
pub(super) fn complex(
    definition: &AttributeDefinition,
    value: Value,
    at: &Path,
) -> Result<Map<String, Value>, Error> {
    let members = match value {
        Value::Array(mut list) if list.len() == 1 => {
            return complex(definition, list.remove(0), at);
        }
        Value::Array(_) => {
            return Err(Error::value(at, "is a list, but the attribute takes one value"));
        }
        Value::Object(mut members) => match members.get("value") {
            Some(Value::String(text)) if object_in(text).is_some() => {
                let inner = object_in(text).unwrap_or_default();
                members.remove("value");
                members.extend(inner);
                members
            }
            _ => members,
        },
        Value::Null => Map::new(),
        scalar => match scalar.as_str().and_then(object_in) {
            Some(members) => members,
            None if definition.sub("value").is_some() => Map::from_iter([("value".into(), scalar)]),
            None => return Err(Error::value(at, "is not an object")),
        },
    };
    let mut shaped = Map::new();
    for (name, value) in members {
        if let Some(sub) = definition.sub(&name)
            && sub.mutability != Mutability::ReadOnly
        {
            shaped.insert(sub.name.clone(), member(sub, value, &inside(at, sub))?);
        }
    }
    Ok(shaped)
}

fn inside(at: &Path, sub: &AttributeDefinition) -> Path {
    Path { filter: None, ..at.clone() }.with_sub(sub.name.clone())
}

/// The value of a sub-attribute; `null` is none.
pub(super) fn member(sub: &AttributeDefinition, value: Value, at: &Path) -> Result<Value, Error> {
    if !sub.multi_valued {
        return simple(sub, value, at);
    }
    let values = list(sub, value, at)?;
    Ok(if values.is_empty() { Value::Null } else { Value::Array(values) })
}

/// The elements of a multi-valued attribute. A single value is a list of one.
pub(super) fn list(
    definition: &AttributeDefinition,
    value: Value,
    at: &Path,
) -> Result<Vec<Value>, Error> {
    let values = match value {
        Value::Array(list) => list,
        single => vec![single],
    };
    let mut shaped = Vec::with_capacity(values.len());
    for value in values {
        shaped.extend(element(definition, value, at)?);
    }
    Ok(shaped)
}

/// One element of a multi-valued attribute, unless it is empty.
pub(super) fn element(
    definition: &AttributeDefinition,
    value: Value,
    at: &Path,
) -> Result<Option<Value>, Error> {
    if is_clear(&value) {
        return Ok(None);
    }
    if definition.kind != AttributeKind::Complex {
        return Ok(Some(simple(definition, value, at)?).filter(|value| !value.is_null()));
    }
    let mut members = complex(definition, value, at)?;
    members.retain(|_, value| !value.is_null());
    Ok(if members.is_empty() { None } else { Some(Value::Object(members)) })
}

/// The element that a value filter describes: only equalities describe one, and none describes what
/// has two values where one can be.
pub(super) fn element_for(filter: &Filter) -> Option<Map<String, Value>> {
    if !filter.is_equalities() {
        return None;
    }
    let mut members = Map::new();
    for (path, value) in filter.equalities().into_iter().filter(|(_, value)| !value.is_null()) {
        let before = members.insert(path.attribute.clone(), value.clone());
        if before.is_some_and(|before| !loosely_equal(&before, value)) {
            return None;
        }
    }
    Some(members)
}

/// The object in a text that is JSON.
pub(super) fn object_in(text: &str) -> Option<Map<String, Value>> {
    if text.trim_start().starts_with('{') { serde_json::from_str(text).ok() } else { None }
}

fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = members.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    members.remove(&key)
}
