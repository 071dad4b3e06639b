//! The admin API's way to what only the composition root can do, and the place where it listens.

use super::following::Following;
use crate::{
    plugins::Row,
    telemetry::Telemetry,
    web::{Web, admin},
};
use serde_json::Value;
use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// What the admin API may ask for.
pub(super) struct Controls {
    pub(super) following: Arc<Following>,
    pub(super) telemetry: Arc<Telemetry>,
}

impl admin::Control for Controls {
    fn reload(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.following.look(true))
    }

    fn plugins(&self) -> Vec<Row> {
        self.following.fleet.catalog.load().rows()
    }

    fn certificate(&self) -> Value {
        self.following.tls.shown()
    }

    fn certificate_expires(&self) -> jiff::Timestamp {
        self.following.tls.certificates.facts().not_after
    }

    fn opens(&self, sealed: &str) -> Result<(), String> {
        let opened = self.following.fleet.key.load().open(sealed);
        opened.map(drop).map_err(|error| error.to_string())
    }

    fn telemetry(&self) -> &Arc<Telemetry> {
        &self.telemetry
    }

    fn now(&self) -> jiff::Timestamp {
        super::now()
    }
}

/// Where the admin API of the host with this state folder listens. As seen from the working directory
/// where that is shorter: the system's limit for a socket's path is about 100 bytes.
#[cfg(unix)]
#[must_use]
pub fn socket(state: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    state.strip_prefix(here).unwrap_or(state).join("admin.sock")
}

/// Where the admin API of the host with this state folder listens: a pipe's name is no path in a folder,
/// so each folder has its own.
#[cfg(windows)]
#[must_use]
pub fn socket(state: &Path) -> PathBuf {
    use sha2::{Digest as _, Sha256};
    let folder = state.canonicalize().unwrap_or_else(|_| state.to_owned());
    let print = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let print: String = print[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    PathBuf::from(format!(r"\\.\pipe\ecma-host-{print}"))
}

/// Listens on the admin socket until told to stop. Only the host's own account can open it: its folder
/// and the socket itself are closed to all others.
#[cfg(unix)]
pub(super) fn listen(
    state: &Path,
    web: &Arc<Web>,
    controls: Arc<Controls>,
    stop: CancellationToken,
) -> std::io::Result<tokio::task::JoinHandle<()>> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = socket(state);
    // Whoever made it before is gone: this process holds the lock of the folder.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = tokio::net::UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let routes = admin::routes(web, controls);
    Ok(tokio::spawn(async move {
        admin::serve(listener, routes, stop.cancelled_owned()).await;
        let _ = std::fs::remove_file(path);
    }))
}

/// Listens on the admin pipe until told to stop. Only the host's own account, the system and
/// administrators can open it.
#[cfg(windows)]
pub(super) fn listen(
    state: &Path,
    web: &Arc<Web>,
    controls: Arc<Controls>,
    stop: CancellationToken,
) -> std::io::Result<tokio::task::JoinHandle<()>> {
    let pipe = admin::Pipe::make(&socket(state))?;
    let routes = admin::routes(web, controls);
    Ok(tokio::spawn(admin::serve(pipe, routes, stop.cancelled_owned())))
}
