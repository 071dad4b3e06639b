//! The admin API: what an operator asks of a running host. It listens where only the host's own account
//! can reach it, a socket in the state folder or a named pipe, and knows no token: permissions are the lock.
//!
//! All answers are JSON; an error is `{"error": "what and what to do"}`. Paths begin with `/v1`.

mod exports;
mod logs;
#[cfg(windows)]
mod pipe;

#[cfg(windows)]
pub use pipe::Pipe;

use super::{Endpoint, Web, health, metrics, reply, scim};
use crate::{binding::Binding, plugins::Row, telemetry::Telemetry};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{future::Future, pin::Pin, sync::Arc};

/// What only the composition root can do.
pub trait Control: Send + Sync + 'static {
    /// Looks at documents, plugins and certificates now.
    fn reload(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// What lies in the plugins folder.
    fn plugins(&self) -> Vec<Row>;
    /// The certificate that is served: `subject`, `names`, `notAfter`, `days` and so on.
    fn certificate(&self) -> Value;
    /// When the certificate that is served expires.
    fn certificate_expires(&self) -> jiff::Timestamp;
    /// Whether the sealing key that is at work opens this, or why not.
    fn opens(&self, sealed: &str) -> Result<(), String>;
    /// The log of the process.
    fn telemetry(&self) -> &Arc<Telemetry>;
    /// The time.
    fn now(&self) -> jiff::Timestamp;
}

/// What the routes share.
#[derive(Clone)]
struct Admin {
    web: Arc<Web>,
    control: Arc<dyn Control>,
}

/// The routes of the admin API.
pub fn routes(web: &Arc<Web>, control: Arc<dyn Control>) -> Router {
    Router::new()
        .route("/v1/health", get(state))
        .route("/v1/reload", post(reload))
        .route("/v1/plugins", get(plugins))
        .route("/v1/certificate", get(certificate))
        .route("/v1/secrets/opens", post(opens))
        .route("/v1/log/level", get(logs::level).post(logs::set_level))
        .route("/v1/log/lines", get(logs::lines))
        .route("/v1/log/follow", get(logs::follow))
        .route("/metrics", get(metrics))
        .route("/v1/connectors/{name}/runs", get(runs))
        .route("/v1/connectors/{name}/sync", post(sync))
        .route("/v1/connectors/{name}/schema", get(schema))
        .route("/v1/connectors/{name}/held", get(held).post(decide))
        .route("/v1/connectors/{name}/exports", post(exports::release))
        .route("/v1/connectors/{name}/scim/{*path}", get(entries))
        .fallback(|| async { refused(StatusCode::NOT_FOUND, "there is no such thing to ask for") })
        .with_state(Admin { web: Arc::clone(web), control })
}

/// Answers on a socket or a pipe until told to stop.
pub async fn serve<L: axum::serve::Listener<Addr: std::fmt::Debug>>(
    listener: L,
    routes: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "The admin socket is not served any more");
    }
}

fn json(value: &Value) -> Response {
    (reply::json_header(), value.to_string()).into_response()
}

/// Why there is no answer, and what to do.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, json(&json!({"error": self.1}))).into_response()
    }
}

type Answer = Result<Response, Refused>;

fn refused(status: StatusCode, reason: impl Into<String>) -> Refused {
    Refused(status, reason.into())
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|e| refused(StatusCode::BAD_REQUEST, e.to_string()))
}

impl Admin {
    /// The binding of a connector that is at work.
    fn binding(&self, name: &str) -> Result<Arc<Binding>, Refused> {
        let place = self.web.places().into_iter().find(|(known, _)| known.as_str() == name);
        match place.map(|(_, place)| place.endpoint) {
            Some(Endpoint::Bound(binding)) => Ok(binding),
            Some(Endpoint::Turning(_)) => {
                Err(refused(StatusCode::SERVICE_UNAVAILABLE, "the connector changes right now"))
            }
            Some(Endpoint::Broken(reason)) => Err(refused(StatusCode::CONFLICT, reason)),
            None => Err(refused(
                StatusCode::NOT_FOUND,
                format!(
                    "there is no connector {name} at work; `ecma-host connectors list` shows which are"
                ),
            )),
        }
    }
}

async fn state(State(admin): State<Admin>) -> Response {
    let mut state = health::state(&admin.web, true);
    state["turnedAway"] = json!(admin.web.doorman.turned_away(""));
    state["pid"] = json!(std::process::id());
    json(&state)
}

async fn reload(State(admin): State<Admin>) -> Response {
    admin.control.reload().await;
    json(&health::state(&admin.web, true))
}

async fn plugins(State(admin): State<Admin>) -> Response {
    json(&json!(admin.control.plugins()))
}

async fn certificate(State(admin): State<Admin>) -> Response {
    json(&admin.control.certificate())
}

#[derive(Deserialize)]
struct Sealed {
    sealed: String,
}

/// Whether the host could use what is sealed so; never what it is.
async fn opens(State(admin): State<Admin>, body: Bytes) -> Answer {
    let Sealed { sealed } = read(&body)?;
    let opened = admin.control.opens(&sealed);
    Ok(json(&json!({"opens": opened.is_ok(), "reason": opened.err()})))
}

async fn metrics(State(admin): State<Admin>) -> Response {
    metrics::answer(&admin.web, &*admin.control)
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn runs(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    Query(After { after }): Query<After>,
) -> Answer {
    let binding = admin.binding(&name)?;
    let status = binding.status();
    let runs: Vec<_> = status.runs().into_iter().filter(|run| run.number > after).collect();
    Ok(json(&json!({
        "runs": runs,
        "importing": status.is_importing().then(|| status.entries_so_far()),
    })))
}

/// What the target said of itself when it was read.
async fn schema(State(admin): State<Admin>, Path(name): Path<String>) -> Answer {
    let binding = admin.binding(&name)?;
    let known = binding.discovered();
    let known = known.map_err(|error| refused(StatusCode::CONFLICT, error.public))?;
    Ok(json(&json!(known.schema)))
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Full,
    Delta,
    Next,
}

#[derive(Deserialize)]
struct Import {
    kind: Kind,
}

/// Asks for an import; answers how many runs there were before it.
async fn sync(State(admin): State<Admin>, Path(name): Path<String>, body: Bytes) -> Answer {
    let (Import { kind }, binding) = (read(&body)?, admin.binding(&name)?);
    let before = binding.status().count();
    let asked = match kind {
        Kind::Full => binding.ask_for_import(true),
        Kind::Delta => binding.ask_for_import(false),
        Kind::Next => {
            binding.run_soon();
            Ok(())
        }
    };
    asked.map_err(|reason| refused(StatusCode::CONFLICT, reason))?;
    tracing::info!(target: "audit", connector = name, "An operator asked for an import");
    Ok(json(&json!({"after": before})))
}

async fn held(State(admin): State<Admin>, Path(name): Path<String>) -> Answer {
    Ok(json(&json!({"held": admin.binding(&name)?.status().held()})))
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Release,
    Discard,
}

#[derive(Deserialize)]
struct Decided {
    action: Decision,
}

/// Lets go what an import held back, or forgets that it did until the next one says so.
async fn decide(State(admin): State<Admin>, Path(name): Path<String>, body: Bytes) -> Answer {
    let (Decided { action }, binding) = (read(&body)?, admin.binding(&name)?);
    let before = binding.status().count();
    let (held, word) = match action {
        Decision::Release => (binding.release(), "released"),
        Decision::Discard => (binding.status().dismiss(), "discarded"),
    };
    if held == 0 {
        return Err(refused(StatusCode::CONFLICT, "nothing is held back"));
    }
    tracing::warn!(target: "audit", connector = name, held, decision = word,
        "An operator decided about removals that were held back");
    Ok(json(&json!({"held": held, "after": before})))
}

/// A read below the connector's SCIM address, without a token.
async fn entries(
    State(admin): State<Admin>,
    Path((name, path)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    if let Err(refused) = admin.binding(&name) {
        return refused.into_response();
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let uri = format!("/ecma2host_{name}/scim/{path}{query}");
    match Request::builder().uri(uri).header("host", "admin.invalid").body(Body::empty()) {
        Ok(request) => scim::answer_trusted(&admin.web, request).await,
        Err(error) => {
            refused(StatusCode::BAD_REQUEST, format!("{path} is no path: {error}")).into_response()
        }
    }
}
