//! What a SCIM request can be refused with, and the body that says so (RFC 7644 §3.12).
//! Status codes are not known here: whoever answers gives the status.

use serde::Serialize;

/// Why a request is refused, in the protocol's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// The detail error keyword, where RFC 7644 has one.
    pub scim_type: Option<ScimType>,
    /// A sentence for a person.
    pub detail: String,
}

impl Error {
    /// An error with a keyword.
    pub fn new(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { scim_type: Some(scim_type), detail: detail.into() }
    }

    /// An error for which RFC 7644 has no keyword.
    pub fn plain(detail: impl Into<String>) -> Self {
        Self { scim_type: None, detail: detail.into() }
    }

    pub(super) fn value(attribute: impl std::fmt::Display, problem: &str) -> Self {
        Self::new(ScimType::InvalidValue, format!("the value of {attribute} {problem}"))
    }

    pub(super) fn mutability(attribute: impl std::fmt::Display, problem: &str) -> Self {
        Self::new(ScimType::Mutability, format!("the attribute {attribute} {problem}"))
    }
}

/// The detail error keywords of RFC 7644 §3.12, table 9, and of RFC 9865 §2.1 for cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ScimType {
    /// The filter is malformed or compares what cannot be compared.
    InvalidFilter,
    /// The filter yields more than the server returns or works on.
    TooMany,
    /// A value that must be unique is taken.
    Uniqueness,
    /// The attribute cannot be changed so.
    Mutability,
    /// The body is not what the operation needs.
    InvalidSyntax,
    /// The path is malformed or does not fit the attribute.
    InvalidPath,
    /// The path leads to nothing that could be changed.
    NoTarget,
    /// A required value is missing or a value does not fit its attribute.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request holds something that must not stand in a URI.
    Sensitive,
    /// The cursor is not one of ours.
    InvalidCursor,
    /// The cursor is too old.
    ExpiredCursor,
    /// The count cannot be had with this cursor.
    InvalidCount,
}

/// The JSON body of an error response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    schemas: [&'static str; 1],
    /// The status as text, as RFC 7644 wants it.
    pub status: String,
    /// The keyword, left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scim_type: Option<ScimType>,
    /// A sentence for a person.
    pub detail: String,
}

impl ErrorBody {
    /// The URN of the message.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:api:messages:2.0:Error";

    /// The body of an error under the status that the caller answers with.
    pub fn new(status: impl Into<String>, error: Error) -> Self {
        Self {
            schemas: [Self::SCHEMA],
            status: status.into(),
            scim_type: error.scim_type,
            detail: error.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_body_has_a_text_status_and_no_nulls() {
        let body = ErrorBody::new("400", Error::new(ScimType::NoTarget, "nothing there"));
        assert_eq!(
            serde_json::to_value(body).unwrap(),
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400",
                   "scimType": "noTarget", "detail": "nothing there"})
        );
        let body = serde_json::to_value(ErrorBody::new("404", Error::plain("gone"))).unwrap();
        assert_eq!(body.get("scimType"), None);
    }
}
