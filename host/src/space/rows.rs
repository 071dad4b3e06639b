//! The rows by slot, in blocks that know how many live rows of each type they hold.

use super::row;
use std::{collections::HashMap, ops::Range};

/// Slots of a block.
const BLOCK: usize = 4096;
/// Slots of a pack.
const PACK: usize = 64;
/// A longer row (a group of many members) has memory of its own: its neighbours would be moved with
/// each of its changes.
const LONGEST: usize = 4096;

/// One entry in the space.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Where it is kept.
    pub slot: u32,
    /// The row.
    pub bytes: &'a [u8],
    /// Seconds since 1970 of the last change.
    pub modified: u32,
}

/// Rows of neighbouring slots one after the other in one piece of memory: a piece for each row would
/// cost a tenth more, and rows that are read in turn would lie far apart.
struct Pack {
    bytes: Vec<u8>,
    /// Where each row ends; a slot without a row has no bytes.
    ends: [u32; PACK],
}

impl Pack {
    fn new() -> Pack {
        Pack { bytes: Vec::new(), ends: [0; PACK] }
    }

    fn range(&self, at: usize) -> Range<usize> {
        let from = if at == 0 { 0 } else { self.ends[at - 1] };
        from as usize..self.ends[at] as usize
    }

    fn get(&self, at: usize) -> &[u8] {
        &self.bytes[self.range(at)]
    }

    /// Sets a row. While rows are appended they stand in `spare`, which is lent from pack to pack:
    /// growing each pack step by step would ask for much memory and give it back.
    fn set(&mut self, at: usize, row: &[u8], spare: &mut Vec<u8>) {
        if self.bytes.capacity() == 0 {
            self.bytes = std::mem::take(spare);
        }
        let range = self.range(at);
        if range.len() == row.len() {
            return self.bytes[range].copy_from_slice(row);
        }
        let (from, old) = (range.start, range.len());
        if range.end == self.bytes.len() {
            self.bytes.truncate(from);
            self.bytes.extend_from_slice(row);
            if at == PACK - 1 {
                let exact = self.bytes.as_slice().to_vec();
                *spare = std::mem::replace(&mut self.bytes, exact);
                spare.clear();
            }
        } else {
            let parts = [&self.bytes[..from], row, &self.bytes[range.end..]];
            self.bytes = parts.concat();
        }
        for end in &mut self.ends[at..] {
            *end = *end - old as u32 + row.len() as u32;
        }
    }
}

struct Block {
    packs: Box<[Pack]>,
    /// Seconds since 1970 of the last change, by slot.
    modified: Box<[u32]>,
    /// Live entries by object type.
    live: Box<[u16]>,
}

impl Block {
    fn new(types: usize) -> Block {
        Block {
            packs: (0..BLOCK / PACK).map(|_| Pack::new()).collect(),
            modified: vec![0; BLOCK].into(),
            live: vec![0; types].into(),
        }
    }
}

/// All rows of a space.
pub(super) struct Rows {
    blocks: Vec<Block>,
    /// Long rows, by slot.
    long: HashMap<u32, Box<[u8]>>,
    spare: Vec<u8>,
    /// Slots ever used.
    used: u32,
    free: Vec<u32>,
    counts: Box<[usize]>,
    /// Bytes of all rows together.
    bytes: usize,
}

impl Rows {
    pub(super) fn new(types: usize) -> Rows {
        let counts = vec![0; types].into();
        Rows {
            blocks: Vec::new(),
            long: HashMap::new(),
            spare: Vec::new(),
            used: 0,
            free: Vec::new(),
            counts,
            bytes: 0,
        }
    }

    pub(super) fn count(&self, type_number: u32) -> usize {
        self.counts.get(type_number as usize).copied().unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.counts.iter().sum()
    }

    pub(super) fn used(&self) -> u32 {
        self.used
    }

    pub(super) fn memory(&self) -> usize {
        let slots =
            self.blocks.len() * (BLOCK * size_of::<u32>() + BLOCK / PACK * size_of::<Pack>());
        self.bytes + slots + self.free.capacity() * size_of::<u32>()
    }

    pub(super) fn bytes(&self, slot: u32) -> Option<&[u8]> {
        self.get(slot).map(|stored| stored.bytes)
    }

    pub(super) fn get(&self, slot: u32) -> Option<Stored<'_>> {
        let block = self.blocks.get(slot as usize / BLOCK)?;
        let at = slot as usize % BLOCK;
        let mut bytes = block.packs[at / PACK].get(at % PACK);
        if bytes.is_empty() {
            bytes = self.long.get(&slot)?;
        }
        Some(Stored { slot, bytes, modified: block.modified[at] })
    }

    /// Slots of entries of a type, from the `skip`th on, at most `take`.
    pub(super) fn page(&self, type_number: u32, mut skip: usize, take: usize) -> Vec<u32> {
        let take = take.min(self.count(type_number).saturating_sub(skip));
        let mut slots = Vec::with_capacity(take);
        for (number, block) in self.blocks.iter().enumerate() {
            let live = usize::from(block.live[type_number as usize]);
            if skip >= live {
                skip -= live;
                continue;
            }
            let first = (number * BLOCK) as u32;
            for slot in first..first + BLOCK as u32 {
                if slots.len() == take {
                    return slots;
                }
                if self.bytes(slot).is_none_or(|bytes| row::type_of(bytes) != type_number) {
                    continue;
                }
                match skip {
                    0 => slots.push(slot),
                    _ => skip -= 1,
                }
            }
        }
        slots
    }

    /// Slots of entries of a type behind a slot, at most `take`.
    pub(super) fn page_after(&self, type_number: u32, slot: u32, take: usize) -> Vec<u32> {
        let mut slots = Vec::with_capacity(take.min(self.count(type_number)));
        let mut next = slot.saturating_add(1);
        while next < self.used && slots.len() < take {
            let block = &self.blocks[next as usize / BLOCK];
            if block.live[type_number as usize] == 0 {
                next = (next / BLOCK as u32 + 1) * BLOCK as u32;
                continue;
            }
            if self.bytes(next).is_some_and(|bytes| row::type_of(bytes) == type_number) {
                slots.push(next);
            }
            next += 1;
        }
        slots
    }

    /// A slot without a row.
    pub(super) fn vacant(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        if self.used as usize == self.blocks.len() * BLOCK {
            self.blocks.push(Block::new(self.counts.len()));
        }
        self.used += 1;
        self.used - 1
    }

    /// Puts a row into a slot; answers the one that was there, which is of the same type.
    pub(super) fn put(&mut self, slot: u32, bytes: &[u8], now: u32) -> Option<Box<[u8]>> {
        let before = self.set(slot, bytes);
        let block = &mut self.blocks[slot as usize / BLOCK];
        block.modified[slot as usize % BLOCK] = now;
        if before.is_none() {
            let kind = row::type_of(bytes) as usize;
            block.live[kind] += 1;
            self.counts[kind] += 1;
        }
        before
    }

    /// Takes the row out of a slot, which may then be given to another entry.
    pub(super) fn take(&mut self, slot: u32) -> Option<Box<[u8]>> {
        let before = self.set(slot, &[])?;
        let kind = row::type_of(&before) as usize;
        self.blocks[slot as usize / BLOCK].live[kind] -= 1;
        self.counts[kind] -= 1;
        self.free.push(slot);
        Some(before)
    }

    /// Sets the bytes of a slot; answers those that were there.
    fn set(&mut self, slot: u32, bytes: &[u8]) -> Option<Box<[u8]>> {
        let at = slot as usize % BLOCK;
        let pack = &mut self.blocks[slot as usize / BLOCK].packs[at / PACK];
        let short = pack.get(at % PACK);
        let before = if short.is_empty() { self.long.remove(&slot) } else { Some(short.into()) };
        if bytes.len() > LONGEST {
            pack.set(at % PACK, &[], &mut self.spare);
            self.long.insert(slot, bytes.into());
        } else {
            pack.set(at % PACK, bytes, &mut self.spare);
        }
        self.bytes += bytes.len();
        self.bytes -= before.as_ref().map_or(0, |before| before.len());
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone)]
    enum Step {
        Add(usize),
        Change(usize, usize),
        Take(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        // Rows around the length from which they have memory of their own, and short ones.
        let length = || prop_oneof![1..40usize, LONGEST - 2..LONGEST + 3];
        prop_oneof![
            4 => length().prop_map(Step::Add),
            3 => (any::<usize>(), length()).prop_map(|(which, length)| Step::Change(which, length)),
            2 => any::<usize>().prop_map(Step::Take),
        ]
    }

    fn row(length: usize, serial: usize) -> Vec<u8> {
        let mut row: Vec<u8> = (0..length).map(|at| (at + serial) as u8).collect();
        // The object type.
        row[0] = 0;
        row
    }

    proptest! {
        #[test]
        fn rows_are_as_they_were_put(steps in proptest::collection::vec(step(), 0..300)) {
            let mut rows = Rows::new(1);
            let mut model: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
            for (serial, step) in steps.into_iter().enumerate() {
                let pick = |which: usize| model.keys().nth(which % model.len().max(1)).copied();
                match step {
                    Step::Add(length) => {
                        let slot = rows.vacant();
                        prop_assert_eq!(rows.put(slot, &row(length, serial), 1), None);
                        model.insert(slot, row(length, serial));
                    }
                    Step::Change(which, length) => {
                        let Some(slot) = pick(which) else { continue };
                        let before = rows.put(slot, &row(length, serial), 1);
                        let known = model.insert(slot, row(length, serial));
                        prop_assert_eq!(before, known.map(Vec::into_boxed_slice));
                    }
                    Step::Take(which) => {
                        let Some(slot) = pick(which) else { continue };
                        let known = model.remove(&slot).map(Vec::into_boxed_slice);
                        prop_assert_eq!(rows.take(slot), known);
                    }
                }
            }
            prop_assert_eq!(rows.len(), model.len());
            prop_assert_eq!(rows.bytes, model.values().map(Vec::len).sum::<usize>());
            for slot in 0..rows.used() {
                prop_assert_eq!(rows.bytes(slot), model.get(&slot).map(Vec::as_slice));
            }
            let mut apart: Vec<u32> = rows.long.keys().copied().collect();
            apart.sort_unstable();
            let long = model.iter().filter(|(_, row)| row.len() > LONGEST);
            prop_assert_eq!(apart, long.map(|(slot, _)| *slot).collect::<Vec<_>>());
            let slots: Vec<u32> = model.keys().copied().collect();
            prop_assert_eq!(rows.page(0, 0, usize::MAX), slots.clone());
            for (at, slot) in slots.iter().enumerate() {
                prop_assert_eq!(rows.page_after(0, *slot, usize::MAX), &slots[at + 1..]);
            }
        }
    }
}
