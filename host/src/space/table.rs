//! Hash tables that hold slots and compare against the rows themselves.

use hashbrown::HashTable;

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

    /// The first item with this hash that fits, to be replaced by another one of the same hash.
    pub(super) fn find_mut(&mut self, hash: u64, fits: impl Fn(T) -> bool) -> Option<&mut T> {
        self.shards[Self::shard(hash)].find_mut(hash, |item| fits(*item))
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
