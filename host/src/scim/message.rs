//! The messages of RFC 7644: lists, PATCH requests, and the window a client asks to see of a list. Reading forgives what clients do: any case of names, extra members.

use super::{Error, ScimType};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A list of resources, or one page of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResponse<T> {
    schemas: [&'static str; 1],
    /// How many match, on this page or not.
    pub total_results: usize,
    /// The place of the first one of this page, from 1; a page reached by cursor has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_index: Option<usize>,
    /// How many are on this page.
    pub items_per_page: usize,
    /// The cursor of the next page, when pages go by cursor (RFC 9865).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The page; an empty one is an empty list, never left out.
    #[serde(rename = "Resources")]
    pub resources: Vec<T>,
}

impl<T> ListResponse<T> {
    /// The URN of the message.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

    /// One page of a list.
    pub fn new(total_results: usize, start_index: usize, resources: Vec<T>) -> Self {
        Self {
            schemas: [Self::SCHEMA],
            total_results,
            start_index: Some(start_index),
            items_per_page: resources.len(),
            next_cursor: None,
            resources,
        }
    }

    /// One page of a list whose pages are reached by cursor; the last one leads to no other.
    pub fn by_cursor(total_results: usize, next: Option<String>, resources: Vec<T>) -> Self {
        let list = Self::new(total_results, 0, resources);
        Self { start_index: None, next_cursor: next, ..list }
    }

    /// A whole list on one page.
    pub fn whole(resources: Vec<T>) -> Self {
        Self::new(resources.len(), 1, resources)
    }
}

/// One page of a list, written as JSON text resource by resource.
#[derive(Debug)]
pub struct ListText {
    text: Vec<u8>,
    resources: usize,
}

impl ListText {
    /// A page without resources. `bytes` is how long it may become, roughly.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let mut text = Vec::with_capacity(bytes);
        for part in ["{\"schemas\":[\"", ListResponse::<Value>::SCHEMA, "\"],\"Resources\":["] {
            text.extend_from_slice(part.as_bytes());
        }
        Self { text, resources: 0 }
    }

    /// Adds the resource that `write` appends.
    pub fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.resources > 0 {
            self.text.push(b',');
        }
        write(&mut self.text);
        self.resources += 1;
    }

    /// How many resources are on the page.
    #[must_use]
    pub fn len(&self) -> usize {
        self.resources
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources == 0
    }

    /// The whole text.
    #[must_use]
    pub fn finish(mut self, total_results: usize, start_index: usize) -> Vec<u8> {
        self.close(total_results);
        self.number(",\"startIndex\":", start_index);
        self.text.push(b'}');
        self.text
    }

    /// The whole text of a page that is reached by cursor; cursors are plain ASCII.
    #[must_use]
    pub fn finish_by_cursor(mut self, total_results: usize, next: Option<&str>) -> Vec<u8> {
        self.close(total_results);
        if let Some(next) = next {
            for part in [",\"nextCursor\":\"", next, "\""] {
                self.text.extend_from_slice(part.as_bytes());
            }
        }
        self.text.push(b'}');
        self.text
    }

    fn close(&mut self, total_results: usize) {
        self.number("],\"totalResults\":", total_results);
        self.number(",\"itemsPerPage\":", self.resources);
    }

    fn number(&mut self, name: &str, number: usize) {
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(number.to_string().as_bytes());
    }
}

/// What a client asks to see of a list (RFC 7644 §3.4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The place of the first resource, from 1.
    pub start_index: usize,
    /// How many at most; the server decides when the client does not say.
    pub count: Option<usize>,
}

impl Window {
    /// A start below 1 is 1, a count below 0 is 0.
    pub fn new(start_index: Option<i64>, count: Option<i64>) -> Self {
        let bounded =
            |number: i64, least: i64| usize::try_from(number.max(least)).unwrap_or(usize::MAX);
        Self {
            start_index: bounded(start_index.unwrap_or(1), 1),
            count: count.map(|count| bounded(count, 0)),
        }
    }

    /// Reads the two query parameters; what is no whole number is `invalidValue`.
    pub fn parse(start_index: Option<&str>, count: Option<&str>) -> Result<Self, Error> {
        let number = |name: &str, text: Option<&str>| match text.map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(Error::value(name, &format!("is not a whole number: {text:?}"))),
            },
        };
        Ok(Self::new(number("startIndex", start_index)?, number("count", count)?))
    }

    /// How many resources stand before the window.
    pub fn skip(&self) -> usize {
        self.start_index - 1
    }

    /// How many resources to show where the server shows `default` unasked and `most` at most.
    pub fn take(&self, default: usize, most: usize) -> usize {
        self.count.unwrap_or(default).min(most)
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::new(None, None)
    }
}

/// What one PATCH operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// Adds values.
    Add,
    /// Puts values in the place of others.
    Replace,
    /// Removes values.
    Remove,
}

/// One operation of a PATCH request, as the client sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchOp {
    /// What to do.
    pub kind: PatchKind,
    /// Where; without a path the value names the attributes.
    pub path: Option<String>,
    /// The values; a missing member is not the same as `null`.
    pub value: Option<Value>,
}

/// A PATCH request (RFC 7644 §3.5.2).
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(try_from = "Value")]
pub struct PatchRequest {
    /// The operations, applied in this order. An empty list changes nothing.
    pub operations: Vec<PatchOp>,
}

impl PatchRequest {
    /// The URN of the message.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
}

impl TryFrom<Value> for PatchRequest {
    type Error = Error;

    /// Reads the body of a request. The URN in `schemas` is not insisted on, as clients misspell it.
    fn try_from(body: Value) -> Result<Self, Error> {
        let Value::Object(mut body) = body else {
            return Err(syntax("the body of a PATCH is not an object"));
        };
        match take(&mut body, "Operations") {
            Some(Value::Array(list)) => {
                let operations = list.into_iter().map(operation).collect::<Result<_, _>>()?;
                Ok(Self { operations })
            }
            Some(_) => Err(syntax("Operations is not a list")),
            None => Err(syntax("the body of a PATCH has no Operations")),
        }
    }
}

fn operation(value: Value) -> Result<PatchOp, Error> {
    let Value::Object(mut members) = value else {
        return Err(syntax("an operation is not an object"));
    };
    let kind = match take(&mut members, "op") {
        Some(Value::String(op)) => match op.to_ascii_lowercase().as_str() {
            "add" => PatchKind::Add,
            "replace" => PatchKind::Replace,
            "remove" => PatchKind::Remove,
            _ => {
                return Err(syntax(format!(
                    "{op:?} is not an operation; they are add, replace, remove"
                )));
            }
        },
        _ => return Err(syntax("an operation has no op")),
    };
    let path = match take(&mut members, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) if path.trim().is_empty() => None,
        Some(Value::String(path)) => Some(path),
        Some(_) => return Err(Error::new(ScimType::InvalidPath, "the path is not text")),
    };
    Ok(PatchOp { kind, path, value: take(&mut members, "value") })
}

pub(super) fn syntax(detail: impl Into<String>) -> Error {
    Error::new(ScimType::InvalidSyntax, detail)
}

/// Takes the member of that name, in any case.
pub(super) fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    members.remove(name).or_else(|| {
        let key = members.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
        members.remove(&key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_of_texts_is_written_as_a_list_of_trees_is() {
        for resources in [vec![], vec![serde_json::json!({"id": "a\"b"})], vec![1.into(), 2.into()]]
        {
            let mut text = ListText::new(64);
            for resource in &resources {
                text.add(|out| out.extend_from_slice(resource.to_string().as_bytes()));
            }
            let text: Value = serde_json::from_slice(&text.finish(9, 3)).unwrap();
            assert_eq!(text, serde_json::to_value(ListResponse::new(9, 3, resources)).unwrap());
        }
        for next in [None, Some("abc")] {
            let text = ListText::new(64).finish_by_cursor(9, next);
            let text: Value = serde_json::from_slice(&text).unwrap();
            let list = ListResponse::<Value>::by_cursor(9, next.map(str::to_owned), Vec::new());
            assert_eq!(text, serde_json::to_value(list).unwrap());
            assert_eq!(text.get("startIndex"), None);
        }
    }

    #[test]
    fn a_list_has_numbers_and_always_resources() {
        let list = ListResponse::<Value>::new(0, 1, vec![]);
        assert_eq!(
            serde_json::to_value(list).unwrap(),
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                   "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []})
        );
    }

    #[test]
    fn windows_are_clamped() {
        let check = |start, count, skip, take| {
            let window = Window::parse(start, count).unwrap();
            assert_eq!(
                (window.skip(), window.take(100, 1000)),
                (skip, take),
                "{start:?} {count:?}"
            );
        };
        check(None, None, 0, 100);
        check(Some("0"), Some("5"), 0, 5);
        check(Some("-7"), Some("-1"), 0, 0);
        check(Some("11"), Some("5000"), 10, 1000);
        assert_eq!(
            Window::parse(Some("x"), None).unwrap_err().scim_type,
            Some(ScimType::InvalidValue)
        );
    }

    #[test]
    fn patch_requests_are_read_with_tolerance() {
        let request: PatchRequest = serde_json::from_value(json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "id": "7",
            "operations": [
                {"OP": "Replace", "Path": "active", "Value": "False", "name": "x"},
                {"op": "REMOVE", "path": "members", "value": null},
                {"op": "add", "path": null, "value": {"a": 1}}
            ]
        }))
        .unwrap();
        let op =
            |kind, path: Option<&str>, value| PatchOp { kind, path: path.map(Into::into), value };
        assert_eq!(
            request.operations,
            [
                op(PatchKind::Replace, Some("active"), Some(json!("False"))),
                op(PatchKind::Remove, Some("members"), Some(Value::Null)),
                op(PatchKind::Add, None, Some(json!({"a": 1}))),
            ]
        );
    }

    #[test]
    fn patch_requests_are_refused_by_name() {
        let check = |body: Value, expected| {
            assert_eq!(PatchRequest::try_from(body).unwrap_err().scim_type, Some(expected));
        };
        check(json!([]), ScimType::InvalidSyntax);
        check(json!({}), ScimType::InvalidSyntax);
        check(json!({"Operations": {}}), ScimType::InvalidSyntax);
        check(json!({"Operations": [{"op": "move"}]}), ScimType::InvalidSyntax);
        check(json!({"Operations": [{"path": "a"}]}), ScimType::InvalidSyntax);
        check(json!({"Operations": [{"op": "add", "path": 7}]}), ScimType::InvalidPath);
    }
}
