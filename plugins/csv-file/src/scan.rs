//! Where the values of one row begin and end.

use crate::{rows::Dialect, text::Units};
use std::ops::Range;

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

/// Where a value stands.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// All of it, quotes included.
    pub(crate) raw: Range<usize>,
    pub(crate) form: Form,
}

/// Where a row ends.
pub(crate) enum Scan {
    Incomplete,
    Unclosed,
    Row { content: usize, end: usize },
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

const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// The values of a row of single bytes without any quote, eight bytes at a time; `None` when the row
/// has one or does not end in what was read.
#[inline]
pub(crate) fn plain(
    bytes: &[u8],
    start: usize,
    dialect: Dialect,
    fields: &mut Vec<Field>,
) -> Option<Scan> {
    const LOW: u64 = ONES * 0x7f;
    // The highest bit of each byte that is zero, exactly.
    let zeros = |word: u64| !(((word & LOW) + LOW) | word | LOW);
    let stops = [dialect.delimiter, dialect.quote, CR, LF].map(|stop| ONES * u64::from(stop));
    fields.clear();
    let (mut from, mut at) = (start, start);
    loop {
        let word = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        let mut found = stops.iter().fold(0, |found, stop| found | zeros(word ^ stop));
        while found != 0 {
            let stop = at + found.trailing_zeros() as usize / 8;
            found &= found - 1;
            let byte = u16::from(bytes[stop]);
            if byte == dialect.quote {
                return None;
            }
            if byte != dialect.delimiter && stop == start {
                return Some(Scan::Row { content: stop, end: after(bytes, stop)? });
            }
            fields.push(Field { raw: from..stop, form: Form::Plain });
            if byte != dialect.delimiter {
                return Some(Scan::Row { content: stop, end: after(bytes, stop)? });
            }
            from = stop + 1;
        }
        at += 8;
    }
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

/// Finds the values of the row that begins at `start`.
#[inline]
pub(crate) fn scan<const WIDTH: usize>(
    unit: impl Fn(usize) -> Option<u16>,
    skip: impl Fn(usize, [u16; 3]) -> usize,
    filled: usize,
    start: usize,
    ended: bool,
    dialect: Dialect,
    fields: &mut Vec<Field>,
) -> Scan {
    fields.clear();
    let Dialect { delimiter, quote, .. } = dialect;
    let mut from = start;
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
        if !(row_ends && fields.is_empty() && at == start) {
            fields.push(Field { raw: from..at, form });
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
        return Scan::Row { content: at, end };
    }
}
