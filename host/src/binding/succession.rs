//! A document changes: what its new binding takes over from the old one, and what an operator asks
//! of a binding while it runs.

use super::{Binding, Prepared, Unbound, memory::Memory};
use crate::space::{
    cache::{By, Edit},
    row,
};
use ecma_plugin_sdk::{Entry, EntryId};
use std::{
    collections::HashSet,
    sync::{Arc, OnceLock, atomic::Ordering},
};

/// What became of the knowledge of the target when a document changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takeover {
    /// All of it is kept: the new binding can serve at once.
    Kept,
    /// Other attributes are wanted: the target has to be read again. The old binding can serve until
    /// that is done.
    Beside(String),
    /// It is another target, or another view of it: nothing can be kept.
    Anew(String),
}

impl Binding {
    /// Takes over what `old` knows of the target, as far as it is the same target. Before this one is
    /// started; nobody else has it yet. Blocks: the target may be asked for its schema.
    ///
    /// A mapping that does not fit the target is refused.
    pub fn take_over(self: &mut Arc<Self>, old: &Binding) -> Result<Takeover, Unbound> {
        let other = self.other_target(old);
        let (memory, prepared, takeover) = match (other, old.prepared.get()) {
            (Some(why), _) => (Memory::following(&old.memory).into(), None, Takeover::Anew(why)),
            (None, None) => {
                let why = "nothing was known of the target yet".to_owned();
                (Memory::following(&old.memory).into(), None, Takeover::Anew(why))
            }
            (None, Some(known)) => {
                let compiled = match self.compile(&known.schema) {
                    Ok(compiled) => compiled,
                    // The target may have become another since its schema was read.
                    Err(stale) => match self.describe() {
                        Ok(schema) => self.compile(&schema).map_err(Unbound)?,
                        Err(_) => return Err(Unbound(stale)),
                    },
                };
                if *compiled.layout == *known.layout {
                    let prepared = Prepared {
                        schema: known.schema.clone(),
                        layout: Arc::clone(&known.layout),
                        flows: compiled.flows,
                        space: Arc::clone(&known.space),
                    };
                    (Arc::clone(&old.memory), Some(Arc::new(prepared)), Takeover::Kept)
                } else {
                    let why = "other attributes or look-ups are wanted".to_owned();
                    let memory = Arc::new(Memory::following(&old.memory));
                    match old.ready().is_ok() && self.capabilities.full_import {
                        true => (memory, None, Takeover::Beside(why)),
                        false => (memory, None, Takeover::Anew(why)),
                    }
                }
            }
        };
        let own = Arc::get_mut(self).expect("nobody else has a binding that is not started");
        own.memory = memory;
        own.prepared = prepared.map_or_else(OnceLock::new, OnceLock::from);
        Ok(takeover)
    }

    /// Why this is not the target of the other, read in the same way; the first difference.
    fn other_target(&self, old: &Binding) -> Option<String> {
        if self.plugin() != old.plugin() {
            return Some(format!("the plugin was {}", old.plugin()));
        }
        let names = self.values.iter().chain(old.values.iter()).map(|(name, _)| name);
        let differs = |name: &&str| self.values.get(name) != old.values.get(name);
        if let Some(name) = names.into_iter().find(differs) {
            return Some(format!("values.{name} was another"));
        }
        let run = |binding: &Binding| (binding.full_values.clone(), binding.delta_values.clone());
        if run(self) != run(old) {
            return Some("values of a run profile were others".to_owned());
        }
        if self.config.partitions != old.config.partitions {
            return Some("other partitions were selected".to_owned());
        }
        let types = |binding: &Binding| -> Vec<String> {
            binding.config.objects.iter().map(|object| object.object_type.clone()).collect()
        };
        (types(self) != types(old)).then(|| "other object types were exposed".to_owned())
    }

    /// Notes from now on what is written, for the successor that reads the target meanwhile.
    pub fn begin_journal(&self) {
        *self.memory.journal.lock() = Some(Vec::new());
    }

    /// What was written since the journal began or was taken last.
    #[must_use]
    pub fn take_journal(&self) -> Vec<EntryId> {
        self.memory.journal.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// No successor reads any more.
    pub fn end_journal(&self) {
        *self.memory.journal.lock() = None;
    }

    /// Reads these entries again, which somebody wrote while this binding read the target. What cannot
    /// be read one by one is left to the next import, which comes soon.
    pub async fn catch_up(self: &Arc<Self>, written: Vec<EntryId>) {
        let Some(prepared) = self.prepared.get() else { return };
        let mut seen = HashSet::new();
        let readable = |id: &EntryId| self.capabilities.read && !id.anchor.is_empty();
        for id in written {
            if !seen.insert((id.object_type.clone(), id.anchor.clone())) {
                continue;
            }
            let read = match readable(&id) {
                true => self.exporter.read(id.clone()).await.ok(),
                false => None,
            };
            let Some(found) = read else {
                self.memory.full_next.store(true, Ordering::Relaxed);
                self.run_soon();
                continue;
            };
            match found {
                Some(entry) => match row::encode(&prepared.layout, &entry) {
                    Ok(row) => {
                        drop(prepared.space.write().apply(&Edit::Put(&row), By::Export, self.now()))
                    }
                    Err(_) => self.run_soon(),
                },
                None => self.forget(prepared, &Entry::with_id(id)),
            }
        }
    }

    /// Asks for an import now: of everything, or of what changed.
    pub fn ask_for_import(&self, full: bool) -> Result<(), String> {
        if !self.capabilities.full_import {
            return Err("this connector does not import".to_owned());
        }
        if full {
            self.memory.full_next.store(true, Ordering::Relaxed);
        } else if !self.capabilities.delta_import || !self.config.run.delta_import.enabled {
            return Err("this connector has no delta import; ask for a full one".to_owned());
        }
        self.run_soon();
        Ok(())
    }

    /// Lets go what the last import held back: the target is read again, and that many entries may be
    /// removed. Answers how many; nothing when nothing is held.
    pub fn release(&self) -> usize {
        let held = self.memory.status.dismiss();
        if held > 0 {
            self.memory.released.store(held, Ordering::Relaxed);
            self.memory.full_next.store(true, Ordering::Relaxed);
            self.run_soon();
        }
        held
    }
}
