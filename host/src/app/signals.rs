//! The system's signals, or what Windows wants of a service: stop, and read your files again.

#[cfg(windows)]
use super::service::windows as service;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

#[cfg(unix)]
fn listen(kind: SignalKind, name: &str) -> Option<Signal> {
    signal(kind).inspect_err(|error| tracing::warn!(%error, name, "A signal is not heard")).ok()
}

/// Requests to stop: SIGTERM, a stop of the service, and Ctrl-C.
pub(super) struct Stops {
    #[cfg(unix)]
    terminate: Option<Signal>,
}

impl Stops {
    /// From now on they do not end the process by themselves.
    pub(super) fn new() -> Stops {
        Stops {
            #[cfg(unix)]
            terminate: listen(SignalKind::terminate(), "SIGTERM"),
        }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(terminate) = &mut self.terminate {
            return tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            };
        }
        #[cfg(windows)]
        return tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = service::stop() => {}
        };
        #[cfg(unix)]
        drop(tokio::signal::ctrl_c().await);
    }
}

/// Requests to read all files again: SIGHUP, or the control `paramchange` of a service.
pub(super) struct Hangups {
    #[cfg(unix)]
    signal: Option<Signal>,
}

impl Hangups {
    /// From now on a hang-up does not end the process.
    pub(super) fn new() -> Hangups {
        Hangups {
            #[cfg(unix)]
            signal: listen(SignalKind::hangup(), "SIGHUP"),
        }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        #[cfg(windows)]
        return service::reload().await;
        #[cfg(unix)]
        std::future::pending().await
    }
}
