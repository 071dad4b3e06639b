//! Hash tables that hold slots and compare against the rows themselves.

use super::{
    layout::{Kept, Layout},
    row,
    rows::Rows,
};
use ecma_plugin_sdk::page::Cell;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::{
    borrow::Cow,
    hash::{BuildHasher, Hasher},
};

/// Tables are split by hash so that growing one is a short pause, not a long one.
const SHARDS: usize = 64;

/// A table of slots by hash. What a slot stands for is the caller's business.
#[derive(Debug)]
pub(super) struct Table<T> {
    shards: Box<[HashTable<T>]>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }
}

impl<T: Copy + PartialEq> Table<T> {
    fn shard(hash: u64) -> usize {
        // The table itself uses the lowest and the topmost bits.
        (hash >> 40) as usize % SHARDS
    }

    /// The first item with this hash that fits.
    pub(super) fn find(&self, hash: u64, fits: impl Fn(T) -> bool) -> Option<T> {
        self.shards[Self::shard(hash)].find(hash, |item| fits(*item)).copied()
    }

    /// All items that may have this hash.
    pub(super) fn candidates(&self, hash: u64) -> impl Iterator<Item = T> {
        self.shards[Self::shard(hash)].iter_hash(hash).copied()
    }

    pub(super) fn insert(&mut self, hash: u64, item: T, rehash: impl Fn(T) -> u64) {
        self.shards[Self::shard(hash)].insert_unique(hash, item, |item| rehash(*item));
    }

    pub(super) fn remove(&mut self, hash: u64, item: T) {
        if let Ok(found) = self.shards[Self::shard(hash)].find_entry(hash, |known| *known == item) {
            found.remove();
        }
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.shards.iter().map(HashTable::allocation_size).sum()
    }
}

enum Index {
    /// Of a single-valued attribute: slots.
    Single(Table<u32>),
    /// Of a multi-valued one: slots and half the hash of the value, so that neither the order of
    /// the values nor their number matters when a table grows.
    Multi(Table<(u32, u32)>),
}

/// The indexes of the attributes clients search by.
pub(super) struct Indexes {
    /// Object type and number of the attribute, by number of the index.
    columns: Box<[(u32, u32)]>,
    tables: Box<[Index]>,
    hasher: DefaultHashBuilder,
    /// Memory used again and again.
    before: Vec<(usize, u64)>,
    after: Vec<(usize, u64)>,
}

fn fold(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    match std::str::from_utf8(text) {
        Ok(text) => Cow::Owned(crate::scim::fold(text).into_owned().into_bytes()),
        Err(_) => Cow::Borrowed(text),
    }
}

/// The bytes by which a value is compared.
fn compared<'a>(kept: &Kept, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    if kept.folded { fold(bytes) } else { Cow::Borrowed(bytes) }
}

/// A hash of which only the upper half is kept, spread over all bits again.
fn widen(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn hash_of(hasher: &DefaultHashBuilder, kept: &Kept, cell: &Cell<'_>) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(&compared(kept, cell.bytes));
    hasher.finish()
}

impl Indexes {
    pub(super) fn new(layout: &Layout) -> Indexes {
        let mut columns = vec![(0, 0); layout.indexes];
        let mut tables: Vec<Index> =
            (0..layout.indexes).map(|_| Index::Single(Table::default())).collect();
        for (type_number, kind) in layout.types.iter().enumerate() {
            for (number, kept) in kind.kept.iter().enumerate() {
                let Some(index) = kept.index else { continue };
                columns[index] = (type_number as u32, number as u32);
                if kept.attribute.multi_valued {
                    tables[index] = Index::Multi(Table::default());
                }
            }
        }
        Indexes {
            columns: columns.into(),
            tables: tables.into(),
            hasher: DefaultHashBuilder::default(),
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    pub(super) fn memory(&self) -> usize {
        let memory = |index: &Index| match index {
            Index::Single(table) => table.memory(),
            Index::Multi(table) => table.memory(),
        };
        self.tables.iter().map(memory).sum()
    }

    /// The slots of entries whose indexed attribute has this value, in their order.
    pub(super) fn find(
        &self,
        layout: &Layout,
        rows: &Rows,
        type_number: u32,
        number: u32,
        value: &[u8],
    ) -> Option<Vec<u32>> {
        let kept = layout.types.get(type_number as usize)?.kept.get(number as usize)?;
        let index = &self.tables[kept.index?];
        let wanted = compared(kept, value);
        let mut hasher = self.hasher.build_hasher();
        hasher.write(&wanted);
        let hash = hasher.finish();
        let is_wanted = |cell: Cell<'_>| compared(kept, cell.bytes) == wanted;
        let values = |slot: u32| row::values(rows.bytes(slot).unwrap_or_default(), number);
        let mut slots: Vec<u32> = match index {
            Index::Single(table) => table
                .candidates(hash)
                .filter(|slot| values(*slot).next().is_some_and(is_wanted))
                .collect(),
            Index::Multi(table) => table
                .candidates(widen(half(hash)))
                .filter(|(slot, known)| *known == half(hash) && values(*slot).any(is_wanted))
                .map(|(slot, _)| slot)
                .collect(),
        };
        slots.sort_unstable();
        slots.dedup();
        Some(slots)
    }

    /// Notes that the row of a slot is another one now; the rows have it already.
    pub(super) fn update(
        &mut self,
        layout: &Layout,
        rows: &Rows,
        slot: u32,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) {
        if self.tables.is_empty() {
            return;
        }
        let mut gone = std::mem::take(&mut self.before);
        let mut come = std::mem::take(&mut self.after);
        self.hashes(layout, before, &mut gone);
        self.hashes(layout, after, &mut come);
        if before.is_some() && after.is_some() {
            cancel(&mut gone, &mut come);
        }
        for (index, hash) in gone.drain(..) {
            match &mut self.tables[index] {
                Index::Single(table) => table.remove(hash, slot),
                Index::Multi(table) => table.remove(widen(half(hash)), (slot, half(hash))),
            }
        }
        let hasher = &self.hasher;
        for (index, hash) in come.drain(..) {
            let (kind, number) = self.columns[index];
            match &mut self.tables[index] {
                Index::Single(table) => table.insert(hash, slot, |slot| {
                    let kept = &layout.types[kind as usize].kept[number as usize];
                    let first = row::values(rows.bytes(slot).unwrap_or_default(), number).next();
                    first.map_or(0, |cell| hash_of(hasher, kept, &cell))
                }),
                Index::Multi(table) => {
                    let item = (slot, half(hash));
                    table.insert(widen(half(hash)), item, |(_, half)| widen(half));
                }
            }
        }
        self.before = gone;
        self.after = come;
    }

    /// The hashes of a row's indexed values, by number of the index.
    fn hashes(&self, layout: &Layout, bytes: Option<&[u8]>, hashes: &mut Vec<(usize, u64)>) {
        let Some(bytes) = bytes else { return };
        let kind = &layout.types[row::type_of(bytes) as usize];
        let mut last = u32::MAX;
        for cell in row::cells(bytes) {
            let Some(kept) = kind.kept.get(cell.attribute as usize) else { break };
            let first = last != cell.attribute;
            last = cell.attribute;
            if let Some(index) = kept.index.filter(|_| first || kept.attribute.multi_valued) {
                hashes.push((index, hash_of(&self.hasher, kept, &cell)));
            }
        }
    }
}

/// Takes what both lists have out of both.
fn cancel(left: &mut Vec<(usize, u64)>, right: &mut Vec<(usize, u64)>) {
    if left == right {
        left.clear();
        right.clear();
        return;
    }
    left.sort_unstable();
    right.sort_unstable();
    let (mut l, mut r, mut kept_left, mut kept_right) = (0, 0, 0, 0);
    while l < left.len() || r < right.len() {
        match (left.get(l).copied(), right.get(r).copied()) {
            (Some(one), Some(other)) if one == other => (l, r) = (l + 1, r + 1),
            (Some(one), other) if other.is_none_or(|other| one < other) => {
                left[kept_left] = one;
                (l, kept_left) = (l + 1, kept_left + 1);
            }
            (_, Some(other)) => {
                right[kept_right] = other;
                (r, kept_right) = (r + 1, kept_right + 1);
            }
            (_, None) => break,
        }
    }
    left.truncate(kept_left);
    right.truncate(kept_right);
}

#[cfg(test)]
mod tests {
    use super::super::{
        Space,
        cache::{By, Edit},
        row,
        tests::layout,
    };
    use ecma_plugin_sdk::Entry;

    fn put(space: &mut Space, id: i64, login: &str, mails: &[&str]) {
        let entry = Entry::new("user").anchor("id", id).set("login", login);
        let row = row::encode(space.layout(), &entry.set("mails", mails.to_vec())).unwrap();
        space.apply(&Edit::Put(&row), By::Import, 1);
    }

    fn check(space: &Space, number: u32, wanted: &str, expected: &[u32]) {
        let found = space.find(0, number, wanted.as_bytes());
        assert_eq!(found.as_deref(), Some(expected), "{wanted}");
    }

    #[test]
    fn case_is_folded_in_every_script() {
        let mut space = Space::new(layout());
        put(&mut space, 1, "Ada", &["Ada"]);
        put(&mut space, 2, "ÄDA", &["ÄDA"]);
        put(&mut space, 3, "ада", &[]);
        check(&space, 1, "aDA", &[0]);
        check(&space, 1, "äda", &[1]);
        check(&space, 1, "АДА", &[2]);
        check(&space, 2, "Ada", &[0]);
        check(&space, 2, "ada", &[]);
        assert_eq!(space.find(0, 0, b"\x02"), None, "the anchor has no index");
        assert_eq!(space.find(0, 9, b"x"), None);
    }

    #[test]
    fn each_of_several_values_is_found_while_it_is_there() {
        let mut space = Space::new(layout());
        for mails in [&["x", "y"][..], &["y", "x"], &["y", "x", "y"], &["y", "y", "z"], &["y"]] {
            put(&mut space, 1, "a", mails);
            for wanted in ["x", "y", "z"] {
                let expected: &[u32] = if mails.contains(&wanted) { &[0] } else { &[] };
                check(&space, 2, wanted, expected);
            }
        }
        put(&mut space, 1, "a", &[]);
        check(&space, 2, "y", &[]);
    }

    #[test]
    fn nobody_is_lost_when_tables_grow_and_slots_are_used_again() {
        const PEOPLE: i64 = 120_000;
        let mut space = Space::new(layout());
        let login = |id: i64, round: i64| format!("User{id}x{round}");
        for id in 0..PEOPLE {
            put(&mut space, id, &login(id, 0), &["all"]);
        }
        let used = space.used();
        for id in (0..PEOPLE).step_by(3) {
            let entry = Entry::new("user").anchor("id", id);
            let row = row::encode(space.layout(), &entry).unwrap();
            assert!(space.apply(&Edit::Remove(row.key()), By::Import, 1).is_some());
        }
        for id in (0..PEOPLE).step_by(3) {
            put(&mut space, PEOPLE + id, &login(id, 1), &[]);
        }
        assert_eq!((space.used(), space.count(0)), (used, PEOPLE as usize));
        for id in (0..PEOPLE).step_by(7) {
            let round = i64::from(id % 3 == 0);
            let name = login(id, round).to_uppercase();
            let slots = space.find(0, 1, name.as_bytes()).unwrap();
            assert_eq!(slots.len(), 1, "{name}");
            let stored = space.stored(slots[0]).unwrap();
            assert_eq!(space.entry(&stored).text("login"), Some(login(id, round).as_str()));
            check(&space, 1, &login(id, 1 - round), &[]);
        }
        assert_eq!(space.find(0, 2, b"all").unwrap().len(), PEOPLE as usize * 2 / 3);
    }
}
