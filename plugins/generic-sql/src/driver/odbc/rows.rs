//! Reading pages of rows, in the framing of `words.rs`. A row borrows from its page.

use super::words;
use crate::driver::{Cell, Cells, Failure};
use ecma_plugin_sdk::Error;

/// A cell: its tag, and where its number or its bytes stand.
#[derive(Clone, Copy)]
struct Place {
    tag: u8,
    from: usize,
    to: usize,
}

/// The row that a page stands on.
struct Row<'a> {
    page: &'a [u8],
    cells: Vec<Place>,
}

/// What the columns are, if that is what a page tells.
pub(super) fn columns(page: &[u8]) -> Result<Option<Vec<words::Described>>, Failure> {
    let told = page.strip_prefix(&words::COLUMNS).map(rmp_serde::from_slice);
    told.transpose().map_err(|_| cut())
}

/// Hands over the rows of a page one by one.
pub(super) fn each(
    page: &[u8],
    each: &mut dyn FnMut(&dyn Cells) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let columns = page.get(..4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let columns = columns.ok_or_else(cut)? as usize;
    let mut row = Row { page, cells: Vec::new() };
    let mut at = 4;
    while at < page.len() {
        row.cells.clear();
        for _ in 0..columns {
            let (place, next) = place(page, at).ok_or_else(cut)?;
            row.cells.push(place);
            at = next;
        }
        each(&row)?;
        if columns == 0 {
            return Err(cut());
        }
    }
    Ok(())
}

/// The cell that begins here, and where the next one does.
fn place(page: &[u8], at: usize) -> Option<(Place, usize)> {
    let (tag, at) = (*page.get(at)?, at + 1);
    if tag == words::NULL {
        return Some((Place { tag, from: at, to: at }, at));
    }
    let number = number(page, at)?;
    let from = at + 8;
    match tag {
        words::INTEGER | words::REAL => Some((Place { tag, from: at, to: from }, from)),
        words::TEXT | words::BYTES => {
            let to = from.checked_add(usize::try_from(u64::from_le_bytes(number)).ok()?)?;
            page.get(from..to)?;
            Some((Place { tag, from, to }, to))
        }
        _ => None,
    }
}

fn number(page: &[u8], at: usize) -> Option<[u8; 8]> {
    page.get(at..at + 8)?.try_into().ok()
}

fn cut() -> Failure {
    Error::internal("a page of the ODBC library is cut off").into()
}

impl Cells for Row<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        let Place { tag, from, to } = self.cells[column];
        let number = || number(self.page, from).unwrap_or_default();
        match tag {
            words::NULL => Cell::Null,
            words::INTEGER => Cell::Integer(i64::from_le_bytes(number())),
            words::REAL => Cell::Real(f64::from_le_bytes(number())),
            words::TEXT => Cell::Text(&self.page[from..to]),
            _ => Cell::Bytes(&self.page[from..to]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Scalar;

    fn page() -> Vec<u8> {
        let mut page = 2_u32.to_le_bytes().to_vec();
        page.push(words::INTEGER);
        page.extend((-7_i64).to_le_bytes());
        page.push(words::NULL);
        page.push(words::TEXT);
        page.extend(2_u64.to_le_bytes());
        page.extend(b"ab");
        page.push(words::BYTES);
        page.extend(0_u64.to_le_bytes());
        page
    }

    fn rows(page: &[u8]) -> Result<Vec<[Scalar; 2]>, Failure> {
        let mut rows = Vec::new();
        each(page, &mut |cells| {
            rows.push([0, 1].map(|at| Scalar::of(cells.cell(at))));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn rows_are_what_was_written() {
        let expected = [
            [Scalar::Integer(-7), Scalar::Null],
            [Scalar::Text("ab".to_owned()), Scalar::Bytes(Vec::new())],
        ];
        assert_eq!(rows(&page()).expect("it is sound"), expected);
        assert!(rows(&0_u32.to_le_bytes()).expect("it is sound").is_empty());
    }

    #[test]
    fn a_page_that_is_cut_off_is_an_error_and_never_a_panic() {
        let whole = page();
        let end_of_first_row = 4 + 9 + 1;
        for length in 0..whole.len() {
            let sound = length == 4 || length == end_of_first_row;
            assert_eq!(rows(&whole[..length]).is_ok(), sound, "{length}");
        }
        let mut long = whole.clone();
        let at = end_of_first_row + 1;
        long[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(rows(&long).is_err());
    }
}
