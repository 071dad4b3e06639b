//! Imports: every row, or those that are not as the snapshot has them, straight into the host's pages.
//! In memory are one row and some numbers per row.

use crate::{
    delta::{Draft, HashKey, Shelf, Snapshot, hash, random_key},
    file::{Cells, Reader, resolve},
    schema::{Column, object_type},
    seen::Seen,
    settings::Settings,
};
use ecma_plugin_sdk::{
    self as sdk, AttributeType, Entry, EntryId, Error, ErrorKind, ImportKind, ImportRun,
    ImportSink, Result, Row, Watermark, page::LayoutId, tracing,
};
use std::{collections::HashMap, rc::Rc};

/// After so many rows it is known about how many there are.
const FIRST_ROWS: u32 = 1000;

/// The columns that the host wants of an object type.
struct Wanted {
    layout: LayoutId,
    places: Vec<Place>,
}

struct Place {
    at: usize,
    /// Whether a cell's text is its value.
    plain: bool,
}

struct Pass<'a> {
    run: &'a ImportRun,
    reader: Reader,
    cells: Cells,
    hash_key: HashKey,
    /// What tells the current row from others.
    key: Vec<u8>,
    /// The same of the row before.
    last: Vec<u8>,
    seen: Seen,
    wanted: HashMap<String, Option<Rc<Wanted>>>,
    /// The object type of the row before, and what is wanted of it.
    current: Option<(String, Option<Rc<Wanted>>)>,
    before: Option<Snapshot>,
    after: Option<Draft>,
    /// Whether there was a row that may be any entry.
    unreadable: bool,
}

/// Imports the file.
pub(crate) fn import(
    settings: &Settings,
    run: &ImportRun,
    sink: &mut ImportSink<'_>,
) -> Result<Option<Watermark>> {
    let path = resolve(settings)?;
    let reader = Reader::open(settings, &path)?;
    let asked = Settings { file: "".into(), snapshots: None, ..settings.clone() };
    let shelf = Shelf::new(
        settings,
        &path,
        &format!("{asked:?} {:?} {} {:?}", reader.header, reader.codec.name(), run.selected),
    );
    let before = match &run.kind {
        ImportKind::Full => None,
        ImportKind::Delta(since) => {
            let before = shelf.find(since)?;
            if before.shows(reader.stamp) {
                return Ok(Some(since.clone()));
            }
            Some(before)
        }
        _ => return Err(Error::unsupported("this kind of import is not known")),
    };
    let hash_key = before.as_ref().map_or_else(random_key, |before| before.key);
    let after = match shelf.begin(hash_key, reader.stamp) {
        Ok(draft) => Some(draft),
        Err(error) if before.is_none() => {
            tracing::warn!(%error, "Snapshot not written, the next import must be a full one");
            None
        }
        Err(error) => return Err(error),
    };
    let mut pass = Pass {
        run,
        cells: Cells::new(reader.codec),
        reader,
        hash_key,
        key: Vec::new(),
        last: Vec::new(),
        seen: Seen::with_room(0),
        wanted: HashMap::new(),
        current: None,
        before,
        after,
        unreadable: false,
    };
    pass.rows(sink)?;
    pass.reader.still_the_same()?;
    pass.deletions(sink)?;
    pass.after.map(|draft| shelf.keep(draft, pass.before.as_ref())).transpose()
}

impl Pass<'_> {
    fn rows(&mut self, sink: &mut ImportSink<'_>) -> Result<()> {
        let mut count: u32 = 0;
        while self.reader.advance()? {
            count = count.wrapping_add(1);
            if count == FIRST_ROWS {
                // Growing step by step would move the numbers of all rows several times.
                let row = (self.reader.rows.read() / u64::from(count)).max(1);
                self.seen.grow((self.reader.stamp.size / row) as usize);
            }
            if count.is_multiple_of(1024) && !sink.go_on() {
                return Err(Error::cancelled());
            }
            let refused = match self.identify() {
                Err(error) => {
                    self.unreadable = true;
                    Some(error)
                }
                Ok(()) => self.row(sink)?,
            };
            if let Some(error) = refused {
                sink.refused(format_args!("line {}", self.reader.rows.line()), &error)?;
            }
        }
        Ok(())
    }

    fn identify(&mut self) -> Result<()> {
        let Reader { table, rows, .. } = &self.reader;
        table.fits(rows)?;
        table.key(rows, &mut self.cells, &mut self.key)
    }

    /// Pushes the row if it is news; answers why it cannot be.
    fn row(&mut self, sink: &mut ImportSink<'_>) -> Result<Option<Error>> {
        let key_hash = hash(self.hash_key, &self.key);
        // Keys that ascend are not the same: no table need tell.
        let ascends = self.key > self.last;
        self.last.clone_from(&self.key);
        if !self.seen.insert(key_hash, ascends) {
            let id = self.reader.table.id(&self.key).map(|id| id.to_string()).unwrap_or_default();
            let text = format!("an earlier line is {id} already");
            return Ok(Some(Error::already_exists(text)));
        }
        let row_hash = hash(self.hash_key, self.reader.rows.content());
        if let Some(draft) = &mut self.after {
            draft.note(key_hash, row_hash, &self.key)?;
        }
        if self.before.as_mut().is_some_and(|before| before.has(key_hash, row_hash)) {
            return Ok(None);
        }
        self.push(sink)
    }

    fn push(&mut self, sink: &mut ImportSink<'_>) -> Result<Option<Error>> {
        let Reader { table, rows, .. } = &self.reader;
        let kind = object_type(&self.key).unwrap_or_default();
        // Mostly it is that of the row before.
        if self.current.as_ref().is_none_or(|(current, _)| current != kind) {
            if !self.wanted.contains_key(kind) {
                let wanted = self.run.wants(kind).then(|| Rc::new(self.want(kind, sink)));
                self.wanted.insert(kind.to_owned(), wanted);
            }
            let wanted = self.wanted.get(kind).cloned().flatten();
            self.current = Some((kind.to_owned(), wanted));
        }
        let Some((_, Some(wanted))) = &self.current else { return Ok(None) };
        let whole = self.reader.codec.direct(rows.content());
        let mut row = sink.row(wanted.layout);
        for (cell, Place { at, plain }) in wanted.places.iter().enumerate() {
            let direct = whole.zip(rows.span(*at));
            if let (Some((whole, span)), true) = (&direct, plain) {
                row = row.part(cell, whole, span.clone());
                continue;
            }
            let Some(column) = &table.columns[*at] else { continue };
            let text = match direct {
                Some((whole, span)) => whole.get(span),
                None => self.cells.text(rows, *at),
            };
            let filled = match text {
                Some(text) => column.fill(row, cell, text),
                None => Err(column.undecodable()),
            };
            row = match filled {
                Ok(row) => row,
                Err(error) => return Ok(Some(error)),
            };
        }
        row.done()?;
        Ok(None)
    }

    fn want(&self, kind: &str, sink: &mut ImportSink<'_>) -> Wanted {
        let (places, columns): (Vec<Place>, Vec<sdk::Column>) = self
            .reader
            .table
            .attributes()
            .filter(|(_, column)| column.anchor || self.run.wants_attribute(kind, &column.name))
            .map(|(at, column)| {
                let Column { name, anchor, .. } = column;
                let place = Place { at, plain: column.is_plain() };
                (place, if *anchor { sdk::Column::anchor(name) } else { sdk::Column::new(name) })
            })
            .unzip();
        Wanted { layout: sink.layout(kind, columns), places }
    }

    /// Tells which rows are gone. While a row cannot be read it may be any of those that seem gone:
    /// then they are kept in mind for the next time.
    fn deletions(&mut self, sink: &mut ImportSink<'_>) -> Result<()> {
        let Some(before) = &mut self.before else { return Ok(()) };
        for row in before.unseen() {
            let (key_hash, row_hash, key) = row?;
            if self.unreadable {
                if let Some(draft) = &mut self.after {
                    draft.note(key_hash, row_hash, &key)?;
                }
                continue;
            }
            let id = self.reader.table.id(&key).ok_or_else(|| {
                let text = "the snapshot does not fit the file, a full import is needed";
                Error::new(ErrorKind::Conflict, text)
            })?;
            if self.run.wants(&id.object_type) {
                sink.deleted(id)?;
            }
        }
        Ok(())
    }
}

impl Column {
    /// Whether a cell's text is its value.
    fn is_plain(&self) -> bool {
        self.separator.is_none() && self.kind == AttributeType::Text
    }

    /// Writes the values of a cell into a row.
    fn fill<'s, 'a>(&self, mut row: Row<'s, 'a>, at: usize, text: &str) -> Result<Row<'s, 'a>> {
        for part in self.parts(text) {
            row = match self.kind {
                AttributeType::Integer => row.integer(at, self.integer(part)?),
                AttributeType::Boolean => row.boolean(at, self.boolean(part)?),
                AttributeType::Reference => row.reference(at, part),
                _ => row.text(at, part),
            };
        }
        Ok(row)
    }
}

/// Reads the entries of these ids in one pass.
pub(crate) fn read(settings: &Settings, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
    let mut reader = Reader::open(settings, &resolve(settings)?)?;
    let mut cells = Cells::new(reader.codec);
    let mut places: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    for (at, id) in ids.iter().enumerate() {
        if let Some(key) = reader.table.key_of(id) {
            places.entry(key).or_default().push(at);
        }
    }
    let mut found = vec![None; ids.len()];
    let mut key = Vec::new();
    while !places.is_empty() && reader.advance()? {
        let Reader { table, rows, .. } = &reader;
        if table.fits(rows).is_err() || table.key(rows, &mut cells, &mut key).is_err() {
            continue;
        }
        if let Some(places) = places.remove(&key) {
            let entry = table.entry(rows, &mut cells, &key);
            let entry =
                entry.map_err(|error| error.context(format_args!("line {}", rows.line())))?;
            places.into_iter().for_each(|at| found[at] = Some(entry.clone()));
        }
    }
    Ok(found)
}
