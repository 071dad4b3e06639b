//! `simulate`: a client that tries a connector out.

use super::{Asked, Exit};
use clap::{Args, ValueEnum};
use ecma_host::{
    app, scim,
    simulate::{Client, Form, Wishes},
    telemetry,
};

#[derive(Args)]
pub(super) struct Simulate {
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
    /// The attribute by which the client looks for people.
    #[arg(long = "match", default_value = "userName", value_name = "PATH")]
    matching: scim::Path,
    /// A value for an attribute, instead of an invented one; empty leaves the attribute out.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = assignment)]
    set: Vec<(scim::Path, String)>,
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

pub(super) fn run(asked: &Asked, what: Simulate) -> anyhow::Result<Exit> {
    let Simulate { name, client, dry_run, verbose, matching, set } = what;
    let form = match (verbose, asked.json) {
        (_, true) => Form::Json,
        (true, false) => Form::Verbose,
        (false, false) => Form::Lines,
    };
    let client = match client {
        ClientName::Entra => Client::Entra,
        ClientName::Okta => Client::Okta,
    };
    let wishes = Wishes { client, matching, values: set, dry_run, form };
    let settings = asked.settings()?;
    telemetry::quiet(&settings.log, !dry_run);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let summary = runtime.block_on(app::simulate(settings, &name, &wishes));
    runtime.shutdown_background();
    Ok(if summary?.is_good() { Exit::Well } else { Exit::Wrong })
}
