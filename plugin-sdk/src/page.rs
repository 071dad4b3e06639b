//! Pages of an import: a compact framing, written by the plugin's side and read, as untrusted bytes,
//! by the host's.
//!
//! ```text
//! page    version u8 = 1 · records-length u32 · records · name-count u32 · (length u32 · UTF-8)*
//! record  kind u8 · body-length u32 · body
//! body    object-type varint · flags u8 · [dn varint · UTF-8] · [new-dn varint · UTF-8] · cell*
//!         refused: place varint · UTF-8 · error (MessagePack)
//! cell    attribute varint · tag u8 · length varint · bytes
//! ```
//! Fixed numbers are little-endian; a varint is LEB128; object types and attributes are numbers in
//! the page's table of names. A tag is the kind of value (bits 0-2), "part of the anchor" (bit 3) and
//! what is done with it (bits 4-5: set, add, remove, clear). Several values are several cells of one
//! attribute, one after the other. The connector space keeps entries as runs of the same cells.

mod cell;
mod writer;

pub use cell::{Cell, Tag, put_value, put_varint, take_varint};
pub use writer::{LayoutId, PageWriter};

use crate::{Anchor, AttributeChange, Change, Dn, Entry, EntryId, Error, Result, Update};

const VERSION: u8 = 1;
/// Bytes before the first record.
const HEADER: usize = 5;

/// What a record says of its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// The entry as it is now.
    Add,
    /// The entry as it is now, known before.
    Replace,
    /// Some attributes.
    Update,
    /// It is gone.
    Delete,
    /// It could not be read.
    Refused,
}

impl RecordKind {
    fn of(byte: u8) -> Option<RecordKind> {
        Some(match byte {
            1 => RecordKind::Add,
            2 => RecordKind::Replace,
            3 => RecordKind::Update,
            4 => RecordKind::Delete,
            5 => RecordKind::Refused,
            _ => return None,
        })
    }

    fn byte(self) -> u8 {
        match self {
            RecordKind::Add => 1,
            RecordKind::Replace => 2,
            RecordKind::Update => 3,
            RecordKind::Delete => 4,
            RecordKind::Refused => 5,
        }
    }
}

/// A page as it arrived; nothing in it is trusted.
#[derive(Debug)]
pub struct Page<'a> {
    names: Vec<&'a str>,
    records: &'a [u8],
}

/// One record of a page.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// What it says.
    pub kind: RecordKind,
    /// Number of the object type in the page's names.
    pub object_type: u32,
    /// Where the entry stands.
    pub dn: Option<&'a str>,
    /// Where it stands from now on.
    pub new_dn: Option<&'a str>,
    /// The cells, one after the other; damaged ones end the iteration of [`Cell::take`] early with
    /// bytes left.
    pub cells: &'a [u8],
    refused: Option<(&'a str, &'a [u8])>,
}

fn damaged(what: &str) -> Error {
    Error::internal(format!("the plugin sent a damaged page: {what}"))
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = take_varint(bytes)? as usize;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

impl<'a> Page<'a> {
    /// Takes the frame apart. Records are looked at one by one, later.
    pub fn parse(bytes: &'a [u8]) -> Result<Page<'a>> {
        let (&version, mut rest) = bytes.split_first().ok_or_else(|| damaged("no bytes"))?;
        if version != VERSION {
            return Err(damaged(&format!("version {version}, expected {VERSION}")));
        }
        let short = || damaged("cut short");
        let length = take_u32(&mut rest).ok_or_else(short)? as usize;
        let (records, mut rest) = rest.split_at_checked(length).ok_or_else(short)?;
        let count = take_u32(&mut rest).ok_or_else(short)? as usize;
        if count > rest.len() / 4 {
            return Err(damaged("more names than bytes"));
        }
        let mut names = Vec::with_capacity(count);
        for _ in 0..count {
            let length = take_u32(&mut rest).ok_or_else(short)? as usize;
            let (name, tail) = rest.split_at_checked(length).ok_or_else(short)?;
            names.push(std::str::from_utf8(name).map_err(|_| damaged("a name is not UTF-8"))?);
            rest = tail;
        }
        Ok(Page { names, records })
    }

    /// The table of names.
    #[must_use]
    pub fn names(&self) -> &[&'a str] {
        &self.names
    }

    /// The records; after an error there is nothing more.
    pub fn records(&self) -> impl Iterator<Item = Result<Record<'a>>> {
        let mut rest = self.records;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let record = take_record(&mut rest).ok_or_else(|| damaged("a record does not fit"));
            if record.is_err() {
                rest = &[];
            }
            Some(record)
        })
    }

    /// The record as a change, or the refusal it tells of.
    pub fn change(&self, record: &Record<'a>) -> Result<Change, Refused> {
        if let Some((place, error)) = record.refused {
            let error = crate::words::decode(error).unwrap_or_else(|error| error);
            return Err(Refused { place: place.to_owned(), error });
        }
        self.decode(record).map_err(|error| Refused { place: String::new(), error })
    }

    fn name(&self, number: u32) -> Result<&'a str> {
        self.names.get(number as usize).copied().ok_or_else(|| damaged("a name has no text"))
    }

    fn decode(&self, record: &Record<'a>) -> Result<Change> {
        let mut id = EntryId {
            object_type: self.name(record.object_type)?.to_owned(),
            anchor: Anchor::default(),
            dn: record.dn.map(Dn::new),
        };
        let mut attributes: Vec<(String, AttributeChange)> = Vec::new();
        let mut rest = record.cells;
        while !rest.is_empty() {
            let cell = Cell::take(&mut rest).ok_or_else(|| damaged("a cell does not fit"))?;
            let name = self.name(cell.attribute)?;
            if cell.tag.operation() == Tag::CLEAR {
                attributes.push((name.to_owned(), AttributeChange::Clear));
                continue;
            }
            let value = cell.value().ok_or_else(|| damaged("a value does not fit its kind"))?;
            if cell.tag.is_anchor() {
                id.anchor.set(name, value);
                continue;
            }
            let at = attributes.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                attributes.push((name.to_owned(), empty_change(cell.tag)));
                attributes.len() - 1
            });
            match (&mut attributes[at].1, cell.tag.operation()) {
                (AttributeChange::Set(values), 0) => values.push(value),
                (AttributeChange::Modify { added, .. }, Tag::ADD) => added.push(value),
                (AttributeChange::Modify { removed, .. }, Tag::REMOVE) => removed.push(value),
                _ => return Err(damaged("an attribute is both set and modified")),
            }
        }
        Ok(match record.kind {
            RecordKind::Delete => Change::Delete { id },
            RecordKind::Update => {
                Change::Update(Update { id, new_dn: record.new_dn.map(Dn::new), attributes })
            }
            kind => {
                let mut entry = Entry::with_id(id);
                for (name, change) in attributes {
                    entry.put(name, change.apply(&[]));
                }
                if kind == RecordKind::Add { Change::Add(entry) } else { Change::Replace(entry) }
            }
        })
    }
}

fn empty_change(tag: Tag) -> AttributeChange {
    match tag.operation() {
        0 => AttributeChange::Set(Vec::new()),
        _ => AttributeChange::Modify { added: Vec::new(), removed: Vec::new() },
    }
}

fn take_record<'a>(bytes: &mut &'a [u8]) -> Option<Record<'a>> {
    let (&kind, mut rest) = bytes.split_first()?;
    let kind = RecordKind::of(kind)?;
    let length = take_u32(&mut rest)? as usize;
    let (mut body, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    if kind == RecordKind::Refused {
        let place = take_text(&mut body)?;
        let refused = Some((place, body));
        return Some(Record { kind, object_type: 0, dn: None, new_dn: None, cells: &[], refused });
    }
    let object_type = take_varint(&mut body)?;
    let (&flags, mut body) = body.split_first()?;
    let dn = if flags & 1 != 0 { Some(take_text(&mut body)?) } else { None };
    let new_dn = if flags & 2 != 0 { Some(take_text(&mut body)?) } else { None };
    Some(Record { kind, object_type, dn, new_dn, cells: body, refused: None })
}

/// An entry that could not be imported, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it stands in the connected system: `line 7`; may be empty.
    pub place: String,
    /// Why.
    pub error: Error,
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
