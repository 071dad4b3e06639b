//! What the host tells the supervisor that started it, in systemd's protocol or as a service of Windows:
//! that it serves, reloads or stops, and that it lives. Without a supervisor it tells nobody.

#[cfg(windows)]
pub(super) mod windows;

#[cfg(windows)]
pub(super) use windows::tell;

use crate::web::Web;
use std::{sync::Arc, time::Duration};

/// What the host does, as a supervisor wants to know it.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(windows, expect(dead_code, reason = "Windows shows no words"))]
pub(super) enum Phase<'a> {
    /// It serves; in words.
    Serving(&'a str),
    /// It reads its files again.
    Reloading,
    /// It comes to its end; what it waits for.
    Stopping(&'a str),
}

/// Tells the supervisor, if there is one.
#[cfg(unix)]
pub(super) fn tell(phase: Phase<'_>) {
    use sd_notify::NotifyState;
    let states = match phase {
        Phase::Serving(status) => vec![NotifyState::Ready, NotifyState::Status(status)],
        Phase::Reloading => {
            let mut states = vec![NotifyState::Reloading];
            states.extend(NotifyState::monotonic_usec_now());
            states
        }
        Phase::Stopping(status) => vec![NotifyState::Stopping, NotifyState::Status(status)],
    };
    if let Err(error) = sd_notify::notify(&states) {
        tracing::warn!(%error, "The supervisor could not be told");
    }
}

/// How long the supervisor waits for a sign of life before it ends the host.
#[cfg(unix)]
fn patience() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// Windows looks at whether the process is there, and at no more.
#[cfg(windows)]
fn patience() -> Option<Duration> {
    None
}

#[cfg(unix)]
fn give_sign() {
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]) {
        tracing::warn!(%error, "The supervisor could not be told");
    }
}

#[cfg(windows)]
fn give_sign() {}

/// Gives a sign of life twice in the supervisor's time, each time that the host has shown that it does
/// its work. Never ends; ends at once where nobody waits for it.
pub(super) async fn live(web: Arc<Web>) {
    let Some(patience) = patience() else { return };
    let mut turns = tokio::time::interval(patience / 2);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        match tokio::time::timeout(patience / 2, web.pulse()).await {
            Ok(Ok(())) => give_sign(),
            Ok(Err(reason)) => tracing::error!(reason, "No sign of life for the supervisor"),
            Err(_) => tracing::error!(
                reason = "the host does not answer itself",
                "No sign of life for the supervisor"
            ),
        }
    }
}
