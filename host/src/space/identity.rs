//! Anchor ⇄ SCIM id.
//!
//! An id is the object type and the values of the anchor, joined by `.`: `person.100001`. Letters,
//! digits and `-` stand for themselves; every other byte is `_` and two hexadecimal digits. So an
//! id is safe in a URL, can be read back, and is the same after every restart and on every host.

use super::{
    layout::{Kept, Layout},
    row,
};
use ecma_plugin_sdk::{
    Value,
    page::{Cell, Tag, put_value, put_varint},
};
use std::fmt::{self, Write};

/// The id of a SCIM resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceId(String);

impl ResourceId {
    /// An id as a client wrote it.
    pub fn new(text: impl Into<String>) -> ResourceId {
        ResourceId(text.into())
    }

    /// The id of the entry of this row.
    #[must_use]
    pub fn of(layout: &Layout, bytes: &[u8]) -> ResourceId {
        let kind = &layout.types[row::type_of(bytes) as usize];
        let mut id = String::with_capacity(kind.name.len() + 16);
        escape(&mut id, kind.name.as_bytes());
        for cell in row::cells(bytes).take(kind.anchors) {
            id.push('.');
            append(&mut id, &cell);
        }
        ResourceId(id)
    }

    /// The id as it stands in a URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn append(id: &mut String, cell: &Cell<'_>) {
    let written = match cell.tag.kind() {
        Tag::INTEGER => write!(id, "{}", cell.integer().unwrap_or_default()),
        Tag::BOOLEAN => write!(id, "{}", cell.boolean().unwrap_or_default()),
        Tag::BINARY => cell.bytes.iter().try_for_each(|byte| write!(id, "{byte:02x}")),
        _ => {
            escape(id, cell.bytes);
            Ok(())
        }
    };
    written.expect("writing to a string does not fail");
}

fn escape(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => out.push(char::from(*byte)),
            _ => write!(out, "_{byte:02x}").expect("writing to a string does not fail"),
        }
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'_' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => bytes.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

/// Type and anchor as a row begins with them; `None` for a text that is no id of this space.
#[must_use]
pub fn key(layout: &Layout, id: &ResourceId) -> Option<Vec<u8>> {
    let mut parts = id.0.split('.');
    let number = layout.number(&unescape(parts.next()?)?)?;
    let kind = &layout.types[number as usize];
    let mut key = Vec::with_capacity(id.0.len() + 8);
    put_varint(&mut key, number);
    for (at, kept) in kind.kept[..kind.anchors].iter().enumerate() {
        let value = value(kept, parts.next()?)?;
        put_value(&mut key, at as u32, &value, Tag(0).anchor());
    }
    // Only one text stands for an anchor: `007` is not another name of 7.
    (parts.next().is_none() && ResourceId::of(layout, &key) == *id).then_some(key)
}

/// Type and anchor as a row begins with them, of the anchor's values as [`Value`]'s text.
#[must_use]
pub fn key_of_texts(layout: &Layout, number: u32, texts: &[impl AsRef<str>]) -> Option<Vec<u8>> {
    let kind = &layout.types[number as usize];
    if texts.len() != kind.anchors {
        return None;
    }
    let mut key = Vec::new();
    put_varint(&mut key, number);
    for (at, (kept, text)) in kind.kept.iter().zip(texts).enumerate() {
        let text = text.as_ref();
        let value = match kept.tag.kind() {
            Tag::TEXT | Tag::REFERENCE if text.is_empty() => return None,
            Tag::TEXT => Value::Text(text.to_owned()),
            Tag::REFERENCE => Value::Reference(text.to_owned()),
            _ => value(kept, text)?,
        };
        put_value(&mut key, at as u32, &value, Tag(0).anchor());
    }
    Some(key)
}

fn value(kept: &Kept, part: &str) -> Option<Value> {
    if part.is_empty() {
        return None;
    }
    Some(match kept.tag.kind() {
        Tag::INTEGER => Value::Integer(part.parse().ok()?),
        Tag::BOOLEAN => Value::Boolean(part.parse().ok()?),
        Tag::BINARY => {
            let digits = part.as_bytes().chunks(2).map(|pair| {
                std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
            });
            Value::Binary(digits.collect::<Option<Vec<u8>>>()?)
        }
        Tag::REFERENCE => Value::Reference(unescape(part)?),
        _ => Value::Text(unescape(part)?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::layout::Keeping;
    use super::*;
    use ecma_plugin_sdk::{Attribute, AttributeType, Entry};
    use proptest::prelude::*;

    fn layout() -> Layout {
        let mut layout = Layout::default();
        let plain = |_: &Attribute| Keeping::default();
        let name = Attribute::new("name", AttributeType::Text);
        let number = Attribute::new("number", AttributeType::Integer);
        let guid = Attribute::new("guid", AttributeType::Binary);
        layout.add("user", std::slice::from_ref(&name), &[], plain);
        layout.add("seat in room", &[number, name], &[], plain);
        layout.add("thing", &[guid], &[], plain);
        layout
    }

    fn check(entry: &Entry, expected: &str) {
        let layout = layout();
        let row = row::encode(&layout, entry).unwrap();
        let id = ResourceId::of(&layout, &row.bytes);
        assert_eq!(id.as_str(), expected);
        assert_eq!(key(&layout, &id).as_deref(), Some(row.key()), "{expected} is read back");
    }

    #[test]
    fn ids_are_url_safe_and_reversible() {
        check(&Entry::new("user").anchor("name", "ada-1"), "user.ada-1");
        check(&Entry::new("user").anchor("name", "a.b_c/é"), "user.a_2eb_5fc_2f_c3_a9");
        let seat = Entry::new("seat in room").anchor("number", -7).anchor("name", "x y");
        check(&seat, "seat_20in_20room.-7.x_20y");
        check(&Entry::new("thing").anchor("guid", vec![0, 255]), "thing.00ff");
    }

    #[test]
    fn other_texts_are_no_ids() {
        let texts = [
            "",
            "user",
            "user.",
            "user.a.b",
            "User.a",
            "user.a b",
            "user._zz",
            "user._e9",
            "x.1",
            "seat_20in_20room.07.a",
            "thing.0",
            "thing.0F",
            "user._61",
        ];
        for text in texts {
            assert_eq!(key(&layout(), &ResourceId::new(text)), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_anchor_survives(number in any::<i64>(), name in "\\PC{1,20}") {
            let layout = layout();
            let entry = Entry::new("seat in room").anchor("number", number).anchor("name", name);
            let row = row::encode(&layout, &entry).unwrap();
            let id = ResourceId::of(&layout, &row.bytes);
            let key = key(&layout, &id);
            prop_assert_eq!(key.as_deref(), Some(row.key()));
        }

        #[test]
        fn no_text_is_too_strange(text in any::<String>()) {
            let _ = key(&layout(), &ResourceId::new(text));
        }
    }
}
