//! Sealed values, and secrets typed in.

use super::{Asked, Exit};
use anyhow::bail;
use ecma_host::app;
use serde_json::json;
use std::io::{self, IsTerminal, Read, Write};

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
