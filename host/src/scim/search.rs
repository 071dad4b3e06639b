//! A query in a body (RFC 7644 §3.4.3); it means what the query parameters of a GET mean.

use super::message::{syntax, take};
use super::{Error, ScimType};
use serde_json::{Map, Value};

/// A search request, or the parameters of a GET. Texts are not yet judged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchRequest {
    /// What to show, with commas between the paths.
    pub attributes: Option<String>,
    /// What to leave out, with commas between the paths.
    pub excluded_attributes: Option<String>,
    /// What to look for.
    pub filter: Option<String>,
    /// What to sort by.
    pub sort_by: Option<String>,
    /// `ascending` or `descending`.
    pub sort_order: Option<String>,
    /// The first place of the window.
    pub start_index: Option<String>,
    /// The size of the window.
    pub count: Option<String>,
    /// The cursor of a page (RFC 9865); an empty one asks for the first.
    pub cursor: Option<String>,
}

impl SearchRequest {
    /// The URN of the message.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

    /// The request in these parameters; empty ones but a cursor count as not given.
    pub fn of_query<'q>(get: impl Fn(&str) -> Option<&'q str>) -> Self {
        let text =
            |name: &str| get(name).filter(|value| !value.trim().is_empty()).map(str::to_owned);
        Self {
            attributes: text("attributes"),
            excluded_attributes: text("excludedAttributes"),
            filter: text("filter"),
            sort_by: text("sortBy"),
            sort_order: text("sortOrder"),
            start_index: text("startIndex"),
            count: text("count"),
            cursor: get("cursor").map(str::to_owned),
        }
    }
}

impl TryFrom<Value> for SearchRequest {
    type Error = Error;

    /// Reads the body of a request: names in any case, other members are passed over, `null` is
    /// not given. The URN in `schemas` is not insisted on.
    fn try_from(body: Value) -> Result<Self, Error> {
        let Value::Object(mut body) = body else {
            return Err(syntax("the body of a search is not an object"));
        };
        Ok(Self {
            attributes: paths(&mut body, "attributes")?,
            excluded_attributes: paths(&mut body, "excludedAttributes")?,
            filter: text(&mut body, "filter")?,
            sort_by: text(&mut body, "sortBy")?,
            sort_order: text(&mut body, "sortOrder")?,
            start_index: number(&mut body, "startIndex")?,
            count: number(&mut body, "count")?,
            cursor: text(&mut body, "cursor")?,
        })
    }
}

fn wrong<T>(name: &str, problem: &str) -> Result<T, Error> {
    Err(Error::new(ScimType::InvalidValue, format!("the value of {name} {problem}")))
}

fn text(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match take(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() && name != "cursor" => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => wrong(name, "is not text"),
    }
}

fn number(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match take(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Ok(Some(number.to_string()))
        }
        // As it would stand in a URL.
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => wrong(name, "is not a whole number"),
    }
}

/// A list of paths; one text with commas is taken as well.
fn paths(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    let list = match take(body, name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => vec![Value::String(text)],
        Some(Value::Array(list)) => list,
        Some(_) => return wrong(name, "is not a list of attributes"),
    };
    let mut joined = String::new();
    for path in list {
        let Value::String(path) = path else {
            return wrong(name, "is a list with something else than attributes");
        };
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(&path);
    }
    Ok(Some(joined).filter(|joined| !joined.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn search_requests_may_leave_everything_out() {
        let read = |body: Value| SearchRequest::try_from(body).unwrap();
        assert_eq!(read(json!({})), SearchRequest::default());
        let all = read(json!({
            "schemas": [SearchRequest::SCHEMA], "more": 7, "ATTRIBUTES": ["a", "b.c"],
            "excludedattributes": "d", "Filter": "a pr", "sortby": "a", "sortOrder": null,
            "startIndex": 3, "count": "5", "cursor": "",
        }));
        let text = |text: &str| Some(text.to_owned());
        let expected = SearchRequest {
            attributes: text("a,b.c"),
            excluded_attributes: text("d"),
            filter: text("a pr"),
            sort_by: text("a"),
            sort_order: None,
            start_index: text("3"),
            count: text("5"),
            cursor: text(""),
        };
        assert_eq!(all, expected);
        let query = [
            ("attributes", "a,b.c"),
            ("excludedAttributes", "d"),
            ("filter", "a pr"),
            ("sortBy", "a"),
            ("sortOrder", " "),
            ("startIndex", "3"),
            ("count", "5"),
            ("cursor", ""),
        ];
        let get = |name: &str| query.iter().find(|(known, _)| *known == name).map(|one| one.1);
        assert_eq!(SearchRequest::of_query(get), expected);
    }

    #[test]
    fn wrong_members_are_named() {
        for (body, name) in [
            (json!({"attributes": 7}), "attributes"),
            (json!({"excludedAttributes": ["a", 7]}), "excludedAttributes"),
            (json!({"filter": ["a pr"]}), "filter"),
            (json!({"sortBy": {}}), "sortBy"),
            (json!({"sortOrder": true}), "sortOrder"),
            (json!({"startIndex": 1.5}), "startIndex"),
            (json!({"count": []}), "count"),
            (json!({"cursor": 1}), "cursor"),
        ] {
            let refused = SearchRequest::try_from(body).unwrap_err();
            assert_eq!(refused.scim_type, Some(ScimType::InvalidValue), "{name}");
            assert!(refused.detail.contains(name), "{refused}");
        }
        let refused = SearchRequest::try_from(json!([])).unwrap_err();
        assert_eq!(refused.scim_type, Some(ScimType::InvalidSyntax));
    }
}
