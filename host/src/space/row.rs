//! One entry as one run of bytes: object type, anchor, attributes, distinguished name, in the cells
//! that pages use, in the order of the layout's numbers. Equal entries have equal bytes.
//!
//! Multi-valued references stand beside the row; in it is a digest of them.

use super::{
    layout::{Kept, Layout, TypeLayout},
    links::{self, Digest},
};
use crate::scim;
use ecma_plugin_sdk::{
    Anchor, Dn, Entry, EntryId, Value,
    page::{Cell, Page, Record, RecordKind, Refused, Tag, put_value, put_varint, take_varint},
};
use std::borrow::Cow;
use twox_hash::XxHash3_64;

/// Bytes of an entry, made by [`Translator`] or [`encode`].
#[derive(Debug, Default, Clone)]
pub struct Row {
    /// Type, cells of the anchor, other cells.
    pub bytes: Vec<u8>,
    /// How many of the bytes are type and anchor.
    pub key: usize,
    /// Cells of the attributes whose values stand beside the row, in any order.
    pub links: Vec<u8>,
    cells: Vec<(u32, u32, u32)>,
    scratch: Vec<u8>,
}

impl Row {
    /// Type and anchor.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.bytes[..self.key]
    }

    /// Appends the digests of the values beside the row.
    fn digest(&mut self, ours: &TypeLayout) {
        for number in ours.linked() {
            let mut digest = Digest::default();
            links::values(&self.links, number).into_iter().for_each(|value| digest.add(value));
            digest.put(number, &mut self.bytes);
        }
    }

    /// Puts the cells from here on into the order of their numbers; several of one attribute stay
    /// as they are.
    fn sort(&mut self, start: usize) {
        self.cells.clear();
        let mut rest = &self.bytes[start..];
        while let Some(cell) = Cell::take(&mut rest) {
            let from = self.cells.last().map_or(start as u32, |(.., to)| *to);
            self.cells.push((cell.attribute, from, (self.bytes.len() - rest.len()) as u32));
        }
        self.cells.sort_by_key(|(number, ..)| *number);
        self.scratch.clear();
        for (_, from, to) in &self.cells {
            self.scratch.extend_from_slice(&self.bytes[*from as usize..*to as usize]);
        }
        self.bytes.truncate(start);
        self.bytes.extend_from_slice(&self.scratch);
    }
}

/// Our number of an object type, and by number in the page those of its attributes, with their tags.
type TypeNumbers = (u32, Vec<(u32, Tag)>);

/// Translates the records of one page into rows.
pub struct Translator<'a> {
    layout: &'a Layout,
    names: Vec<&'a str>,
    /// By number of the object type in the page: ours, and the numbers and tags of the attributes.
    types: Vec<Option<TypeNumbers>>,
}

const UNWANTED: u32 = u32::MAX;
/// Marks the number of an attribute whose values stand beside the row.
const LINKED: u32 = 1 << 30;

impl<'a> Translator<'a> {
    /// For the records of this page.
    #[must_use]
    pub fn new(layout: &'a Layout, page: &Page<'a>) -> Translator<'a> {
        let names = page.names().to_vec();
        let types = names
            .iter()
            .map(|name| {
                let number = layout.number(name)?;
                let ours = &layout.types[number as usize];
                let known = |name: &&str| {
                    let number = ours.number(name)?;
                    let kept = &ours.kept[number as usize];
                    Some((number | if kept.linked { LINKED } else { 0 }, kept.tag))
                };
                let numbers = names.iter().map(|name| known(name).unwrap_or((UNWANTED, Tag(0))));
                Some((number, numbers.collect()))
            })
            .collect();
        Translator { layout, names, types }
    }

    /// Fills the row with an entry of a page. `Ok(false)`: entries of this type are not kept.
    pub fn row(&self, record: &Record<'a>, row: &mut Row) -> Result<bool, String> {
        debug_assert!(matches!(record.kind, RecordKind::Add | RecordKind::Replace));
        let Some(known) = self.types.get(record.object_type as usize) else {
            return Err("the plugin sent an object type without a name".to_owned());
        };
        let Some((type_number, numbers)) = known else { return Ok(false) };
        let ours = &self.layout.types[*type_number as usize];
        row.bytes.clear();
        row.links.clear();
        put_varint(&mut row.bytes, *type_number);
        let start = row.bytes.len();
        let copied = copy(numbers, record.cells, &mut row.bytes).is_some();
        let mut rest = if copied { &[][..] } else { record.cells };
        if !copied {
            row.bytes.truncate(start);
        }
        let mut last = 0;
        let mut sorted = true;
        while !rest.is_empty() {
            let cell = Cell::take(&mut rest).ok_or("the plugin sent a damaged cell")?;
            let (number, tag) = *numbers
                .get(cell.attribute as usize)
                .ok_or("the plugin sent an attribute without a name")?;
            if number == UNWANTED {
                continue;
            }
            if !is_meant(tag, cell.tag) || !cell.is_sound() {
                return Err(format!(
                    "the value of {} is not of the kind that the schema says",
                    self.names[cell.attribute as usize]
                ));
            }
            if number & LINKED != 0 {
                let number = number & !LINKED;
                let bytes = link(ours, number, cell.bytes);
                Cell { attribute: number, tag, bytes: &bytes }.put(&mut row.links);
                continue;
            }
            sorted &= number >= last;
            last = number;
            let bytes = canonical(tag, cell.bytes);
            Cell { attribute: number, tag, bytes }.put(&mut row.bytes);
        }
        if !row.links.is_empty() {
            row.digest(ours);
            sorted = false;
        }
        if !sorted {
            row.sort(start);
        }
        row.key = key_length(&row.bytes, ours)?;
        if let Some(dn) = record.dn {
            Cell { attribute: ours.dn(), tag: Tag::TEXT, bytes: dn.as_bytes() }.put(&mut row.bytes);
        }
        Ok(true)
    }
}

/// The usual record in one copy, in which numbers and tags are replaced by ours. `None`: it is not
/// usual (something is left out, out of order, long, a number or wrong), and what was appended is
/// of no use.
fn copy(numbers: &[(u32, Tag)], cells: &[u8], out: &mut Vec<u8>) -> Option<()> {
    // What stands before each value is ASCII, so all texts are UTF-8 when the whole is.
    simdutf8::basic::from_utf8(cells).ok()?;
    let start = out.len();
    out.extend_from_slice(cells);
    let mut ours = &mut out[start..];
    let (mut theirs, mut last) = (cells, 0);
    while let Some(&[attribute, sent, length]) = theirs.first_chunk::<3>() {
        let (number, tag) = *numbers.get(usize::from(attribute))?;
        let size = 3 + usize::from(length);
        let cell = Cell { attribute: number, tag: Tag(sent), bytes: theirs.get(3..size)? };
        let short = attribute < 0x80 && length < 0x80 && number < 0x80;
        let usual = short && number >= last && tag.kind() != Tag::INTEGER;
        let is_text = matches!(tag.kind(), Tag::TEXT | Tag::REFERENCE);
        if !usual || !is_meant(tag, cell.tag) || !(is_text || cell.is_sound()) {
            return None;
        }
        (ours[0], ours[1]) = (number as u8, tag.0);
        (ours, theirs, last) = (&mut ours[size..], &theirs[size..], number);
    }
    theirs.is_empty().then_some(())
}

/// Whether a cell may hold a value of an attribute: of its kind (text and references are one to
/// a target), set and not added or removed.
fn is_meant(wanted: Tag, sent: Tag) -> bool {
    const OPERATION: u8 = 0x30;
    let is_text = |tag: Tag| matches!(tag.kind(), Tag::TEXT | Tag::REFERENCE);
    let fits = wanted.kind() == sent.kind() || is_text(wanted) && is_text(sent);
    fits && sent.0 & OPERATION == 0
}

/// The one way to write a value that stands beside the row.
#[must_use]
pub fn link<'b>(ours: &TypeLayout, number: u32, bytes: &'b [u8]) -> Cow<'b, [u8]> {
    match std::str::from_utf8(bytes) {
        Ok(text) if ours.kept[number as usize].folded => match scim::fold(text) {
            Cow::Borrowed(folded) => Cow::Borrowed(folded.as_bytes()),
            Cow::Owned(folded) => Cow::Owned(folded.into_bytes()),
        },
        _ => Cow::Borrowed(bytes),
    }
}

/// The one way to write a value: equal numbers have equal bytes.
fn canonical(tag: Tag, bytes: &[u8]) -> &[u8] {
    if tag.kind() != Tag::INTEGER {
        return bytes;
    }
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..used]
}

/// How many bytes are type and anchor; an error when the anchor is not whole.
fn key_length(bytes: &[u8], ours: &TypeLayout) -> Result<usize, String> {
    let name = |number: u32| &ours.kept[number as usize].attribute.name;
    let mut rest = bytes;
    let _ = take_varint(&mut rest);
    for number in 0..ours.anchors as u32 {
        let cell = Cell::take(&mut rest).filter(|cell| cell.attribute == number);
        if cell.is_none_or(|cell| cell.bytes.is_empty() && cell.tag.kind() != Tag::INTEGER) {
            let name = name(number);
            return Err(format!("it has no value of {name}, which is part of its anchor"));
        }
        let mut after = rest;
        if Cell::take(&mut after).is_some_and(|next| next.attribute == number) {
            let name = name(number);
            return Err(format!("it has several values of {name}, which is part of its anchor"));
        }
    }
    Ok(bytes.len() - rest.len())
}

/// The row of a decoded entry; attributes that the space does not keep are left out.
///
/// Multi-valued references are those of the entry; see [`with_digests`] for those that stay.
pub fn encode(layout: &Layout, entry: &Entry) -> Result<Row, Refused> {
    let refused = |message: String| Refused {
        place: entry.id().to_string(),
        error: ecma_plugin_sdk::Error::internal(message),
    };
    let Some(number) = layout.number(&entry.id().object_type) else {
        return Err(refused("entries of this object type are not kept".to_owned()));
    };
    let ours = &layout.types[number as usize];
    let mut row = Row::default();
    let bytes = &mut row.bytes;
    put_varint(bytes, number);
    for (at, kept) in ours.kept.iter().enumerate() {
        let flags = if at < ours.anchors { Tag(0).anchor() } else { Tag(0) };
        let anchor = entry.id().anchor.get(&kept.attribute.name);
        let values = match anchor {
            Some(value) if at < ours.anchors => std::slice::from_ref(value),
            _ => entry.get(&kept.attribute.name),
        };
        let mut digest = Digest::default();
        for value in values {
            let from = bytes.len();
            match (kept.tag.kind(), value) {
                (Tag::TEXT | Tag::REFERENCE, Value::Text(text) | Value::Reference(text)) => {
                    let text = text.as_bytes();
                    if kept.linked {
                        let text = link(ours, at as u32, text);
                        let cell = Cell { attribute: at as u32, tag: kept.tag, bytes: &text };
                        cell.put(&mut row.links);
                        continue;
                    }
                    Cell { attribute: at as u32, tag: kept.tag, bytes: text }.put(bytes);
                }
                _ => put_value(bytes, at as u32, value, flags),
            }
            let cell = Cell::take(&mut &bytes[from..]).expect("a cell just written is whole");
            if cell.tag != kept.tag {
                let name = &kept.attribute.name;
                return Err(refused(format!(
                    "the value of {name} is not of the kind that the schema says"
                )));
            }
        }
        if kept.linked {
            let values = links::values(&row.links, at as u32);
            values.into_iter().for_each(|value| digest.add(value));
            digest.put(at as u32, bytes);
        }
    }
    let key = key_length(bytes, ours).map_err(refused)?;
    if let Some(dn) = &entry.id().dn {
        let cell = Cell { attribute: ours.dn(), tag: Tag::TEXT, bytes: dn.as_str().as_bytes() };
        cell.put(bytes);
    }
    row.key = key;
    Ok(row)
}

/// The bytes of a row with these digests in the place of its own, one for each attribute whose
/// values stand beside the row.
pub(super) fn with_digests(
    layout: &Layout,
    bytes: &[u8],
    digest: impl Fn(u32) -> Digest,
) -> Vec<u8> {
    let ours = &layout.types[type_of(bytes) as usize];
    let mut out = Vec::with_capacity(bytes.len() + 32);
    put_varint(&mut out, type_of(bytes));
    let mut linked = ours.linked().peekable();
    for cell in cells(bytes) {
        while let Some(number) = linked.next_if(|number| *number <= cell.attribute) {
            digest(number).put(number, &mut out);
        }
        if !is_linked(ours, cell.attribute) {
            cell.put(&mut out);
        }
    }
    linked.for_each(|number| digest(number).put(number, &mut out));
    out
}

/// What a row says of the values beside it.
pub(super) fn digest(bytes: &[u8], number: u32) -> Digest {
    values(bytes, number).next().map(|cell| Digest::of(&cell)).unwrap_or_default()
}

fn is_linked(ours: &TypeLayout, number: u32) -> bool {
    ours.kept.get(number as usize).is_some_and(|kept| kept.linked)
}

/// The number of the object type of a row.
#[must_use]
pub fn type_of(bytes: &[u8]) -> u32 {
    take_varint(&mut &*bytes).unwrap_or_default()
}

/// The cells of a row, in the order of their numbers.
pub fn cells(bytes: &[u8]) -> impl Iterator<Item = Cell<'_>> {
    let mut rest = bytes;
    let _ = take_varint(&mut rest);
    std::iter::from_fn(move || Cell::take(&mut rest))
}

/// The bytes of a row from the first cell on whose number is not below this one.
pub(super) fn from(bytes: &[u8], number: u32) -> &[u8] {
    let mut rest = bytes;
    let _ = take_varint(&mut rest);
    loop {
        let mut next = rest;
        match Cell::take(&mut next) {
            Some(cell) if cell.attribute < number => rest = next,
            _ => return rest,
        }
    }
}

/// The values of one attribute of a row.
pub fn values(bytes: &[u8], number: u32) -> impl Iterator<Item = Cell<'_>> {
    cells(bytes)
        .skip_while(move |cell| cell.attribute < number)
        .take_while(move |cell| cell.attribute == number)
}

/// Type and anchor of a row.
#[must_use]
pub fn key<'a>(layout: &Layout, bytes: &'a [u8]) -> &'a [u8] {
    let ours = &layout.types[type_of(bytes) as usize];
    &bytes[..key_length(bytes, ours).unwrap_or(bytes.len())]
}

/// The row as an entry, without the values beside it.
#[must_use]
pub fn decode(layout: &Layout, bytes: &[u8]) -> Entry {
    let ours = &layout.types[type_of(bytes) as usize];
    let mut entry = Entry::new(ours.name.as_str());
    let mut name = "";
    let mut gathered: Vec<Value> = Vec::new();
    for cell in cells(bytes) {
        if cell.attribute == ours.dn() {
            entry.id_mut().dn = cell.text().map(Dn::new);
            continue;
        }
        if is_linked(ours, cell.attribute) {
            continue;
        }
        let Some(value) = cell.value() else { continue };
        let known = &ours.kept[cell.attribute as usize].attribute.name;
        if (cell.attribute as usize) < ours.anchors {
            entry.id_mut().anchor.set(known.as_str(), value);
            continue;
        }
        if known != name {
            if !gathered.is_empty() {
                entry.put(name, std::mem::take(&mut gathered));
            }
            name = known;
        }
        gathered.push(value);
    }
    if !gathered.is_empty() {
        entry.put(name, gathered);
    }
    entry
}

/// What tells the entry of a row from others; type and anchor of a row are enough.
#[must_use]
pub fn decode_id(layout: &Layout, bytes: &[u8]) -> EntryId {
    let ours = &layout.types[type_of(bytes) as usize];
    let mut anchor = Anchor::default();
    for (cell, kept) in cells(bytes).zip(&ours.kept[..ours.anchors]) {
        if let Some(value) = cell.value() {
            anchor.set(kept.attribute.name.as_str(), value);
        }
    }
    EntryId { object_type: ours.name.clone(), anchor, dn: None }
}

/// The row as an entry, with the values beside it.
pub(super) fn decode_whole<'v>(
    layout: &Layout,
    bytes: &[u8],
    links: impl Fn(u32) -> Vec<&'v [u8]>,
) -> Entry {
    let mut entry = decode(layout, bytes);
    let ours = &layout.types[type_of(bytes) as usize];
    for number in ours.linked() {
        let kept = &ours.kept[number as usize];
        let values = links(number).into_iter().map(|value| linked_value(kept, value));
        entry.put(kept.attribute.name.as_str(), values.collect());
    }
    entry
}

/// A value that stands beside the row, as the target has it.
#[must_use]
pub fn linked_value(kept: &Kept, value: &[u8]) -> Value {
    let text = String::from_utf8_lossy(value).into_owned();
    match kept.tag.kind() {
        Tag::REFERENCE => Value::Reference(text),
        _ => Value::Text(text),
    }
}

/// A number for the content of a row: XXH3 of 64 bits without a seed, the same on every host.
#[must_use]
pub fn version(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}
