//! Reading: one resource, or those that a filter finds.

use super::{Binding, Cause, Failure};
use crate::{
    scim::{Filter, ListText, Resource, Window},
    space::{
        Flow, Layout, ResourceId, Stored,
        query::{self, Plan},
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
    skip: usize,
    take: usize,
    form: Form,
}

/// What of the resources found is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Whole, as JSON text.
    Text,
    /// As trees, to be cut to what the client asks for.
    Tree,
}

impl Binding {
    /// The resource with this id.
    pub fn get(&self, flow: &Flow, id: &ResourceId, base: &str) -> Result<Resource, Failure> {
        let prepared = self.ready()?;
        let space = prepared.space.read();
        let stored = space.by_id(id).ok_or_else(|| Failure::not_found(id))?;
        if crate::space::row::type_of(stored.bytes) != flow.number {
            return Err(Failure::not_found(id));
        }
        Ok(flow.resource(&prepared.layout, &stored, base))
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
        let listed = Listed::new(window, form);
        match self.find_at_once(flow, filter, listed, base)? {
            Ok(listed) => Ok(listed),
            Err((filter, listed)) => {
                Box::pin(self.scan(Arc::clone(flow), filter, listed, base.to_owned())).await
            }
        }
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
        let layout = &prepared.layout;
        let space = prepared.space.read();
        let Some(filter) = filter else {
            let slots = space.page(flow.number, listed.skip, listed.take);
            for stored in slots.into_iter().filter_map(|slot| space.stored(slot)) {
                listed.show(flow, layout, &stored, base);
            }
            listed.total = space.count(flow.number);
            return Ok(Ok(listed));
        };
        match query::plan(&space, flow, &filter) {
            Plan::Scan => return Ok(Err((filter, listed))),
            Plan::Nothing => {}
            Plan::Slots { slots, exact } => {
                for stored in slots.into_iter().filter_map(|slot| space.stored(slot)) {
                    if !exact {
                        listed.add(query::matching(&space, flow, &filter, &stored, base));
                    } else if listed.is_wanted() {
                        listed.show(flow, layout, &stored, base);
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
            dumped.extend(stored.map(|stored| flow.dump(&prepared.layout, &stored)));
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
        let mut slot = 0;
        loop {
            let space = prepared.space.read();
            let end = space.used().min(slot + LOOKED_AT);
            for stored in (slot..end).filter_map(|slot| space.stored(slot)) {
                listed.add(query::matching(&space, flow, filter, &stored, base));
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
        Listed { total: 0, text: ListText::new(TEXT), resources: Vec::new(), skip, take, form }
    }

    /// Counts one more; whether it stands on the page that is wanted.
    fn is_wanted(&mut self) -> bool {
        self.total += 1;
        let shown = self.text.len() + self.resources.len();
        self.total > self.skip && shown < self.take
    }

    fn add(&mut self, found: Option<Resource>) {
        let Some(resource) = found else { return };
        if self.is_wanted() {
            match self.form {
                Form::Text => self.text.add(|out| {
                    serde_json::to_writer(out, &resource).expect("a resource is JSON");
                }),
                Form::Tree => self.resources.push(resource),
            }
        }
    }

    fn show(&mut self, flow: &Flow, layout: &Layout, stored: &Stored<'_>, base: &str) {
        match self.form {
            Form::Text => self.text.add(|out| flow.write(layout, stored, base, out)),
            Form::Tree => self.resources.push(flow.resource(layout, stored, base)),
        }
    }
}
