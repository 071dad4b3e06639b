//! Where the values of one row begin and end.

use crate::{rows::Dialect, text::Units};
use std::ops::Range;
use wide::u8x64;

pub(crate) const CR: u16 = b'\r' as u16;
pub(crate) const LF: u16 = b'\n' as u16;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    /// Between quotes.
    Quoted,
    /// Between quotes, with doubled quotes or with something after the closing quote.
    Escaped,
}

/// Where in its row a value stands, quotes included. A row is never so long that 32 bits are too few.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    from: u32,
    to: u32,
    pub(crate) form: Form,
}

impl Field {
    fn new(from: usize, to: usize, form: Form) -> Field {
        Field { from: from as u32, to: to as u32, form }
    }

    pub(crate) fn raw(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }
}

/// Where a row ends: counted from its beginning, without and with what ends it.
pub(crate) enum Scan {
    Incomplete,
    Unclosed,
    Row {
        content: usize,
        end: usize,
        /// Whether there may be a line ending within a value.
        broken: bool,
    },
}

pub(crate) fn width(units: Units) -> usize {
    if units == Units::Bytes { 1 } else { 2 }
}

pub(crate) fn unit_at(units: Units, bytes: &[u8], at: usize) -> Option<u16> {
    match (units, bytes.get(at..)?) {
        (Units::Bytes, [byte, ..]) => Some((*byte).into()),
        (Units::Little, [low, high, ..]) => Some(u16::from_le_bytes([*low, *high])),
        (Units::Big, [high, low, ..]) => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// The values of the row of single bytes at the front of `row`, 64 bytes at a time. `None` when it
/// ends among the last that were read, or has quotes in unusual places: then `scan` knows.
pub(crate) fn quick(row: &[u8], dialect: Dialect, fields: &mut Vec<Field>) -> Option<Scan> {
    let (delimiter, quote) = (dialect.delimiter as u8, dialect.quote as u8);
    let [delimiters, quotes, returns, feeds] = [delimiter, quote, b'\r', b'\n'].map(u8x64::splat);
    fields.clear();
    // Of the value being read: where it begins, how it is written, and while it is between quotes.
    let (mut from, mut form, mut open) = (0, Form::Plain, false);
    // Behind the last quote that closed.
    let mut closed = 0;
    let mut broken = false;
    for (number, block) in row.as_chunks().0.iter().enumerate() {
        let block = u8x64::new(*block);
        // One bit for each byte that may mean something.
        let mut common = block.simd_eq(delimiters).to_bitmask();
        let others = block.simd_eq(quotes) | block.simd_eq(returns) | block.simd_eq(feeds);
        let others = others.to_bitmask();
        if others == 0 && form == Form::Plain {
            fields.extend((0..common.count_ones()).map(|_| {
                let at = number * 64 + common.trailing_zeros() as usize;
                common &= common - 1;
                let field = Field::new(from, at, form);
                from = at + 1;
                field
            }));
            continue;
        }
        let mut found = common | others;
        while found != 0 {
            let at = number * 64 + found.trailing_zeros() as usize;
            found &= found - 1;
            let byte = row[at];
            if byte == quote {
                if open {
                    (open, closed) = (false, at + 1);
                } else if at == from {
                    (open, form) = (true, Form::Quoted);
                } else if at == closed {
                    (open, form) = (true, Form::Escaped);
                } else {
                    return None;
                }
                continue;
            }
            if open {
                broken |= byte != delimiter;
                continue;
            }
            if form == Form::Quoted && at != closed {
                form = Form::Escaped;
            }
            if byte == delimiter {
                fields.push(Field::new(from, at, form));
                (from, form) = (at + 1, Form::Plain);
                continue;
            }
            if at > 0 {
                fields.push(Field::new(from, at, form));
            }
            return Some(Scan::Row { content: at, end: after(row, at)?, broken });
        }
    }
    None
}

/// Where the line ending ends; `None` when that was not read yet.
fn after(bytes: &[u8], stop: usize) -> Option<usize> {
    match (bytes[stop], bytes.get(stop + 1)) {
        (b'\n', _) => Some(stop + 1),
        (_, Some(b'\n')) => Some(stop + 2),
        (_, Some(_)) => Some(stop + 1),
        (_, None) => None,
    }
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// Goes on to the next of these bytes, eight at a time; stops earlier at the end.
#[inline]
pub(crate) fn skip(bytes: &[u8], mut at: usize, stops: [u16; 3]) -> usize {
    // The lowest bit that is set is that of the first byte that is zero.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let [one, two, three] = stops.map(|stop| ONES * u64::from(stop));
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*block);
        let found = zeros(word ^ one) | zeros(word ^ two) | zeros(word ^ three);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

/// Finds the values of the row at the front of `filled` bytes.
#[inline]
pub(crate) fn scan<const WIDTH: usize>(
    unit: impl Fn(usize) -> Option<u16>,
    skip: impl Fn(usize, [u16; 3]) -> usize,
    filled: usize,
    ended: bool,
    dialect: Dialect,
    fields: &mut Vec<Field>,
) -> Scan {
    fields.clear();
    let Dialect { delimiter, quote, .. } = dialect;
    let mut from = 0;
    loop {
        let mut at = from;
        let mut form = Form::Plain;
        if unit(at) == Some(quote) {
            form = Form::Quoted;
            loop {
                at = skip(at + WIDTH, [quote; 3]);
                match unit(at) {
                    Some(found) if found != quote => continue,
                    Some(_) => {}
                    None if ended => return Scan::Unclosed,
                    None => return Scan::Incomplete,
                }
                at += WIDTH;
                match unit(at) {
                    Some(found) if found == quote => form = Form::Escaped,
                    Some(found) if found == delimiter || found == CR || found == LF => break,
                    None if !ended => return Scan::Incomplete,
                    None => break,
                    Some(_) => {
                        form = Form::Escaped;
                        break;
                    }
                }
            }
        }
        let stop = loop {
            at = skip(at, [delimiter, CR, LF]);
            match unit(at) {
                Some(found) if found == delimiter || found == CR || found == LF => {
                    break Some(found);
                }
                Some(_) => at += WIDTH,
                None if !ended => return Scan::Incomplete,
                None => {
                    // Half a unit at the end of the file belongs to the last value.
                    if at < filled && form == Form::Quoted {
                        form = Form::Escaped;
                    }
                    at = filled;
                    break None;
                }
            }
        };
        let row_ends = stop != Some(delimiter);
        if !(row_ends && at == 0) {
            fields.push(Field::new(from, at, form));
        }
        if !row_ends {
            from = at + WIDTH;
            continue;
        }
        let end = match stop {
            None => at,
            Some(CR) => match unit(at + WIDTH) {
                Some(LF) => at + 2 * WIDTH,
                None if !ended => return Scan::Incomplete,
                _ => at + WIDTH,
            },
            Some(_) => at + WIDTH,
        };
        return Scan::Row { content: at, end, broken: true };
    }
}
