//! `wrk`, which makes the load: its Lua script is in data/.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::machine::Cpu;

const SCRIPT: &str = include_str!("../../data/lookups.lua");

/// Who is asked, and for whom.
pub(super) struct Load<'a> {
    /// The server.
    pub(super) address: SocketAddr,
    /// Its process.
    pub(super) pid: u32,
    /// The path of the connector, up to `/scim`.
    pub(super) path: &'a str,
    /// The connector's token.
    pub(super) token: &'a str,
    /// A file of URL-encoded logins, one a line.
    pub(super) logins: &'a Path,
    /// Connections at once.
    pub(super) connections: u64,
    /// How long.
    pub(super) seconds: u64,
}

/// What came out of one turn.
pub(super) struct Turn {
    pub(super) per_second: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// Microseconds of the server's CPU time per request.
    pub(super) cpu: f64,
    /// Cores that were busy with neither the server nor us.
    pub(super) others: f64,
}

#[derive(Deserialize)]
struct Printed {
    requests: u64,
    seconds: f64,
    p50_ms: f64,
    p99_ms: f64,
    errors: u64,
}

impl Load<'_> {
    /// Runs it once.
    pub(super) fn turn(&self) -> anyhow::Result<Turn> {
        let mut script = tempfile::Builder::new().suffix(".lua").tempfile()?;
        script.write_all(SCRIPT.as_bytes())?;
        let (address, before) = (self.address, Cpu::of(self.pid)?);
        let output = Command::new("wrk")
            .args(["--threads", "1", "--latency", "--timeout", "20s"])
            .arg(format!("--connections={}", self.connections))
            .arg(format!("--duration={}s", self.seconds))
            .arg("--script")
            .arg(script.path())
            .arg(format!("https://{address}"))
            .env("BENCH_HOST", address.to_string())
            .env("BENCH_PATH", self.path)
            .env("BENCH_TOKEN", self.token)
            .env("BENCH_LOGINS", self.logins)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start wrk; on Debian it is in the package wrk (apt install wrk)")?;
        let after = Cpu::of(self.pid)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().last().filter(|line| line.starts_with('{'));
        let last = last.with_context(|| format!("wrk ended with {}: {text}", output.status))?;
        let printed: Printed = serde_json::from_str(last)?;
        if printed.errors > 0 || printed.requests == 0 {
            bail!("{} of {} requests failed", printed.errors, printed.requests);
        }
        let requests = printed.requests as f64;
        Ok(Turn {
            per_second: requests / printed.seconds,
            p50: printed.p50_ms,
            p99: printed.p99_ms,
            cpu: after.since(before) * 1e6 / requests,
            others: after.others_since(before) / printed.seconds,
        })
    }
}
