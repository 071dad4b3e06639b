//! Which attribute a refusal of the database is about, as far as its words tell.

use super::Export;
use crate::{
    driver::{Failure, Fault},
    schema::Column,
};
use ecma_plugin_sdk::{Error, ErrorKind};
use std::cmp::Reverse;

impl<'a> Export<'a> {
    /// The error with the attribute whose value the database refused, as far as its words tell.
    pub(super) fn blame(&self, columns: &[&Column], failure: Failure) -> Failure {
        let Failure::Database(fault, text) = &failure else { return failure };
        if *fault == Fault::Deadlock {
            return failure;
        }
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
        let error = match (named, words) {
            (Some(column), _) => error.at(&column.name),
            (None, Some(words)) => error.with_message(words),
            (None, None) => error,
        };
        error.into()
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
