//! Values between the wire and the host, in both directions.
//!
//! An error says what is wrong and follows the name of the attribute.

#[cfg(test)]
mod tests;

use crate::{dn::Name, moment, syntax::Form};
use ecma_plugin_sdk::Value;
use std::str;

/// A value that was read. Nothing is replaced and nothing is cut: what does not fit is an error.
pub(crate) fn decode(form: Form, bytes: &[u8]) -> Result<Value, String> {
    let text = || str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned());
    let not = |what: &str| format!("is {}, not {what}", quoted(&String::from_utf8_lossy(bytes)));
    Ok(match form {
        Form::Text => Value::Text(text()?.to_owned()),
        Form::Integer => {
            let number = text()?.parse();
            Value::Integer(number.map_err(|_| not("a whole number of 64 bits"))?)
        }
        Form::Boolean => match text()? {
            truth if truth.eq_ignore_ascii_case("true") => Value::Boolean(true),
            truth if truth.eq_ignore_ascii_case("false") => Value::Boolean(false),
            _ => return Err(not("TRUE or FALSE")),
        },
        Form::Binary => Value::Binary(bytes.to_vec()),
        Form::GeneralizedTime { .. } => {
            let moment = moment::read_generalized(text()?);
            Value::Text(moment.ok_or_else(|| not("a point in time"))?)
        }
        Form::UtcTime => {
            let moment = moment::read_utc(text()?);
            Value::Text(moment.ok_or_else(|| not("a point in time"))?)
        }
        Form::Reference => Value::Reference(text()?.to_owned()),
        Form::ReferenceAndUid => Value::Reference(without_uid(text()?).to_owned()),
        Form::Guid => match bytes.try_into() {
            Ok(bytes) => Value::Text(guid_text(bytes)),
            Err(_) => return Err(format!("has {} bytes, and a GUID has 16", bytes.len())),
        },
        Form::Hex => Value::Text(hex(bytes)),
        Form::UnicodePassword => return Err("is a password, which is not read".to_owned()),
    })
}

/// What to write, or to look for, for a value.
pub(crate) fn encode(form: Form, value: &Value) -> Result<Vec<u8>, String> {
    let not = |what: &str| format!("is {}, not {what}", quoted(&value.to_string()));
    let text = || plain(value).ok_or_else(|| "is bytes, not text".to_owned());
    let written = match form {
        Form::Text => Some(text()?),
        Form::Integer => whole(value).map(|number| number.to_string()),
        Form::Boolean => truth(value).map(|truth| if truth { "TRUE" } else { "FALSE" }.to_owned()),
        Form::GeneralizedTime { always_fraction } => {
            value.as_text().and_then(|text| moment::write_generalized(text, always_fraction))
        }
        Form::UtcTime => value.as_text().and_then(moment::write_utc),
        Form::Reference | Form::ReferenceAndUid => {
            let name = value.as_text().ok_or_else(|| not("the name of an entry"))?;
            let bare = if form == Form::Reference { name } else { without_uid(name) };
            Name::parse(bare).map_err(|why| format!("is {}, {why}", quoted(name)))?;
            Some(name.to_owned())
        }
        Form::Binary => match value {
            Value::Binary(bytes) => return Ok(bytes.clone()),
            _ => return Err("is not bytes".to_owned()),
        },
        Form::Guid => {
            let guid = value.as_text().and_then(guid_bytes);
            return guid.map(|bytes| bytes.to_vec()).ok_or_else(|| not("a GUID"));
        }
        Form::Hex => {
            let bytes = value.as_text().and_then(bytes_of_hex);
            return bytes.ok_or_else(|| not("hexadecimal digits"));
        }
        Form::UnicodePassword => {
            let quoted = format!("\"{}\"", text()?);
            return Ok(quoted.encode_utf16().flat_map(u16::to_le_bytes).collect());
        }
    };
    let what = match form {
        Form::Integer => "a whole number of 64 bits",
        Form::Boolean => "true or false",
        Form::UtcTime => "a whole second of the years 1950 to 2049",
        _ => "a point in time",
    };
    written.map(String::into_bytes).ok_or_else(|| not(what))
}

/// The text of a GUID in the byte order of Active Directory: its first three groups are numbers whose
/// last byte comes first. Lower case, 8-4-4-4-12.
pub(crate) fn guid_text(bytes: &[u8; 16]) -> String {
    let digits = hex(&reordered(*bytes));
    let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    groups.join("-")
}

/// The text of a UUID in the order of RFC 4122 §3, which is that of `entryUUID`; `None` for another
/// number of bytes than 16.
pub(crate) fn uuid_text(bytes: &[u8]) -> Option<String> {
    Some(guid_text(&reordered(bytes.try_into().ok()?)))
}

/// The bytes of [`guid_text`], in upper or lower case, with or without braces around.
pub(crate) fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let dashes = inner.match_indices('-').map(|(at, _)| at);
    if !dashes.eq([8, 13, 18, 23]) {
        return None;
    }
    Some(reordered(bytes_of_hex(&inner.replace('-', ""))?.try_into().ok()?))
}

/// Turns the first three groups around; twice is not at all.
fn reordered(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: &u8| char::from(*c).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

/// A name without `#'01'B` behind it.
fn without_uid(text: &str) -> &str {
    let bits = text.strip_suffix("'B").map(|text| text.trim_end_matches(['0', '1']));
    bits.and_then(|text| text.strip_suffix("#'")).unwrap_or(text)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Reference(text) => Some(text.clone()),
        Value::Integer(_) | Value::Boolean(_) => Some(value.to_string()),
        _ => None,
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Boolean(truth) => Some(*truth),
        Value::Integer(number @ 0..=1) => Some(*number == 1),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A value in an error's sentence, cut where it is long.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("\"{}…\"", &text[..at]),
        None => format!("\"{text}\""),
    }
}
