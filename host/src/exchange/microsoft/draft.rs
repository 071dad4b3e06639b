//! A document of ours while it is made from a foreign connector: keys with their values and where each
//! came from.

use std::fmt::Write as _;

use toml_edit::{Array, InlineTable, Key, Value};

use crate::exchange::report::Report;

/// The document and what is to be said of it.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) plugin: String,
    pub(super) values: Vec<Line>,
    pub(super) report: Report,
}

/// A key of the document.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) value: Value,
    /// Where it came from.
    pub(super) from: String,
}

impl Draft {
    /// Sets a parameter of our plugin; `from` is what it was called there.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>, from: &str) {
        let (key, value, from) = (key.to_owned(), value.into(), from.to_owned());
        self.values.push(Line { key, value, from });
    }

    /// The same, and says in the report that it is as it was.
    pub(super) fn take(&mut self, key: &str, value: impl Into<Value>, from: &str) {
        self.report.taken(format!("values.{key}"), format!("from {from}"));
        self.set(key, value, from);
    }

    /// Sets a list, unless it is empty.
    pub(super) fn take_list(&mut self, key: &str, items: Vec<String>, from: &str) {
        if !items.is_empty() {
            self.take(key, list(items), from);
        }
    }
}

/// A list of texts.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> Value {
    Value::Array(items.into_iter().collect::<Array>())
}

/// A table on one line.
pub(super) fn inline(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut table = InlineTable::new();
    pairs.into_iter().for_each(|(key, value)| drop(table.insert(key, value)));
    Value::InlineTable(table)
}

/// Writes one line, its origin as a comment behind it.
pub(super) fn write(text: &mut String, line: &Line) {
    let mut value = line.value.clone();
    value.decor_mut().clear();
    let key = Key::new(&line.key);
    let written = match line.from.is_empty() {
        true => writeln!(text, "{key} = {value}"),
        false => writeln!(text, "{key} = {value}  # {}", comment(&line.from)),
    };
    written.expect("a text takes everything");
}

/// A text that can stand in a comment.
pub(super) fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back_from_the_line_it_is_written_on() {
        for text in ["", "plain", "two\nlines", "'\"\\", "tab\t\u{7}", "a = 1 # no", "''' \"\"\"\n"]
        {
            for value in [Value::from(text), list([text.to_owned(), "b".to_owned()])] {
                let mut line = String::new();
                let key = text.to_owned();
                write(&mut line, &Line { key, value: value.clone(), from: text.into() });
                let table: toml::Table = line.parse().unwrap();
                let read = &table[text];
                let read = read.as_array().map_or(read, |items| &items[0]);
                assert_eq!(read.as_str(), Some(text), "{line}");
            }
        }
    }
}
