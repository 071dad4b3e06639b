//! The values of multi-valued references: a group's members.
//!
//! They stand beside the rows, not in them, so that one member more costs the same in a group of
//! ten and in one of a hundred thousand. A row has a [`Digest`] of each set in its place: rows are
//! equal when their sets are, and a version moves when a set changes.

use super::index::Index;
use ecma_plugin_sdk::page::{Cell, Tag, put_varint, take_varint};
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;
use twox_hash::XxHash3_128;

/// Bytes of a chunk at most; a longer value has a chunk of its own.
const CHUNK: usize = 2048;

/// What a row knows of a set: how many values, and the sum of their hashes. The same on every host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digest {
    sum: u128,
    pub(super) count: u32,
}

impl Digest {
    /// Bytes of the value of a cell.
    const LENGTH: usize = 20;

    /// The cell of a row that stands for the set.
    pub(super) fn put(self, number: u32, out: &mut Vec<u8>) {
        if self.count == 0 {
            return;
        }
        let mut bytes = [0; Self::LENGTH];
        bytes[..16].copy_from_slice(&self.sum.to_le_bytes());
        bytes[16..].copy_from_slice(&self.count.to_le_bytes());
        Cell { attribute: number, tag: Tag::BINARY, bytes: &bytes }.put(out);
    }

    /// The digest in a cell.
    pub(super) fn of(cell: &Cell<'_>) -> Digest {
        let sum = cell.bytes.first_chunk().map_or(0, |sum| u128::from_le_bytes(*sum));
        let count = cell.bytes.last_chunk().map_or(0, |count| u32::from_le_bytes(*count));
        Digest { sum, count }
    }

    pub(super) fn add(&mut self, value: &[u8]) {
        self.sum = self.sum.wrapping_add(XxHash3_128::oneshot(value));
        self.count += 1;
    }

    pub(super) fn take(&mut self, value: &[u8]) {
        self.sum = self.sum.wrapping_sub(XxHash3_128::oneshot(value));
        self.count -= 1;
    }
}

/// Values one after the other, each behind its length.
#[derive(Debug, Default, Clone)]
struct Chunk {
    bytes: Vec<u8>,
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_varint(rest)? as usize;
    let (value, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(value)
}

impl Chunk {
    fn values(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || take(&mut rest))
    }

    fn first(&self) -> &[u8] {
        take(&mut self.bytes.as_slice()).unwrap_or_default()
    }

    /// Where the value stands, or would: the bytes before it, and its own when it is there.
    fn find(&self, value: &[u8]) -> (usize, usize) {
        let mut rest = self.bytes.as_slice();
        loop {
            let at = self.bytes.len() - rest.len();
            match take(&mut rest) {
                Some(known) if known < value => {}
                Some(known) if known == value => return (at, self.bytes.len() - rest.len() - at),
                _ => return (at, 0),
            }
        }
    }

    fn split(&mut self) -> Chunk {
        let mut rest = self.bytes.as_slice();
        while rest.len() * 2 > self.bytes.len() && take(&mut rest).is_some() {}
        let at = self.bytes.len() - rest.len();
        let after = Chunk { bytes: self.bytes[at..].to_vec() };
        self.bytes.truncate(at);
        self.bytes.shrink_to_fit();
        after
    }
}

/// A set of values in order. Each change costs the logarithm of its size; a copy is quickly made, so
/// that a long one can be looked at while others use the space.
#[derive(Debug, Default, Clone)]
pub struct LinkSet(Vec<Chunk>);

impl LinkSet {
    /// A set of values that are in order and differ.
    pub(super) fn of<'v>(values: impl Iterator<Item = &'v [u8]>) -> LinkSet {
        let mut chunks = Vec::new();
        let mut bytes = Vec::new();
        for value in values {
            if !bytes.is_empty() && bytes.len() + value.len() > CHUNK {
                chunks.push(Chunk { bytes: bytes.clone() });
                bytes.clear();
            }
            put_varint(&mut bytes, value.len() as u32);
            bytes.extend_from_slice(value);
        }
        if !bytes.is_empty() {
            chunks.push(Chunk { bytes });
        }
        LinkSet(chunks)
    }

    fn chunk(&self, value: &[u8]) -> usize {
        self.0.partition_point(|chunk| chunk.first() <= value).saturating_sub(1)
    }

    pub(super) fn contains(&self, value: &[u8]) -> bool {
        self.0.get(self.chunk(value)).is_some_and(|chunk| chunk.find(value).1 > 0)
    }

    /// Whether it was not there before.
    fn insert(&mut self, value: &[u8]) -> bool {
        if self.0.is_empty() {
            self.0.push(Chunk::default());
        }
        let at = self.chunk(value);
        let chunk = &mut self.0[at];
        let (place, length) = chunk.find(value);
        if length > 0 {
            return false;
        }
        let mut new = Vec::with_capacity(value.len() + 2);
        put_varint(&mut new, value.len() as u32);
        new.extend_from_slice(value);
        chunk.bytes.splice(place..place, new);
        if chunk.bytes.len() > CHUNK {
            let after = chunk.split();
            if !after.bytes.is_empty() {
                self.0.insert(at + 1, after);
            }
        }
        true
    }

    /// Whether it was there.
    fn remove(&mut self, value: &[u8]) -> bool {
        let at = self.chunk(value);
        let Some(chunk) = self.0.get_mut(at) else { return false };
        let (place, length) = chunk.find(value);
        chunk.bytes.drain(place..place + length);
        if chunk.bytes.is_empty() {
            self.0.remove(at);
        }
        length > 0
    }

    /// The values, in the order of their bytes.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(Chunk::values)
    }

    fn memory(&self) -> usize {
        let chunks = self.0.iter().map(|chunk| chunk.bytes.capacity());
        chunks.sum::<usize>() + self.0.capacity() * size_of::<Chunk>()
    }
}

/// All sets of a space, and which entries have a value in theirs.
#[derive(Default)]
pub(super) struct Links {
    /// By slot and number of the attribute.
    sets: HashMap<(u32, u32), LinkSet>,
    /// By object type and number of the attribute.
    entries: HashMap<(u32, u32), Index>,
    /// How many more values of a set have the same hash as one that is indexed.
    collisions: HashMap<(u32, u32, u32), u32>,
    hasher: DefaultHashBuilder,
}

/// An attribute whose values are kept here: object type and number.
pub(super) type Attribute = (u32, u32);

impl Links {
    fn hash(&self, value: &[u8]) -> u32 {
        (self.hasher.hash_one(value) >> 32) as u32
    }

    /// The values of an entry.
    pub(super) fn get(&self, slot: u32, number: u32) -> Option<&LinkSet> {
        self.sets.get(&(slot, number))
    }

    /// The slots of entries that have the value, in order.
    pub(super) fn having(&self, attribute: Attribute, value: &[u8]) -> Vec<u32> {
        let Some(index) = self.entries.get(&attribute) else { return Vec::new() };
        let mut slots = index.candidates(self.hash(value), |_| 0);
        slots.retain(|slot| self.get(*slot, attribute.1).is_some_and(|set| set.contains(value)));
        slots.sort_unstable();
        slots
    }

    /// Adds a value; whether it was not there.
    pub(super) fn insert(&mut self, slot: u32, attribute: Attribute, value: &[u8]) -> bool {
        let is_new = self.sets.entry((slot, attribute.1)).or_default().insert(value);
        if is_new {
            self.remember(slot, attribute, value);
        }
        is_new
    }

    /// Takes a value out; whether it was there.
    pub(super) fn remove(&mut self, slot: u32, attribute: Attribute, value: &[u8]) -> bool {
        let Some(set) = self.sets.get_mut(&(slot, attribute.1)) else { return false };
        let was_there = set.remove(value);
        if set.0.is_empty() {
            self.sets.remove(&(slot, attribute.1));
        }
        if was_there {
            self.forget(slot, attribute, value);
        }
        was_there
    }

    /// Makes the values of an entry these, which are in order and differ.
    pub(super) fn replace(&mut self, slot: u32, attribute: Attribute, values: &[&[u8]]) {
        let before = self.sets.remove(&(slot, attribute.1)).unwrap_or_default();
        let mut known = before.values().peekable();
        for value in values {
            while let Some(gone) = known.next_if(|known| known < value) {
                self.forget(slot, attribute, gone);
            }
            if known.next_if(|known| known == value).is_none() {
                self.remember(slot, attribute, value);
            }
        }
        for gone in known {
            self.forget(slot, attribute, gone);
        }
        if !values.is_empty() {
            self.sets.insert((slot, attribute.1), LinkSet::of(values.iter().copied()));
        }
    }

    fn remember(&mut self, slot: u32, attribute: Attribute, value: &[u8]) {
        let hash = self.hash(value);
        let index = self.entries.entry(attribute).or_insert_with(|| Index::new(true));
        if !index.insert(hash, slot, |_| 0) {
            *self.collisions.entry((slot, attribute.1, hash)).or_default() += 1;
        }
    }

    fn forget(&mut self, slot: u32, attribute: Attribute, value: &[u8]) {
        let hash = self.hash(value);
        if let Some(more) = self.collisions.get_mut(&(slot, attribute.1, hash)) {
            *more -= 1;
            if *more == 0 {
                self.collisions.remove(&(slot, attribute.1, hash));
            }
        } else if let Some(index) = self.entries.get_mut(&attribute) {
            index.remove(hash, slot);
        }
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let sets: usize = self.sets.values().map(LinkSet::memory).sum();
        let entries: usize = self.entries.values().map(Index::memory).sum();
        sets + self.sets.allocation_size() + entries + self.collisions.allocation_size()
    }
}

/// The values of one attribute in a run of cells: in order, each once.
pub(super) fn values(cells: &[u8], number: u32) -> Vec<&[u8]> {
    let mut rest = cells;
    let cells = std::iter::from_fn(|| Cell::take(&mut rest));
    let mut values: Vec<&[u8]> =
        cells.filter(|cell| cell.attribute == number).map(|cell| cell.bytes).collect();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[derive(Debug, Clone)]
    enum Edit {
        Insert(u32, u16),
        Remove(u32, u16),
        Replace(u32, BTreeSet<u16>),
    }

    fn edit() -> impl Strategy<Value = Edit> {
        let slot = 0_u32..3;
        prop_oneof![
            8 => (slot.clone(), 0_u16..900).prop_map(|(slot, value)| Edit::Insert(slot, value)),
            4 => (slot.clone(), 0_u16..900).prop_map(|(slot, value)| Edit::Remove(slot, value)),
            1 => (slot, prop::collection::btree_set(0_u16..900, 0..600))
                .prop_map(|(slot, values)| Edit::Replace(slot, values)),
        ]
    }

    fn text(value: u16) -> Vec<u8> {
        // Of different lengths, and one longer than a chunk.
        format!("{value}{}", "x".repeat(usize::from(value % 97) * 25)).into_bytes()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sets_and_their_index_are_what_the_model_says(
            edits in prop::collection::vec(edit(), 0..400),
        ) {
            const MEMBERS: Attribute = (1, 2);
            let mut links = Links::default();
            let mut model: BTreeMap<u32, BTreeSet<Vec<u8>>> = BTreeMap::new();
            for edit in edits {
                match edit {
                    Edit::Insert(slot, value) => {
                        let is_new = model.entry(slot).or_default().insert(text(value));
                        prop_assert_eq!(links.insert(slot, MEMBERS, &text(value)), is_new);
                    }
                    Edit::Remove(slot, value) => {
                        let was_there = model.entry(slot).or_default().remove(&text(value));
                        prop_assert_eq!(links.remove(slot, MEMBERS, &text(value)), was_there);
                    }
                    Edit::Replace(slot, values) => {
                        let values: BTreeSet<Vec<u8>> = values.into_iter().map(text).collect();
                        let sorted: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
                        links.replace(slot, MEMBERS, &sorted);
                        model.insert(slot, values);
                    }
                }
            }
            for (slot, values) in &model {
                let set = links.get(*slot, 2).cloned().unwrap_or_default();
                let found: Vec<Vec<u8>> = set.values().map(<[u8]>::to_vec).collect();
                prop_assert_eq!(found, values.iter().cloned().collect::<Vec<_>>());
            }
            for value in (0..900).map(text) {
                let having: Vec<u32> =
                    model.iter().filter(|(_, set)| set.contains(&value)).map(|(s, _)| *s).collect();
                prop_assert_eq!(links.having(MEMBERS, &value), having);
            }
        }

        #[test]
        fn a_digest_does_not_mind_the_order(mut values in prop::collection::vec("[a-c]{1,3}", 0..9)) {
            let digest = |values: &[String]| {
                let mut digest = Digest::default();
                values.iter().for_each(|value| digest.add(value.as_bytes()));
                digest
            };
            let before = digest(&values);
            let mut cell = Vec::new();
            before.put(7, &mut cell);
            let read = Cell::take(&mut cell.as_slice()).map(|cell| Digest::of(&cell));
            prop_assert_eq!(read.unwrap_or_default(), before);
            values.reverse();
            prop_assert_eq!(digest(&values), before);
            let mut empty = before;
            values.iter().for_each(|value| empty.take(value.as_bytes()));
            prop_assert_eq!(empty, Digest::default());
        }
    }

    #[test]
    fn values_of_one_hash_are_told_apart() {
        const MEMBERS: Attribute = (0, 0);
        let mut links = Links::default();
        // As if both had one hash.
        links.insert(5, MEMBERS, b"a");
        let hash = links.hash(b"a");
        links.collisions.insert((5, 0, hash), 1);
        links.forget(5, MEMBERS, b"a");
        assert_eq!(links.having(MEMBERS, b"a"), [5]);
        links.remove(5, MEMBERS, b"a");
        assert_eq!(links.having(MEMBERS, b"a"), [0; 0]);
    }
}
