//! Rows of a table, written by generated statements.

use super::{Done, Export, added::New};
use crate::{
    child::Child,
    dn,
    driver::{Failure, Fault, Scalar},
    import::{self, Whole},
    schema::Column,
    statement::Source,
    value,
};
use ecma_plugin_sdk::{
    AttributeChange, Entry, EntryId, Error, ErrorKind, Exported, Result, Update, Value,
};

type Assignments<'a> = (Vec<&'a Column>, Vec<Scalar>);

impl<'a> Export<'a> {
    pub(super) fn add(&self, entry: &Entry) -> Done<Exported> {
        self.is_written_itself("insert_queries or add_procedures")?;
        self.known(entry)?;
        let (mut columns, mut parameters): Assignments<'_> = Default::default();
        for column in self.table.columns.iter().filter(|column| column.writable) {
            let values = entry.get(&column.name);
            if !values.is_empty() {
                columns.push(column);
                parameters.push(value::store(column, values)?);
            }
        }
        let New { id, entry: known } = self.insert(&columns, &parameters)?;
        if let Some(known) = known {
            return Ok(Exported::with_entry(known));
        }
        let gone = || {
            let text = "a trigger of the database took the row away";
            Error::new(ErrorKind::Invalid, text)
        };
        let children = self.table.children.iter().filter(|child| child.value.writable);
        let values =
            children.map(|child| (child, AttributeChange::Set(entry.get(child.name()).to_vec())));
        let values = values.filter(|(child, _)| !entry.get(child.name()).is_empty());
        let anchor = import::anchor(self.table, &id)?.ok_or_else(gone)?;
        if !self.write(&anchor, values)? {
            return Err(gone().into());
        }
        match self.now(&id) {
            Ok(Some(entry)) => Ok(Exported::with_entry(entry)),
            Ok(None) => Err(gone().into()),
            Err(error) if error.kind() == ErrorKind::Invalid => {
                Ok(Exported::with_anchor(dn::outer_anchor(self.table, id.anchor)))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn replace(&self, entry: &Entry) -> Done<Exported> {
        self.is_written_itself("update_queries or update_procedures")?;
        self.known(entry)?;
        let (mut columns, mut parameters): Assignments<'_> = Default::default();
        for column in self.table.columns.iter().filter(|c| c.writable && !c.anchor) {
            let values = entry.get(&column.name);
            // Such a column cannot be empty; what stands there is as good as its default.
            if values.is_empty() && column.not_null && column.default {
                continue;
            }
            // What is never imported is not known, and stays.
            if values.is_empty() && !column.readable {
                continue;
            }
            columns.push(column);
            parameters.push(value::store(column, values)?);
        }
        let children = self.table.children.iter().filter(|child| child.value.writable);
        let values = |child: &Child| AttributeChange::Set(entry.get(child.name()).to_vec());
        let children = children.map(|child| (child, values(child))).collect();
        self.set(entry.id(), &columns, parameters, children)
    }

    pub(super) fn update(&self, update: &Update) -> Done<Exported> {
        self.is_written_itself("update_queries or update_procedures")?;
        let (mut columns, mut parameters): Assignments<'_> = Default::default();
        let mut before = None;
        let mut children = Vec::new();
        for (name, change) in &update.attributes {
            if let Some(child) = self.table.child(name) {
                if !child.value.writable {
                    return Err(Error::invalid(name, "is read only").into());
                }
                children.push((child, change.clone()));
                continue;
            }
            let column = self.column(name)?;
            let old = |before: &mut Option<Entry>| -> Result<Vec<Value>> {
                if before.is_none() {
                    *before = import::read(self.driver, self.table, &update.id, Whole::Row)?;
                }
                let entry = before.as_ref().ok_or_else(|| self.missing(&update.id))?;
                Ok(entry.get(name).to_vec())
            };
            let values = match change {
                AttributeChange::Set(values) => values.clone(),
                AttributeChange::Clear => Vec::new(),
                change @ AttributeChange::Modify { .. } => change.apply(&old(&mut before)?),
            };
            if column.anchor {
                let same = match (values.as_slice(), update.id.anchor.get(name)) {
                    ([value], Some(now)) => {
                        value::scalar(column, value).ok() == value::scalar(column, now).ok()
                    }
                    _ => false,
                };
                if !same {
                    let text = "is part of the anchor, which cannot change";
                    return Err(Error::invalid(name, text).into());
                }
            } else if column.writable {
                columns.push(column);
                parameters.push(value::store(column, &values)?);
            } else {
                return Err(Error::invalid(name, "is read only").into());
            }
        }
        self.set(&update.id, &columns, parameters, children)
    }

    pub(super) fn delete(&self, id: &EntryId) -> Done<Exported> {
        self.is_written_itself("delete_queries or delete_procedures")?;
        let anchor = self.remove_children(id)?;
        let is_there = self.counted_before(&anchor)?;
        let deleted = self.driver.execute(&self.driver.dialect().delete(self.table), &anchor);
        let rows = deleted.map_err(|failure| match failure {
            Failure::Database(Fault::ForeignKey, text) => {
                let text = format!("another row refers to {id} ({text})");
                Error::new(ErrorKind::Invalid, text).into()
            }
            failure => self.blame(&[], failure),
        })?;
        self.exactly_one(is_there.unwrap_or(rows), id)?;
        Ok(Exported::done())
    }

    /// Removes the rows of child tables that are the entry's; answers its anchor.
    pub(super) fn remove_children(&self, id: &EntryId) -> Done<Vec<Scalar>> {
        let anchor = import::anchor(self.table, id)?.ok_or_else(|| self.missing(id))?;
        for child in self.table.children.iter().filter(|child| child.value.writable) {
            if let Some(owner) = child.owner(self.driver, self.table, &anchor)? {
                child.remove_all(self.driver, &owner)?;
            }
        }
        Ok(anchor)
    }

    /// How many rows a statement is about to change: of a view it may not be said afterwards.
    fn counted_before(&self, anchor: &[Scalar]) -> Done<Option<u64>> {
        match self.table.source {
            Source::View => Ok(Some(self.count(anchor)?)),
            _ => Ok(None),
        }
    }

    fn set(
        &self,
        id: &EntryId,
        columns: &[&Column],
        mut parameters: Vec<Scalar>,
        children: Vec<(&Child, AttributeChange)>,
    ) -> Done<Exported> {
        let anchor = import::anchor(self.table, id)?.ok_or_else(|| self.missing(id))?;
        if !columns.is_empty() {
            let is_there = self.counted_before(&anchor)?;
            parameters.extend(anchor.iter().cloned());
            let (sql, answers) = self.driver.dialect().update(self.table, columns);
            if answers {
                return self.set_and_answered(&sql, columns, &parameters, id);
            }
            let updated = self.driver.execute(&sql, &parameters);
            let rows = updated.map_err(|failure| self.blame(columns, failure))?;
            self.exactly_one(is_there.unwrap_or(rows), id)?;
        } else if !children.is_empty() {
            self.exactly_one(self.count(&anchor)?, id)?;
        }
        if !self.write(&anchor, children)? {
            return Err(self.missing(id).into());
        }
        match self.now(id) {
            Ok(Some(entry)) => Ok(Exported::with_entry(entry)),
            Ok(None) if columns.is_empty() => Err(self.missing(id).into()),
            Ok(None) => Ok(Exported::done()),
            // The change is done; that some other column cannot be read is for the import to say.
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(Exported::done()),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs a statement that changes a row and answers it.
    fn set_and_answered(
        &self,
        sql: &str,
        columns: &[&Column],
        parameters: &[Scalar],
        id: &EntryId,
    ) -> Done<Exported> {
        let (mut rows, mut entry) = (0, None);
        let updated = self.driver.query(sql, parameters, &mut |cells| {
            rows += 1;
            entry = import::entry(self.table, cells).ok();
            Ok(())
        });
        updated.map_err(|failure| self.blame(columns, failure))?;
        self.exactly_one(rows, id)?;
        Ok(entry.map_or_else(Exported::done, Exported::with_entry))
    }

    /// Changes values in child tables. `false`: there is no row they could belong to.
    pub(super) fn write<'c>(
        &self,
        anchor: &[Scalar],
        changes: impl IntoIterator<Item = (&'c Child, AttributeChange)>,
    ) -> Done<bool> {
        for (child, change) in changes {
            let Some(owner) = child.owner(self.driver, self.table, anchor)? else {
                return Ok(false);
            };
            child.write(self.driver, &owner, &change)?;
        }
        Ok(true)
    }

    /// How many rows have this anchor.
    pub(super) fn count(&self, anchor: &[Scalar]) -> Result<u64> {
        let dialect = self.driver.dialect();
        let columns = self.table.anchors();
        let sql = dialect.select(self.table, columns, &dialect.anchor(self.table, 1));
        let mut rows = 0;
        self.driver.query(&sql, anchor, &mut |_| {
            rows += 1;
            Ok(())
        })?;
        Ok(rows)
    }

    /// The row as it is now, defaults and triggers included. What a procedure answers is for the
    /// import to say.
    pub(super) fn now(&self, id: &EntryId) -> Result<Option<Entry>> {
        if matches!(self.table.source, Source::Procedure(_)) {
            return Ok(None);
        }
        import::read(self.driver, self.table, id, Whole::Few)
    }

    pub(super) fn exactly_one(&self, rows: u64, id: &EntryId) -> Result<()> {
        match rows {
            1 => Ok(()),
            0 => Err(self.missing(id)),
            _ => {
                let text = format!("{rows} rows of table {} have the anchor {id}", self.table.name);
                Err(Error::new(ErrorKind::Conflict, text))
            }
        }
    }

    pub(super) fn missing(&self, id: &EntryId) -> Error {
        Error::not_found(format!("table {} has no row {}", self.table.name, id.anchor))
    }

    fn column(&self, name: &str) -> Result<&'a Column> {
        self.table.column(name).ok_or_else(|| {
            Error::invalid(name, format!("is no column of table {}", self.table.name))
        })
    }

    /// A query or a procedure is written by statements of the operator alone.
    fn is_written_itself(&self, how: &str) -> Result<()> {
        match self.table.is_written_itself() {
            true => Ok(()),
            false => {
                let name = &self.table.object_type;
                Err(Error::unsupported(format!("{how} have nothing that does so for {name}")))
            }
        }
    }

    pub(super) fn known(&self, entry: &Entry) -> Result<()> {
        let attributes = entry.attributes().map(|(name, _)| name);
        let mut names = attributes.chain(entry.id().anchor.iter().map(|(name, _)| name));
        names.try_for_each(|name| match self.table.child(name) {
            Some(_) => Ok(()),
            None => self.column(name).map(drop),
        })
    }
}
