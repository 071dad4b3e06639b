//! The values of one indexed attribute in their order: where those that begin with a text stand, or
//! those between two, and the entries from the least value to the greatest.
//!
//! Only single-valued text has this; of several values none is the one to sort by. Each entry of the
//! type has one place, those without a value come last. Values are compared as [`SortKey`] has
//! them, in full up to its length; equal ones are in the order of their slots.

use super::{ordered::Ordered, row, rows::Rows};
use crate::scim::{SortKey, fold};
use std::{borrow::Cow, cmp::Ordering, ops::Range};

/// The entries of one type in the order of one attribute.
pub(super) struct Sorted {
    type_number: u32,
    number: u32,
    folded: bool,
    slots: Ordered,
}

/// What of the values is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span<'a> {
    /// Those that are this.
    Equal(&'a str),
    /// Those that begin with this.
    Begin(&'a str),
    /// Those before this, and this itself if so.
    Below(&'a str, bool),
    /// Those after this, and this itself if so.
    Above(&'a str, bool),
}

/// The first twelve bytes of a value and then the slot, as one number: many are sorted without a
/// look at their rows, several times as fast as with one.
pub(super) type Head = u128;

/// Bytes of a value in a head.
const FIRST: usize = 12;

fn slot_of(head: Head) -> u32 {
    head as u32
}

/// A value as it is compared. One without bytes is none.
type Value<'a> = Cow<'a, [u8]>;

fn compare(left: &[u8], right: &[u8]) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (false, false) => left.cmp(right),
        // Those without a value come last.
        (left, right) => left.cmp(&right),
    }
}

impl Sorted {
    pub(super) fn new(type_number: u32, number: u32, folded: bool) -> Sorted {
        Sorted { type_number, number, folded, slots: Ordered::default() }
    }

    pub(super) fn is_of(&self, type_number: u32, number: u32) -> bool {
        (self.type_number, self.number) == (type_number, number)
    }

    pub(super) fn type_number(&self) -> u32 {
        self.type_number
    }

    pub(super) fn memory(&self) -> usize {
        self.slots.memory()
    }

    /// The value of a row as it is compared.
    fn value<'r>(&self, bytes: &'r [u8]) -> Value<'r> {
        let cell = row::values(bytes, self.number).next();
        self.folded(cell.map_or(&[][..], |cell| cell.bytes))
    }

    fn folded<'r>(&self, bytes: &'r [u8]) -> Value<'r> {
        let plain = |bytes: &[u8]| bytes.iter().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
        let text = match self.folded && !plain(bytes) {
            true => std::str::from_utf8(bytes).ok(),
            false => None,
        };
        match text.map(fold) {
            Some(Cow::Owned(text)) => {
                let mut bytes = text.into_bytes();
                bytes.truncate(SortKey::LONGEST);
                Cow::Owned(bytes)
            }
            _ => Cow::Borrowed(SortKey::cut(bytes)),
        }
    }

    fn at<'r>(&self, rows: &'r Rows, slot: u32) -> Value<'r> {
        self.value(rows.bytes(slot).unwrap_or_default())
    }

    /// How the entry in a slot stands to a value and a slot.
    fn order(&self, rows: &Rows, slot: u32, value: &[u8], other: u32) -> Ordering {
        if slot == other {
            // Its row may be another one already.
            return Ordering::Equal;
        }
        compare(&self.at(rows, slot), value).then(slot.cmp(&other))
    }

    /// What sorts the entry of a row roughly.
    pub(super) fn head(&self, bytes: &[u8], slot: u32) -> Head {
        let cell = row::values(bytes, self.number).next();
        let value = cell.map_or(&[][..], |cell| cell.bytes);
        let mut first = [0; size_of::<Head>()];
        // What is folded letter by letter is folded here: most values are.
        let folded = if value.is_ascii() { Cow::Borrowed(value) } else { self.folded(value) };
        let length = folded.len().min(FIRST);
        first[..length].copy_from_slice(&folded[..length]);
        if self.folded {
            first.make_ascii_lowercase();
        }
        if folded.is_empty() {
            first[..FIRST].fill(u8::MAX);
        }
        first[FIRST..].copy_from_slice(&slot.to_be_bytes());
        Head::from_be_bytes(first)
    }

    /// Puts all entries of the type in order, at once.
    pub(super) fn fill(&mut self, rows: &Rows, heads: &mut [Head]) {
        heads.sort_unstable();
        for same in heads.chunk_by_mut(|one, other| one >> 32 == other >> 32) {
            if same.len() == 1 {
                continue;
            }
            let by_value = |one: &Head, other: &Head| {
                let (one, other) = (slot_of(*one), slot_of(*other));
                self.order(rows, one, &self.at(rows, other), other)
            };
            // Those of one value (a department, none at all) are in the order of slots already.
            if !same.is_sorted_by(|one, other| by_value(one, other).is_le()) {
                same.sort_unstable_by(by_value);
            }
        }
        self.slots = Ordered::of(heads.len(), heads.iter().map(|head| slot_of(*head)));
    }

    /// Notes that the row of a slot is another one now; the rows have it already.
    pub(super) fn update(
        &mut self,
        rows: &Rows,
        slot: u32,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) {
        let of_type = |bytes: &&[u8]| row::type_of(bytes) == self.type_number;
        let before = before.filter(of_type).map(|bytes| self.value(bytes));
        let after = after.filter(of_type).map(|bytes| self.value(bytes));
        if before == after {
            return;
        }
        let mut slots = std::mem::take(&mut self.slots);
        if let Some(before) = before {
            slots.remove(|other| self.order(rows, other, &before, slot));
        }
        if let Some(after) = after {
            slots.insert(slot, |other| self.order(rows, other, &after, slot));
        }
        self.slots = slots;
    }

    /// The places of what is looked for, and whether all there are meant.
    pub(super) fn places(&self, rows: &Rows, span: Span<'_>) -> (Range<usize>, bool) {
        let (Span::Equal(text) | Span::Begin(text) | Span::Below(text, _) | Span::Above(text, _)) =
            span;
        let folded = if self.folded { fold(text) } else { text.into() };
        let wanted = SortKey::cut(folded.as_bytes());
        // Where keys are cut, those that are meant are among the equal ones.
        let exact = folded.len() < SortKey::LONGEST;
        let before = |and_equal: bool| {
            self.slots.count(|slot| match compare(&self.at(rows, slot), wanted) {
                Ordering::Less => true,
                Ordering::Equal => and_equal,
                Ordering::Greater => false,
            })
        };
        let with_value = || self.slots.count(|slot| !self.at(rows, slot).is_empty());
        let places = match span {
            Span::Equal(_) | Span::Below(..) if wanted.is_empty() => 0..0,
            Span::Begin(_) | Span::Above(..) if wanted.is_empty() => 0..with_value(),
            Span::Equal(_) => before(false)..before(true),
            Span::Below(_, too) => 0..before(too || !exact),
            Span::Above(_, too) => before(!too && exact)..with_value(),
            Span::Begin(_) => {
                let end = self.slots.count(|slot| {
                    let known = self.at(rows, slot);
                    !known.is_empty() && (known.starts_with(wanted) || *known < *wanted)
                });
                before(false)..end
            }
        };
        (places, exact)
    }

    /// The slots at these places, in the order of values.
    pub(super) fn slots(&self, places: Range<usize>) -> Vec<u32> {
        self.slots.range(places)
    }

    /// What stands for a row when lists are sorted.
    pub(super) fn key(&self, bytes: &[u8]) -> SortKey {
        SortKey::of_bytes(&self.value(bytes))
    }

    /// Slots from a place on, `take` of them at most; from the other end when `descending`.
    /// `after` is the key and slot that stand before.
    pub(super) fn page(
        &self,
        rows: &Rows,
        after: Option<(&SortKey, u32)>,
        descending: bool,
        skip: usize,
        take: usize,
    ) -> Vec<u32> {
        let len = self.slots.len();
        let (before, not_after) = match after {
            None => (len, 0),
            Some((key, slot)) => {
                let value: &[u8] = match key {
                    SortKey::Value(value) => value,
                    SortKey::Missing => &[],
                };
                let order =
                    |other: u32| compare(&self.at(rows, other), value).then(other.cmp(&slot));
                (
                    self.slots.count(|other| order(other).is_lt()),
                    self.slots.count(|other| order(other).is_le()),
                )
            }
        };
        if descending {
            let end = before.saturating_sub(skip);
            let mut slots = self.slots.range(end.saturating_sub(take)..end);
            slots.reverse();
            return slots;
        }
        let start = not_after.saturating_add(skip).min(len);
        self.slots.range(start..start.saturating_add(take).min(len))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Space,
        cache::{By, Edit},
        row,
        tests::layout,
    };
    use ecma_plugin_sdk::Entry;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_put_in_order_at_once_stands_as_what_came_one_by_one(
            logins in proptest::collection::vec("(same beginning )?[aAÄäbZ ]{0,3}|[Ää]{12,14}", 0..200),
        ) {
            let (mut at_once, mut one_by_one) = (Space::new(layout()), Space::new(layout()));
            at_once.begin_pass();
            for (id, login) in logins.iter().enumerate() {
                let entry = Entry::new("user").anchor("id", id as i64).set("login", login.as_str());
                let row = row::encode(at_once.layout(), &entry).unwrap();
                at_once.apply(&Edit::Put(&row), By::Import, 1);
                one_by_one.apply(&Edit::Put(&row), By::Import, 1);
            }
            at_once.end_pass();
            let mut expected: Vec<u32> = (0..logins.len() as u32).collect();
            let login = |slot: &u32| logins[*slot as usize].to_lowercase();
            expected.sort_by_key(|slot| (login(slot).is_empty(), login(slot)));
            prop_assert_eq!(at_once.at_places(0, 1, 0..usize::MAX), expected.clone());
            prop_assert_eq!(one_by_one.at_places(0, 1, 0..usize::MAX), expected);
        }
    }
}
