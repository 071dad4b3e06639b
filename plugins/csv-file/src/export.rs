//! Exports: one pass over the file per page of changes, one new file in place of the old one. Rows
//! that no change is about are copied byte for byte.

use crate::{
    edit::{Cell, Editor, Line, id_of, keyless},
    file::{Cells, Reader, Successor, beside, lock, resolve},
    generate::anchored,
    settings::Settings,
};
use ecma_plugin_sdk::{
    AttributeChange, AttributeType, Change, EntryId, Error, ErrorKind, Exported, Result, Value,
};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

/// How often a page is done again because somebody else changed the file meanwhile.
const TRIES: usize = 3;

/// Does a page of changes; one result for each.
pub(crate) fn export(settings: &Settings, batch: &[Change]) -> Vec<Result<Exported>> {
    page(settings, batch).unwrap_or_else(|error| vec![Err(error); batch.len()])
}

fn page(settings: &Settings, batch: &[Change]) -> Result<Vec<Result<Exported>>> {
    let path = resolve(settings)?;
    let _lock = lock(&path)?;
    for _ in 0..TRIES {
        let anchored = anchored(settings, &path, batch)?;
        let mut verdicts = vec![None; batch.len()];
        loop {
            match Pass::new(settings, &path, &anchored, &mut verdicts)?.run(&path)? {
                Outcome::Done(results) => return Ok(with_anchors(results, &anchored, batch)),
                Outcome::Again => {}
                Outcome::Moved => break,
            }
        }
    }
    let text = format!("{} is changed by somebody else all the time", path.display());
    Err(Error::new(ErrorKind::Busy, text))
}

/// The results, with the anchors that were made.
fn with_anchors(
    mut results: Vec<Result<Exported>>,
    anchored: &[Change],
    batch: &[Change],
) -> Vec<Result<Exported>> {
    for (result, (made, given)) in results.iter_mut().zip(anchored.iter().zip(batch)) {
        if let Ok(done) = result
            && given.id().anchor.is_empty()
        {
            done.anchor = Some(made.id().anchor.clone());
        }
    }
    results
}

enum Outcome {
    Done(Vec<Result<Exported>>),
    /// Changes were refused for what stands further down in the file.
    Again,
    /// Somebody else changed the file.
    Moved,
}

/// The changes of one entry.
struct Group {
    id: EntryId,
    changes: Vec<usize>,
    /// The line of its row, once that was found.
    line: Option<u64>,
}

/// Who has a value of a unique column after the page.
struct Holder {
    group: Option<usize>,
    /// Whether it is the page that gives it the value.
    taker: bool,
}

/// A unique column and one of its values.
type Claim = (usize, String);

struct Pass<'a> {
    batch: &'a [Change],
    /// Changes that are refused whatever the row, from passes before.
    verdicts: &'a mut Vec<Option<Error>>,
    reader: Reader,
    cells: Cells,
    writer: Writer,
    groups: Vec<Group>,
    by_key: HashMap<Vec<u8>, usize>,
    results: Vec<Result<Exported>>,
    /// How boolean columns are spelled, by column.
    samples: Vec<String>,
    /// Values of unique columns that changes give, and which changes.
    claims: HashMap<Claim, Vec<usize>>,
    holders: HashMap<Claim, Vec<Holder>>,
    changed: bool,
    /// Whether a change was refused that was not before.
    refused: bool,
}

impl<'a> Pass<'a> {
    fn new(
        settings: &Settings,
        path: &Path,
        batch: &'a [Change],
        verdicts: &'a mut Vec<Option<Error>>,
    ) -> Result<Pass<'a>> {
        let reader = Reader::open(settings, path)?;
        if reader.metadata.permissions().readonly() {
            let text = format!("{} may only be read", path.display());
            return Err(Error::new(ErrorKind::Forbidden, text));
        }
        let writer = Writer::new(settings, path, &reader)?;
        let mut pass = Pass {
            batch,
            verdicts,
            cells: Cells::new(reader.codec),
            writer,
            groups: Vec::new(),
            by_key: HashMap::new(),
            results: vec![Ok(Exported::done()); batch.len()],
            samples: vec![String::new(); reader.table.columns.len()],
            claims: HashMap::new(),
            holders: HashMap::new(),
            changed: false,
            refused: false,
            reader,
        };
        for at in 0..batch.len() {
            pass.plan(at);
        }
        Ok(pass)
    }

    /// Finds out which row a change is about and which unique values it gives.
    fn plan(&mut self, at: usize) {
        let change = &self.batch[at];
        if let Some(error) = &self.verdicts[at] {
            self.results[at] = Err(error.clone());
        }
        let id = id_of(change, &self.reader);
        let Some(key) = self.reader.table.key_of(&id) else {
            self.results[at] = Err(keyless(change, &id, &self.reader));
            return;
        };
        if id.anchor != change.id().anchor && self.verdicts[at].is_none() {
            self.results[at] = Ok(Exported::with_anchor(id.anchor.clone()));
        }
        for (place, column) in self.reader.table.attributes().filter(|(_, column)| column.unique) {
            for value in given(change, &column.name) {
                let Ok(values) = column.wanted(std::slice::from_ref(value)) else { continue };
                for value in values {
                    self.claims.entry((place, value.to_string())).or_default().push(at);
                }
            }
        }
        let groups = &mut self.groups;
        let group = *self.by_key.entry(key).or_insert_with(|| {
            groups.push(Group { id, changes: Vec::new(), line: None });
            groups.len() - 1
        });
        self.groups[group].changes.push(at);
    }

    fn run(mut self, path: &Path) -> Result<Outcome> {
        let mut key = Vec::new();
        while self.reader.step()? {
            let Reader { table, rows, .. } = &self.reader;
            let known = table.fits(rows).and_then(|()| table.key(rows, &mut self.cells, &mut key));
            if known.is_err() {
                self.writer.copy(&self.reader)?;
                continue;
            }
            self.sample();
            match self.by_key.get(&key).copied() {
                Some(group) => self.row(group)?,
                None => {
                    self.hold(None, None);
                    self.writer.copy(&self.reader)?;
                }
            }
            self.writer.remember_quotes(&self.reader);
        }
        for group in 0..self.groups.len() {
            if self.groups[group].line.is_none()
                && let Some(line) = self.apply(group, None)
            {
                self.hold(Some(group), Some(&line));
                self.writer.append(&line)?;
                self.changed = true;
            }
        }
        self.settle_claims();
        if self.refused {
            return Ok(Outcome::Again);
        }
        if self.changed && !self.writer.finish()?.replace(path, self.reader)? {
            return Ok(Outcome::Moved);
        }
        Ok(Outcome::Done(self.results))
    }

    /// Remembers how the row spells true and false.
    fn sample(&mut self) {
        for (at, column) in self.reader.table.attributes() {
            if column.kind == AttributeType::Boolean && self.samples[at].is_empty() {
                let text = self.cells.text(&self.reader.rows, at).unwrap_or_default();
                self.samples[at].push_str(text);
            }
        }
    }

    /// Does what a group wants of the row that the reader is at.
    fn row(&mut self, group: usize) -> Result<()> {
        let line = self.reader.rows.line();
        if let Some(earlier) = self.groups[group].line {
            for at in self.groups[group].changes.clone() {
                if !matches!(self.batch[at], Change::Add(_)) {
                    let id = &self.groups[group].id;
                    let text = format!("lines {earlier} and {line} are both {id}");
                    self.refuse(at, Error::new(ErrorKind::Conflict, text));
                }
            }
            self.hold(None, None);
            return self.writer.copy(&self.reader);
        }
        self.groups[group].line = Some(line);
        let kept: Line = vec![Cell::Kept; self.reader.table.columns.len()];
        let after = self.apply(group, Some(kept.clone()));
        match &after {
            None => self.writer.skip(&self.reader),
            Some(line) if *line == kept => {
                self.hold(None, None);
                return self.writer.copy(&self.reader);
            }
            Some(line) => {
                self.hold(Some(group), Some(line));
                self.writer.rewrite(&self.reader, line)?;
            }
        }
        self.changed = true;
        Ok(())
    }

    /// The line after all changes of a group that can be done, one after the other.
    fn apply(&mut self, group: usize, mut line: Option<Line>) -> Option<Line> {
        let Group { id, changes, .. } = &self.groups[group];
        for at in changes {
            if self.verdicts[*at].is_some() {
                continue;
            }
            let (reader, cells, samples) = (&self.reader, &mut self.cells, &self.samples);
            let mut editor = Editor { reader, cells, samples };
            match editor.apply(&self.batch[*at], id, line.as_ref()) {
                Ok(after) => line = after,
                Err(error) => self.results[*at] = Err(error),
            }
        }
        line
    }

    fn refuse(&mut self, at: usize, error: Error) {
        if self.verdicts[at].is_none() {
            self.verdicts[at] = Some(error);
            self.refused = true;
        }
    }

    /// Notes which of the claimed values a row has.
    fn hold(&mut self, group: Option<usize>, line: Option<&Line>) {
        if self.claims.is_empty() {
            return;
        }
        for (at, column) in self.reader.table.attributes().filter(|(_, column)| column.unique) {
            let (text, taker) = match line.map(|line| &line[at]) {
                Some(Cell::Text(text)) => (Some(text.as_str()), true),
                _ => (self.cells.text(&self.reader.rows, at), false),
            };
            for value in column.values(text.unwrap_or_default()).unwrap_or_default() {
                let claim = (at, value.to_string());
                if self.claims.contains_key(&claim) {
                    self.holders.entry(claim).or_default().push(Holder { group, taker });
                }
            }
        }
    }

    /// Refuses changes that give a unique value to a second row.
    fn settle_claims(&mut self) {
        for ((at, value), holders) in std::mem::take(&mut self.holders) {
            let mut free = holders.iter().all(|holder| holder.taker);
            let claimed: HashSet<usize> =
                self.claims.get(&(at, value)).into_iter().flatten().copied().collect();
            let name = self.reader.table.columns[at].as_ref().map(|column| column.name.clone());
            let error = Error::already_exists("is the same as in another row, but must be unique")
                .at(name.unwrap_or_default());
            for holder in holders.iter().filter(|holder| holder.taker) {
                if std::mem::take(&mut free) {
                    continue;
                }
                let changes = holder.group.map(|group| self.groups[group].changes.clone());
                for change in changes.into_iter().flatten().filter(|at| claimed.contains(at)) {
                    self.refuse(change, error.clone());
                }
            }
        }
    }
}

/// The values that a change gives to an attribute.
fn given<'c>(change: &'c Change, name: &str) -> &'c [Value] {
    match change {
        Change::Add(entry) | Change::Replace(entry) => entry.get(name),
        Change::Update(update) => match update.get(name) {
            Some(AttributeChange::Set(values)) => values,
            Some(AttributeChange::Modify { added, .. }) => added,
            _ => &[],
        },
        Change::Delete { .. } => &[],
    }
}

/// Writes the new file in the style of the old one.
struct Writer {
    out: Successor,
    codec: crate::text::Codec,
    delimiter: char,
    quote: char,
    /// What ends lines in this file; empty until one was seen.
    newline: Vec<u8>,
    /// What ends the row written last, once it is known whether another follows.
    held: Option<Vec<u8>>,
    /// Whether the last row of the old file has a line ending.
    ended: bool,
    /// By column, whether the row before has quotes around its value.
    quotes: Vec<bool>,
    bytes: Vec<u8>,
}

impl Writer {
    fn new(settings: &Settings, path: &Path, reader: &Reader) -> Result<Writer> {
        let mut out = Successor::create(beside(path, ".new"))?;
        out.write(&reader.mark)?;
        let mut writer = Writer {
            out,
            codec: reader.codec,
            delimiter: settings.delimiter,
            quote: settings.quote,
            newline: Vec::new(),
            held: None,
            ended: true,
            quotes: vec![false; reader.table.columns.len()],
            bytes: Vec::new(),
        };
        if settings.header {
            writer.remember_quotes(reader);
        }
        for (content, terminator) in &reader.preamble {
            writer.see(terminator);
            writer.put(content, terminator)?;
        }
        Ok(writer)
    }

    fn remember_quotes(&mut self, reader: &Reader) {
        for (at, quoted) in self.quotes.iter_mut().enumerate() {
            *quoted = reader.rows.quoted(at);
        }
    }

    /// Learns from what ends a row of the old file.
    fn see(&mut self, terminator: &[u8]) {
        self.ended = !terminator.is_empty();
        if self.newline.is_empty() {
            self.newline.extend_from_slice(terminator);
        }
    }

    fn put(&mut self, content: &[u8], terminator: &[u8]) -> Result<()> {
        self.end_row()?;
        self.held = Some(terminator.to_vec());
        self.out.write(content)
    }

    fn end_row(&mut self) -> Result<()> {
        let Some(held) = self.held.take() else { return Ok(()) };
        if self.newline.is_empty() {
            self.codec.put(b'\n'.into(), &mut self.newline);
        }
        self.out.write(if held.is_empty() { &self.newline } else { &held })
    }

    /// Copies the row of the old file.
    fn copy(&mut self, reader: &Reader) -> Result<()> {
        self.see(reader.rows.terminator());
        self.put(reader.rows.content(), reader.rows.terminator())
    }

    /// Leaves the row of the old file out.
    fn skip(&mut self, reader: &Reader) {
        self.see(reader.rows.terminator());
    }

    /// Writes a changed row in place of the one of the old file.
    fn rewrite(&mut self, reader: &Reader, line: &Line) -> Result<()> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        for (at, cell) in line.iter().enumerate() {
            self.delimit(at, &mut bytes)?;
            match cell {
                Cell::Kept => bytes.extend_from_slice(reader.rows.raw(at)),
                Cell::Text(text) => self.value(text, reader.rows.quoted(at), &mut bytes)?,
            }
        }
        self.see(reader.rows.terminator());
        self.put(&bytes, reader.rows.terminator())?;
        self.bytes = bytes;
        Ok(())
    }

    /// Writes a row that the old file does not have.
    fn append(&mut self, line: &Line) -> Result<()> {
        let mut bytes = Vec::new();
        for (at, cell) in line.iter().enumerate() {
            self.delimit(at, &mut bytes)?;
            if let Cell::Text(text) = cell {
                self.value(text, self.quotes[at], &mut bytes)?;
            }
        }
        self.put(&bytes, &[])
    }

    fn delimit(&self, at: usize, bytes: &mut Vec<u8>) -> Result<()> {
        if at == 0 { Ok(()) } else { self.encode(&self.delimiter.to_string(), bytes) }
    }

    fn value(&self, text: &str, quoted: bool, bytes: &mut Vec<u8>) -> Result<()> {
        let special = |c| c == self.delimiter || c == self.quote || c == '\r' || c == '\n';
        // An unquoted U+FEFF at the beginning of a file would be its byte order mark.
        if !quoted && !text.contains(special) && !text.starts_with('\u{feff}') {
            return self.encode(text, bytes);
        }
        let quote = self.quote.to_string();
        let inside = text.replace(self.quote, &quote.repeat(2));
        self.encode(&format!("{quote}{inside}{quote}"), bytes)
    }

    fn encode(&self, text: &str, bytes: &mut Vec<u8>) -> Result<()> {
        self.codec.encode(text, bytes).map_err(|c| {
            let text = format!("{c:?} is not a character of {}", self.codec.name());
            Error::new(ErrorKind::Invalid, text)
        })
    }

    /// The new file, complete.
    fn finish(mut self) -> Result<Successor> {
        if self.ended {
            self.end_row()?;
        }
        Ok(self.out)
    }
}
