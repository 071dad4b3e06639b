//! Which hashes were seen already, among millions.
//!
//! A look into a big table waits for the memory. So most hashes are told to be new by a small filter,
//! and go into the table together, where the waits overlap.

/// Hashes that were seen.
pub(crate) struct Seen {
    /// By the last bits of a hash, whether there may be one.
    filter: Vec<u64>,
    /// By the first bits, the hashes, each there or soon after; zero is an empty place.
    places: Vec<u64>,
    /// Those that are not in their place yet.
    pending: Vec<u64>,
    count: usize,
}

const PENDING: usize = 64;

impl Seen {
    /// Room for about so many.
    pub(crate) fn with_room(count: usize) -> Seen {
        let places = (count.max(PENDING) * 3 / 2).next_power_of_two();
        Seen {
            filter: vec![0; places / 8],
            places: vec![0; places],
            pending: Vec::with_capacity(PENDING),
            count: 0,
        }
    }

    /// Whether it was not there before.
    pub(crate) fn insert(&mut self, hash: u64) -> bool {
        let hash = hash.max(1);
        let word = (hash / 64) as usize & (self.filter.len() - 1);
        let bit = 1 << (hash % 64);
        if self.filter[word] & bit != 0 {
            self.settle();
            return self.place(hash);
        }
        self.filter[word] |= bit;
        self.pending.push(hash);
        if self.pending.len() == PENDING {
            self.settle();
        }
        true
    }

    /// Makes room for so many in all.
    pub(crate) fn grow(&mut self, count: usize) {
        let mut bigger = Seen::with_room(count.max(self.places.len()));
        let placed = self.places.iter().filter(|hash| **hash != 0);
        for hash in placed.chain(&self.pending) {
            let word = (hash / 64) as usize & (bigger.filter.len() - 1);
            bigger.filter[word] |= 1 << (hash % 64);
        }
        for hash in self.places.iter().filter(|hash| **hash != 0) {
            bigger.place(*hash);
        }
        std::mem::swap(&mut bigger.pending, &mut self.pending);
        *self = bigger;
    }

    fn settle(&mut self) {
        if (self.count + PENDING) * 4 >= self.places.len() * 3 {
            self.grow(self.places.len());
        }
        for at in 0..self.pending.len() {
            self.place(self.pending[at]);
        }
        self.pending.clear();
    }

    fn place(&mut self, hash: u64) -> bool {
        let mut at = (hash >> (64 - self.places.len().ilog2())) as usize;
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
        fn a_hash_is_new_once(hashes in proptest::collection::vec(0_u64..300, 0..900)) {
            let mut seen = Seen::with_room(0);
            let mut model = std::collections::HashSet::new();
            for small in hashes {
                // Some share their first bits, some are apart.
                let hash = if small % 2 == 0 { small } else { small << 56 | 1 << 40 | small };
                prop_assert_eq!(seen.insert(hash), model.insert(hash.max(1)));
            }
        }
    }
}
