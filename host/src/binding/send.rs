//! A change on its way to the target: the target's word, and what is done when it does not come.

use super::{Binding, Failure, export::is_unknown};
use crate::space::Flow;
use ecma_plugin_sdk::{AttributeChange, Change, Entry, EntryId, ErrorKind, Exported, Value};
use std::{collections::HashSet, sync::Arc};

impl Binding {
    /// Exports a change; an unknown outcome is looked up, never guessed.
    pub(super) async fn exported(
        self: &Arc<Self>,
        flow: &Flow,
        mut change: Change,
        wanted: Option<&Entry>,
    ) -> Result<Exported, Failure> {
        name(&mut change, flow);
        let mut result = self.exporter.export(change.clone()).await;
        if let Err(error) = &result
            && is_unknown(error)
        {
            tracing::warn!(connector = %self.name(), entry = %change.id(), %error,
                "Outcome of an export is unknown");
            result = match self.look_up(&change, wanted).await {
                Some(true) => Ok(Exported::done()),
                // It surely was not done: once more.
                Some(false) if error.kind() == ErrorKind::Unreachable => {
                    self.exporter.export(change.clone()).await
                }
                Some(false) => result,
                None => {
                    self.run_soon();
                    result
                }
            };
        }
        self.audit(&change, &result);
        result.map_err(|error| self.failure(&error, Some(flow)))
    }

    /// Whether the target has what the change asks for; `None` when it cannot be known.
    async fn look_up(&self, change: &Change, wanted: Option<&Entry>) -> Option<bool> {
        if !self.capabilities.read || change.id().anchor.is_empty() {
            return None;
        }
        let found = self.exporter.read(change.id().clone()).await.ok()?;
        Some(match (change, &found) {
            (Change::Delete { .. }, found) => found.is_none(),
            (_, None) => false,
            (Change::Update(update), Some(found)) => {
                update.attributes.iter().all(|(name, change)| match change {
                    AttributeChange::Modify { added, removed } => {
                        let known: HashSet<&Value> = found.get(name).iter().collect();
                        added.iter().all(|value| known.contains(value))
                            && !removed.iter().any(|value| known.contains(value))
                    }
                    change => {
                        let wanted =
                            wanted.map_or_else(|| change.apply(&[]), |w| w.get(name).to_vec());
                        same(found.get(name), &wanted)
                    }
                })
            }
            (Change::Add(entry) | Change::Replace(entry), Some(found)) => {
                entry.attributes().all(|(name, values)| same(found.get(name), values))
            }
        })
    }

    fn audit(&self, change: &Change, result: &ecma_plugin_sdk::Result<Exported>) {
        let (kind, attributes) = match change {
            Change::Add(entry) => ("add", names(entry)),
            Change::Replace(entry) => ("replace", names(entry)),
            Change::Update(update) => {
                let names: Vec<&str> = update.attributes.iter().map(|(n, _)| n.as_str()).collect();
                ("update", names.join(","))
            }
            Change::Delete { .. } => ("delete", String::new()),
        };
        let outcome = match result {
            Ok(_) => "success".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        tracing::info!(target: "audit", connector = %self.name(), entry = %change.id(), kind,
            attributes, outcome, "Exported");
    }
}

fn names(entry: &Entry) -> String {
    entry.attributes().map(|(name, _)| name).collect::<Vec<_>>().join(",")
}

fn same(one: &[ecma_plugin_sdk::Value], other: &[ecma_plugin_sdk::Value]) -> bool {
    one.len() == other.len() && one.iter().all(|value| other.contains(value))
}

/// Gives the change its distinguished name, where the host makes them.
fn name(change: &mut Change, flow: &Flow) {
    let named = |id: &mut EntryId| *id = flow.export_id(id.clone());
    match change {
        Change::Add(entry) | Change::Replace(entry) if !entry.id().anchor.is_empty() => {
            named(entry.id_mut());
        }
        Change::Add(_) | Change::Replace(_) => {}
        Change::Update(update) => named(&mut update.id),
        Change::Delete { id } => named(id),
    }
}
