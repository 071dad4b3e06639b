//! The rows by slot, in blocks that know how many live rows of each type they hold.

use super::row;

/// Slots of a block.
pub(super) const BLOCK: usize = 4096;

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

struct Block {
    rows: Box<[Option<Box<[u8]>>]>,
    /// Seconds since 1970 of the last change, by slot.
    modified: Box<[u32]>,
    /// Live entries by object type.
    live: Box<[u16]>,
}

/// All rows of a space.
pub(super) struct Rows {
    blocks: Vec<Block>,
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
        Rows { blocks: Vec::new(), used: 0, free: Vec::new(), counts, bytes: 0 }
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
        let slots = self.blocks.len() * BLOCK * (size_of::<Option<Box<[u8]>>>() + size_of::<u32>());
        self.bytes + slots + self.free.capacity() * size_of::<u32>()
    }

    pub(super) fn bytes(&self, slot: u32) -> Option<&[u8]> {
        self.blocks.get(slot as usize / BLOCK)?.rows[slot as usize % BLOCK].as_deref()
    }

    pub(super) fn get(&self, slot: u32) -> Option<Stored<'_>> {
        let block = self.blocks.get(slot as usize / BLOCK)?;
        let at = slot as usize % BLOCK;
        let bytes = block.rows[at].as_deref()?;
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
            for (at, bytes) in block.rows.iter().enumerate() {
                if slots.len() == take {
                    return slots;
                }
                if bytes.as_deref().is_none_or(|bytes| row::type_of(bytes) != type_number) {
                    continue;
                }
                match skip {
                    0 => slots.push((number * BLOCK + at) as u32),
                    _ => skip -= 1,
                }
            }
        }
        slots
    }

    /// A slot without a row.
    pub(super) fn vacant(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        if self.used as usize == self.blocks.len() * BLOCK {
            self.blocks.push(Block {
                rows: (0..BLOCK).map(|_| None).collect(),
                modified: vec![0; BLOCK].into(),
                live: vec![0; self.counts.len()].into(),
            });
        }
        self.used += 1;
        self.used - 1
    }

    /// Puts a row into a slot; answers the one that was there, which is of the same type.
    pub(super) fn put(&mut self, slot: u32, bytes: &[u8], now: u32) -> Option<Box<[u8]>> {
        let block = &mut self.blocks[slot as usize / BLOCK];
        let at = slot as usize % BLOCK;
        block.modified[at] = now;
        let before = block.rows[at].replace(bytes.into());
        self.bytes += bytes.len();
        match &before {
            Some(before) => self.bytes -= before.len(),
            None => {
                let kind = row::type_of(bytes) as usize;
                block.live[kind] += 1;
                self.counts[kind] += 1;
            }
        }
        before
    }

    /// Takes the row out of a slot, which may then be given to another entry.
    pub(super) fn take(&mut self, slot: u32) -> Option<Box<[u8]>> {
        let block = &mut self.blocks[slot as usize / BLOCK];
        let before = block.rows[slot as usize % BLOCK].take()?;
        let kind = row::type_of(&before) as usize;
        block.live[kind] -= 1;
        self.counts[kind] -= 1;
        self.bytes -= before.len();
        self.free.push(slot);
        Some(before)
    }
}
