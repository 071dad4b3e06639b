//! The command line of the host.

use anyhow::{Context, bail};
use clap::{Parser, Subcommand, ValueEnum};
use ecma_host::{
    app,
    config::{self, ConnectorName, TokenHash},
    plugins::{Row, worker},
    scim,
    simulate::{Client, Form, Wishes},
    telemetry,
    web::error_table,
};
use std::{
    io::{self, IsTerminal, Read, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Look-ups make many small values, and imports grow memory for millions of people.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An open connector host: SCIM 2.0 in front, any target behind.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    /// The folder with host.toml, ECMA, connectors and state.
    #[arg(long, global = true, default_value = ".", env = "ECMA_HOME")]
    home: PathBuf,
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
    },
    /// The plugins in the ECMA folder.
    Plugins {
        #[command(subcommand)]
        what: Plugins,
    },
    /// Make a new secret token for a connector; it is shown once, the document keeps its hash.
    Token {
        /// The connector.
        name: String,
        /// Read the token from standard input instead of making one.
        #[arg(long)]
        stdin: bool,
    },
    /// Seal a secret read from standard input; the line that is printed goes into [values].
    Seal,
    /// Try a connector out: what an identity provider sends, with throw-away objects, step by step.
    ///
    /// Ends with 0 when nothing failed, 1 when something did, 2 when there was nothing to try.
    Simulate {
        /// The connector.
        name: String,
        /// Which identity provider is played.
        #[arg(long = "as", default_value = "entra", value_name = "CLIENT")]
        client: ClientName,
        /// Write nothing: show each change that would be exported, and go on as if it had been made.
        #[arg(long)]
        dry_run: bool,
        /// Show every exchange.
        #[arg(long, conflicts_with = "json")]
        verbose: bool,
        /// One JSON document, at the end.
        #[arg(long)]
        json: bool,
        /// The attribute by which the client looks for people.
        #[arg(long = "match", default_value = "userName", value_name = "PATH")]
        matching: scim::Path,
        /// A value for an attribute, instead of an invented one; empty leaves the attribute out.
        #[arg(long = "set", value_name = "PATH=VALUE", value_parser = assignment)]
        set: Vec<(scim::Path, String)>,
    },
    /// Load one plugin and carry what is asked of it: the host starts this for its connectors.
    #[command(hide = true)]
    Worker(worker::Orders),
    /// Print the JSON Schema of a kind of document, for editors; or the table of errors.
    Schema {
        /// Which document.
        document: Document,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum ClientName {
    /// Microsoft Entra ID.
    Entra,
    /// Okta.
    Okta,
}

/// `PATH=VALUE`; a path may hold `=` in quotes only, so the first one outside of them counts.
fn assignment(text: &str) -> Result<(scim::Path, String), String> {
    let mut quoted = false;
    let at = text.find(|c| {
        quoted ^= c == '"';
        c == '=' && !quoted
    });
    let (path, value) = at.map(|at| (&text[..at], &text[at + 1..])).ok_or("is not PATH=VALUE")?;
    Ok((path.parse().map_err(|error: scim::Error| error.detail)?, value.to_owned()))
}

#[derive(Subcommand)]
enum Plugins {
    /// One line for each candidate: loaded, or refused and what to do.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Document {
    /// host.toml
    Host,
    /// connectors/NAME.toml
    Connector,
    /// The table of errors, as Markdown.
    Errors,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Something wrong with what is tried out is another thing than nothing to try.
    let broken = if matches!(arguments.command, Command::Simulate { .. }) { 2 } else { 1 };
    match command(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "ecma-host: {error:#}");
            ExitCode::from(broken)
        }
    }
}

/// Does what is asked; false when it found something wrong and has told it.
fn command(arguments: Arguments) -> anyhow::Result<bool> {
    match arguments.command {
        Command::Worker(orders) => {
            outlive_requests_to_stop()?;
            worker::run(&orders)?;
        }
        Command::Simulate { name, client, dry_run, verbose, json, matching, set } => {
            let form = match (verbose, json) {
                (_, true) => Form::Json,
                (true, false) => Form::Verbose,
                (false, false) => Form::Lines,
            };
            let client = match client {
                ClientName::Entra => Client::Entra,
                ClientName::Okta => Client::Okta,
            };
            let wishes = Wishes { client, matching, values: set, dry_run, form };
            let settings = app::settings(&arguments.home)?;
            telemetry::quiet(&settings.log, !dry_run);
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let summary = runtime.block_on(app::simulate(settings, &name, &wishes));
            runtime.shutdown_background();
            return Ok(summary?.is_good());
        }
        Command::Run { port } => {
            let settings = app::settings(&arguments.home)?;
            telemetry::init(&settings.log);
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let ended = runtime.block_on(app::run(settings, port));
            // A call into a plugin that does not come back must not keep the host from ending.
            runtime.shutdown_background();
            ended?;
        }
        Command::Plugins { what: Plugins::List { json } } => {
            let settings = app::settings(&arguments.home)?;
            let rows = app::catalog(&settings)?.rows();
            let mut out = io::stdout().lock();
            if json {
                let rows: Vec<_> = rows.iter().map(row_json).collect();
                writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
            } else {
                table(&mut out, &rows)?;
            }
        }
        Command::Token { name, stdin } => token(&arguments.home, &name, stdin)?,
        Command::Seal => {
            let settings = app::settings(&arguments.home)?;
            let sealed = app::sealing_key(&settings)?.seal(&secret_from_stdin("the secret")?);
            writeln!(io::stdout(), "{sealed}")?;
        }
        Command::Schema { document } => {
            let schema = match document {
                Document::Host => config::host_schema(),
                Document::Connector => config::connector_schema(),
                Document::Errors => {
                    write!(io::stdout(), "{}", error_table())?;
                    return Ok(true);
                }
            };
            writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&schema)?)?;
        }
    }
    Ok(true)
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

fn table(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no plugins: put their libraries into the ECMA folder");
    }
    let width = |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).len()).max().unwrap_or(0);
    let (plugin, version) = (width(|row| &row.plugin).max(6), width(|row| &row.version).max(7));
    let file = width(|row| &row.file).max(4);
    writeln!(out, "{:plugin$}  {:version$}  {:file$}  STATE", "PLUGIN", "VERSION", "FILE")?;
    for row in rows {
        let Row { plugin: name, version: of, file: path, state, .. } = row;
        writeln!(out, "{name:plugin$}  {of:version$}  {path:file$}  {state}")?;
        if !row.remedy.is_empty() {
            writeln!(out, "{:plugin$}  {:version$}  {:file$}  → {}", "", "", "", row.remedy)?;
        }
    }
    Ok(())
}

fn row_json(row: &Row) -> serde_json::Value {
    serde_json::json!({
        "file": row.file, "plugin": row.plugin, "version": row.version, "sdk": row.sdk,
        "state": row.state, "remedy": row.remedy,
    })
}

fn secret_from_stdin(what: &str) -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        writeln!(io::stderr(), "Type {what}, then Enter and Ctrl-D:")?;
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let text = text.trim_end_matches(['\n', '\r']).to_owned();
    if text.is_empty() {
        bail!("standard input holds nothing");
    }
    Ok(text)
}

fn token(home: &std::path::Path, name: &str, stdin: bool) -> anyhow::Result<()> {
    let settings = app::settings(home)?;
    let name: ConnectorName = name.parse()?;
    let file = settings.connectors.join(format!("{name}.toml"));
    let token = if stdin {
        let token = secret_from_stdin("the token")?;
        if token.chars().count() < 12 || !token.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            bail!("a token has at least 12 characters of printable ASCII");
        }
        token
    } else {
        config::new_token().expose().to_owned()
    };
    config::set_string(&file, "token", &TokenHash::new(&token).to_string())
        .with_context(|| format!("cannot change {}", file.display()))?;
    if !stdin {
        writeln!(io::stdout(), "{token}")?;
    }
    writeln!(
        io::stderr(),
        "The hash is in {}. Restart the host so that it takes the new token.",
        file.display()
    )?;
    Ok(())
}
