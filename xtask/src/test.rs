//! `cargo xtask test`: what the tests need, then every check in the order of CI, each timed.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::{
    bans,
    cargo::{self, Profile, cargo},
    conformance, fuzz, handshakes, reference, say, stage,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Run only the tests whose names contain this, and no other check.
    #[arg(long, value_name = "F")]
    filter: Option<String>,
}

/// What the tests start or are built with.
struct Need {
    is_there: fn() -> bool,
    /// The Debian package it is in.
    package: &'static str,
}

// The servers' packages would start servers of their own on their usual ports where systemd runs. The
// installation keeps them from it, and the tests start others: see `tests/targets`.
const NEEDED: [Need; 15] = [
    Need { is_there: || is_there("cc"), package: "gcc" },
    Need { is_there: || is_there("c++"), package: "g++" },
    Need { is_there: conformance::python_is_there, package: "python3-venv" },
    Need { is_there: postgres_is_there, package: "postgresql" },
    Need { is_there: || is_there("mariadbd"), package: "mariadb-server" },
    Need { is_there: stage::driver_manager_is_there, package: "unixodbc-dev" },
    Need { is_there: || driver_is_there("psqlodbcw.so"), package: "odbc-postgresql" },
    Need { is_there: || driver_is_there("libmaodbc.so"), package: "odbc-mariadb" },
    Need { is_there: || driver_is_there("libsqlite3odbc.so"), package: "libsqliteodbc" },
    Need { is_there: || is_there("slapd"), package: "slapd" },
    Need { is_there: || is_there("ldapsearch"), package: "ldap-utils" },
    Need { is_there: || is_there("ns-slapd"), package: "389-ds-base" },
    Need { is_there: || is_there("samba"), package: "samba-ad-dc" },
    Need { is_there: || Path::new(DOMAIN_TEMPLATES).is_dir(), package: "samba-ad-provision" },
    Need { is_there: || is_there("ldbadd"), package: "ldb-tools" },
];

/// What `samba-tool` makes a domain from.
const DOMAIN_TEMPLATES: &str = "/usr/share/samba/setup";
/// Keeps the package `slapd` from making a directory of its own.
const WITHOUT_DIRECTORY: &str =
    "echo slapd slapd/no_configuration boolean true | debconf-set-selections";
/// What Debian's packages ask whether they may start what they install; 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const START_NOTHING: &str = "#!/bin/sh\nexit 101\n";

/// How many tests passed and failed.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

/// What became of the steps so far.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
    failed: bool,
}

/// Runs everything and closes with `N passed, M failed`. A failed step does not keep the later
/// ones from running: one run shows all there is to mend.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    let mut count = Count::default();
    install_missing()?;
    if options.filter.is_none() {
        report.step("format", || succeed(cargo().args(["fmt", "--all", "--check"])));
        report.step("clippy", || {
            let lint = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
            succeed(cargo().args(lint))
        });
        report.step("licences and bans", bans::run);
    }
    report.step("tests", || tests(options.filter.as_deref(), &mut count));
    if !is_root() {
        report.lines.push("Active Directory   not tested: Samba starts as root only".to_owned());
    }
    if options.filter.is_none() {
        report.step("conformance", conformance::run);
        report.step("handshakes", handshakes::run);
        report.step("fuzz", fuzz::step);
        report.step("reference", || reference::run(true));
    }
    say!();
    for line in &report.lines {
        say!("{line}");
    }
    say!("{} passed, {} failed", count.passed, count.failed);
    Ok(if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Report {
    fn step(&mut self, name: &str, step: impl FnOnce() -> anyhow::Result<()>) {
        say!("── {name}");
        let started = Instant::now();
        let outcome = step();
        self.add(name, started.elapsed(), outcome);
    }

    fn add(&mut self, name: &str, took: Duration, outcome: anyhow::Result<()>) {
        self.failed |= outcome.is_err();
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        self.lines.push(format!("{name:<18} {word:<7} {:>7.1} s", took.as_secs_f64()));
        if let Err(error) = outcome {
            say!("{name}: {error:#}");
        }
    }
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    if !status.success() {
        bail!("ended with {status}");
    }
    Ok(())
}

/// Runs the tests, showing what they print and adding up what they report.
fn tests(filter: Option<&str>, count: &mut Count) -> anyhow::Result<()> {
    // Tests open it as the plugin does, and cargo builds for a test only what it is linked with.
    let companions = cargo::companions()?;
    let names: Vec<_> = companions.iter().map(String::as_str).collect();
    cargo::build(&names, Profile::Debug)?;
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    if let Some(filter) = filter {
        command.args(["--", filter]);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let printed = child.stdout.take().expect("standard output is piped");
    let mut out = std::io::stdout();
    for line in BufReader::new(printed).split(b'\n') {
        let mut line = line.context("cannot read what the tests print")?;
        if let Some(more) = result_in(&String::from_utf8_lossy(&line)) {
            count.passed += more.passed;
            count.failed += more.failed;
        }
        line.push(b'\n');
        let _ = out.write_all(&line);
    }
    let status = child.wait().context("cannot wait for cargo")?;
    if !status.success() {
        bail!("cargo test ended with {status}");
    }
    if *count == Count::default() {
        bail!("no test ran");
    }
    Ok(())
}

/// The counts in a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
fn result_in(line: &str) -> Option<Count> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |word: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(word))?;
        part.trim().parse().ok()
    };
    Some(Count { passed: number("passed")?, failed: number("failed")? })
}

/// Installs what is missing as root on a Debian; otherwise says how to.
fn install_missing() -> anyhow::Result<()> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let packages = packages.join(" ");
    if !(is_root() && is_there("apt-get")) {
        bail!(
            "the tests need these packages: {packages}; install them with \
             `sudo apt-get update && sudo apt-get install --yes {packages}`"
        );
    }
    say!("installing {packages}");
    succeed(Command::new("apt-get").arg("update"))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install.args(["install", "--yes", "--no-install-recommends"]).args(packages.split(' '));
    if missing().contains(&"slapd") {
        succeed(Command::new("sh").args(["-c", WITHOUT_DIRECTORY]))?;
    }
    starting_nothing(Path::new(POLICY), || succeed(&mut install))?;
    match missing().as_slice() {
        [] => Ok(()),
        still => bail!("still missing after the installation: {}", still.join(" ")),
    }
}

/// Installs without the servers that packages bring along being started, unless somebody has said
/// already what may start.
fn starting_nothing(
    policy: &Path,
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if policy.exists() {
        return install();
    }
    let shown = policy.display();
    fs::write(policy, START_NOTHING).with_context(|| format!("cannot write {shown}"))?;
    let installed = succeed(Command::new("chmod").arg("755").arg(policy)).and_then(|()| install());
    fs::remove_file(policy).with_context(|| format!("cannot remove {shown}"))?;
    installed
}

fn missing() -> Vec<&'static str> {
    NEEDED.iter().filter(|need| !(need.is_there)()).map(|need| need.package).collect()
}

/// Whether a program is in PATH, or where servers are: ordinary users often have no `sbin` in theirs.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let more = ["/usr/local/bin", "/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).any(|folder| folder.join(&name).is_file())
}

/// Debian keeps PostgreSQL out of PATH, in a folder for each version.
fn postgres_is_there() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders = versions.map(|version| version.path().join("bin"));
    is_there("initdb") || folders.any(|folder| folder.join("initdb").is_file())
}

/// Whether an ODBC driver is where distributions put them.
fn driver_is_there(file: &str) -> bool {
    let below = |folder: &str| std::fs::read_dir(folder).into_iter().flatten().flatten();
    below("/usr/lib")
        .chain(below("/usr"))
        .map(|entry| entry.path())
        .any(|folder| folder.join(file).is_file() || folder.join("odbc").join(file).is_file())
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_from_the_line_cargo_prints() {
        let passed = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; \
                      finished in 0.01s";
        assert_eq!(result_in(passed), Some(Count { passed: 12, failed: 0 }));
        let failed = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured";
        assert_eq!(result_in(failed), Some(Count { passed: 3, failed: 2 }));
        assert_eq!(result_in("test scim::results ... ok"), None);
    }

    #[test]
    fn one_failed_step_fails_the_run_and_is_named() {
        let mut report = Report::default();
        report.add("format", Duration::from_millis(1500), Ok(()));
        assert!(!report.failed);
        report.add("clippy", Duration::ZERO, Err(anyhow::anyhow!("ended")));
        report.add("tests", Duration::ZERO, Ok(()));
        assert!(report.failed);
        assert_eq!(report.lines[0], "format             ok          1.5 s");
        assert!(report.lines[1].contains("FAILED"), "{}", report.lines[1]);
    }

    #[cfg(unix)]
    #[test]
    fn servers_are_kept_from_starting_only_while_packages_are_installed() {
        let directory = tempfile::tempdir().unwrap();
        let policy = directory.path().join("policy-rc.d");
        let mut answer = None;
        let install = || {
            answer = Command::new(&policy).status()?.code();
            bail!("no such package")
        };
        assert!(starting_nothing(&policy, install).is_err());
        assert_eq!(answer, Some(101));
        assert!(!policy.exists());
        fs::write(&policy, "somebody's").unwrap();
        starting_nothing(&policy, || Ok(())).unwrap();
        assert_eq!(fs::read_to_string(&policy).unwrap(), "somebody's");
    }

    #[test]
    fn a_program_is_looked_up_in_the_path() {
        assert!(is_there("cargo"));
        assert!(!is_there("no-such-program-anywhere"));
    }
}
