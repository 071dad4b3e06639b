//! `cargo xtask fuzz`: builds `tests/fuzz` with the eyes of a coverage-guided fuzzer, on the stable
//! compiler, and lets it look for inputs that break a law.
//!
//! The flags are those of cargo-fuzz, without a sanitizer: our code leaves the safe language in the
//! waist only, and the sanitizers need a nightly compiler.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::{
    cargo::{self, cargo},
    say,
};

#[derive(Args)]
pub(crate) struct Options {
    /// How long each target runs; they run side by side.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Only try this one input again, and show what becomes of it.
    #[arg(long, value_name = "FILE", requires = "targets")]
    input: Option<PathBuf>,
    /// Afterwards, copy the new inputs that reach further into the repository's corpus.
    #[arg(long)]
    keep: bool,
    /// The targets [default: each folder of tests/fuzz/corpus].
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// Counts which code runs and shows the engine what is compared with what.
const FLAGS: [&str; 7] = [
    "-Dwarnings",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebuginfo=line-tables-only",
];

/// Short inputs are quick to try and to read, and a hanging one must not stop the rest of a run.
const BOUNDS: [&str; 4] =
    ["-max_len=2048", "-rss_limit_mb=2048", "-timeout=10", "-use_value_profile=1"];

/// Fuzzes as asked; a finding is a failure.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let room = Room::new(&options.targets)?;
    let program = room.build()?;
    if let (Some(input), [target]) = (&options.input, room.targets.as_slice()) {
        let input = std::path::absolute(input).context("cannot tell where the input is")?;
        let status =
            room.engine(&program, target).arg(input).status().context("cannot start it")?;
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    room.look(&program, options.seconds)?;
    if options.keep {
        room.keep(&program)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The step of `cargo xtask test`. Other systems than Linux have had no try.
pub(crate) fn step() -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        say!("fuzzing is for Linux; the corpus was tried among the tests");
        return Ok(());
    }
    let room = Room::new(&[])?;
    room.look(&room.build()?, 15)
}

/// Where things are.
struct Room {
    /// Ours, in the repository.
    home: PathBuf,
    /// What may be thrown away: the build, what runs have found out, findings.
    scratch: PathBuf,
    targets: Vec<String>,
}

impl Room {
    fn new(wanted: &[String]) -> anyhow::Result<Room> {
        let home = cargo::root().join("tests/fuzz");
        let scratch = cargo::metadata(&["--no-deps"])?.target_directory.join("fuzz");
        let targets = choose(&names(&home.join("corpus"))?, wanted)?;
        for folder in ["findings", "log"] {
            fs::create_dir_all(scratch.join(folder))?;
        }
        Ok(Room { home, scratch, targets })
    }

    /// Builds in a folder of its own, so that the flags do not throw the ordinary build away.
    fn build(&self) -> anyhow::Result<PathBuf> {
        let host = host_triple()?;
        let mut command = cargo();
        command
            .args(["build", "--package", "fuzz", "--features", "engine", "--profile", "fuzz"])
            // With a target, build scripts and macros are spared the flags.
            .args(["--target", &host])
            .env("CARGO_TARGET_DIR", &self.scratch)
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
        let status = command.status().context("cannot start cargo")?;
        if !status.success() {
            bail!("the build for fuzzing ended with {status}");
        }
        Ok(self
            .scratch
            .join(host)
            .join("fuzz/fuzz")
            .with_extension(std::env::consts::EXE_EXTENSION))
    }

    fn engine(&self, program: &Path, target: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.scratch).env("FUZZ_TARGET", target).args(BOUNDS);
        // The engine begins names with it.
        let findings = self.scratch.join("findings").join(format!("{target}-"));
        command.arg(format!("-artifact_prefix={}", findings.display()));
        command.arg(format!("-dict={}", self.home.join("words.dict").display()));
        command
    }

    /// The inputs that runs on this machine found worth keeping; no business of the repository.
    fn found(&self, target: &str) -> anyhow::Result<PathBuf> {
        let folder = self.scratch.join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn corpus(&self, target: &str) -> PathBuf {
        self.home.join("corpus").join(target)
    }

    fn log(&self, target: &str) -> PathBuf {
        self.scratch.join("log").join(format!("{target}.log"))
    }

    /// Runs every target for so long, side by side.
    fn look(&self, program: &Path, seconds: u32) -> anyhow::Result<()> {
        let mut running = Vec::new();
        for target in &self.targets {
            let log = fs::File::create(self.log(target))?;
            let mut command = self.engine(program, target);
            // New inputs go to the first folder.
            command.arg(self.found(target)?).arg(self.corpus(target));
            command.arg(format!("-max_total_time={seconds}"));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            running.push((target, command.spawn().context("cannot start the fuzzer")?));
        }
        let mut findings = Vec::new();
        for (target, child) in running {
            findings.extend(self.outcome(target, child)?);
        }
        if !findings.is_empty() {
            bail!("{}", findings.join("\n"));
        }
        Ok(())
    }

    /// Waits for a target; answers what it found.
    fn outcome(&self, target: &str, mut child: Child) -> anyhow::Result<Option<String>> {
        let status = child.wait().context("cannot wait for the fuzzer")?;
        let log = fs::read(self.log(target)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        if status.success() {
            say!("{target}: {}", summary(&log));
            return Ok(None);
        }
        let log_file = self.log(target);
        let Some(finding) = finding(&log) else {
            return Ok(Some(format!("{target} ended with {status}; see {}", log_file.display())));
        };
        Ok(Some(format!(
            "{target} found {finding}: {}\n  the log: {}\n  again:   cargo xtask fuzz {target} --input {finding}",
            reason(&log),
            log_file.display(),
        )))
    }

    /// Copies into the repository's corpus what reaches code that the corpus does not reach.
    fn keep(&self, program: &Path) -> anyhow::Result<()> {
        for target in &self.targets {
            let mut command = self.engine(program, target);
            command.args(["-merge=1", "-use_value_profile=0"]);
            command.arg(self.corpus(target)).arg(self.found(target)?);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let status = command.status().context("cannot start the fuzzer")?;
            if !status.success() {
                bail!("{target}: the merge ended with {status}");
            }
        }
        Ok(())
    }
}

/// The folders in a folder, in order.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The targets asked for; all when none is.
fn choose(known: &[String], wanted: &[String]) -> anyhow::Result<Vec<String>> {
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
        bail!("{unknown} is no target; they are {}", known.join(", "));
    }
    Ok(if wanted.is_empty() { known } else { wanted }.to_vec())
}

/// The file the engine says it wrote.
fn finding(log: &str) -> Option<&str> {
    log.lines().find_map(|line| Some(line.split_once("Test unit written to ")?.1.trim()))
}

/// What the panic, or else the engine, says.
fn reason(log: &str) -> String {
    let mut lines = log.lines();
    let panic = lines.by_ref().find(|line| line.contains("panicked at")).and_then(|_| lines.next());
    let engine = || log.lines().find(|line| line.contains("ERROR: libFuzzer"));
    panic.or_else(engine).unwrap_or("it did not say why").to_owned()
}

/// How much was tried.
fn summary(log: &str) -> &str {
    log.lines().rev().find(|line| line.starts_with("Done ")).unwrap_or("done")
}

fn host_triple() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("cannot start rustc")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not tell its host")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
INFO: Seed: 7
thread '<unnamed>' panicked at tests/fuzz/src/filter.rs:9:5:
a pr is read differently
==7== ERROR: libFuzzer: deadly signal
artifact_prefix='x'; Test unit written to /target/fuzz/findings/filter-crash-0f
Base64: YQ==";

    #[test]
    fn a_finding_is_told_with_its_file_and_its_reason() {
        assert_eq!(finding(LOG), Some("/target/fuzz/findings/filter-crash-0f"));
        assert_eq!(reason(LOG), "a pr is read differently");
        let slow = "==7== ERROR: libFuzzer: timeout after 10 seconds";
        assert_eq!((finding(slow), reason(slow).as_str()), (None, slow));
    }

    #[test]
    fn a_run_tells_how_much_it_tried() {
        let log = "#2\tINITED cov: 9\nDone 4711 runs in 15 second(s)\n";
        assert_eq!(summary(log), "Done 4711 runs in 15 second(s)");
    }

    #[test]
    fn targets_are_those_of_the_corpus() {
        let known: Vec<_> = ["filter", "path"].map(String::from).into();
        assert_eq!(choose(&known, &[]).unwrap(), known);
        assert_eq!(choose(&known, &known[1..]).unwrap(), ["path"]);
        assert!(choose(&known, &["no".into()]).unwrap_err().to_string().contains("filter, path"));
        let here = names(&cargo::root().join("tests/fuzz/corpus")).unwrap();
        assert_eq!(here, ["filter", "patch", "path", "request", "worker"]);
    }
}
