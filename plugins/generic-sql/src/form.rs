//! How a column writes what can be written in several ways: truth, points in time, padding.

use crate::{
    driver::{Cell, ColumnFacts, Storage},
    moment::{self, Clock},
    schema::Table,
    settings::Settings,
};
use ecma_plugin_sdk::{AttributeType, Problem};

const WORDS: &str = "boolean_words";

#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    pub(crate) clock: Clock,
    /// For true and for false, in a column of text.
    pub(crate) words: Option<(String, String)>,
    /// Spaces at the end are not part of a value.
    pub(crate) padded: bool,
}

impl Form {
    /// Of a column of an object type, with values of this kind; `is_named` tells whether an entry of a list means it.
    pub(crate) fn of(
        settings: &Settings,
        object_type: &str,
        facts: &ColumnFacts,
        kind: AttributeType,
        is_named: impl Fn(&str) -> bool,
    ) -> Form {
        let is_text = facts.kind == AttributeType::Text
            && matches!(facts.storage, Storage::Text | Storage::AsGiven | Storage::Own);
        let words = || {
            let all = || settings.boolean_words.iter().filter_map(|entry| said(entry));
            let one = all().find(|(column, _)| column.is_some_and(&is_named));
            let (_, (yes, no)) = one.or_else(|| all().find(|(column, _)| column.is_none()))?;
            Some((yes.to_owned(), no.to_owned()))
        };
        let clock = match kind {
            AttributeType::DateTime => Clock::of(settings, object_type, facts.moments),
            _ => Clock::default(),
        };
        Form {
            clock,
            words: (kind == AttributeType::Boolean && is_text).then(words).flatten(),
            padded: facts.padded && settings.trim_char_padding,
        }
    }

    /// A cell without its padding.
    pub(crate) fn trimmed<'a>(&self, cell: Cell<'a>) -> Cell<'a> {
        match cell {
            Cell::Text(text) if self.padded => {
                let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |at| at + 1);
                Cell::Text(&text[..end])
            }
            cell => cell,
        }
    }

    /// What a word of the settings means.
    pub(crate) fn truth(&self, word: &str) -> Option<bool> {
        let (yes, no) = self.words.as_ref()?;
        let word = word.trim();
        let is = |known: &String| known.to_lowercase() == word.to_lowercase();
        if is(yes) { Some(true) } else { is(no).then_some(false) }
    }
}

/// An entry of `boolean_words`: `Y/N`, or `person.active=Y/N`.
fn said(entry: &str) -> Option<(Option<&str>, (&str, &str))> {
    let (column, words) = match entry.split_once('=') {
        Some((column, words)) => (Some(column.trim()), words),
        None => (None, entry),
    };
    let (yes, no) = words.split_once('/')?;
    let (yes, no) = (yes.trim(), no.trim());
    let fits = !yes.is_empty() && !no.is_empty() && !no.contains('/') && column != Some("");
    (fits && yes.to_lowercase() != no.to_lowercase()).then_some((column, (yes, no)))
}

/// The columns that `boolean_words` names.
pub(crate) fn named(settings: &Settings) -> impl Iterator<Item = &str> {
    settings.boolean_words.iter().filter_map(|entry| said(entry)?.0)
}

/// What is wrong without a look at the database.
pub(crate) fn problems(settings: &Settings) -> Vec<Problem> {
    let mut problems = moment::problems(settings);
    for entry in settings.boolean_words.iter().filter(|entry| said(entry).is_none()) {
        let text = "two different words with a slash between them, as Y/N or person.active=Y/N";
        problems.push(Problem::new(WORDS, format!("has \"{entry}\", which is not {text}")));
    }
    if settings.boolean_words.iter().filter(|entry| !entry.contains('=')).count() > 1 {
        problems.push(Problem::new(WORDS, "has words for all columns twice"));
    }
    problems
}

/// What `boolean_words` names and is no column of text with truth values.
pub(crate) fn unfit(settings: &Settings, tables: &[Table], problems: &mut Vec<Problem>) {
    for entry in named(settings) {
        let means = |table: &Table, column: &str| {
            crate::schema::means(entry, &[&table.object_type, &table.name], column)
        };
        let has_words = |table: &Table| {
            let columns = table.columns.iter().chain(table.children.iter().map(|c| &c.value));
            columns.filter(|column| means(table, &column.name)).any(|c| c.form.words.is_some())
        };
        if !tables.iter().any(has_words) {
            let text = format!("names \"{entry}\", which is no boolean in a column of text");
            problems.push(Problem::new(WORDS, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_two_with_a_slash() {
        for (entry, expected) in [
            ("Y/N", Some((None, ("Y", "N")))),
            ("person.active = Yes / No", Some((Some("person.active"), ("Yes", "No")))),
            ("Y", None),
            ("Y/", None),
            ("Y/y", None),
            ("Y/N/?", None),
            ("=Y/N", None),
        ] {
            assert_eq!(said(entry), expected, "{entry}");
        }
    }

    #[test]
    fn padding_is_spaces_at_the_end() {
        let padded = Form { padded: true, ..Form::default() };
        for (cell, expected) in [
            (Cell::Text(b" a b  "), Cell::Text(b" a b")),
            (Cell::Text(b"   "), Cell::Text(b"")),
            (Cell::Text(b"a\t"), Cell::Text(b"a\t")),
            (Cell::Integer(1), Cell::Integer(1)),
        ] {
            assert_eq!(padded.trimmed(cell), expected);
            assert_eq!(Form::default().trimmed(cell), cell);
        }
    }
}
