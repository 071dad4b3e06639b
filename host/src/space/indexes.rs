//! The indexes of a space: which values of a row are found again, and how they are compared.

use super::{
    index::Index,
    layout::{Column, Layout},
    order::Order,
    row,
    rows::Rows,
    sorted::{Sorted, Span},
};
use ecma_plugin_sdk::page::{Cell, Tag};
use hashbrown::DefaultHashBuilder;
use std::{
    borrow::Cow,
    hash::{BuildHasher, Hasher},
};

/// More entries than this with one value are found by its order.
const MANY: usize = 64;
/// So many entries are put in order at once after an import; more, when somebody asks for it.
const FEW: usize = 20_000;

/// The indexes of the attributes clients search by.
pub(super) struct Indexes {
    /// Object type and number of the attribute, by number of the index.
    columns: Box<[(u32, u32)]>,
    tables: Box<[Index]>,
    /// The values of single-valued texts, in order.
    sorted: Vec<Sorted>,
    hasher: DefaultHashBuilder,
    asleep: Option<Asleep>,
    /// Memory used again and again.
    before: Vec<(usize, u32)>,
    after: Vec<(usize, u32)>,
}

/// What is remembered while nothing is looked up.
struct Asleep {
    /// By index: hashes of values and the slots of their entries.
    values: Vec<Vec<(u32, u32)>>,
    /// Whether an entry changed or went again, so that the values are not right any more.
    stale: bool,
}

fn fold(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    match std::str::from_utf8(text) {
        Ok(text) => Cow::Owned(crate::scim::fold(text).into_owned().into_bytes()),
        Err(_) => Cow::Borrowed(text),
    }
}

/// The bytes by which a value is compared.
fn compared(column: Column, bytes: &[u8]) -> Cow<'_, [u8]> {
    if column.folded { fold(bytes) } else { Cow::Borrowed(bytes) }
}

/// The hash of a value as it is compared.
fn hash_bytes(hasher: &DefaultHashBuilder, compared: &[u8]) -> u32 {
    let mut hasher = hasher.build_hasher();
    hasher.write(compared);
    (hasher.finish() >> 32) as u32
}

fn hash_of(hasher: &DefaultHashBuilder, column: Column, cell: &Cell<'_>) -> u32 {
    // Most values are short and ASCII: these are folded in place.
    let mut short = [0; 64];
    match short.get_mut(..cell.bytes.len()) {
        Some(short) if column.folded && cell.bytes.is_ascii() => {
            short.copy_from_slice(cell.bytes);
            short.make_ascii_lowercase();
            hash_bytes(hasher, short)
        }
        _ => hash_bytes(hasher, &compared(column, cell.bytes)),
    }
}

impl Indexes {
    pub(super) fn new(layout: &Layout) -> Indexes {
        let mut columns = vec![(0, 0); layout.indexes];
        let mut tables: Vec<Index> = Vec::with_capacity(layout.indexes);
        tables.resize_with(layout.indexes, || Index::new(false));
        let mut sorted = Vec::new();
        for (type_number, kind) in layout.types.iter().enumerate() {
            for number in 0..=kind.dn() {
                let Some(column) = kind.column(number) else { continue };
                columns[column.index] = (type_number as u32, number);
                tables[column.index] = Index::new(column.multi_valued);
                let tag = kind.kept.get(number as usize).map(|kept| kept.tag.kind());
                if tag == Some(Tag::TEXT) && !column.multi_valued {
                    sorted.push(Sorted::new(type_number as u32, number, column.folded));
                }
            }
        }
        Indexes {
            columns: columns.into(),
            tables: tables.into(),
            sorted,
            hasher: DefaultHashBuilder::default(),
            asleep: None,
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    /// Fills no table from now on: the space is empty and is about to be filled. Growing tables with
    /// each entry costs several times as much as filling them once.
    pub(super) fn sleep(&mut self) {
        let values = vec![Vec::new(); self.tables.len()];
        self.asleep = Some(Asleep { values, stale: false });
        self.forget_orders();
    }

    pub(super) fn forget_orders(&mut self) {
        self.sorted.iter_mut().for_each(Sorted::forget);
    }

    /// Fills the tables with what came meanwhile, and notes every change in them from now on.
    pub(super) fn wake(&mut self, layout: &Layout, rows: &Rows) {
        let Some(mut asleep) = self.asleep.take() else { return };
        if asleep.stale {
            asleep.values.iter_mut().for_each(Vec::clear);
            for slot in 0..rows.used() {
                self.remember(layout, rows.bytes(slot), slot, &mut asleep.values);
            }
        }
        for (index, values) in self.tables.iter_mut().zip(asleep.values) {
            index.fill(values);
        }
        for sorted in &mut self.sorted {
            if rows.count(sorted.type_number()) <= FEW {
                sorted.fill(rows);
            }
        }
    }

    /// The order of an attribute's values, when it has one.
    pub(super) fn sorted(&self, type_number: u32, number: u32) -> Option<&Sorted> {
        self.order(type_number, number).filter(|sorted| self.asleep.is_none() && sorted.is_kept())
    }

    /// The same, whether the order is there or not.
    pub(super) fn order(&self, type_number: u32, number: u32) -> Option<&Sorted> {
        self.sorted.iter().find(|sorted| sorted.is_of(type_number, number))
    }

    /// Whether somebody asked for an order that is not there.
    pub(super) fn wants_order(&self) -> bool {
        self.asleep.is_none() && self.sorted.iter().any(Sorted::is_wanted)
    }

    pub(super) fn begin_order(&mut self) -> Option<Order> {
        let awake = self.asleep.is_none();
        let wanted = self.sorted.iter_mut().find(|sorted| awake && sorted.is_wanted());
        wanted.map(Sorted::begin)
    }

    pub(super) fn end_order(&mut self, rows: &Rows, order: Order) {
        let of = |sorted: &&mut Sorted| order.is_of(sorted);
        if let Some(sorted) = self.sorted.iter_mut().find(of) {
            sorted.end(rows, order);
        }
    }

    fn remember(
        &mut self,
        layout: &Layout,
        bytes: Option<&[u8]>,
        slot: u32,
        values: &mut [Vec<(u32, u32)>],
    ) {
        let mut hashes = std::mem::take(&mut self.after);
        self.hashes(layout, bytes, &mut hashes);
        hashes.drain(..).for_each(|(index, hash)| values[index].push((hash, slot)));
        self.after = hashes;
    }

    pub(super) fn memory(&self) -> usize {
        let tables: usize = self.tables.iter().map(Index::memory).sum();
        tables + self.sorted.iter().map(Sorted::memory).sum::<usize>()
    }

    /// The slots of entries whose indexed attribute has this value, in their order.
    pub(super) fn find(
        &self,
        layout: &Layout,
        rows: &Rows,
        type_number: u32,
        number: u32,
        value: &[u8],
    ) -> Option<Vec<u32>> {
        let column = layout.types.get(type_number as usize)?.column(number)?;
        let index = self.tables.get(column.index).filter(|_| self.asleep.is_none())?;
        let wanted = compared(column, value);
        let hash = hash_bytes(&self.hasher, &wanted);
        // Many of one value stand together in its order, and need not be looked at one by one.
        if index.shared(hash) > MANY
            && let Some(sorted) = self.sorted(type_number, number)
            && let Ok(text) = std::str::from_utf8(value)
            && let (places, true) = sorted.places(rows, Span::Equal(text))
        {
            return Some(sorted.slots(places));
        }
        let values = |slot: u32| row::values(rows.bytes(slot).unwrap_or_default(), number);
        let hash_of =
            |slot| values(slot).next().map_or(0, |cell| hash_of(&self.hasher, column, &cell));
        let mut slots = index.candidates(hash, hash_of);
        let most = if column.multi_valued { usize::MAX } else { 1 };
        slots.retain(|slot| {
            values(*slot).take(most).any(|cell| compared(column, cell.bytes) == wanted)
        });
        slots.sort_unstable();
        Some(slots)
    }

    /// Notes that the row of a slot is another one now; the rows have it already.
    pub(super) fn update(
        &mut self,
        layout: &Layout,
        rows: &Rows,
        slot: u32,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) {
        if self.tables.is_empty() {
            return;
        }
        if let Some(mut asleep) = self.asleep.take() {
            asleep.stale |= before.is_some();
            if !asleep.stale {
                self.remember(layout, after, slot, &mut asleep.values);
            }
            self.asleep = Some(asleep);
            return;
        }
        if let (Some(before), Some(after)) = (before, after)
            && same_indexed(layout, before, after)
        {
            return;
        }
        let mut gone = std::mem::take(&mut self.before);
        let mut come = std::mem::take(&mut self.after);
        self.hashes(layout, before, &mut gone);
        self.hashes(layout, after, &mut come);
        if before.is_some() && after.is_some() {
            cancel(&mut gone, &mut come);
        }
        for (index, hash) in gone.drain(..) {
            self.tables[index].remove(hash, slot);
        }
        let hasher = &self.hasher;
        for (index, hash) in come.drain(..) {
            let (kind, number) = self.columns[index];
            let Some(column) = layout.types[kind as usize].column(number) else { continue };
            self.tables[index].insert(hash, slot, |slot| {
                let first = row::values(rows.bytes(slot).unwrap_or_default(), number).next();
                first.map_or(0, |cell| hash_of(hasher, column, &cell))
            });
        }
        self.before = gone;
        self.after = come;
        for sorted in &mut self.sorted {
            sorted.update(rows, slot, before, after);
        }
    }

    /// The hashes of a row's indexed values, by number of the index.
    fn hashes(&self, layout: &Layout, bytes: Option<&[u8]>, hashes: &mut Vec<(usize, u32)>) {
        let Some(bytes) = bytes else { return };
        let kind = &layout.types[row::type_of(bytes) as usize];
        let (mut last, mut repeated) = (u32::MAX, false);
        for cell in row::cells(bytes) {
            if cell.attribute >= kind.indexed_to {
                break;
            }
            let first = last != cell.attribute;
            last = cell.attribute;
            let column = kind.column(cell.attribute);
            if let Some(column) = column.filter(|column| first || column.multi_valued) {
                let hash = hash_of(&self.hasher, column, &cell);
                hashes.push((column.index, hash));
                repeated |= !first;
            }
        }
        if repeated {
            hashes.sort_unstable();
            hashes.dedup();
        }
    }
}

/// Whether two rows of an entry are the same up to the last attribute with an index, byte by byte:
/// most changes are of other attributes.
fn same_indexed(layout: &Layout, before: &[u8], after: &[u8]) -> bool {
    let indexed_to = layout.types[row::type_of(after) as usize].indexed_to;
    let rest = row::from(after, indexed_to);
    let length = after.len() - rest.len();
    let next = before.get(length..).map(|mut rest| Cell::take(&mut rest));
    let ends = next.is_some_and(|cell| cell.is_none_or(|cell| cell.attribute >= indexed_to));
    ends && before[..length] == after[..length]
}

/// Takes what both lists have out of both.
fn cancel(left: &mut Vec<(usize, u32)>, right: &mut Vec<(usize, u32)>) {
    if left == right {
        left.clear();
        right.clear();
        return;
    }
    left.sort_unstable();
    right.sort_unstable();
    let (mut l, mut r, mut kept_left, mut kept_right) = (0, 0, 0, 0);
    while l < left.len() || r < right.len() {
        match (left.get(l).copied(), right.get(r).copied()) {
            (Some(one), Some(other)) if one == other => (l, r) = (l + 1, r + 1),
            (Some(one), other) if other.is_none_or(|other| one < other) => {
                left[kept_left] = one;
                (l, kept_left) = (l + 1, kept_left + 1);
            }
            (_, Some(other)) => {
                right[kept_right] = other;
                (r, kept_right) = (r + 1, kept_right + 1);
            }
            (_, None) => break,
        }
    }
    left.truncate(kept_left);
    right.truncate(kept_right);
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

    fn put(space: &mut Space, id: i64, login: &str, mails: &[&str]) {
        let entry = Entry::new("user").anchor("id", id).set("login", login);
        let row = row::encode(space.layout(), &entry.set("mails", mails.to_vec())).unwrap();
        space.apply(&Edit::Put(&row), By::Import, 1);
    }

    fn check(space: &Space, number: u32, wanted: &str, expected: &[u32]) {
        let found = space.find(0, number, wanted.as_bytes());
        assert_eq!(found.as_deref(), Some(expected), "{wanted}");
    }

    #[test]
    fn case_is_folded_in_every_script() {
        let mut space = Space::new(layout());
        put(&mut space, 1, "Ada", &["Ada"]);
        put(&mut space, 2, "ÄDA", &["ÄDA"]);
        put(&mut space, 3, "ада", &[]);
        check(&space, 1, "aDA", &[0]);
        check(&space, 1, "äda", &[1]);
        check(&space, 1, "АДА", &[2]);
        check(&space, 2, "Ada", &[0]);
        check(&space, 2, "ada", &[]);
        assert_eq!(space.find(0, 0, b"\x02"), None, "the anchor has no index");
        assert_eq!(space.find(0, 9, b"x"), None);
    }

    #[test]
    fn each_of_several_values_is_found_while_it_is_there() {
        let mut space = Space::new(layout());
        for mails in [&["x", "y"][..], &["y", "x"], &["y", "x", "y"], &["y", "y", "z"], &["y"]] {
            put(&mut space, 1, "a", mails);
            for wanted in ["x", "y", "z"] {
                let expected: &[u32] = if mails.contains(&wanted) { &[0] } else { &[] };
                check(&space, 2, wanted, expected);
            }
        }
        put(&mut space, 1, "a", &[]);
        check(&space, 2, "y", &[]);
    }

    #[test]
    fn nobody_is_lost_when_tables_grow_and_slots_are_used_again() {
        const PEOPLE: i64 = 120_000;
        let mut space = Space::new(layout());
        let login = |id: i64, round: i64| format!("User{id}x{round}");
        for id in 0..PEOPLE {
            put(&mut space, id, &login(id, 0), &["all"]);
        }
        let used = space.used();
        for id in (0..PEOPLE).step_by(3) {
            let entry = Entry::new("user").anchor("id", id);
            let row = row::encode(space.layout(), &entry).unwrap();
            assert!(space.apply(&Edit::Remove(row.key()), By::Import, 1).is_some());
        }
        for id in (0..PEOPLE).step_by(3) {
            put(&mut space, PEOPLE + id, &login(id, 1), &[]);
        }
        assert_eq!((space.used(), space.count(0)), (used, PEOPLE as usize));
        for id in (0..PEOPLE).step_by(7) {
            let round = i64::from(id % 3 == 0);
            let name = login(id, round).to_uppercase();
            let slots = space.find(0, 1, name.as_bytes()).unwrap();
            assert_eq!(slots.len(), 1, "{name}");
            let stored = space.stored(slots[0]).unwrap();
            assert_eq!(space.entry(&stored).text("login"), Some(login(id, round).as_str()));
            check(&space, 1, &login(id, 1 - round), &[]);
        }
        assert_eq!(space.find(0, 2, b"all").unwrap().len(), PEOPLE as usize * 2 / 3);
    }
}
