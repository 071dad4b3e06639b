//! Letting go what the export guard holds back.

use super::{Admin, Answer, json, read, refused};
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Release {
    /// How many; as many as the bound when absent.
    count: Option<u64>,
}

/// Lets deletes and disables go; answers how many.
pub(super) async fn release(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let (Release { count }, binding) = (read(&body)?, admin.binding(&name)?);
    let released =
        binding.release_exports(count).map_err(|reason| refused(StatusCode::CONFLICT, reason))?;
    tracing::warn!(target: "audit", connector = name, released,
        "An operator let deletes and disables go");
    Ok(json(&json!({"connector": name, "released": released})))
}
