//! Slots in an order that is not their own: that of the values their rows have.
//!
//! Two levels: chunks of some hundred slots, and the list of chunks. The order itself is the
//! caller's business, as the values stand in the rows; each slot costs four bytes.

use std::{cmp::Ordering, ops::Range};

/// Slots of a chunk at most.
const CHUNK: usize = 512;

/// The slots, in order.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    chunks: Vec<Vec<u32>>,
    len: usize,
}

impl Ordered {
    /// Makes the list of so many slots that are in order.
    pub(super) fn of(len: usize, mut slots: impl Iterator<Item = u32>) -> Ordered {
        let mut chunks = Vec::with_capacity(len.div_ceil(CHUNK));
        for at in (0..len).step_by(CHUNK) {
            // Exactly so much memory: most entries keep their values.
            let mut chunk = Vec::with_capacity(CHUNK.min(len - at));
            chunk.extend(slots.by_ref().take(CHUNK));
            chunks.push(chunk);
        }
        Ordered { chunks, len }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn memory(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<u32>());
        chunks.sum::<usize>() + self.chunks.capacity() * size_of::<Vec<u32>>()
    }

    /// The chunk where something stands or would, and its place there. `order` tells how a slot
    /// stands to it.
    fn search(&self, order: impl Fn(u32) -> Ordering) -> (usize, Result<usize, usize>) {
        let begins = |chunk: &Vec<u32>| chunk.first().is_some_and(|slot| order(*slot).is_le());
        let at = self.chunks.partition_point(begins).saturating_sub(1);
        let chunk = self.chunks.get(at).map_or(&[][..], Vec::as_slice);
        (at, chunk.binary_search_by(|slot| order(*slot)))
    }

    /// Adds a slot where it belongs.
    pub(super) fn insert(&mut self, slot: u32, order: impl Fn(u32) -> Ordering) {
        let (at, place) = self.search(order);
        if self.chunks.is_empty() {
            self.chunks.push(Vec::new());
        }
        let chunk = &mut self.chunks[at];
        if chunk.len() == CHUNK {
            let upper = chunk.split_off(CHUNK / 2);
            chunk.shrink_to_fit();
            self.chunks.insert(at + 1, upper);
        }
        let place = place.unwrap_or_else(|place| place);
        let lower = self.chunks[at].len();
        let (at, place) = if place > lower { (at + 1, place - lower) } else { (at, place) };
        self.chunks[at].insert(place, slot);
        self.len += 1;
    }

    /// Takes out the slot for which the order is `Equal`.
    pub(super) fn remove(&mut self, order: impl Fn(u32) -> Ordering) {
        let (at, Ok(place)) = self.search(order) else { return };
        self.chunks[at].remove(place);
        self.len -= 1;
        if self.chunks[at].is_empty() {
            self.chunks.remove(at);
        }
    }

    /// How many slots stand before: those for which `is_before` holds come first.
    pub(super) fn count(&self, is_before: impl Fn(u32) -> bool) -> usize {
        let begins = |chunk: &Vec<u32>| chunk.first().is_some_and(|slot| is_before(*slot));
        let at = self.chunks.partition_point(begins).saturating_sub(1);
        let Some(chunk) = self.chunks.get(at) else { return 0 };
        let before: usize = self.chunks[..at].iter().map(Vec::len).sum();
        before + chunk.partition_point(|slot| is_before(*slot))
    }

    /// The slots at these places.
    pub(super) fn range(&self, places: Range<usize>) -> Vec<u32> {
        let Range { mut start, end } = places;
        let end = end.min(self.len);
        let mut slots = Vec::with_capacity(end.saturating_sub(start));
        let mut first = 0;
        for chunk in &self.chunks {
            if first >= end {
                break;
            }
            let last = first + chunk.len();
            if start < last {
                slots.extend_from_slice(&chunk[start - first..end.min(last) - first]);
                start = last;
            }
            first = last;
        }
        slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn slots_are_where_the_model_has_them(
            known in proptest::collection::btree_set(0_u32..5000, 0..2000),
            steps in proptest::collection::vec((any::<bool>(), 0_u32..5000), 0..2000),
        ) {
            // The order is the other way round than that of the slots.
            let against = |wanted: u32| move |slot: u32| wanted.cmp(&slot);
            let mut model: BTreeSet<u32> = known;
            let sorted: Vec<u32> = model.iter().rev().copied().collect();
            let mut ordered = Ordered::of(sorted.len(), sorted.iter().copied());
            for (comes, slot) in steps {
                if comes && model.insert(slot) {
                    ordered.insert(slot, against(slot));
                } else if !comes {
                    model.remove(&slot);
                    ordered.remove(against(slot));
                }
            }
            let sorted: Vec<u32> = model.iter().rev().copied().collect();
            prop_assert_eq!(ordered.len(), sorted.len());
            prop_assert_eq!(ordered.range(0..usize::MAX), sorted.clone());
            for at in (0..sorted.len()).step_by(97) {
                prop_assert_eq!(ordered.range(at..at + 600), &sorted[at..sorted.len().min(at + 600)]);
                prop_assert_eq!(ordered.count(|slot| slot > sorted[at]), at);
            }
            prop_assert_eq!(ordered.count(|_| true), sorted.len());
            prop_assert_eq!(ordered.count(|_| false), 0);
            prop_assert!(ordered.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
        }
    }
}
