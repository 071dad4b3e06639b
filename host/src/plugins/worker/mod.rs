//! Plugins in a process of their own: the second way to a plugin, beside its library.
//!
//! The host starts itself as a worker, one for each connector, which loads the plugin and carries
//! bytes between its pipes and the waist (`child.rs`). The host's side is [`Isolated`] with its
//! sessions (`session.rs`) and the process it has at the moment (`running.rs`). What goes over the
//! pipes is `frame.rs`. A worker that ended is replaced when the next question or connection comes,
//! after a pause when it ended before (`pauses.rs`).

mod child;
pub mod frame;
mod limits;
mod noise;
mod orders;
mod pauses;
mod running;
mod session;

pub use child::run;
pub use orders::Orders;

use crate::config::{Secret, WorkerLimits};
use ecma_plugin_sdk::{Error, ErrorKind, Info, Result, Session, Transport};
use parking_lot::Mutex;
use pauses::Pauses;
use running::{Frames, Running};
use session::Talk;
use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{log, refusal::Refusal, shadow::Copy, shelf::Newest};

/// A pause that is so short is waited out: what was under way in a worker that ended can be looked
/// up then.
const WAITED_OUT: Duration = Duration::from_secs(2);

/// Variables of the host that every worker has. The loader's search path is among them since a
/// library was always found by it; there are no secrets in it.
const INHERITED: [&str; 8] =
    ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP"];
/// And on Windows these, where its own libraries look for their files.
const OF_WINDOWS: [&str; 5] = ["SYSTEMDRIVE", "WINDIR", "PROGRAMDATA", "USERPROFILE", "TMP"];

/// Whether a worker has this variable of the host. Windows looks at no case, and writes `Path`.
fn is_inherited(name: &str) -> bool {
    let known = if cfg!(windows) {
        let mut all = INHERITED.iter().chain(&OF_WINDOWS);
        all.any(|known| known.eq_ignore_ascii_case(name))
    } else {
        INHERITED.contains(&name)
    };
    known || name.starts_with("LC_")
}

/// What surrounds a connector's worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The connector's name, for lists of processes and for the log.
    pub connector: String,
    /// What it may take.
    pub limits: WorkerLimits,
    /// Variables it has beside `PATH` and its like.
    pub environment: Vec<(String, Secret)>,
}

impl Surroundings {
    fn command(&self, program: &Path, level: u8, library: &Copy) -> Command {
        let (limits, prerequisites) = (self.limits, &library.prerequisites);
        let orders = Orders::new(&self.connector, limits, level, &library.plugin, prerequisites);
        let mut command = Command::new(program);
        command.args(orders.words()).env_clear();
        let host = std::env::vars_os();
        command.envs(host.filter(|(name, _)| name.to_str().is_some_and(is_inherited)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value.expose())));
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            // What a terminal says to the host is not for its workers: they end with it.
            command.arg0("ecma-host").process_group(0);
        }
        #[cfg(windows)]
        {
            use std::os::windows::process::CommandExt as _;
            const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
            // Ctrl-C is for the host alone, too.
            command.creation_flags(CREATE_NEW_PROCESS_GROUP);
        }
        command
    }

    fn start(
        &self,
        program: &Path,
        plugin: &str,
        library: &Copy,
    ) -> io::Result<(Arc<Running>, Frames)> {
        let (level, limits) = (log::level(), self.limits);
        let command = self.command(program, level, library);
        Running::start(command, &self.connector, plugin, level, move |status| {
            explained(limits, status)
        })
    }
}

/// What a limit has to do with how a process ended.
#[cfg(unix)]
fn explained(limits: WorkerLimits, status: &ExitStatus) -> String {
    use rustix::process::Signal;
    use std::os::unix::process::ExitStatusExt as _;
    let ended_by = |signal: Signal| status.signal() == Some(signal.as_raw());
    if limits.cpu_seconds > 0 && ended_by(Signal::XCPU) {
        return format!(", it has used its {} seconds of a processor", limits.cpu_seconds);
    }
    if ended_by(Signal::ABORT) || ended_by(Signal::SEGV) {
        return super::refusal::want_of_memory(limits.memory_mb);
    }
    String::new()
}

#[cfg(not(unix))]
fn explained(_: WorkerLimits, _: &ExitStatus) -> String {
    String::new()
}

/// The program that is started as a worker: this one, as it was when it started.
#[must_use]
pub fn program() -> PathBuf {
    // After an upgrade the file at our path is another program, which may say other frames. On Windows
    // this would be a path that anybody may make, and a program that runs is not replaced.
    let running = PathBuf::from("/proc/self/exe");
    if cfg!(unix) && running.exists() {
        running
    } else {
        std::env::current_exe().unwrap_or(running)
    }
}

/// Loads a library in a worker that is thrown away, and answers who the plugin is.
pub(super) fn try_out(program: &Path, name: &str, library: &Copy) -> Result<Info, Refusal> {
    let surroundings = Surroundings::default();
    let (running, first) = surroundings
        .start(program, name, library)
        .map_err(|error| Refusal::NoProcess(error.to_string()))?;
    let info = running.wait(&first);
    running.close();
    info
}

/// The way to a plugin in a process of its own.
pub(super) struct Isolated {
    program: PathBuf,
    plugin: String,
    newest: Newest,
    surroundings: Surroundings,
    current: Mutex<Option<Arc<Running>>>,
    /// Held while a worker is started.
    pauses: Mutex<Pauses>,
    /// Workers so far.
    started: AtomicU64,
}

impl Isolated {
    pub(super) fn new(
        program: PathBuf,
        plugin: String,
        newest: Newest,
        surroundings: Surroundings,
    ) -> Isolated {
        let (current, pauses) = (Mutex::default(), Mutex::default());
        let started = AtomicU64::new(0);
        Isolated { program, plugin, newest, surroundings, current, pauses, started }
    }

    fn ready(&self) -> Option<Arc<Running>> {
        self.current.lock().clone().filter(|running| running.is_ready())
    }

    /// The worker, started when there is none.
    fn worker(&self) -> Result<Arc<Running>> {
        if let Some(running) = self.ready() {
            return Ok(running);
        }
        let mut pauses = self.pauses.lock();
        if let Some(running) = self.ready() {
            return Ok(running);
        }
        let before = self.current.lock().take();
        if let Some(ended) = before.as_ref().and_then(|b| b.ended()).filter(|e| e.crashed) {
            pauses.ended(ended.at, ended.lived);
        }
        let left = pauses.left(Instant::now());
        if left > WAITED_OUT {
            return Err(Error::unreachable(format!(
                "the plugin's process ended {} times in a row; the next try is in {} s",
                pauses.crashes(),
                left.as_secs() + 1
            )));
        }
        thread::sleep(left);
        self.start().map_err(|refusal| {
            *self.current.lock() = None;
            pauses.ended(Instant::now(), Duration::ZERO);
            Error::unreachable(format!("the plugin cannot be started: {refusal}"))
        })
    }

    fn start(&self) -> Result<Arc<Running>, Refusal> {
        let library = Arc::clone(&self.newest.lock());
        let (running, first) = self
            .surroundings
            .start(&self.program, &self.plugin, &library)
            .map_err(|error| Refusal::NoProcess(error.to_string()))?;
        // At once: it can be ended while it loads.
        *self.current.lock() = Some(Arc::clone(&running));
        let memory_mb = self.surroundings.limits.memory_mb;
        let info = running.wait(&first).map_err(|refusal| refusal.under_limit(memory_mb))?;
        self.started.fetch_add(1, Ordering::Relaxed);
        let connector = &self.surroundings.connector;
        tracing::debug!(connector, plugin = info.name, version = info.version, "Worker started");
        Ok(running)
    }
}

impl Transport for Isolated {
    fn ask(&self, question: &[u8]) -> Result<Vec<u8>> {
        let answered = Talk::ask(self.worker()?, question);
        if answered.as_ref().is_err_and(|error| error.kind() == ErrorKind::Timeout) {
            self.end();
        }
        answered
    }

    fn connect(&self, values: &[u8]) -> Result<Box<dyn Session>> {
        Ok(Box::new(Talk::connect(self.worker()?, values)?))
    }

    fn end(&self) -> bool {
        self.current.lock().iter().for_each(|running| running.end());
        true
    }

    fn restarts(&self) -> u64 {
        self.started.load(Ordering::Relaxed).saturating_sub(1)
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        let Some(running) = self.current.lock().take() else { return };
        // Not here: this may be a thread that serves requests.
        let closing = Arc::clone(&running);
        let name = format!("close {}", self.surroundings.connector);
        let close = thread::Builder::new().name(name).spawn(move || closing.close());
        if close.is_err() {
            running.end();
        }
    }
}
