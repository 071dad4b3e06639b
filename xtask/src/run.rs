//! `cargo xtask run`: from a checkout to a host that answers, in one command.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::{
    cargo::{self, Profile},
    demo,
    documents::{self, Connector},
    files::{self, Reader},
    health::{Health, Probe},
    ready::Ready,
    say, stage,
};

/// How often we look whether the host is ready.
const LOOK: Duration = Duration::from_millis(100);

/// How long the connectors may take to be ready: a first import of millions takes its time.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// How long a host that was told to stop may take.
const GRACE: Duration = Duration::from_secs(30);

#[derive(Args)]
pub(crate) struct Options {
    /// The host's home: ECMA/, connectors/, demo/ and state/ go here [default: the repository].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The port to listen on; 0 takes a free one [default: as host.toml says, at first 8585].
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Write what a program needs to connect into this file, as JSON, when all is ready.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// How many people the demo has; one of another size is made anew [default: 1000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    people: Option<u64>,
    /// Build with optimizations; this is the default.
    #[arg(long, conflicts_with = "debug")]
    release: bool,
    /// Build without optimizations: sooner there, slower then.
    #[arg(long)]
    debug: bool,
}

/// What the host writes into `state/ready.json` when it listens.
#[derive(Deserialize)]
pub(crate) struct Listening {
    pid: u32,
    listen: Vec<SocketAddr>,
    pub(crate) ca_pem: PathBuf,
}

/// Builds, stages, makes the demo and runs the host; returns the host's exit code.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let home = options.dir.as_deref().unwrap_or_else(|| cargo::root());
    fs::create_dir_all(home).with_context(|| format!("cannot make {}", home.display()))?;
    let home = &fs::canonicalize(home)?;
    if let Some(path) = &options.ready_file {
        files::remove(path)?;
    }
    let profile = if options.debug { Profile::Debug } else { Profile::Release };
    let plugins = stage::packages()?;
    let packages: Vec<_> = plugins.iter().map(String::as_str).chain(["ecma-host"]).collect();
    let built = cargo::build(&packages, profile)?;
    stage::stage(&built.libraries, &home.join("ECMA"))?;
    demo::ensure(home, options.people)?;
    let connectors = documents::ensure(home)?;
    let somebody = demo::somebody(home)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let host = built.program("ecma-host")?;
    runtime.block_on(async {
        let mut session = Session { host: start(&host, home, options.port)?, home, connectors };
        let outcome = session.serve(options.ready_file.as_deref(), somebody.as_deref()).await;
        if let Some(path) = &options.ready_file {
            files::remove(path)?;
        }
        outcome
    })
}

/// Starts the host in a process group of its own: the terminal's Ctrl-C reaches us alone, and the
/// host is stopped by us alone.
fn start(host: &Path, home: &Path, port: Option<u16>) -> anyhow::Result<Child> {
    let mut command = command(host, home, port)?;
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().with_context(|| format!("cannot start {}", host.display()))
}

/// What starts the host; it ends with us.
pub(crate) fn command(host: &Path, home: &Path, port: Option<u16>) -> anyhow::Result<Command> {
    files::remove(&home.join("state/ready.json"))?;
    let mut command = Command::new(host);
    command.arg("run").arg("--home").arg(home).stdin(Stdio::null());
    if let Some(port) = port {
        command.args(["--port", &port.to_string()]);
    }
    command.kill_on_drop(true);
    Ok(command)
}

struct Session<'h> {
    host: Child,
    home: &'h Path,
    connectors: Vec<Connector>,
}

impl Session<'_> {
    async fn serve(&mut self, file: Option<&Path>, who: Option<&str>) -> anyhow::Result<ExitCode> {
        let mut stop = StopSignals::new()?;
        let pid = self.host.id().context("the host ended at once")?;
        let waiting = tokio::time::timeout(PATIENCE, wait_ready(self.home, pid, &self.connectors));
        let ready = tokio::select! {
            ready = waiting => ready,
            status = self.host.wait() => {
                let status = status?;
                say!("the host ended before it was ready: {status}; its last lines are above");
                return Ok(if status.success() { ExitCode::FAILURE } else { exit_code(status) });
            }
            () = stop.asked() => return self.stop(&mut stop).await,
        };
        let listening = match ready {
            Ok(Ok(listening)) => listening,
            Ok(Err(error)) => {
                self.stop(&mut stop).await?;
                return Err(error);
            }
            Err(_) => {
                self.stop(&mut stop).await?;
                bail!("the connectors were not ready after {} minutes", PATIENCE.as_secs() / 60);
            }
        };
        self.announce(&listening, file, who)?;
        tokio::select! {
            status = self.host.wait() => {
                let status = status?;
                say!("the host ended: {status}");
                Ok(exit_code(status))
            }
            () = stop.asked() => self.stop(&mut stop).await,
        }
    }

    /// Writes the ready file and prints how to reach each connector.
    fn announce(
        &self,
        at: &Listening,
        file: Option<&Path>,
        who: Option<&str>,
    ) -> anyhow::Result<()> {
        let ready = Ready::new(at.pid, &at.ca_pem, at.address()?.port(), &self.connectors);
        if let Some(path) = file {
            files::write(path, &serde_json::to_vec_pretty(&ready)?, Reader::Owner)?;
        }
        let new = documents::fresh()?;
        say!("\n{}", ready.for_a_person(who.unwrap_or("nobody@example.com"), &new));
        Ok(())
    }

    /// Ends the host: asks first, insists when it takes too long or we are asked again.
    async fn stop(&mut self, stop: &mut StopSignals) -> anyhow::Result<ExitCode> {
        if let Some(status) = self.host.try_wait()? {
            return Ok(exit_code(status));
        }
        ask_to_stop(&mut self.host)?;
        tokio::select! {
            status = self.host.wait() => return Ok(exit_code(status?)),
            () = tokio::time::sleep(GRACE) => say!("the host does not stop; ending it"),
            () = stop.asked() => say!("ending the host at once"),
        }
        self.host.kill().await?;
        Ok(exit_code(self.host.wait().await?))
    }
}

/// Waits until the host listens and each of our connectors is ready.
pub(crate) async fn wait_ready(
    home: &Path,
    pid: u32,
    ours: &[Connector],
) -> anyhow::Result<Listening> {
    let mut looks = tokio::time::interval(LOOK);
    let listening = loop {
        looks.tick().await;
        if let Some(listening) = Listening::read(home, pid) {
            break listening;
        }
    };
    let probe = Probe::new(listening.address()?, &listening.ca_pem)?;
    let mut shown = String::new();
    loop {
        looks.tick().await;
        let news = match probe.ask().await.map(|health| progress(ours, &health)) {
            Ok(Progress::Ready) => return Ok(listening),
            Ok(Progress::Failed(why)) => bail!("not ready: {why}"),
            Ok(Progress::Waiting(news)) => news,
            Err(error) => format!("{error:#}"),
        };
        if news != shown {
            say!("waiting: {news}");
            shown = news;
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Ready,
    Waiting(String),
    Failed(String),
}

/// How far our connectors are; others in the same home do not matter here.
fn progress(ours: &[Connector], health: &Health) -> Progress {
    let (mut waiting, mut failed) = (Vec::new(), Vec::new());
    for name in ours.iter().map(|connector| connector.name) {
        let known = health.connectors.iter().find(|known| known.name == name);
        let (state, detail) = known.map_or(("unknown to the host", None), |known| {
            (known.state.as_str(), known.detail.as_deref())
        });
        let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
        match state {
            "ready" => {}
            "failed" => failed.push(format!("{name} {state}{detail}")),
            _ => waiting.push(format!("{name} {state}{detail}")),
        }
    }
    match (failed.is_empty(), waiting.is_empty()) {
        (false, _) => Progress::Failed(failed.join(", ")),
        (true, false) => Progress::Waiting(waiting.join(", ")),
        (true, true) => Progress::Ready,
    }
}

impl Listening {
    /// What this host process has written, if it has.
    fn read(home: &Path, pid: u32) -> Option<Self> {
        let text = fs::read(home.join("state/ready.json")).ok()?;
        let mut listening: Self = serde_json::from_slice(&text).ok()?;
        listening.ca_pem = home.join(&listening.ca_pem);
        (listening.pid == pid).then_some(listening)
    }

    /// An address of the host that can be reached from here, this machine's own if there is one.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        let near =
            |address: &&SocketAddr| address.ip().is_loopback() || address.ip().is_unspecified();
        let found = self.listen.iter().find(near).or(self.listen.first());
        let mut address = *found.context("the host says that it listens nowhere")?;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Ok(address)
    }
}

#[cfg(unix)]
pub(crate) fn ask_to_stop(host: &mut Child) -> anyhow::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = host.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok(kill_process(pid.context("the host has no process id")?, Signal::TERM)?)
}

#[cfg(not(unix))]
pub(crate) fn ask_to_stop(host: &mut Child) -> anyhow::Result<()> {
    Ok(host.start_kill()?)
}

/// The exit code to end with: the host's, or as a shell counts a signal.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let code = status.code().or(signal.map(|number| 128 + number)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Ctrl-C and, where there is one, SIGTERM.
struct StopSignals {
    #[cfg(unix)]
    streams: [tokio::signal::unix::Signal; 2],
}

#[cfg(unix)]
impl StopSignals {
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { streams: [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?] })
    }

    async fn asked(&mut self) {
        let [interrupt, terminate] = &mut self.streams;
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    }
}

#[cfg(not(unix))]
impl StopSignals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    async fn asked(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(name: &'static str) -> Connector {
        Connector { name, plugin: "generic-sql", token: "t".into() }
    }

    fn check(health: &str, expected: Progress) {
        let health = serde_json::from_str(health).unwrap();
        assert_eq!(progress(&[connector("A"), connector("B")], &health), expected);
    }

    #[test]
    fn all_of_ours_must_be_ready_and_one_failed_is_enough_to_end() {
        check(
            r#"{"connectors":[{"name":"A","state":"ready"},{"name":"B","state":"ready"},
                {"name":"C","state":"failed"}]}"#,
            Progress::Ready,
        );
        check(
            r#"{"connectors":[{"name":"A","state":"starting","detail":"4 read"}]}"#,
            Progress::Waiting("A starting (4 read), B unknown to the host".into()),
        );
        check(
            r#"{"connectors":[{"name":"A","state":"starting"},
                {"name":"B","state":"failed","detail":"no such file"}]}"#,
            Progress::Failed("B failed (no such file)".into()),
        );
    }

    #[test]
    fn only_what_this_host_wrote_counts() {
        let home = tempfile::tempdir().unwrap();
        assert!(Listening::read(home.path(), 7).is_none());
        let text = br#"{"pid":7,"listen":["0.0.0.0:41234"],"ca_pem":"state/cert.pem"}"#;
        files::write(&home.path().join("state/ready.json"), text, Reader::All).unwrap();
        assert!(Listening::read(home.path(), 8).is_none());
        let listening = Listening::read(home.path(), 7).unwrap();
        assert_eq!(listening.ca_pem, home.path().join("state/cert.pem"));
        assert_eq!(listening.address().unwrap().to_string(), "127.0.0.1:41234");
    }

    #[cfg(unix)]
    #[test]
    fn a_signal_counts_as_in_a_shell() {
        use std::os::unix::process::ExitStatusExt as _;
        for (raw, expected) in [(0, 0), (3 << 8, 3), (15, 143)] {
            let code = exit_code(ExitStatus::from_raw(raw));
            assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(expected)));
        }
    }
}
