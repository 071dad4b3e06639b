//! Changes of the space as values: what is asked for, and what was made of it.

use super::row::Row;

/// Who asked for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The target told us.
    Import,
    /// We told the target, and it agreed.
    Export,
}

/// A change that was made: a value for whoever keeps histories, feeds or journals.
#[derive(Debug)]
pub struct Applied<'a> {
    /// Where the entry is kept.
    pub slot: u32,
    /// What was known before; nothing for a new entry.
    pub before: Option<Box<[u8]>>,
    /// What is known now; nothing for a removed entry.
    pub after: Option<&'a [u8]>,
    /// Who asked.
    pub by: By,
}

/// What to change.
pub enum Edit<'a> {
    /// The entry is this now.
    Put(&'a Row),
    /// The entry is this now, but its multi-valued references are those it had, changed so; the row
    /// has none of its own.
    Update(&'a Row, &'a [LinkChange]),
    /// The entry of this key is gone.
    Remove(&'a [u8]),
}

/// Values that a multi-valued reference gains and loses, as the space writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkChange {
    /// Number of the attribute.
    pub number: u32,
    /// Whether it loses all it has first.
    pub cleared: bool,
    /// Values that come.
    pub added: Vec<Vec<u8>>,
    /// Values that go.
    pub removed: Vec<Vec<u8>>,
}

/// A row that is to be put.
pub(super) struct Parts<'a> {
    pub(super) bytes: &'a [u8],
    /// How many of the bytes are type and anchor.
    pub(super) key: usize,
    /// Cells of its multi-valued references; without any, those known stay as they are.
    pub(super) links: Option<&'a [u8]>,
}

/// What became of a row that was to be put.
pub(super) enum Put<'a> {
    /// The space changed.
    Made(Applied<'a>),
    /// It was known already, in this slot.
    Same(u32),
    /// An export changed the entry since the import began.
    Touched(Option<u32>),
}
