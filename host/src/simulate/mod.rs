//! A client that tries a connector out: it sends what an identity provider sends, with throw-away
//! objects, and says of each step whether the answer is what that provider needs.
//!
//! Start at [`run`]. `cycle.rs` has what every client does: asking, judging, cleaning up; `entra.rs`,
//! `okta.rs` and `groups.rs` are the steps; `values.rs` makes what is sent; `report.rs` tells it.

mod cycle;
mod entra;
mod groups;
mod manager;
mod okta;
mod report;
mod values;

pub use report::{Form, Summary};

use crate::{binding::Binding, scim::Path, web::Inside};
use cycle::Cycle;
use ecma_plugin_sdk::Change;
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    io::Write,
    sync::{Arc, atomic::AtomicBool},
};
use values::Plan;

/// Whose client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Microsoft Entra ID.
    Entra,
    /// Okta.
    Okta,
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Client::Entra => "Entra",
            Client::Okta => "Okta",
        }
    }
}

/// What is wished of a simulation.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// Whose client.
    pub client: Client,
    /// The attribute by which the client looks for people.
    pub matching: Path,
    /// Values instead of invented ones; an empty one leaves the attribute out.
    pub values: Vec<(Path, String)>,
    /// Changes are told, not exported.
    pub dry_run: bool,
    /// How it is told.
    pub form: Form,
}

/// What a simulation works with.
pub struct Subject {
    /// The connector, imported.
    pub binding: Arc<Binding>,
    /// Asks its routes.
    pub inside: Inside,
    /// Changes that were not exported, in a dry run.
    pub told: Arc<Mutex<Vec<Change>>>,
    /// Set when somebody wants it to end.
    pub stop: Arc<AtomicBool>,
    /// Where it is told.
    pub out: Box<dyn Write + Send>,
}

/// What is wrong with the values of the operator's, where the target has been read: each has to be of an
/// attribute that the simulated client sends.
pub fn check(binding: &Binding, wishes: &Wishes) -> Result<(), String> {
    let Ok(prepared) = binding.discovered() else { return Ok(()) };
    let known = |resource: &str| ["User", "Group"].contains(&resource);
    let flows = prepared.flows.iter().filter(|flow| known(flow.resource_type()));
    let plans: Vec<_> = flows.map(|flow| Plan::of(flow, &wishes.matching, &[])).collect();
    for (path, _) in &wishes.values {
        let is_sent = |plan: &Plan| {
            let path = plan.flow.schemas.canonical(path);
            path.is_some_and(|path| plan.leaf(&path).is_some())
        };
        if !plans.iter().any(is_sent) {
            let all = plans.iter().flat_map(|plan| &plan.leaves).map(|leaf| leaf.path.to_string());
            let all: BTreeSet<String> = all.collect();
            let all = all.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!("--set: no client sends {path} here; there is {all}"));
        }
    }
    Ok(())
}

/// Runs a whole cycle, cleans up, and tells what came of it.
pub async fn run(subject: Subject, wishes: &Wishes) -> Summary {
    let mut cycle = Cycle::new(subject, wishes);
    match wishes.client {
        Client::Entra => entra::run(&mut cycle).await,
        Client::Okta => okta::run(&mut cycle).await,
    }
    cycle.clean_up().await;
    cycle.finish()
}
