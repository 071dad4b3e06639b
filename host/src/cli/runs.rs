//! What is asked of a running host about imports and what they brought: `sync`, `imports`, `history`,
//! `cache`.

use super::{
    Asked, Exit,
    client::{Client, escaped},
    table,
};
use anyhow::bail;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

/// How often a waiting command looks.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(super) struct Sync {
    /// The connector.
    name: String,
    /// Read everything.
    #[arg(long, conflicts_with = "delta")]
    full: bool,
    /// Read what changed.
    #[arg(long)]
    delta: bool,
    /// Wait until it is done, and say how it went.
    #[arg(long)]
    wait: bool,
}

#[derive(Subcommand)]
pub(super) enum Imports {
    /// Connectors whose last import would have removed more than their guards allow.
    Held,
    /// Let the removals go: the target is read again, and as many entries may be removed.
    Release {
        /// The connector.
        name: String,
        /// Wait until it is done, and say how it went.
        #[arg(long)]
        wait: bool,
    },
    /// Keep the entries, and say no more about it until the next import.
    Discard {
        /// The connector.
        name: String,
    },
}

#[derive(Args)]
pub(super) struct History {
    /// The connector.
    name: String,
}

#[derive(Args)]
pub(super) struct Cache {
    /// The connector.
    name: String,
    /// Only what a SCIM filter matches, such as 'userName eq "kim"'.
    #[arg(long)]
    filter: Option<String>,
    /// Only these attributes, with commas between.
    #[arg(long)]
    attributes: Option<String>,
    /// The endpoint that is looked through: Users where there is a filter or attributes; without all of
    /// them, everything in the target's words.
    #[arg(long)]
    endpoint: Option<String>,
    /// How many entries at most.
    #[arg(long, default_value_t = 100)]
    count: u32,
}

pub(super) fn sync(asked: &Asked, what: &Sync) -> anyhow::Result<Exit> {
    let client = Client::new(&asked.settings()?)?;
    let kind = match (what.full, what.delta) {
        (true, _) => "full",
        (_, true) => "delta",
        _ => "next",
    };
    let path = format!("/v1/connectors/{}/sync", escaped(&what.name));
    let begun = client.post(&path, &json!({"kind": kind}))?;
    if !what.wait {
        asked.print(&begun, |out| {
            writeln!(
                out,
                "An import of {} was asked for; `ecma-host history {0}` shows it",
                what.name
            )
        })?;
        return Ok(Exit::Well);
    }
    tell_end(asked, &client, &what.name, &begun["after"])
}

/// Waits for the run after so many, and tells how it went.
fn tell_end(asked: &Asked, client: &Client, name: &str, after: &Value) -> anyhow::Result<Exit> {
    let path = format!("/v1/connectors/{}/runs?after={after}", escaped(name));
    let bar = match std::io::stderr().is_terminal() {
        true => ProgressBar::new_spinner(),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let run = loop {
        let state = client.get(&path)?;
        if let Some(run) = state["runs"].get(0) {
            break run.clone();
        }
        bar.set_message(format!("{} entries so far", state["importing"].as_u64().unwrap_or(0)));
        bar.tick();
        std::thread::sleep(LOOK);
    };
    bar.finish_and_clear();
    asked.print(&run, |out| table::write(out, RUN, &[row(&run)]))?;
    for error in run["errors"].as_array().into_iter().flatten() {
        writeln!(std::io::stderr(), "{}", error.as_str().unwrap_or_default())?;
    }
    let went_well = run["outcome"] == "success" || run["outcome"] == "partial";
    Ok(if went_well { Exit::Well } else { Exit::Wrong })
}

const RUN: &[&str] = &[
    "RUN",
    "BEGAN",
    "KIND",
    "OUTCOME",
    "SECONDS",
    "ADDED",
    "CHANGED",
    "UNCHANGED",
    "REMOVED",
    "REFUSED",
    "HELD",
];

fn row(run: &Value) -> Vec<String> {
    let text = |key: &str| run[key].as_str().unwrap_or_default().to_owned();
    let number = |key: &str| run[key].as_u64().unwrap_or_default().to_string();
    let began = text("began").split('.').next().unwrap_or_default().replace('T', " ");
    let seconds = format!("{:.1}", run["seconds"].as_f64().unwrap_or_default());
    let mut row = vec![number("number"), began, text("kind"), text("outcome"), seconds];
    row.extend(["added", "changed", "unchanged", "removed", "refused", "held"].map(number));
    row
}

pub(super) fn history(asked: &Asked, what: &History) -> anyhow::Result<Exit> {
    let client = Client::new(&asked.settings()?)?;
    let state = client.get(&format!("/v1/connectors/{}/runs", escaped(&what.name)))?;
    let runs = state["runs"].as_array().cloned().unwrap_or_default();
    asked.print(&state["runs"], |out| {
        let rows: Vec<_> = runs.iter().map(row).collect();
        table::write(out, RUN, &rows)?;
        for run in &runs {
            for error in run["errors"].as_array().into_iter().flatten() {
                writeln!(out, "run {}: {}", run["number"], error.as_str().unwrap_or_default())?;
            }
        }
        Ok(())
    })?;
    Ok(Exit::Well)
}

pub(super) fn imports(asked: &Asked, what: Imports) -> anyhow::Result<Exit> {
    let client = Client::new(&asked.settings()?)?;
    let decide = |name: &str, action: &str| {
        client.post(&format!("/v1/connectors/{}/held", escaped(name)), &json!({"action": action}))
    };
    match what {
        Imports::Held => {
            let state = client.get("/v1/health")?;
            let all = state["connectors"].as_array().into_iter().flatten();
            let held: Vec<_> = all
                .filter(|connector| connector["held"].as_u64().is_some_and(|held| held > 0))
                .map(|connector| {
                    json!({"connector": connector["name"], "held": connector["held"],
                    "entries": connector["entries"]})
                })
                .collect();
            asked.print(&json!(held), |out| {
                if held.is_empty() {
                    return writeln!(out, "no import holds anything back");
                }
                let text = |value: &Value| value.to_string().trim_matches('"').to_owned();
                let row = |one: &Value| {
                    ["connector", "held", "entries"].map(|key| text(&one[key])).to_vec()
                };
                let rows: Vec<_> = held.iter().map(row).collect();
                table::write(out, &["CONNECTOR", "WOULD GO", "OF"], &rows)
            })?;
            Ok(Exit::Well)
        }
        Imports::Release { name, wait } => {
            let released = decide(&name, "release")?;
            if wait {
                return tell_end(asked, &client, &name, &released["after"]);
            }
            asked.print(&released, |out| {
                writeln!(
                    out,
                    "{} removals are released; the target is read again",
                    released["held"]
                )
            })?;
            Ok(Exit::Well)
        }
        Imports::Discard { name } => {
            let kept = decide(&name, "discard")?;
            asked.print(&kept, |out| writeln!(out, "{} entries stay", kept["held"]))?;
            Ok(Exit::Well)
        }
    }
}

/// The endpoint as the connector has it, or what there is instead.
fn endpoint_of(client: &Client, name: &str, wanted: &str) -> anyhow::Result<String> {
    let types = client.get(&format!("/v1/connectors/{}/scim/ResourceTypes", escaped(name)))?;
    let all = types["Resources"].as_array().into_iter().flatten();
    let known: Vec<&str> = all
        .filter_map(|one| one["endpoint"].as_str())
        .map(|endpoint| endpoint.trim_start_matches('/'))
        .collect();
    match known.iter().find(|known| known.eq_ignore_ascii_case(wanted)) {
        Some(known) => Ok((*known).to_owned()),
        None => bail!("--endpoint: {name} has no {wanted}; it has {}", known.join(", ")),
    }
}

pub(super) fn cache(asked: &Asked, what: &Cache) -> anyhow::Result<Exit> {
    let Cache { name, filter, attributes, endpoint, count } = what;
    let client = Client::new(&asked.settings()?)?;
    let mut query = format!("count={count}");
    for (key, value) in [("filter", filter), ("attributes", attributes)] {
        if let Some(value) = value {
            query.push_str(&format!("&{key}={}", escaped(value)));
        }
    }
    // What the space holds in the target's words; a filter is in SCIM's, and so is its answer.
    let place = match (endpoint, filter, attributes) {
        (None, None, None) => "cache".to_owned(),
        _ => endpoint_of(&client, name, endpoint.as_deref().unwrap_or("Users"))?,
    };
    let list = client.get(&format!("/v1/connectors/{}/scim/{place}?{query}", escaped(name)))?;
    asked.print(&list, |out| {
        for entry in list["Resources"].as_array().into_iter().flatten() {
            writeln!(out, "{entry}")?;
        }
        writeln!(out, "{} of {}", list["itemsPerPage"], list["totalResults"])
    })?;
    Ok(Exit::Well)
}
