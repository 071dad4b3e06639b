//! Values between a column and an attribute, in both directions.
//!
//! NULL and empty text are both "no value": SCIM has no empty text. What is read is borrowed from
//! the row wherever the database has it in the shape that is wanted.

use crate::{
    dn,
    driver::{Cell, Scalar, Storage},
    form::Form,
    schema::Column,
};
use ecma_plugin_sdk::{AttributeType, Error, Result, Value};
use std::{borrow::Cow, str};

/// A value that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Read<'a> {
    Text(Cow<'a, str>),
    Reference(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
    Binary(&'a [u8]),
}

impl Read<'_> {
    pub(crate) fn into_value(self) -> Value {
        match self {
            Read::Text(text) => Value::Text(text.into_owned()),
            Read::Reference(text) => Value::Reference(text.into_owned()),
            Read::Integer(number) => Value::Integer(number),
            Read::Boolean(truth) => Value::Boolean(truth),
            Read::Binary(bytes) => Value::Binary(bytes.to_vec()),
        }
    }
}

/// Hands over each value of a cell; the error says what a cell has that its column should not.
pub(crate) fn read<'a>(
    column: &Column,
    cell: Cell<'a>,
    mut each: impl FnMut(Read<'a>) -> Result<()>,
) -> Result<()> {
    let refuse = |text: &'static str| Error::invalid(&column.name, text);
    let cell = column.form.trimmed(cell);
    if let (Some(separator), Cell::Text(bytes)) = (&column.separator, cell) {
        let text = str::from_utf8(bytes).map_err(|_| refuse("is not UTF-8"))?;
        for part in text.split(separator.as_str()).map(str::trim) {
            if let Some(value) = one(column, Cell::Text(part.as_bytes())).map_err(refuse)? {
                each(value)?;
            }
        }
        return Ok(());
    }
    match one(column, cell).map_err(refuse)? {
        Some(value) => each(value),
        None => Ok(()),
    }
}

fn one<'a>(column: &Column, cell: Cell<'a>) -> Result<Option<Read<'a>>, &'static str> {
    Ok(Some(match (column.kind, cell) {
        (_, Cell::Null | Cell::Text(b"") | Cell::Bytes(b"")) => return Ok(None),
        (AttributeType::Integer, Cell::Integer(number)) => Read::Integer(number),
        (AttributeType::Integer, cell) => {
            Read::Integer(whole_number(cell).ok_or("is not a whole number")?)
        }
        (AttributeType::Boolean, cell) => {
            Read::Boolean(truth(&column.form, cell).ok_or("is neither true nor false")?)
        }
        (AttributeType::Binary, Cell::Bytes(bytes) | Cell::Text(bytes)) => Read::Binary(bytes),
        (AttributeType::Binary, _) => return Err("is a number, not bytes"),
        (AttributeType::DateTime, cell) => {
            Read::Text(Cow::Owned(column.form.clock.read(cell).ok_or("is not a point in time")?))
        }
        (AttributeType::Reference, cell) => Read::Reference(match &column.named {
            Some(object_type) => Cow::Owned(dn::name(object_type, &text(cell)?)),
            None => text(cell)?,
        }),
        (_, cell) => Read::Text(text(cell)?),
    }))
}

/// A cell as text; the error says what it is instead.
pub(crate) fn text(cell: Cell<'_>) -> Result<Cow<'_, str>, &'static str> {
    match cell {
        Cell::Text(bytes) | Cell::Bytes(bytes) => {
            str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| "is not UTF-8")
        }
        Cell::Integer(number) => Ok(Cow::Owned(number.to_string())),
        // The shortest digits that are read as the same number again.
        Cell::Real(number) => Ok(Cow::Owned(format!("{number:?}"))),
        Cell::Null => Ok(Cow::Borrowed("")),
    }
}

fn whole_number(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Integer(number) => Some(number),
        // Beyond 2^53 a fraction's digits are not all of the number.
        Cell::Real(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            Some(number as i64)
        }
        Cell::Text(bytes) => str::from_utf8(bytes).ok()?.trim().parse().ok(),
        _ => None,
    }
}

fn truth(form: &Form, cell: Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Integer(0) => Some(false),
        Cell::Integer(1) => Some(true),
        Cell::Text(bytes) => {
            let word = str::from_utf8(bytes).ok()?;
            form.truth(word).or_else(|| truth_of(word))
        }
        _ => None,
    }
}

fn truth_of(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// What to store for the values of an attribute; none is NULL.
pub(crate) fn store(column: &Column, values: &[Value]) -> Result<Scalar> {
    let refuse = |text: &str| Error::invalid(&column.name, text);
    match (values, &column.separator) {
        ([], _) => Ok(Scalar::Null),
        (values, Some(separator)) => {
            let mut joined = String::new();
            for (at, value) in values.iter().enumerate() {
                let part = match scalar(column, value)? {
                    Scalar::Text(text) => text,
                    Scalar::Integer(number) => number.to_string(),
                    _ => return Err(refuse("has bytes among its values")),
                };
                if part.contains(separator.as_str()) || part.trim() != part {
                    return Err(refuse("has a value with the separator or a space at its end"));
                }
                joined.push_str(if at == 0 { "" } else { separator });
                joined.push_str(&part);
            }
            Ok(Scalar::Text(joined))
        }
        ([value], None) => scalar(column, value),
        _ => Err(refuse("has one value at most")),
    }
}

/// What to store, or to look for, for one value.
pub(crate) fn scalar(column: &Column, value: &Value) -> Result<Scalar> {
    let refuse = |text: &str| Error::invalid(&column.name, text);
    let part;
    let value = match &column.named {
        Some(object_type) => {
            let parsed = dn::parse(&value.to_string(), object_type);
            part = Value::Reference(
                parsed.map_err(|what| refuse(&format!("is {}, {what}", shown(value))))?,
            );
            &part
        }
        None => value,
    };
    let plain = |value: &Value| match value {
        Value::Text(text) | Value::Reference(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    };
    match column.kind {
        AttributeType::Integer => whole(value)
            .map(Scalar::Integer)
            .ok_or_else(|| refuse(&format!("is {}, not a whole number", shown(value)))),
        AttributeType::Boolean => match value {
            Value::Boolean(truth) => Some(*truth),
            Value::Integer(number @ 0..=1) => Some(*number == 1),
            Value::Text(text) => column.form.truth(text).or_else(|| truth_of(text)),
            _ => None,
        }
        .map(|truth| match &column.form.words {
            Some((yes, no)) => Scalar::Text(if truth { yes } else { no }.clone()),
            None => Scalar::Integer(truth.into()),
        })
        .ok_or_else(|| refuse(&format!("is {}, neither true nor false", shown(value)))),
        AttributeType::Binary => match value {
            Value::Binary(bytes) => Ok(Scalar::Bytes(bytes.clone())),
            _ => Err(refuse("is not bytes")),
        },
        AttributeType::DateTime => plain(value)
            .and_then(|text| column.form.clock.store(&text, column.storage))
            .ok_or_else(|| refuse(&format!("is {}, not a point in time", shown(value)))),
        AttributeType::Reference if column.storage == Storage::Integer => whole(value)
            .map(Scalar::Integer)
            .ok_or_else(|| refuse(&format!("is {}, not the number of an entry", shown(value)))),
        _ => {
            let text = plain(value).ok_or_else(|| refuse("is bytes, not text"))?;
            match column.storage {
                Storage::Real => match text.trim().parse() {
                    Ok(number) => Ok(Scalar::Real(number)),
                    Err(_) => Err(refuse(&format!("is {}, not a number", shown(value)))),
                },
                _ => Ok(Scalar::Text(text)),
            }
        }
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Boolean(truth) => Some((*truth).into()),
        Value::Text(text) | Value::Reference(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A value in an error's sentence, cut where it is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("\"{}…\"", &text[..at]),
        None => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: AttributeType, storage: Storage) -> Column {
        Column::new("c", kind, storage)
    }

    #[test]
    fn cells_are_values_of_their_column() {
        use AttributeType::{Binary, Boolean, DateTime, Integer, Reference, Text};
        let text = |text: &str| Ok(vec![Value::Text(text.to_owned())]);
        let number = |number| Ok(vec![Value::Integer(number)]);
        let truth = |truth| Ok(vec![Value::Boolean(truth)]);
        for (kind, cell, expected) in [
            (Text, Cell::Null, Ok(vec![])),
            (Text, Cell::Text(b""), Ok(vec![])),
            (Text, Cell::Text("Zoë".as_bytes()), text("Zoë")),
            (Text, Cell::Integer(7), text("7")),
            (Text, Cell::Real(2.5), text("2.5")),
            (Text, Cell::Real(2.0), text("2.0")),
            (Text, Cell::Bytes(b"abc"), text("abc")),
            (Text, Cell::Text(b"\xff"), Err("c is not UTF-8")),
            (Integer, Cell::Integer(i64::MIN), number(i64::MIN)),
            (Integer, Cell::Text(b" 42 "), number(42)),
            (Integer, Cell::Real(5.0), number(5)),
            (Integer, Cell::Real(5.5), Err("c is not a whole number")),
            (Integer, Cell::Real(1e18), Err("c is not a whole number")),
            (Integer, Cell::Text(b"x"), Err("c is not a whole number")),
            (Boolean, Cell::Integer(1), truth(true)),
            (Boolean, Cell::Text(b"No"), truth(false)),
            (Boolean, Cell::Integer(2), Err("c is neither true nor false")),
            (Binary, Cell::Bytes(b"\xff"), Ok(vec![Value::Binary(vec![0xff])])),
            (Binary, Cell::Integer(1), Err("c is a number, not bytes")),
            (DateTime, Cell::Text(b"2026-01-31 08:30:00"), text("2026-01-31T08:30:00Z")),
            (DateTime, Cell::Text(b"2026-01-31T08:30:00.5+02:00"), text("2026-01-31T06:30:00.5Z")),
            (DateTime, Cell::Text(b"2026-01-31"), text("2026-01-31T00:00:00Z")),
            (DateTime, Cell::Integer(0), text("1970-01-01T00:00:00Z")),
            (DateTime, Cell::Text(b"soon"), Err("c is not a point in time")),
            (Reference, Cell::Integer(3), Ok(vec![Value::Reference("3".to_owned())])),
        ] {
            let mut values = Vec::new();
            let result = read(&column(kind, Storage::AsGiven), cell, |value| {
                values.push(value.into_value());
                Ok(())
            });
            let found = result.map(|()| values).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{kind:?} {cell:?}");
        }
    }

    #[test]
    fn values_are_stored_as_their_column_wants_them() {
        use AttributeType::{Binary, Boolean, DateTime, Integer, Reference, Text};
        let text = |text: &str| Ok(Scalar::Text(text.to_owned()));
        for (kind, storage, value, expected) in [
            (Integer, Storage::Integer, Value::from("42"), Ok(Scalar::Integer(42))),
            (Integer, Storage::Integer, Value::from(true), Ok(Scalar::Integer(1))),
            (Integer, Storage::Integer, Value::from("x"), Err("c is \"x\", not a whole number")),
            (Boolean, Storage::Numeric, Value::from("True"), Ok(Scalar::Integer(1))),
            (Boolean, Storage::Numeric, Value::from(0), Ok(Scalar::Integer(0))),
            (
                Boolean,
                Storage::Text,
                Value::from("maybe"),
                Err("c is \"maybe\", neither true nor false"),
            ),
            (Text, Storage::Text, Value::from(7), text("7")),
            (Text, Storage::Text, Value::from(vec![1_u8]), Err("c is bytes, not text")),
            (Text, Storage::Real, Value::from("2.5"), Ok(Scalar::Real(2.5))),
            (Text, Storage::Real, Value::from("much"), Err("c is \"much\", not a number")),
            (Binary, Storage::Bytes, Value::from(vec![1_u8]), Ok(Scalar::Bytes(vec![1]))),
            (Binary, Storage::Bytes, Value::from("AQ=="), Err("c is not bytes")),
            (
                DateTime,
                Storage::Numeric,
                Value::from("2026-01-31T08:30:00Z"),
                text("2026-01-31 08:30:00"),
            ),
            (
                DateTime,
                Storage::Integer,
                Value::from("1970-01-01T00:01:00Z"),
                Ok(Scalar::Integer(60)),
            ),
            (
                DateTime,
                Storage::Text,
                Value::from("soon"),
                Err("c is \"soon\", not a point in time"),
            ),
            (Reference, Storage::Integer, Value::Reference("3".to_owned()), Ok(Scalar::Integer(3))),
            (Reference, Storage::Text, Value::Reference("a".to_owned()), text("a")),
        ] {
            let found = store(&column(kind, storage), std::slice::from_ref(&value));
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{kind:?} {storage:?} {value:?}");
        }
        assert_eq!(store(&column(Text, Storage::Text), &[]), Ok(Scalar::Null));
        assert!(store(&column(Text, Storage::Text), &["a".into(), "b".into()]).is_err());
    }

    #[test]
    fn several_values_stand_in_one_text() {
        let mut phones = column(AttributeType::Text, Storage::Text);
        phones.separator = Some(";".to_owned());
        let stored = store(&phones, &["1".into(), "2".into()]);
        assert_eq!(stored, Ok(Scalar::Text("1;2".to_owned())));
        let mut values = Vec::new();
        read(&phones, Cell::Text(b"1; 2;;"), |value| {
            values.push(value.into_value());
            Ok(())
        })
        .unwrap();
        assert_eq!(values, ["1".into(), "2".into()]);
        assert!(store(&phones, &["1;2".into()]).is_err());
    }
}
