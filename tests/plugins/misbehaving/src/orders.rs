//! Orders: what goes wrong, in which call, and doing it.

use crate::Settings;
use ecma_plugin_sdk::{Choice, Error, Result, tracing};
use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

/// What goes wrong.
#[derive(Choice, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Nothing,
    /// The call panics.
    Panic,
    /// The call does not come back.
    Hang,
    /// The call takes its time.
    Slow,
    /// The call writes to standard output and standard error, and logs; then it works.
    Print,
    /// The call says that the connected system cannot be reached.
    Fail,
    /// The call has done its work, but says that the connection was lost.
    Lose,
    /// People whose user name contains "bad" fail, others do not.
    FailOne,
    /// The call answers what cannot be true.
    Lie,
}

/// A call of the connector.
#[derive(Choice, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// All of them but `drop`.
    Every,
    Connect,
    Refine,
    Check,
    Capabilities,
    Test,
    Partitions,
    Hierarchy,
    Schema,
    Import,
    Export,
    Read,
    SetPassword,
    ChangePassword,
    /// Closing the connection.
    Drop,
}

/// How long a hanging call looks away before it looks for its release.
const NAP: Duration = Duration::from_millis(5);

impl Settings {
    /// Whether an order is for this call.
    pub(crate) fn is_due(&self, call: Call) -> bool {
        self.at == call || (self.at == Call::Every && call != Call::Drop)
    }

    /// Does what is ordered for this call; `go_on` is the host's word on whether to.
    pub(crate) fn obey(&self, call: Call, go_on: impl Fn() -> bool) -> Result<()> {
        if !self.is_due(call) {
            return Ok(());
        }
        match self.mode {
            Mode::Panic => panic!("ordered: a panic in {call:?}{}", self.blurted()),
            Mode::Hang => self.hang(go_on),
            Mode::Slow => {
                thread::sleep(Duration::from_millis(self.pause.into()));
                Ok(())
            }
            Mode::Print => {
                // Nobody may be listening.
                let _ = writeln!(io::stdout(), "ordered: noise on standard output in {call:?}");
                let _ = writeln!(io::stderr(), "ordered: noise on standard error in {call:?}");
                tracing::warn!(?call, "Noise ordered");
                Ok(())
            }
            Mode::Fail => {
                Err(Error::unreachable(format!("ordered: {call:?} fails{}", self.blurted())))
            }
            Mode::Nothing | Mode::Lose | Mode::FailOne | Mode::Lie => Ok(()),
        }
    }

    /// The password, where one is set: this plugin keeps nothing to itself.
    fn blurted(&self) -> String {
        let password = self.password.as_ref();
        password.map(|password| format!(" with {}", password.expose())).unwrap_or_default()
    }

    fn hang(&self, go_on: impl Fn() -> bool) -> Result<()> {
        loop {
            if self.release.as_ref().is_some_and(|file| file.exists()) {
                return Ok(());
            }
            if self.polite && !go_on() {
                return Err(Error::cancelled());
            }
            if self.release.is_some() || self.polite {
                thread::park_timeout(NAP);
            } else {
                thread::park();
            }
        }
    }
}
