//! Rows of a cursor to pages: in columns of buffers where each value has a greatest length, cell by
//! cell where not. Nothing is cut: a value that is longer than the driver said is noticed, and the
//! rows are read again cell by cell.

use crate::{
    connection::Pages,
    page::{self, Page},
    parameters::Habits,
    words::{Described, Kind, Trouble},
};
use odbc_api::{
    Bit, ColumnDescription, Cursor, CursorImpl, CursorRow, DataType, Error, Nullability, Nullable,
    Pod, ResultSetMetadata,
    buffers::{AnyColumnBufferSlice, BufferDesc, ColumnarDynBuffer},
    handles::{CDataMut, Statement},
    parameter::CElement,
};
use std::hash::{DefaultHasher, Hasher as _};

/// Columns whose values may be longer than this are read cell by cell.
const LONGEST: usize = 4096;
/// Memory for the rows that are fetched at once.
const BATCH: usize = 256 * 1024;
/// Room for a number, a point in time or a GUID.
const SMALL: usize = 128;

/// Rows that were handed over: how many, and a digest of them.
#[derive(Default)]
pub(crate) struct Known {
    rows: u64,
    digest: DefaultHasher,
}

impl Known {
    fn take(&mut self, row: &[u8]) {
        self.rows += 1;
        self.digest.write(row);
    }
}

/// What is read of a column: how, and room for the longest value when there is one.
#[derive(Clone, Copy)]
struct Plan {
    kind: Kind,
    room: Option<usize>,
}

/// Names and types of what a statement answers.
pub(crate) fn described(
    statement: &mut impl ResultSetMetadata,
    habits: Habits,
) -> Result<Vec<Described>, Trouble> {
    let mut columns = Vec::new();
    let mut description = ColumnDescription::default();
    for number in 1..=statement.num_result_cols()? {
        let number = number as u16;
        statement.describe_col(number, &mut description)?;
        let name = description.name_to_string();
        let name = name.map_err(|_| Trouble::ours(format!("column {number} has no name")))?;
        let kind = plan(statement, number, habits)?.kind;
        let not_null = description.nullability == Nullability::NoNulls;
        columns.push(Described { name, kind, not_null });
    }
    Ok(columns)
}

/// Reads all rows. Rows that were handed over before a value did not fit its buffer are answered;
/// then the statement is to be run again, and read from behind them cell by cell.
pub(crate) fn rows<S: Statement>(
    mut cursor: CursorImpl<S>,
    habits: Habits,
    pages: &mut Pages<'_>,
) -> Result<Option<Known>, Trouble> {
    let plans = match plans(&mut cursor, habits) {
        Ok(plans) => plans,
        Err(trouble) => return closed(cursor, Err(trouble)),
    };
    let descriptions: Option<Vec<BufferDesc>> = plans.iter().map(|plan| plan.buffer()).collect();
    let Some(descriptions) = descriptions else {
        let mut cursor = row_by_row(cursor)?;
        let read = rows_one_by_one(&mut cursor, habits, Known::default(), pages);
        return closed(cursor, read.map(|()| None));
    };
    let row: usize = descriptions.iter().map(BufferDesc::bytes_per_row).sum();
    let rows = (BATCH / row.max(1)).clamp(1, page::ROWS);
    let buffer = ColumnarDynBuffer::from_descs(rows, descriptions);
    let mut block = cursor.bind_buffer(buffer)?;
    let (mut known, mut again) = (Known::default(), false);
    let mut page = Page::new(plans.len(), pages);
    let read = loop {
        match block.fetch_with_truncation_check(true) {
            Ok(Some(batch)) => {
                let columns: Vec<AnyColumnBufferSlice<'_>> =
                    (0..plans.len()).map(|at| batch.column(at)).collect();
                for row in 0..batch.num_rows() {
                    let place = page.place();
                    for (plan, column) in plans.iter().zip(&columns) {
                        put_buffered(&mut page, plan.kind, *column, row);
                    }
                    known.take(page.since(place));
                    page.row();
                }
                if !page.wanted {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(Error::TooLargeValueForBuffer { .. }) => {
                again = true;
                break Ok(());
            }
            Err(error) => break Err(Trouble::from(error)),
        }
    };
    if read.is_ok() {
        page.send();
    }
    let unbound = block.unbind().map_err(Trouble::from);
    let (cursor, _) = match (read, unbound) {
        (Ok(()), unbound) => unbound?,
        (Err(trouble), Ok((cursor, _))) => return closed(cursor, Err(trouble)),
        (Err(trouble), Err(_)) => return Err(trouble),
    };
    closed(cursor, Ok(again.then_some(known)))
}

/// The cursor, which goes on row by row: its statement may have fetched more at once before.
pub(crate) fn row_by_row<S: Statement>(cursor: CursorImpl<S>) -> Result<CursorImpl<S>, Trouble> {
    let one_row_without_columns = ColumnarDynBuffer::from_descs(1, []);
    let (cursor, _) = cursor.bind_buffer(one_row_without_columns)?.unbind()?;
    Ok(cursor)
}

/// Reads all rows cell by cell, but those that are known.
pub(crate) fn rows_one_by_one<S: Statement>(
    cursor: &mut CursorImpl<S>,
    habits: Habits,
    known: Known,
    pages: &mut Pages<'_>,
) -> Result<(), Trouble> {
    let plans = plans(cursor, habits)?;
    let mut page = Page::new(plans.len(), pages);
    let mut seen = Known::default();
    let mut long = Long::default();
    while page.wanted
        && let Some(mut row) = cursor.next_row()?
    {
        let place = page.place();
        for (at, plan) in plans.iter().enumerate() {
            put_cell(&mut page, plan.kind, &mut row, at as u16 + 1, &mut long)?;
        }
        if seen.rows == known.rows {
            page.row();
            continue;
        }
        seen.take(page.since(place));
        page.forget(place);
        if seen.rows == known.rows && seen.digest.finish() != known.digest.finish() {
            return Err(changed());
        }
    }
    if page.wanted && seen.rows < known.rows {
        return Err(changed());
    }
    page.send();
    Ok(())
}

/// What was handed over cannot be taken back, and what comes now may be the same again.
fn changed() -> Trouble {
    let message = "the rows changed while they were read; read them again".to_owned();
    Trouble { state: "40001".to_owned(), native: 0, message }
}

/// Closes a cursor. Dropping it would panic when the connection is lost.
pub(crate) fn closed<S: Statement, T>(
    cursor: CursorImpl<S>,
    outcome: Result<T, Trouble>,
) -> Result<T, Trouble> {
    let mut statement = cursor.into_stmt();
    let ended = statement.end_cursor_scope().into_result(&statement);
    let outcome = outcome?;
    ended?;
    Ok(outcome)
}

fn plans(cursor: &mut impl ResultSetMetadata, habits: Habits) -> Result<Vec<Plan>, Trouble> {
    let count = cursor.num_result_cols()?;
    (1..=count).map(|number| plan(cursor, number as u16, habits)).collect()
}

fn plan(cursor: &mut impl ResultSetMetadata, number: u16, habits: Habits) -> Result<Plan, Trouble> {
    let declared = cursor.col_data_type(number)?;
    let text = |length: Option<usize>| Plan { kind: Kind::Text, room: length };
    let small = |kind| Plan { kind, room: Some(SMALL) };
    let plan = match declared {
        DataType::BigInt if cursor.column_is_unsigned(number)? => small(Kind::Exact),
        DataType::BigInt | DataType::Integer | DataType::SmallInt | DataType::TinyInt => {
            small(Kind::Integer)
        }
        DataType::Real | DataType::Float { precision: 0..=24 } => small(Kind::Single),
        DataType::Double | DataType::Float { .. } => small(Kind::Real),
        DataType::Numeric { .. } | DataType::Decimal { .. } => small(Kind::Exact),
        DataType::Bit => small(Kind::Bit),
        DataType::Date => small(Kind::Date),
        DataType::Time { .. } => small(Kind::Time),
        DataType::Timestamp { .. } => small(Kind::Timestamp),
        // A character has four bytes at most, or two halves.
        DataType::Char { length }
        | DataType::Varchar { length }
        | DataType::WChar { length }
        | DataType::WVarchar { length } => text(length.map(|length| length.get() * 4)),
        DataType::LongVarchar { .. } | DataType::WLongVarchar { .. } => text(None),
        DataType::Binary { length } | DataType::Varbinary { length } => {
            Plan { kind: Kind::Bytes, room: length.map(|length| length.get()) }
        }
        DataType::LongVarbinary { .. } => Plan { kind: Kind::Bytes, room: None },
        DataType::Other { .. } | DataType::Unknown => Plan { kind: Kind::Other, room: None },
    };
    Ok(match plan.kind {
        Kind::Bytes if habits.declares_nothing => Plan { room: None, ..plan },
        _ if habits.declares_nothing => Plan { kind: Kind::Other, room: None },
        _ => plan,
    })
}

impl Plan {
    /// The buffer for it; none when a value may be too long for one.
    fn buffer(&self) -> Option<BufferDesc> {
        let room = self.room.filter(|room| *room <= LONGEST)?;
        Some(match self.kind {
            Kind::Integer => BufferDesc::I64 { nullable: true },
            Kind::Single => BufferDesc::F32 { nullable: true },
            Kind::Real => BufferDesc::F64 { nullable: true },
            Kind::Bit => BufferDesc::Bit { nullable: true },
            Kind::Bytes => BufferDesc::Binary { max_bytes: room },
            _ if cfg!(windows) => BufferDesc::WText { max_str_len: room },
            _ => BufferDesc::Text { max_str_len: room },
        })
    }
}

/// A point in time without the zeros at its end, of which drivers have as many as they like.
fn trimmed(text: &[u8]) -> &[u8] {
    match text.iter().rposition(|byte| *byte != b'0') {
        Some(last) if text.contains(&b'.') => match text[last] {
            b'.' => &text[..last],
            _ => &text[..=last],
        },
        _ => text,
    }
}

/// A number of single precision with the digits it is written with: 0.1, not 0.10000000149.
fn short(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

fn put_text(page: &mut Page<'_, '_>, kind: Kind, text: Option<&[u8]>) {
    page.text(match kind {
        Kind::Time | Kind::Timestamp => text.map(trimmed),
        _ => text,
    });
}

/// Text that came as UTF-16.
fn put_wide(page: &mut Page<'_, '_>, kind: Kind, text: Option<&[u16]>) {
    let text = text.map(String::from_utf16_lossy);
    put_text(page, kind, text.as_ref().map(String::as_bytes));
}

fn put_buffered(page: &mut Page<'_, '_>, kind: Kind, column: AnyColumnBufferSlice<'_>, row: usize) {
    const KIND: &str = "the buffer was made for the kind";
    match kind {
        Kind::Integer => {
            let cells = column.as_nullable_slice::<i64>().expect(KIND);
            page.integer(cells.get(row).copied());
        }
        Kind::Single => {
            let cells = column.as_nullable_slice::<f32>().expect(KIND);
            page.real(cells.get(row).copied().map(short));
        }
        Kind::Real => {
            page.real(column.as_nullable_slice::<f64>().expect(KIND).get(row).copied());
        }
        Kind::Bit => {
            let cells = column.as_nullable_slice::<Bit>().expect(KIND);
            page.integer(cells.get(row).map(|bit| bit.as_bool().into()));
        }
        Kind::Bytes => page.binary(column.as_binary().expect(KIND).get(row)),
        _ => match column.as_text() {
            Some(cells) => put_text(page, kind, cells.get(row)),
            None => put_wide(page, kind, column.as_wide_text().expect(KIND).get(row)),
        },
    }
}

/// Room for long values, used again and again.
#[derive(Default)]
struct Long {
    bytes: Vec<u8>,
    wide: Vec<u16>,
}

fn put_cell(
    page: &mut Page<'_, '_>,
    kind: Kind,
    row: &mut CursorRow<'_>,
    column: u16,
    long: &mut Long,
) -> Result<(), Error> {
    match kind {
        Kind::Integer => page.integer(cell::<i64>(row, column)?),
        Kind::Single => page.real(cell::<f32>(row, column)?.map(short)),
        Kind::Real => page.real(cell::<f64>(row, column)?),
        Kind::Bit => page.integer(cell::<Bit>(row, column)?.map(|bit| bit.as_bool().into())),
        Kind::Bytes => {
            let there = row.get_binary(column, &mut long.bytes)?;
            page.binary(there.then_some(&long.bytes));
        }
        _ if cfg!(windows) => {
            let there = row.get_wide_text(column, &mut long.wide)?;
            put_wide(page, kind, there.then_some(&long.wide));
        }
        _ => {
            let there = row.get_text(column, &mut long.bytes)?;
            put_text(page, kind, there.then_some(&long.bytes));
        }
    }
    Ok(())
}

fn cell<T: Pod + Default>(row: &mut CursorRow<'_>, column: u16) -> Result<Option<T>, Error>
where
    Nullable<T>: CElement + CDataMut,
{
    let mut cell = Nullable::<T>::null();
    row.get_data(column, &mut cell)?;
    Ok(cell.into_opt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_loses_the_zeros_at_its_end() {
        for (text, expected) in [
            ("2026-01-31 08:30:00.5000000", "2026-01-31 08:30:00.5"),
            ("2026-01-31 08:30:00.000", "2026-01-31 08:30:00"),
            ("2026-01-31 08:30:00", "2026-01-31 08:30:00"),
            ("08:30:00", "08:30:00"),
            ("", ""),
        ] {
            assert_eq!(trimmed(text.as_bytes()), expected.as_bytes());
        }
    }
}
