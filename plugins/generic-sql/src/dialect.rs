//! SQL text, as a database wants it. Names are quoted here and nowhere else; values are never part
//! of the text.

use crate::{
    child::Child,
    driver::Storage,
    schema::{Column, Table},
};

/// How a database writes SQL.
#[derive(Debug)]
pub(crate) struct Dialect {
    quote: char,
    insert: &'static str,
    update: &'static str,
}

/// SQLite. `OR ABORT` takes the place of a table's own `ON CONFLICT`, which could replace a row,
/// leave one out or end the transaction.
pub(crate) const SQLITE: Dialect =
    Dialect { quote: '"', insert: "INSERT OR ABORT INTO", update: "UPDATE OR ABORT" };

impl Dialect {
    /// A name in quotes, whatever is in it.
    pub(crate) fn name(&self, name: &str) -> String {
        let mut quoted = String::with_capacity(name.len() + 2);
        quoted.push(self.quote);
        for c in name.chars() {
            quoted.push(c);
            if c == self.quote {
                quoted.push(c);
            }
        }
        quoted.push(self.quote);
        quoted
    }

    /// The mark of a parameter, counted from 1.
    fn mark(&self, number: usize) -> String {
        format!("?{number}")
    }

    fn names<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> String {
        names.into_iter().map(|name| self.name(name)).collect::<Vec<_>>().join(", ")
    }

    /// Rows, all or those that fit a condition.
    pub(crate) fn select<'a>(
        &self,
        table: &str,
        columns: impl IntoIterator<Item = &'a str>,
        condition: &str,
    ) -> String {
        let (names, table) = (self.names(columns), self.name(table));
        let word = if condition.is_empty() { "" } else { " WHERE " };
        format!("SELECT {names} FROM {table}{word}{condition}")
    }

    /// Whether a table can be read.
    pub(crate) fn probe(&self, table: &str) -> String {
        format!("SELECT 1 FROM {} LIMIT 1", self.name(table))
    }

    /// The greatest value of a column.
    pub(crate) fn greatest(&self, table: &str, column: &str) -> String {
        format!("SELECT max({}) FROM {}", self.name(column), self.name(table))
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

    /// At most so many rows of a statement.
    pub(crate) fn limit(&self, sql: &str, rows: usize) -> String {
        format!("{sql} LIMIT {rows}")
    }

    /// The condition of the row with an anchor; its marks are counted from `first`.
    pub(crate) fn anchor(&self, table: &Table, first: usize) -> String {
        let part = |(at, column): (usize, &Column)| {
            self.is(&self.name(&column.name), column.storage, &self.mark(first + at))
        };
        table.anchors().enumerate().map(part).collect::<Vec<_>>().join(" AND ")
    }

    /// A column is the same as something else.
    fn is(&self, column: &str, storage: Storage, other: &str) -> String {
        match storage {
            // Nothing is converted in a comparison with such a column.
            Storage::AsGiven => format!("CAST({column} AS TEXT) = CAST({other} AS TEXT)"),
            _ => format!("{column} = {other}"),
        }
    }

    /// A new row; answers its anchor.
    pub(crate) fn insert(&self, table: &Table, columns: &[&Column]) -> String {
        let (insert, name) = (self.insert, self.name(&table.name));
        let anchor = self.names(table.anchors().map(|column| column.name.as_str()));
        if columns.is_empty() {
            return format!("{insert} {name} DEFAULT VALUES RETURNING {anchor}");
        }
        let names = self.names(columns.iter().map(|column| column.name.as_str()));
        let marks: Vec<String> = (1..=columns.len()).map(|number| self.mark(number)).collect();
        let marks = marks.join(", ");
        format!("{insert} {name} ({names}) VALUES ({marks}) RETURNING {anchor}")
    }

    /// Other values in the row with an anchor; the anchor's marks come last.
    pub(crate) fn update(&self, table: &Table, columns: &[&Column]) -> String {
        let sets: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| format!("{} = {}", self.name(&column.name), self.mark(at + 1)))
            .collect();
        let (update, name) = (self.update, self.name(&table.name));
        let condition = self.anchor(table, columns.len() + 1);
        format!("{update} {name} SET {} WHERE {condition}", sets.join(", "))
    }

    /// The row with an anchor goes.
    pub(crate) fn delete(&self, table: &Table) -> String {
        format!("DELETE FROM {} WHERE {}", self.name(&table.name), self.anchor(table, 1))
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
        columns: impl IntoIterator<Item = &'a str>,
        condition: &str,
    ) -> String {
        let names: Vec<String> = columns.into_iter().map(|name| self.of_parent(name)).collect();
        let word = if condition.is_empty() { "" } else { " WHERE " };
        format!(
            "SELECT {} FROM {} AS p{word}{condition} ORDER BY {}",
            names.join(", "),
            self.name(&table.name),
            self.parents_anchor(table)
        )
    }

    /// Rows of a child table whose parents fit a condition, in the order of the parent's anchor:
    /// the anchor, then the value.
    pub(crate) fn children(&self, table: &Table, child: &Child, condition: &str) -> String {
        let (anchor, value) = (self.parents_anchor(table), self.childs_value(child));
        let join = child.join.iter().map(|join| {
            let parent = self.of_parent(&table.columns[join.parent].name);
            self.is(&self.of_child(&join.child), join.storage, &parent)
        });
        let join = join.collect::<Vec<_>>().join(" AND ");
        let (parents, children) = (self.name(&table.name), self.name(&child.table));
        let word = if condition.is_empty() { "" } else { " WHERE " };
        format!(
            "SELECT {anchor}, {value} FROM {parents} AS p JOIN {children} AS c ON {join}\
             {word}{condition} ORDER BY {anchor}, {value}"
        )
    }

    /// The condition of parents that have a row in the child table that fits another condition.
    pub(crate) fn has_child(&self, table: &Table, child: &Child, condition: &str) -> String {
        let parents = child.join.iter().map(|join| &table.columns[join.parent].name);
        let parents: Vec<String> = parents.map(|name| self.of_parent(name)).collect();
        let children: Vec<String> =
            child.join.iter().map(|join| self.of_child(&join.child)).collect();
        let parents = match parents.as_slice() {
            [one] => one.clone(),
            several => format!("({})", several.join(", ")),
        };
        let (children, table) = (children.join(", "), self.name(&child.table));
        format!("{parents} IN (SELECT {children} FROM {table} AS c WHERE {condition})")
    }

    fn parents_anchor(&self, table: &Table) -> String {
        let names: Vec<String> =
            table.anchors().map(|column| self.of_parent(&column.name)).collect();
        names.join(", ")
    }

    fn childs_value(&self, child: &Child) -> String {
        let names: Vec<String> = child.columns().map(|(name, _)| self.of_child(name)).collect();
        names.join(", ")
    }

    /// The condition of a child's rows with an owner, and with a value when one is given; the
    /// owner's marks come first.
    fn owned(&self, child: &Child, value: bool) -> String {
        let owner = child.join.iter().map(|join| (join.child.as_str(), join.storage));
        let columns = owner.chain(child.columns().filter(|_| value));
        let parts = columns.enumerate().map(|(at, (name, storage))| {
            self.is(&self.of_child(name), storage, &self.mark(at + 1))
        });
        parts.collect::<Vec<_>>().join(" AND ")
    }

    /// The values of an owner.
    pub(crate) fn child_rows(&self, child: &Child) -> String {
        let (value, table) = (self.childs_value(child), self.name(&child.table));
        let owned = self.owned(child, false);
        format!("SELECT {value} FROM {table} AS c WHERE {owned} ORDER BY {value}")
    }

    /// A value for an owner, unless it is there.
    pub(crate) fn child_insert(&self, child: &Child) -> String {
        let (insert, table) = (self.insert, self.name(&child.table));
        let owner = child.join.iter().map(|join| join.child.as_str());
        let columns: Vec<&str> = owner.chain(child.columns().map(|(name, _)| name)).collect();
        let marks: Vec<String> = (1..=columns.len()).map(|number| self.mark(number)).collect();
        format!(
            "{insert} {table} ({}) SELECT {} WHERE NOT EXISTS (SELECT 1 FROM {table} AS c WHERE {})",
            self.names(columns),
            marks.join(", "),
            self.owned(child, true)
        )
    }

    /// One value of an owner goes, or all do.
    pub(crate) fn child_delete(&self, child: &Child, value: bool) -> String {
        format!("DELETE FROM {} AS c WHERE {}", self.name(&child.table), self.owned(child, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_is_in_them() {
        for (name, quoted) in [
            ("person", "\"person\""),
            ("select", "\"select\""),
            ("a\"b", "\"a\"\"b\""),
            ("\"; DROP TABLE person; --", "\"\"\"; DROP TABLE person; --\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(SQLITE.name(name), quoted);
        }
    }
}
