//! `connectors test`: the way from the client to the target, link by link.

use super::{Asked, Exit, NoHost, client::Client, secrets};
use clap::Args;
use ecma_host::{
    app::{self, Link, LinkState, Walk},
    config::{ConnectorName, HostConfig, Secret},
};
use serde_json::json;
use std::io::{self, Write};

#[derive(Args)]
pub(super) struct Test {
    /// The connector.
    pub(super) name: String,
    /// Where clients reach the host, such as https://idm.example.org:8585, when that is another place
    /// than host.toml says.
    #[arg(long)]
    url: Option<String>,
    /// Try the token that is read from standard input.
    #[arg(long)]
    token_stdin: bool,
}

pub(super) fn run(
    asked: &Asked,
    settings: &HostConfig,
    name: &ConnectorName,
    what: &Test,
) -> anyhow::Result<Exit> {
    let token = what.token_stdin.then(|| secrets::from_stdin("the token")).transpose()?;
    let token = token.map(Secret::from);
    let client = Client::new(settings)?;
    let ask = |path: &str| client.get(path).map_err(|error| format!("{error:#}"));
    let runs = match client.get("/v1/health") {
        Ok(_) => true,
        Err(error) if error.is::<NoHost>() => false,
        Err(error) => return Err(error),
    };
    let walk = Walk {
        config: settings,
        name,
        url: what.url.as_deref(),
        token: token.as_ref(),
        admin: if runs { Some(&ask) } else { None },
    };
    let mut out = io::stdout().lock();
    let (mut failed, mut before) = (Ok(()), String::new());
    let links = app::walk(&walk, &mut |link| {
        // Some links take long: each is told when it is done.
        if !asked.json && failed.is_ok() {
            failed = line(&mut out, link, &before);
        }
        before.clone_from(&link.detail);
    })?;
    drop(out);
    failed?;
    let broken: Vec<&Link> = links.iter().filter(|link| link.state == LinkState::Failed).collect();
    let value = json!({"connector": name.as_str(), "works": broken.is_empty(), "links": links});
    asked.print(&value, |out| match broken.is_empty() {
        true => writeln!(out, "\nNothing is broken."),
        false => broken.iter().try_for_each(|link| {
            writeln!(out, "\nBroken: {}\n{}\n→ {}", link.what, link.detail, link.remedy)
        }),
    })?;
    Ok(if broken.is_empty() { Exit::Well } else { Exit::Wrong })
}

/// One line; why links are skipped is told with the first of them.
fn line(out: &mut dyn Write, link: &Link, before: &str) -> io::Result<()> {
    let state = match link.state {
        LinkState::Ok => "ok",
        LinkState::Failed => "failed",
        LinkState::Skipped => "skipped",
    };
    let is_told = link.state == LinkState::Skipped && link.detail == before;
    let detail = if is_told { "" } else { link.detail.lines().next().unwrap_or_default() };
    let line = format!("{state:7}  {:8}  {:>6} ms  {detail}", link.what, link.milliseconds);
    writeln!(out, "{}", line.trim_end())?;
    out.flush()
}
