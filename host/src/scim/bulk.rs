//! Bulk requests (RFC 7644 §3.7): many operations in one message, which may name what others of them
//! make by `bulkId`.

use super::{Error, ScimType};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What stands in front of a bulkId where an id is meant.
const PREFIX: &str = "bulkId:";

/// A bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkRequest {
    /// After how many errors the rest is left; without it all is tried.
    pub fail_on_errors: Option<u64>,
    /// The operations in their order. One that is wrong is answered by itself, the others are done.
    pub operations: Vec<Result<BulkOp, Error>>,
}

/// What an operation of a bulk request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BulkMethod {
    /// Makes a resource.
    Post,
    /// Replaces one.
    Put,
    /// Changes one.
    Patch,
    /// Deletes one.
    Delete,
}

impl BulkMethod {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One operation of a bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkOp {
    /// What to do.
    pub method: BulkMethod,
    /// The endpoint: `Users`.
    pub endpoint: String,
    /// The id behind it; a POST has none.
    pub id: Option<String>,
    /// What other operations call what this one makes.
    pub bulk_id: Option<String>,
    /// The version the resource must have.
    pub version: Option<String>,
    /// The body.
    pub data: Value,
}

impl BulkRequest {
    /// The URN of the message.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

    /// Reads the body of a request.
    pub fn parse(body: Value) -> Result<BulkRequest, Error> {
        let Value::Object(mut body) = body else {
            return Err(syntax("the body of a bulk request is not an object"));
        };
        let fail_on_errors = match take(&mut body, "failOnErrors") {
            None | Some(Value::Null) => None,
            Some(number) => Some(
                number
                    .as_u64()
                    .filter(|number| *number > 0)
                    .ok_or_else(|| Error::value("failOnErrors", "is not a whole number above 0"))?,
            ),
        };
        let Some(Value::Array(list)) = take(&mut body, "Operations") else {
            return Err(syntax("the body of a bulk request has no list of Operations"));
        };
        let operations: Vec<_> = list.into_iter().map(operation).collect();
        let mut known = BTreeSet::new();
        for id in operations.iter().flatten().filter_map(|one| one.bulk_id.as_ref()) {
            if !known.insert(id) {
                return Err(syntax(format!("the bulkId {id} is that of two operations")));
            }
        }
        Ok(BulkRequest { fail_on_errors, operations })
    }
}

fn operation(value: Value) -> Result<BulkOp, Error> {
    let Value::Object(mut members) = value else {
        return Err(syntax("an operation is not an object"));
    };
    let text = |members: &mut Map<String, Value>, name: &str| match take(members, name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        None | Some(Value::Null | Value::String(_)) => Ok(None),
        Some(_) => Err(Error::value(name, "is not text")),
    };
    let method = text(&mut members, "method")?.unwrap_or_default();
    let method = match method.to_ascii_uppercase().as_str() {
        "POST" => BulkMethod::Post,
        "PUT" => BulkMethod::Put,
        "PATCH" => BulkMethod::Patch,
        "DELETE" => BulkMethod::Delete,
        _ => {
            let detail = format!("{method:?} is no method; they are POST, PUT, PATCH, DELETE");
            return Err(syntax(detail));
        }
    };
    let path = text(&mut members, "path")?.ok_or_else(|| syntax("an operation has no path"))?;
    let mut parts = path.trim_matches('/').splitn(2, '/');
    let endpoint = parts.next().unwrap_or_default().to_owned();
    let id = parts.next().map(str::to_owned);
    if (method == BulkMethod::Post) == id.is_some() {
        return Err(syntax(format!("the path {path} does not go with {}", method.name())));
    }
    let data = take(&mut members, "data").unwrap_or_default();
    if method != BulkMethod::Delete && !data.is_object() {
        return Err(syntax(format!("an operation with {} has no data", method.name())));
    }
    let bulk_id = text(&mut members, "bulkId")?;
    let version = text(&mut members, "version")?;
    Ok(BulkOp { method, endpoint, id, bulk_id, version, data })
}

fn syntax(detail: impl Into<String>) -> Error {
    Error::new(ScimType::InvalidSyntax, detail)
}

fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = members.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    members.remove(&key)
}

/// The bulkId that stands for an id.
fn named(text: &str) -> Option<&str> {
    text.strip_prefix(PREFIX)
}

impl BulkOp {
    /// The bulkIds that the operation names: what must be made before it.
    #[must_use]
    pub fn needs(&self) -> BTreeSet<String> {
        let mut needs = BTreeSet::new();
        gather(&self.data, &mut needs);
        needs.extend(self.id.as_deref().and_then(named).map(str::to_owned));
        needs
    }

    /// Puts ids in the place of the bulkIds that are known.
    pub fn resolve(&mut self, ids: &BTreeMap<String, String>) {
        replace(&mut self.data, ids);
        if let Some(id) = self.id.as_deref().and_then(named).and_then(|name| ids.get(name)) {
            self.id = Some(id.clone());
        }
    }

    /// Takes out of the body what names bulkIds still, as the operations of a PATCH that adds it
    /// later. Two groups can be members of each other so (RFC 7644 §3.7.1).
    pub fn postpone(&mut self) -> Vec<Value> {
        let mut operations = Vec::new();
        let Value::Object(attributes) = &mut self.data else { return operations };
        attributes.retain(|name, value| {
            if name.contains(':')
                && let Value::Object(inner) = value
            {
                inner.retain(|attribute, value| {
                    hold_back(&format!("{name}:{attribute}"), value, &mut operations)
                });
                return true;
            }
            hold_back(name, value, &mut operations)
        });
        operations
    }
}

/// Whether something of the attribute stays.
fn hold_back(path: &str, value: &mut Value, operations: &mut Vec<Value>) -> bool {
    let waits = |value: &Value| {
        let mut needs = BTreeSet::new();
        gather(value, &mut needs);
        !needs.is_empty()
    };
    let held = match value {
        Value::Array(list) if list.iter().any(waits) => {
            let (held, rest) = std::mem::take(list).into_iter().partition(waits);
            *list = rest;
            Value::Array(held)
        }
        _ if !waits(value) => return true,
        _ => std::mem::take(value),
    };
    operations.push(json!({"op": "add", "path": path, "value": held}));
    !value.is_null()
}

fn gather(value: &Value, needs: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => needs.extend(named(text).map(str::to_owned)),
        Value::Array(list) => list.iter().for_each(|value| gather(value, needs)),
        Value::Object(members) => members.values().for_each(|value| gather(value, needs)),
        _ => {}
    }
}

fn replace(value: &mut Value, ids: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(id) = named(text).and_then(|name| ids.get(name)) {
                *text = id.clone();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| replace(value, ids)),
        Value::Object(members) => members.values_mut().for_each(|value| replace(value, ids)),
        _ => {}
    }
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkResult {
    /// What was to be done.
    pub method: Option<BulkMethod>,
    /// What the client called it.
    pub bulk_id: Option<String>,
    /// The status it would have had by itself.
    pub status: u16,
    /// The URL of the resource.
    pub location: Option<String>,
    /// The version of the resource.
    pub version: Option<String>,
    /// The body of an error.
    pub response: Option<Value>,
}

/// The answer to a bulk request.
#[must_use]
pub fn bulk_response(results: &[BulkResult]) -> Value {
    let operations: Vec<Value> = results
        .iter()
        .map(|result| {
            let mut members = Map::new();
            let mut put = |name: &str, value: Option<Value>| {
                members.extend(value.map(|value| (name.to_owned(), value)));
            };
            put("method", result.method.map(|method| Value::from(method.name())));
            put("bulkId", result.bulk_id.clone().map(Value::from));
            put("location", result.location.clone().map(Value::from));
            put("version", result.version.clone().map(Value::from));
            put("status", Some(Value::from(result.status.to_string())));
            put("response", result.response.clone());
            Value::Object(members)
        })
        .collect();
    let schema = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
    json!({"schemas": [schema], "Operations": operations})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(operation: Value) -> Result<BulkOp, Error> {
        BulkRequest::parse(json!({"operations": [operation]})).unwrap().operations.remove(0)
    }

    #[test]
    fn operations_are_read() {
        let post =
            one(json!({"method": "post", "path": "/Users", "bulkId": "a", "data": {"x": 1}}));
        let post = post.unwrap();
        assert_eq!(
            (post.method, post.endpoint.as_str(), post.id),
            (BulkMethod::Post, "Users", None)
        );
        assert_eq!(post.bulk_id.as_deref(), Some("a"));
        let delete =
            one(json!({"method": "DELETE", "path": "Users/7", "version": "W/\"1\""})).unwrap();
        assert_eq!((delete.id.as_deref(), delete.version.as_deref()), (Some("7"), Some("W/\"1\"")));
        for wrong in [
            json!("x"),
            json!({"path": "/Users", "data": {}}),
            json!({"method": "GET", "path": "/Users/1"}),
            json!({"method": "POST", "data": {}}),
            json!({"method": "POST", "path": "/Users/1", "data": {}}),
            json!({"method": "PUT", "path": "/Users", "data": {}}),
            json!({"method": "PATCH", "path": "/Users/1"}),
        ] {
            assert_eq!(one(wrong.clone()).unwrap_err().scim_type, Some(ScimType::InvalidSyntax));
        }
    }

    #[test]
    fn what_is_no_bulk_request_is_refused() {
        let twice = json!({"method": "POST", "path": "/Users", "bulkId": "a", "data": {}});
        for wrong in [
            json!([]),
            json!({}),
            json!({"Operations": {}}),
            json!({"failOnErrors": 0, "Operations": []}),
            json!({"failOnErrors": "x", "Operations": []}),
            json!({"Operations": [twice, twice]}),
        ] {
            assert!(BulkRequest::parse(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ids_take_the_place_of_what_operations_make() {
        let mut patch = one(json!({"method": "PATCH", "path": "/Groups/bulkId:g", "data": {
            "Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:a"}]}]}}))
        .unwrap();
        assert_eq!(patch.needs(), BTreeSet::from(["a".to_owned(), "g".to_owned()]));
        patch.resolve(&BTreeMap::from([("g", "1"), ("a", "2")].map(|(a, b)| (a.into(), b.into()))));
        assert_eq!(patch.id.as_deref(), Some("1"));
        assert_eq!(patch.data["Operations"][0]["value"][0]["value"], "2");
        assert!(patch.needs().is_empty());
    }

    #[test]
    fn what_is_not_made_yet_is_added_later() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let mut post = one(json!({"method": "POST", "path": "/Groups", "data": {
            "displayName": "G", "members": [{"value": "1"}, {"value": "bulkId:a"}],
            urn: {"manager": {"value": "bulkId:m"}, "department": "d"}}}))
        .unwrap();
        let later = post.postpone();
        let rest =
            json!({"displayName": "G", "members": [{"value": "1"}], urn: {"department": "d"}});
        assert_eq!(post.data, rest);
        let expected = json!([
            {"op": "add", "path": "members", "value": [{"value": "bulkId:a"}]},
            {"op": "add", "path": format!("{urn}:manager"), "value": {"value": "bulkId:m"}}
        ]);
        assert_eq!(Value::from(later), expected);
    }
}
