//! What is printed or written without looking at any home: schemas, completions, manual pages.

use super::{Arguments, Exit, reference};
use clap::{CommandFactory, ValueEnum};
use ecma_host::{config, web::error_table};
use std::{
    fs,
    io::{self, Write},
    path::Path,
};

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Document {
    /// host.toml
    Host,
    /// connectors/NAME.toml
    Connector,
    /// The table of errors, as Markdown.
    Errors,
    /// The commands, as Markdown.
    Cli,
}

pub(super) fn schema(document: Document) -> anyhow::Result<Exit> {
    let schema = match document {
        Document::Host => config::host_schema(),
        Document::Connector => config::connector_schema(),
        Document::Errors => {
            write!(io::stdout(), "{}", error_table())?;
            return Ok(Exit::Well);
        }
        Document::Cli => {
            write!(io::stdout(), "{}", reference::markdown(&Arguments::command()))?;
            return Ok(Exit::Well);
        }
    };
    writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Well)
}

pub(super) fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut visible(), "ecma-host", &mut text);
    io::stdout().write_all(&text)?;
    Ok(Exit::Well)
}

/// The commands that are for people: completions would show those that are not, too.
fn visible() -> clap::Command {
    let all = Arguments::command();
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    clap::Command::new("ecma-host")
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments().cloned())
        .subcommands(shown)
}

pub(super) fn manual(folder: &Path) -> anyhow::Result<Exit> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Arguments::command(), folder)?;
    Ok(Exit::Well)
}
