//! Reading: one resource, or those that a filter finds.

use super::{Binding, Cause, Failure, Prepared, links::AT_ONCE};
use crate::{
    scim::{ListText, Position, Resource, Sort, Window},
    space::{
        Flow, LinkSet, ResourceId, Space, Stored,
        needs::Needs,
        row,
        selection::{Chosen, Part, Selection, Wanted},
    },
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Resources of a page when the client does not say.
pub const PAGE: usize = 100;
/// Resources of a page at most.
pub const LARGEST_PAGE: usize = 1000;
/// Bytes of a page's text to begin with: room for one resource of usual size.
const TEXT: usize = 4096;
/// Entries looked at under one lock: some tenths of a millisecond.
const LOOKED_AT: usize = 256;
/// Entries that are looked at without a thread of their own.
const FEW: usize = 512;

/// A question about resources.
#[derive(Debug)]
pub struct Query {
    /// Of which types, and which of them.
    pub wanted: Vec<Wanted>,
    /// In which order; else in that of the space.
    pub sort: Option<Sort>,
    /// Which part of the list.
    pub page: Page,
    /// What of the resources is shown, by type; all, as JSON text, when nothing is said.
    pub needs: Option<Vec<Needs>>,
}

/// The part of a list that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// By number.
    Index(Window),
    /// Behind a position; from the beginning without one.
    Cursor {
        /// The position.
        after: Option<Position>,
        /// How many at most.
        count: Option<usize>,
    },
}

impl Page {
    fn part(self) -> Part {
        match self {
            Page::Index(window) => {
                let (skip, take) = (window.skip(), window.take(PAGE, LARGEST_PAGE));
                Part { after: None, skip, take }
            }
            Page::Cursor { after, count } => {
                Part { after, skip: 0, take: count.unwrap_or(PAGE).min(LARGEST_PAGE) }
            }
        }
    }
}

/// A page of what was found.
#[derive(Debug)]
pub struct Listed {
    /// How many there are in all.
    pub total: usize,
    /// This page of them, when they were asked for as JSON text.
    pub text: ListText,
    /// This page of them otherwise, each with the number of its type in the question.
    pub resources: Vec<(usize, Shown)>,
    /// Where the next page begins.
    pub next: Option<Position>,
    /// Lists of these that are too long to be made while the space is locked.
    long: Vec<Long>,
}

/// A resource to be shown. Lists too long for a tree stand beside it as JSON text: a group of a million
/// members would take ten times the memory.
#[derive(Debug, PartialEq)]
pub struct Shown {
    /// All but the long lists.
    pub resource: Resource,
    /// Names and lists.
    long: Vec<(String, Vec<u8>)>,
}

impl Shown {
    fn new(resource: Resource) -> Shown {
        Shown { resource, long: Vec::new() }
    }

    /// The JSON text in pieces, so that long lists are not copied; `text` is that of the resource as the
    /// client wants to see it.
    pub fn pieces(self, mut text: Vec<u8>) -> Vec<Vec<u8>> {
        let mut pieces = Vec::with_capacity(1 + 2 * self.long.len());
        for (name, list) in self.long {
            text.pop();
            text.extend_from_slice(format!(",\"{name}\":").as_bytes());
            pieces.extend([std::mem::replace(&mut text, b"}".to_vec()), list]);
        }
        pieces.push(text);
        pieces
    }

    /// Appends the JSON text; `cut` is the resource as the client wants to see it.
    pub fn write(&self, cut: &Resource, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, cut).expect("a resource is JSON");
        for (name, list) in &self.long {
            out.pop();
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            out.extend_from_slice(list);
            out.push(b'}');
        }
    }
}

/// How a page is made.
struct Show {
    flows: Vec<Arc<Flow>>,
    /// By type; all as text without.
    needs: Option<Vec<Needs>>,
    base: String,
}

/// The values of a list that is yet to be put into a resource.
#[derive(Debug)]
struct Long {
    /// The resource's place on the page.
    at: usize,
    /// The list's place among the flow's links.
    link: usize,
    values: LinkSet,
}

impl Binding {
    /// The resource with this id.
    pub async fn get(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        id: &ResourceId,
        base: &str,
        needs: &Needs,
    ) -> Result<Shown, Failure> {
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
    ) -> Result<Shown, Failure> {
        let mut listed = Listed::new(0, None, false);
        let show = Show {
            flows: vec![Arc::clone(flow)],
            needs: Some(vec![needs.clone()]),
            base: base.to_owned(),
        };
        {
            let space = prepared.space.read();
            let stored = space.by_id(id).filter(|s| row::type_of(s.bytes) == flow.number);
            listed.show(&show, &space, &stored.ok_or_else(|| Failure::not_found(id))?);
        }
        let mut listed = self.complete(prepared, show, listed).await?;
        listed.resources.pop().map(|(_, one)| one).ok_or_else(|| Failure::not_found(id))
    }

    /// The resources that match.
    pub async fn find(self: &Arc<Self>, query: Query, base: &str) -> Result<Listed, Failure> {
        let prepared = self.ready()?;
        let Query { wanted, sort, page, needs } = query;
        let flows: Vec<Arc<Flow>> = wanted.iter().map(|one| Arc::clone(&one.flow)).collect();
        // Long lists are written by trees.
        let has_links = flows.iter().any(|flow| !flow.links().is_empty());
        let needs = needs.or_else(|| has_links.then(|| vec![Needs::ALL; flows.len()]));
        let show = Show { flows, needs, base: base.to_owned() };
        let selection = {
            let space = prepared.space.read();
            let part = page.part();
            let mut selection = Selection::begin(&space, wanted, sort, part, base.to_owned());
            if space.wants_order() {
                self.order_later();
            }
            if selection.is_small(FEW) {
                while !selection.step(&space, FEW) {}
                Ok(show.page(&space, selection.chosen()))
            } else {
                Err(Box::new(selection))
            }
        };
        let listed = match selection {
            Ok(listed) => listed,
            Err(selection) => {
                let chosen = Box::pin(self.scan(*selection)).await?;
                show.page(&prepared.space.read(), chosen)
            }
        };
        if listed.long.is_empty() {
            return Ok(listed);
        }
        Box::pin(self.complete(prepared, show, listed)).await
    }

    /// Makes the long lists, some elements at a time so that others get their turn.
    async fn complete(
        &self,
        prepared: &Arc<Prepared>,
        show: Show,
        mut listed: Listed,
    ) -> Result<Listed, Failure> {
        if listed.long.is_empty() {
            return Ok(listed);
        }
        let prepared = Arc::clone(prepared);
        let completed = tokio::task::spawn_blocking(move || {
            for Long { at, link, values } in std::mem::take(&mut listed.long) {
                let (kind, shown) = &mut listed.resources[at];
                let (flow, base) = (&show.flows[*kind], &show.base);
                let link = &flow.links()[link];
                let needs = show.needs.as_ref().map(|needs| &needs[*kind]);
                let as_text = needs.is_none_or(Needs::is_all) && link.path.extension().is_none();
                let display = needs.is_some_and(Needs::display);
                let values: Vec<&[u8]> = values.values().collect();
                let (mut text, mut elements) = (vec![b'['], Vec::new());
                for some in values.chunks(AT_ONCE) {
                    let space = prepared.space.read();
                    let some = some.iter().copied();
                    if as_text {
                        flow.write_elements(&space, link, some, base, &mut text);
                    } else {
                        elements.extend(flow.elements(&space, link, some, base, display));
                    }
                    drop(space);
                    give_way();
                }
                if text.len() > 1 {
                    text.push(b']');
                    shown.long.push((link.path.attribute.clone(), text));
                }
                flow.put_elements(&mut shown.resource, link, elements);
            }
            listed
        });
        completed.await.map_err(|_| Failure::new(Cause::Internal, "the search broke off"))
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

    /// Looks at many entries, on a thread of its own, few such searches at once, within a deadline.
    async fn scan(self: &Arc<Self>, selection: Selection) -> Result<Chosen, Failure> {
        let busy = |what: &str| {
            Failure::new(
                Cause::Busy,
                format!(
                    "{what}; a filter with eq or sw on an attribute listed under query is answered at \
                     once, and so is a list sorted by one"
                ),
            )
        };
        let deadline = self.scan_deadline;
        let permit = tokio::time::timeout(deadline, Arc::clone(&self.scans).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(busy("too many filters that have to look at every entry are running"));
        };
        let binding = Arc::clone(self);
        let scan = tokio::task::spawn_blocking(move || {
            // Held here: a client that goes away does not make room for one search more.
            let _permit = permit;
            binding.look_at_all(selection, deadline)
        });
        match scan.await {
            Ok(Some(chosen)) => Ok(chosen),
            Ok(None) => Err(busy("looking at every entry took too long")),
            Err(_) => Err(Failure::new(Cause::Internal, "the search broke off")),
        }
    }

    fn look_at_all(&self, mut selection: Selection, deadline: Duration) -> Option<Chosen> {
        let prepared = self.prepared.get()?;
        let started = Instant::now();
        loop {
            let space = prepared.space.read();
            let done = selection.step(&space, LOOKED_AT);
            drop(space);
            if done {
                return Some(selection.chosen());
            }
            if started.elapsed() > deadline || self.is_stopping() {
                return None;
            }
            give_way();
        }
    }
}

/// Lets whoever waits for a processor go first: called between the pieces of long work.
pub(super) fn give_way() {
    std::thread::yield_now();
}

impl Show {
    /// The page of what was chosen; entries that went meanwhile are not on it.
    fn page(&self, space: &Space, chosen: Chosen) -> Listed {
        let mut listed = Listed::new(chosen.total, chosen.next, self.needs.is_none());
        for stored in chosen.slots.into_iter().filter_map(|slot| space.stored(slot)) {
            listed.show(self, space, &stored);
        }
        listed
    }
}

impl Listed {
    fn new(total: usize, next: Option<Position>, as_text: bool) -> Listed {
        // Room for one resource of usual size; trees need none.
        let text = ListText::new(if as_text { TEXT } else { 0 });
        Listed { total, text, resources: Vec::new(), next, long: Vec::new() }
    }

    fn show(&mut self, show: &Show, space: &Space, stored: &Stored<'_>) {
        let number = row::type_of(stored.bytes);
        let Some(kind) = show.flows.iter().position(|flow| flow.number == number) else { return };
        let (flow, base) = (&show.flows[kind], &show.base);
        let Some(needs) = &show.needs else {
            return self.text.add(|out| flow.write(space, stored, base, out));
        };
        let needs = &needs[kind];
        let counts = flow.links_of(needs).map(|link| space.link_count(stored, link.number));
        if counts.sum::<usize>() <= AT_ONCE {
            let resource = flow.resource(space, stored, base, needs);
            self.resources.push((kind, Shown::new(resource)));
            return;
        }
        let at = self.resources.len();
        for link in flow.links_of(needs) {
            let values = space.link_set(stored.slot, link.number);
            let place = flow.links().iter().position(|one| one == link).unwrap_or_default();
            self.long.push(Long { at, link: place, values });
        }
        let resource = flow.resource(space, stored, base, &needs.without_links());
        self.resources.push((kind, Shown::new(resource)));
    }
}
