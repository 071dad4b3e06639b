//! `plugins`: what lies in the plugins folder, and what a file is.

use super::{Asked, Exit};
use anyhow::{Context, bail};
use clap::Subcommand;
use ecma_host::{app, draft::page_name, plugins::Row};
use ecma_plugin_sdk::{Parameter, Plugin, Values};
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::PathBuf,
};

#[derive(Subcommand)]
pub(super) enum Plugins {
    /// One line for each candidate: loaded, or refused and what to do.
    List,
    /// What a plugin can do, and its parameters.
    Inspect {
        /// The library, or the folder of a plugin that brings libraries along.
        file: PathBuf,
    },
    /// Whether a file would be loaded.
    Check {
        /// The library, or the folder of a plugin that brings libraries along.
        file: PathBuf,
    },
}

pub(super) fn run(asked: &Asked, what: Plugins) -> anyhow::Result<Exit> {
    match what {
        Plugins::List => {
            let rows = app::catalog(&asked.settings()?)?.rows();
            asked.print(&json!(rows), |out| list(out, &rows))?;
            Ok(Exit::Well)
        }
        Plugins::Check { file } => {
            // As it is named from where the command runs, before that is the home.
            let file = absolute(&file)?;
            let row = app::candidate(&asked.settings()?, &file)?.0;
            asked.print(&json!(row), |out| list(out, std::slice::from_ref(&row)))?;
            Ok(if row.state == "loaded" { Exit::Well } else { Exit::Wrong })
        }
        Plugins::Inspect { file } => {
            let file = absolute(&file)?;
            let (row, plugin) = app::candidate(&asked.settings()?, &file)?;
            let Some(plugin) = plugin else { bail!("{}; {}", row.state, row.remedy) };
            let (value, parameters) = describe(&row, &plugin)?;
            asked.print(&value, |out| tell(out, &row, &plugin, &parameters))?;
            Ok(Exit::Well)
        }
    }
}

fn absolute(file: &std::path::Path) -> anyhow::Result<PathBuf> {
    file.canonicalize().with_context(|| format!("cannot read {}", file.display()))
}

fn list(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no plugins: put their libraries into the ECMA folder");
    }
    let mut lines = Vec::new();
    for row in rows {
        let cells = [&row.plugin, &row.version, &row.file, &row.state];
        lines.push(cells.map(String::clone).to_vec());
        if !row.remedy.is_empty() {
            let none = String::new;
            lines.push(vec![none(), none(), none(), format!("→ {}", row.remedy)]);
        }
    }
    super::table::write(out, &["PLUGIN", "VERSION", "FILE", "STATE"], &lines)
}

fn describe(row: &Row, plugin: &Plugin) -> anyhow::Result<(Value, Vec<Parameter>)> {
    let parameters = plugin.parameters(None, &Values::default())?;
    // Some plugins can say what they can do only when they know their target.
    let capabilities = plugin.capabilities(&Values::default()).ok();
    let info = plugin.info();
    let value = json!({
        "plugin": info.name, "version": info.version, "sdk": info.sdk,
        "description": info.description, "file": row.file,
        "capabilities": capabilities, "parameters": parameters,
    });
    Ok((value, parameters))
}

fn tell(
    out: &mut dyn Write,
    row: &Row,
    plugin: &Plugin,
    parameters: &[Parameter],
) -> io::Result<()> {
    let info = plugin.info();
    writeln!(out, "{} {} ({}), built with SDK {}", info.name, info.version, row.file, info.sdk)?;
    if !info.description.is_empty() {
        writeln!(out, "{}", info.description)?;
    }
    writeln!(out)?;
    let line = |parameter: &Parameter| {
        let needed = if parameter.required { "required" } else { "" };
        vec![
            page_name(parameter.page),
            parameter.name.clone(),
            needed.to_owned(),
            parameter.label.clone(),
        ]
    };
    let lines: Vec<_> = parameters.iter().map(line).collect();
    super::table::write(out, &["PAGE", "PARAMETER", "", "LABEL"], &lines)
}
