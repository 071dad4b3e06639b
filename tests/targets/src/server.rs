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
/// For loading what a directory begins with, which may be many people.
pub(crate) const LOADED_WITHIN: Duration = Duration::from_secs(300);
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// A port that was free may be taken by somebody else before the server has it.
const PORTS_TRIED: usize = 5;
/// How servers say so; 389 Directory Server has the words of its library.
const TAKEN: [&str; 2] = ["Address already in use", "Local Network address is in use"];

/// The private directory of a server, and who owns it.
pub(crate) struct Place<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) account: &'a Account,
}

impl Place<'_> {
    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// Makes a folder that the server's account owns. `log`, `pid` and `ended` are the watchdog's.
    pub(crate) fn folder(&self, name: &str) -> anyhow::Result<String> {
        let path = self.directory.join(name);
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        self.account.own(&path)?;
        Ok(path.display().to_string())
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
    /// Starts the server that `words` makes for free ports, and waits until it answers there.
    pub(crate) fn start<const N: usize>(
        mut watchdog: Watchdog,
        words: impl Fn([u16; N]) -> anyhow::Result<Vec<String>>,
        answers: impl Fn([u16; N]) -> anyhow::Result<()>,
    ) -> anyhow::Result<(Server, [u16; N])> {
        for _ in 0..PORTS_TRIED {
            let ports = free_ports()?;
            let words = words(ports)?;
            watchdog.run(&words)?;
            match wait(&watchdog, || answers(ports)) {
                Ok(()) => return Ok((Server { watchdog, words }, ports)),
                Err(_) if watchdog.ended().is_some() && is_taken(&watchdog.end_of_log()) => {}
                Err(error) => return Err(error),
            }
        }
        bail!("others took ports before the server could, {PORTS_TRIED} times")
    }

    /// Stops the server, does something meanwhile, starts it again, and waits until it answers.
    pub(crate) fn restart(
        &mut self,
        meanwhile: impl FnOnce(),
        answers: impl Fn() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.watchdog.stop()?;
        meanwhile();
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

fn is_taken(log: &str) -> bool {
    TAKEN.iter().any(|words| log.contains(words))
}

fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut ports = [0; N];
    // All are held until each is known, so that they differ.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a port")?;
        *port = listener.local_addr().context("cannot find a port")?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// 128 random bits in hexadecimal digits.
pub(crate) fn password() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("cannot get random bytes")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
