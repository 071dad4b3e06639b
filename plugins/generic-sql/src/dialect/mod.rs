//! SQL text, as a database wants it: what differs from database to database in a file each, the
//! statements that are made of it here. Names are quoted here and nowhere else; values are never
//! part of the text.

mod ansi;
mod db2;
mod marked;
mod mysql;
mod oracle;
mod postgres;
mod sql_server;
mod sqlite;
#[cfg(test)]
mod tests;
mod touched;

use crate::{
    child::Child,
    driver::Storage,
    schema::{Column, Table},
};
use ecma_plugin_sdk::AttributeType;
use std::fmt::Debug;

pub(crate) use ansi::ANSI;
pub(crate) use db2::{DB2, DB2_CATALOG};
pub(crate) use marked::{POSTGRES_BY_ODBC, SQLITE_BY_ODBC};
pub(crate) use mysql::{MARIADB, MYSQL};
pub(crate) use oracle::{ORACLE, ORACLE_CATALOG};
pub(crate) use postgres::POSTGRES;
pub(crate) use sql_server::{SQL_SERVER, SQL_SERVER_CATALOG};
pub(crate) use sqlite::SQLITE;
pub(crate) use touched::Account;

/// How a database writes SQL; without a word of its own as the standard has it.
pub(crate) trait Dialect: Debug + Sync {
    /// The mark of a parameter, counted from 1. They stand in a statement in this order.
    fn mark(&self, number: usize) -> String;

    /// The mark of a parameter that a column of this kind is compared with.
    fn compared(&self, number: usize, _storage: Storage) -> String {
        self.mark(number)
    }

    /// What stands before and behind a name; the second is doubled where it is part of one.
    fn quotes(&self) -> (char, char) {
        ('"', '"')
    }

    /// A column as it is read. It is quoted already, as in all of these.
    fn shown(&self, column: &str, _storage: Storage) -> String {
        column.to_owned()
    }

    /// A column is the same as something else.
    fn is(&self, column: &str, _storage: Storage, other: &str) -> String {
        format!("{column} = {other}")
    }

    /// What rows stand in order by for a column, and what is compared to go on behind one of them.
    fn ordered(&self, column: &str, _storage: Storage) -> String {
        column.to_owned()
    }

    /// The statement that adds a row and answers these columns of it, where there is one.
    fn answering(&self, insert: &str, columns: &str) -> Option<String> {
        Some(format!("{insert} RETURNING {columns}"))
    }

    /// The statement that adds a row and answers how many rows came, and the number of the new one;
    /// for a database that tells it in the same breath only.
    fn numbering(&self, _insert: &str) -> Option<String> {
        None
    }

    /// What stands behind the table's name for a row of defaults; some want to see a column.
    fn defaults(&self, _column: &str) -> String {
        "DEFAULT VALUES".to_owned()
    }

    /// Whether several columns can be looked up in a list at once, as `(a, b) IN (…)`.
    fn compares_rows(&self) -> bool {
        true
    }

    /// A statement that changes a row and answers these columns of it, where there is a way to.
    fn answering_update(&self, _update: &str, _columns: &str) -> Option<String> {
        None
    }

    /// How a part of a transaction is undone. None: it cannot be.
    fn savepoints(&self) -> Option<Savepoints> {
        Some(Savepoints {
            set: "SAVEPOINT one_change",
            forget: Some("RELEASE SAVEPOINT one_change"),
            back: "ROLLBACK TO SAVEPOINT one_change",
        })
    }

    /// At most so many rows of a statement.
    fn limit(&self, sql: &str, rows: usize) -> String {
        format!("{sql} FETCH FIRST {rows} ROWS ONLY")
    }

    /// Whether a backslash in a text takes the quote behind it along.
    fn escapes_with_backslash(&self) -> bool {
        false
    }

    /// An argument of a procedure with the name of its parameter. None: only their order counts.
    fn named(&self, name: &str, mark: &str, _is_answered: bool) -> Option<String> {
        let (open, close) = self.quotes();
        Some(format!("{open}{}{close} => {mark}", name.replace(close, &format!("{close}{close}"))))
    }

    /// A call of a procedure, its name in quotes already.
    fn call(&self, procedure: &str, arguments: &[String]) -> String {
        format!("CALL {procedure}({})", arguments.join(", "))
    }

    /// How a statement begins that adds rows.
    fn insert_into(&self) -> &'static str {
        "INSERT INTO"
    }

    /// How a statement begins that changes rows.
    fn update_word(&self) -> &'static str {
        "UPDATE"
    }

    /// The statement for the one value that somebody's query answers.
    fn answer(&self, query: &str) -> String {
        format!("SELECT ({query})")
    }

    /// The condition that columns are the same as those selected of one of these rows.
    fn among(
        &self,
        columns: &[String],
        selected: &[String],
        from: &str,
        condition: &str,
    ) -> String {
        let word = if condition.is_empty() { "" } else { " WHERE " };
        let query = format!("SELECT {} FROM {from}{word}{condition}", selected.join(", "));
        match columns {
            [one] => format!("{one} IN ({query})"),
            several if self.compares_rows() => format!("({}) IN ({query})", several.join(", ")),
            several => {
                let same =
                    several.iter().zip(selected).map(|(one, other)| format!("{one} = {other}"));
                let condition = Some(condition).filter(|text| !text.is_empty());
                let condition = condition.map(|text| format!("({text})"));
                let all: Vec<String> = same.chain(condition).collect();
                format!("EXISTS (SELECT 1 FROM {from} WHERE {})", all.join(" AND "))
            }
        }
    }

    /// The account of changes that the database keeps itself, where it can. SQL Server's stands in
    /// its own file.
    fn change_tracking(&self) -> Option<&'static dyn Account> {
        None
    }
}

/// Statements that set a savepoint, forget it where that is needed, and go back to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Savepoints {
    pub(crate) set: &'static str,
    pub(crate) forget: Option<&'static str>,
    pub(crate) back: &'static str,
}

/// Statements about the catalog of a database, in one shape for all, and what its types are.
///
/// Truth values are 1 and 0. A table is known by its schema and its name.
pub(crate) struct Catalog {
    /// Schema, table, `V` for a view, whether it is in the schema of the connection.
    pub(crate) tables: &'static str,
    /// Schema, table, column, type, NOT NULL, has a default, is numbered, is computed, ignores case.
    pub(crate) columns: &'static str,
    /// Schema, table, key, is it the primary one, column; the columns of a key in their order. A
    /// part that is no whole column is empty.
    pub(crate) keys: &'static str,
    /// Schema, table, key, column, schema and table and column that are referred to.
    pub(crate) foreign: &'static str,
    /// What kind of values a type stands for.
    pub(crate) type_of: fn(&str) -> (AttributeType, Storage),
}

/// The marks of so many parameters.
fn marks(dialect: &dyn Dialect, first: usize, count: usize) -> Vec<String> {
    (first..first + count).map(|number| dialect.mark(number)).collect()
}

impl dyn Dialect + '_ {
    /// A name in quotes, whatever is in it.
    pub(crate) fn name(&self, name: &str) -> String {
        let (before, behind) = self.quotes();
        let mut quoted = String::with_capacity(name.len() + 2);
        quoted.push(before);
        for c in name.chars() {
            quoted.push(c);
            if c == behind {
                quoted.push(c);
            }
        }
        quoted.push(behind);
        quoted
    }

    fn names<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> String {
        names.into_iter().map(|name| self.name(name)).collect::<Vec<_>>().join(", ")
    }

    /// Columns as they are read.
    fn columns<'a>(&self, columns: impl IntoIterator<Item = &'a Column>) -> String {
        let shown = |column: &Column| self.shown(&self.name(&column.name), column.storage);
        columns.into_iter().map(shown).collect::<Vec<_>>().join(", ")
    }

    /// Rows, all or those that fit a condition. The table is the parent's in it.
    pub(crate) fn select<'a>(
        &self,
        table: &Table,
        columns: impl IntoIterator<Item = &'a Column>,
        condition: &str,
    ) -> String {
        let (columns, table) = (self.columns(columns), &table.quoted);
        let word = if condition.is_empty() { "" } else { " WHERE " };
        format!("SELECT {columns} FROM {table} p{word}{condition}")
    }

    /// All columns of a table or of a query in brackets.
    pub(crate) fn everything(&self, table: &str) -> String {
        format!("SELECT * FROM {table} p")
    }

    /// Whether a table can be read. Its name is in quotes already, as in the next one.
    pub(crate) fn probe(&self, table: &str) -> String {
        self.limit(&format!("SELECT 1 FROM {table} p"), 1)
    }

    /// The greatest value of a column.
    pub(crate) fn greatest(&self, table: &str, column: &str, storage: Storage) -> String {
        let greatest = format!("max({})", self.name(column));
        format!("SELECT {} FROM {table} p", self.shown(&greatest, storage))
    }

    /// The condition of rows that came since the value of a parameter. The column is in quotes
    /// already, here and in the next two.
    pub(crate) fn since(&self, column: &str, parameter: usize) -> String {
        format!("{column} >= {}", self.mark(parameter))
    }

    /// The condition of rows that have a value.
    pub(crate) fn present(&self, column: &str) -> String {
        format!("{column} IS NOT NULL")
    }

    /// The condition of rows with exactly the value of a parameter.
    pub(crate) fn at(&self, column: &str, parameter: usize) -> String {
        format!("{column} = {}", self.mark(parameter))
    }

    /// The condition of the row with an anchor; its marks are counted from `first`.
    pub(crate) fn anchor(&self, table: &Table, first: usize) -> String {
        let part = |(at, column): (usize, &Column)| {
            let mark = self.compared(first + at, column.storage);
            self.is(&self.name(&column.name), column.storage, &mark)
        };
        table.anchors().enumerate().map(part).collect::<Vec<_>>().join(" AND ")
    }

    /// The condition of rows of a parent's table that stand behind an anchor, or up to it and with
    /// it; and which value of the anchor each of its parameters is, counted from `first`.
    pub(crate) fn beyond(
        &self,
        table: &Table,
        is_behind: bool,
        first: usize,
    ) -> (String, Vec<usize>) {
        let columns: Vec<(String, Storage)> =
            table.anchors().map(|column| (self.of_parent(&column.name), column.storage)).collect();
        let (mut cases, mut values) = (Vec::new(), Vec::new());
        for last in 0..columns.len() {
            let mut parts = Vec::new();
            for (at, (column, storage)) in columns[..=last].iter().enumerate() {
                let mark = self.compared(first + values.len(), *storage);
                values.push(at);
                parts.push(match (at == last, is_behind) {
                    (false, _) => self.is(column, *storage, &mark),
                    (true, true) => format!("{} > {mark}", self.ordered(column, *storage)),
                    (true, false) if last + 1 == columns.len() => {
                        format!("{} <= {mark}", self.ordered(column, *storage))
                    }
                    (true, false) => format!("{} < {mark}", self.ordered(column, *storage)),
                });
            }
            cases.push(parts.join(" AND "));
        }
        (format!("({})", cases.join(" OR ")), values)
    }

    /// A new row, and whether the statement answers it, or its anchor.
    pub(crate) fn insert(&self, table: &Table, columns: &[&Column]) -> (String, bool) {
        let (insert, name) = (self.insert_into(), &table.quoted);
        let values = match columns {
            [] => {
                let first = table.columns.iter().find(|column| column.anchor);
                self.defaults(&first.map_or_else(String::new, |column| self.name(&column.name)))
            }
            columns => {
                let names = self.names(columns.iter().map(|column| column.name.as_str()));
                format!("({names}) VALUES ({})", marks(self, 1, columns.len()).join(", "))
            }
        };
        let insert = format!("{insert} {name} {values}");
        let answered = match table.answers_whole() {
            true => self.columns(table.read()),
            false => self.columns(table.anchors()),
        };
        match self.answering(&insert, &answered) {
            Some(answering) => (answering, true),
            None => (insert, false),
        }
    }

    /// Other values in the row with an anchor, and whether the statement answers the row; the anchor's
    /// marks come last.
    pub(crate) fn update(&self, table: &Table, columns: &[&Column]) -> (String, bool) {
        let sets: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| format!("{} = {}", self.name(&column.name), self.mark(at + 1)))
            .collect();
        let (update, name) = (self.update_word(), &table.quoted);
        let condition = self.anchor(table, columns.len() + 1);
        let update = format!("{update} {name} SET {} WHERE {condition}", sets.join(", "));
        let answered = table.answers_whole().then(|| self.columns(table.read()));
        match answered.and_then(|columns| self.answering_update(&update, &columns)) {
            Some(answering) => (answering, true),
            None => (update, false),
        }
    }

    /// The row with an anchor goes.
    pub(crate) fn delete(&self, table: &Table) -> String {
        format!("DELETE FROM {} WHERE {}", table.quoted, self.anchor(table, 1))
    }

    /// A column of the parent, in statements that have parent and child.
    pub(crate) fn of_parent(&self, column: &str) -> String {
        format!("p.{}", self.name(column))
    }

    /// A column of the child, in statements that have parent and child.
    pub(crate) fn of_child(&self, column: &str) -> String {
        format!("c.{}", self.name(column))
    }

    /// Rows of a table in the order of its anchor.
    pub(crate) fn parents<'a>(
        &self,
        table: &Table,
        columns: impl IntoIterator<Item = &'a Column>,
        condition: &str,
    ) -> String {
        let shown = |column: &Column| self.shown(&self.of_parent(&column.name), column.storage);
        let columns: Vec<String> = columns.into_iter().map(shown).collect();
        let word = if condition.is_empty() { "" } else { " WHERE " };
        let ordered = |one: &Column| self.ordered(&self.of_parent(&one.name), one.storage);
        let order: Vec<String> = table.anchors().map(ordered).collect();
        format!(
            "SELECT {} FROM {} p{word}{condition} ORDER BY {}",
            columns.join(", "),
            table.quoted,
            order.join(", ")
        )
    }

    /// The condition that a row of a child table belongs to one of its parent's.
    fn join(&self, table: &Table, child: &Child) -> String {
        let parts = child.join.iter().map(|join| {
            let parent = self.of_parent(&table.columns[join.parent].name);
            self.is(&self.of_child(&join.child), join.storage, &parent)
        });
        parts.collect::<Vec<_>>().join(" AND ")
    }

    /// Rows of a child table whose parents fit a condition, in the order of the parent's anchor:
    /// the anchor, then the value.
    pub(crate) fn children(&self, table: &Table, child: &Child, condition: &str) -> String {
        let join = self.join(table, child);
        let anchor = table.anchors().map(|one| (self.of_parent(&one.name), one.storage));
        let value = child.columns().map(|(name, storage)| (self.of_child(name), storage));
        let columns: Vec<(String, Storage)> = anchor.chain(value).collect();
        let shown: Vec<String> =
            columns.iter().map(|(column, storage)| self.shown(column, *storage)).collect();
        let order: Vec<String> =
            columns.iter().map(|(column, storage)| self.ordered(column, *storage)).collect();
        let (parents, children) = (&table.quoted, &child.quoted);
        let word = if condition.is_empty() { "" } else { " WHERE " };
        format!(
            "SELECT {} FROM {parents} p JOIN {children} c ON {join}{word}{condition} ORDER BY {}",
            shown.join(", "),
            order.join(", ")
        )
    }

    /// The condition of parents that have a row in the child table that fits another condition.
    pub(crate) fn has_child(&self, table: &Table, child: &Child, condition: &str) -> String {
        if !self.compares_rows() && child.join.len() > 1 {
            let join = self.join(table, child);
            return format!(
                "EXISTS (SELECT 1 FROM {} c WHERE {join} AND {condition})",
                child.quoted
            );
        }
        let parents = child.join.iter().map(|join| &table.columns[join.parent].name);
        let parents: Vec<String> = parents.map(|name| self.of_parent(name)).collect();
        let children: Vec<String> =
            child.join.iter().map(|join| self.of_child(&join.child)).collect();
        self.among(&parents, &children, &format!("{} c", child.quoted), condition)
    }

    /// The condition of a child's rows with an owner, and with a value when one is given; the
    /// owner's marks come first.
    fn owned(&self, child: &Child, value: bool) -> String {
        let owner = child.join.iter().map(|join| (join.child.as_str(), join.storage));
        let columns = owner.chain(child.columns().filter(|_| value));
        let parts = columns.enumerate().map(|(at, (name, storage))| {
            self.is(&self.name(name), storage, &self.compared(at + 1, storage))
        });
        parts.collect::<Vec<_>>().join(" AND ")
    }

    /// The values of an owner, or this one of them.
    pub(crate) fn child_rows(&self, child: &Child, value: bool) -> String {
        let columns: Vec<(String, Storage)> =
            child.columns().map(|(name, storage)| (self.name(name), storage)).collect();
        let shown: Vec<String> =
            columns.iter().map(|(column, storage)| self.shown(column, *storage)).collect();
        let order: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
        format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {}",
            shown.join(", "),
            child.quoted,
            self.owned(child, value),
            order.join(", ")
        )
    }

    /// A value for an owner.
    pub(crate) fn child_insert(&self, child: &Child) -> String {
        let owner = child.join.iter().map(|join| join.child.as_str());
        let columns: Vec<&str> = owner.chain(child.columns().map(|(name, _)| name)).collect();
        let (insert, table) = (self.insert_into(), &child.quoted);
        let marks = marks(self, 1, columns.len()).join(", ");
        format!("{insert} {table} ({}) VALUES ({marks})", self.names(columns))
    }

    /// One value of an owner goes, or all do.
    pub(crate) fn child_delete(&self, child: &Child, value: bool) -> String {
        format!("DELETE FROM {} WHERE {}", child.quoted, self.owned(child, value))
    }
}
