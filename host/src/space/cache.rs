//! The entries and their indexes. Everything changes through [`Space::apply`].

use super::{
    ResourceId, identity,
    indexes::Indexes,
    layout::Layout,
    row::{self, Row},
    rows::Rows,
    table::Table,
};
use ecma_plugin_sdk::Entry;
use hashbrown::DefaultHashBuilder;
use std::{collections::HashSet, hash::BuildHasher, sync::Arc};

pub use super::rows::Stored;

/// Bits by slot.
#[derive(Debug, Default, Clone)]
pub struct Slots(Vec<u64>);

impl Slots {
    /// Adds a slot.
    pub fn insert(&mut self, slot: u32) {
        let word = slot as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (slot % 64);
    }

    /// Takes a slot out.
    pub fn remove(&mut self, slot: u32) {
        if let Some(word) = self.0.get_mut(slot as usize / 64) {
            *word &= !(1 << (slot % 64));
        }
    }

    /// Whether the slot is among them.
    #[must_use]
    pub fn contains(&self, slot: u32) -> bool {
        self.0.get(slot as usize / 64).is_some_and(|word| word & 1 << (slot % 64) != 0)
    }
}

/// Who asked for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The target told us.
    Import,
    /// We told the target, and it agreed.
    Export,
}

/// A change that was made: a value for whoever keeps histories, feeds or journals.
#[derive(Debug)]
pub struct Applied<'a> {
    /// Where the entry is kept.
    pub slot: u32,
    /// What was known before; nothing for a new entry.
    pub before: Option<Box<[u8]>>,
    /// What is known now; nothing for a removed entry.
    pub after: Option<&'a [u8]>,
    /// Who asked.
    pub by: By,
}

/// What to change.
pub enum Edit<'a> {
    /// The entry is this now.
    Put(&'a Row),
    /// The entry of this key is gone.
    Remove(&'a [u8]),
}

/// What the target accepted from us while an import is under way; the import's older view of these
/// entries is not believed.
#[derive(Default)]
struct Touched {
    slots: Slots,
    gone: HashSet<Box<[u8]>>,
}

/// What became of a row that was to be put.
pub(super) enum Put<'a> {
    /// The space changed.
    Made(Applied<'a>),
    /// It was known already, in this slot.
    Same(u32),
    /// An export changed the entry since the import began.
    Touched(Option<u32>),
}

/// What is known of one connected system.
pub struct Space {
    layout: Arc<Layout>,
    rows: Rows,
    /// Slots by type and anchor, each with the hash of these.
    keys: Table<(u32, u32)>,
    indexes: Indexes,
    hasher: DefaultHashBuilder,
    touched: Option<Touched>,
    /// How many changes exports made.
    exports: u64,
    /// How many entries without a name of theirs the last whole import could not read.
    pub(super) nameless: usize,
}

impl Space {
    /// An empty space.
    #[must_use]
    pub fn new(layout: Arc<Layout>) -> Space {
        Space {
            rows: Rows::new(layout.types.len()),
            keys: Table::default(),
            indexes: Indexes::new(&layout),
            hasher: DefaultHashBuilder::default(),
            touched: None,
            exports: 0,
            nameless: 0,
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
        self.rows.memory() + self.indexes.memory() + self.keys.memory()
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

    /// The entry decoded.
    #[must_use]
    pub fn entry(&self, stored: &Stored<'_>) -> Entry {
        row::decode(&self.layout, stored.bytes)
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

    /// Slots of entries of a type, from the `skip`th on, at most `take`.
    #[must_use]
    pub fn page(&self, type_number: u32, skip: usize, take: usize) -> Vec<u32> {
        self.rows.page(type_number, skip, take)
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
                match self.put(known, hash, &row.bytes, row.key, by, now) {
                    Put::Made(applied) => Some(applied),
                    Put::Same(_) | Put::Touched(_) => None,
                }
            }
            Edit::Remove(key) => self.remove(key, by),
        }
    }

    /// How many changes exports made: while it is the same, what was looked up is still right.
    pub(super) fn exports(&self) -> u64 {
        self.exports
    }

    /// Puts a row, of which so many bytes are the key. `known` is its slot, if it has one.
    pub(super) fn put(
        &mut self,
        known: Option<u32>,
        hash: u32,
        bytes: &[u8],
        key: usize,
        by: By,
        now: u32,
    ) -> Put<'_> {
        let key = &bytes[..key];
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
        if known.is_none() {
            self.keys.insert(hash, (slot, hash), |(_, hash)| hash);
        }
        self.indexes.update(&self.layout, &self.rows, slot, before.as_deref(), Some(bytes));
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
