//! Orders: what goes wrong, in which call, and doing it.

use crate::Settings;
use ecma_plugin_sdk::{Choice, Error, Result, tracing};
use std::{
    env, fs, hint,
    io::{self, Read, Write},
    mem, process, thread,
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
    /// The process is aborted.
    Abort,
    /// The process ends by itself, with the status 3.
    Exit,
    /// The call needs more stack than there is.
    Overflow,
    /// The process is ended as by an access to memory that is not its own.
    Segfault,
    /// The call takes memory and never gives it back: as much as is ordered, or as it can have.
    Leak,
    /// The call computes for ever.
    Spin,
    /// The call reads standard input to its end; then it works.
    Read,
    /// The call logs its environment; then it works.
    Environment,
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

/// Calls itself until there is no stack, unless it begins at the end.
fn deep(level: u64) -> u64 {
    let frame = hint::black_box([level; 64]);
    if level == u64::MAX { frame[0] } else { deep(level + 1) ^ frame[63] }
}

/// Not an access to memory itself: for that one has to leave the safe language.
fn segfault() -> ! {
    loop {
        // Again and again: the first goes to the handler that watches the stack.
        #[cfg(unix)]
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::SEGV);
        #[cfg(not(unix))]
        process::abort();
        thread::park_timeout(NAP);
    }
}

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
        if self.armed.as_ref().is_some_and(|file| fs::remove_file(file).is_err()) {
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
            Mode::Abort => process::abort(),
            Mode::Exit => process::exit(3),
            Mode::Overflow => Err(Error::internal(deep(1).to_string())),
            Mode::Segfault => segfault(),
            Mode::Leak => {
                for _ in 0..self.megabytes {
                    // The optimizer leaves out what nobody looks at.
                    mem::forget(hint::black_box(vec![1_u8; 1 << 20]));
                }
                Err(Error::internal("ordered: nothing stopped the leak"))
            }
            Mode::Spin => loop {
                hint::black_box(deep(u64::MAX));
            },
            Mode::Read => {
                let read = io::stdin().read_to_end(&mut Vec::new())?;
                tracing::info!(read, "Standard input ordered");
                Ok(())
            }
            Mode::Environment => {
                let variables: Vec<String> =
                    env::vars().map(|(name, value)| format!("{name}={value}")).collect();
                tracing::info!(variables = variables.join(" "), "Environment ordered");
                Ok(())
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
