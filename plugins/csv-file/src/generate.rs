//! Anchors for rows that come without one: the next number, or a random UUID.

use crate::{
    file::{Cells, Reader},
    settings::Settings,
};
use ecma_plugin_sdk::{Anchor, Change, Choice, Error, Result, Value};
use std::{borrow::Cow, path::Path};

/// How a row that is added without an anchor gets one.
#[derive(Choice, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generate {
    /// It does not.
    No,
    /// One more than the largest number in the column.
    Number,
    /// A random UUID (RFC 9562 §5.4).
    Uuid,
}

/// The page with an anchor for each added row that has none.
pub(crate) fn anchored<'b>(
    settings: &Settings,
    path: &Path,
    batch: &'b [Change],
) -> Result<Cow<'b, [Change]>> {
    let lacks = |change: &Change| matches!(change, Change::Add(e) if e.id().anchor.is_empty());
    if settings.generate == Generate::No || !batch.iter().any(lacks) {
        return Ok(Cow::Borrowed(batch));
    }
    let name = settings.anchor.first().map_or("", String::as_str);
    let number = settings.integer.iter().any(|column| column == name);
    let mut next = if settings.generate == Generate::Number { largest(settings, path)? } else { 0 };
    let mut batch = batch.to_vec();
    for change in batch.iter_mut().filter(|change| lacks(change)) {
        let Change::Add(entry) = change else { continue };
        let value = match settings.generate {
            Generate::Uuid => Value::Text(uuid()?),
            _ => {
                next = next.checked_add(1).ok_or_else(|| Error::internal("no number is left"))?;
                if number { Value::Integer(next) } else { Value::Text(next.to_string()) }
            }
        };
        entry.id_mut().anchor = Anchor::new([(name, value)]);
    }
    Ok(Cow::Owned(batch))
}

/// The largest number in the anchor's column; other texts there do not count. Rows that cannot be
/// imported do: once somebody has repaired one, its number must be its own.
fn largest(settings: &Settings, path: &Path) -> Result<i64> {
    let mut reader = Reader::open(settings, path)?;
    let mut cells = Cells::new(reader.codec);
    let Some(at) = reader.table.anchors.first().copied() else { return Ok(0) };
    let mut largest = 0;
    while reader.step()? {
        if at < reader.rows.len()
            && let Some(number) =
                cells.text(&reader.rows, at).and_then(|text| text.trim().parse().ok())
        {
            largest = largest.max(number);
        }
    }
    Ok(largest)
}

fn uuid() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal(format!("the system gave no randomness: {error}")))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// Whether an anchor may be made: a single column, and one that can hold it.
pub(crate) fn problem(settings: &Settings) -> Option<String> {
    let integer = |name: &String| settings.integer.contains(name);
    match settings.generate {
        Generate::No => None,
        _ if settings.anchor.len() != 1 => Some("needs an anchor of one column".to_owned()),
        Generate::Uuid if settings.anchor.iter().any(integer) => {
            Some("is uuid, but the anchor holds whole numbers".to_owned())
        }
        _ => None,
    }
}
