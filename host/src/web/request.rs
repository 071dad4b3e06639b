//! Reading a request: its path below the connector, its query, its body.

use super::reply;
use crate::scim::{Error, ScimType, json};
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, Uri, header, uri::Authority},
    response::Response,
};
use http_body_util::LengthLimitError;
use serde_json::Value;
use std::{borrow::Cow, error::Error as _, time::Duration};

/// What the path of a connector begins with.
const CONNECTOR: &str = "/ecma2host_";

/// Whether a connector is asked.
pub(super) fn is_for_a_connector(uri: &Uri) -> bool {
    uri.path().starts_with(CONNECTOR)
}

/// The connector that is asked, whether or not there is one.
pub(super) fn connector(uri: &Uri) -> Option<&str> {
    Some(uri.path().strip_prefix(CONNECTOR)?.split_once('/')?.0)
}

/// A path taken apart: `/ecma2host_<connector>/scim[/v2]/<endpoint>[/<id>]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route<'a> {
    pub(super) connector: &'a str,
    pub(super) endpoint: &'a str,
    pub(super) id: Option<String>,
}

impl Route<'_> {
    pub(super) fn of(path: &str) -> Option<Route<'_>> {
        let rest = path.strip_prefix(CONNECTOR)?;
        let (connector, rest) = rest.split_once('/')?;
        let rest = rest.strip_prefix("scim")?;
        if !(rest.is_empty() || rest.starts_with('/')) {
            return None;
        }
        let rest = rest.trim_matches('/');
        // Okta's agent wants `/v2/` in the base URL.
        let rest = match rest.strip_prefix("v2") {
            Some("") => "",
            Some(below) => below.strip_prefix('/').unwrap_or(rest),
            None => rest,
        };
        let (endpoint, id) = match rest.split_once('/') {
            Some((endpoint, id)) => (endpoint, Some(decode(id)?)),
            None => (rest, None),
        };
        Some(Route { connector, endpoint, id })
    }
}

fn decode(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}

/// The query, by name in any case; a name given twice counts once, the first time. Names nobody
/// knows, such as `aadOptscim062020`, are passed over.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Query<'_> {
    pub(super) fn of(uri: &Uri) -> Query<'_> {
        Query(form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.trim().is_empty())
    }

    /// The same, and also a value that is empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }
}

/// The connector's URL as the client knows it; `None` when the request does not say to whom it is.
pub(super) fn base(uri: &Uri, headers: &HeaderMap, connector: &str) -> Option<String> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host: Authority = match (uri.authority(), hosts.next(), hosts.next()) {
        (Some(authority), ..) => authority.clone(),
        (None, Some(host), None) => host.to_str().ok()?.parse().ok()?,
        _ => return None,
    };
    Some(["https://", host.as_str(), CONNECTOR, connector, "/scim"].concat())
}

/// What a client may take for a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    pub(super) bytes: usize,
    pub(super) time: Duration,
}

/// The body as JSON.
pub(super) async fn body(
    headers: &HeaderMap,
    body: Body,
    limits: BodyLimits,
) -> Result<Value, Box<Response>> {
    let refused = |status, kind: Option<ScimType>, detail: String| {
        Box::new(reply::error(status, Error { scim_type: kind, detail }))
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let json = |kind: &str| {
        kind.eq_ignore_ascii_case("application/scim+json")
            || kind.eq_ignore_ascii_case("application/json")
    };
    if let Some(other) = kind.filter(|kind| !json(kind)) {
        let detail = format!("the content type {other} is not application/scim+json");
        return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, None, detail));
    }
    // A few bytes that unpack to gigabytes: nothing is unpacked.
    let coding = headers.get(header::CONTENT_ENCODING).map(|coding| coding.as_bytes());
    if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        let detail = "the body is encoded; send it as it is, without Content-Encoding".to_owned();
        return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, None, detail));
    }
    let read = tokio::time::timeout(limits.time, axum::body::to_bytes(body, limits.bytes)).await;
    let Ok(read) = read else {
        let detail = format!("the body did not arrive within {} seconds", limits.time.as_secs());
        return Err(refused(StatusCode::REQUEST_TIMEOUT, None, detail));
    };
    let bytes = read.map_err(|error| {
        if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) {
            let detail = format!("the body is longer than {} bytes", limits.bytes);
            return refused(StatusCode::PAYLOAD_TOO_LARGE, None, detail);
        }
        let detail = format!("the body broke off: {error}");
        refused(StatusCode::BAD_REQUEST, Some(ScimType::InvalidSyntax), detail)
    })?;
    json::parse(&bytes).map_err(|error| Box::new(reply::error(StatusCode::BAD_REQUEST, error)))
}

/// The entity tags in a header: `W/"a", "b"` or `*`. A comma within quotes separates nothing
/// (RFC 9110 §8.8.3).
pub(super) fn tags(headers: &HeaderMap, name: &header::HeaderName) -> Vec<String> {
    let mut tags = Vec::new();
    for text in headers.get_all(name).iter().filter_map(|value| value.to_str().ok()) {
        let mut quoted = false;
        let parts = text.split(|c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        tags.extend(parts.map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned));
    }
    tags
}

/// Whether two entity tags are the same by the weak comparison (RFC 9110 §8.8.3.2).
pub(super) fn same_tag(one: &str, other: &str) -> bool {
    one.trim_start_matches("W/") == other.trim_start_matches("W/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let check = |path, connector, endpoint, id: Option<&str>| {
            let id = id.map(str::to_owned);
            assert_eq!(Route::of(path), Some(Route { connector, endpoint, id }), "{path}");
        };
        check("/ecma2host_A1/scim/Users", "A1", "Users", None);
        check("/ecma2host_A1/scim/Users/", "A1", "Users", None);
        check("/ecma2host_A1/scim/users/person.7", "A1", "users", Some("person.7"));
        check("/ecma2host_A1/scim/Users/person%2E7", "A1", "Users", Some("person.7"));
        check("/ecma2host_A1/scim/v2/Users/x", "A1", "Users", Some("x"));
        check("/ecma2host_A1/scim/v2", "A1", "", None);
        check("/ecma2host_A1/scim", "A1", "", None);
        for path in
            ["/", "/scim/Users", "/ecma2host_A1", "/ecma2host_A1/scimUsers", "/x/scim/Users"]
        {
            assert_eq!(Route::of(path), None, "{path}");
        }
        assert_eq!(Route::of("/ecma2host_A1/scim/Users/%ff"), None);
    }

    #[test]
    fn entity_tags_are_taken_apart() {
        let check = |values: &[&str], expected: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_MATCH, value.parse().unwrap());
            }
            assert_eq!(tags(&headers, &header::IF_MATCH), expected);
        };
        check(&[], &[]);
        check(&["*"], &["*"]);
        check(&["W/\"a,b\" , \"c\",", "\"d\""], &["W/\"a,b\"", "\"c\"", "\"d\""]);
        assert!(same_tag("W/\"a\"", "\"a\"") && !same_tag("\"a\"", "\"b\""));
    }

    /// A body that never comes.
    struct Silent;

    impl axum::body::HttpBody for Silent {
        type Data = axum::body::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_body_that_is_late_encoded_or_deep_is_refused() {
        let check = async |headers: &[(header::HeaderName, &str)], sent: Body, expected: u16| {
            let pair =
                |(name, value): &(header::HeaderName, &str)| (name.clone(), value.parse().unwrap());
            let headers: HeaderMap = headers.iter().map(pair).collect();
            let limits = BodyLimits { bytes: 1 << 20, time: Duration::from_millis(10) };
            let status =
                body(&headers, sent, limits).await.map_or_else(|r| r.status().as_u16(), |_| 200);
            assert_eq!(status, expected, "{headers:?}");
        };
        check(&[], Body::new(Silent), 408).await;
        for (coding, status) in [("gzip", 415), ("deflate, br", 415), ("", 415), ("Identity", 200)]
        {
            check(&[(header::CONTENT_ENCODING, coding)], Body::from("{}"), status).await;
        }
        let deep = |levels| Body::from(["[".repeat(levels), "]".repeat(levels)].concat());
        check(&[], deep(100), 200).await;
        check(&[], deep(500_000), 400).await;
        check(&[], Body::from("{\"a\":".repeat(100_000)), 400).await;
    }

    #[test]
    fn queries_forgive_case_and_unknown_names() {
        let uri: Uri = "/x?aadOptscim062020&Filter=userName+eq+%22a%40b%22&count=&startindex=3"
            .parse()
            .unwrap();
        let query = Query::of(&uri);
        assert_eq!(query.get("filter"), Some("userName eq \"a@b\""));
        assert_eq!(query.get("count"), None);
        assert_eq!(query.get("startIndex"), Some("3"));
    }
}
