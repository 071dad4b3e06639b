//! Which hashes were seen already, among millions.
//!
//! A look into a big table waits for the memory. So while keys come in order, as they mostly do, there
//! is none; later, most hashes are told to be new by a small filter, and go into the table together,
//! where the waits overlap.

/// Hashes that were seen.
pub(crate) struct Seen {
    /// By the last bits of a hash, whether there may be one.
    filter: Vec<u64>,
    /// By the first bits, the hashes, each there or soon after; zero is an empty place.
    places: Vec<u64>,
    /// Those that are not in their place yet.
    pending: Vec<u64>,
    count: usize,
    /// Whether all keys came in order, so that all hashes are pending.
    in_order: bool,
}

const PENDING: usize = 64;
/// Places for each number of the filter. A finer one is wrong less often, but does not stay in the
/// processor's cache.
const FILTERED: usize = 32;

impl Seen {
    /// Room for about so many.
    pub(crate) fn with_room(count: usize) -> Seen {
        let places = (count.max(PENDING) * 3 / 2).next_power_of_two();
        Seen {
            filter: vec![0; places / FILTERED],
            places: vec![0; places],
            pending: Vec::with_capacity(PENDING),
            count: 0,
            in_order: true,
        }
    }

    /// Whether it was not there before; `ascends` tells that its key is greater than that before.
    pub(crate) fn insert(&mut self, hash: u64, ascends: bool) -> bool {
        let hash = hash.max(1);
        if self.in_order {
            if ascends {
                self.pending.push(hash);
                return true;
            }
            self.in_order = false;
            self.room();
            for at in 0..self.pending.len() {
                self.filter(self.pending[at]);
            }
            self.settle();
        }
        if self.filter(hash) {
            let new = !self.pending.contains(&hash) && self.place(hash);
            self.room();
            return new;
        }
        self.pending.push(hash);
        if self.pending.len() == PENDING {
            self.settle();
        }
        true
    }

    /// Makes room for so many in all.
    pub(crate) fn grow(&mut self, count: usize) {
        let mut bigger = Seen::with_room(count.max(self.places.len()));
        bigger.in_order = self.in_order;
        let placed = self.places.iter().filter(|hash| **hash != 0);
        for hash in placed.chain(&self.pending) {
            bigger.filter(*hash);
        }
        for hash in self.places.iter().filter(|hash| **hash != 0) {
            bigger.place(*hash);
        }
        std::mem::swap(&mut bigger.pending, &mut self.pending);
        *self = bigger;
    }

    /// Grows the table in time for one hash more and the pending ones.
    fn room(&mut self) {
        if (self.count + self.pending.len() + 1) * 4 >= self.places.len() * 3 {
            self.grow(self.places.len().max(self.count + self.pending.len()));
        }
    }

    fn settle(&mut self) {
        self.room();
        let mut pending = std::mem::take(&mut self.pending);
        for some in pending.chunks(PENDING) {
            // Without a branch in between, the waits for all places overlap.
            let touched = some.iter().fold(0, |all, hash| all ^ self.places[self.first(*hash)]);
            std::hint::black_box(touched);
            for hash in some {
                self.place(*hash);
            }
        }
        pending.clear();
        self.pending = pending;
    }

    /// Puts a hash into the filter; whether it may have been there before.
    fn filter(&mut self, hash: u64) -> bool {
        let word = (hash / 64) as usize & (self.filter.len() - 1);
        let bit = 1 << (hash % 64);
        let before = self.filter[word];
        self.filter[word] = before | bit;
        before & bit != 0
    }

    /// Where a hash is looked for first.
    fn first(&self, hash: u64) -> usize {
        (hash >> (64 - self.places.len().ilog2())) as usize
    }

    fn place(&mut self, hash: u64) -> bool {
        let mut at = self.first(hash);
        loop {
            match self.places[at] {
                0 => break,
                found if found == hash => return false,
                _ => at = (at + 1) & (self.places.len() - 1),
            }
        }
        self.places[at] = hash;
        self.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_hash_is_new_once(
            ordered in 0_u64..200,
            hashes in proptest::collection::vec(0_u64..300, 0..900),
        ) {
            let mut seen = Seen::with_room(0);
            let mut model = std::collections::HashSet::new();
            for key in 0..ordered {
                prop_assert!(seen.insert(key << 50, true));
                model.insert((key << 50).max(1));
            }
            for small in hashes {
                // Some share their first bits, some are apart.
                let hash = if small % 2 == 0 { small } else { small << 56 | 1 << 40 | small };
                prop_assert_eq!(seen.insert(hash, false), model.insert(hash.max(1)));
            }
        }
    }
}
