//! `cargo xtask bench`: the host under load beside a yardstick in the same run, as tables for
//! docs/performance.md.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use crate::{
    cargo::{self, Profile},
    say, stage,
};

mod client;
mod faults;
mod figures;
mod import;
mod isolation;
mod lookups;
mod machine;
mod neighbors;
mod readers;
mod server;
mod wrk;

/// What to measure.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Indexed look-ups per second over TLS.
    Lookups,
    /// Full imports from a file and from a database.
    Import,
    /// What look-ups feel of a group of 100,000 members, and of filters that look at everybody.
    Neighbors,
    /// What look-ups feel of a plugin beside that hangs, panics, leaks or ends its process.
    Faults,
    /// What it costs imports and changes that a plugin runs in a process of its own.
    Isolation,
    /// All of these.
    All,
}

/// How long a turn takes when nobody says it.
const SECONDS: u64 = 8;

#[derive(Args)]
pub(crate) struct Options {
    /// What to measure.
    what: What,
    /// How many people the big target has.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    people: u64,
    /// How long one turn of look-ups takes [default: 8; 5 beside faults, and of changes].
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// How often each is measured; they take turns, and the median counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Connections that ask for look-ups at once.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..))]
    connections: u64,
    /// Keep the data here, for the next time [default: a temporary folder].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Measure this host instead of one built here.
    #[arg(long, value_name = "PATH")]
    host: Option<PathBuf>,
    /// Build without optimizations, to try a measurement out: its figures say nothing.
    #[arg(long)]
    debug: bool,
}

impl Options {
    fn seconds(&self, usual: u64) -> u64 {
        self.seconds.unwrap_or(usual)
    }
}

/// The plugin that goes wrong on order.
const MISBEHAVING: &str = "misbehaving";

/// What every measurement needs.
struct Bench<'o> {
    options: &'o Options,
    folder: PathBuf,
    host: PathBuf,
    yardstick: PathBuf,
    plugins: Vec<PathBuf>,
    /// The one that goes wrong on order, for who measures that.
    misbehaving: PathBuf,
}

/// Builds, measures and prints the tables.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if !cfg!(target_os = "linux") {
        bail!("the measurements read /proc and need Linux");
    }
    if cfg!(debug_assertions) && !options.debug {
        return again_optimized();
    }
    let temporary = tempfile::tempdir().context("no folder for temporary files")?;
    let folder = options.dir.as_deref().unwrap_or(temporary.path());
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let plugins = cargo::plugins()?;
    // In one go: each choice of packages has features, and so builds, of its own.
    let others = ["ecma-host", "yardstick", MISBEHAVING];
    let packages: Vec<_> = plugins.iter().map(String::as_str).chain(others).collect();
    let profile = if options.debug { Profile::Debug } else { Profile::Release };
    let mut built = cargo::build(&packages, profile)?;
    let file = format!("{DLL_PREFIX}{MISBEHAVING}{DLL_SUFFIX}");
    let at = built.libraries.iter().position(|library| library.ends_with(&file));
    let misbehaving = built.libraries.remove(at.context("cargo built no misbehaving plugin")?);
    let given = options.host.as_ref().map(fs::canonicalize).transpose();
    let bench = Bench {
        options,
        folder: fs::canonicalize(folder)?,
        host: given
            .context("cannot find the host")?
            .map_or_else(|| built.program("ecma-host"), Ok)?,
        yardstick: built.program("yardstick")?,
        plugins: built.libraries,
        misbehaving,
    };
    say!("{}\n", machine::line()?);
    let asked = |what| options.what == what || options.what == What::All;
    if asked(What::Lookups) {
        lookups::run(&bench)?;
    }
    if asked(What::Import) {
        import::run(&bench)?;
    }
    if asked(What::Neighbors) {
        neighbors::run(&bench)?;
    }
    if asked(What::Faults) {
        faults::run(&bench)?;
    }
    if asked(What::Isolation) {
        isolation::run(&bench)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The bare readers are part of this program, and what the host is held against must not be slow.
fn again_optimized() -> anyhow::Result<ExitCode> {
    let program = cargo::build_program("xtask", Profile::Release)?;
    let status = Command::new(&program)
        .args(std::env::args_os().skip(1))
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Bench<'_> {
    /// A home of that name with the plugins in it.
    fn home(&self, name: &str) -> anyhow::Result<PathBuf> {
        let home = self.folder.join(name);
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        stage::stage(&self.plugins, &home.join("ECMA"))?;
        Ok(home)
    }
}

/// The size of a file.
fn size_of(path: &Path) -> anyhow::Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len())
}
