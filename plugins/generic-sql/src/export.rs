//! Exports: a page is a transaction, each change in it a savepoint, so that one that fails leaves
//! its neighbors as they are. Where there are no savepoints, each change is a transaction.

mod added;

use crate::{
    child::Child,
    driver::{Driver, Failure, Fault, Purpose, Scalar},
    import::{self, Whole},
    schema::{Column, Table},
    value,
};
use ecma_plugin_sdk::{
    AttributeChange, Change, Entry, EntryId, Error, ErrorKind, Exported, Result, Update, Value,
};
use std::cmp::Reverse;

/// Does a page of changes; one result for each, in order.
pub(crate) fn page(
    driver: &dyn Driver,
    tables: &[Table],
    changes: &[Change],
) -> Vec<Result<Exported>> {
    let alone = |change| page_of_one(driver, tables, change);
    if changes.len() > 1 && driver.dialect().savepoints().is_none() {
        return changes.iter().map(alone).collect();
    }
    // A trigger can end the whole transaction, neighbors and all. Then the page is done again
    // without the change that set it off.
    let mut refused: Vec<Option<Error>> = vec![None; changes.len()];
    loop {
        let (results, page) = match attempt(driver, tables, changes, &mut refused) {
            Ok(Some(results)) => (results, driver.commit()),
            Ok(None) => continue,
            Err(error) => (Vec::new(), Err(error.into())),
        };
        let Err(failure) = page else { return results };
        let rolled_back = driver.rollback();
        let error = rolled_back.map_or_else(Error::from, |()| Error::from(failure));
        // A constraint that waits for the end of the transaction does not say whose it is.
        if error.kind() == ErrorKind::Invalid && changes.len() > 1 {
            return changes.iter().map(alone).collect();
        }
        return changes.iter().map(|_| Err(error.clone())).collect();
    }
}

/// Does one change in a transaction of its own.
pub(crate) fn page_of_one(
    driver: &dyn Driver,
    tables: &[Table],
    change: &Change,
) -> Result<Exported> {
    let mut results = page(driver, tables, std::slice::from_ref(change));
    results.pop().unwrap_or_else(|| Err(Error::internal("a page of one has no result")))
}

/// Does the changes that are not refused yet. `None`: one more is, and the others are undone.
fn attempt(
    driver: &dyn Driver,
    tables: &[Table],
    changes: &[Change],
    refused: &mut [Option<Error>],
) -> Result<Option<Vec<Result<Exported>>>> {
    driver.begin(Purpose::Write)?;
    let mut results = Vec::with_capacity(changes.len());
    for (change, refused) in changes.iter().zip(refused) {
        if let Some(error) = refused {
            results.push(Err(error.clone()));
            continue;
        }
        driver.save()?;
        let result = one(driver, tables, change);
        match &result {
            Ok(_) => driver.release()?,
            // The database itself is in trouble, and so are the others.
            Err(error) if error.kind() == ErrorKind::Unreachable => return Err(error.clone()),
            // The whole transaction is undone then, and this is the only change in it.
            Err(error) if driver.dialect().savepoints().is_none() => return Err(error.clone()),
            Err(error) if !driver.in_transaction() => {
                *refused = Some(error.clone());
                return Ok(None);
            }
            Err(_) => driver.restore()?,
        }
        results.push(result);
    }
    Ok(Some(results))
}

fn one(driver: &dyn Driver, tables: &[Table], change: &Change) -> Result<Exported> {
    let id = change.id();
    let table =
        tables.iter().find(|table| table.object_type == id.object_type).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("there is no object type {}", id.object_type))
        })?;
    let export = Export { driver, table };
    match change {
        Change::Add(entry) => export.add(entry),
        Change::Replace(entry) => export.replace(entry),
        Change::Update(update) => export.update(update),
        Change::Delete { id } => export.delete(id),
    }
}

struct Export<'a> {
    driver: &'a dyn Driver,
    table: &'a Table,
}

type Assignments<'a> = (Vec<&'a Column>, Vec<Scalar>);

impl<'a> Export<'a> {
    fn add(&self, entry: &Entry) -> Result<Exported> {
        self.known(entry)?;
        let (mut columns, mut parameters): Assignments<'_> = Default::default();
        for column in self.table.columns.iter().filter(|column| column.writable) {
            let values = entry.get(&column.name);
            if !values.is_empty() {
                columns.push(column);
                parameters.push(value::store(column, values)?);
            }
        }
        let id = self.insert(&columns, &parameters)?;
        let gone = || {
            let text = "a trigger of the database took the row away";
            Error::new(ErrorKind::Invalid, text)
        };
        let children = self.table.children.iter().filter(|child| child.value.writable);
        let values =
            children.map(|child| (child, AttributeChange::Set(entry.get(child.name()).to_vec())));
        let values = values.filter(|(child, _)| !entry.get(child.name()).is_empty());
        let anchor = import::anchor(self.table, &id)?.ok_or_else(gone)?;
        self.write(&anchor, values).and_then(|there| there.then_some(()).ok_or_else(gone))?;
        match self.now(&id) {
            Ok(Some(entry)) => Ok(Exported::with_entry(entry)),
            Ok(None) => Err(gone()),
            Err(error) if error.kind() == ErrorKind::Invalid => {
                Ok(Exported::with_anchor(id.anchor))
            }
            Err(error) => Err(error),
        }
    }

    fn replace(&self, entry: &Entry) -> Result<Exported> {
        self.known(entry)?;
        let (mut columns, mut parameters): Assignments<'_> = Default::default();
        for column in self.table.columns.iter().filter(|c| c.writable && !c.anchor) {
            let values = entry.get(&column.name);
            // Such a column cannot be empty; what stands there is as good as its default.
            if values.is_empty() && column.not_null && column.default {
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

    fn update(&self, update: &Update) -> Result<Exported> {
        let (mut columns, mut parameters): Assignments<'_> = Default::default();
        let mut before = None;
        let mut children = Vec::new();
        for (name, change) in &update.attributes {
            if let Some(child) = self.table.child(name) {
                if !child.value.writable {
                    return Err(Error::invalid(name, "is read only"));
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
                    return Err(Error::invalid(name, "is part of the anchor, which cannot change"));
                }
            } else if column.writable {
                columns.push(column);
                parameters.push(value::store(column, &values)?);
            } else {
                return Err(Error::invalid(name, "is read only"));
            }
        }
        self.set(&update.id, &columns, parameters, children)
    }

    fn delete(&self, id: &EntryId) -> Result<Exported> {
        let anchor = import::anchor(self.table, id)?.ok_or_else(|| self.missing(id))?;
        for child in self.table.children.iter().filter(|child| child.value.writable) {
            if let Some(owner) = child.owner(self.driver, self.table, &anchor)? {
                child.remove_all(self.driver, &owner)?;
            }
        }
        let deleted = self.driver.execute(&self.driver.dialect().delete(self.table), &anchor);
        let rows = deleted.map_err(|failure| match failure {
            Failure::Database(Fault::ForeignKey, text) => {
                let text = format!("another row refers to {id} ({text})");
                Error::new(ErrorKind::Invalid, text)
            }
            failure => self.blame(&[], failure),
        })?;
        self.exactly_one(rows, id)?;
        Ok(Exported::done())
    }

    fn set(
        &self,
        id: &EntryId,
        columns: &[&Column],
        mut parameters: Vec<Scalar>,
        children: Vec<(&Child, AttributeChange)>,
    ) -> Result<Exported> {
        let anchor = import::anchor(self.table, id)?.ok_or_else(|| self.missing(id))?;
        if !columns.is_empty() {
            parameters.extend(anchor.iter().cloned());
            let sql = self.driver.dialect().update(self.table, columns);
            let updated = self.driver.execute(&sql, &parameters);
            let rows = updated.map_err(|failure| self.blame(columns, failure))?;
            self.exactly_one(rows, id)?;
        } else if !children.is_empty() {
            self.exactly_one(self.count(&anchor)?, id)?;
        }
        if !self.write(&anchor, children)? {
            return Err(self.missing(id));
        }
        match self.now(id) {
            Ok(Some(entry)) => Ok(Exported::with_entry(entry)),
            Ok(None) if columns.is_empty() => Err(self.missing(id)),
            Ok(None) => Ok(Exported::done()),
            // The change is done; that some other column cannot be read is for the import to say.
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(Exported::done()),
            Err(error) => Err(error),
        }
    }

    /// Changes values in child tables. `false`: there is no row they could belong to.
    fn write<'c>(
        &self,
        anchor: &[Scalar],
        changes: impl IntoIterator<Item = (&'c Child, AttributeChange)>,
    ) -> Result<bool> {
        for (child, change) in changes {
            let Some(owner) = child.owner(self.driver, self.table, anchor)? else {
                return Ok(false);
            };
            child.write(self.driver, &owner, &change)?;
        }
        Ok(true)
    }

    /// How many rows have this anchor.
    fn count(&self, anchor: &[Scalar]) -> Result<u64> {
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

    /// The row as it is now, defaults and triggers included.
    fn now(&self, id: &EntryId) -> Result<Option<Entry>> {
        import::read(self.driver, self.table, id, Whole::Few)
    }

    fn exactly_one(&self, rows: u64, id: &EntryId) -> Result<()> {
        match rows {
            1 => Ok(()),
            0 => Err(self.missing(id)),
            _ => {
                let text = format!("{rows} rows of table {} have the anchor {id}", self.table.name);
                Err(Error::new(ErrorKind::Conflict, text))
            }
        }
    }

    fn missing(&self, id: &EntryId) -> Error {
        Error::not_found(format!("table {} has no row {}", self.table.name, id.anchor))
    }

    fn column(&self, name: &str) -> Result<&'a Column> {
        self.table.column(name).ok_or_else(|| {
            Error::invalid(name, format!("is no column of table {}", self.table.name))
        })
    }

    fn known(&self, entry: &Entry) -> Result<()> {
        let attributes = entry.attributes().map(|(name, _)| name);
        let mut names = attributes.chain(entry.id().anchor.iter().map(|(name, _)| name));
        names.try_for_each(|name| match self.table.child(name) {
            Some(_) => Ok(()),
            None => self.column(name).map(drop),
        })
    }

    /// The error with the attribute whose value the database refused, as far as its words tell.
    fn blame(&self, columns: &[&Column], failure: Failure) -> Error {
        let Failure::Database(fault, text) = &failure else { return failure.into() };
        let named = match fault {
            Fault::Unique | Fault::Missing | Fault::Type => self.qualified(text),
            Fault::Check | Fault::UnknownColumn | Fault::Trigger => self.mentioned(text),
            Fault::ForeignKey => {
                let mut foreign = columns.iter().filter(|column| column.foreign);
                foreign.next().filter(|_| foreign.next().is_none()).copied()
            }
            Fault::TooBig => {
                self.qualified(text).or_else(|| (columns.len() == 1).then(|| columns[0]))
            }
            _ => None,
        };
        let words = match fault.kind() {
            ErrorKind::AlreadyExists => Some(format!("a row with such values is there ({text})")),
            ErrorKind::Invalid => Some(format!("the database does not accept the row ({text})")),
            _ => None,
        };
        let error = Error::from(failure);
        match (named, words) {
            (Some(column), _) => error.at(&column.name),
            (None, Some(words)) => error.with_message(words),
            (None, None) => error,
        }
    }

    /// The first column that the text names as `table.column`, whatever is in its name.
    fn qualified(&self, text: &str) -> Option<&'a Column> {
        let prefix = format!("{}.", self.table.name);
        let place = |column: &Column| {
            text.match_indices(&prefix).map(|(at, _)| at).find(|at| {
                let (before, rest) = (&text[..*at], &text[at + prefix.len()..]);
                let begins = before.ends_with(": ") || before.ends_with(", ");
                let rest = rest.strip_prefix(column.name.as_str());
                begins && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(", "))
            })
        };
        let places = self.table.columns.iter().filter_map(|column| Some((place(column)?, column)));
        let first = places.min_by_key(|(at, column)| (*at, Reverse(column.name.len())));
        first.map(|(_, column)| column)
    }

    /// The column that the text mentions as a word, when it is only one.
    fn mentioned(&self, text: &str) -> Option<&'a Column> {
        let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
        let names = |column: &&Column| {
            text.match_indices(column.name.as_str()).any(|(at, found)| {
                !text[..at].ends_with(part_of_word)
                    && !text[at + found.len()..].starts_with(part_of_word)
            })
        };
        let mut named = self.table.columns.iter().filter(names);
        named.next().filter(|_| named.next().is_none())
    }
}
