//! `/health`: whether the host and each connector can do their work. No token, no secrets.

use super::{Endpoint, Web, reply};
use crate::binding::Binding;
use axum::{
    body::Body,
    extract::State,
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

impl Web {
    /// Whether the host does its work: it answers itself, finds threads for imports, and the schedulers
    /// of its connectors turn. If not, why.
    pub async fn pulse(self: &Arc<Web>) -> Result<(), String> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = axum::http::Uri::from_static("/health");
        let Ok(answer) = self.front().oneshot(request).await;
        if answer.status() != StatusCode::OK {
            return Err(format!("/health is answered with {}", answer.status()));
        }
        tokio::task::spawn_blocking(|| ()).await.map_err(|error| error.to_string())?;
        for (name, place) in self.places() {
            if let Endpoint::Bound(binding) = place.endpoint
                && binding.stands_still()
            {
                return Err(format!("the scheduler of {name} stands still"));
            }
        }
        Ok(())
    }
}

pub(super) async fn health(State(web): State<Arc<Web>>) -> Response {
    (StatusCode::OK, reply::json_header(), state(&web).to_string()).into_response()
}

/// How the host and its connectors stand.
pub(super) fn state(web: &Web) -> Value {
    let connectors: Vec<Value> = web
        .places()
        .into_iter()
        .map(|(name, place)| {
            let mut connector = match place.endpoint {
                Endpoint::Broken(reason) => json!({"state": "failed", "detail": reason}),
                Endpoint::Turning(_) => json!({"state": "starting"}),
                Endpoint::Bound(binding) => of_binding(&binding),
            };
            connector["name"] = json!(name.as_str());
            if !place.notices.is_empty() {
                connector["notices"] = json!(place.notices);
            }
            connector
        })
        .collect();
    let all = |word: &str| connectors.iter().all(|connector| connector["state"] == word);
    let any = |word: &str| connectors.iter().any(|connector| connector["state"] == word);
    let is_refused =
        connectors.iter().any(|connector| connector["notices"][0]["kind"] == "refused");
    let is_fenced = connectors.iter().any(|connector| connector["exports"].is_object());
    let status = match () {
        () if any("failed") || is_refused || is_fenced => "degraded",
        () if all("ready") => "ok",
        () => "starting",
    };
    json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "started": web.started.to_string(),
        "connectors": connectors,
    })
}

fn of_binding(binding: &Binding) -> Value {
    let mut connector = json!(binding.status().health());
    connector["plugin"] = json!(binding.plugin());
    connector["entries"] = json!(binding.entries());
    if binding.status().held() > 0 {
        connector["held"] = json!(binding.status().held());
    }
    if let Some(fenced) = binding.fenced() {
        connector["exports"] = json!(fenced);
    }
    if let Some(run) = binding.status().runs().last() {
        // What went wrong in a run is the operator's business: the log has it.
        connector["lastRun"] = json!({
            "kind": run.kind, "began": run.began, "seconds": run.seconds,
            "outcome": run.outcome, "added": run.added, "changed": run.changed,
            "unchanged": run.unchanged, "removed": run.removed,
            "refused": run.refused, "held": run.held,
        });
    }
    connector
}
