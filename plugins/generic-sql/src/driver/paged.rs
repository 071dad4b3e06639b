//! A table beside its child tables, page by page in the order of the anchor: never by counting rows,
//! so that each page costs the same, and an index of the anchor finds it.

use super::{Cell, Cells, Failure, Merge, Merged, Others, Scalar};
use crate::dialect::Dialect;

/// Rows of a page. Where a child table has no index on the columns of the join, each page reads all
/// of it.
const PAGE: usize = 20_000;

/// Runs a statement.
pub(super) type Query<'a> = dyn FnMut(&str, &[Scalar], &mut dyn FnMut(&dyn Cells) -> Result<(), Failure>) -> Result<(), Failure>
    + 'a;

pub(super) fn merge(
    dialect: &dyn Dialect,
    merged: &Merged<'_>,
    query: &mut Query<'_>,
    each: &mut Merge<'_>,
) -> Result<(), Failure> {
    let width = merged.columns.len();
    let key = merged.anchor.len();
    let first = merged.parameters.len() + 1;
    let mut left = merged.most.unwrap_or(usize::MAX);
    let mut after: Option<Vec<Scalar>> = None;
    while left > 0 {
        let page = left.min(PAGE);
        let (behind, parameters) = bound(dialect, merged, after.as_deref(), true, first);
        let sql = dialect.limit(&merged.parents(dialect, &behind), page);
        let mut parents = Rows::new(width);
        query(&sql, &parameters, &mut |cells| {
            parents.keep(cells);
            Ok(())
        })?;
        let Some(last) = parents.last() else { break };
        let last: Vec<Scalar> = merged.anchor.iter().map(|at| last[*at].scalar()).collect();
        let mut beside = Vec::new();
        for child in merged.children {
            let (up_to, more) = bound(dialect, merged, Some(&last), false, parameters.len() + 1);
            let condition = match behind.is_empty() {
                true => up_to,
                false => format!("{behind} AND {up_to}"),
            };
            let sql = merged.children(dialect, child, &condition);
            let parameters = [&parameters[..], &more[merged.parameters.len()..]].concat();
            let mut rows = Rows::new(key + child.columns().count());
            query(&sql, &parameters, &mut |cells| {
                rows.keep(cells);
                Ok(())
            })?;
            beside.push(Cursor::new(rows));
        }
        let mut beside = Beside(beside);
        let count = parents.count();
        let mut parents = Cursor::new(parents);
        while let Some(row) = parents.row() {
            each(row, &mut beside)?;
            parents.advance();
        }
        left -= count;
        if count < page {
            break;
        }
        after = Some(last);
    }
    Ok(())
}

/// The condition of rows behind an anchor or up to it, and all parameters then; nothing without one.
fn bound(
    dialect: &dyn Dialect,
    merged: &Merged<'_>,
    anchor: Option<&[Scalar]>,
    is_behind: bool,
    first: usize,
) -> (String, Vec<Scalar>) {
    let mut parameters = merged.parameters.to_vec();
    let Some(anchor) = anchor else { return (String::new(), parameters) };
    let (condition, values) = dialect.beyond(merged.table, is_behind, first);
    parameters.extend(values.into_iter().map(|at| anchor[at].clone()));
    (condition, parameters)
}

/// Rows one after the other: of each cell a letter and its bytes.
struct Rows {
    width: usize,
    cells: usize,
    bytes: Vec<u8>,
    /// Where the last row begins.
    last: usize,
}

/// A cell of a row that was kept.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Null,
    Integer(i64),
    Real(f64),
    Text(usize, usize),
    Bytes(usize, usize),
}

impl Rows {
    fn new(width: usize) -> Rows {
        Rows { width, cells: 0, bytes: Vec::new(), last: 0 }
    }

    fn count(&self) -> usize {
        self.cells / self.width.max(1)
    }

    fn keep(&mut self, row: &dyn Cells) {
        self.last = self.bytes.len();
        self.cells += self.width;
        for at in 0..self.width {
            let (letter, number) = match row.cell(at) {
                Cell::Null => (0, None),
                Cell::Integer(number) => (1, Some(number.to_le_bytes())),
                Cell::Real(number) => (2, Some(number.to_le_bytes())),
                Cell::Text(_) => (3, None),
                Cell::Bytes(_) => (4, None),
            };
            self.bytes.push(letter);
            self.bytes.extend(number.into_iter().flatten());
            if let Cell::Text(bytes) | Cell::Bytes(bytes) = row.cell(at) {
                self.bytes.extend(bytes.len().to_le_bytes());
                self.bytes.extend_from_slice(bytes);
            }
        }
    }

    /// The cells of the row that begins here, and where the next one begins.
    fn row(&self, mut at: usize) -> Option<(Vec<Kept>, usize)> {
        if at >= self.bytes.len() {
            return None;
        }
        let mut cells = Vec::with_capacity(self.width);
        for _ in 0..self.width {
            let letter = self.bytes[at];
            at += 1;
            if letter == 0 {
                cells.push(Kept::Null);
                continue;
            }
            let number: [u8; 8] = self.bytes[at..at + 8].try_into().expect("eight bytes are there");
            at += 8;
            let end = at + usize::from_le_bytes(number);
            cells.push(match letter {
                1 => Kept::Integer(i64::from_le_bytes(number)),
                2 => Kept::Real(f64::from_le_bytes(number)),
                3 => Kept::Text(at, end),
                _ => Kept::Bytes(at, end),
            });
            if letter > 2 {
                at = end;
            }
        }
        Some((cells, at))
    }

    fn cell(&self, kept: Kept) -> Cell<'_> {
        match kept {
            Kept::Null => Cell::Null,
            Kept::Integer(number) => Cell::Integer(number),
            Kept::Real(number) => Cell::Real(number),
            Kept::Text(from, to) => Cell::Text(&self.bytes[from..to]),
            Kept::Bytes(from, to) => Cell::Bytes(&self.bytes[from..to]),
        }
    }

    /// The values of the last row.
    fn last(&self) -> Option<Vec<Cell<'_>>> {
        let (cells, _) = self.row(self.last)?;
        Some(cells.into_iter().map(|kept| self.cell(kept)).collect())
    }
}

impl Cell<'_> {
    fn scalar(self) -> Scalar {
        Scalar::of(self)
    }
}

/// A place among rows.
struct Cursor {
    rows: Rows,
    now: Option<(Vec<Kept>, usize)>,
}

impl Cursor {
    fn new(rows: Rows) -> Cursor {
        let now = rows.row(0);
        Cursor { rows, now }
    }

    fn row(&self) -> Option<&dyn Cells> {
        self.now.as_ref().map(|_| self as &dyn Cells)
    }

    fn advance(&mut self) {
        self.now = self.now.as_ref().and_then(|(_, next)| self.rows.row(*next));
    }
}

impl Cells for Cursor {
    fn cell(&self, column: usize) -> Cell<'_> {
        let (cells, _) = self.now.as_ref().expect("only a row that is there is looked at");
        self.rows.cell(cells[column])
    }
}

struct Beside(Vec<Cursor>);

impl Others for Beside {
    fn row(&self, statement: usize) -> Option<&dyn Cells> {
        self.0[statement].row()
    }

    fn advance(&mut self, statement: usize) -> Result<(), Failure> {
        self.0[statement].advance();
        Ok(())
    }
}
