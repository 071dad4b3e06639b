//! Asking the routes from within the process: no socket, no TLS, the same answers.

use super::{Front, Web};
use crate::config::{ConnectorName, Secret};
use axum::{
    body::Body,
    http::{Method, Request, header},
};
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

/// To whom requests are addressed; nobody has this name (RFC 6761 §6.4).
const HOST: &str = "simulate.invalid";

/// A client of one connector.
pub struct Inside {
    front: Front,
    path: String,
    token: Secret,
}

/// What the routes answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The header `Location`.
    pub location: Option<String>,
    /// The body; null when there is none, text when it is not JSON.
    pub body: Value,
}

impl Inside {
    /// A client of this connector, with its token.
    #[must_use]
    pub fn new(web: &Arc<Web>, name: &ConnectorName, token: Secret) -> Inside {
        Inside { front: web.front(), path: format!("/ecma2host_{name}/scim"), token }
    }

    /// The connector's URL, as answers have it.
    #[must_use]
    pub fn base(&self) -> String {
        format!("https://{HOST}{}", self.path)
    }

    /// Sends a request to a path below the connector's URL.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.path))
            .header(header::HOST, HOST)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .header(header::CONTENT_TYPE, "application/scim+json")
            .body(body.map_or_else(Body::empty, |json| Body::from(json.to_string())));
        let request = match request {
            Ok(request) => request,
            Err(error) => return broken(&format!("{path} is no URL: {error}")),
        };
        let Ok(response) = self.front.clone().oneshot(request).await;
        let (head, body) = response.into_parts();
        let bytes = match axum::body::to_bytes(body, usize::MAX).await {
            Ok(bytes) => bytes,
            Err(error) => return broken(&format!("the answer broke off: {error}")),
        };
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
        };
        let location = head.headers.get(header::LOCATION).and_then(|text| text.to_str().ok());
        Reply { status: head.status.as_u16(), location: location.map(str::to_owned), body }
    }
}

/// No answer at all.
fn broken(why: &str) -> Reply {
    Reply { status: 0, location: None, body: Value::from(why) }
}
