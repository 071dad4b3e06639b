//! HTTP in front: routes, tokens, and the only place that knows status codes.
//!
//! Routes: `/health` for everybody, `/ecma2host_<connector>/scim/…` for whoever has the connector's
//! secret token. Start at [`scim`]'s `answer`.

pub mod admin;
mod auth;
mod bulk;
mod errors;
mod health;
mod inside;
mod query;
mod reply;
mod request;
mod scim;
pub mod server;
pub mod tls;

pub use errors::error_table;
pub use inside::{Inside, Reply};

use crate::{binding::Binding, config::ConnectorName};
use axum::{
    Router,
    body::Body,
    http::{Method, Request},
    response::Response,
    routing::get,
};
use parking_lot::RwLock;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::Service;

/// A connector as requests find it.
#[derive(Clone)]
pub enum Endpoint {
    /// At work.
    Bound(Arc<Binding>),
    /// Its document, its plugin or its values are not right: why.
    Broken(String),
    /// Another binding takes its place right now: requests wait for the next word.
    Turning(watch::Receiver<()>),
}

/// What an operator should know of a connector, whether or not it is at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// `refused`: its document was changed and is not right. `reading`: the target is read for a
    /// changed document, the old one serves. `restart`: only a restart picks something up.
    pub kind: &'static str,
    /// In words, with what to do.
    pub detail: String,
}

/// A connector's endpoint, with what is to be known of it.
#[derive(Clone)]
struct Place {
    endpoint: Endpoint,
    notices: Vec<Notice>,
}

/// A connector that a request found at work.
struct Found {
    binding: Arc<Binding>,
    /// Keeps the binding from ending under a request that may write.
    _stay: Option<TaskTrackerToken>,
}

/// What the routes share.
pub struct Web {
    places: RwLock<BTreeMap<ConnectorName, Place>>,
    body_bytes: usize,
    request_time: Duration,
    requests: Semaphore,
    started: jiff::Timestamp,
    certificates: OnceLock<Arc<tls::Certificates>>,
}

impl Web {
    /// Routes without connectors.
    #[must_use]
    pub fn new(limits: &crate::config::Limits, started: jiff::Timestamp) -> Arc<Web> {
        Arc::new(Web {
            places: RwLock::default(),
            body_bytes: limits.body_bytes,
            request_time: Duration::from_secs(limits.request_seconds),
            requests: Semaphore::new(limits.requests),
            started,
            certificates: OnceLock::new(),
        })
    }

    /// Lets `/health` tell of the certificate that is served.
    pub fn show(&self, certificates: Arc<tls::Certificates>) {
        let _ = self.certificates.set(certificates);
    }

    /// Sets what answers for a connector; what is to be known of it stays.
    pub fn set(&self, name: ConnectorName, endpoint: Endpoint) {
        let mut places = self.places.write();
        let notices = places.remove(&name).map(|place| place.notices).unwrap_or_default();
        places.insert(name, Place { endpoint, notices });
    }

    /// Sets what is to be known of a connector.
    pub fn tell(&self, name: &ConnectorName, notices: Vec<Notice>) {
        if let Some(place) = self.places.write().get_mut(name) {
            place.notices = notices;
        }
    }

    /// Nothing answers for a connector any more.
    pub fn remove(&self, name: &ConnectorName) {
        self.places.write().remove(name);
    }

    /// The binding of this connector, for a request that may write or not.
    async fn find(&self, name: &str, may_write: bool) -> Option<Result<Found, String>> {
        loop {
            // The word that another binding is in place comes after it is: taking the place and
            // staying in it is one step.
            let mut turning = {
                let places = self.places.read();
                match &places.get(name)?.endpoint {
                    Endpoint::Bound(binding) => {
                        let _stay = may_write.then(|| binding.enter());
                        return Some(Ok(Found { binding: Arc::clone(binding), _stay }));
                    }
                    Endpoint::Broken(reason) => return Some(Err(reason.clone())),
                    Endpoint::Turning(turning) => turning.clone(),
                }
            };
            let _ = turning.changed().await;
        }
    }

    fn places(&self) -> Vec<(ConnectorName, Place)> {
        let places = self.places.read();
        places.iter().map(|(name, place)| (name.clone(), place.clone())).collect()
    }

    /// What answers every request.
    #[must_use]
    pub fn front(self: &Arc<Web>) -> Front {
        let routes =
            Router::new().route("/health", get(health::health)).fallback(scim::nothing_here);
        Front { web: Arc::clone(self), routes: routes.with_state(Arc::clone(self)) }
    }

    /// Answers a request for a connector.
    async fn scim(&self, request: Request<Body>) -> Response {
        let Ok(_permit) = self.requests.try_acquire() else {
            return reply::busy("too many requests at once");
        };
        let mut answer = pin!(scim::answer(self, request));
        // Most requests are answered at once: no timer for them.
        let at_once = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
        if let Poll::Ready(response) = at_once {
            return response;
        }
        match tokio::time::timeout(self.request_time, answer).await {
            Ok(response) => response,
            Err(_) => {
                reply::busy("the request took too long; a write under way is finished all the same")
            }
        }
    }
}

/// Answers requests: those for connectors at once, for that is where speed matters, all others by
/// axum's routes.
#[derive(Clone)]
pub struct Front {
    web: Arc<Web>,
    routes: Router,
}

impl Service<Request<Body>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !request::is_for_a_connector(request.uri()) {
            return Box::pin(self.routes.call(request));
        }
        let web = Arc::clone(&self.web);
        let is_head = request.method() == Method::HEAD;
        Box::pin(async move {
            let response = web.scim(request).await;
            Ok(if is_head { reply::without_body(response) } else { response })
        })
    }
}
