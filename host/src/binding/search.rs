//! Reading: one resource, or those that a filter finds.

use super::{Binding, Cause, Failure, Prepared, links::AT_ONCE};
use crate::{
    scim::{Filter, ListText, Resource, Window},
    space::{
        Flow, ResourceId, Space, Stored,
        needs::Needs,
        query::{self, Plan},
        row,
    },
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Resources of a page when the client does not say.
const PAGE: usize = 100;
/// Resources of a page at most.
const LARGEST_PAGE: usize = 1000;
/// Bytes of a page's text to begin with: room for one resource of usual size.
const TEXT: usize = 4096;
/// Entries looked at under one lock.
const LOOKED_AT: u32 = 1024;

/// A page of what was found.
#[derive(Debug)]
pub struct Listed {
    /// How many there are in all.
    pub total: usize,
    /// This page of them, when they were asked for as JSON text.
    pub text: ListText,
    /// This page of them, otherwise.
    pub resources: Vec<Resource>,
    /// Lists of these that are too long to be made while the space is locked.
    long: Vec<Long>,
    skip: usize,
    take: usize,
    form: Form,
}

/// What of the resources found is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// All, as JSON text.
    Text,
    /// This, as trees.
    Tree(Needs),
}

/// The values of a list that is yet to be put into a resource.
#[derive(Debug)]
struct Long {
    /// The resource's place on the page.
    at: usize,
    /// The list's place among the flow's links.
    link: usize,
    values: Vec<Box<[u8]>>,
}

impl Binding {
    /// The resource with this id.
    pub async fn get(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        id: &ResourceId,
        base: &str,
        needs: &Needs,
    ) -> Result<Resource, Failure> {
        let prepared = self.ready()?;
        self.show(prepared, flow, id, base, needs).await
    }

    /// The same, of a connector that is known to be ready.
    pub(super) async fn show(
        self: &Arc<Self>,
        prepared: &Arc<Prepared>,
        flow: &Arc<Flow>,
        id: &ResourceId,
        base: &str,
        needs: &Needs,
    ) -> Result<Resource, Failure> {
        let mut listed = Listed::new(&Window::default(), Form::Tree(needs.clone()));
        {
            let space = prepared.space.read();
            let stored = space.by_id(id).filter(|s| row::type_of(s.bytes) == flow.number);
            listed.show(flow, &space, &stored.ok_or_else(|| Failure::not_found(id))?, base);
        }
        let mut listed = self.complete(prepared, flow, listed, base).await?;
        listed.resources.pop().ok_or_else(|| Failure::not_found(id))
    }

    /// The resources that match, in the order of the space.
    pub async fn find(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        filter: Option<Filter>,
        window: &Window,
        form: Form,
        base: &str,
    ) -> Result<Listed, Failure> {
        // Long lists are written by trees.
        let form = match form {
            Form::Text if !flow.links().is_empty() => Form::Tree(Needs::ALL),
            other => other,
        };
        let listed = Listed::new(window, form);
        let listed = match self.find_at_once(flow, filter, listed, base)? {
            Ok(listed) => listed,
            Err((filter, listed)) => {
                let scan = self.scan(Arc::clone(flow), filter, listed, base.to_owned());
                Box::pin(scan).await?
            }
        };
        if listed.long.is_empty() {
            return Ok(listed);
        }
        Box::pin(self.complete(self.ready()?, flow, listed, base)).await
    }

    /// Makes the long lists, some elements at a time so that others get their turn.
    async fn complete(
        &self,
        prepared: &Arc<Prepared>,
        flow: &Arc<Flow>,
        mut listed: Listed,
        base: &str,
    ) -> Result<Listed, Failure> {
        if listed.long.is_empty() {
            return Ok(listed);
        }
        let (prepared, flow, base) = (Arc::clone(prepared), Arc::clone(flow), base.to_owned());
        let display = matches!(&listed.form, Form::Tree(needs) if needs.display());
        let completed = tokio::task::spawn_blocking(move || {
            for Long { at, link, values } in std::mem::take(&mut listed.long) {
                let link = &flow.links()[link];
                let mut elements = Vec::with_capacity(values.len());
                for some in values.chunks(AT_ONCE) {
                    let space = prepared.space.read();
                    let some = some.iter().map(|value| &**value);
                    elements.extend(flow.elements(&space, link, some, &base, display));
                }
                flow.put_elements(&mut listed.resources[at], link, elements);
            }
            listed
        });
        completed.await.map_err(|_| Failure::new(Cause::Internal, "the search broke off"))
    }

    /// What can be found without looking at every entry; else the filter comes back.
    fn find_at_once(
        &self,
        flow: &Flow,
        filter: Option<Filter>,
        mut listed: Listed,
        base: &str,
    ) -> Result<Result<Listed, (Filter, Listed)>, Failure> {
        let prepared = self.ready()?;
        let space = prepared.space.read();
        let Some(filter) = filter else {
            let slots = space.page(flow.number, listed.skip, listed.take);
            for stored in slots.into_iter().filter_map(|slot| space.stored(slot)) {
                listed.show(flow, &space, &stored, base);
            }
            listed.total = space.count(flow.number);
            return Ok(Ok(listed));
        };
        match query::plan(&space, flow, &filter) {
            Plan::Scan => return Ok(Err((filter, listed))),
            Plan::Nothing => {}
            Plan::Slots { slots, exact } => {
                let needs = flow.needs_of(&filter);
                for stored in slots.into_iter().filter_map(|slot| space.stored(slot)) {
                    let fits =
                        exact || query::matches(&space, flow, &filter, &needs, &stored, base);
                    if fits && listed.is_wanted() {
                        listed.show(flow, &space, &stored, base);
                    }
                }
            }
        }
        Ok(Ok(listed))
    }

    /// What the space holds, target names beside SCIM names: how many entries, and a page of them.
    pub fn dump(&self, window: &Window) -> Result<(usize, Vec<serde_json::Value>), Failure> {
        let prepared = self.ready()?;
        let space = prepared.space.read();
        let (mut skip, mut take) = (window.skip(), window.take(PAGE, LARGEST_PAGE));
        let mut dumped = Vec::new();
        for flow in &prepared.flows {
            let slots = space.page(flow.number, skip, take);
            skip = skip.saturating_sub(space.count(flow.number));
            take -= slots.len();
            let stored = slots.into_iter().filter_map(|slot| space.stored(slot));
            dumped.extend(stored.map(|stored| flow.dump(&space, &stored)));
        }
        Ok((space.len(), dumped))
    }

    /// Looks at every entry, on a thread of its own, few at once, within a deadline.
    async fn scan(
        self: &Arc<Self>,
        flow: Arc<Flow>,
        filter: Filter,
        listed: Listed,
        base: String,
    ) -> Result<Listed, Failure> {
        let busy = |what: &str| {
            Failure::new(
                Cause::Busy,
                format!(
                    "{what}; a filter with eq on an attribute listed under query is answered at once"
                ),
            )
        };
        let deadline = self.scan_deadline;
        let permit = tokio::time::timeout(deadline, self.scans.acquire()).await;
        let Ok(Ok(_permit)) = permit else {
            return Err(busy("too many filters that have to look at every entry are running"));
        };
        let binding = Arc::clone(self);
        let scan = tokio::task::spawn_blocking(move || {
            binding.look_at_all(&flow, &filter, listed, &base, deadline)
        });
        match scan.await {
            Ok(Some(listed)) => Ok(listed),
            Ok(None) => Err(busy("looking at every entry took too long")),
            Err(_) => Err(Failure::new(Cause::Internal, "the search broke off")),
        }
    }

    fn look_at_all(
        &self,
        flow: &Flow,
        filter: &Filter,
        mut listed: Listed,
        base: &str,
        deadline: Duration,
    ) -> Option<Listed> {
        let prepared = self.prepared.get()?;
        let started = Instant::now();
        let needs = flow.needs_of(filter);
        let mut slot = 0;
        loop {
            let space = prepared.space.read();
            let end = space.used().min(slot + LOOKED_AT);
            for stored in (slot..end).filter_map(|slot| space.stored(slot)) {
                if query::matches(&space, flow, filter, &needs, &stored, base) && listed.is_wanted()
                {
                    listed.show(flow, &space, &stored, base);
                }
            }
            slot = end;
            if slot >= space.used() {
                return Some(listed);
            }
            if started.elapsed() > deadline {
                return None;
            }
        }
    }
}

impl Listed {
    fn new(window: &Window, form: Form) -> Listed {
        let (skip, take) = (window.skip(), window.take(PAGE, LARGEST_PAGE));
        // Room for one resource of usual size; trees need none.
        let text = ListText::new(if form == Form::Text { TEXT } else { 0 });
        Listed { total: 0, text, resources: Vec::new(), long: Vec::new(), skip, take, form }
    }

    /// Counts one more; whether it stands on the page that is wanted.
    fn is_wanted(&mut self) -> bool {
        self.total += 1;
        let shown = self.text.len() + self.resources.len();
        self.total > self.skip && shown < self.take
    }

    fn show(&mut self, flow: &Flow, space: &Space, stored: &Stored<'_>, base: &str) {
        let needs = match &self.form {
            Form::Text => return self.text.add(|out| flow.write(space, stored, base, out)),
            Form::Tree(needs) => needs,
        };
        let counts = flow.links_of(needs).map(|link| space.link_count(stored, link.number));
        if counts.sum::<usize>() <= AT_ONCE {
            self.resources.push(flow.resource(space, stored, base, needs));
            return;
        }
        let at = self.resources.len();
        for link in flow.links_of(needs) {
            let values = space.links(stored.slot, link.number).map(Box::from).collect();
            let place = flow.links().iter().position(|one| one == link).unwrap_or_default();
            self.long.push(Long { at, link: place, values });
        }
        self.resources.push(flow.resource(space, stored, base, &needs.without_links()));
    }
}
