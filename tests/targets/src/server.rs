//! What all servers have in common: a directory, a port, a start and an end.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::{programs::Account, watchdog::Watchdog};

/// For making a server's data directory.
pub(crate) const INSTALLED_WITHIN: Duration = Duration::from_secs(60);
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// A port that was free may be taken by somebody else before the server has it.
const PORTS_TRIED: usize = 5;
const TAKEN: &str = "Address already in use";

/// The private directory of a server, and who owns it.
pub(crate) struct Place<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) account: &'a Account,
}

impl Place<'_> {
    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// Writes a file that only the server's account can read.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.directory.join(name);
        fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
            .with_context(|| format!("cannot write {}", path.display()))?;
        self.account.own(&path)?;
        Ok(path)
    }
}

/// Makes the directory of a server; the watchdog removes it.
pub(crate) fn directory(account: &Account) -> anyhow::Result<PathBuf> {
    let made = tempfile::Builder::new().prefix("targets-").tempdir();
    let made = made.context("cannot make a temporary directory")?;
    account.own(made.path())?;
    Ok(made.keep())
}

/// A server that runs.
pub(crate) struct Server {
    watchdog: Watchdog,
    words: Vec<String>,
}

impl Server {
    /// Starts the server that `words` makes for a port, and waits until it answers there.
    pub(crate) fn start(
        mut watchdog: Watchdog,
        words: impl Fn(u16) -> Vec<String>,
        answers: impl Fn(u16) -> anyhow::Result<()>,
    ) -> anyhow::Result<(Server, u16)> {
        for _ in 0..PORTS_TRIED {
            let port = free_port()?;
            let words = words(port);
            watchdog.run(&words)?;
            match wait(&watchdog, || answers(port)) {
                Ok(()) => return Ok((Server { watchdog, words }, port)),
                Err(_) if watchdog.ended().is_some() && watchdog.end_of_log().contains(TAKEN) => {}
                Err(error) => return Err(error),
            }
        }
        bail!("others took each of {PORTS_TRIED} ports before the server could")
    }

    /// Stops the server, starts it again, and waits until it answers.
    pub(crate) fn restart(
        &mut self,
        answers: impl Fn() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.watchdog.stop()?;
        self.watchdog.run(&self.words)?;
        wait(&self.watchdog, answers)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.watchdog.pid().expect("a server that answered has a process")
    }
}

fn wait(watchdog: &Watchdog, answers: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        if let Some(code) = watchdog.ended() {
            bail!("it ended at its start with code {code}\n{}", watchdog.end_of_log());
        }
        match answers() {
            Ok(()) => return Ok(()),
            Err(error) if started.elapsed() > ANSWERS_WITHIN => bail!(
                "it does not answer within {ANSWERS_WITHIN:?}: {error:#}\n{}",
                watchdog.end_of_log()
            ),
            Err(_) => sleep(Duration::from_millis(50)),
        }
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a port")?;
    Ok(listener.local_addr().context("cannot find a port")?.port())
}

/// 128 random bits in hexadecimal digits.
pub(crate) fn password() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("cannot get random bytes")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
