//! A TOML document checked against its table of keys, every problem at once, each with its place.
//!
//! Deliberately not serde: it stops at the first mistake and knows no neighbors of a wrong word.

use std::{cell::RefCell, ops::Range};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{
    keys::{Key, Shape, nearest},
    problem::Problem,
};

/// Checks `text` against `keys` and builds its value; what `build` finds wrong counts as well.
pub(super) fn read<T>(
    file: &str,
    text: &str,
    keys: &'static [Key],
    build: impl FnOnce(&Section<'_>) -> T,
) -> Result<T, Vec<Problem>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(syntax_problems(file, text, &errors));
    }
    let document = Document { file, text, problems: RefCell::default() };
    let root = Section {
        document: &document,
        path: String::new(),
        at: 0,
        table: Some(root.get_ref()),
        keys,
    };
    root.check();
    let value = build(&root);
    let mut problems = document.problems.take();
    if problems.is_empty() {
        return Ok(value);
    }
    problems.sort();
    Err(problems)
}

/// The parser's complaints, one per line: what follows on the same line is mostly an echo.
fn syntax_problems(file: &str, text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = errors
        .iter()
        .map(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let message = error.message().trim_end().replace('\n', ", ");
            Problem::at(file, text, offset, "", message)
        })
        .collect();
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems.dedup_by_key(|problem| problem.line);
    problems
}

struct Document<'d> {
    file: &'d str,
    text: &'d str,
    problems: RefCell<Vec<Problem>>,
}

/// A table of the document beside what is known of its keys. Absent tables read as their defaults.
pub(super) struct Section<'d> {
    document: &'d Document<'d>,
    path: String,
    at: usize,
    table: Option<&'d DeTable<'d>>,
    keys: &'static [Key],
}

impl<'d> Section<'d> {
    /// Tells of a problem at this key's value, or at the head of the section when it is absent.
    pub(super) fn problem(&self, name: &str, message: impl Into<String>) {
        let at = self.value(name).map_or(self.at, |value| value.span().start);
        self.tell(&join(&self.path, name), at, message);
    }

    /// The key's place in the document, to be named in another problem.
    pub(super) fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The string, or its default; `None` when there is neither or it is no string.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let default = match bare(self.shape(name)) {
            Shape::Name { default } => *default,
            Shape::Word { default, .. } => Some(*default),
            _ => None,
        };
        let Some(value) = self.value(name) else { return default.map(str::to_owned) };
        value.get_ref().as_str().map(str::to_owned)
    }

    /// The list of strings, or its default.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        match (self.value(name), self.shape(name)) {
            (Some(value), _) => strings(value.get_ref()).unwrap_or_default(),
            (None, Shape::Names { default, .. }) => default.iter().map(|&s| s.into()).collect(),
            (None, _) => Vec::new(),
        }
    }

    /// Whether it is written as a list without anything in it.
    pub(super) fn is_empty_list(&self, name: &str) -> bool {
        let list = self.value(name).and_then(|value| value.get_ref().as_array());
        list.is_some_and(|list| list.is_empty())
    }

    /// The number, or its default; a wrong one, already reported, reads as the default too.
    pub(super) fn whole<T: TryFrom<i64>>(&self, name: &str) -> T {
        let Shape::Whole { from, to, default } = *self.shape(name) else {
            unreachable!("{name} is declared a whole number")
        };
        let number = self
            .value(name)
            .and_then(|value| integer(value.get_ref()))
            .filter(|number| (from..=to).contains(number))
            .unwrap_or(default);
        T::try_from(number).ok().expect("the declared bounds fit the type")
    }

    /// The boolean, or its default.
    pub(super) fn flag(&self, name: &str) -> bool {
        let default = matches!(self.shape(name), Shape::Flag { default: true });
        self.value(name).and_then(|value| value.get_ref().as_bool()).unwrap_or(default)
    }

    /// The table of known keys; an absent one reads as its defaults.
    pub(super) fn section(&self, name: &str) -> Section<'d> {
        let (Shape::Table(keys) | Shape::OrTable(_, keys)) = self.shape(name) else {
            unreachable!("{name} is declared a table")
        };
        self.below(self.path_of(name), self.value(name), keys)
    }

    /// The table at this key when it is written as one.
    pub(super) fn written_section(&self, name: &str) -> Option<Section<'d>> {
        self.value(name)?.get_ref().as_table()?;
        Some(self.section(name))
    }

    /// The tables of `[[name]]` in document order.
    pub(super) fn sections(&self, name: &str) -> Vec<Section<'d>> {
        let Shape::Tables(keys) = self.shape(name) else {
            unreachable!("{name} is declared a list of tables")
        };
        let Some(list) = self.value(name).and_then(|value| value.get_ref().as_array()) else {
            return Vec::new();
        };
        let path = self.path_of(name);
        let item = |(index, value)| self.below(format!("{path}[{index}]"), Some(value), keys);
        list.iter().enumerate().map(item).collect()
    }

    /// The table of free keys, as a section whose keys are those written, in document order.
    pub(super) fn entries(&self, name: &str) -> Vec<Entry<'d>> {
        let Shape::Map(shape) = self.shape(name) else {
            unreachable!("{name} is declared a table of free keys")
        };
        let map = self.below(self.path_of(name), self.value(name), &[]);
        let mut rows = map.rows();
        rows.sort_by_key(|(_, key, _)| key.start);
        rows.into_iter()
            .map(|(key, _, value)| {
                let keys: &'static [Key] =
                    if let Shape::OrTable(_, keys) = shape { keys } else { &[] };
                Entry {
                    key: key.to_owned(),
                    value,
                    section: map.below(map.path_of(key), Some(value), keys),
                }
            })
            .collect()
    }

    fn below(
        &self,
        path: String,
        value: Option<&'d Spanned<DeValue<'d>>>,
        keys: &'static [Key],
    ) -> Section<'d> {
        Section {
            document: self.document,
            path,
            at: value.map_or(self.at, |value| value.span().start),
            table: value.and_then(|value| value.get_ref().as_table()),
            keys,
        }
    }

    fn tell(&self, key: &str, at: usize, message: impl Into<String>) {
        let Document { file, text, problems } = self.document;
        problems.borrow_mut().push(Problem::at(file, text, at, key, message));
    }

    fn value(&self, name: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.table?.get(name)
    }

    fn shape(&self, name: &str) -> &'static Shape {
        let key = self.keys.iter().find(|key| key.name == name);
        &key.expect("a key that is read is declared in its section's table").shape
    }

    fn rows(&self) -> Vec<(&'d str, Range<usize>, &'d Spanned<DeValue<'d>>)> {
        let row = |(key, value): (&'d Spanned<DeString<'d>>, _)| {
            (key.get_ref().as_ref(), key.span(), value)
        };
        self.table.into_iter().flat_map(|table| table.iter()).map(row).collect()
    }

    /// Reports unknown and missing keys, then checks each value.
    fn check(&self) {
        for (name, span, value) in self.rows() {
            match self.keys.iter().find(|key| key.name == name) {
                Some(key) => self.check_value(name, &key.shape, value),
                None => {
                    let known = self.keys.iter().map(|key| key.name);
                    let message = format!("unknown key{}", suggestion(name, known));
                    self.tell(&self.path_of(name), span.start, message);
                }
            }
        }
        for key in self.keys.iter().filter(|key| !self.has(key.name)) {
            if let Some(message) = key.required {
                self.tell(&self.path_of(key.name), self.at, message);
            }
        }
    }

    fn check_value(&self, name: &str, shape: &'static Shape, value: &'d Spanned<DeValue<'d>>) {
        let path = self.path_of(name);
        let tell = |message: String| self.tell(&path, value.span().start, message);
        match (shape, value.get_ref()) {
            (Shape::Text, DeValue::String(_)) | (Shape::Flag { .. }, DeValue::Boolean(_)) => {}
            (Shape::Value, DeValue::String(_) | DeValue::Boolean(_)) => {}
            (Shape::Name { .. }, DeValue::String(text)) => {
                if text.is_empty() {
                    tell("must not be empty".into());
                }
            }
            (Shape::Word { words, .. }, DeValue::String(text)) => {
                if !words.contains(&text.as_ref()) {
                    tell(format!(
                        "unknown word {text:?}{}",
                        suggestion(text, words.iter().copied())
                    ));
                }
            }
            (Shape::Whole { from, to, .. }, DeValue::Integer(found)) => {
                if !integer(value.get_ref()).is_some_and(|n| (*from..=*to).contains(&n)) {
                    tell(format!("must be between {from} and {to}, found {found}"));
                }
            }
            (Shape::Value, DeValue::Integer(found)) => {
                if integer(value.get_ref()).is_none() {
                    tell(format!("{found} does not fit a signed 64-bit number"));
                }
            }
            (Shape::Names { at_least, .. }, DeValue::Array(list)) => {
                if list.len() < *at_least {
                    tell(format!("must name at least {at_least}"));
                }
                self.check_items(&path, list.iter(), &Shape::NAME);
            }
            (Shape::Value, DeValue::Array(list)) => {
                self.check_items(&path, list.iter(), &Shape::Text);
            }
            (Shape::Table(keys) | Shape::OrTable(_, keys), DeValue::Table(_)) => {
                self.below(path, Some(value), keys).check();
            }
            (Shape::OrTable(shape, _), DeValue::String(_)) => self.check_value(name, shape, value),
            (Shape::Map(shape), DeValue::Table(_)) => {
                let map = self.below(path, Some(value), &[]);
                map.rows()
                    .into_iter()
                    .for_each(|(key, _, value)| map.check_value(key, shape, value));
            }
            (Shape::Tables(keys), DeValue::Array(list)) => {
                if list.is_empty() {
                    tell(format!("must hold at least one table, written under [[{name}]]"));
                }
                for (index, item) in list.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    if item.get_ref().is_table() {
                        self.below(path, Some(item), keys).check();
                    } else {
                        let message = format!("must be a table, found {}", kind(item.get_ref()));
                        self.tell(&path, item.span().start, message);
                    }
                }
            }
            (Shape::Tables(_), DeValue::Table(_)) => {
                tell(format!("must be a list of tables, each under [[{name}]], found a table"));
            }
            (_, found) => tell(format!("must be {}, found {}", shape.expected(), kind(found))),
        }
    }

    fn check_items<'v>(
        &self,
        path: &str,
        items: impl Iterator<Item = &'v Spanned<DeValue<'v>>>,
        shape: &Shape,
    ) {
        for (index, item) in items.enumerate() {
            let message = match (item.get_ref(), shape) {
                (DeValue::String(text), Shape::Name { .. }) if text.is_empty() => {
                    "must not be empty".into()
                }
                (DeValue::String(_), _) => continue,
                (found, _) => format!("must be a string, found {}", kind(found)),
            };
            self.tell(&format!("{path}[{index}]"), item.span().start, message);
        }
    }
}

/// A row of a table with free keys.
pub(super) struct Entry<'d> {
    /// The key as written.
    pub(super) key: String,
    /// The row as a section; empty unless it is written as a table.
    pub(super) section: Section<'d>,
    value: &'d Spanned<DeValue<'d>>,
}

impl Entry<'_> {
    /// Tells of a problem at the row's value.
    pub(super) fn problem(&self, message: impl Into<String>) {
        self.section.tell(&self.section.path, self.value.span().start, message);
    }

    pub(super) fn path(&self) -> &str {
        &self.section.path
    }

    pub(super) fn text(&self) -> Option<&str> {
        self.value.get_ref().as_str()
    }

    pub(super) fn whole(&self) -> Option<i64> {
        integer(self.value.get_ref())
    }

    pub(super) fn flag(&self) -> Option<bool> {
        self.value.get_ref().as_bool()
    }

    pub(super) fn texts(&self) -> Option<Vec<String>> {
        strings(self.value.get_ref())
    }
}

fn bare(shape: &'static Shape) -> &'static Shape {
    if let Shape::OrTable(shape, _) = shape { shape } else { shape }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn strings(value: &DeValue<'_>) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    Some(items.filter_map(|item| item.get_ref().as_str().map(str::to_owned)).collect())
}

/// What was found, in an operator's words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn suggestion<'k>(written: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    match nearest(written, known.clone()) {
        Some(word) => format!(", did you mean \"{word}\"?"),
        None => format!(", known here: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

fn dot(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}.") }
}

/// The path of a key below a path, in quotes where TOML wants them.
pub(super) fn join(path: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(plain) {
        format!("{}{name}", dot(path))
    } else {
        format!("{}{name:?}", dot(path))
    }
}
