//! The greatest value that an import saw of what grows with each change.

use super::useless;
use crate::driver::{Cell, Scalar};
use ecma_plugin_sdk::{Error, Result};
use jiff::{Span, civil::DateTime};
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, str};

/// How far a delta looks back where nothing else is said: so many numbers, or seconds.
const NUMBERS: u32 = 1_000;
const SECONDS: u32 = 60;

/// The greatest value of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Last {
    Integer(i64),
    /// The bits of a number: its digits would not be read back as exactly the same one.
    Real(u64),
    Text(String),
}

impl Last {
    /// The value of a cell; the error begins with what it is.
    pub(super) fn of(what: &str, cell: Cell<'_>) -> Result<Option<Last>> {
        Ok(Some(match cell {
            Cell::Null => return Ok(None),
            Cell::Integer(number) => Last::Integer(number),
            Cell::Real(number) => Last::Real(number.to_bits()),
            Cell::Text(text) => match str::from_utf8(text) {
                Ok(text) => Last::Text(text.to_owned()),
                Err(_) => return Err(Error::config(format!("{what} is not UTF-8"))),
            },
            Cell::Bytes(_) => return Err(Error::config(format!("{what} has bytes"))),
        }))
    }

    pub(super) fn scalar(&self) -> Scalar {
        match self {
            Last::Integer(number) => Scalar::Integer(*number),
            Last::Real(bits) => Scalar::Real(f64::from_bits(*bits)),
            Last::Text(text) => Scalar::Text(text.clone()),
        }
    }

    /// A value so far before this one: numbers, or seconds of a point in time.
    pub(super) fn back(&self, far: Option<u32>) -> Result<Last> {
        let numbers = far.unwrap_or(NUMBERS);
        Ok(match self {
            Last::Integer(number) => Last::Integer(number.saturating_sub(numbers.into())),
            Last::Real(bits) => Last::Real((f64::from_bits(*bits) - f64::from(numbers)).to_bits()),
            Last::Text(text) => match text.parse::<i128>() {
                Ok(number) => Last::Text(number.saturating_sub(numbers.into()).to_string()),
                Err(_) => Last::Text(earlier(text, far.unwrap_or(SECONDS)).ok_or_else(|| {
                    let text = "is neither a number nor a point in time";
                    Error::config(format!("history_watermark_column has \"{self}\", which {text}"))
                })?),
            },
        })
    }

    /// Whether this is smaller than another one.
    pub(super) fn is_below(&self, other: &Last) -> Result<bool> {
        let order = match (self, other) {
            (Last::Integer(one), Last::Integer(other)) => one.cmp(other),
            (Last::Real(one), Last::Real(other)) => {
                f64::from_bits(*one).total_cmp(&f64::from_bits(*other))
            }
            (Last::Text(one), Last::Text(other)) => text_order(one, other),
            _ => {
                let text = "a number became a text, or a text a number";
                return Err(useless(format!("{text}: a full import makes a new watermark")));
            }
        };
        Ok(order == Ordering::Less)
    }
}

impl std::fmt::Display for Last {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Last::Integer(number) => write!(f, "{number}"),
            Last::Real(bits) => write!(f, "{}", f64::from_bits(*bits)),
            Last::Text(text) => f.write_str(text),
        }
    }
}

/// Numbers by their size, points in time as they are written.
fn text_order(one: &str, other: &str) -> Ordering {
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}

/// The point in time so many seconds before, written in the same way: what stands between date and
/// time, the digits of a fraction and an offset stay.
fn earlier(text: &str, seconds: u32) -> Option<String> {
    const WHOLE: usize = "2026-01-31 08:30:00".len();
    let (whole, rest) = text.split_at_checked(WHOLE)?;
    let (date, time) = whole.split_at_checked("2026-01-31".len())?;
    let (between, time) = time.split_at_checked(1)?;
    let moment: DateTime = format!("{date}T{time}").parse().ok()?;
    let moment = moment.checked_sub(Span::new().try_seconds(i64::from(seconds)).ok()?).ok()?;
    Some(format!("{}{between}{}{rest}", moment.date(), moment.time()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Last {
        Last::Text(text.to_owned())
    }

    #[test]
    fn a_look_back_keeps_how_a_value_is_written() {
        for (last, far, expected) in [
            (Last::Integer(1_500), None, Last::Integer(500)),
            (Last::Integer(5), Some(7), Last::Integer(-2)),
            (Last::Integer(i64::MIN), None, Last::Integer(i64::MIN)),
            (Last::Real(2000.5_f64.to_bits()), None, Last::Real(1000.5_f64.to_bits())),
            (text("18446744073709551615"), None, text("18446744073709550615")),
            (text("2026-01-01 00:00:30"), None, text("2025-12-31 23:59:30")),
            (text("2026-01-01T00:00:30.250Z"), Some(1), text("2026-01-01T00:00:29.250Z")),
            (text("2026-01-01 10:00:00.5+00"), Some(0), text("2026-01-01 10:00:00.5+00")),
        ] {
            assert_eq!(last.back(far), Ok(expected), "{last}");
        }
        for wrong in
            ["", "soon", "infinity", "2026-01-01", "2026-01-01 10:00", "2026-13-01 00:00:00"]
        {
            assert!(text(wrong).back(None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_compared_by_size() {
        for (one, other, below) in [
            (Last::Integer(9), Last::Integer(10), true),
            (Last::Real(9.5_f64.to_bits()), Last::Real(10.0_f64.to_bits()), true),
            (text("9"), text("10"), true),
            (text("2026-01-01 10:00:00+00"), text("2026-01-01 10:00:00.5+00"), true),
            (text("2026-01-01 10:00:00"), text("2026-01-01 10:00:00"), false),
        ] {
            assert_eq!(one.is_below(&other), Ok(below), "{one} {other}");
        }
        assert!(Last::Integer(1).is_below(&text("1")).is_err());
    }
}
