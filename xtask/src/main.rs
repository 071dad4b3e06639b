//! The repository's own commands, as `cargo xtask …`: everything CI and a newcomer need, with
//! nothing to install first.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

mod bans;
mod bench;
mod cargo;
mod conformance;
mod demo;
mod documents;
mod files;
mod fuzz;
mod handshakes;
mod health;
mod people;
mod random;
mod ready;
mod reference;
mod run;
mod spdx;
mod stage;
mod teams;
mod test;

use cargo::Profile;

/// Writes a line to standard output; a reader that has gone away is no failure. Tests stay silent.
macro_rules! say {
    ($($part:tt)*) => {
        if !cfg!(test) {
            use std::io::Write as _;
            let _ = writeln!(std::io::stdout(), $($part)*);
        }
    };
}
use say;

/// Commands of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Commands {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build, make a demo if there is none, start the host on it and say how to reach it.
    Run(run::Options),
    /// Make only the demo's data, of any size.
    Demo(demo::Options),
    /// Build the plugins and put them into ECMA/.
    Stage(StageOptions),
    /// Measure the host: look-ups a second, full imports.
    Bench(bench::Options),
    /// Run every check and test, in the order of CI.
    Test(test::Options),
    /// Run a third party's SCIM suite against the host with both plugins; needs Python 3.11.
    Conformance,
    /// Let a scanner of TLS look at the host's listener; needs Python 3.11.
    Handshakes,
    /// Let a fuzzer look for inputs that break a law of the protocol's rules, on Linux.
    Fuzz(fuzz::Options),
    /// Write the generated part of docs/reference/.
    Reference(ReferenceOptions),
}

#[derive(Args)]
struct StageOptions {
    /// Optimized libraries instead of debug ones.
    #[arg(long)]
    release: bool,
    /// The folder to put them into [default: ECMA/ of the repository].
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

#[derive(Args)]
struct ReferenceOptions {
    /// Write nothing; fail when a file is stale.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    obey(Commands::parse().command).unwrap_or_else(|error| {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
        ExitCode::FAILURE
    })
}

fn obey(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(options) => return run::run(&options),
        Command::Demo(options) => demo::run(&options)?,
        Command::Stage(StageOptions { release, into }) => {
            let profile = if release { Profile::Release } else { Profile::Debug };
            stage::run(profile, &into.unwrap_or_else(|| cargo::root().join("ECMA")))?;
        }
        Command::Bench(options) => return bench::run(&options),
        Command::Test(options) => return test::run(&options),
        Command::Conformance => conformance::run()?,
        Command::Handshakes => handshakes::run()?,
        Command::Fuzz(options) => return fuzz::run(&options),
        Command::Reference(ReferenceOptions { check }) => reference::run(check)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Commands::command().debug_assert();
    }
}
