//! Where a connector pushes what it imports.

use crate::{
    Change, Entry, EntryId, Error, Result,
    page::{LayoutId, PageWriter, Tag},
};
use std::{fmt, ops::Range};

/// Takes finished pages, and says whether the run should go on.
pub trait Pager {
    /// Takes one page. `false`: stop soon.
    fn page(&mut self, page: &[u8]) -> bool;

    /// The same for a page that the caller has no more use for. Who keeps it may leave other memory in
    /// its place, with whatever is in it.
    fn take(&mut self, page: &mut Vec<u8>) -> bool {
        self.page(page)
    }

    /// Whether the run should go on; cheap, asked often.
    fn go_on(&self) -> bool {
        true
    }
}

/// Pages longer than this are sent before they have their number of entries.
const PAGE_BYTES: usize = 1 << 20;

/// Where a connector pushes what it imports, entry by entry; the SDK makes pages of them.
///
/// Each method answers an error of kind `Cancelled` once the host asked to stop; pass it on with
/// `?`. A connector that may be silent for long asks [`ImportSink::go_on`] now and then.
///
/// A connector with many entries of equal shape writes rows: no [`Entry`] is built, values are
/// borrowed.
///
/// ```
/// # use ecma_plugin_sdk::{prelude::*, Column};
/// fn import(sink: &mut ImportSink<'_>) -> Result<()> {
///     let person = sink.layout("person", [Column::anchor("id"), Column::new("name")]);
///     for (id, name) in [(1, "Ada"), (2, "Grace")] {
///         sink.row(person).integer(0, id).text(1, name).done()?;
///     }
///     Ok(())
/// }
/// ```
pub struct ImportSink<'a> {
    writer: PageWriter,
    page_size: usize,
    pager: &'a mut dyn Pager,
    stopped: bool,
}

/// A column of rows: the name of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    name: String,
    anchor: bool,
}

impl Column {
    /// A column.
    pub fn new(name: impl Into<String>) -> Column {
        Column { name: name.into(), anchor: false }
    }

    /// A column that is (part of) the anchor.
    pub fn anchor(name: impl Into<String>) -> Column {
        Column { name: name.into(), anchor: true }
    }
}

impl<'a> ImportSink<'a> {
    /// A sink that hands pages of so many entries to the pager.
    pub fn new(page_size: u32, pager: &'a mut dyn Pager) -> ImportSink<'a> {
        let page_size = page_size.max(1) as usize;
        ImportSink { writer: PageWriter::default(), page_size, pager, stopped: false }
    }

    /// Takes an entry as it is now.
    pub fn entry(&mut self, entry: Entry) -> Result<()> {
        self.change(&Change::Add(entry))
    }

    /// Takes the news, in a delta import, that an entry is gone.
    pub fn deleted(&mut self, id: EntryId) -> Result<()> {
        self.change(&Change::Delete { id })
    }

    /// Takes a change, in a delta import.
    pub fn change(&mut self, change: &Change) -> Result<()> {
        self.writer.change(change);
        self.written()
    }

    /// Takes the news that an entry could not be read, and where it stands: `line 7`. The run goes
    /// on; the host counts and reports it.
    pub fn refused(&mut self, place: impl fmt::Display, error: &Error) -> Result<()> {
        self.writer.refused(&place.to_string(), error);
        self.written()
    }

    /// Declares the columns of rows, once per run.
    pub fn layout(
        &mut self,
        object_type: impl Into<String>,
        columns: impl IntoIterator<Item = Column>,
    ) -> LayoutId {
        let columns = columns.into_iter().map(|column| (column.name, column.anchor));
        self.writer.layout(object_type, columns)
    }

    /// Begins a row. Values of a column come one after the other; a column without any is absent.
    pub fn row<'s>(&'s mut self, layout: LayoutId) -> Row<'s, 'a> {
        self.writer.begin_row(layout);
        Row { sink: self, layout, open: true }
    }

    /// Whether the run should go on.
    #[must_use]
    pub fn go_on(&self) -> bool {
        !self.stopped && self.pager.go_on()
    }

    /// Sends what is left. Called by the SDK after the connector's import has ended well.
    pub fn finish(mut self) -> Result<()> {
        self.send()
    }

    fn written(&mut self) -> Result<()> {
        if self.writer.records() >= self.page_size || self.writer.size() >= PAGE_BYTES {
            self.send()?;
        } else if self.writer.records().is_multiple_of(64) && !self.go_on() {
            return Err(Error::cancelled());
        }
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        if self.stopped {
            return Err(Error::cancelled());
        }
        if let Some(page) = self.writer.finish() {
            self.stopped = !self.pager.page(page);
            self.writer.clear();
        }
        if self.stopped { Err(Error::cancelled()) } else { Ok(()) }
    }
}

/// A row being written; [`Row::done`] ends it, dropping it forgets it.
pub struct Row<'s, 'a> {
    sink: &'s mut ImportSink<'a>,
    layout: LayoutId,
    open: bool,
}

impl Row<'_, '_> {
    /// A text value of a column.
    #[inline]
    #[must_use]
    pub fn text(self, column: usize, text: &str) -> Self {
        self.cell(column, Tag::TEXT, text.as_bytes())
    }

    /// A text value of a column that is a part of a longer text; an empty part is no value. The
    /// fastest way for many short ones that stand side by side.
    ///
    /// # Panics
    ///
    /// When there is no such part.
    #[inline]
    #[must_use]
    pub fn part(self, column: usize, whole: &str, span: Range<usize>) -> Self {
        self.sink.writer.part(self.layout, column, whole, span);
        self
    }

    /// A reference value of a column.
    #[inline]
    #[must_use]
    pub fn reference(self, column: usize, text: &str) -> Self {
        self.cell(column, Tag::REFERENCE, text.as_bytes())
    }

    /// Bytes as a value of a column.
    #[must_use]
    pub fn binary(self, column: usize, bytes: &[u8]) -> Self {
        self.cell(column, Tag::BINARY, bytes)
    }

    /// A truth value of a column.
    #[must_use]
    pub fn boolean(self, column: usize, truth: bool) -> Self {
        self.cell(column, Tag::BOOLEAN, &[u8::from(truth)])
    }

    /// A whole number as a value of a column.
    #[must_use]
    pub fn integer(self, column: usize, number: i64) -> Self {
        self.sink.writer.integer_cell(self.layout, column, number);
        self
    }

    /// Ends the row.
    pub fn done(mut self) -> Result<()> {
        self.open = false;
        self.sink.writer.end_row();
        self.sink.written()
    }

    #[inline]
    fn cell(self, column: usize, tag: Tag, bytes: &[u8]) -> Self {
        self.sink.writer.cell(self.layout, column, tag, bytes);
        self
    }
}

impl Drop for Row<'_, '_> {
    fn drop(&mut self) {
        if self.open {
            self.sink.writer.abandon_row();
        }
    }
}
