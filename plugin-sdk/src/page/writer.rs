//! Writing pages, in the plugin.

use super::{Cell, HEADER, RecordKind, Tag, VERSION, cell::put_integer, put_value, put_varint};
use crate::{AttributeChange, Change, Dn, Entry, EntryId, Error};
use std::ops::Range;

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
