//! Who asks: the token in `Authorization: Bearer`, and what it permits.

use super::reply;
use crate::{
    binding::{Binding, Verdict},
    scim::Error,
};
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use std::sync::Arc;

/// Also for a person with a browser.
const MISSING: &str = "this is a SCIM endpoint of the connector host and it is at work, but the secret \
                       token is missing or wrong; send it as Authorization: Bearer TOKEN";

/// Who asks.
pub(super) struct Client {
    /// What the token is called.
    pub(super) name: Arc<str>,
    pub(super) may_only_read: bool,
}

impl Client {
    /// Whoever may use the admin API.
    pub(super) fn operator() -> Client {
        Client { name: "operator".into(), may_only_read: true }
    }

    /// The answer to what a client that may only read may not do.
    pub(super) fn may_not(&self) -> Response {
        let name = &self.name;
        let detail = format!("the token {name} may only read; to write, use one without read_only");
        reply::error(StatusCode::FORBIDDEN, Error::plain(detail))
    }
}

/// The client whose token the request carries; otherwise the answer. Compared as bytes: Microsoft's
/// documented generator makes tokens with characters outside of RFC 6750's grammar.
pub(super) fn client(binding: &Binding, headers: &HeaderMap) -> Result<Client, Box<Response>> {
    match presented(headers).map_or(Verdict::Unknown, |token| binding.whose(token)) {
        Verdict::Valid(token) => {
            Ok(Client { name: Arc::clone(&token.name), may_only_read: token.read_only })
        }
        Verdict::Expired(token) => {
            let name = &token.name;
            let detail = format!("the token {name} has expired; ask the operator for another one");
            Err(Box::new(reply::unauthorized(detail)))
        }
        Verdict::Unknown => Err(Box::new(reply::unauthorized(MISSING))),
    }
}

fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}
