//! What the tests of all servers ask: who listens, and whether all is gone when a test is killed.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Says to a test that it is the child that will be killed.
const CHILD: &str = "TARGETS_CHILD";
const ALL_TOLD: &str = "that is all";

/// Where a server listens, and its directory.
pub(crate) type Trace = (SocketAddr, PathBuf);

pub(crate) fn trace(host: &str, port: u16, ca: &Path) -> Trace {
    (SocketAddr::new(host.parse().unwrap(), port), ca.parent().unwrap().to_owned())
}

pub(crate) fn is_there((address, directory): &Trace) -> bool {
    TcpStream::connect(address).is_ok() && directory.exists()
}

pub(crate) fn is_gone((address, directory): &Trace) -> bool {
    TcpStream::connect(address).is_err() && !directory.exists()
}

pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(15), "not within 15 s: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Runs the test of this name, which calls this, in another process, kills that when `start` has
/// started the servers there, and waits until they are gone with all that they had.
pub(crate) fn servers_end_with_their_test(test: &str, start: impl FnOnce() -> Vec<Trace>) {
    if std::env::var_os(CHILD).is_some() {
        let traces = start();
        let mut out = std::io::stdout().lock();
        for (address, directory) in &traces {
            writeln!(out, "\nserver {address} {}", directory.display()).unwrap();
        }
        writeln!(out, "{ALL_TOLD}").unwrap();
        sleep(Duration::from_secs(120));
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    // Servers run as others.
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let traces: Vec<Trace> = lines
        .take_while(|line| line != ALL_TOLD)
        .filter_map(|line| {
            let (address, directory) = line.strip_prefix("server ")?.split_once(' ')?;
            Some((address.parse().unwrap(), PathBuf::from(directory)))
        })
        .collect();
    assert!(!traces.is_empty(), "the child has started servers");
    assert!(traces.iter().all(is_there), "{traces:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("servers and directories are gone", || traces.iter().all(is_gone));
    let is_empty = || fs::read_dir(temporary.path()).unwrap().next().is_none();
    eventually("nothing is left behind", is_empty);
}
