//! `/health`: whether the host and each connector can do their work. No token, no secrets.

use super::{Endpoint, Web, reply};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn health(State(web): State<Arc<Web>>) -> Response {
    let connectors: Vec<Value> = web
        .endpoints()
        .into_iter()
        .map(|(name, endpoint)| match endpoint {
            Endpoint::Broken(reason) => {
                json!({"name": name.as_str(), "state": "failed", "detail": reason})
            }
            Endpoint::Bound(binding) => {
                let mut connector = json!(binding.status().health());
                connector["name"] = json!(name.as_str());
                connector["plugin"] = json!(binding.plugin());
                connector["entries"] = json!(binding.entries());
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
        })
        .collect();
    let all = |word: &str| connectors.iter().all(|connector| connector["state"] == word);
    let any = |word: &str| connectors.iter().any(|connector| connector["state"] == word);
    let status = match () {
        () if all("ready") => "ok",
        () if any("failed") => "degraded",
        () => "starting",
    };
    let body = json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "started": web.started.to_string(),
        "connectors": connectors,
    });
    (StatusCode::OK, reply::json_header(), body.to_string()).into_response()
}
