//! HTTP in front: routes, tokens, and the only place that knows status codes.
//!
//! Routes: `/health` for everybody, `/ecma2host_<connector>/scim/…` for whoever has the connector's
//! secret token. Start at [`scim`]'s `answer`.

mod addresses;
pub mod admin;
mod auth;
mod bulk;
mod errors;
mod folders;
mod health;
mod inside;
pub mod metrics;
mod query;
mod reply;
mod request;
mod scim;
pub mod server;
mod strangers;
pub mod tls;
mod traffic;

pub use errors::error_table;
pub use folders::leave_out_folders;
pub use inside::{Inside, Reply};

use crate::{
    binding::Binding,
    config::{Addresses, ConnectorName},
};
use addresses::Doorman;
use arc_swap::ArcSwap;
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
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};
use tower::Service;
use tracing::Instrument as _;
use traffic::{Begun, Traffic};

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
    /// changed document, the old one serves. `restart`: only a restart picks something up. `held`: the
    /// export guard waits for an operator. `token`: a token ends soon, or has ended.
    pub kind: &'static str,
    /// In words, with what to do.
    pub detail: String,
}

/// A connector's endpoint, with what is to be known of it.
#[derive(Clone)]
struct Place {
    endpoint: Endpoint,
    notices: Vec<Notice>,
    traffic: Arc<Traffic>,
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
    /// Where requests for anything may come from.
    allow: ArcSwap<Addresses>,
    doorman: Doorman,
    body: request::BodyLimits,
    request_time: Duration,
    requests: Semaphore,
    /// Requests in flight at most.
    most: usize,
    /// Of what was asked of no connector.
    elsewhere: Traffic,
    /// What is to be known of the host.
    notices: RwLock<Vec<Notice>>,
    /// Nobody waits for answers any more.
    ended: CancellationToken,
    started: jiff::Timestamp,
    certificates: OnceLock<Arc<tls::Certificates>>,
    /// Whose certificates were refused.
    strangers: Arc<strangers::Strangers>,
}

impl Web {
    /// Routes without connectors.
    #[must_use]
    pub fn new(limits: &crate::config::Limits, started: jiff::Timestamp) -> Arc<Web> {
        Arc::new(Web {
            places: RwLock::default(),
            allow: ArcSwap::default(),
            doorman: Doorman::default(),
            body: request::BodyLimits {
                bytes: limits.body_bytes,
                time: Duration::from_secs(limits.body_seconds),
            },
            request_time: Duration::from_secs(limits.request_seconds),
            requests: Semaphore::new(limits.requests),
            most: limits.requests,
            elsewhere: Traffic::default(),
            notices: RwLock::default(),
            ended: CancellationToken::new(),
            started,
            certificates: OnceLock::new(),
            strangers: Arc::default(),
        })
    }

    /// Answers only requests from these addresses, whatever they are for.
    pub fn allow(&self, addresses: Addresses) {
        self.allow.store(Arc::new(addresses));
    }

    /// Lets `/health` tell of the certificate that is served.
    pub fn show(&self, certificates: Arc<tls::Certificates>) {
        let _ = self.certificates.set(certificates);
    }

    /// Sets what answers for a connector; what is to be known of it stays.
    pub fn set(&self, name: ConnectorName, endpoint: Endpoint) {
        let mut places = self.places.write();
        let known = places.remove(&name);
        let (notices, traffic) =
            known.map(|place| (place.notices, place.traffic)).unwrap_or_default();
        places.insert(name, Place { endpoint, notices, traffic });
    }

    /// Sets what is to be known of the host as a whole.
    pub fn tell_host(&self, notices: Vec<Notice>) {
        *self.notices.write() = notices;
    }

    /// Counts an answer of this connector, or of none.
    fn count(&self, connector: Option<&str>, note: impl FnOnce(&Traffic)) {
        let places = self.places.read();
        let place = connector.and_then(|name| places.get(name));
        note(place.map_or(&self.elsewhere, |place| &place.traffic));
    }

    /// Requests in flight.
    fn in_flight(&self) -> usize {
        self.most.saturating_sub(self.requests.available_permits())
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

    /// Answers every request that still waits: the host ends now.
    pub fn end(&self) {
        self.ended.cancel();
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

    /// Whether anybody is served.
    pub(crate) fn has_connectors(&self) -> bool {
        !self.places.read().is_empty()
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
        tokio::select! {
            biased;
            answered = tokio::time::timeout(self.request_time, answer) => answered.unwrap_or_else(|_| {
                reply::busy("the request took too long; a write under way is finished all the same")
            }),
            () = self.ended.cancelled() => {
                reply::busy("the host stops; whether a write under way was made is not known")
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
        let (web, begun) = (Arc::clone(&self.web), Begun::of(&request));
        let allow = web.allow.load();
        if let Some(refused) = web.doorman.turn_away(&allow, request.extensions(), "") {
            return Box::pin(std::future::ready(Ok(begun.end(&web, refused))));
        }
        if !request::is_for_a_connector(request.uri()) {
            let answer = self.routes.call(request);
            return Box::pin(async move { Ok(begun.end(&web, answer.await?)) });
        }
        let is_head = request.method() == Method::HEAD;
        Box::pin(async move {
            let response = web.scim(request).instrument(begun.span.clone()).await;
            let response = begun.end(&web, response);
            Ok(if is_head { reply::without_body(response) } else { response })
        })
    }
}
