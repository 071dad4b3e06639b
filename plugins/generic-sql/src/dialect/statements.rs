//! The statements that are made for tables, out of what each dialect says. Names are quoted here and
//! nowhere else; values are never part of the text.

use super::Dialect;
use crate::{
    child::Child,
    driver::Storage,
    schema::{Column, Table},
};

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

    /// The different values of a column, so many of them at most, NULL among them.
    pub(crate) fn different(
        &self,
        table: &str,
        column: &str,
        storage: Storage,
        most: usize,
    ) -> String {
        let shown = self.shown(&self.name(column), storage);
        // With DISTINCT a limit would stand elsewhere for SQL Server.
        self.limit(&format!("SELECT {shown} FROM {table} p GROUP BY {shown}"), most)
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
