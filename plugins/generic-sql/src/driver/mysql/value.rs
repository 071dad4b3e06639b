//! Values as MySQL sends and takes them.

use crate::driver::{Cell, Cells, Moments, Scalar, Storage, short};
use ecma_plugin_sdk::AttributeType;
use mysql_async::{Column, Row, Value, consts::ColumnType};

/// The character set that is none.
const BINARY: u16 = 63;

/// A row as the server sent it.
pub(super) struct Sent(Vec<Held>);

#[derive(Debug, Clone, PartialEq)]
enum Held {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

impl From<Row> for Sent {
    fn from(row: Row) -> Sent {
        let columns = row.columns();
        // The library's name for taking the values out; nothing can go wrong with it.
        let values = Row::unwrap(row).into_iter().zip(columns.iter());
        Sent(values.map(|(value, column)| held(value, Kind::of(column))).collect())
    }
}

impl Cells for Sent {
    fn cell(&self, column: usize) -> Cell<'_> {
        match &self.0[column] {
            Held::Null => Cell::Null,
            Held::Integer(number) => Cell::Integer(*number),
            Held::Real(number) => Cell::Real(*number),
            Held::Text(text) => Cell::Text(text),
            Held::Bytes(bytes) => Cell::Bytes(bytes),
        }
    }
}

/// What tells values of one shape apart.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Date,
    Bits,
    Bytes,
    Other,
}

impl Kind {
    fn of(column: &Column) -> Kind {
        use ColumnType::*;
        match column.column_type() {
            MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => Kind::Date,
            MYSQL_TYPE_BIT => Kind::Bits,
            MYSQL_TYPE_GEOMETRY => Kind::Bytes,
            MYSQL_TYPE_TINY_BLOB
            | MYSQL_TYPE_MEDIUM_BLOB
            | MYSQL_TYPE_LONG_BLOB
            | MYSQL_TYPE_BLOB
            | MYSQL_TYPE_VAR_STRING
            | MYSQL_TYPE_STRING
            | MYSQL_TYPE_VARCHAR
                if column.character_set() == BINARY =>
            {
                Kind::Bytes
            }
            _ => Kind::Other,
        }
    }
}

fn held(value: Value, kind: Kind) -> Held {
    let text = |text: String| Held::Text(text.into_bytes());
    match (value, kind) {
        (Value::NULL, _) => Held::Null,
        (Value::Int(number), _) => Held::Integer(number),
        (Value::UInt(number), _) => unsigned(number),
        (Value::Float(number), _) => Held::Real(short(number)),
        (Value::Double(number), _) => Held::Real(number),
        (Value::Bytes(bytes), Kind::Bytes) => Held::Bytes(bytes),
        (Value::Bytes(bytes), Kind::Bits) if bytes.len() <= 8 => {
            unsigned(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        }
        (Value::Bytes(bytes), _) => Held::Text(bytes),
        (Value::Date(year, month, day, ..), Kind::Date) => {
            text(format!("{year:04}-{month:02}-{day:02}"))
        }
        (Value::Date(year, month, day, hour, minute, second, micro), _) => {
            let time = format!("{hour:02}:{minute:02}:{second:02}{}", fraction(micro));
            text(format!("{year:04}-{month:02}-{day:02} {time}"))
        }
        (Value::Time(negative, days, hours, minute, second, micro), _) => {
            let sign = if negative { "-" } else { "" };
            let hours = u64::from(days) * 24 + u64::from(hours);
            text(format!("{sign}{hours:02}:{minute:02}:{second:02}{}", fraction(micro)))
        }
    }
}

fn unsigned(number: u64) -> Held {
    match i64::try_from(number) {
        Ok(number) => Held::Integer(number),
        Err(_) => Held::Text(number.to_string().into_bytes()),
    }
}

fn fraction(micro: u32) -> String {
    if micro == 0 { String::new() } else { format!(".{micro:06}") }
}

/// A value to be bound.
pub(super) fn bound(value: &Scalar) -> Value {
    match value {
        Scalar::Null => Value::NULL,
        Scalar::Integer(number) => Value::Int(*number),
        Scalar::Real(number) => Value::Double(*number),
        Scalar::Text(text) => Value::Bytes(text.clone().into_bytes()),
        Scalar::Bytes(bytes) => Value::Bytes(bytes.clone()),
    }
}

/// What kind of values a type stands for; `whole` is the type with what stands behind its name.
pub(super) fn type_of(name: &str, whole: &str) -> (AttributeType, Storage) {
    match name {
        "tinyint" if whole.starts_with("tinyint(1)") => (AttributeType::Boolean, Storage::Integer),
        "bit" if whole == "bit(1)" => (AttributeType::Boolean, Storage::Integer),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "bit" => {
            (AttributeType::Integer, Storage::Integer)
        }
        "float" | "double" => (AttributeType::Text, Storage::Real),
        "decimal" => (AttributeType::Text, Storage::Numeric),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            (AttributeType::Text, Storage::Text)
        }
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry"
        | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => {
            (AttributeType::Binary, Storage::Bytes)
        }
        // Written by us, and compared by the server as what they are.
        "datetime" | "timestamp" => (AttributeType::DateTime, Storage::Text),
        "date" => (AttributeType::Text, Storage::Text),
        _ => (AttributeType::Text, Storage::Own),
    }
}

/// How a column of an answer has points in time. The connection's time zone is UTC.
pub(super) fn moments_of(column: &Column) -> Moments {
    use ColumnType::*;
    match column.column_type() {
        MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2 => Moments::Absolute,
        MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 => Moments::Local,
        _ => Moments::Text,
    }
}

/// What kind of values a column of an answer has.
pub(super) fn type_of_column(column: &Column) -> (AttributeType, Storage) {
    use ColumnType::*;
    let whole = (AttributeType::Integer, Storage::Integer);
    match column.column_type() {
        MYSQL_TYPE_TINY | MYSQL_TYPE_BIT if column.column_length() == 1 => {
            (AttributeType::Boolean, Storage::Integer)
        }
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG
        | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_YEAR | MYSQL_TYPE_BIT => whole,
        MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => (AttributeType::Text, Storage::Real),
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => (AttributeType::Text, Storage::Numeric),
        MYSQL_TYPE_DATETIME
        | MYSQL_TYPE_DATETIME2
        | MYSQL_TYPE_TIMESTAMP
        | MYSQL_TYPE_TIMESTAMP2 => (AttributeType::DateTime, Storage::Text),
        MYSQL_TYPE_ENUM | MYSQL_TYPE_SET | MYSQL_TYPE_TIME | MYSQL_TYPE_TIME2 => {
            (AttributeType::Text, Storage::Own)
        }
        _ if Kind::of(column) == Kind::Bytes => (AttributeType::Binary, Storage::Bytes),
        _ => (AttributeType::Text, Storage::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cells() {
        let text = |text: &str| Held::Text(text.as_bytes().to_vec());
        for (value, kind, expected) in [
            (Value::NULL, Kind::Other, Held::Null),
            (Value::Int(-7), Kind::Other, Held::Integer(-7)),
            (Value::UInt(7), Kind::Other, Held::Integer(7)),
            (Value::UInt(u64::MAX), Kind::Other, text("18446744073709551615")),
            (Value::Float(0.1), Kind::Other, Held::Real(0.1)),
            (Value::Double(0.2), Kind::Other, Held::Real(0.2)),
            (Value::Bytes(b"a".to_vec()), Kind::Other, text("a")),
            (Value::Bytes(vec![0, 255]), Kind::Bytes, Held::Bytes(vec![0, 255])),
            (Value::Bytes(vec![1]), Kind::Bits, Held::Integer(1)),
            (Value::Bytes(vec![1, 2]), Kind::Bits, Held::Integer(258)),
            (Value::Date(2026, 1, 31, 0, 0, 0, 0), Kind::Date, text("2026-01-31")),
            (Value::Date(2026, 1, 31, 0, 0, 0, 0), Kind::Other, text("2026-01-31 00:00:00")),
            (
                Value::Date(2026, 1, 31, 8, 30, 5, 500),
                Kind::Other,
                text("2026-01-31 08:30:05.000500"),
            ),
            (Value::Date(0, 0, 0, 0, 0, 0, 0), Kind::Date, text("0000-00-00")),
            (Value::Time(false, 0, 8, 30, 0, 0), Kind::Other, text("08:30:00")),
            (Value::Time(true, 34, 22, 59, 59, 1), Kind::Other, text("-838:59:59.000001")),
        ] {
            assert_eq!(held(value.clone(), kind), expected, "{value:?} {kind:?}");
        }
    }

    #[test]
    fn types_are_known_by_their_whole_name() {
        use AttributeType::{Binary, Boolean, DateTime, Integer, Text};
        for (name, whole, kind, storage) in [
            ("tinyint", "tinyint(1)", Boolean, Storage::Integer),
            ("tinyint", "tinyint(4)", Integer, Storage::Integer),
            ("bit", "bit(1)", Boolean, Storage::Integer),
            ("bit", "bit(12)", Integer, Storage::Integer),
            ("bigint", "bigint(20) unsigned", Integer, Storage::Integer),
            ("decimal", "decimal(12,2)", Text, Storage::Numeric),
            ("varchar", "varchar(20)", Text, Storage::Text),
            ("varbinary", "varbinary(20)", Binary, Storage::Bytes),
            ("timestamp", "timestamp", DateTime, Storage::Text),
            ("enum", "enum('a','b')", Text, Storage::Own),
            ("json", "json", Text, Storage::Own),
        ] {
            assert_eq!(type_of(name, whole), (kind, storage), "{whole}");
        }
    }
}
