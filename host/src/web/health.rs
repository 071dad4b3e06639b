//! `/health`: whether the host and each connector can do their work. No token, no secrets.

use super::{Endpoint, Notice, Web, folders::without_folders, reply};
use crate::binding::{Binding, HeldExports};
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
    (StatusCode::OK, reply::json_header(), state(&web, false).to_string()).into_response()
}

/// How the host and its connectors stand; for an operator with what is nobody else's business.
pub(super) fn state(web: &Web, is_operator: bool) -> Value {
    let connectors: Vec<Value> = web
        .places()
        .into_iter()
        .map(|(name, place)| {
            let mut notices = place.notices;
            let mut connector = match place.endpoint {
                Endpoint::Broken(reason) => json!({"state": "failed", "detail": reason}),
                Endpoint::Turning(_) => json!({"state": "starting"}),
                Endpoint::Bound(binding) => {
                    notices.extend(held(&binding));
                    let ending = binding.ending_tokens().into_iter();
                    notices.extend(ending.map(|detail| Notice { kind: "token", detail }));
                    let mut connector = of_binding(&binding);
                    if is_operator {
                        connector["workerRestarts"] = json!(binding.worker_restarts());
                        connector["tokens"] = json!(binding.tokens_shown());
                        connector["turnedAway"] = json!(web.doorman.turned_away(name.as_str()));
                    }
                    connector
                }
            };
            connector["name"] = json!(name.as_str());
            if !notices.is_empty() {
                connector["notices"] = json!(notices);
            }
            connector
        })
        .collect();
    let all = |word: &str| connectors.iter().all(|connector| connector["state"] == word);
    let any = |word: &str| connectors.iter().any(|connector| connector["state"] == word);
    let waits = |notice: &Value| notice["kind"] == "refused" || notice["kind"] == "held";
    let of_host = web.notices.read().clone();
    let is_waiting = of_host.iter().any(|notice| notice.kind == "refused")
        || connectors
            .iter()
            .filter_map(|connector| connector["notices"].as_array())
            .any(|notices| notices.iter().any(waits));
    let is_held = connectors.iter().any(|connector| connector["held"].is_number());
    let is_fenced = connectors.iter().any(|connector| connector["exports"].is_object());
    let status = match () {
        () if any("failed") || is_waiting || is_held || is_fenced => "degraded",
        () if all("ready") => "ok",
        () => "starting",
    };
    let mut state = json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "started": web.started.to_string(),
        "connectors": connectors,
    });
    if !of_host.is_empty() {
        state["hostNotices"] = json!(of_host);
    }
    if let Some(certificates) = web.certificates.get() {
        let facts = certificates.facts();
        let days = facts.days(jiff::Timestamp::now());
        state["certificate"] = json!({"notAfter": facts.not_after, "days": days});
    }
    if !is_operator {
        leave_folders_out(&mut state);
    }
    state
}

/// In which folders of this machine files are is the operator's business.
fn leave_folders_out(value: &mut Value) {
    match value {
        Value::String(text) => *text = without_folders(text).into_owned(),
        Value::Array(values) => values.iter_mut().for_each(leave_folders_out),
        Value::Object(values) => values.values_mut().for_each(leave_folders_out),
        _ => (),
    }
}

/// What the export guard holds back.
fn held(binding: &Binding) -> Option<Notice> {
    let HeldExports { since, gone, bound, minutes, refused } = binding.held_exports()?;
    let detail = format!(
        "the export guard holds deletes and disables back since {since}: {gone} went within {minutes} minutes, {bound} may, {refused} were refused since; if they are right, \
         `ecma-host exports release {}` lets them go",
        binding.name()
    );
    Some(Notice { kind: "held", detail })
}

fn of_binding(binding: &Binding) -> Value {
    let mut connector = json!(binding.status().health());
    connector["plugin"] = json!(binding.plugin());
    connector["entries"] = json!(binding.entries());
    if binding.status().held() > 0 {
        connector["held"] = json!(binding.status().held());
    }
    if let Some(held) = binding.held_exports() {
        connector["heldExports"] = json!(held);
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
