//! Tokens of clients, and sealed values.

use super::{Asked, Exit, client::Client};
use anyhow::{Context, bail};
use clap::Subcommand;
use ecma_host::{
    app,
    config::{self, ConnectorName, TokenHash},
};
use serde_json::json;
use std::io::{self, IsTerminal, Read, Write};

#[derive(Subcommand)]
pub(super) enum Token {
    /// Make a new secret token for a connector; it is shown once, the document keeps its hash.
    New {
        /// The connector.
        name: String,
        /// Read the token from standard input instead of making one.
        #[arg(long)]
        stdin: bool,
    },
}

pub(super) fn token(asked: &Asked, what: Token) -> anyhow::Result<Exit> {
    let Token::New { name, stdin } = what;
    let settings = asked.settings()?;
    let name: ConnectorName = name.parse()?;
    let file = settings.connectors.join(format!("{name}.toml"));
    let token = if stdin {
        let token = from_stdin("the token")?;
        if token.chars().count() < 12 || !token.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            bail!("a token has at least 12 characters of printable ASCII");
        }
        token
    } else {
        config::new_token().expose().to_owned()
    };
    config::set_string(&file, "token", &TokenHash::new(&token).to_string())
        .with_context(|| format!("cannot change {}", file.display()))?;
    Client::follow(&settings)?;
    let shown = (!stdin).then_some(&token);
    asked.print(&json!({"connector": name.as_str(), "token": shown}), |out| match shown {
        Some(token) => writeln!(out, "{token}"),
        None => Ok(()),
    })?;
    let file = file.display();
    writeln!(io::stderr(), "The hash is in {file}. A running host takes it at once.")?;
    Ok(Exit::Well)
}

pub(super) fn seal(asked: &Asked) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let sealed = app::sealing_key(&settings)?.seal(&from_stdin("the secret")?);
    asked.print(&json!({"sealed": sealed}), |out| writeln!(out, "{sealed}"))?;
    Ok(Exit::Well)
}

/// A secret from standard input, without the newline at its end.
pub(super) fn from_stdin(what: &str) -> anyhow::Result<String> {
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
