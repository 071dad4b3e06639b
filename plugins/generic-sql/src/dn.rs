//! The attribute `-dn-`: a name `CN=<value>,OBJECT=<type>` made of one column, as Microsoft's connector
//! has it; and such names where they are the anchor.
//!
//! Inside, a row is known by its columns. Names are made and taken apart here, where entries come in
//! and go out.

use crate::{
    nearest::instead,
    schema::{Column, Table},
    settings::Settings,
    value,
};
use ecma_plugin_sdk::{
    Anchor, Attribute, AttributeChange, AttributeType, Change, Dn, Entry, EntryId, Error, Problem,
    Result, Update, Value,
};
use std::borrow::Cow;

/// The name of the attribute, also where it is the anchor.
pub(crate) const DN: &str = "-dn-";
const ATTRIBUTES: &str = "dn_attributes";
const IS_ANCHOR: &str = "dn_is_anchor";

/// How the names of an object type are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming {
    /// The column whose value is in the name; of a table whose name is the anchor, the column that
    /// tells its rows apart.
    pub(crate) column: usize,
    pub(crate) is_anchor: bool,
}

/// The object type and the column of an entry of `dn_attributes`.
fn said(entry: &str) -> Option<(&str, &str)> {
    let (object_type, column) = entry.split_once('=')?;
    Some((object_type.trim(), column.trim()))
}

/// The column that `dn_attributes` names for an object type.
pub(crate) fn column<'s>(settings: &'s Settings, object_type: &str) -> Option<&'s str> {
    let mut all = settings.dn_attributes.iter().filter_map(|entry| said(entry));
    all.find(|(known, _)| *known == object_type).map(|(_, column)| column)
}

/// Gives tables their names, and references the form that names have, or says what does not fit.
pub(crate) fn attach(settings: &Settings, tables: &mut [Table], problems: &mut Vec<Problem>) {
    let mut wrong = |parameter: &str, text: String| problems.push(Problem::new(parameter, text));
    let types: Vec<String> = tables.iter().map(|table| table.object_type.clone()).collect();
    for entry in &settings.dn_attributes {
        let known = |one: &&str| types.iter().any(|known| known == one);
        match said(entry).map(|(object_type, _)| object_type) {
            None => wrong(ATTRIBUTES, format!("has \"{entry}\", which is not type = column")),
            Some(one) if !known(&one) => {
                let instead = instead(one, types.iter().map(String::as_str));
                wrong(ATTRIBUTES, format!("names \"{one}\", which is no object type{instead}"));
            }
            Some(_) => {}
        }
    }
    if settings.dn_is_anchor && tables.len() > 1 {
        let text = format!("is for one object type, and there are {}", types.join(", "));
        wrong(IS_ANCHOR, text);
        return;
    }
    let is_anchor = settings.dn_is_anchor;
    for table in tables {
        let name = column(settings, &table.object_type);
        let found = match name {
            Some(name) => {
                table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
            }
            None if !is_anchor => continue,
            None if table.anchors().count() == 1 => table.columns.iter().position(|c| c.anchor),
            None => None,
        };
        let object_type = &table.object_type;
        let Some(at) = found else {
            match name {
                Some(name) => {
                    let known = table.columns.iter().map(|column| column.name.as_str());
                    let instead = instead(name, known);
                    let text = format!("\"{name}\", which is no column of {}", table.name);
                    wrong(ATTRIBUTES, format!("names {text}{instead}"));
                }
                None => {
                    let text =
                        format!("needs one column of {object_type}: name it in dn_attributes");
                    wrong(IS_ANCHOR, text);
                }
            }
            continue;
        };
        let column = &table.columns[at];
        let is_plain = matches!(column.kind, AttributeType::Text | AttributeType::Integer);
        if !is_plain || column.separator.is_some() || !column.readable {
            let text = "which is no column of text or numbers with one value that is read";
            wrong(ATTRIBUTES, format!("names {object_type}.{}, {text}", column.name));
        }
        table.dn = Some(Naming { column: at, is_anchor });
        if is_anchor {
            let children = table.children.iter_mut().map(|child| &mut child.value);
            let all = table.columns.iter_mut().chain(children);
            for column in all.filter(|column| column.refers_to.len() == 1) {
                column.named = Some(object_type.clone());
            }
        }
    }
}

/// The attributes of the columns, with the name among them.
pub(crate) fn attributes(table: &Table) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = table.columns.iter().map(Column::attribute).collect();
    let Some(Naming { column, is_anchor }) = table.dn else { return attributes };
    let mut name = Attribute::new(DN, AttributeType::Text);
    name.unique = true;
    name.case_exact = attributes[column].case_exact;
    name.anchor = is_anchor;
    // It follows from the column, and may stand for it.
    name.generated = is_anchor;
    attributes[column].required = false;
    if is_anchor {
        attributes[column].anchor = false;
    }
    attributes.push(name);
    attributes
}

/// The name of the entry with this value.
pub(crate) fn name(object_type: &str, value: &str) -> String {
    Dn::autogenerated(object_type, &Anchor::new([("", value)])).as_str().to_owned()
}

/// An anchor of columns as the host knows it.
pub(crate) fn outer_anchor(table: &Table, anchor: Anchor) -> Anchor {
    match (table.dn.filter(|naming| naming.is_anchor), anchor.first()) {
        (Some(_), Some(value)) => Anchor::new([(DN, name(&table.object_type, &value.to_string()))]),
        _ => anchor,
    }
}

/// An entry of columns as the host knows it.
pub(crate) fn outer(table: &Table, entry: &mut Entry) {
    let Some(Naming { column, is_anchor }) = table.dn else { return };
    let column = &table.columns[column].name;
    let Some(value) = entry.get(column).first().cloned() else { return };
    let name = name(&table.object_type, &value.to_string());
    if is_anchor {
        entry.id_mut().anchor = Anchor::new([(DN, name)]);
    } else {
        entry.put(DN, vec![Value::Text(name)]);
    }
}

/// The identity by columns; `None` when its name is none of this table.
pub(crate) fn inner_id<'i>(table: &Table, id: &'i EntryId) -> Option<Cow<'i, EntryId>> {
    let naming = table.dn.filter(|naming| naming.is_anchor);
    let Some((naming, name)) = naming.zip(id.anchor.get(DN)) else {
        return Some(Cow::Borrowed(id));
    };
    let value = parse(&name.to_string(), &table.object_type).ok()?;
    let anchor = Anchor::new([(table.columns[naming.column].name.as_str(), value)]);
    Some(Cow::Owned(EntryId { anchor, ..id.clone() }))
}

/// The identity by columns of an entry that has to be there.
pub(crate) fn known_id<'i>(table: &Table, id: &'i EntryId) -> Result<Cow<'i, EntryId>> {
    inner_id(table, id)
        .ok_or_else(|| Error::not_found(format!("table {} has no row {}", table.name, id.anchor)))
}

/// A change by columns: its names agree with what the columns have, and stand for them.
pub(crate) fn inner<'c>(table: &Table, change: &'c Change) -> Result<Cow<'c, Change>> {
    let Some(naming) = table.dn else { return Ok(Cow::Borrowed(change)) };
    Ok(Cow::Owned(match change {
        Change::Add(entry) => Change::Add(inner_entry(table, naming, entry, true)?),
        Change::Replace(entry) => Change::Replace(inner_entry(table, naming, entry, false)?),
        Change::Update(update) => {
            Change::Update(inner_update(table, &table.columns[naming.column], update)?)
        }
        Change::Delete { id } => Change::Delete { id: known_id(table, id)?.into_owned() },
    }))
}

fn inner_entry(table: &Table, naming: Naming, entry: &Entry, is_new: bool) -> Result<Entry> {
    let column = &table.columns[naming.column];
    let mut inner = entry.clone();
    if let Some(name) = entry.get(DN).first() {
        let value = value_of(table, name)?;
        let columns = entry.get(&column.name);
        // A name that can change is an older view of the column when the whole entry comes.
        let is_checked = is_new || naming.is_anchor;
        if is_checked && !columns.is_empty() && !is_same(column, columns, &value) {
            return Err(differs(column, name));
        }
        inner.put(DN, Vec::new());
        if columns.is_empty() {
            inner.put(&column.name, vec![value]);
        }
    }
    if naming.is_anchor {
        // A new row has its key among its values.
        inner.id_mut().anchor = match is_new {
            true => Anchor::default(),
            false => known_id(table, entry.id())?.into_owned().anchor,
        };
    }
    Ok(inner)
}

fn inner_update(table: &Table, column: &Column, update: &Update) -> Result<Update> {
    let mut inner = Update { id: known_id(table, &update.id)?.into_owned(), ..update.clone() };
    let Some(at) = inner.attributes.iter().position(|(name, _)| name == DN) else {
        return Ok(inner);
    };
    let (_, change) = inner.attributes.remove(at);
    let values = change.apply(&[]);
    let name = values.first().ok_or_else(|| Error::invalid(DN, "cannot be empty"))?;
    let value = value_of(table, name)?;
    match update.get(&column.name) {
        None => {
            let set = AttributeChange::Set(vec![value]);
            inner.attributes.push((column.name.clone(), set));
        }
        Some(change) if is_same(column, &change.apply(&[]), &value) => {}
        Some(_) => return Err(differs(column, name)),
    }
    Ok(inner)
}

fn is_same(column: &Column, values: &[Value], value: &Value) -> bool {
    let scalar = |value| value::scalar(column, value).ok();
    matches!(values, [one] if scalar(one).is_some() && scalar(one) == scalar(value))
}

fn differs(column: &Column, name: &Value) -> Error {
    Error::invalid(DN, format!("is \"{name}\", which is not what {} has", column.name))
}

fn value_of(table: &Table, name: &Value) -> Result<Value> {
    let parsed = parse(&name.to_string(), &table.object_type);
    parsed.map(Value::Text).map_err(|what| Error::invalid(DN, format!("is \"{name}\", {what}")))
}

/// The value in a name of an object type: RFC 4514 with spaces around its parts, types of attributes
/// and the object type in any case.
pub(crate) fn parse(name: &str, object_type: &str) -> Result<String, String> {
    let form = || format!("not written as CN=value,OBJECT={object_type}");
    let mut rest = name;
    let mut part = |attribute: &str| {
        let (word, behind) = rest.split_once('=')?;
        if !word.trim().eq_ignore_ascii_case(attribute) {
            return None;
        }
        let (value, behind) = unescaped(behind)?;
        rest = behind;
        Some(value)
    };
    let (value, named) = part("CN").zip(part("OBJECT")).ok_or_else(form)?;
    if !rest.is_empty() || value.is_empty() {
        return Err(form());
    }
    match named.eq_ignore_ascii_case(object_type) {
        true => Ok(value),
        false => Err(format!("which is a name of \"{named}\", not of {object_type}")),
    }
}

/// The value at the start, and what stands behind the comma after it. RFC 4514 §3: a backslash stands
/// before a character that means something, or before the two digits of a byte.
fn unescaped(text: &str) -> Option<(String, &str)> {
    let mut value = Vec::new();
    // Spaces at the end are no part of the value, unless they are escaped.
    let mut end = 0;
    let mut rest = text.trim_start_matches(' ');
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            ',' => {
                value.truncate(end);
                let more = !rest.trim().is_empty();
                return more.then_some(()).and(String::from_utf8(value).ok()).zip(Some(rest));
            }
            '+' | ';' | '"' | '<' | '>' => return None,
            '\\' => {
                let digits = rest.get(..2).filter(|two| two.chars().all(|c| c.is_ascii_hexdigit()));
                let hex = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let next = rest.chars().next()?;
                let taken = hex.map_or(next.len_utf8(), |_| 2);
                match hex {
                    Some(byte) => value.push(byte),
                    None => value.extend(next.to_string().as_bytes()),
                }
                rest = &rest[taken..];
                end = value.len();
            }
            ' ' => value.push(b' '),
            c => {
                value.extend(c.to_string().as_bytes());
                end = value.len();
            }
        }
    }
    value.truncate(end);
    Some((String::from_utf8(value).ok()?, ""))
}
