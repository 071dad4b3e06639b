//! A new row, and the anchor it has then.

use super::{Done, Export};
use crate::{
    dialect::Dialect,
    driver::{Cell, Failure, Scalar},
    import,
    schema::{Column, Table},
    value,
};
use ecma_plugin_sdk::{Entry, EntryId, Error, ErrorKind};
use std::{cell::RefCell, ptr, rc::Rc};

/// The statement for the last new row: those of a page are mostly alike.
#[derive(Default)]
pub(super) struct Inserts<'a>(RefCell<Option<Rc<Insert<'a>>>>);

struct Insert<'a> {
    table: &'a Table,
    columns: Vec<&'a Column>,
    sql: String,
    /// Whether it answers the row, or at least what names it.
    answers: bool,
}

impl<'a> Inserts<'a> {
    /// The statement that adds a row with values in these columns.
    fn of(
        &self,
        dialect: &dyn Dialect,
        table: &'a Table,
        columns: &[&'a Column],
    ) -> Rc<Insert<'a>> {
        let is_same = |last: &Rc<Insert<'a>>| {
            let same = |(one, other): (&&Column, &&Column)| ptr::eq(*one, *other);
            ptr::eq(last.table, table)
                && last.columns.len() == columns.len()
                && last.columns.iter().zip(columns).all(same)
        };
        let mut last = self.0.borrow_mut();
        if let Some(same) = last.as_ref().filter(|last| is_same(last)) {
            return Rc::clone(same);
        }
        let (sql, answers) = dialect.insert(table, columns);
        let new = Rc::new(Insert { table, columns: columns.to_vec(), sql, answers });
        *last = Some(Rc::clone(&new));
        new
    }
}

/// A row that was added.
pub(super) struct New {
    pub(super) id: EntryId,
    /// All of it, where the statement answered that.
    pub(super) entry: Option<Entry>,
}

impl<'a> Export<'a> {
    /// Adds a row with values in these columns; answers what names it, and the row itself if it is
    /// known already.
    pub(super) fn insert(&self, columns: &[&'a Column], parameters: &[Scalar]) -> Done<New> {
        let insert = self.inserts.of(self.driver.dialect(), self.table, columns);
        let id = match insert.answers {
            true => self.answered(&insert.sql, columns, parameters),
            false => self.known_before(&insert.sql, columns, parameters),
        }?;
        id.ok_or_else(|| {
            let text = "a trigger of the database left the row out";
            Error::new(ErrorKind::Invalid, text).into()
        })
    }

    /// The anchor is what the statement answers.
    fn answered(&self, sql: &str, columns: &[&Column], parameters: &[Scalar]) -> Done<Option<New>> {
        let is_whole = self.table.answers_whole();
        let answered: Vec<&Column> = match is_whole {
            true => self.table.read().collect(),
            false => self.table.anchors().collect(),
        };
        let mut new = None;
        let inserted = self.driver.query(sql, parameters, &mut |cells| {
            let mut id = self.nameless();
            for (at, column) in answered.iter().enumerate().filter(|(_, column)| column.anchor) {
                name(&mut id, column, cells.cell(at))?;
            }
            // That some other column cannot be read is for the import to say.
            let entry = is_whole.then(|| import::entry(self.table, cells).ok()).flatten();
            new = Some(New { id, entry });
            Ok(())
        });
        inserted.map_err(|failure| self.blame(columns, failure))?;
        Ok(new)
    }

    /// The anchor is what was sent, and the number the database gave.
    fn known_before(
        &self,
        sql: &str,
        columns: &[&Column],
        parameters: &[Scalar],
    ) -> Done<Option<New>> {
        let sent = |column: &Column| {
            let at = columns.iter().position(|one| one.name == column.name)?;
            Some(parameters[at].cell())
        };
        let mut made = self.table.anchors().filter(|column| sent(column).is_none());
        if let Some(column) = made.find(|column| !column.numbered) {
            let text = "is missing: this database does not tell what a default or a trigger makes \
                        of a key";
            return Err(Error::invalid(&column.name, text).into());
        }
        let inserted = self.driver.execute(sql, parameters);
        if inserted.map_err(|failure| self.blame(columns, failure))? == 0 {
            return Ok(None);
        }
        let mut new = self.nameless();
        for column in self.table.anchors() {
            let number = || self.driver.last_number().map(Cell::Integer);
            let cell = sent(column).or_else(number);
            name(&mut new, column, cell.unwrap_or(Cell::Null))?;
        }
        Ok(Some(New { id: new, entry: None }))
    }

    fn nameless(&self) -> EntryId {
        let object_type = self.table.object_type.clone();
        EntryId { object_type, anchor: Default::default(), dn: None }
    }
}

/// Puts the value of a column into the anchor.
pub(super) fn name(id: &mut EntryId, column: &Column, cell: Cell<'_>) -> Result<(), Failure> {
    let mut empty = true;
    value::read(column, cell, |value| {
        empty = false;
        id.anchor.set(&column.name, value.into_value());
        Ok(())
    })?;
    match empty {
        true => Err(Error::invalid(&column.name, "is missing").into()),
        false => Ok(()),
    }
}
