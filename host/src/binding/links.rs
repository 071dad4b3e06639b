//! Multi-valued references in a write: what a client's operations on a list of members add and
//! remove. The cost follows the change, not the group, unless the client replaces all of it.

use super::{Binding, Cause, Failure, Prepared, search::give_way};
use crate::{
    scim::{Apart, Filter, ListEdit},
    space::{Flow, Layout, LinkSet, ResourceId, Space, cache::LinkChange, flow::Link},
};
use ecma_plugin_sdk::{AttributeChange, Entry, ExportStyle, Value};
use serde_json::Value as Json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Elements that are looked up under one lock.
pub(super) const AT_ONCE: usize = 256;
/// From how many elements on the work has a thread of its own.
pub(super) const MANY: usize = 2000;

/// Values as the space writes them, and as the target does.
type Names = BTreeMap<Vec<u8>, Value>;

/// What is to be done to one list.
#[derive(Debug, Default)]
pub(super) struct LinkPlan {
    /// Its place among the flow's links.
    link: usize,
    /// Whether it has only what is in `added`, besides what a client cannot see.
    replaced: bool,
    added: Names,
    removed: Names,
}

impl LinkPlan {
    fn add(&mut self, names: Names) {
        for (name, value) in names {
            self.removed.remove(&name);
            self.added.insert(name, value);
        }
    }

    fn remove(&mut self, names: Names) {
        for (name, value) in names {
            self.added.remove(&name);
            if !self.replaced {
                self.removed.insert(name, value);
            }
        }
    }

    /// The change as an export wants it that takes values one by one.
    pub(super) fn by_value(&self, all: impl FnOnce() -> Vec<Value>) -> AttributeChange {
        if self.added.is_empty() && self.removed.is_empty() {
            // Named, but as it was: the target surely has it then.
            let all = all();
            return match all.is_empty() {
                true => AttributeChange::Clear,
                false => AttributeChange::Set(all),
            };
        }
        let values = |names: &Names| names.values().cloned().collect();
        AttributeChange::Modify { added: values(&self.added), removed: values(&self.removed) }
    }

    /// All values after the change.
    pub(super) fn after(&self, before: Vec<(Vec<u8>, Value)>) -> Vec<Value> {
        let stays =
            |name: &Vec<u8>| !self.removed.contains_key(name) && !self.added.contains_key(name);
        let kept = before.into_iter().filter(|(name, _)| stays(name)).map(|(_, value)| value);
        kept.chain(self.added.values().cloned()).collect()
    }

    /// The change as the space takes it.
    pub(super) fn change(&self, flow: &Flow) -> LinkChange {
        LinkChange {
            number: flow.links()[self.link].number,
            cleared: false,
            added: self.added.keys().cloned().collect(),
            removed: self.removed.keys().cloned().collect(),
        }
    }

    /// The attribute it is about.
    pub(super) fn of<'f>(&self, flow: &'f Flow) -> &'f Link {
        &flow.links()[self.link]
    }
}

/// Whether an export in this style takes values one by one.
pub(super) fn is_by_value(style: ExportStyle) -> bool {
    matches!(style, ExportStyle::AttributeUpdate | ExportStyle::ReferenceUpdate)
}

/// All values of an entry's list, as the space writes them and as the target does.
pub(super) fn all(
    space: &Space,
    flow: &Flow,
    link: &Link,
    id: &ResourceId,
) -> Vec<(Vec<u8>, Value)> {
    let Some(stored) = space.by_id(id) else { return Vec::new() };
    spelled(&space.link_set(stored.slot, link.number), space.layout(), flow, link)
}

/// The values as the space writes them and as the target does.
fn spelled(set: &LinkSet, layout: &Layout, flow: &Flow, link: &Link) -> Vec<(Vec<u8>, Value)> {
    let value = |name: &[u8]| flow.linked_value(layout, link, name);
    set.values().map(|name| (name.to_vec(), value(name))).collect()
}

/// What the space learns of the lists of an entry that the target has: those that the entry names,
/// and of the others what was planned. The entry is left without them.
pub(super) fn changes(
    space: &Space,
    flow: &Flow,
    entry: &mut Entry,
    plans: &[LinkPlan],
) -> Vec<LinkChange> {
    let mut changes: Vec<LinkChange> = Vec::new();
    for link in flow.links() {
        let values = entry.get(&link.target);
        if values.is_empty() {
            let plan = plans.iter().find(|plan| plan.of(flow) == link);
            changes.extend(plan.map(|plan| plan.change(flow)));
            continue;
        }
        let names = values.iter().filter_map(Value::as_text);
        let names: BTreeSet<Vec<u8>> =
            names.map(|name| flow.link_name(space.layout(), link, name)).collect();
        let (number, added) = (link.number, names.into_iter().collect());
        changes.push(LinkChange { number, cleared: true, added, removed: Vec::new() });
        entry.put(link.target.as_str(), Vec::new());
    }
    changes
}

impl Binding {
    /// What a client's edits of lists mean for an entry; `None` for a new one.
    pub(super) async fn plan_links(
        self: &Arc<Self>,
        prepared: &Arc<Prepared>,
        flow: &Arc<Flow>,
        id: Option<&ResourceId>,
        edits: Vec<Apart>,
        base: &str,
    ) -> Result<Vec<LinkPlan>, Failure> {
        let elements = |edit: &Apart| match &edit.1 {
            ListEdit::Add(list) | ListEdit::Remove(list) => list.len(),
            ListEdit::Replace(_) | ListEdit::RemoveMatching(_) => usize::MAX,
        };
        let planner = Planner {
            prepared: Arc::clone(prepared),
            flow: Arc::clone(flow),
            id: id.cloned(),
            base: base.to_owned(),
        };
        if edits.iter().all(|edit| elements(edit) < MANY) {
            return planner.plan(edits);
        }
        let planned = tokio::task::spawn_blocking(move || planner.plan(edits)).await;
        planned.map_err(|_| Failure::new(Cause::Internal, "the write broke off"))?
    }
}

struct Planner {
    prepared: Arc<Prepared>,
    flow: Arc<Flow>,
    id: Option<ResourceId>,
    base: String,
}

impl Planner {
    fn plan(&self, edits: Vec<Apart>) -> Result<Vec<LinkPlan>, Failure> {
        let mut plans: Vec<LinkPlan> = Vec::new();
        for (link, edit) in edits {
            let at = plans.iter().position(|plan| plan.link == link).unwrap_or_else(|| {
                plans.push(LinkPlan { link, ..LinkPlan::default() });
                plans.len() - 1
            });
            let plan = &mut plans[at];
            match edit {
                ListEdit::Add(list) => plan.add(self.names(link, &list, false)?),
                ListEdit::Remove(list) => plan.remove(self.names(link, &list, true)?),
                ListEdit::RemoveMatching(filter) => plan.remove(self.matching(plan, &filter)),
                ListEdit::Replace(list) => {
                    *plan = LinkPlan { link, replaced: true, ..LinkPlan::default() };
                    plan.add(self.names(link, &list, false)?);
                }
            }
        }
        // Who names nobody wants nothing.
        plans.retain(|plan| plan.replaced || !plan.added.is_empty() || !plan.removed.is_empty());
        plans.iter_mut().filter(|plan| plan.replaced).for_each(|plan| self.compare(plan));
        Ok(plans)
    }

    /// What the target calls the entries that these elements mean. Of one that is to be removed and
    /// that nobody knows nothing can be a member.
    fn names(&self, link: usize, list: &[Json], is_removal: bool) -> Result<Names, Failure> {
        let link = &self.flow.links()[link];
        let mut names = Names::new();
        for some in list.chunks(AT_ONCE) {
            let space = self.prepared.space.read();
            for element in some {
                match self.flow.link_value(&space, link, element, is_removal) {
                    Ok((value, name)) => drop(names.insert(name, value)),
                    Err(_) if is_removal => {}
                    Err(error) => return Err(error.into()),
                }
            }
            drop(space);
            if some.len() == AT_ONCE {
                give_way();
            }
        }
        Ok(names)
    }

    /// Shows the values of the list to somebody, some at a time.
    fn visit(&self, link: &Link, mut visit: impl FnMut(&Space, &[(Vec<u8>, Value)])) {
        let Some(id) = &self.id else { return };
        let set = {
            let space = self.prepared.space.read();
            space.by_id(id).map(|stored| space.link_set(stored.slot, link.number))
        };
        let layout = &self.prepared.layout;
        let values = spelled(&set.unwrap_or_default(), layout, &self.flow, link);
        for some in values.chunks(AT_ONCE) {
            visit(&self.prepared.space.read(), some);
            give_way();
        }
    }

    fn matching(&self, plan: &LinkPlan, filter: &Filter) -> Names {
        let link = plan.of(&self.flow);
        let definition = self.flow.schemas.definition(&link.path);
        let mut names = Names::new();
        self.visit(link, |space, some| {
            for (name, value) in some {
                let shown = self.flow.elements(
                    space,
                    link,
                    [name.as_slice()].into_iter(),
                    &self.base,
                    true,
                );
                let fits = |element: &Json| filter.matches_element(element, definition);
                if shown.first().is_some_and(fits) {
                    names.insert(name.clone(), value.clone());
                }
            }
        });
        let added = plan.added.iter().filter(|(name, _)| {
            let space = self.prepared.space.read();
            let shown =
                self.flow.elements(&space, link, [name.as_slice()].into_iter(), &self.base, true);
            shown.first().is_some_and(|element| filter.matches_element(element, definition))
        });
        names.extend(added.map(|(name, value)| (name.clone(), value.clone())));
        names
    }

    /// A list that is replaced loses what is not in the new one. What leads nowhere a client cannot
    /// see, so it does not mean that it goes.
    fn compare(&self, plan: &mut LinkPlan) {
        let link = plan.of(&self.flow);
        let (mut removed, mut known) = (Names::new(), BTreeSet::new());
        self.visit(link, |space, some| {
            for (name, value) in some {
                if plan.added.contains_key(name) {
                    known.insert(name.clone());
                } else if self.flow.leads_somewhere(space, link, name) {
                    removed.insert(name.clone(), value.clone());
                }
            }
        });
        plan.added.retain(|name, _| !known.contains(name));
        plan.removed = removed;
    }
}
