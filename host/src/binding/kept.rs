//! What the space keeps of a write: what the target has then, on its word.

use super::{
    Binding, Cause, Failure, Prepared,
    links::{self, LinkPlan},
};
use crate::space::{
    Flow, ResourceId,
    cache::{By, Edit},
    row,
};
use ecma_plugin_sdk::{Attribute, AttributeType, Entry, Exported, page::Refused};

impl Binding {
    /// Takes an entry out of the space on the target's word.
    pub(super) fn forget(&self, prepared: &Prepared, entry: &Entry) {
        if let Ok(row) = row::encode(&prepared.layout, entry) {
            let edit = Edit::Remove(row.key());
            prepared.space.write().apply(&edit, By::Export, self.now());
        }
        self.memory.wrote(entry.id());
    }

    /// Puts into the space what the target has now, and answers where it is.
    pub(super) fn keep(
        &self,
        prepared: &Prepared,
        flow: &Flow,
        mut entry: Entry,
        plans: &[LinkPlan],
        before: Option<&Entry>,
    ) -> Result<ResourceId, Failure> {
        let not_understood = |refused: Refused| {
            self.run_soon();
            let message = format!(
                "the target accepted the change, but its answer was not understood: {}",
                refused.error
            );
            Failure::new(Cause::Internal, message)
        };
        self.memory.wrote(entry.id());
        let mut space = prepared.space.write();
        let moved = before.filter(|before| before.id().anchor != entry.id().anchor);
        if let Some(Ok(old)) = moved.map(|before| row::encode(&prepared.layout, before)) {
            let id = ResourceId::of(&prepared.layout, &old.bytes);
            for link in flow.links() {
                let known = links::all(&space, flow, link, &id);
                let plan = plans.iter().find(|plan| plan.of(flow) == link);
                if entry.get(&link.target).is_empty() {
                    let stays = || known.iter().map(|(_, value)| value.clone()).collect();
                    let values = plan.map_or_else(stays, |plan| plan.after(known.clone()));
                    entry.put(link.target.as_str(), values);
                }
            }
            space.apply(&Edit::Remove(old.key()), By::Export, self.now());
            self.memory.wrote(before.map_or(entry.id(), Entry::id));
        }
        let changes = links::changes(&space, flow, &mut entry, plans);
        let row = row::encode(&prepared.layout, &entry).map_err(not_understood)?;
        space.apply(&Edit::Update(&row, &changes), By::Export, self.now());
        if space.take_renamed() {
            self.names_changed();
        }
        Ok(ResourceId::of(&prepared.layout, &row.bytes))
    }
}

/// The entry as the target has it after an export. Of multi-valued references that the answer leaves
/// out those in the row are as they were asked for; those beside it are looked after by their plans.
pub(super) fn after(flow: &Flow, wanted: Entry, exported: Exported) -> Entry {
    let mut entry = match exported.entry {
        Some(mut entry) => {
            let is_left_out = |attribute: &&Attribute| {
                attribute.multi_valued
                    && attribute.kind == AttributeType::Reference
                    && !flow.links().iter().any(|link| link.target == attribute.name)
            };
            for attribute in flow.object_type.attributes.iter().filter(is_left_out) {
                if entry.get(&attribute.name).is_empty() {
                    entry.put(attribute.name.as_str(), wanted.get(&attribute.name).to_vec());
                }
            }
            entry
        }
        None => wanted,
    };
    if let Some(anchor) = exported.anchor {
        entry.id_mut().anchor = anchor;
    }
    if exported.dn.is_some() {
        entry.id_mut().dn = exported.dn;
    }
    entry
}
