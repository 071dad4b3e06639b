//! Putting many entries in order: a few bytes of each value first, and rows only where these are the
//! same.

use super::{cache::Space, row, sorted::Sorted};

/// An order in the making: first the heads of all entries are taken, some at a time, then they are
/// sorted, and then it is kept from there on. Others use the space meanwhile.
pub struct Order {
    type_number: u32,
    number: u32,
    heads: Vec<Head>,
    next: u32,
}

/// Shows the space to somebody for a short while.
pub type Look<'a> = dyn Fn(&mut dyn FnMut(&Space)) + 'a;

/// Twelve bytes of a value and then the slot, as one number: many are sorted without a look at
/// their rows, several times as fast as with one.
pub(super) type Head = u128;

/// Bytes of a value in a head.
pub(super) const FIRST: usize = 12;

pub(super) fn head_of(part: &[u8], slot: u32) -> Head {
    let mut bytes = [0; size_of::<Head>()];
    let length = part.len().min(FIRST);
    bytes[..length].copy_from_slice(&part[..length]);
    bytes[FIRST..].copy_from_slice(&slot.to_be_bytes());
    Head::from_be_bytes(bytes)
}

pub(super) fn slot_of(head: Head) -> u32 {
    head as u32
}

impl Order {
    pub(super) fn new(type_number: u32, number: u32) -> Order {
        Order { type_number, number, heads: Vec::new(), next: 0 }
    }

    pub(super) fn is_of(&self, sorted: &Sorted) -> bool {
        sorted.is_of(self.type_number, self.number)
    }

    /// Takes the heads of some more entries; whether those were the last.
    pub fn step(&mut self, space: &Space, entries: u32) -> bool {
        let end = self.next.saturating_add(entries).min(space.used());
        if let Some(sorted) = space.order(self.type_number, self.number) {
            let rows = (self.next..end).filter_map(|slot| Some((slot, space.stored(slot)?.bytes)));
            let rows = rows.filter(|(_, bytes)| row::type_of(bytes) == self.type_number);
            self.heads.extend(rows.map(|(slot, bytes)| sorted.head(bytes, slot)));
        }
        self.next = end;
        end == space.used()
    }

    /// The slots as they stand now.
    pub(super) fn slots(self) -> impl ExactSizeIterator<Item = u32> {
        self.heads.into_iter().map(slot_of)
    }

    /// Sorts them; `look` shows the space for a short while.
    pub fn sort(&mut self, look: &Look<'_>) {
        let (type_number, number) = (self.type_number, self.number);
        let part = |slot, offset| {
            let mut found = (0, head_of(&[], slot));
            look(&mut |space| {
                let sorted = space.order(type_number, number);
                if let (Some(sorted), Some(stored)) = (sorted, space.stored(slot)) {
                    found = sorted.part(stored.bytes, offset, slot);
                }
            });
            found
        };
        order_from(&part, &mut self.heads, 0);
    }
}

/// Sorts by the twelve bytes from `offset` on, which the heads have, and then those that are the same
/// by the bytes behind, so that each row is read once for twelve bytes. `part` answers the length of
/// a slot's value and the head of its bytes from an offset on.
pub(super) fn order_from(
    part: &dyn Fn(u32, usize) -> (usize, Head),
    heads: &mut [Head],
    offset: usize,
) {
    heads.sort_unstable();
    let none = head_of(&[u8::MAX; FIRST], 0) >> 32;
    for same in heads.chunk_by_mut(|one, other| one >> 32 == other >> 32) {
        if same.len() == 1 || same[0] >> 32 == none {
            continue;
        }
        let behind = offset + FIRST;
        let (mut shortest, mut longest) = (usize::MAX, 0);
        for head in same.iter_mut() {
            let length;
            (length, *head) = part(slot_of(*head), behind);
            (shortest, longest) = (shortest.min(length), longest.max(length));
        }
        if longest > behind {
            order_from(part, same, behind);
        } else if shortest != longest {
            // Only zeros at the end tell these apart, and a head has them anyway.
            same.sort_by_key(|head| (part(slot_of(*head), behind).0, slot_of(*head)));
        }
    }
}
