//! The servers that are measured: the host, started as `cargo xtask run` starts it, and the
//! yardstick. Both end when the value is dropped.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    iter,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::runtime::Runtime;

use super::{Bench, client::Target};
use crate::{
    demo,
    documents::{self, Connector},
    files, run,
};

/// How long the host may take to be ready.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Which of the demo's connectors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `generic-sql` on SQLite.
    Sqlite,
    /// `csv-file`.
    Csv,
}

impl Kind {
    fn connector(self) -> &'static str {
        if self == Self::Csv { "HRFILE" } else { "CORPDB" }
    }

    fn demo(self) -> demo::Target {
        if self == Self::Csv { demo::Target::File } else { demo::Target::Database }
    }

    /// A word for a table.
    pub(super) fn name(self) -> &'static str {
        if self == Self::Csv { "CSV" } else { "SQLite" }
    }
}

/// Where a plugin can run.
pub(super) const WAYS: [&str; 2] = ["process", "in-process"];

fn isolation(way: &str) -> String {
    format!("isolation = \"{way}\"")
}

/// A home with one connector and its data, perhaps with a neighbor.
pub(super) struct Home {
    pub(super) path: PathBuf,
    pub(super) data: PathBuf,
    connector: Connector,
    neighbor: Option<Connector>,
    runtime: Runtime,
}

impl Home {
    /// Makes what is not there: people alone, as they stand in their own rows. `autosync` is in
    /// minutes.
    pub(super) fn make(
        bench: &Bench<'_>,
        kind: Kind,
        people: u64,
        autosync: u64,
    ) -> anyhow::Result<Self> {
        Self::of(bench, "", kind, people, |document| {
            let text = documents::people_only(document)?;
            Ok(text.replace("autosync = 120", &format!("autosync = {autosync}")))
        })
    }

    /// The same in a home of its own, for a neighbor in it.
    pub(super) fn make_shared(bench: &Bench<'_>, kind: Kind, people: u64) -> anyhow::Result<Self> {
        Self::of(bench, "shared-", kind, people, |document| {
            Ok(documents::people_only(document)?.replace("autosync = 120", "autosync = 0"))
        })
    }

    /// The same in a home of its own, for changes and for [`Home::isolate`].
    pub(super) fn make_isolated(
        bench: &Bench<'_>,
        kind: Kind,
        people: u64,
    ) -> anyhow::Result<Self> {
        Self::of(bench, "isolated-", kind, people, |document| {
            let text = documents::people_only(document)?;
            Ok(text.replace("autosync = 120", &format!("autosync = 0\n{}", isolation(WAYS[0]))))
        })
    }

    /// Hosts that start from now on run the plugin in this way.
    pub(super) fn isolate(&self, way: &str) -> anyhow::Result<()> {
        let document = self.path.join("connectors").join(format!("{}.toml", self.connector.name));
        let text = WAYS.iter().fold(fs::read_to_string(&document)?, |text, known| {
            text.replace(&isolation(known), &isolation(way))
        });
        Ok(fs::write(&document, text)?)
    }

    /// Makes what is not there: the demo's database with all that is in it.
    pub(super) fn make_whole(bench: &Bench<'_>, people: u64) -> anyhow::Result<Self> {
        let once = |document: &str| Ok(document.replace("autosync = 120", "autosync = 0"));
        Self::of(bench, "", Kind::Sqlite, people, once)
    }

    fn of(
        bench: &Bench<'_>,
        prefix: &str,
        kind: Kind,
        people: u64,
        edit: impl Fn(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<Self> {
        let path = bench.home(&format!("{prefix}{}-{people}", kind.name().to_lowercase()))?;
        demo::ensure_one(&path, kind.demo(), Some(people))?;
        let settings = "listen = [\"127.0.0.1:0\"]\n[log]\nformat = \"json\"\n";
        fs::write(path.join("host.toml"), settings)?;
        for file in ["CORPDB.toml", "HRFILE.toml"] {
            files::remove(&path.join("connectors").join(file))?;
        }
        let mut connector = None;
        for made in documents::ensure(&path)? {
            let document = path.join("connectors").join(format!("{}.toml", made.name));
            if made.name != kind.connector() {
                files::remove(&document)?;
                continue;
            }
            let text = edit(&fs::read_to_string(&document)?)?;
            fs::write(&document, text + "\n[run.delta_import]\nenabled = false\n")?;
            connector = Some(made);
        }
        let connector = connector.context("the demo has no such connector")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { data: kind.demo().path(&path), path, connector, neighbor: None, runtime })
    }

    /// Gives hosts that start from now on a second connector, the only one beside the first.
    /// `document` is all of it but its token.
    pub(super) fn neighbor(
        &mut self,
        name: &'static str,
        plugin: &'static str,
        document: &str,
    ) -> anyhow::Result<()> {
        let (token, hashed) = documents::new_token()?;
        let text = format!("token = \"{hashed}\"\nplugin = \"{plugin}\"\n{document}");
        fs::write(self.path.join("connectors").join(format!("{name}.toml")), text)?;
        self.neighbor = Some(Connector { name, plugin, token });
        Ok(())
    }

    /// Starts a host that knows nothing yet and waits until its first import is through.
    pub(super) fn start(&self, host: &Path) -> anyhow::Result<Host<'_>> {
        let state = self.path.join("state");
        if state.exists() {
            fs::remove_dir_all(&state)?;
        }
        let log = self.path.join("host.log");
        let lines = fs::File::create(&log)?;
        let mut command = run::command(host, &self.path, Some(0))?;
        command.stdout(lines.try_clone()?).stderr(lines);
        let Home { path, connector, neighbor, runtime, .. } = self;
        let ours: Vec<Connector> = iter::once(connector).chain(neighbor).cloned().collect();
        let entered = runtime.enter();
        let mut child = command.spawn().context("cannot start the host")?;
        let pid = child.id().context("the host ended at once")?;
        let ready = runtime.block_on(async {
            tokio::select! {
                ready = run::wait_ready(path, pid, &ours) => ready,
                () = tokio::time::sleep(PATIENCE) => bail!("the host is not ready in time"),
                status = child.wait() => bail!("the host ended: {}; see {}", status?, log.display()),
            }
        });
        drop(entered);
        let ready = ready?;
        let path = |connector: &Connector| format!("/ecma2host_{}/scim", connector.name);
        let (address, token) = (ready.address()?, connector.token.clone());
        let target = Target::new(address, &ready.ca_pem, path(connector), token)?;
        let neighbor = neighbor.as_ref().map(|other| target.of(path(other), other.token.clone()));
        Ok(Host { child, pid, target, neighbor, log, home: self })
    }
}

/// A host at work.
pub(super) struct Host<'h> {
    child: tokio::process::Child,
    pub(super) pid: u32,
    pub(super) target: Target,
    /// The neighbor's endpoint, where there is one.
    pub(super) neighbor: Option<Target>,
    log: PathBuf,
    home: &'h Home,
}

/// An import as the host's log tells of it.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) seconds: f64,
    pub(super) added: u64,
    pub(super) unchanged: u64,
    pub(super) refused: u64,
}

impl Host<'_> {
    /// The imports that are through.
    pub(super) fn runs(&self) -> anyhow::Result<Vec<Run>> {
        Ok(fs::read_to_string(&self.log)?.lines().filter_map(finished).collect())
    }

    /// Ends it as an operator does.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        run::ask_to_stop(&mut self.child)?;
        let status = self.home.runtime.block_on(self.child.wait())?;
        if !status.success() {
            bail!("the host ended with {status}; see {}", self.log.display());
        }
        Ok(())
    }
}

/// The import that a line of the log tells of.
fn finished(line: &str) -> Option<Run> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    if fields["message"] != "Import finished" {
        return None;
    }
    let count = |name: &str| fields[name].as_u64().unwrap_or_default();
    Some(Run {
        seconds: fields["seconds"].as_f64()?,
        added: count("added"),
        unchanged: count("unchanged"),
        refused: count("refused"),
    })
}

/// The yardstick at work.
pub(super) struct Yardstick {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Yardstick {
    /// Starts it with the certificate of a host's home and bodies of this size.
    pub(super) fn start(program: &Path, home: &Home, bytes: usize) -> anyhow::Result<Self> {
        let state = home.path.join("state");
        let mut child = Command::new(program)
            .args([state.join("cert.pem"), state.join("key.pem")])
            .arg(bytes.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut line = String::new();
        let printed = child.stdout.take().expect("standard output is piped");
        BufReader::new(printed).read_line(&mut line)?;
        let address = line.trim().parse();
        let started = Self { child, address: address.unwrap_or(([127, 0, 0, 1], 0).into()) };
        if started.address.port() == 0 {
            bail!("the yardstick did not start");
        }
        Ok(started)
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Yardstick {
    fn drop(&mut self) {
        // One that has ended by itself cannot be ended again, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_read_from_the_log() {
        let line = r#"{"level":"INFO","fields":{"message":"Import finished","added":3,
            "unchanged":4,"refused":1,"seconds":0.5}}"#;
        let run = finished(line).unwrap();
        assert_eq!((run.added, run.unchanged, run.refused, run.seconds), (3, 4, 1, 0.5));
        assert!(finished(r#"{"fields":{"message":"Import failed","seconds":0.5}}"#).is_none());
        assert!(finished("not JSON").is_none());
    }
}
