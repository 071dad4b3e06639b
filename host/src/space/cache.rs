//! The entries and their indexes. Everything changes through [`Space::apply`].

use super::{
    ResourceId,
    edit::{Parts, Put},
    identity,
    indexes::Indexes,
    layout::Layout,
    links::{self, Digest, LinkSet, Links},
    order::Order,
    row::{self, Row},
    rows::Rows,
    slots::Slots,
    sorted::{Sorted, Span},
    table::Table,
};
use crate::scim::SortKey;
use ecma_plugin_sdk::Entry;
use hashbrown::DefaultHashBuilder;
use std::{collections::HashSet, hash::BuildHasher, ops::Range, sync::Arc};

pub use super::{
    edit::{Applied, By, Edit, LinkChange},
    rows::Stored,
};

/// What the target accepted from us while an import is under way; the import's older view of these
/// entries is not believed.
#[derive(Default)]
struct Touched {
    slots: Slots,
    gone: HashSet<Box<[u8]>>,
}

/// What is known of one connected system.
pub struct Space {
    layout: Arc<Layout>,
    rows: Rows,
    /// Slots by type and anchor, each with the hash of these.
    keys: Table<(u32, u32)>,
    indexes: Indexes,
    links: Links,
    hasher: DefaultHashBuilder,
    touched: Option<Touched>,
    /// How many changes exports made.
    exports: u64,
    /// How many entries without a name of theirs the last whole import could not read.
    pub(super) nameless: usize,
    /// Whether an entry that others may name has another name since this was asked last.
    renamed: bool,
}

impl Space {
    /// An empty space.
    #[must_use]
    pub fn new(layout: Arc<Layout>) -> Space {
        Space {
            rows: Rows::new(layout.types.len()),
            keys: Table::default(),
            indexes: Indexes::new(&layout),
            links: Links::default(),
            hasher: DefaultHashBuilder::default(),
            touched: None,
            exports: 0,
            nameless: 0,
            renamed: false,
            layout,
        }
    }

    /// Attributes and their numbers.
    #[must_use]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// How many entries of an object type there are.
    #[must_use]
    pub fn count(&self, type_number: u32) -> usize {
        self.rows.count(type_number)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory: rows, slots and indexes, without the allocator's own.
    #[must_use]
    pub fn memory(&self) -> usize {
        let tables = self.indexes.memory() + self.keys.memory();
        self.rows.memory() + tables + self.links.memory()
    }

    /// The entry in a slot.
    #[must_use]
    pub fn stored(&self, slot: u32) -> Option<Stored<'_>> {
        self.rows.get(slot)
    }

    /// The entry with this id.
    #[must_use]
    pub fn by_id(&self, id: &ResourceId) -> Option<Stored<'_>> {
        self.by_key(&identity::key(&self.layout, id)?)
    }

    /// The entry of this type and anchor.
    #[must_use]
    pub fn by_key(&self, key: &[u8]) -> Option<Stored<'_>> {
        self.by_hash(self.hash(key), key)
    }

    pub(super) fn by_hash(&self, hash: u32, key: &[u8]) -> Option<Stored<'_>> {
        self.stored(self.slot_of(hash, key)?)
    }

    pub(super) fn hash(&self, key: &[u8]) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    /// The entry decoded, without its multi-valued references.
    #[must_use]
    pub fn entry(&self, stored: &Stored<'_>) -> Entry {
        row::decode(&self.layout, stored.bytes)
    }

    /// The entry decoded, with all it refers to.
    #[must_use]
    pub fn whole_entry(&self, stored: &Stored<'_>) -> Entry {
        let links = |number| self.links(stored.slot, number).collect();
        row::decode_whole(&self.layout, stored.bytes, links)
    }

    /// The values of a multi-valued reference, in the order of their bytes.
    pub fn links(&self, slot: u32, number: u32) -> impl Iterator<Item = &[u8]> {
        self.links.get(slot, number).into_iter().flat_map(LinkSet::values)
    }

    /// A copy of these values.
    #[must_use]
    pub fn link_set(&self, slot: u32, number: u32) -> LinkSet {
        self.links.get(slot, number).cloned().unwrap_or_default()
    }

    /// How many values a multi-valued reference has.
    #[must_use]
    pub fn link_count(&self, stored: &Stored<'_>, number: u32) -> usize {
        row::digest(stored.bytes, number).count as usize
    }

    /// Whether a multi-valued reference has this value.
    #[must_use]
    pub fn has_link(&self, slot: u32, number: u32, value: &[u8]) -> bool {
        self.links.get(slot, number).is_some_and(|set| set.contains(value))
    }

    /// The slots of entries whose multi-valued reference has this value, in order.
    #[must_use]
    pub fn linked(&self, type_number: u32, number: u32, value: &[u8]) -> Vec<u32> {
        self.links.having((type_number, number), value)
    }

    /// All entries, in the order of their slots.
    pub fn slots(&self) -> impl Iterator<Item = Stored<'_>> {
        (0..self.used()).filter_map(|slot| self.stored(slot))
    }

    /// How many slots there are to walk.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.rows.used()
    }

    /// The slots of entries whose indexed attribute has this value; `None` without an index. The
    /// value is the cell's bytes.
    #[must_use]
    pub fn find(&self, type_number: u32, number: u32, value: &[u8]) -> Option<Vec<u32>> {
        self.indexes.find(&self.layout, &self.rows, type_number, number, value)
    }

    /// Where the entries stand whose values are in the span, in the order of the attribute's values,
    /// and whether all that stand there are meant; `None` without an index that has an order.
    #[must_use]
    pub fn places(
        &self,
        type_number: u32,
        number: u32,
        span: Span<'_>,
    ) -> Option<(Range<usize>, bool)> {
        Some(self.indexes.sorted(type_number, number)?.places(&self.rows, span))
    }

    /// The slots at these places, in the order of the attribute's values.
    #[must_use]
    pub fn at_places(&self, type_number: u32, number: u32, places: Range<usize>) -> Vec<u32> {
        let sorted = self.indexes.sorted(type_number, number);
        sorted.map_or_else(Vec::new, |sorted| sorted.slots(places))
    }

    /// Whether an attribute's index has an order.
    pub(super) fn has_order(&self, type_number: u32, number: u32) -> bool {
        self.indexes.sorted(type_number, number).is_some()
    }

    /// The order of an attribute's index, there or in the making.
    pub(super) fn order(&self, type_number: u32, number: u32) -> Option<&Sorted> {
        self.indexes.order(type_number, number)
    }

    /// As after the import of many.
    #[cfg(test)]
    pub(super) fn forget_orders(&mut self) {
        self.indexes.forget_orders();
    }

    /// Whether somebody asked for an order that is not there yet.
    #[must_use]
    pub fn wants_order(&self) -> bool {
        self.indexes.wants_order()
    }

    /// Begins to make an order that somebody asked for.
    pub fn begin_order(&mut self) -> Option<Order> {
        self.indexes.begin_order()
    }

    /// Keeps an order that was made.
    pub fn end_order(&mut self, order: Order) {
        self.indexes.end_order(&self.rows, order);
    }

    /// What an entry is sorted by in an attribute whose index has an order.
    pub(super) fn sort_key(&self, stored: &Stored<'_>, number: u32) -> Option<SortKey> {
        let sorted = self.indexes.sorted(row::type_of(stored.bytes), number)?;
        Some(sorted.key(stored.bytes))
    }

    /// Slots of entries of a type in the order of an attribute's values, those without one last, or
    /// all the other way round. `after` is what stands before the page. `None` without an index that
    /// has an order.
    pub(super) fn sort_page(
        &self,
        (type_number, number): (u32, u32),
        descending: bool,
        after: Option<(&SortKey, u32)>,
        (skip, take): (usize, usize),
    ) -> Option<Vec<u32>> {
        let sorted = self.indexes.sorted(type_number, number)?;
        Some(sorted.page(&self.rows, after, descending, skip, take))
    }

    /// Slots of entries of a type, from the `skip`th on, at most `take`.
    #[must_use]
    pub fn page(&self, type_number: u32, skip: usize, take: usize) -> Vec<u32> {
        self.rows.page(type_number, skip, take)
    }

    /// Slots of entries of a type behind a slot, at most `take`.
    #[must_use]
    pub fn page_after(&self, type_number: u32, slot: u32, take: usize) -> Vec<u32> {
        self.rows.page_after(type_number, slot, take)
    }

    /// Makes one change: the only way by which the space changes.
    ///
    /// An import's view of an entry that an export changed since the import began is passed over,
    /// and so is a change to what is known already; both answer `None`.
    pub fn apply(&mut self, edit: &Edit<'_>, by: By, now: u32) -> Option<Applied<'_>> {
        match edit {
            Edit::Put(row) => {
                let hash = self.hash(row.key());
                let known = self.slot_of(hash, row.key());
                let parts = Parts { bytes: &row.bytes, key: row.key, links: Some(&row.links) };
                match self.put(known, hash, &parts, by, now) {
                    Put::Made(applied) => Some(applied),
                    Put::Same(_) | Put::Touched(_) => None,
                }
            }
            Edit::Update(row, changes) => self.update(row, changes, by, now),
            Edit::Remove(key) => self.remove(key, by),
        }
    }

    /// Whether an entry that others may name has got another name since this was asked last: what
    /// others name it by may be another one now too.
    pub fn take_renamed(&mut self) -> bool {
        std::mem::take(&mut self.renamed)
    }

    /// How many changes exports made: while it is the same, what was looked up is still right.
    pub(super) fn exports(&self) -> u64 {
        self.exports
    }

    fn update(
        &mut self,
        row: &Row,
        changes: &[LinkChange],
        by: By,
        now: u32,
    ) -> Option<Applied<'_>> {
        let hash = self.hash(row.key());
        let known = self.slot_of(hash, row.key());
        let before = known.and_then(|slot| self.rows.bytes(slot)).unwrap_or_default();
        let digest = |number: u32| {
            let mut digest = row::digest(before, number);
            let change = changes.iter().find(|change| change.number == number);
            let Some(change) = change else { return digest };
            let set = known.and_then(|slot| self.links.get(slot, number));
            let has = |value: &[u8]| !change.cleared && set.is_some_and(|set| set.contains(value));
            if change.cleared {
                digest = Digest::default();
            }
            change.removed.iter().filter(|v| has(v)).for_each(|value| digest.take(value));
            let stays = |value: &Vec<u8>| has(value) && !change.removed.contains(value);
            change.added.iter().filter(|v| !stays(v)).for_each(|value| digest.add(value));
            digest
        };
        let bytes = row::with_digests(&self.layout, &row.bytes, digest);
        let type_number = row::type_of(&bytes);
        let key = row.key().to_vec();
        let parts = Parts { bytes: &bytes, key: key.len(), links: None };
        let before = match self.put(known, hash, &parts, by, now) {
            Put::Made(applied) => applied.before,
            Put::Same(_) | Put::Touched(_) => return None,
        };
        let slot = self.slot_of(hash, &key)?;
        for change in changes {
            let attribute = (type_number, change.number);
            if change.cleared {
                self.links.replace(slot, attribute, &[]);
            }
            for value in &change.removed {
                self.links.remove(slot, attribute, value);
            }
            for value in &change.added {
                self.links.insert(slot, attribute, value);
            }
        }
        Some(Applied { slot, before, after: self.rows.bytes(slot), by })
    }

    /// Puts a row. `known` is its slot, if it has one.
    pub(super) fn put(
        &mut self,
        known: Option<u32>,
        hash: u32,
        parts: &Parts<'_>,
        by: By,
        now: u32,
    ) -> Put<'_> {
        let bytes = parts.bytes;
        let key = &bytes[..parts.key];
        self.exports += u64::from(by == By::Export);
        if by == By::Import && self.is_touched(known, key) {
            return Put::Touched(known);
        }
        let slot = known.unwrap_or_else(|| self.rows.vacant());
        if let (Some(touched), By::Export) = (&mut self.touched, by) {
            touched.slots.insert(slot);
            touched.gone.remove(key);
        }
        if known.is_some() && self.rows.bytes(slot) == Some(bytes) {
            return Put::Same(slot);
        }
        let before = self.rows.put(slot, bytes, now);
        let kind = &self.layout.types[row::type_of(bytes) as usize];
        if let Some(before) = before.as_deref().filter(|_| kind.dn_index.is_some()) {
            let name = |bytes| row::values(bytes, kind.dn()).next().map(|cell| cell.bytes);
            self.renamed |= name(before) != name(bytes);
        }
        if known.is_none() {
            self.keys.insert(hash, (slot, hash), |(_, hash)| hash);
        }
        self.indexes.update(&self.layout, &self.rows, slot, before.as_deref(), Some(bytes));
        if let Some(cells) = parts.links {
            let type_number = row::type_of(bytes);
            for number in self.layout.types[type_number as usize].linked() {
                let is_same = |before: &[u8]| row::digest(before, number);
                if before.as_deref().map(is_same).unwrap_or_default() != row::digest(bytes, number)
                {
                    let values = links::values(cells, number);
                    self.links.replace(slot, (type_number, number), &values);
                }
            }
        }
        Put::Made(Applied { slot, before, after: self.rows.bytes(slot), by })
    }

    fn remove(&mut self, key: &[u8], by: By) -> Option<Applied<'_>> {
        let hash = self.hash(key);
        let known = self.slot_of(hash, key);
        self.exports += u64::from(by == By::Export);
        if by == By::Import && self.is_touched(known, key) {
            return None;
        }
        if let (Some(touched), By::Export) = (&mut self.touched, by) {
            touched.gone.insert(key.into());
            // The slot may soon be that of another entry.
            known.iter().for_each(|slot| touched.slots.remove(*slot));
        }
        let slot = known?;
        self.keys.remove(hash, (slot, hash));
        let before = self.rows.take(slot);
        self.indexes.update(&self.layout, &self.rows, slot, before.as_deref(), None);
        let type_number = row::type_of(key);
        for number in self.layout.types[type_number as usize].linked() {
            self.links.replace(slot, (type_number, number), &[]);
        }
        Some(Applied { slot, before, after: None, by })
    }

    /// Begins to note what exports change, for the import that begins now.
    pub fn begin_pass(&mut self) {
        self.touched = Some(Touched::default());
        if self.is_empty() {
            self.indexes.sleep();
        }
    }

    /// Ends it.
    pub fn end_pass(&mut self) {
        self.touched = None;
        self.indexes.wake(&self.layout, &self.rows);
    }

    /// Whether an export changed the entry since the import began.
    #[must_use]
    pub fn is_touched(&self, slot: Option<u32>, key: &[u8]) -> bool {
        self.touched.as_ref().is_some_and(|touched| {
            slot.is_some_and(|slot| touched.slots.contains(slot)) || touched.gone.contains(key)
        })
    }

    pub(super) fn slot_of(&self, hash: u32, key: &[u8]) -> Option<u32> {
        // No key is the beginning of another one: cells carry their lengths, types their anchors.
        let is_meant = |slot| self.rows.bytes(slot).is_some_and(|bytes| bytes.starts_with(key));
        let found = self.keys.find(hash, |(slot, known)| known == hash && is_meant(slot));
        found.map(|(slot, _)| slot)
    }
}
