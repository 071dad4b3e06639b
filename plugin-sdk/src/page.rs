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

use crate::{Anchor, AttributeChange, Change, Dn, Entry, EntryId, Error, Result, Update, Value};
use std::ops::Range;

const VERSION: u8 = 1;
/// Bytes before the first record.
const HEADER: usize = 5;

/// The kind of value in a cell, and what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag(pub u8);

impl Tag {
    /// UTF-8.
    pub const TEXT: Tag = Tag(0);
    /// Zigzag, little-endian, without leading zero bytes.
    pub const INTEGER: Tag = Tag(1);
    /// One byte, 0 or 1.
    pub const BOOLEAN: Tag = Tag(2);
    /// Bytes as they are.
    pub const BINARY: Tag = Tag(3);
    /// UTF-8, another entry.
    pub const REFERENCE: Tag = Tag(4);
    const ANCHOR: u8 = 0x08;
    const OPERATION: u8 = 0x30;
    const ADD: u8 = 0x10;
    const REMOVE: u8 = 0x20;
    const CLEAR: u8 = 0x30;

    /// The same tag for a part of the anchor.
    #[inline]
    #[must_use]
    pub fn anchor(self) -> Tag {
        Tag(self.0 | Tag::ANCHOR)
    }

    /// Whether the cell is part of the anchor.
    #[must_use]
    pub fn is_anchor(self) -> bool {
        self.0 & Tag::ANCHOR != 0
    }

    /// The kind of value only.
    #[inline]
    #[must_use]
    pub fn kind(self) -> Tag {
        Tag(self.0 & 0x07)
    }

    fn operation(self) -> u8 {
        self.0 & Tag::OPERATION
    }
}

/// Appends a LEB128 number.
pub fn put_varint(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a LEB128 number from the front.
#[inline]
#[must_use]
pub fn take_varint(bytes: &mut &[u8]) -> Option<u32> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        *bytes = rest;
        return Some(u32::from(first));
    }
    take_long_varint(first, rest, bytes)
}

/// The number that has further bytes behind its first.
fn take_long_varint<'a>(first: u8, mut rest: &'a [u8], bytes: &mut &'a [u8]) -> Option<u32> {
    let mut number = u32::from(first & 0x7f);
    for shift in [7, 14, 21, 28] {
        let (&byte, tail) = rest.split_first()?;
        rest = tail;
        if shift == 28 && byte > 0x0f {
            return None;
        }
        number |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            *bytes = rest;
            return Some(number);
        }
    }
    None
}

/// One value in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Number of the attribute, in the page's table or the space's.
    pub attribute: u32,
    /// Kind and operation.
    pub tag: Tag,
    /// The value.
    pub bytes: &'a [u8],
}

impl<'a> Cell<'a> {
    /// Takes a cell from the front; `None` when there is none left or the bytes are damaged.
    #[inline]
    #[must_use]
    pub fn take(bytes: &mut &'a [u8]) -> Option<Cell<'a>> {
        let mut rest = *bytes;
        let attribute = take_varint(&mut rest)?;
        let (&tag, mut rest) = rest.split_first()?;
        let length = take_varint(&mut rest)? as usize;
        let (value, rest) = rest.split_at_checked(length)?;
        *bytes = rest;
        Some(Cell { attribute, tag: Tag(tag), bytes: value })
    }

    /// Appends the cell.
    #[inline]
    pub fn put(self, out: &mut Vec<u8>) {
        let length = self.bytes.len();
        if self.attribute < 0x80 && length < 0x80 {
            out.reserve(3 + length);
            out.extend_from_slice(&[self.attribute as u8, self.tag.0, length as u8]);
        } else {
            put_varint(out, self.attribute);
            out.push(self.tag.0);
            put_varint(out, length as u32);
        }
        out.extend_from_slice(self.bytes);
    }

    /// The text of a text or reference cell.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        match self.tag.kind() {
            Tag::TEXT | Tag::REFERENCE => std::str::from_utf8(self.bytes).ok(),
            _ => None,
        }
    }

    /// The value; `None` when the bytes do not fit the kind.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        Some(match self.tag.kind() {
            Tag::TEXT => Value::Text(self.text()?.to_owned()),
            Tag::REFERENCE => Value::Reference(self.text()?.to_owned()),
            Tag::INTEGER => Value::Integer(self.integer()?),
            Tag::BOOLEAN => Value::Boolean(self.boolean()?),
            Tag::BINARY => Value::Binary(self.bytes.to_vec()),
            _ => return None,
        })
    }

    /// The number of an integer cell.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        if self.tag.kind() != Tag::INTEGER || self.bytes.len() > 8 {
            return None;
        }
        let mut wide = [0; 8];
        wide[..self.bytes.len()].copy_from_slice(self.bytes);
        let zigzag = u64::from_le_bytes(wide);
        Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// The truth of a boolean cell.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match (self.tag.kind(), self.bytes) {
            (Tag::BOOLEAN, [0]) => Some(false),
            (Tag::BOOLEAN, [1]) => Some(true),
            _ => None,
        }
    }

    /// Whether the bytes fit the kind.
    #[inline]
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match self.tag.kind() {
            // Most values are short and ASCII, which is sooner told.
            Tag::TEXT | Tag::REFERENCE => {
                self.bytes.is_ascii() || std::str::from_utf8(self.bytes).is_ok()
            }
            Tag::INTEGER => self.integer().is_some(),
            Tag::BOOLEAN => self.boolean().is_some(),
            Tag::BINARY => true,
            _ => false,
        }
    }
}

/// Appends the cell of a value.
pub fn put_value(out: &mut Vec<u8>, attribute: u32, value: &Value, flags: Tag) {
    let cell = |tag: Tag, bytes| Cell { attribute, tag: Tag(tag.0 | flags.0), bytes };
    match value {
        Value::Text(text) => cell(Tag::TEXT, text.as_bytes()).put(out),
        Value::Reference(text) => cell(Tag::REFERENCE, text.as_bytes()).put(out),
        Value::Boolean(truth) => cell(Tag::BOOLEAN, &[u8::from(*truth)]).put(out),
        Value::Binary(bytes) => cell(Tag::BINARY, bytes).put(out),
        Value::Integer(number) => put_integer(out, attribute, *number, flags),
    }
}

fn put_integer(out: &mut Vec<u8>, attribute: u32, number: i64, flags: Tag) {
    let zigzag = ((number << 1) ^ (number >> 63)) as u64;
    let wide = zigzag.to_le_bytes();
    let used = 8 - zigzag.leading_zeros() as usize / 8;
    Cell { attribute, tag: Tag(Tag::INTEGER.0 | flags.0), bytes: &wide[..used] }.put(out);
}

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

/// Columns of rows that a connector writes straight into the page, without an [`Entry`] in between.
#[derive(Debug, Clone)]
struct Layout {
    object_type: String,
    columns: Vec<(String, bool)>,
    /// Numbers in the page being written, valid for that page only.
    page: u64,
    type_number: u32,
    /// By column: its number, and the flags of its cells.
    numbers: Vec<(u32, Tag)>,
}

/// Names a set of columns given to [`PageWriter::layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutId(usize);

/// Writes one page after the other.
#[derive(Debug, Default)]
pub struct PageWriter {
    bytes: Vec<u8>,
    names: Vec<String>,
    layouts: Vec<Layout>,
    serial: u64,
    records: usize,
    /// Where the record being written begins.
    open: usize,
}

impl PageWriter {
    /// Records written into the current page.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records
    }

    /// Bytes of the current page so far.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Declares columns for rows: names, and which are part of the anchor.
    pub fn layout(
        &mut self,
        object_type: impl Into<String>,
        columns: impl IntoIterator<Item = (String, bool)>,
    ) -> LayoutId {
        self.layouts.push(Layout {
            object_type: object_type.into(),
            columns: columns.into_iter().collect(),
            page: u64::MAX,
            type_number: 0,
            numbers: Vec::new(),
        });
        LayoutId(self.layouts.len() - 1)
    }

    /// Begins a row of these columns.
    pub fn begin_row(&mut self, layout: LayoutId) {
        if self.layouts[layout.0].page != self.serial {
            self.number_columns(layout);
        }
        let type_number = self.layouts[layout.0].type_number;
        self.begin(RecordKind::Add);
        put_varint(&mut self.bytes, type_number);
        self.bytes.push(0);
    }

    fn number_columns(&mut self, layout: LayoutId) {
        let mut now = self.layouts[layout.0].clone();
        now.type_number = self.number(&now.object_type);
        let flags = |anchor| if anchor { Tag(Tag::ANCHOR) } else { Tag(0) };
        let columns = now.columns.iter();
        now.numbers = columns.map(|(name, anchor)| (self.number(name), flags(*anchor))).collect();
        now.page = self.serial;
        self.layouts[layout.0] = now;
    }

    /// Writes a value of a column: text, reference or binary.
    #[inline]
    pub fn cell(&mut self, layout: LayoutId, column: usize, tag: Tag, bytes: &[u8]) {
        let (attribute, flags) = self.layouts[layout.0].numbers[column];
        Cell { attribute, tag: Tag(tag.0 | flags.0), bytes }.put(&mut self.bytes);
    }

    /// Writes a text of a column that is a part of a longer one; an empty part is no value.
    ///
    /// # Panics
    ///
    /// When there is no such part.
    #[inline]
    pub fn part(&mut self, layout: LayoutId, column: usize, whole: &str, span: Range<usize>) {
        // Not longer than this are most texts. To copy that much and to cut it off takes less time
        // than to copy a length, or none, that the processor cannot foresee.
        const SHORT: usize = 64;
        let (attribute, tag) = self.layouts[layout.0].numbers[column];
        let out = &mut self.bytes;
        let text = &whole[span.clone()];
        match whole.as_bytes()[span.start..].first_chunk::<SHORT>() {
            Some(chunk) if text.len() <= SHORT && attribute < 0x80 => {
                out.reserve(3 + SHORT);
                let start = out.len();
                out.extend_from_slice(&[attribute as u8, tag.0, text.len() as u8]);
                out.extend_from_slice(chunk);
                let length = if text.is_empty() { 0 } else { 3 + text.len() };
                out.truncate(start + length);
            }
            _ if text.is_empty() => {}
            _ => Cell { attribute, tag, bytes: text.as_bytes() }.put(out),
        }
    }

    /// Writes a whole number of a column.
    pub fn integer_cell(&mut self, layout: LayoutId, column: usize, number: i64) {
        let (attribute, flags) = self.layouts[layout.0].numbers[column];
        put_integer(&mut self.bytes, attribute, number, flags);
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        self.end();
    }

    /// Forgets the row begun last.
    pub fn abandon_row(&mut self) {
        self.bytes.truncate(self.open);
    }

    /// Writes a change.
    pub fn change(&mut self, change: &Change) {
        match change {
            Change::Add(entry) => self.entry(RecordKind::Add, entry),
            Change::Replace(entry) => self.entry(RecordKind::Replace, entry),
            Change::Delete { id } => {
                self.begin(RecordKind::Delete);
                self.id(id, None);
                self.end();
            }
            Change::Update(update) => {
                self.begin(RecordKind::Update);
                self.id(&update.id, update.new_dn.as_ref());
                for (name, change) in &update.attributes {
                    let number = self.number(name);
                    self.attribute_change(number, change);
                }
                self.end();
            }
        }
    }

    /// Writes that an entry could not be read, and where it stands: `line 7`.
    pub fn refused(&mut self, place: &str, error: &Error) {
        self.begin(RecordKind::Refused);
        self.text(place);
        self.bytes.extend_from_slice(&crate::words::encode(error));
        self.end();
    }

    /// The finished page, when it has any records; the writer begins the next one.
    pub fn finish(&mut self) -> Option<&[u8]> {
        if self.records == 0 {
            return None;
        }
        let records = (self.bytes.len() - HEADER) as u32;
        self.bytes[1..HEADER].copy_from_slice(&records.to_le_bytes());
        self.bytes.extend_from_slice(&(self.names.len() as u32).to_le_bytes());
        for name in &self.names {
            self.bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(name.as_bytes());
        }
        Some(&self.bytes)
    }

    /// Begins the next page, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.names.clear();
        self.records = 0;
        self.serial += 1;
    }

    fn entry(&mut self, kind: RecordKind, entry: &Entry) {
        self.begin(kind);
        self.id(entry.id(), None);
        for (name, values) in entry.attributes() {
            if entry.id().anchor.get(name).is_some() {
                continue;
            }
            let number = self.number(name);
            for value in values {
                put_value(&mut self.bytes, number, value, Tag(0));
            }
        }
        self.end();
    }

    fn attribute_change(&mut self, number: u32, change: &AttributeChange) {
        let out = &mut self.bytes;
        let clear = Cell { attribute: number, tag: Tag(Tag::CLEAR), bytes: &[] };
        match change {
            AttributeChange::Clear => clear.put(out),
            AttributeChange::Set(values) if values.is_empty() => clear.put(out),
            AttributeChange::Set(values) => {
                values.iter().for_each(|value| put_value(out, number, value, Tag(0)));
            }
            AttributeChange::Modify { added, removed } => {
                removed.iter().for_each(|value| put_value(out, number, value, Tag(Tag::REMOVE)));
                added.iter().for_each(|value| put_value(out, number, value, Tag(Tag::ADD)));
            }
        }
    }

    fn begin(&mut self, kind: RecordKind) {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&[VERSION, 0, 0, 0, 0]);
        }
        self.open = self.bytes.len();
        self.bytes.extend_from_slice(&[kind.byte(), 0, 0, 0, 0]);
    }

    fn end(&mut self) {
        let length = (self.bytes.len() - self.open - 5) as u32;
        self.bytes[self.open + 1..self.open + 5].copy_from_slice(&length.to_le_bytes());
        self.records += 1;
    }

    fn id(&mut self, id: &EntryId, new_dn: Option<&Dn>) {
        let number = self.number(&id.object_type);
        put_varint(&mut self.bytes, number);
        self.bytes.push(u8::from(id.dn.is_some()) | (u8::from(new_dn.is_some()) << 1));
        if let Some(dn) = &id.dn {
            self.text(dn.as_str());
        }
        if let Some(dn) = new_dn {
            self.text(dn.as_str());
        }
        for (name, value) in id.anchor.iter() {
            let number = self.number(name);
            put_value(&mut self.bytes, number, value, Tag(Tag::ANCHOR));
        }
    }

    fn text(&mut self, text: &str) {
        put_varint(&mut self.bytes, text.len() as u32);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, name: &str) -> u32 {
        match self.names.iter().position(|known| known == name) {
            Some(at) => at as u32,
            None => {
                self.names.push(name.to_owned());
                self.names.len() as u32 - 1
            }
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
