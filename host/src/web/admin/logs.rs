//! The admin API's way to the log: its level, its last lines, and those that come.

use super::{Admin, Answer, json, read, refused};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc, time::Duration};

/// How often it is looked for new lines.
const LOOK: Duration = Duration::from_millis(100);
/// One JSON object a line.
const LINES: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/x-ndjson")];

pub(super) async fn level(State(admin): State<Admin>) -> Response {
    json(&json!({"level": admin.control.telemetry().level()}))
}

#[derive(Deserialize)]
struct Wanted {
    level: String,
}

pub(super) async fn set_level(State(admin): State<Admin>, body: Bytes) -> Answer {
    let Wanted { level } = read(&body)?;
    let telemetry = admin.control.telemetry();
    let before = telemetry.level();
    telemetry.set_level(&level).map_err(|reason| refused(StatusCode::BAD_REQUEST, reason))?;
    tracing::info!(target: "audit", level, before, "An operator set the log's level");
    Ok(json(&json!({"level": level, "before": before})))
}

/// What is kept of the log.
pub(super) async fn lines(State(admin): State<Admin>) -> Response {
    let lines = admin.control.telemetry().recent().since(0).lines;
    (LINES, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).into_response()
}

/// Lines as they come, until the reader goes away or the host ends. One that reads too slowly gets
/// `{"lost": N}` in place of what it missed.
pub(super) async fn follow(State(admin): State<Admin>) -> Response {
    let recent = Arc::clone(admin.control.telemetry().recent());
    let from = recent.end();
    // A piece of nothing first: the reader knows then that it is heard.
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"\n"))]);
    let lines = stream::unfold((recent, from), |(recent, position)| async move {
        loop {
            let more = recent.since(position);
            if !more.lines.is_empty() {
                let lost = (more.lost > 0).then(|| json!({"lost": more.lost}).to_string());
                let lines = lost.iter().map(String::as_str).chain(more.lines.iter().map(|l| &**l));
                let text = lines.map(|line| format!("{line}\n")).collect::<String>();
                return Some((Ok(Bytes::from(text)), (recent, more.next)));
            }
            if recent.is_over() {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    (LINES, Body::from_stream(first.chain(lines))).into_response()
}
