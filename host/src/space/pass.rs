//! One import seen from the space: pages come in, differences are applied, and at the end of a full
//! import what was not seen goes, unless that is suspiciously much.

use super::{
    cache::{By, Edit, Space},
    edit::{Parts, Put},
    layout::Layout,
    links,
    row::{self, Row, Translator},
    slots::Slots,
    table::widen,
};
use crate::config::Guard;
use ecma_plugin_sdk::{
    Change, Entry, EntryId,
    page::{Page, Record, RecordKind, Refused},
};
use hashbrown::HashTable;
use std::{collections::HashSet, ops::Range};

/// How many refused entries a report names; all are counted.
const REFUSED_NAMED: usize = 100;
/// How many entries change under one write lock.
pub const CHUNK: usize = 64;

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassReport {
    /// Entries that are new.
    pub added: usize,
    /// Entries that differ from what was known.
    pub changed: usize,
    /// Entries as they were known.
    pub unchanged: usize,
    /// Entries that are gone.
    pub removed: usize,
    /// Entries that an export changed meanwhile; the import's view was passed over.
    pub passed_over: usize,
    /// Entries that could not be taken.
    pub refused: usize,
    /// The first of them.
    pub refusals: Vec<Refused>,
    /// Removals that were held back because they were too many.
    pub held: usize,
}

/// One import under way.
pub struct Pass {
    full: bool,
    seen: Slots,
    deleted: HashSet<Box<[u8]>>,
    report: PassReport,
    known_before: usize,
    /// Refused entries of which nobody can say which they are.
    nameless: usize,
    complete: bool,
}

/// What one page asks of the space, found out without a lock that others wait for.
///
/// One is used for page after page: memory that is given back and asked for again with every page
/// costs more than all the rest.
#[derive(Default)]
pub struct Differences {
    /// Rows one after the other.
    bytes: Vec<u8>,
    rows: Vec<Pending>,
    /// Rows by the hash of their key; a page may have several changes of one entry.
    keys: HashTable<u32>,
    absorbed: usize,
    /// The space's count of exports when the page was compared.
    exports: u64,
}

struct Pending {
    range: Range<usize>,
    key: usize,
    /// Cells of its multi-valued references.
    links: Range<usize>,
    hash: u32,
    /// Where the space had the entry.
    slot: Option<u32>,
}

impl Differences {
    /// Whether nothing differs, or nothing is left to absorb.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.absorbed == self.rows.len()
    }

    fn entry(&self, layout: &Layout, pending: &Pending) -> Entry {
        let cells = &self.bytes[pending.links.clone()];
        let links = |number| links::values(cells, number);
        row::decode_whole(layout, &self.bytes[pending.range.clone()], links)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.keys.clear();
        self.absorbed = 0;
    }

    fn find(&self, hash: u32, key: &[u8]) -> Option<usize> {
        let fits = |at: &u32| {
            let row = &self.rows[*at as usize];
            row.hash == hash && self.bytes[row.range.clone()].starts_with(key)
        };
        self.keys.find(widen(hash), fits).map(|at| *at as usize)
    }

    /// The later of two rows of one entry counts, in the place of the earlier one.
    fn push(&mut self, hash: u32, row: &Row, slot: Option<u32>, known: Option<usize>) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(&row.bytes);
        let range = from..self.bytes.len();
        self.bytes.extend_from_slice(&row.links);
        let links = range.end..self.bytes.len();
        if let Some(known) = known {
            self.rows[known].range = range;
            self.rows[known].links = links;
            return;
        }
        self.rows.push(Pending { range, key: row.key, links, hash, slot });
        let rows = &self.rows;
        let at = rows.len() as u32 - 1;
        self.keys.insert_unique(widen(hash), at, |at| widen(rows[*at as usize].hash));
    }
}

impl Pass {
    /// Begins: from now on the space notes what exports change.
    pub fn begin(space: &mut Space, full: bool) -> Pass {
        space.begin_pass();
        Pass {
            full,
            seen: Slots::default(),
            deleted: HashSet::new(),
            report: PassReport::default(),
            known_before: space.len(),
            nameless: 0,
            complete: false,
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn report(&self) -> &PassReport {
        &self.report
    }

    /// How many entries came so far.
    #[must_use]
    pub fn imported(&self) -> usize {
        let report = &self.report;
        report.added + report.changed + report.unchanged + report.passed_over
    }

    /// Compares a page with what is known; what was in `differences` is forgotten. Needs no more than
    /// a read lock; entries as they were are only marked as seen. Absorb what differs before the next
    /// page is compared.
    pub fn compare(
        &mut self,
        space: &Space,
        page: &Page<'_>,
        differences: &mut Differences,
    ) -> ecma_plugin_sdk::Result<()> {
        let layout = space.layout();
        let translator = Translator::new(layout, page);
        let mut row = Row::default();
        differences.clear();
        differences.exports = space.exports();
        for record in page.records() {
            let record = record?;
            match record.kind {
                RecordKind::Add | RecordKind::Replace => match translator.row(&record, &mut row) {
                    Ok(true) => self.one(space, &row, differences),
                    Ok(false) => {}
                    Err(message) => self.refuse_record(space, page, &record, message),
                },
                _ => match page.change(&record) {
                    Ok(change) => self.change(space, &change, differences),
                    Err(refused) => {
                        self.nameless += 1;
                        self.refuse(refused);
                    }
                },
            }
        }
        Ok(())
    }

    fn one(&mut self, space: &Space, row: &Row, differences: &mut Differences) {
        if !self.deleted.is_empty() {
            self.deleted.remove(row.key());
        }
        let hash = space.hash(row.key());
        let pending = differences.find(hash, row.key());
        match space.by_hash(hash, row.key()) {
            Some(stored) if pending.is_none() && stored.bytes == row.bytes => {
                self.seen.insert(stored.slot);
                self.report.unchanged += 1;
            }
            stored => differences.push(hash, row, stored.map(|stored| stored.slot), pending),
        }
    }

    fn change(&mut self, space: &Space, change: &Change, differences: &mut Differences) {
        let layout = space.layout();
        if layout.number(&change.id().object_type).is_none() {
            return;
        }
        let Some(key) = key_of(layout, change.id()) else {
            return self.refuse(Refused {
                place: change.id().to_string(),
                error: ecma_plugin_sdk::Error::internal("its anchor is not whole"),
            });
        };
        if matches!(change, Change::Delete { .. }) {
            self.deleted.insert(key.into());
            return;
        }
        let hash = space.hash(&key);
        let pending = differences.find(hash, &key).map(|at| &differences.rows[at]);
        let before = match pending {
            Some(pending) => Some(differences.entry(layout, pending)),
            None => space.by_hash(hash, &key).map(|stored| space.whole_entry(&stored)),
        };
        let Some(entry) = change.apply(before.as_ref()) else {
            // An update of what we do not know: the next full import brings it.
            self.report.passed_over += 1;
            return;
        };
        match row::encode(layout, &entry) {
            Ok(row) => self.one(space, &row, differences),
            Err(refused) => self.refuse(refused),
        }
    }

    /// An entry that is there but cannot be taken is not gone: what is known of it stays.
    fn refuse_record(
        &mut self,
        space: &Space,
        page: &Page<'_>,
        record: &Record<'_>,
        message: String,
    ) {
        let change = page.change(record);
        match change.as_ref().ok().and_then(|change| key_of(space.layout(), change.id())) {
            Some(key) => {
                if let Some(stored) = space.by_key(&key) {
                    self.seen.insert(stored.slot);
                }
                self.deleted.remove(key.as_slice());
            }
            None => self.nameless += 1,
        }
        let place = change.map_or_else(|refused| refused.place, |change| change.id().to_string());
        self.refuse(Refused { place, error: ecma_plugin_sdk::Error::internal(message) });
    }

    fn refuse(&mut self, refused: Refused) {
        self.report.refused += 1;
        if self.report.refusals.len() < REFUSED_NAMED {
            self.report.refusals.push(refused);
        }
    }

    /// Applies up to [`CHUNK`] differences; whether there are more.
    pub fn absorb(&mut self, space: &mut Space, differences: &mut Differences, now: u32) -> bool {
        let to = differences.rows.len().min(differences.absorbed + CHUNK);
        for pending in &differences.rows[differences.absorbed..to] {
            let Pending { range, key, links, hash, slot } = pending;
            let bytes = &differences.bytes[range.clone()];
            let links = &differences.bytes[links.clone()];
            let parts = Parts { bytes, key: *key, links: Some(links) };
            let known = match space.exports() == differences.exports {
                true => *slot,
                false => space.slot_of(*hash, &bytes[..*key]),
            };
            let slot = match space.put(known, *hash, &parts, By::Import, now) {
                Put::Made(applied) => {
                    match applied.before {
                        Some(_) => self.report.changed += 1,
                        None => self.report.added += 1,
                    }
                    Some(applied.slot)
                }
                Put::Same(slot) => {
                    self.report.unchanged += 1;
                    Some(slot)
                }
                Put::Touched(slot) => {
                    self.report.passed_over += 1;
                    slot
                }
            };
            slot.into_iter().for_each(|slot| self.seen.insert(slot));
        }
        differences.absorbed = to;
        !differences.is_empty()
    }

    /// Which entries have to go now that the import is complete: what a full import did not see, or
    /// what a delta import named. None, and the report says how many were held back, when they are
    /// more than the guard allows, or when the import could not read entries that may be these.
    #[must_use]
    pub fn removals(&mut self, space: &Space, guard: Guard) -> Vec<Vec<u8>> {
        self.complete = true;
        let mut removals: Vec<Vec<u8>> = Vec::new();
        if self.full {
            let unseen = space.slots().filter(|stored| !self.seen.contains(stored.slot));
            let keys = unseen
                .map(|stored| (stored.slot, row::key(space.layout(), stored.bytes)))
                .filter(|(slot, key)| !space.is_touched(Some(*slot), key));
            removals.extend(keys.map(|(_, key)| key.to_vec()));
        } else {
            for key in std::mem::take(&mut self.deleted) {
                let Some(stored) = space.by_key(&key) else { continue };
                if space.is_touched(Some(stored.slot), &key) {
                    self.report.passed_over += 1;
                } else {
                    removals.push(key.into_vec());
                }
            }
            removals.sort_unstable();
        }
        let share = self.known_before as u64 * u64::from(guard.percent);
        let many = removals.len() > guard.objects as usize && removals.len() as u64 * 100 > share;
        // Entries that could not be read last time either are not those that are missing now.
        let unread = self.full && self.nameless > space.nameless;
        if many || unread {
            self.report.held = removals.len();
            removals.clear();
        }
        removals
    }

    /// Removes entries that [`Pass::removals`] named; a chunk at a time, please.
    pub fn remove(&mut self, space: &mut Space, keys: &[Vec<u8>], now: u32) {
        for key in keys {
            match space.apply(&Edit::Remove(key), By::Import, now) {
                Some(_) => self.report.removed += 1,
                None => self.report.passed_over += 1,
            }
        }
    }

    /// Whether the watermark of this import may be kept: everything it told was taken.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.report.held == 0 && (self.full || self.report.passed_over == 0)
    }

    /// Ends, well or not: what is known stays.
    pub fn end(self, space: &mut Space) -> PassReport {
        if self.full && self.complete && self.report.held == 0 {
            space.nameless = self.nameless;
        }
        space.end_pass();
        self.report
    }
}

fn key_of(layout: &Layout, id: &EntryId) -> Option<Vec<u8>> {
    let entry = Entry::with_id(EntryId { dn: None, ..id.clone() });
    row::encode(layout, &entry).ok().map(|row| row.bytes)
}
