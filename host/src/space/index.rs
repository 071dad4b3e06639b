//! One index: from the hash of a value to the slots of the entries that have it.

use super::table::Table;
use hashbrown::HashSet;

/// In an item: not a slot but the number of a group of slots.
const GROUP: u32 = 1 << 31;

/// The slots of entries that share a value, so that many of them do not make one long chain.
struct Group {
    hash: u32,
    slots: HashSet<u32>,
}

/// What an index has for a value: the slot of the only entry with it, or a group. Of a multi-valued
/// attribute the hash stands beside it: the row alone does not say which value is meant.
enum Items {
    Single(Table<u32>),
    Multi(Table<(u32, u32)>),
}

/// Where the values of one attribute are found.
pub(super) struct Index {
    items: Items,
    groups: Vec<Group>,
    vacant: Vec<u32>,
}

impl Index {
    pub(super) fn new(multi_valued: bool) -> Index {
        let items = match multi_valued {
            true => Items::Multi(Table::default()),
            false => Items::Single(Table::default()),
        };
        Index { items, groups: Vec::new(), vacant: Vec::new() }
    }

    pub(super) fn memory(&self) -> usize {
        let groups: usize = self.groups.iter().map(|group| group.slots.allocation_size()).sum();
        let items = match &self.items {
            Items::Single(table) => table.memory(),
            Items::Multi(table) => table.memory(),
        };
        items + groups + self.groups.capacity() * size_of::<Group>()
    }

    /// The slots of entries that may have a value with this hash.
    pub(super) fn candidates(&self, hash: u32, hash_of: impl Fn(u32) -> u32) -> Vec<u32> {
        let item = match &self.items {
            Items::Single(table) => table.find(hash, |item| self.hash(item, &hash_of) == hash),
            Items::Multi(table) => {
                table.find(hash, |(_, known)| known == hash).map(|(item, _)| item)
            }
        };
        match item {
            None => Vec::new(),
            Some(slot) if slot & GROUP == 0 => vec![slot],
            Some(group) => self.groups[(group & !GROUP) as usize].slots.iter().copied().collect(),
        }
    }

    /// How many entries share a value of this hash of a single-valued attribute; less than two are
    /// not counted.
    pub(super) fn shared(&self, hash: u32) -> usize {
        let Items::Single(table) = &self.items else { return 0 };
        let is_group = |item: u32| item & GROUP != 0 && self.hash(item, |_| 0) == hash;
        let group = table.find(hash, is_group);
        group.map_or(0, |group| self.groups[(group & !GROUP) as usize].slots.len())
    }

    fn hash(&self, item: u32, hash_of: impl Fn(u32) -> u32) -> u32 {
        match item & GROUP {
            0 => hash_of(item),
            _ => self.groups[(item & !GROUP) as usize].hash,
        }
    }

    /// Adds a slot; whether it was not there with this hash. `hash_of` answers the hash of a slot's
    /// first value.
    pub(super) fn insert(&mut self, hash: u32, slot: u32, hash_of: impl Fn(u32) -> u32) -> bool {
        let groups = &self.groups;
        let hash_of = |item: u32| match item & GROUP {
            0 => hash_of(item),
            _ => groups[(item & !GROUP) as usize].hash,
        };
        let item = match &mut self.items {
            Items::Single(table) => {
                let item = table.find_mut(hash, |item| hash_of(item) == hash);
                if item.is_none() {
                    table.insert(hash, slot, hash_of);
                    return true;
                }
                item
            }
            Items::Multi(table) => {
                if table.find(hash, |(_, known)| known == hash).is_none() {
                    table.insert(hash, (slot, hash), |(_, hash)| hash);
                    return true;
                }
                table.find_mut(hash, |(_, known)| known == hash).map(|(item, _)| item)
            }
        };
        let Some(item) = item else { return false };
        if *item & GROUP != 0 {
            return self.groups[(*item & !GROUP) as usize].slots.insert(slot);
        }
        if *item == slot {
            return false;
        }
        let group = Group { hash, slots: [*item, slot].into_iter().collect() };
        match self.vacant.pop() {
            Some(number) => {
                self.groups[number as usize] = group;
                *item = number | GROUP;
            }
            None => {
                *item = self.groups.len() as u32 | GROUP;
                self.groups.push(group);
            }
        }
        true
    }

    /// Fills an empty index with the hashes of values and the slots of their entries.
    pub(super) fn fill(&mut self, mut values: Vec<(u32, u32)>) {
        values.sort_unstable();
        values.dedup();
        let mut kept = 0;
        let mut at = 0;
        while at < values.len() {
            let (hash, slot) = values[at];
            let same = values[at..].iter().take_while(|(other, _)| *other == hash).count();
            let item = if same == 1 {
                slot
            } else {
                let slots = values[at..at + same].iter().map(|(_, slot)| *slot).collect();
                self.groups.push(Group { hash, slots });
                (self.groups.len() as u32 - 1) | GROUP
            };
            values[kept] = (hash, item);
            (kept, at) = (kept + 1, at + same);
        }
        values.truncate(kept);
        match &mut self.items {
            Items::Single(table) => table.fill(&values),
            Items::Multi(table) => {
                let with_hash: Vec<(u32, (u32, u32))> =
                    values.into_iter().map(|(hash, item)| (hash, (item, hash))).collect();
                table.fill(&with_hash);
            }
        }
    }

    /// Takes a slot out, whose row may be another one already.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) {
        let groups = &self.groups;
        let is_meant = |item: u32| {
            item == slot
                || item & GROUP != 0 && {
                    let group = &groups[(item & !GROUP) as usize];
                    group.hash == hash && group.slots.contains(&slot)
                }
        };
        let item = match &mut self.items {
            Items::Single(table) => table.find_mut(hash, is_meant),
            Items::Multi(table) => table
                .find_mut(hash, |(item, known)| known == hash && is_meant(item))
                .map(|(item, _)| item),
        };
        let Some(item) = item else { return };
        if *item & GROUP == 0 {
            let slot = *item;
            match &mut self.items {
                Items::Single(table) => table.remove(hash, slot),
                Items::Multi(table) => table.remove(hash, (slot, hash)),
            }
            return;
        }
        let number = *item & !GROUP;
        let slots = &mut self.groups[number as usize].slots;
        slots.remove(&slot);
        let last = slots.iter().next().copied().filter(|_| slots.len() == 1);
        if let Some(last) = last {
            *item = last;
            *slots = HashSet::new();
            self.vacant.push(number);
        }
    }
}
