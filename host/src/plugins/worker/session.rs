//! A session with a worker, as the waist's own sessions are: one call at a time.

use super::{
    frame::Kind,
    running::{Frames, Running},
};
use crate::plugins::log;
use ecma_plugin_sdk::{Error, ErrorKind, Pager, Result, Session};
use std::{
    fmt,
    sync::{Arc, mpsc::RecvTimeoutError},
    time::{Duration, Instant},
};

/// How often a waiting call looks whether it should go on.
const LOOK: Duration = Duration::from_millis(100);
/// How long a plugin may take to answer a question; nobody else ends those.
const ASKED: Duration = Duration::from_secs(20);
/// How long a plugin may take to close a connection until the next one is opened all the same.
const CLOSED: Duration = Duration::from_secs(5);

/// A session; the worker closes it when this is dropped.
pub(super) struct Talk {
    running: Arc<Running>,
    frames: Frames,
    is_open: bool,
    /// There were pages in the call.
    had_pages: bool,
}

struct NoPages;

impl Pager for NoPages {
    fn page(&mut self, _: &[u8]) -> bool {
        false
    }
}

impl Talk {
    fn new(running: Arc<Running>) -> Talk {
        // Before each call: what is wanted may depend on the spans it stands in.
        running.level(log::level());
        let frames = running.open();
        Talk { running, frames, is_open: false, had_pages: false }
    }

    /// Asks a question.
    pub(super) fn ask(running: Arc<Running>, question: &[u8]) -> Result<Vec<u8>> {
        let mut talk = Talk::new(running);
        talk.send(Kind::Ask, question)?;
        talk.answer(&mut NoPages, Some(ASKED))
    }

    /// Opens a session.
    pub(super) fn connect(running: Arc<Running>, values: &[u8]) -> Result<Talk> {
        let mut talk = Talk::new(running);
        talk.send(Kind::Connect, values)?;
        talk.answer(&mut NoPages, None)?;
        talk.is_open = true;
        Ok(talk)
    }

    fn send(&self, kind: Kind, bytes: &[u8]) -> Result<()> {
        let sent = self.running.send(kind, self.frames.number, bytes);
        sent.map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))
    }

    /// Waits for an answer. Lines of the log on the way are written here, in the span of the call.
    fn answer(&mut self, pager: &mut dyn Pager, within: Option<Duration>) -> Result<Vec<u8>> {
        let (began, mut stopped) = (Instant::now(), false);
        loop {
            let mut frame = match self.frames.received.recv_timeout(LOOK) {
                Ok(frame) => frame,
                Err(RecvTimeoutError::Disconnected) => return Err(self.why_ended()),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(within) = within.filter(|within| began.elapsed() >= *within) {
                        let seconds = within.as_secs();
                        let text = format!("the plugin did not answer within {seconds} seconds");
                        return Err(Error::new(ErrorKind::Timeout, text));
                    }
                    if !stopped && !pager.go_on() {
                        stopped = true;
                        self.send(Kind::Stop, &[])?;
                    }
                    continue;
                }
            };
            match frame.kind {
                Kind::Answer if stopped => return Err(Error::cancelled()),
                Kind::Answer => return Ok(frame.bytes),
                Kind::Failed => return Err(frame.said().unwrap_or_else(|error| self.bad(error))),
                Kind::Line => log::line(&frame.said().map_err(|error| self.bad(error))?),
                Kind::Page => {
                    // Before the page is looked at: the plugin makes the next ones meanwhile. Those
                    // that come after all when no more is wanted are dropped.
                    stopped = stopped || !pager.go_on();
                    self.send(if stopped { Kind::Stop } else { Kind::GoOn }, &[])?;
                    stopped = stopped || !pager.take(&mut frame.bytes);
                    self.running.give_back(frame.bytes);
                    self.had_pages = true;
                }
                kind => return Err(self.bad(format!("{kind:?} is no answer"))),
            }
        }
    }

    /// What a worker sends is not believed: one that says what makes no sense is ended.
    fn bad(&self, what: impl fmt::Display) -> Error {
        self.running.end();
        Error::internal(format!(
            "the plugin's process was ended: it sent what cannot be read, {what}"
        ))
    }

    fn why_ended(&self) -> Error {
        let ended = self.running.ended().map(|ended| ended.error.clone());
        ended.unwrap_or_else(|| Error::internal("the plugin's process ended"))
    }
}

impl Session for Talk {
    fn call(&mut self, request: &[u8], pager: &mut dyn Pager) -> Result<Vec<u8>> {
        self.running.level(log::level());
        self.send(Kind::Call, request)?;
        let answered = self.answer(pager, None);
        if std::mem::take(&mut self.had_pages) {
            self.running.no_more_pages();
        }
        answered
    }

    fn is_open(&self) -> bool {
        self.running.is_ready()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        if !self.is_open {
            let _ = self.send(Kind::Close, &[]);
            return;
        }
        // As in process, what is opened next finds this one closed; but nothing waits for ever.
        if self.send(Kind::Close, &[]).is_ok() && self.is_open() {
            let _ = self.answer(&mut NoPages, Some(CLOSED));
        }
    }
}
