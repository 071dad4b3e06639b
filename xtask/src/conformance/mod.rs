//! `cargo xtask conformance`: the real host with both plugins, before a suite that others wrote.
//!
//! The suite is scim2-tester. It reads /Schemas and tries whatever stands there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::process::Child;

use crate::{
    cargo::{self, Profile},
    documents::{self, Connector},
    files::{self, Reader},
    run::{self, Listening},
    say, stage,
};

pub(crate) mod python;
mod verdict;

pub(crate) use python::is_there as python_is_there;
use verdict::{Line, Skips, Verdict};

/// How long the host may take to be ready, to answer the suite, and to end.
const PATIENCE: Duration = Duration::from_secs(120);
const GRACE: Duration = Duration::from_secs(30);

/// A connector and the resources that the suite has to find there.
struct Subject {
    connector: Connector,
    resources: &'static [&'static str],
}

/// Runs the suite; what it finds wrong is a failure.
pub(crate) fn run() -> anyhow::Result<()> {
    let scratch = cargo::metadata(&["--no-deps"])?.target_directory.join("conformance");
    fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    let ours = cargo::root().join("tests/conformance");
    let python =
        python::ensure(&scratch.join("venv"), &ours.join("requirements.txt"), "scim2_tester")?;
    let skips = Skips::read(&ours.join("skipped.txt"))?;

    let plugins = cargo::plugins()?;
    let packages: Vec<_> = plugins.iter().map(String::as_str).chain(["ecma-host"]).collect();
    let built = cargo::build(&packages, Profile::Debug)?;
    let home = tempfile::tempdir_in(&scratch).context("cannot make a home for the host")?;
    stage::stage(&built.libraries, &home.path().join("ECMA"))?;
    let subjects = furnish(home.path(), &ours)?;
    let suite = Suite { python, script: ours.join("run.py"), scratch };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let host = built.program("ecma-host")?;
    let lines = runtime.block_on(suite.through(&host, home.path(), &subjects))?;
    let mut verdict = Verdict::new(&skips);
    for (subject, lines) in subjects.iter().zip(&lines) {
        verdict.add(subject.connector.name, subject.resources, lines);
    }
    verdict.conclude().with_context(|| suite.traces())
}

/// Makes the targets and the documents. Nothing is kept: each run begins with the same.
fn furnish(home: &Path, ours: &Path) -> anyhow::Result<Vec<Subject>> {
    let read = |name: &str| {
        let path = ours.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let write =
        |name: &str, text: &str| files::write(&home.join(name), text.as_bytes(), Reader::All);
    write("host.toml", "listen = [\"127.0.0.1:0\"]\n")?;
    write("people.csv", &read("people.csv")?)?;
    let database = rusqlite::Connection::open(home.join("company.db"))?;
    database.execute_batch(&read("company.sql")?).context("company.sql is not right")?;
    let mut subjects = Vec::new();
    for (name, plugin, resources) in
        [("CSV", "csv-file", &["User"][..]), ("SQL", "generic-sql", &["User", "Group"])]
    {
        let (token, hash) = documents::new_token()?;
        let document = read(&format!("{name}.toml"))?.replace("@TOKEN@", &hash);
        write(&format!("connectors/{name}.toml"), &document)?;
        subjects.push(Subject { connector: Connector { name, plugin, token }, resources });
    }
    Ok(subjects)
}

/// What is needed to try a host.
struct Suite {
    python: PathBuf,
    script: PathBuf,
    /// The host's log and all results go here, for those who look into a fault.
    scratch: PathBuf,
}

impl Suite {
    /// Starts the host, tries each connector and stops the host, whatever happened.
    async fn through(
        &self,
        host: &Path,
        home: &Path,
        subjects: &[Subject],
    ) -> anyhow::Result<Vec<Vec<Line>>> {
        let log = self.scratch.join("host.log");
        let log =
            fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = run::command(host, home, Some(0))?;
        command.stdout(log.try_clone()?).stderr(log);
        let mut host = command.spawn().context("cannot start the host")?;
        let connectors: Vec<_> = subjects.iter().map(|one| one.connector.clone()).collect();
        let lines = self.try_all(&mut host, home, &connectors).await;
        let stopped = stop(host).await;
        let lines = lines.with_context(|| self.traces())?;
        stopped.with_context(|| self.traces()).map(|()| lines)
    }

    fn traces(&self) -> String {
        format!("the host's log and the results are in {}", self.scratch.display())
    }

    async fn try_all(
        &self,
        host: &mut Child,
        home: &Path,
        connectors: &[Connector],
    ) -> anyhow::Result<Vec<Vec<Line>>> {
        let pid = host.id().context("the host ended at once")?;
        let listening = tokio::select! {
            ready = run::wait_ready(home, pid, connectors) => ready?,
            status = host.wait() => bail!("the host ended: {}", status?),
            () = tokio::time::sleep(PATIENCE) => bail!("the host is not ready in time"),
        };
        let mut all = Vec::new();
        for connector in connectors {
            let tried = tokio::time::timeout(PATIENCE, self.try_one(&listening, connector)).await;
            let tried = tried.context("it took too long").and_then(|lines| lines);
            all.push(tried.with_context(|| format!("cannot try {}", connector.name))?);
        }
        Ok(all)
    }

    async fn try_one(
        &self,
        listening: &Listening,
        connector: &Connector,
    ) -> anyhow::Result<Vec<Line>> {
        let port = listening.address()?.port();
        let mut command = tokio::process::Command::new(&self.python);
        command
            .arg(&self.script)
            .env("BASE_URL", format!("https://localhost:{port}/ecma2host_{}/scim", connector.name))
            .env("CA_PEM", &listening.ca_pem)
            // Command lines are public, the environment is not.
            .env("TOKEN", &connector.token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let output = command.spawn().context("cannot start python")?.wait_with_output().await?;
        if !output.status.success() {
            bail!("run.py ended with {}", output.status);
        }
        let results = self.scratch.join(format!("{}.jsonl", connector.name));
        files::write(&results, &output.stdout, Reader::All)?;
        verdict::lines(&String::from_utf8_lossy(&output.stdout))
    }
}

/// Ends the host as an operator does.
async fn stop(mut host: Child) -> anyhow::Result<()> {
    if host.id().is_some() {
        run::ask_to_stop(&mut host)?;
    }
    let Ok(status) = tokio::time::timeout(GRACE, host.wait()).await else {
        host.kill().await?;
        bail!("the host did not stop when it was told to");
    };
    let status = status?;
    if !status.success() {
        bail!("the host ended with {status}");
    }
    say!("the host has stopped");
    Ok(())
}
