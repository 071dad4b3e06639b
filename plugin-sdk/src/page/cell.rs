//! Cells: values as bytes, each with the number of its attribute and a tag.

use crate::Value;

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
    pub(super) const ANCHOR: u8 = 0x08;
    pub(super) const OPERATION: u8 = 0x30;
    pub(super) const ADD: u8 = 0x10;
    pub(super) const REMOVE: u8 = 0x20;
    pub(super) const CLEAR: u8 = 0x30;

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

    pub(super) fn operation(self) -> u8 {
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

/// Appends the cell of a whole number.
pub(super) fn put_integer(out: &mut Vec<u8>, attribute: u32, number: i64, flags: Tag) {
    let zigzag = ((number << 1) ^ (number >> 63)) as u64;
    let wide = zigzag.to_le_bytes();
    let used = 8 - zigzag.leading_zeros() as usize / 8;
    Cell { attribute, tag: Tag(Tag::INTEGER.0 | flags.0), bytes: &wide[..used] }.put(out);
}
