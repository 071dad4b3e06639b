//! `exports`: deletes and disables that the export guard holds back.

use super::{
    Asked, Exit,
    client::{Client, escaped},
    table,
};
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Subcommand)]
pub(super) enum Exports {
    /// Connectors whose export guards hold deletes and disables back.
    Held,
    /// Let deletes and disables go again; a new window begins.
    Release {
        /// The connector.
        name: String,
        /// How many may go within the new window, instead of as many as the guard's bound. Also before
        /// anything is held.
        #[arg(long)]
        count: Option<u64>,
    },
}

pub(super) fn run(asked: &Asked, what: Exports) -> anyhow::Result<Exit> {
    let client = Client::new(&asked.settings()?)?;
    match what {
        Exports::Held => held(asked, &client)?,
        Exports::Release { name, count } => {
            let path = format!("/v1/connectors/{}/exports", escaped(&name));
            let released = client.post(&path, &json!({"count": count}))?;
            asked.print(&released, |out| {
                writeln!(out, "{} deletes and disables of {name} may go", released["released"])
            })?;
        }
    }
    Ok(Exit::Well)
}

fn held(asked: &Asked, client: &Client) -> anyhow::Result<()> {
    let state = client.get("/v1/health")?;
    let all = state["connectors"].as_array().into_iter().flatten();
    let held: Vec<Value> = all
        .filter_map(|connector| {
            let mut held = connector.get("heldExports")?.clone();
            held["connector"] = connector["name"].clone();
            Some(held)
        })
        .collect();
    asked.print(&json!(held), |out| {
        if held.is_empty() {
            return writeln!(out, "no export guard holds anything back");
        }
        let text = |value: &Value| value.to_string().trim_matches('"').to_owned();
        let keys = ["connector", "refused", "gone", "bound", "minutes", "since"];
        let rows: Vec<_> =
            held.iter().map(|one| keys.map(|key| text(&one[key])).to_vec()).collect();
        let headings = ["CONNECTOR", "REFUSED", "GONE", "BOUND", "MINUTES", "SINCE"];
        table::write(out, &headings, &rows)
    })
}
