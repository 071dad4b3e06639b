//! The command line. Each command prints tables for people, or one JSON document with `--json`; how it
//! ends is the same for scripts everywhere, see [`Exit`].

mod cert;
mod client;
mod collect;
mod connectors;
mod doctor;
mod exchange;
mod exports;
mod logs;
mod new;
mod plugins;
mod print;
mod reference;
mod runs;
mod secrets;
mod simulate;
mod table;
mod test;
mod tokens;

use anyhow::Context;
use clap::{Parser, Subcommand};
use ecma_host::{
    app,
    config::{HostConfig, Problem},
    plugins::worker,
    telemetry::Telemetry,
};
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

/// An open connector host: SCIM 2.0 in front, any target behind.
///
/// Every command ends with 0 when all is well, 1 when something is wrong or could not be done, 2 when
/// the command itself is wrong, 3 when it needs a running host and there is none.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// The folder with host.toml, ECMA, connectors and state.
    #[arg(long, global = true, default_value = ".", env = "ECMA_HOME")]
    home: PathBuf,
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the connectors until asked to stop.
    Run {
        /// The port, instead of that in host.toml; 0 takes a free one.
        #[arg(long)]
        port: Option<u16>,
        /// As the service that Windows starts; not for a console.
        #[cfg(windows)]
        #[arg(long)]
        service: bool,
    },
    /// What lies in the plugins folder.
    #[command(subcommand)]
    Plugins(plugins::Plugins),
    /// The connectors and their documents.
    #[command(subcommand)]
    Connectors(connectors::Connectors),
    /// Import from a connector's target now.
    Sync(runs::Sync),
    /// Imports that hold removals back.
    #[command(subcommand)]
    Imports(runs::Imports),
    /// Deletes and disables that the export guard holds back.
    #[command(subcommand)]
    Exports(exports::Exports),
    /// The imports of a connector since the host started.
    History(runs::History),
    /// What the host knows of a connector's target.
    Cache(runs::Cache),
    /// The host's certificate.
    #[command(subcommand)]
    Cert(cert::Cert),
    /// The secret tokens of clients.
    #[command(subcommand)]
    Token(tokens::Token),
    /// The log of a running host, and the file for support.
    #[command(subcommand)]
    Logs(logs::Logs),
    /// Look at the home as a whole: folders, documents, plugins, certificate, port, machine.
    Doctor,
    /// Seal a secret read from standard input; the line that is printed goes into [values].
    Seal,
    /// Sealed values and the key that seals them.
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    /// Try a connector out: what an identity provider sends, with throw-away objects, step by step.
    ///
    /// Ends with 0 when nothing failed, 1 when something did, 2 when there was nothing to try.
    Simulate(simulate::Simulate),
    /// Load one plugin and carry what is asked of it: the host starts this for its connectors.
    #[command(hide = true)]
    Worker(worker::Orders),
    /// Print the JSON Schema of a kind of document, for editors; or a page of the reference.
    Schema {
        /// Which document.
        document: print::Document,
    },
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one for each command.
    Man {
        /// The folder; it is made when it is not there.
        folder: PathBuf,
    },
}

/// How a command ended.
pub(crate) enum Exit {
    /// All is well.
    Well,
    /// Something is wrong, and has been told.
    Wrong,
}

/// There is no running host to ask.
#[derive(Debug, thiserror::Error)]
#[error("no host runs in {0}: start it with `ecma-host run`")]
pub(crate) struct NoHost(String);

/// What all commands share.
struct Asked {
    home: PathBuf,
    json: bool,
}

impl Asked {
    /// The settings, as far as they are right: who looks after a host that runs on what was there before
    /// needs its commands all the more. Where a mistake may mean another place, none.
    fn settings(&self) -> anyhow::Result<HostConfig> {
        let (settings, problems) = app::settings_so_far(&self.home)?;
        let says_where = |problem: &Problem| {
            let places = ["", "plugins", "connectors", "state", "secrets"];
            places.contains(&problem.key.split('.').next().unwrap_or_default())
        };
        if problems.iter().any(says_where) {
            return app::settings(&self.home);
        }
        for problem in &problems {
            let _ = writeln!(io::stderr(), "{problem}; the command goes on without it");
        }
        Ok(settings)
    }

    /// Prints a JSON document, or what the other writes.
    fn print(
        &self,
        value: &Value,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self.json {
            true => writeln!(out, "{}", serde_json::to_string_pretty(value)?)?,
            false => text(&mut out)?,
        }
        Ok(())
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.root_cause().downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// An error with its causes, each said once: many of them say their cause themselves.
fn told(error: &anyhow::Error) -> String {
    let mut all = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if all.is_empty() {
            all = cause;
        } else if !all.contains(&cause) {
            all = format!("{all}: {cause}");
        }
    }
    all
}

/// Does what the command line asks for.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    // Something wrong with what is tried out is another thing than nothing to try.
    let broken = if matches!(arguments.command, Command::Simulate(_)) { 2 } else { 1 };
    match command(arguments) {
        Ok(Exit::Well) => ExitCode::SUCCESS,
        Ok(Exit::Wrong) => ExitCode::FAILURE,
        // Whoever reads has read enough, such as `head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let told = told(&error);
            let _ = writeln!(io::stderr(), "ecma-host: {told}");
            if json {
                let _ = writeln!(io::stdout(), "{}", json!({"error": told}));
            }
            ExitCode::from(if error.is::<NoHost>() { 3 } else { broken })
        }
    }
}

fn command(Arguments { home, json, command }: Arguments) -> anyhow::Result<Exit> {
    let at = Asked { home, json };
    match command {
        #[cfg(windows)]
        Command::Run { port, service: true } => {
            app::as_service(move || serve(&at, port)).map(|()| Exit::Well)
        }
        Command::Run { port, .. } => serve(&at, port).map(|()| Exit::Well),
        Command::Worker(orders) => {
            outlive_requests_to_stop()?;
            worker::run(&orders)?;
            Ok(Exit::Well)
        }
        Command::Plugins(what) => plugins::run(&at, what),
        Command::Connectors(what) => connectors::run(&at, what),
        Command::Sync(what) => runs::sync(&at, &what),
        Command::Imports(what) => runs::imports(&at, what),
        Command::Exports(what) => exports::run(&at, what),
        Command::History(what) => runs::history(&at, &what),
        Command::Cache(what) => runs::cache(&at, &what),
        Command::Token(what) => tokens::run(&at, what),
        Command::Logs(what) => logs::run(&at, what),
        Command::Doctor => doctor::run(&at),
        Command::Cert(what) => cert::run(&at, what),
        Command::Seal => secrets::seal(&at),
        Command::Secrets(what) => secrets::secrets(&at, what),
        Command::Simulate(what) => simulate::run(&at, what),
        Command::Schema { document } => print::schema(document),
        Command::Completions { shell } => print::completions(shell),
        Command::Man { folder } => {
            print::manual(&folder).with_context(|| format!("cannot write to {}", folder.display()))
        }
    }
}

/// Serves until asked to stop.
fn serve(at: &Asked, port: Option<u16>) -> anyhow::Result<()> {
    let settings = app::settings(&at.home)?;
    // First: a log is of one host.
    let _only = app::only_host(&settings)?;
    let telemetry = Telemetry::start(&settings.log, app::now);
    // Who waits at a terminal for lines that go to a file would wait for ever.
    if telemetry.place() != "stderr" && io::stderr().is_terminal() {
        let _ = writeln!(io::stderr(), "the log goes to {}", telemetry.place());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(app::run(settings, port, Arc::clone(&telemetry)));
    // A call into a plugin that does not come back must not keep the host from ending.
    runtime.shutdown_background();
    #[cfg(windows)]
    if let Err(error) = &ended {
        // What a service prints is seen by nobody.
        tracing::error!(error = format!("{error:#}"), "The host ended");
    }
    telemetry.flush();
    ended
}

/// Services are stopped by a signal to each of their processes; a worker is needed until the host has
/// finished what is under way, and ends with it.
#[cfg(unix)]
fn outlive_requests_to_stop() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    // What is registered stays for the life of the process, the runtime does not.
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        drop(signal(kind)?);
    }
    Ok(())
}

#[cfg(not(unix))]
fn outlive_requests_to_stop() -> io::Result<()> {
    Ok(())
}
