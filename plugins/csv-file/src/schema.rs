//! The columns of the file: names, types, which make the anchor; values out of cells and back.

use crate::{
    file::{Cells, Reader, resolve},
    generate::Generate,
    rows::Rows,
    settings::Settings,
};
use ecma_plugin_sdk::{
    Anchor, Attribute, AttributeType, Entry, EntryId, Error, ErrorKind, ObjectType, Result, Schema,
    Value,
};
use std::{collections::BTreeSet, fs::File};

/// More object types than this are no object types.
const TYPES: usize = 1000;

/// A column that is an attribute.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: AttributeType,
    pub(crate) anchor: bool,
    /// Whether a new row may come without it.
    pub(crate) generated: bool,
    pub(crate) required: bool,
    pub(crate) unique: bool,
    /// Between its values, when it can have several.
    pub(crate) separator: Option<char>,
}

/// The columns in the order of the file; those without a name, and the one of the object type, are
/// no attributes.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Option<Column>>,
    pub(crate) anchors: Vec<usize>,
    pub(crate) type_column: Option<usize>,
    pub(crate) object_type: String,
}

impl Table {
    /// The columns of these names.
    pub(crate) fn new(settings: &Settings, names: &[String]) -> Result<Table> {
        for (at, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..at].contains(name) {
                return Err(Error::config(format!("two columns have the name \"{name}\"")));
            }
        }
        let problems = settings.unknown(names);
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let kind = |name: &String| match name {
            name if settings.integer.contains(name) => AttributeType::Integer,
            name if settings.boolean.contains(name) => AttributeType::Boolean,
            name if settings.references.contains(name) => AttributeType::Reference,
            _ => AttributeType::Text,
        };
        let type_column = settings.object_type_column.as_ref();
        let column = |name: &String| {
            if name.is_empty() || Some(name) == type_column {
                return None;
            }
            let anchor = settings.anchor.contains(name);
            let several = settings.multi_valued.contains(name);
            Some(Column {
                name: name.clone(),
                kind: kind(name),
                anchor,
                generated: anchor && settings.generate != Generate::No,
                required: anchor || settings.required.contains(name),
                unique: settings.unique.contains(name),
                separator: settings.multi_value_separator.filter(|_| several),
            })
        };
        let columns: Vec<Option<Column>> = names.iter().map(column).collect();
        let anchors = (0..columns.len())
            .filter(|at| columns[*at].as_ref().is_some_and(|column| column.anchor))
            .collect();
        let type_column = type_column.and_then(|kind| names.iter().position(|name| name == kind));
        Ok(Table { columns, anchors, type_column, object_type: settings.object_type.clone() })
    }

    /// The attributes with their places.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter_map(|(at, column)| Some((at, column.as_ref()?)))
    }

    /// The name of the first column of the anchor.
    pub(crate) fn anchor_name(&self) -> &str {
        let mut columns = self.attributes().filter(|(_, column)| column.anchor);
        columns.next().map_or("", |(_, column)| column.name.as_str())
    }

    fn object_type(&self, name: &str) -> ObjectType {
        let only_anchor = self.anchors.len() == 1;
        self.attributes().fold(ObjectType::new(name), |kind, (_, column)| {
            let mut attribute = Attribute::new(&column.name, column.kind);
            attribute.multi_valued = column.separator.is_some();
            attribute.anchor = column.anchor;
            attribute.generated = column.generated;
            // In a file of one object type a reference can be of that one only.
            if column.kind == AttributeType::Reference && self.type_column.is_none() && only_anchor
            {
                attribute.refers_to = vec![name.to_owned()];
            }
            attribute.required = column.required && !column.generated;
            attribute.unique = column.unique || (column.anchor && only_anchor);
            kind.with(attribute)
        })
    }

    /// An error when the row has more or fewer values than there are columns.
    pub(crate) fn fits(&self, rows: &Rows<File>) -> Result<()> {
        if rows.len() == self.columns.len() {
            return Ok(());
        }
        let text = format!("the row has {} values, not {}", rows.len(), self.columns.len());
        Err(Error::new(ErrorKind::Invalid, text))
    }

    /// Writes what tells the row from others, object type and anchor, as bytes into `key`.
    pub(crate) fn key(
        &self,
        rows: &Rows<File>,
        cells: &mut Cells,
        key: &mut Vec<u8>,
    ) -> Result<()> {
        key.clear();
        let kind = match self.type_column {
            None => "",
            Some(at) => cells.text(rows, at).ok_or_else(|| {
                Error::new(ErrorKind::Invalid, "the object type is not in the encoding of the file")
            })?,
        };
        put_part(key, if kind.is_empty() { &self.object_type } else { kind });
        for at in &self.anchors {
            let Some(column) = &self.columns[*at] else { continue };
            let text = cells.text(rows, *at).ok_or_else(|| column.undecodable())?;
            column.put_key(text, key)?;
        }
        Ok(())
    }

    /// The same bytes for an id; `None` when no row can have it.
    pub(crate) fn key_of(&self, id: &EntryId) -> Option<Vec<u8>> {
        if self.type_column.is_none() && id.object_type != self.object_type {
            return None;
        }
        let mut key = Vec::new();
        put_part(&mut key, &id.object_type);
        for at in &self.anchors {
            let column = self.columns[*at].as_ref()?;
            let value = id.anchor.get(&column.name)?;
            column.put_key(&value.to_string(), &mut key).ok()?;
        }
        Some(key)
    }

    /// The id that such bytes came from.
    pub(crate) fn id(&self, mut key: &[u8]) -> Option<EntryId> {
        let object_type = take_part(&mut key)?.to_owned();
        let mut anchor = Anchor::default();
        for at in &self.anchors {
            let column = self.columns[*at].as_ref()?;
            anchor.set(&column.name, column.value(take_part(&mut key)?).ok()?);
        }
        Some(EntryId { object_type, anchor, dn: None })
    }

    /// The whole entry of a row, whose key is known.
    pub(crate) fn entry(&self, rows: &Rows<File>, cells: &mut Cells, key: &[u8]) -> Result<Entry> {
        let id = self.id(key).ok_or_else(|| Error::internal("a key does not fit the columns"))?;
        let mut entry = Entry::with_id(id);
        for (at, column) in self.attributes().filter(|(_, column)| !column.anchor) {
            let text = cells.text(rows, at).ok_or_else(|| column.undecodable())?;
            entry.put(&column.name, column.values(text)?);
        }
        Ok(entry)
    }
}

/// The object type of such bytes.
pub(crate) fn object_type(mut key: &[u8]) -> Option<&str> {
    take_part(&mut key)
}

fn put_part(key: &mut Vec<u8>, text: &str) {
    key.extend_from_slice(&(text.len() as u32).to_le_bytes());
    key.extend_from_slice(text.as_bytes());
}

fn take_part<'a>(key: &mut &'a [u8]) -> Option<&'a str> {
    let (length, rest) = key.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *key = rest;
    std::str::from_utf8(text).ok()
}

impl Column {
    /// The parts of a cell that are values.
    pub(crate) fn parts<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let (several, one) = match self.separator {
            Some(separator) => (Some(text.split(separator)), None),
            None => (None, Some(text)),
        };
        several.into_iter().flatten().chain(one).filter(|part| !part.is_empty())
    }

    /// The values of a cell.
    pub(crate) fn values(&self, text: &str) -> Result<Vec<Value>> {
        self.parts(text).map(|part| self.value(part)).collect()
    }

    /// The value of a text.
    pub(crate) fn value(&self, text: &str) -> Result<Value> {
        Ok(match self.kind {
            AttributeType::Integer => Value::Integer(self.integer(text)?),
            AttributeType::Boolean => Value::Boolean(self.boolean(text)?),
            AttributeType::Reference => Value::Reference(text.to_owned()),
            _ => Value::Text(text.to_owned()),
        })
    }

    pub(crate) fn integer(&self, text: &str) -> Result<i64> {
        text.trim().parse().map_err(|_| Error::invalid(&self.name, "is not a whole number"))
    }

    pub(crate) fn boolean(&self, text: &str) -> Result<bool> {
        let spelled = SPELLINGS.iter().find_map(|(yes, no)| {
            let text = text.trim();
            let yes = text.eq_ignore_ascii_case(yes);
            (yes || text.eq_ignore_ascii_case(no)).then_some(yes)
        });
        spelled.ok_or_else(|| Error::invalid(&self.name, "is neither true nor false"))
    }

    pub(crate) fn undecodable(&self) -> Error {
        Error::invalid(&self.name, "has bytes that are no text in the encoding of the file")
    }

    /// Appends an anchor's value in the one form it has for all spellings.
    fn put_key(&self, text: &str, key: &mut Vec<u8>) -> Result<()> {
        if text.is_empty() {
            return Err(Error::invalid(&self.name, "is empty, but it is part of the anchor"));
        }
        match self.kind {
            AttributeType::Integer => put_part(key, &self.integer(text)?.to_string()),
            AttributeType::Boolean => put_part(key, &self.boolean(text)?.to_string()),
            _ => put_part(key, text),
        }
        Ok(())
    }
}

/// How people write true and false.
const SPELLINGS: [(&str, &str); 4] = [("true", "false"), ("1", "0"), ("yes", "no"), ("on", "off")];

/// Writes a truth as the column does: `sample` is a cell of it.
pub(crate) fn spell(truth: bool, sample: &str) -> String {
    let pair = SPELLINGS
        .iter()
        .find(|(yes, no)| sample.eq_ignore_ascii_case(yes) || sample.eq_ignore_ascii_case(no))
        .unwrap_or(&SPELLINGS[0]);
    let word = if truth { pair.0 } else { pair.1 };
    let mut letters = sample.chars().map(|c| c.is_uppercase());
    match (letters.next(), letters.next()) {
        (Some(true), Some(true)) => word.to_uppercase(),
        (Some(true), _) => {
            word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect()
        }
        _ => word.to_owned(),
    }
}

/// The schema: one object type, or those that the column names.
pub(crate) fn schema(settings: &Settings) -> Result<Schema> {
    let mut reader = Reader::open(settings, &resolve(settings)?)?;
    let mut types = BTreeSet::new();
    if let Some(at) = reader.table.type_column {
        let mut cells = Cells::new(reader.codec);
        while reader.advance()? {
            if reader.rows.len() != reader.table.columns.len() {
                continue;
            }
            let Some(name) = cells.text(&reader.rows, at) else { continue };
            let name = if name.is_empty() { &reader.table.object_type } else { name };
            if !types.contains(name) {
                types.insert(name.to_owned());
            }
            if types.len() > TYPES {
                let text = format!("object_type_column names a column of more than {TYPES} types");
                return Err(Error::config(text));
            }
        }
    }
    if types.is_empty() {
        types.insert(settings.object_type.clone());
    }
    Ok(Schema::new(types.iter().map(|name| reader.table.object_type(name))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecma_plugin_sdk::{Config, Values};

    fn settings(more: &[(&str, &str)]) -> Settings {
        let mut values = Values::new([("file", "x"), ("anchor", "id")]);
        more.iter().for_each(|(name, answer)| values.set(*name, *answer));
        Settings::read(&values).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn columns_that_do_not_fit_are_told() {
        for (more, columns, expected) in [
            (&[][..], &["name"][..], "anchor names \"id\""),
            (&[], &["id", "name", "name"], "two columns have the name \"name\""),
            (&[("integer", "age")], &["id", "name"], "integer names \"age\""),
            (&[("object_type_column", "id")], &["id"], "the column of the object type"),
        ] {
            let error = Table::new(&settings(more), &names(columns)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains(expected), "{error}");
        }
    }

    #[test]
    fn keys_come_back_as_ids_in_one_form() {
        let settings = settings(&[("anchor", "n,id"), ("integer", "n")]);
        let table = Table::new(&settings, &names(&["id", "", "n"])).unwrap();
        let id = |n: Value| EntryId {
            object_type: "person".to_owned(),
            anchor: Anchor::new([("id", Value::from("a")), ("n", n)]),
            dn: None,
        };
        let key = table.key_of(&id(Value::Integer(7))).unwrap();
        assert_eq!(table.key_of(&id(Value::from("007"))).unwrap(), key);
        assert_eq!(table.id(&key), Some(id(Value::Integer(7))));
        assert_eq!(table.key_of(&id(Value::from("x"))), None);
        assert_eq!(
            table.key_of(&EntryId { object_type: "group".to_owned(), ..id(7.into()) }),
            None
        );
    }

    #[test]
    fn truth_is_spelled_as_the_column_does() {
        for (sample, yes, no) in [
            ("", "true", "false"),
            ("TRUE", "TRUE", "FALSE"),
            ("False", "True", "False"),
            ("0", "1", "0"),
            ("Yes", "Yes", "No"),
            ("on", "on", "off"),
            ("maybe", "true", "false"),
        ] {
            assert_eq!((spell(true, sample), spell(false, sample)), (yes.into(), no.into()));
        }
    }
}
