//! Choosing the page of a list: which entries match, in which order, and how many there are in all.
//!
//! Made step by step, some entries at a time, so that whoever drives it can let others have the
//! space meanwhile. Only keys and slots are kept, and of a sorted list no more than it takes for the
//! page; resources are made of the page alone.

use super::{
    cache::{Space, Stored},
    flow::Flow,
    needs::Needs,
    query::{self, Plan},
    row,
};
use crate::scim::{Filter, Path, Position, Sort, SortKey};
use std::{cmp::Ordering, sync::Arc};

/// Entries of one type that are asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// How they are shown.
    pub flow: Arc<Flow>,
    /// Which of them; all without one.
    pub filter: Option<Filter>,
}

/// Which part of the list is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// Only what comes behind this one.
    pub after: Option<Position>,
    /// How many stand before the part.
    pub skip: usize,
    /// How many it has at most.
    pub take: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chosen {
    /// How many there are in all.
    pub total: usize,
    /// The slots of the part.
    pub slots: Vec<u32>,
    /// Behind which position the next part begins; nothing behind the last.
    pub next: Option<Position>,
}

/// Entries of one type while they are looked at.
struct Kind {
    wanted: Wanted,
    /// What the filter looks at; nothing when all candidates match.
    needs: Option<Needs>,
    key: KeyOf,
}

/// What an entry is sorted by.
enum KeyOf {
    /// Its type has no such attribute.
    Nothing,
    Id,
    Modified,
    /// An attribute whose index has an order.
    Text(u32),
    /// What SCIM shows, as far as it is needed.
    Shown(Needs),
}

/// Whose entries are yet to be looked at.
enum Candidates {
    All,
    Slots(Vec<u32>),
}

/// A search under way.
pub struct Selection {
    kinds: Vec<Kind>,
    sort: Option<Sort>,
    part: Part,
    base: String,
    candidates: Candidates,
    at: usize,
    total: usize,
    found: Vec<(SortKey, u32)>,
    slots: Vec<u32>,
    done: Option<Chosen>,
}

impl Selection {
    /// Plans the search; what indexes answer alone is done then.
    #[must_use]
    pub fn begin(
        space: &Space,
        wanted: Vec<Wanted>,
        sort: Option<Sort>,
        part: Part,
        base: String,
    ) -> Selection {
        let sort = sort.filter(|sort| wanted.iter().any(|one| sort.orders(&one.flow.schemas)));
        let mut selection = Selection {
            kinds: Vec::with_capacity(wanted.len()),
            sort,
            part,
            base,
            candidates: Candidates::Slots(Vec::new()),
            at: 0,
            total: 0,
            found: Vec::new(),
            slots: Vec::new(),
            done: None,
        };
        let planned: Vec<(Wanted, Plan)> = wanted
            .into_iter()
            .map(|one| match &one.filter {
                None => (one, Plan::All),
                Some(filter) => {
                    let plan = query::plan(space, &one.flow, filter);
                    (one, plan)
                }
            })
            .collect();
        let all = planned.iter().any(|(_, plan)| matches!(plan, Plan::All | Plan::Scan));
        let (mut listed, mut alone) = (Vec::new(), planned.len() == 1);
        for (one, plan) in planned {
            let exact = match plan {
                Plan::Nothing => continue,
                Plan::All => true,
                Plan::Scan => false,
                // Where everybody is looked at, those that are not listed are as well.
                Plan::Slots { slots, exact } => {
                    listed.extend(slots);
                    exact && !all
                }
            };
            alone &= exact;
            let needs = one.filter.as_ref().filter(|_| !exact).map(|f| one.flow.needs_of(f));
            let key = selection.key_of(space, &one.flow);
            selection.kinds.push(Kind { wanted: one, needs, key });
        }
        if alone && selection.at_once(space, all, &listed) {
            return selection;
        }
        selection.candidates = match all {
            // The others' entries are among all of them.
            true => Candidates::All,
            false => {
                listed.sort_unstable();
                Candidates::Slots(listed)
            }
        };
        selection
    }

    fn key_of(&self, space: &Space, flow: &Flow) -> KeyOf {
        let Some(sort) = self.sort.as_ref().filter(|sort| sort.orders(&flow.schemas)) else {
            return KeyOf::Nothing;
        };
        let Some(path) = flow.schemas.canonical(&sort.path) else { return KeyOf::Nothing };
        if path == Path::of("id") {
            return KeyOf::Id;
        }
        if path == Path::of("meta").with_sub("lastModified") {
            return KeyOf::Modified;
        }
        match flow.text_behind(space.layout(), &path) {
            Some(number) if space.has_order(flow.number, number) => KeyOf::Text(number),
            _ => KeyOf::Shown(flow.needs_of(&Filter::Has(path))),
        }
    }

    /// Answers one type's entries without looking at them: all of them, or a list of which each
    /// matches. Whether it could.
    fn at_once(&mut self, space: &Space, all: bool, listed: &[u32]) -> bool {
        let Part { after, skip, take } = &self.part;
        let (skip, take) = (*skip, *take);
        let Some(kind) = self.kinds.first() else {
            self.done = Some(Chosen::default());
            return true;
        };
        let type_number = kind.wanted.flow.number;
        let place = after.as_ref().map(|after| after.place);
        let one_more = take.saturating_add(1);
        let (total, slots) = match (&self.sort, &kind.key, all) {
            (None, _, true) => {
                let slots = match place {
                    None => space.page(type_number, skip, one_more),
                    Some(place) => space.page_after(type_number, place, one_more),
                };
                (space.count(type_number), slots)
            }
            (None, _, false) => {
                let from =
                    place.map_or(skip, |place| listed.partition_point(|slot| *slot <= place));
                (listed.len(), listed.iter().skip(from).take(one_more).copied().collect())
            }
            (Some(sort), KeyOf::Text(number), true) => {
                let after = after.as_ref().and_then(|at| Some((at.key.as_ref()?, at.place)));
                let place = (type_number, *number);
                let slots = space.sort_page(place, sort.descending, after, (skip, one_more));
                let Some(slots) = slots else { return false };
                (space.count(type_number), slots)
            }
            _ => return false,
        };
        let keys = |slot| {
            let stored = space.stored(slot)?;
            let sort = self.sort.as_ref()?;
            Some(self.key(space, kind, sort, &stored))
        };
        self.done = Some(chosen(total, slots, take, keys));
        true
    }

    /// Whether few entries are left to look at.
    #[must_use]
    pub fn is_small(&self, few: usize) -> bool {
        let left = match &self.candidates {
            Candidates::All => usize::MAX,
            Candidates::Slots(slots) => slots.len(),
        };
        self.done.is_some() || left <= few
    }

    /// Looks at some entries more; whether the search is done.
    pub fn step(&mut self, space: &Space, entries: usize) -> bool {
        if self.done.is_some() {
            return true;
        }
        let end = self.at.saturating_add(entries);
        while self.at < end {
            let slot = match &self.candidates {
                Candidates::All => (self.at < space.used() as usize).then_some(self.at as u32),
                Candidates::Slots(slots) => slots.get(self.at).copied(),
            };
            let Some(slot) = slot else {
                self.choose();
                return true;
            };
            self.at += 1;
            if let Some(stored) = space.stored(slot) {
                self.look_at(space, &stored);
            }
        }
        false
    }

    fn look_at(&mut self, space: &Space, stored: &Stored<'_>) {
        let number = row::type_of(stored.bytes);
        let Some(kind) = self.kinds.iter().find(|kind| kind.wanted.flow.number == number) else {
            return;
        };
        if let (Some(needs), Some(filter)) = (&kind.needs, &kind.wanted.filter)
            && !query::matches(space, &kind.wanted.flow, filter, needs, stored, &self.base)
        {
            return;
        }
        self.total += 1;
        let Some(sort) = &self.sort else {
            let is_after = self.part.after.as_ref().is_none_or(|after| stored.slot > after.place);
            let enough = self.part.skip.saturating_add(self.part.take).saturating_add(1);
            if is_after && self.slots.len() < enough {
                self.slots.push(stored.slot);
            }
            return;
        };
        let key = self.key(space, kind, sort, stored);
        if let Some(Position { key: Some(last), place }) = &self.part.after
            && order(sort, (&key, stored.slot), (last, *place)).is_le()
        {
            return;
        }
        self.found.push((key, stored.slot));
        // Only the first of them are wanted: the others go from time to time.
        let enough = self.part.skip.saturating_add(self.part.take).saturating_add(1);
        if self.found.len() >= enough.saturating_mul(2).saturating_add(1024) {
            let by = |one: &(SortKey, u32), other: &(SortKey, u32)| {
                order(sort, (&one.0, one.1), (&other.0, other.1))
            };
            self.found.select_nth_unstable_by(enough, by);
            self.found.truncate(enough);
        }
    }

    fn key(&self, space: &Space, kind: &Kind, sort: &Sort, stored: &Stored<'_>) -> SortKey {
        match &kind.key {
            KeyOf::Nothing => SortKey::Missing,
            KeyOf::Id => {
                let id = super::ResourceId::of(space.layout(), stored.bytes);
                SortKey::of_text(id.as_str(), true)
            }
            KeyOf::Modified => SortKey::of_seconds(i64::from(stored.modified)),
            KeyOf::Text(number) => space.sort_key(stored, *number).unwrap_or(SortKey::Missing),
            KeyOf::Shown(needs) => {
                let flow = &kind.wanted.flow;
                sort.key(&flow.resource(space, stored, &self.base, needs), &flow.schemas)
            }
        }
    }

    fn choose(&mut self) {
        let Part { skip, take, .. } = self.part;
        let one_more = take.saturating_add(1);
        let Some(sort) = &self.sort else {
            let slots = std::mem::take(&mut self.slots);
            let slots = slots.into_iter().skip(skip).take(one_more).collect();
            self.done = Some(chosen(self.total, slots, take, |_| None));
            return;
        };
        let mut found = std::mem::take(&mut self.found);
        found.sort_unstable_by(|one, other| order(sort, (&one.0, one.1), (&other.0, other.1)));
        let slots = found.iter().skip(skip).take(one_more).map(|(_, slot)| *slot).collect();
        let key = |slot| found.into_iter().find(|(_, other)| *other == slot).map(|(key, _)| key);
        self.done = Some(chosen(self.total, slots, take, key));
    }

    /// What was found, once the search is done.
    #[must_use]
    pub fn chosen(self) -> Chosen {
        self.done.unwrap_or_default()
    }
}

/// `slots` are those of the part, and one more when there is a next part.
fn chosen(
    total: usize,
    mut slots: Vec<u32>,
    take: usize,
    key: impl FnOnce(u32) -> Option<SortKey>,
) -> Chosen {
    let more = slots.len() > take;
    slots.truncate(take);
    let last = slots.last().copied().filter(|_| more);
    let next = last.map(|slot| Position { key: key(slot), place: slot });
    Chosen { total, slots, next }
}

/// How two entries stand in a sorted list: those without a value are last, in a descending one
/// first; equal ones are in the order of the space, or the other way round.
fn order(sort: &Sort, one: (&SortKey, u32), other: (&SortKey, u32)) -> Ordering {
    if sort.descending { other.cmp(&one) } else { one.cmp(&other) }
}
