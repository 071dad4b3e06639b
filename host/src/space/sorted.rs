//! The values of one indexed attribute in their order: where those that begin with a text stand, or
//! those between two, and the entries from the least value to the greatest.
//!
//! Only single-valued text has this; of several values none is the one to sort by. Each entry of the
//! type has one place, those without a value come last. Values are compared as [`SortKey`] has
//! them, in full up to its length; equal ones are in the order of their slots.

use super::{
    order::{FIRST, Head, Order, head_of, order_from, slot_of},
    ordered::Ordered,
    row,
    rows::Rows,
};
use crate::scim::{SortKey, fold};
use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::HashSet,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// The entries of one type in the order of one attribute.
///
/// Many entries are put in order when somebody asks for it first, not when they are imported: that
/// takes as long as the import itself, and most clients never ask.
pub(super) struct Sorted {
    type_number: u32,
    number: u32,
    folded: bool,
    slots: Ordered,
    /// Whether the order is there and kept.
    is_kept: bool,
    /// Whether somebody asked while it was not.
    is_wanted: AtomicBool,
    /// While it is made: the slots that changed meanwhile.
    making: Option<HashSet<u32>>,
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
        Sorted {
            type_number,
            number,
            folded,
            slots: Ordered::default(),
            is_kept: true,
            is_wanted: AtomicBool::new(false),
            making: None,
        }
    }

    /// Whether the order is there; if not, it is wanted from now on.
    pub(super) fn is_kept(&self) -> bool {
        if !self.is_kept {
            self.is_wanted.store(true, Relaxed);
        }
        self.is_kept
    }

    pub(super) fn is_wanted(&self) -> bool {
        !self.is_kept && self.making.is_none() && self.is_wanted.load(Relaxed)
    }

    /// Forgets the order.
    pub(super) fn forget(&mut self) {
        (self.slots, self.is_kept, self.making) = (Ordered::default(), false, None);
    }

    /// Begins to make it.
    pub(super) fn begin(&mut self) -> Order {
        self.making = Some(HashSet::new());
        Order::new(self.type_number, self.number)
    }

    /// Keeps what was made, and what changed meanwhile.
    pub(super) fn end(&mut self, rows: &Rows, order: Order) {
        let Some(changed) = self.making.take() else { return };
        let mut slots: Vec<u32> = order.slots().collect();
        slots.retain(|slot| !changed.contains(slot));
        self.slots = Ordered::of(slots.len(), slots.into_iter());
        self.is_kept = true;
        for slot in changed {
            self.update(rows, slot, None, rows.bytes(slot));
        }
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
        match self.part(bytes, 0, slot) {
            // Those without a value come last. No text has such a byte.
            (0, _) => head_of(&[u8::MAX; FIRST], slot),
            (_, head) => head,
        }
    }

    /// The length of a row's value, and a head of its bytes from `offset` on.
    pub(super) fn part(&self, bytes: &[u8], offset: usize, slot: u32) -> (usize, Head) {
        let cell = row::values(bytes, self.number).next();
        let value = cell.map_or(&[][..], |cell| cell.bytes);
        // What is folded letter by letter is folded here: most values are.
        let value = match value.is_ascii() {
            true => Cow::Borrowed(SortKey::cut(value)),
            false => self.folded(value),
        };
        let rest = value.get(offset..).unwrap_or_default();
        let mut part = [0; FIRST];
        let part = &mut part[..rest.len().min(FIRST)];
        part.copy_from_slice(&rest[..part.len()]);
        if self.folded {
            part.make_ascii_lowercase();
        }
        (value.len(), head_of(part, slot))
    }

    /// Puts all entries of the type in order, at once.
    pub(super) fn fill(&mut self, rows: &Rows) {
        let entries = (0..rows.used()).filter_map(|slot| Some((slot, rows.bytes(slot)?)));
        let entries = entries.filter(|(_, bytes)| row::type_of(bytes) == self.type_number);
        let mut heads: Vec<Head> = entries.map(|(slot, bytes)| self.head(bytes, slot)).collect();
        let part = |slot, offset| self.part(rows.bytes(slot).unwrap_or_default(), offset, slot);
        order_from(&part, &mut heads, 0);
        self.slots = Ordered::of(heads.len(), heads.iter().map(|head| slot_of(*head)));
        self.is_kept = true;
    }

    /// Notes that the row of a slot is another one now; the rows have it already.
    pub(super) fn update(
        &mut self,
        rows: &Rows,
        slot: u32,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) {
        if let Some(changed) = &mut self.making {
            changed.insert(slot);
        }
        if !self.is_kept {
            return;
        }
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
        Space, Span,
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
            logins in proptest::collection::vec("(same beginning of many )?[aAÄäbZ\\x00 ]{0,3}|[Ää]{12,14}", 0..200),
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

        #[test]
        fn an_order_made_while_entries_change_stands_as_one_that_was_kept(
            logins in proptest::collection::vec("(same beginning of many )?[ab]{0,2}", 1..60),
            changes in proptest::collection::vec(
                (0_i64..80, proptest::option::of("(same beginning of many )?[ab]{0,2}"), 0_u8..3),
                0..40,
            ),
        ) {
            let (mut made, mut kept) = (Space::new(layout()), Space::new(layout()));
            let put = |space: &mut Space, id: i64, login: Option<&str>| {
                let entry = Entry::new("user").anchor("id", id);
                let row = row::encode(space.layout(), &match login {
                    Some(login) => entry.set("login", login),
                    None => entry,
                });
                let row = row.unwrap();
                let edit = if login.is_some() { Edit::Put(&row) } else { Edit::Remove(row.key()) };
                space.apply(&edit, By::Import, 1);
            };
            for (id, login) in logins.iter().enumerate() {
                put(&mut made, id as i64, Some(login));
                put(&mut kept, id as i64, Some(login));
            }
            made.forget_orders();
            prop_assert_eq!(made.places(0, 1, Span::Begin("a")), None);
            prop_assert!(made.wants_order());
            let mut order = made.begin_order().unwrap();
            prop_assert!(!made.wants_order(), "one who makes it is enough");
            // Changes come before, between and after the looks at the space.
            let change = |made: &mut Space, kept: &mut Space, when: u8| {
                for (id, login, _) in changes.iter().filter(|(.., at)| *at == when) {
                    put(made, *id, login.as_deref());
                    put(kept, *id, login.as_deref());
                }
            };
            while !order.step(&made, 16) {
                change(&mut made, &mut kept, 0);
            }
            change(&mut made, &mut kept, 1);
            order.sort(&|look| look(&made));
            change(&mut made, &mut kept, 2);
            made.end_order(order);
            prop_assert_eq!(made.at_places(0, 1, 0..usize::MAX), kept.at_places(0, 1, 0..usize::MAX));
            for text in ["", "a", "same beginning of", "b"] {
                let span = Span::Begin(text);
                prop_assert_eq!(made.places(0, 1, span), kept.places(0, 1, span));
            }
        }
    }
}
