//! Answers: bodies in SCIM's JSON, and the one table from failures to status codes.
//!
//! | cause | status |
//! |---|---|
//! | the request is wrong | 400, with a scimType where RFC 7644 has one |
//! | no token, a wrong one, an expired one | 401 |
//! | a filter where there is none; a token or an address that may not do this | 403 |
//! | no such resource | 404 |
//! | there is one already | 409 `uniqueness` |
//! | the resource changed | 412 |
//! | not supported by the connector | 501 |
//! | not imported yet, target unreachable, too busy, held by a guard | 503 with `Retry-After` |
//! | the target did not answer in time | 504 |
//! | the target refuses the connector; a fault | 500 |
//!
//! A target that refuses the connector is never 401 or 403: a client takes those as being about its
//! own token and stops the whole job.

use super::folders::without_folders;
use crate::{
    binding::{Cause, Failure, Shown},
    scim::{Error, ErrorBody, Resource, ScimType},
};
use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::body::{Frame, SizeHint};
use serde::Serialize;
use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

/// An answer, or the answer that says why there is none.
pub(super) type Answer = Result<Response, Box<Response>>;

const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");

/// The header of plain JSON.
pub(super) fn json_header() -> [(header::HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]
}

/// A body in SCIM's JSON.
pub(super) struct ScimJson<T>(pub(super) StatusCode, pub(super) T);

impl<T: Serialize> IntoResponse for ScimJson<T> {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.1).expect("what we answer is JSON");
        (self.0, [(header::CONTENT_TYPE, SCIM_JSON)], body).into_response()
    }
}

/// A body that is SCIM's JSON already.
pub(super) fn scim_text(body: Vec<u8>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, SCIM_JSON);
    response
}

/// A body that is handed over piece by piece: a long one is never copied, nor written in one go.
struct Pieces {
    rest: VecDeque<Bytes>,
    bytes: u64,
}

/// Bytes of a piece at most.
const PIECE: usize = 64 << 10;

fn in_pieces(mut parts: Vec<Vec<u8>>) -> Body {
    if let [part] = &mut parts[..] {
        return std::mem::take(part).into();
    }
    let (mut rest, mut bytes) = (VecDeque::new(), 0);
    for mut part in parts.into_iter().map(Bytes::from) {
        bytes += part.len() as u64;
        while !part.is_empty() {
            rest.push_back(part.split_to(part.len().min(PIECE)));
        }
    }
    Body::new(Pieces { rest, bytes })
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.rest.pop_front();
        self.bytes -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}

/// The answer to HEAD: that to GET, its length told and its body left out (RFC 9110 §9.3.2).
pub(super) fn without_body(mut response: Response) -> Response {
    let body = std::mem::take(response.body_mut());
    if let Some(length) = HttpBody::size_hint(&body).exact() {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

/// An error body.
pub(super) fn error(status: StatusCode, error: Error) -> Response {
    ScimJson(status, ErrorBody::new(status.as_str(), error)).into_response()
}

/// The answer to what failed.
pub(super) fn failed(failure: Failure) -> Box<Response> {
    Box::new(failure.into_response())
}

/// The answer to what is wrong in a request.
pub(super) fn wrong(error: Error) -> Box<Response> {
    failed(error.into())
}

/// Too much at once; come back soon.
pub(super) fn busy(why: &str) -> Response {
    Failure::new(Cause::Busy, why).into_response()
}

/// No token, or one of no use.
pub(super) fn unauthorized(detail: impl Into<String>) -> Response {
    let mut response = error(StatusCode::UNAUTHORIZED, Error::plain(detail));
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// The method is not one of these.
pub(super) fn not_allowed(allowed: &'static str) -> Response {
    let detail = format!("the method is not one of {allowed}");
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, Error::plain(detail));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

fn meta(resource: &Resource, name: &str) -> Option<HeaderValue> {
    let text = resource.as_map().get("meta").and_then(|meta| meta.get(name)?.as_str());
    text.and_then(|text| HeaderValue::from_str(text).ok())
}

/// The version of a resource, for `ETag`.
pub(super) fn version(resource: &Resource) -> Option<HeaderValue> {
    meta(resource, "version")
}

/// What is shown of a resource, with its version and, for a new one, its place.
///
/// `text` is the JSON of what the client wants to see of it, long lists apart.
pub(super) fn resource(status: StatusCode, shown: Shown, text: Vec<u8>) -> Response {
    let location = meta(&shown.resource, "location").filter(|_| status == StatusCode::CREATED);
    let version = version(&shown.resource);
    let mut response = Response::new(in_pieces(shown.pieces(text)));
    response.headers_mut().insert(header::CONTENT_TYPE, SCIM_JSON);
    *response.status_mut() = status;
    if let Some(version) = version {
        response.headers_mut().insert(header::ETAG, version);
    }
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Done, and nothing more to say but the version.
pub(super) fn done(version: &str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(version) = HeaderValue::from_str(version) {
        response.headers_mut().insert(header::ETAG, version);
    }
    response
}

/// The status and the error of a failure.
pub(super) fn judged(failure: Failure) -> (StatusCode, Error) {
    let (status, scim_type) = match failure.cause {
        Cause::Request(scim_type) => (StatusCode::BAD_REQUEST, scim_type),
        Cause::NotFound => (StatusCode::NOT_FOUND, None),
        Cause::Exists => (StatusCode::CONFLICT, Some(ScimType::Uniqueness)),
        Cause::Version => (StatusCode::PRECONDITION_FAILED, None),
        Cause::Unsupported => (StatusCode::NOT_IMPLEMENTED, None),
        Cause::NotReady | Cause::Busy | Cause::Held | Cause::Unreachable => {
            (StatusCode::SERVICE_UNAVAILABLE, None)
        }
        Cause::Timeout => (StatusCode::GATEWAY_TIMEOUT, None),
        Cause::Refused | Cause::Internal => (StatusCode::INTERNAL_SERVER_ERROR, None),
    };
    // What is wrong in a request is told in the client's own words.
    let detail = match status.is_server_error() {
        true => without_folders(&failure.public).into_owned(),
        false => failure.public,
    };
    (status, Error { scim_type, detail })
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after;
        let (status, judged) = judged(self);
        let mut response = error(status, judged);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
