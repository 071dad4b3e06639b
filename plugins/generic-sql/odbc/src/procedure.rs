//! Calls of procedures. What a procedure writes to stands behind what it only reads: ODBC binds each
//! in its direction, and the safe way to bind both has as many forms as there are numbers of them.

use crate::{
    connection::Pages,
    fetch::{self, Known},
    parameters::{self, Habits},
    words::{self, Argument, Trouble, Value},
};
use odbc_api::{
    Connection, Cursor as _, CursorImpl, Error, InOut, Preallocated,
    buffers::Indicator,
    handles::{StatementImpl, StatementRef},
    parameter::InputParameter,
};

/// Room for what a procedure writes to an argument.
const ROOM: usize = 8000;
const TOO_MANY: &str =
    "a procedure that writes to arguments has 1 to 4 of them, behind at most 20 others";

/// Text as the process has it: UTF-8, on Windows UTF-16.
#[cfg(not(windows))]
type Text = odbc_api::parameter::VarCharBox;
#[cfg(windows)]
type Text = odbc_api::parameter::VarWCharBox;

type Opened<'s> = Option<CursorImpl<StatementRef<'s>>>;

/// Calls a procedure; the rows of its first result go to the pages. Answers the arguments as they
/// are then.
pub(crate) fn call(
    connection: &Connection<'_>,
    sql: &str,
    arguments: Vec<Argument>,
    habits: Habits,
    pages: &mut Pages<'_>,
) -> Result<Vec<Value>, Trouble> {
    let first = arguments.iter().position(|argument| argument.out).unwrap_or(arguments.len());
    let (read, written) = arguments.split_at(first);
    if written.iter().any(|argument| !argument.out) {
        return Err(Trouble::ours(TOO_MANY.to_owned()));
    }
    let mut values: Vec<Value> = read.iter().map(|argument| argument.value.clone()).collect();
    let inputs = parameters::bound(&values, &vec![None; values.len()], habits);
    let mut outputs: Vec<Text> = written.iter().map(|argument| room(&argument.value)).collect();
    let mut statement = connection.preallocate()?;
    let cursor = match outputs.is_empty() {
        true => statement.execute(sql, inputs.as_slice())?,
        false => execute(&mut statement, sql, &inputs, &mut outputs)?,
    };
    if let Some(cursor) = cursor {
        finish(cursor, habits, pages)?;
    }
    for (argument, output) in written.iter().zip(&outputs) {
        values.push(answered(&argument.value, output)?);
    }
    Ok(values)
}

/// Hands over what the columns are.
fn describe(
    cursor: &mut CursorImpl<StatementRef<'_>>,
    habits: Habits,
    pages: &mut Pages<'_>,
) -> Result<(), Trouble> {
    let columns = rmp_serde::to_vec_named(&fetch::described(cursor, habits)?);
    let columns = columns.map_err(|error| Trouble::ours(error.to_string()))?;
    pages(&[&words::COLUMNS[..], &columns].concat());
    Ok(())
}

/// Reads the first result and passes the others over: only then the arguments are written.
fn finish(
    mut cursor: CursorImpl<StatementRef<'_>>,
    habits: Habits,
    pages: &mut Pages<'_>,
) -> Result<(), Trouble> {
    if let Err(trouble) = describe(&mut cursor, habits, pages) {
        return fetch::closed(cursor, Err(trouble));
    }
    if let Err(trouble) = fetch::rows_one_by_one(&mut cursor, habits, Known::default(), pages) {
        return fetch::closed(cursor, Err(trouble));
    }
    let mut next = cursor.more_results()?;
    while let Some(cursor) = next {
        next = cursor.more_results()?;
    }
    Ok(())
}

/// Runs a call with so many arguments that are read, and so many that are written to.
fn execute<'s>(
    statement: &'s mut Preallocated<StatementImpl<'_>>,
    sql: &str,
    inputs: &[Box<dyn InputParameter>],
    outputs: &mut [Text],
) -> Result<Opened<'s>, Trouble> {
    /// Runs it when there are as many inputs as names are given.
    macro_rules! run {
        ($($input:ident)*) => {
            if let [$($input),*] = inputs {
                let run: Result<Opened<'s>, Error> = match outputs {
                    [a] => statement.execute(sql, ($($input,)* InOut(a),)),
                    [a, b] => statement.execute(sql, ($($input,)* InOut(a), InOut(b))),
                    [a, b, c] => {
                        statement.execute(sql, ($($input,)* InOut(a), InOut(b), InOut(c)))
                    }
                    [a, b, c, d] => {
                        statement.execute(sql, ($($input,)* InOut(a), InOut(b), InOut(c), InOut(d)))
                    }
                    _ => return Err(Trouble::ours(TOO_MANY.to_owned())),
                };
                return Ok(run?);
            }
        };
    }
    /// Tries it with all of the names, then with one less, down to none.
    macro_rules! each_number {
        () => { run!(); };
        ($first:ident $($rest:ident)*) => {
            run!($first $($rest)*);
            each_number!($($rest)*);
        };
    }
    each_number!(e f g h i j k l m n o p q r s t u v w x);
    Err(Trouble::ours(TOO_MANY.to_owned()))
}

/// A buffer with a value in it, and room for another one.
#[cfg(not(windows))]
fn room(value: &Value) -> Text {
    let text = text(value);
    let mut buffer = text.clone().unwrap_or_default().into_bytes();
    let indicator = text.map_or(Indicator::Null, |text| Indicator::Length(text.len()));
    buffer.resize(buffer.len().max(ROOM), 0);
    Text::from_buffer(buffer.into_boxed_slice(), indicator)
}

#[cfg(windows)]
fn room(value: &Value) -> Text {
    let text = text(value);
    let mut buffer: Vec<u16> = text.as_deref().unwrap_or_default().encode_utf16().collect();
    let indicator = text.map_or(Indicator::Null, |_| Indicator::Length(buffer.len() * 2));
    buffer.resize(buffer.len().max(ROOM), 0);
    Text::from_buffer(buffer.into_boxed_slice(), indicator)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// What stands in a buffer: a number where there was one before, else text.
fn answered(before: &Value, output: &Text) -> Result<Value, Trouble> {
    if !output.is_complete() {
        let text = format!("what a procedure writes to an argument is longer than {ROOM} bytes");
        return Err(Trouble::ours(text));
    }
    #[cfg(not(windows))]
    let text = output.as_bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    #[cfg(windows)]
    let text = output.as_slice().map(String::from_utf16_lossy);
    let Some(text) = text else { return Ok(Value::Null) };
    let number = match before {
        Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
        Value::Real(_) => text.trim().parse().ok().map(Value::Real),
        _ => None,
    };
    Ok(number.unwrap_or(Value::Text(text)))
}
