//! HTTP in front: routes, tokens, and the only place that knows status codes.
//!
//! Routes: `/health` for everybody, `/ecma2host_<connector>/scim/…` for whoever has the connector's
//! secret token. Start at [`scim`]'s `answer`.

mod auth;
mod health;
mod reply;
mod request;
mod scim;
pub mod server;
pub mod tls;

use crate::{binding::Binding, config::ConnectorName};
use axum::{Router, extract::State, http::Request, response::Response, routing::get};
use parking_lot::RwLock;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// A connector as requests find it.
#[derive(Clone)]
pub enum Endpoint {
    /// At work.
    Bound(Arc<Binding>),
    /// Its document, its plugin or its values are not right: why.
    Broken(String),
}

/// What the routes share.
pub struct Web {
    endpoints: RwLock<BTreeMap<ConnectorName, Endpoint>>,
    body_bytes: usize,
    request_time: Duration,
    requests: Semaphore,
    started: jiff::Timestamp,
}

impl Web {
    /// Routes without connectors.
    #[must_use]
    pub fn new(limits: &crate::config::Limits, started: jiff::Timestamp) -> Arc<Web> {
        Arc::new(Web {
            endpoints: RwLock::default(),
            body_bytes: limits.body_bytes,
            request_time: Duration::from_secs(limits.request_seconds),
            requests: Semaphore::new(limits.requests),
            started,
        })
    }

    /// Sets what answers for a connector.
    pub fn set(&self, name: ConnectorName, endpoint: Endpoint) {
        self.endpoints.write().insert(name, endpoint);
    }

    fn endpoint(&self, name: &str) -> Option<Endpoint> {
        let name: ConnectorName = name.parse().ok()?;
        self.endpoints.read().get(&name).cloned()
    }

    fn endpoints(&self) -> Vec<(ConnectorName, Endpoint)> {
        let endpoints = self.endpoints.read();
        endpoints.iter().map(|(name, endpoint)| (name.clone(), endpoint.clone())).collect()
    }

    /// The router.
    pub fn router(self: &Arc<Web>) -> Router {
        Router::new()
            .route("/health", get(health::health))
            .fallback(route)
            .with_state(Arc::clone(self))
    }
}

async fn route(State(web): State<Arc<Web>>, request: Request<axum::body::Body>) -> Response {
    let Ok(_permit) = web.requests.try_acquire() else {
        return reply::busy("too many requests at once");
    };
    match tokio::time::timeout(web.request_time, scim::answer(&web, request)).await {
        Ok(response) => response,
        Err(_) => {
            reply::busy("the request took too long; a write under way is finished all the same")
        }
    }
}
