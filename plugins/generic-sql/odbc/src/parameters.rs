//! Values as parameters of a statement, and what some databases want of them.

use crate::words::Value;
use odbc_api::{
    DataType, IntoParameter as _, Nullable, Prepared,
    handles::{AsStatementRef, HasDataType},
    parameter::{CElement, InputParameter, VarBinaryBox, WithDataType},
};
use std::num::NonZeroUsize;

/// Longer values are bound as long ones: SQL Server has no others beyond this.
const SHORT: usize = 8000;
/// In characters of two bytes it has half of them.
const SHORT_WIDE: usize = 4000;

/// What a database does in a way of its own.
#[derive(Clone, Copy, Default)]
pub(crate) struct Habits {
    /// It wants to be asked what a parameter is: text of one character set is no text of another,
    /// and NULL has a type too.
    pub(crate) asks_types: bool,
    /// It has no whole numbers of 64 bits; they are bound as text.
    pub(crate) numbers_as_text: bool,
    /// What a column is declared as says nothing about the length of what stands there, nor that
    /// there is a number.
    pub(crate) declares_nothing: bool,
}

impl Habits {
    /// Those of a database system, by the name that its driver tells.
    pub(crate) fn of(system: &str) -> Habits {
        let is = |word: &str| system.to_ascii_lowercase().contains(word);
        Habits {
            asks_types: is("sql server"),
            numbers_as_text: is("oracle"),
            declares_nothing: is("sqlite"),
        }
    }
}

/// The types of the parameters, as far as the database says them.
pub(crate) fn described<S: AsStatementRef>(
    statement: &mut Prepared<S>,
    count: usize,
    habits: Habits,
) -> Vec<Option<DataType>> {
    let mut one = |number: usize| {
        let number = u16::try_from(number).ok().filter(|_| habits.asks_types)?;
        statement.describe_param(number).ok().map(|column| column.data_type)
    };
    (1..=count).map(&mut one).collect()
}

/// The values as they are bound.
pub(crate) fn bound(
    values: &[Value],
    types: &[Option<DataType>],
    habits: Habits,
) -> Vec<Box<dyn InputParameter>> {
    values.iter().zip(types).map(|(value, known)| one(value, *known, habits)).collect()
}

fn one(value: &Value, known: Option<DataType>, habits: Habits) -> Box<dyn InputParameter> {
    match value {
        Value::Null => {
            let null = None::<String>.into_parameter();
            match known {
                Some(known) => Box::new(WithDataType::new(null, known)),
                None => Box::new(null),
            }
        }
        Value::Integer(number) if habits.numbers_as_text => text(number.to_string(), known, habits),
        Value::Integer(number) => Box::new(Nullable::new(*number)),
        Value::Real(number) => Box::new(Nullable::new(*number)),
        Value::Text(value) => text(value.clone(), known, habits),
        Value::Bytes(bytes) => {
            let length = NonZeroUsize::new(bytes.len().max(1));
            let kind = match bytes.len() > SHORT {
                true => DataType::LongVarbinary { length },
                false => DataType::Varbinary { length },
            };
            Box::new(WithDataType::new(VarBinaryBox::from_vec(bytes.to_vec()), kind))
        }
    }
}

/// Text in the character set of the process: UTF-8, on Windows UTF-16. Where the database does not
/// say what it wants, the text is bound as what it is; where it is asked and does not know, as text
/// of any characters.
fn text(value: String, known: Option<DataType>, habits: Habits) -> Box<dyn InputParameter> {
    let characters = value.encode_utf16().count();
    let bytes = value.len();
    let parameter = value.into_parameter();
    let wide = cfg!(windows) || (habits.asks_types && !known.is_some_and(is_narrow));
    let length = NonZeroUsize::new(if wide { characters } else { bytes }.max(1));
    let kind = match (wide, characters > SHORT_WIDE, bytes > SHORT) {
        (true, false, _) => DataType::WVarchar { length },
        (true, true, _) => DataType::WLongVarchar { length },
        (false, _, false) => DataType::Varchar { length },
        (false, _, true) => DataType::LongVarchar { length },
    };
    typed(parameter, kind)
}

fn typed(
    parameter: impl CElement + HasDataType + Send + 'static,
    kind: DataType,
) -> Box<dyn InputParameter> {
    Box::new(WithDataType::new(parameter, kind))
}

fn is_narrow(kind: DataType) -> bool {
    use DataType::{Char, LongVarchar, Varchar};
    matches!(kind, Char { .. } | Varchar { .. } | LongVarchar { .. })
}
