//! The host as a service of Windows: what the service control manager wants reaches it as signals do
//! elsewhere, and the manager is told how far the host is.

use super::Phase;
use anyhow::Context as _;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::sync::Notify;
use windows_service::{
    service::{
        ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus,
        ServiceType,
    },
    service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle},
    service_dispatcher,
};

/// Windows does not look at it for a service that has its process for itself: an operator may choose
/// another name, and have several hosts.
const NAME: &str = "ecma-host";
/// How long the host may take to its next stage before somebody who waits for it takes it for hung.
const PENDING: Duration = Duration::from_secs(60);

type Host = Box<dyn FnOnce() -> anyhow::Result<()> + Send>;

// The entry point that Windows calls has no room for anything of ours.
static HOST: Mutex<Option<Host>> = Mutex::new(None);
static SERVICE: Mutex<Option<Service>> = Mutex::new(None);
static STOPS: Notify = Notify::const_new();
static RELOADS: Notify = Notify::const_new();

/// What the manager knows of this process.
struct Service {
    handle: ServiceStatusHandle,
    stage: Stage,
}

/// How far the host is; there is no way back.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Stage {
    Starting,
    Running,
    Stopping,
    /// With the error that the manager is told, 0 for none.
    Stopped(u32),
}

impl Stage {
    fn status(self) -> ServiceStatus {
        let (state, accepted, wait) = match self {
            Stage::Starting => (ServiceState::StartPending, ServiceControlAccept::empty(), PENDING),
            Stage::Running => (
                ServiceState::Running,
                // The system waits longer for who wants to know before it shuts down, and asks no more then.
                ServiceControlAccept::STOP
                    | ServiceControlAccept::PRESHUTDOWN
                    | ServiceControlAccept::PARAM_CHANGE,
                Duration::ZERO,
            ),
            Stage::Stopping => (ServiceState::StopPending, ServiceControlAccept::empty(), PENDING),
            Stage::Stopped(_) => {
                (ServiceState::Stopped, ServiceControlAccept::empty(), Duration::ZERO)
            }
        };
        ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: state,
            controls_accepted: accepted,
            exit_code: match self {
                Stage::Stopped(error @ 1..) => ServiceExitCode::ServiceSpecific(error),
                _ => ServiceExitCode::NO_ERROR,
            },
            checkpoint: u32::from(!wait.is_zero()),
            wait_hint: wait,
            process_id: None,
        }
    }
}

/// Tells the manager, if this is a service, unless it knows of a later stage.
fn reach(stage: Stage) {
    let mut service = SERVICE.lock();
    let Some(service) = service.as_mut().filter(|service| service.stage < stage) else { return };
    service.stage = stage;
    if let Err(error) = service.handle.set_service_status(stage.status()) {
        tracing::warn!(%error, "The service control manager could not be told");
    }
}

/// Runs the host as the service that Windows has started this process for; comes back when it has
/// stopped. How it ended is the manager's to know.
pub fn as_service(
    host: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<()> {
    *HOST.lock() = Some(Box::new(host));
    service_dispatcher::start(NAME, entry)
        .context("only Windows starts a service, as by `sc.exe start`; leave --service out here")
}

/// Where Windows enters. The arguments, those of `sc.exe start`, are not looked at, and so nothing here
/// leaves the safe language: docs/decisions/0020-a-service-of-windows.md.
extern "system" fn entry(_: u32, _: *mut *mut u16) {
    let Some(host) = HOST.lock().take() else { return };
    // Without a handle there is nobody to be told anything.
    let Ok(handle) = service_control_handler::register(NAME, obey) else { return };
    *SERVICE.lock() = Some(Service { handle, stage: Stage::Starting });
    let _ = handle.set_service_status(Stage::Starting.status());
    let ended = host();
    reach(Stage::Stopped(u32::from(ended.is_err())));
}

/// Does what the manager wants. Without values of its own, since `windows-service` frees those of a
/// closure at the first stop.
fn obey(control: ServiceControl) -> ServiceControlHandlerResult {
    match control {
        ServiceControl::Interrogate => {}
        ServiceControl::Stop | ServiceControl::Preshutdown | ServiceControl::Shutdown => {
            // Told before this returns: then the manager passes nothing on any more.
            reach(Stage::Stopping);
            STOPS.notify_one();
        }
        ServiceControl::ParamChange => RELOADS.notify_one(),
        _ => return ServiceControlHandlerResult::NotImplemented,
    }
    ServiceControlHandlerResult::NoError
}

/// Waits until the manager wants the host to stop.
pub(in crate::app) async fn stop() {
    STOPS.notified().await;
}

/// Waits until the manager wants the host to read its files again.
pub(in crate::app) async fn reload() {
    RELOADS.notified().await;
}

/// Tells the manager, if this is a service. It knows no words, and nothing of reloading.
pub(in crate::app) fn tell(phase: Phase<'_>) {
    match phase {
        Phase::Serving(_) => reach(Stage::Running),
        Phase::Reloading => {}
        Phase::Stopping(_) => reach(Stage::Stopping),
    }
}
