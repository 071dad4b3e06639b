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

/// The order in which items of one shard, and of one hash, stand together.
pub(super) fn bulk_order(hash: u64) -> u64 {
    hash.rotate_left(18)
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

    /// Fills an empty table, at once in its final size. Items come in the order of [`bulk_order`].
    pub(super) fn fill(&mut self, items: &[(u64, T)]) {
        for same_shard in items.chunk_by(|one, other| Self::shard(one.0) == Self::shard(other.0)) {
            let shard = &mut self.shards[Self::shard(same_shard[0].0)];
            *shard = HashTable::with_capacity(same_shard.len());
            for (hash, item) in same_shard {
                // The table has room for all: nothing is hashed again.
                shard.insert_unique(*hash, *item, |_| *hash);
            }
        }
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
