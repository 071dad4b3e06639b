//! A worker: the process that loads a plugin and carries bytes between the pipes and the waist.
//!
//! Each session has a thread, and so has each question. The thread that reads the pipe never enters
//! the plugin, so it notices the end of the host whatever the plugin does.

use super::{
    frame::{self, Frame, Kind},
    limits,
    orders::Orders,
};
use crate::plugins::refusal::want_of_memory;
use ecma_plugin_sdk::{Error, ErrorKind, Library, LogLine, LogTarget, Pager, Transport, set_log};
use parking_lot::Mutex;
use std::{
    cell::Cell,
    collections::HashMap,
    fs::File,
    io::{self, BufReader},
    panic, process,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering},
        mpsc::{Receiver, Sender, TryRecvError, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long sessions have to close when the host is gone or wants no more.
const GRACE: Duration = Duration::from_secs(2);

/// Pages that the host may not have answered when the plugin makes the next one.
const AHEAD: usize = 2;

static LIBRARY: OnceLock<Library> = OnceLock::new();
static OUTPUT: OnceLock<Mutex<File>> = OnceLock::new();
/// Megabytes that the plugin may take; 0: no limit.
static MEMORY: AtomicU32 = AtomicU32::new(0);
static LEVEL: AtomicU8 = AtomicU8::new(0);

thread_local! {
    /// The session whose call this thread is in; 0 for threads of the plugin's own.
    static SESSION: Cell<u32> = const { Cell::new(0) };
}

/// Runs a worker until the host closes its pipe.
pub fn run(orders: &Orders) -> io::Result<()> {
    let (input, output) = limits::pipes()?;
    limits::die_with_parent(orders.parent)?;
    // A fault of ours: the host must not wait for an answer that never comes. Plugins have a hook of
    // their own.
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        usual(info);
        limits::die();
    }));
    LEVEL.store(orders.level, Ordering::Relaxed);
    let _ = OUTPUT.set(Mutex::new(output));
    set_log(LogTarget { enabled, line });
    let reader = thread::Builder::new().name("host".to_owned()).spawn(move || serve(input))?;
    MEMORY.store(orders.limits().memory_mb, Ordering::Relaxed);
    limits::set(orders.limits())?;
    let opened = Library::open(&orders.library, &orders.prerequisites);
    let info = opened.map(|(info, library)| {
        let _ = LIBRARY.set(library);
        info
    });
    send(Kind::Info, 0, &frame::say(&info));
    // Ends the process when the pipe ends.
    let _ = reader.join();
    Ok(())
}

fn enabled(level: u8, _: &str) -> bool {
    level <= LEVEL.load(Ordering::Relaxed)
}

fn line(line: &LogLine) {
    send(Kind::Line, SESSION.get(), &frame::say(line));
}

/// Sends a frame; `false` when it is too long. That the host is gone is seen by the reader.
fn send(kind: Kind, session: u32, bytes: &[u8]) -> bool {
    let sent = OUTPUT.get().map(|out| frame::write(&mut *out.lock(), kind, session, bytes));
    !matches!(sent, Some(Err(error)) if error.kind() == io::ErrorKind::InvalidInput)
}

/// Sends what a call came to.
fn answer(session: u32, answered: Result<Vec<u8>, Error>) {
    let sent = match &answered {
        Ok(bytes) => send(Kind::Answer, session, bytes),
        Err(error) => send(Kind::Failed, session, &frame::say(error)),
    };
    if !sent {
        send(Kind::Failed, session, &frame::say(&too_long("an answer")));
    }
}

fn too_long(what: &str) -> Error {
    let text = format!("{what} of the plugin is longer than {} bytes", frame::LONGEST);
    Error::new(ErrorKind::Invalid, text)
}

/// A session as the reader knows it.
struct Open {
    frames: Sender<Frame>,
    stop: Arc<AtomicBool>,
}

/// Takes frames to their sessions until the pipe ends, then ends the process.
fn serve(input: File) {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut open: HashMap<u32, Open> = HashMap::new();
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok(Some(frame)) = frame::read(&mut input) {
        let session = frame.session;
        match frame.kind {
            Kind::Level => LEVEL.store(frame.bytes.first().map_or(0, |l| *l), Ordering::Relaxed),
            Kind::Ask => start(&mut threads, session, move || {
                answer(session, plugin().and_then(|library| library.ask(&frame.bytes)));
            }),
            Kind::Connect => {
                let (frames, received) = channel();
                let stop = Arc::new(AtomicBool::new(false));
                open.insert(session, Open { frames, stop: Arc::clone(&stop) });
                start(&mut threads, session, move || {
                    hold(session, &frame.bytes, &received, &stop);
                });
            }
            Kind::Close => drop(open.remove(&session).map(|open| open.frames.send(frame))),
            kind => {
                let Some(open) = open.get(&session) else { continue };
                match kind {
                    Kind::Call => open.stop.store(false, Ordering::Relaxed),
                    Kind::Stop => open.stop.store(true, Ordering::Relaxed),
                    _ => {}
                }
                let _ = open.frames.send(frame);
            }
        }
    }
    drop(open);
    // Whatever the plugin does now, this ends.
    let watch = thread::Builder::new().spawn(|| {
        thread::sleep(GRACE);
        limits::die();
    });
    if watch.is_err() {
        limits::die();
    }
    threads.into_iter().for_each(|thread| drop(thread.join()));
    process::exit(0);
}

/// The plugin. The host asks for nothing before it was told that it is loaded.
fn plugin() -> Result<&'static Library, Error> {
    LIBRARY.get().ok_or_else(|| Error::internal("the plugin is not loaded"))
}

fn start(threads: &mut Vec<JoinHandle<()>>, session: u32, work: impl FnOnce() + Send + 'static) {
    threads.retain(|thread| !thread.is_finished());
    let started = thread::Builder::new().name(format!("session {session}")).spawn(move || {
        SESSION.set(session);
        work();
    });
    match started {
        Ok(thread) => threads.push(thread),
        Err(error) => {
            let why = want_of_memory(MEMORY.load(Ordering::Relaxed));
            let text = format!("the plugin's process cannot start a thread: {error}{why}");
            answer(session, Err(Error::new(ErrorKind::Busy, text)));
        }
    }
}

/// The life of a session: connected, called, closed.
fn hold(number: u32, values: &[u8], frames: &Receiver<Frame>, stop: &AtomicBool) {
    let mut session = match plugin().and_then(|library| library.connect(values)) {
        Ok(session) => session,
        Err(error) => return answer(number, Err(error)),
    };
    answer(number, Ok(Vec::new()));
    while let Ok(frame) = frames.recv() {
        match frame.kind {
            Kind::Call => {
                let mut pages = Pages { number, frames, stop, ahead: 0, too_long: false };
                let answered = session.call(&frame.bytes, &mut pages);
                let whole = if pages.too_long { Err(too_long("a page")) } else { answered };
                answer(number, whole);
            }
            Kind::Close => break,
            // What was said to the last pages crossed the answer.
            _ => {}
        }
    }
    drop(session);
    answer(number, Ok(Vec::new()));
}

/// Hands pages to the host. The plugin goes on while some of them are on their way.
struct Pages<'a> {
    number: u32,
    frames: &'a Receiver<Frame>,
    stop: &'a AtomicBool,
    /// Pages that the host has not answered.
    ahead: usize,
    too_long: bool,
}

impl Pager for Pages<'_> {
    fn page(&mut self, page: &[u8]) -> bool {
        self.too_long |= !send(Kind::Page, self.number, page);
        self.ahead += 1;
        while !self.too_long {
            let answer = if self.ahead > AHEAD {
                self.frames.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.frames.try_recv()
            };
            match answer {
                Ok(Frame { kind: Kind::GoOn, .. }) => self.ahead -= 1,
                Err(TryRecvError::Empty) => return true,
                _ => return false,
            }
        }
        false
    }

    fn go_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_makes_a_page_while_two_are_without_an_answer_and_then_waits() {
        let answer = |kind| Frame { kind, session: 1, bytes: Vec::new() };
        let (host, frames) = channel();
        let (tell, went_on) = channel();
        let plugin = thread::spawn(move || {
            let stop = AtomicBool::new(false);
            let mut pages =
                Pages { number: 1, frames: &frames, stop: &stop, ahead: 0, too_long: false };
            for _ in 0..4 {
                tell.send(pages.page(b"page")).unwrap();
            }
        });
        assert_eq!([went_on.recv(), went_on.recv()], [Ok(true); 2], "no answer is needed");
        host.send(answer(Kind::GoOn)).unwrap();
        assert_eq!(went_on.recv(), Ok(true));
        host.send(answer(Kind::Stop)).unwrap();
        assert_eq!(went_on.recv(), Ok(false), "it waits for an answer");
        plugin.join().unwrap();
    }
}
