//! `/health`: whether the host and each connector can do their work. No token, no secrets.

use super::{Endpoint, Web, reply};
use crate::binding::Binding;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::Arc;

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
    let status = match () {
        () if any("failed") || is_refused => "degraded",
        () if all("ready") => "ok",
        () => "starting",
    };
    let mut state = json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "started": web.started.to_string(),
        "connectors": connectors,
    });
    if let Some(certificates) = web.certificates.get() {
        let facts = certificates.facts();
        let days = facts.days(jiff::Timestamp::now());
        state["certificate"] = json!({"notAfter": facts.not_after, "days": days});
    }
    state
}

fn of_binding(binding: &Binding) -> Value {
    let mut connector = json!(binding.status().health());
    connector["plugin"] = json!(binding.plugin());
    connector["entries"] = json!(binding.entries());
    if binding.status().held() > 0 {
        connector["held"] = json!(binding.status().held());
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
