//! The host's side of one worker process: started, listened to, ended.
//!
//! The thread that starts the process reads its pipe until the end and waits for it. It has to be one
//! thread: on Linux a child dies with the thread that started it.

use super::{
    frame::{self, Frame, Kind},
    noise,
};
use crate::plugins::{log, refusal::Refusal};
use ecma_plugin_sdk::{Error, Info, LoadError, LogLine};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    io::{self, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a library may take to load and to say who it is.
pub(super) const LOADING: Duration = Duration::from_secs(20);
/// How long a worker has to close its sessions and to end.
const CLOSING: Duration = Duration::from_secs(2);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Frames of one session that wait at most: pages that run ahead or an answer, and lines of the log
/// before them.
const WAITING: usize = 64;

/// Pages whose memory is kept for the next ones.
const SPARES: usize = 4;

/// A worker process.
pub(super) struct Running {
    /// For the log.
    connector: String,
    plugin: String,
    since: Instant,
    child: Mutex<Child>,
    input: Mutex<Option<ChildStdin>>,
    level: AtomicU8,
    next: AtomicU32,
    /// Where the frames of each session go; of none when the process has ended.
    sessions: Mutex<HashMap<u32, SyncSender<Frame>>>,
    /// Memory of pages that were taken in, to be used again.
    spares: Mutex<Vec<Vec<u8>>>,
    /// The plugin has said who it is.
    ready: AtomicBool,
    /// The host ended it in the middle of something.
    asked: AtomicBool,
    /// The host has no more use for it.
    closing: AtomicBool,
    ended: OnceLock<Ended>,
}

/// How a worker ended.
pub(super) struct Ended {
    /// What its sessions answer.
    pub(super) error: Error,
    /// It was no wish of the host's.
    pub(super) crashed: bool,
    /// When, and after how long a life.
    pub(super) at: Instant,
    pub(super) lived: Duration,
}

/// A session's end of the pipe. Dropping it makes the worker's frames for it go nowhere.
pub(super) struct Frames {
    pub(super) number: u32,
    pub(super) received: Receiver<Frame>,
    running: Arc<Running>,
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.running.sessions.lock().remove(&self.number);
    }
}

impl Running {
    /// Starts a worker; [`Running::wait`] tells whether it is of use. `explain` adds to how it ended
    /// what the host knows of the reason.
    pub(super) fn start(
        mut command: Command,
        connector: &str,
        plugin: &str,
        level: u8,
        explain: impl Fn(&ExitStatus) -> String + Send + 'static,
    ) -> io::Result<(Arc<Running>, Frames)> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (tell, told) = sync_channel(1);
        let (connector, plugin) = (connector.to_owned(), plugin.to_owned());
        let name = format!("worker {connector}");
        thread::Builder::new().name(name).spawn(move || {
            let child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return drop(tell.send(Err(error))),
            };
            let (running, output) = match Running::new(child, connector, plugin, level) {
                Ok(started) => started,
                Err(error) => return drop(tell.send(Err(error))),
            };
            // The first frame is of session 0, whoever listens.
            let frames = running.open();
            let _ = tell.send(Ok((Arc::clone(&running), frames)));
            let span = tracing::info_span!("worker", connector = running.connector);
            let _entered = span.enter();
            let bad = running.read(output);
            running.finish(bad, explain);
        })?;
        told.recv().unwrap_or_else(|_| Err(io::Error::other("the thread of the worker ended")))
    }

    fn new(
        mut child: Child,
        connector: String,
        plugin: String,
        level: u8,
    ) -> io::Result<(Arc<Running>, ChildStdout)> {
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the pipes of the worker are not there"));
        };
        noise::tell(errors, &connector, &plugin);
        // Fewer turns of the two processes for a page; as it is, it works too.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(&output, 1 << 20);
        let running = Running {
            connector,
            plugin,
            since: Instant::now(),
            child: Mutex::new(child),
            input: Mutex::new(Some(input)),
            level: AtomicU8::new(level),
            next: AtomicU32::new(0),
            sessions: Mutex::default(),
            spares: Mutex::default(),
            ready: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            ended: OnceLock::new(),
        };
        Ok((Arc::new(running), output))
    }

    /// Waits until the plugin says who it is. A worker that is of no use is ended.
    pub(super) fn wait(&self, first: &Frames) -> Result<Info, Refusal> {
        let refusal = match first.received.recv_timeout(LOADING) {
            Ok(frame) => match frame.said::<Result<Info, LoadError>>() {
                Ok(Ok(info)) => {
                    self.ready.store(true, Ordering::Release);
                    return Ok(info);
                }
                Ok(Err(error)) => error.into(),
                Err(error) => Refusal::Ended(format!("it says what is not understood, {error}")),
            },
            Err(RecvTimeoutError::Timeout) => Refusal::Silent(LOADING.as_secs()),
            Err(RecvTimeoutError::Disconnected) => {
                let ended = self.ended.get().map(|ended| ended.error.message().to_owned());
                Refusal::Ended(ended.unwrap_or_default())
            }
        };
        self.closing.store(true, Ordering::Relaxed);
        self.kill();
        Err(refusal)
    }

    /// Whether it can be asked.
    pub(super) fn is_ready(&self) -> bool {
        let is_ending = self.asked.load(Ordering::Relaxed) || self.ended.get().is_some();
        self.ready.load(Ordering::Acquire) && !is_ending
    }

    /// How it ended, once it has.
    pub(super) fn ended(&self) -> Option<&Ended> {
        self.ended.get()
    }

    /// A new session.
    pub(super) fn open(self: &Arc<Running>) -> Frames {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (frames, received) = sync_channel(WAITING);
        let mut sessions = self.sessions.lock();
        // Under the lock: whoever ends it either clears this one as well or has said so before.
        if self.ended.get().is_none() {
            sessions.insert(number, frames);
        }
        Frames { number, received, running: Arc::clone(self) }
    }

    /// Sends a frame. That the worker has ended is seen by who waits for the answer.
    pub(super) fn send(&self, kind: Kind, session: u32, bytes: &[u8]) -> io::Result<()> {
        let mut input = self.input.lock();
        let Some(pipe) = input.as_mut() else { return Ok(()) };
        match frame::write(pipe, kind, session, bytes) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes memory back for the next page.
    pub(super) fn give_back(&self, page: Vec<u8>) {
        let mut spares = self.spares.lock();
        if spares.len() < SPARES {
            spares.push(page);
        }
    }

    /// An import has ended; one beside it begins with fresh memory again.
    pub(super) fn no_more_pages(&self) {
        *self.spares.lock() = Vec::new();
    }

    fn spare(&self) -> Vec<u8> {
        self.spares.lock().pop().unwrap_or_default()
    }

    /// Says which lines of the log are wanted, when that has changed.
    pub(super) fn level(&self, level: u8) {
        if self.level.swap(level, Ordering::Relaxed) != level {
            let _ = self.send(Kind::Level, 0, &[level]);
        }
    }

    /// Takes frames to their sessions until the pipe ends; answers what was wrong with a bad one.
    fn read(&self, output: ChildStdout) -> Option<String> {
        let mut output = BufReader::with_capacity(1 << 16, output);
        loop {
            let frame = match frame::read_into(&mut output, || self.spare()) {
                Ok(Some(frame)) => frame,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Some(error.to_string());
                }
                Ok(None) | Err(_) => return None,
            };
            match frame.kind {
                Kind::Line if frame.session == 0 => match frame.said::<LogLine>() {
                    Ok(line) => log::line(&line),
                    Err(error) => return Some(error.to_string()),
                },
                Kind::Line | Kind::Info | Kind::Answer | Kind::Failed | Kind::Page => {
                    let to = self.sessions.lock().get(&frame.session).cloned();
                    // Nobody waits for it any more: then it is not missed.
                    drop(to.map(|to| to.send(frame)));
                }
                kind => return Some(format!("{kind:?} is not for a worker to say")),
            }
        }
    }

    /// The pipe has ended, or nothing that comes through it can be believed.
    fn finish(&self, bad: Option<String>, explain: impl Fn(&ExitStatus) -> String) {
        self.kill();
        let status = match self.child.lock().wait() {
            Ok(status) => format!("({status}){}", explain(&status)),
            Err(error) => format!("({error})"),
        };
        let asked = self.asked.load(Ordering::Relaxed);
        let (connector, plugin) = (&self.connector, &self.plugin);
        let error = match bad {
            _ if asked => Error::unreachable(
                "the plugin's process was ended: a call in it had not come back in time",
            ),
            Some(bad) => Error::internal(format!(
                "the plugin's process was ended: it sent what cannot be read, {bad}"
            )),
            None => Error::internal(format!("the plugin's process ended {status}")),
        };
        if asked {
            tracing::warn!(connector, plugin, status, "The plugin's process was ended");
        } else if !self.closing.load(Ordering::Relaxed) {
            let reason = error.message();
            tracing::error!(connector, plugin, reason, "The plugin's process ended");
        }
        let (at, lived) = (Instant::now(), self.since.elapsed());
        let mut sessions = self.sessions.lock();
        let _ = self.ended.set(Ended { error, crashed: !asked, at, lived });
        sessions.clear();
    }

    /// Ends it in the middle of whatever it does.
    pub(super) fn end(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.kill();
    }

    fn kill(&self) {
        let mut child = self.child.lock();
        // What the plugin has started goes with it. After `wait` the number may be another's.
        #[cfg(unix)]
        if let Ok(None) = child.try_wait() {
            let pid = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
        let _ = child.kill();
    }

    /// Lets it close its sessions, and ends it when it does not come to an end.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        // Held when the worker takes nothing any more: then there is nothing to be waited for.
        if let Some(mut input) = self.input.try_lock_for(CLOSING) {
            *input = None;
            drop(input);
            let began = Instant::now();
            while self.ended.get().is_none() && began.elapsed() < CLOSING {
                thread::sleep(LOOK);
            }
        }
        if self.ended.get().is_none() {
            self.kill();
        }
    }
}
