//! Hash tables that hold slots and compare against the rows themselves.

use hashbrown::HashTable;

/// Tables are split by hash so that growing one is a short pause, not a long one. Not a power of two:
/// tables double, and with a million entries so many would be half empty.
const SHARDS: usize = 80;

/// A table of slots by hash, of which 32 bits are enough: what a slot stands for is compared, and is
/// the caller's business.
#[derive(Debug)]
pub(super) struct Table<T> {
    shards: Box<[HashTable<T>]>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }
}

/// A hash spread over all the bits that tables use.
pub(super) fn widen(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<T: Copy + PartialEq> Table<T> {
    fn shard(hash: u32) -> usize {
        // In the order of the hashes, and by bits that say little of those the table itself uses.
        ((u64::from(hash) * SHARDS as u64) >> 32) as usize
    }

    /// The first item with this hash that fits.
    pub(super) fn find(&self, hash: u32, fits: impl Fn(T) -> bool) -> Option<T> {
        self.shards[Self::shard(hash)].find(widen(hash), |item| fits(*item)).copied()
    }

    /// The first item with this hash that fits, to be replaced by another one of the same hash.
    pub(super) fn find_mut(&mut self, hash: u32, fits: impl Fn(T) -> bool) -> Option<&mut T> {
        self.shards[Self::shard(hash)].find_mut(widen(hash), |item| fits(*item))
    }

    pub(super) fn insert(&mut self, hash: u32, item: T, rehash: impl Fn(T) -> u32) {
        let shard = &mut self.shards[Self::shard(hash)];
        shard.insert_unique(widen(hash), item, |item| widen(rehash(*item)));
    }

    /// Fills an empty table, at once in its final size. Items come in the order of their hashes.
    pub(super) fn fill(&mut self, items: &[(u32, T)]) {
        for same_shard in items.chunk_by(|one, other| Self::shard(one.0) == Self::shard(other.0)) {
            let shard = &mut self.shards[Self::shard(same_shard[0].0)];
            *shard = HashTable::with_capacity(same_shard.len());
            for (hash, item) in same_shard {
                // The table has room for all: nothing is hashed again.
                shard.insert_unique(widen(*hash), *item, |_| 0);
            }
        }
    }

    pub(super) fn remove(&mut self, hash: u32, item: T) {
        let shard = &mut self.shards[Self::shard(hash)];
        if let Ok(found) = shard.find_entry(widen(hash), |known| *known == item) {
            found.remove();
        }
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.shards.iter().map(HashTable::allocation_size).sum()
    }
}
