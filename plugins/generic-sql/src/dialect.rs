//! SQL text, as a database wants it. Names are quoted here and nowhere else; values are never part
//! of the text.

use crate::{
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

    /// The condition of rows that came since a value.
    pub(crate) fn since(&self, column: &str) -> String {
        format!("{} >= {}", self.name(column), self.mark(1))
    }

    /// The condition of rows that have a value.
    pub(crate) fn present(&self, column: &str) -> String {
        format!("{} IS NOT NULL", self.name(column))
    }

    /// The condition of rows with exactly this value.
    pub(crate) fn at(&self, column: &str) -> String {
        format!("{} = {}", self.name(column), self.mark(1))
    }

    /// At most so many rows of a statement.
    pub(crate) fn limit(&self, sql: &str, rows: usize) -> String {
        format!("{sql} LIMIT {rows}")
    }

    /// The condition of the row with an anchor; its marks are counted from `first`.
    pub(crate) fn anchor(&self, table: &Table, first: usize) -> String {
        let part = |(at, column): (usize, &Column)| {
            let (name, mark) = (self.name(&column.name), self.mark(first + at));
            match column.storage {
                // Nothing is converted in a comparison with such a column.
                Storage::AsGiven => format!("CAST({name} AS TEXT) = {mark}"),
                _ => format!("{name} = {mark}"),
            }
        };
        table.anchors().enumerate().map(part).collect::<Vec<_>>().join(" AND ")
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
