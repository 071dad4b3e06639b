//! What a change makes of one row: which cells get another text. Writes nothing.

use crate::{
    file::{Cells, Reader},
    schema::{Column, spell},
};
use ecma_plugin_sdk::{
    AttributeChange, Change, Entry, EntryId, Error, ErrorKind, Result, Update, Value,
};

/// A cell of a row that is being changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// As the row of the file has it.
    Kept,
    /// Another text.
    Text(String),
}

/// A row that is being changed: one cell per column of the file.
pub(crate) type Line = Vec<Cell>;

/// The row the reader is at, if the entry has one, and what is needed to change it.
pub(crate) struct Editor<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) cells: &'a mut Cells,
    /// How boolean columns are spelled, by column.
    pub(crate) samples: &'a [String],
}

/// The id a change is about; an added entry may have its anchor among its attributes.
pub(crate) fn id_of(change: &Change, reader: &Reader) -> EntryId {
    let mut id = change.id().clone();
    if let Change::Add(entry) = change {
        for at in &reader.table.anchors {
            let Some(column) = &reader.table.columns[*at] else { continue };
            if id.anchor.get(&column.name).is_none()
                && let [value] = entry.get(&column.name)
            {
                id.anchor.set(&column.name, value.clone());
            }
        }
    }
    id
}

/// Why an id has no key.
pub(crate) fn keyless(change: &Change, id: &EntryId, reader: &Reader) -> Error {
    let table = &reader.table;
    if !matches!(change, Change::Add(_)) {
        return missing(id);
    }
    if table.type_column.is_none() && id.object_type != table.object_type {
        let text = format!("the file has the object type {} only", table.object_type);
        return Error::new(ErrorKind::Invalid, text);
    }
    for (_, column) in table.attributes().filter(|(_, column)| column.anchor) {
        let Some(value) = id.anchor.get(&column.name) else {
            return Error::invalid(&column.name, "is required, it is part of the anchor");
        };
        if let Err(error) = column.wanted(std::slice::from_ref(value)) {
            return error;
        }
    }
    Error::invalid(table.anchor_name(), "is required, it is the anchor")
}

pub(crate) fn missing(id: &EntryId) -> Error {
    Error::not_found(format!("the file has no {id}"))
}

impl<'a> Editor<'a> {
    /// The line after a change, given the line before.
    pub(crate) fn apply(
        &mut self,
        change: &Change,
        id: &EntryId,
        before: Option<&Line>,
    ) -> Result<Option<Line>> {
        match (change, before) {
            (Change::Add(_), Some(_)) => {
                let text = format!("the file has {id} already");
                Err(Error::already_exists(text).at(self.reader.table.anchor_name()))
            }
            (Change::Add(entry), None) => self.add(entry, id).map(Some),
            (_, None) => Err(missing(id)),
            (Change::Delete { .. }, Some(_)) => Ok(None),
            (Change::Replace(entry), Some(before)) => self.replace(entry, before).map(Some),
            (Change::Update(update), Some(before)) => self.update(update, before).map(Some),
        }
    }

    /// The text of a cell; `None` when its bytes are none.
    pub(crate) fn text(&mut self, line: &Line, at: usize) -> Option<String> {
        match &line[at] {
            Cell::Text(text) => Some(text.clone()),
            Cell::Kept => self.cells.text(&self.reader.rows, at).map(str::to_owned),
        }
    }

    fn add(&mut self, entry: &Entry, id: &EntryId) -> Result<Line> {
        let reader = self.reader;
        let mut line = vec![Cell::Text(String::new()); reader.table.columns.len()];
        if let Some(at) = reader.table.type_column {
            line[at] = Cell::Text(self.fit(&id.object_type, "object type")?);
        }
        for at in &reader.table.anchors {
            let Some(column) = &reader.table.columns[*at] else { continue };
            if let Some(value) = id.anchor.get(&column.name) {
                self.set(&mut line, *at, column, std::slice::from_ref(value))?;
            }
        }
        for (name, values) in entry.attributes() {
            let (at, column) = self.column(name)?;
            self.put(&mut line, at, column, values)?;
        }
        for (at, column) in reader.table.attributes().filter(|(_, column)| column.required) {
            if line[at] == Cell::Text(String::new()) {
                return Err(Error::invalid(&column.name, "is required"));
            }
        }
        Ok(line)
    }

    fn replace(&mut self, entry: &Entry, before: &Line) -> Result<Line> {
        let reader = self.reader;
        let mut line = before.clone();
        for (name, _) in entry.attributes() {
            self.column(name)?;
        }
        for (at, column) in reader.table.attributes() {
            self.put(&mut line, at, column, entry.get(&column.name))?;
        }
        Ok(line)
    }

    fn update(&mut self, update: &Update, before: &Line) -> Result<Line> {
        if update.new_dn.is_some() {
            return Err(Error::unsupported("rows of a file have no distinguished names"));
        }
        let mut line = before.clone();
        for (name, change) in &update.attributes {
            let (at, column) = self.column(name)?;
            let values = match change {
                AttributeChange::Set(values) => values.clone(),
                AttributeChange::Clear => Vec::new(),
                AttributeChange::Modify { added, removed } => {
                    let text = self.text(&line, at).ok_or_else(|| column.undecodable())?;
                    let added = column.wanted(added)?;
                    let removed = column.wanted(removed)?;
                    AttributeChange::Modify { added, removed }.apply(&column.values(&text)?)
                }
            };
            self.put(&mut line, at, column, &values)?;
        }
        Ok(line)
    }

    fn column(&self, name: &str) -> Result<(usize, &'a Column)> {
        let mut columns = self.reader.table.attributes();
        let unknown = || Error::invalid(name, "is not a column of the file");
        columns.find(|(_, column)| column.name == name).ok_or_else(unknown)
    }

    /// Gives a cell these values; an anchor only those that it has.
    fn put(&mut self, line: &mut Line, at: usize, column: &Column, values: &[Value]) -> Result<()> {
        if !column.anchor {
            return self.set(line, at, column, values);
        }
        let text = self.text(line, at).ok_or_else(|| column.undecodable())?;
        if column.values(&text)? == column.wanted(values)? {
            return Ok(());
        }
        Err(Error::invalid(&column.name, "is part of the anchor and cannot change"))
    }

    /// Gives a cell these values; the cell is kept when it has them.
    fn set(&mut self, line: &mut Line, at: usize, column: &Column, values: &[Value]) -> Result<()> {
        let wanted = column.wanted(values)?;
        if wanted.is_empty() && column.required {
            return Err(Error::invalid(&column.name, "is required"));
        }
        let before = self.text(line, at);
        if let Some(text) = &before
            && column.values(text).is_ok_and(|values| values == wanted)
        {
            return Ok(());
        }
        let sample = before.filter(|text| column.boolean(text).is_ok());
        let sample = sample.as_deref().unwrap_or(&self.samples[at]);
        let texts: Vec<String> = wanted
            .iter()
            .map(|value| match value {
                Value::Boolean(truth) => spell(*truth, sample),
                value => value.to_string(),
            })
            .collect();
        let separator = column.separator.map(String::from).unwrap_or_default();
        line[at] = Cell::Text(self.fit(&texts.join(&separator), &column.name)?);
        Ok(())
    }

    /// The text, when the file can hold it.
    fn fit(&self, text: &str, name: &str) -> Result<String> {
        if text.contains('\0') {
            return Err(Error::invalid(name, "has a NUL character, which a text file cannot hold"));
        }
        match self.reader.codec.encode(text, &mut Vec::new()) {
            Ok(()) => Ok(text.to_owned()),
            Err(c) => {
                let encoding = self.reader.codec.name();
                let text = format!("has {c:?}, a character that {encoding} does not have");
                Err(Error::invalid(name, text))
            }
        }
    }
}

impl Column {
    /// These values as values of the column, or why they cannot be.
    pub(crate) fn wanted(&self, values: &[Value]) -> Result<Vec<Value>> {
        let mut wanted = Vec::with_capacity(values.len());
        for value in values {
            let text = value.to_string();
            match self.separator {
                Some(separator) if text.contains(separator) => {
                    let text = format!("has {separator:?} in a value, which separates values");
                    return Err(Error::invalid(&self.name, text));
                }
                Some(_) if text.is_empty() => {
                    return Err(Error::invalid(&self.name, "has an empty value among several"));
                }
                None if text.is_empty() => continue,
                _ => wanted.push(self.value(&text)?),
            }
        }
        if self.separator.is_none() && wanted.len() > 1 {
            let text = format!("has one value only, not {}", wanted.len());
            return Err(Error::invalid(&self.name, text));
        }
        Ok(wanted)
    }
}
