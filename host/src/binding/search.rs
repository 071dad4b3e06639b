//! Reading: one resource, or those that a filter finds.

use super::{Binding, Cause, Failure};
use crate::{
    scim::{Filter, Resource, Window},
    space::{
        Flow, ResourceId,
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
/// Entries looked at under one lock.
const LOOKED_AT: u32 = 1024;

/// A page of what was found.
#[derive(Debug, Default, PartialEq)]
pub struct Listed {
    /// How many there are in all.
    pub total: usize,
    /// This page of them.
    pub resources: Vec<Resource>,
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
        base: &str,
    ) -> Result<Listed, Failure> {
        let take = window.take(PAGE, LARGEST_PAGE);
        match self.find_at_once(flow, filter, window.skip(), take, base)? {
            Ok(listed) => Ok(listed),
            Err(filter) => {
                self.scan(Arc::clone(flow), filter, window.skip(), take, base.to_owned()).await
            }
        }
    }

    /// What can be found without looking at every entry; else the filter comes back.
    fn find_at_once(
        &self,
        flow: &Flow,
        filter: Option<Filter>,
        skip: usize,
        take: usize,
        base: &str,
    ) -> Result<Result<Listed, Filter>, Failure> {
        let prepared = self.ready()?;
        let space = prepared.space.read();
        let Some(filter) = filter else {
            let slots = space.page(flow.number, skip, take);
            let stored = slots.into_iter().filter_map(|slot| space.stored(slot));
            let resources = stored.map(|s| flow.resource(&prepared.layout, &s, base)).collect();
            return Ok(Ok(Listed { total: space.count(flow.number), resources }));
        };
        let mut listed = Listed::default();
        match query::plan(&space, flow, &filter) {
            Plan::Scan => return Ok(Err(filter)),
            Plan::Nothing => {}
            Plan::Slots { slots, exact } => {
                for stored in slots.into_iter().filter_map(|slot| space.stored(slot)) {
                    let found = if exact {
                        Some(flow.resource(&prepared.layout, &stored, base))
                    } else {
                        query::matching(&space, flow, &filter, &stored, base)
                    };
                    listed.add(found, skip, take);
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
        skip: usize,
        take: usize,
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
            binding.look_at_all(&flow, &filter, skip, take, &base, deadline)
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
        skip: usize,
        take: usize,
        base: &str,
        deadline: Duration,
    ) -> Option<Listed> {
        let prepared = self.prepared.get()?;
        let started = Instant::now();
        let mut listed = Listed::default();
        let mut slot = 0;
        loop {
            let space = prepared.space.read();
            let end = space.used().min(slot + LOOKED_AT);
            for stored in (slot..end).filter_map(|slot| space.stored(slot)) {
                let found = query::matching(&space, flow, filter, &stored, base);
                listed.add(found, skip, take);
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
    fn add(&mut self, found: Option<Resource>, skip: usize, take: usize) {
        let Some(resource) = found else { return };
        if self.total >= skip && self.resources.len() < take {
            self.resources.push(resource);
        }
        self.total += 1;
    }
}
