//! Procedures and functions of PostgreSQL: what they answer is a row.

use super::{Postgres, moments_of, type_of};
use crate::driver::{
    Answer, Argument, Call, Called, ColumnFacts, Direction, Driver as _, Failure, Fault, Scalar,
    Storage, facts::rows,
};
use ecma_plugin_sdk::Error;
use tokio_postgres::Statement;

/// Its kind; `f` for a function, `p` for a procedure.
const KIND: &str = "
SELECT DISTINCT p.prokind::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.proname = $1 AND CASE $2 WHEN '' THEN pg_function_is_visible(p.oid) ELSE n.nspname = $2 END
  AND p.prokind IN ('f', 'p')";

pub(super) fn columns(statement: &Statement) -> Vec<ColumnFacts> {
    let columns = statement.columns().iter();
    let column = |one: &tokio_postgres::Column| {
        let name = one.type_().name();
        let column = ColumnFacts::answered(one.name(), type_of(name), moments_of(name));
        ColumnFacts { padded: name == "bpchar", ..column }
    };
    columns.map(column).collect()
}

pub(super) fn call(
    postgres: &Postgres,
    call: &Call<'_>,
    each: &mut Answer<'_>,
) -> Result<Called, Failure> {
    let is_function = is_function(postgres, call)?;
    let (mut marks, mut parameters) = (Vec::new(), Vec::new());
    for argument in call.arguments {
        let mark = match argument.direction {
            // A function has no place for what it only answers, a procedure has.
            Direction::Output if is_function => continue,
            Direction::Output => "NULL".to_owned(),
            _ => {
                parameters.push(argument.value.clone());
                postgres.dialect().mark(parameters.len())
            }
        };
        marks.push(named(postgres, call, argument, mark));
    }
    let name = call.quoted(postgres.dialect());
    let sql = match is_function {
        true => format!("SELECT * FROM {name}({})", marks.join(", ")),
        false => postgres.dialect().call(&name, &marks),
    };
    let columns = columns(&postgres.prepare(&sql)?);
    let sql = match is_function {
        // What has a type of its own is read as text, as everywhere.
        true => sql.replacen('*', &shown(postgres, &columns), 1),
        false => sql,
    };
    if let Some(column) = columns.iter().find(|one| !is_function && one.storage == Storage::Own) {
        let text = format!(
            "the procedure {} answers {} in a type that is not read; let it answer text",
            call.name, column.name
        );
        return Err(Error::config(text).into());
    }
    let wants_outputs = call.arguments.iter().any(|one| one.direction.is_answered());
    let mut outputs = None;
    postgres.query(&sql, &parameters, &mut |cells| {
        if wants_outputs && outputs.is_none() {
            outputs = Some(call.outputs(&columns, cells)?);
        }
        each(cells, &columns)
    })?;
    Ok(Called { columns, outputs: outputs.unwrap_or_default() })
}

/// An argument as it stands in the call.
fn named(postgres: &Postgres, call: &Call<'_>, argument: &Argument, mark: String) -> String {
    match call.is_named {
        true => {
            let name = argument.name.trim_start_matches('@');
            format!("{} => {mark}", postgres.dialect().name(name))
        }
        false => mark,
    }
}

fn shown(postgres: &Postgres, columns: &[ColumnFacts]) -> String {
    let dialect = postgres.dialect();
    let shown = columns.iter().map(|one| dialect.shown(&dialect.name(&one.name), one.storage));
    shown.collect::<Vec<_>>().join(", ")
}

fn is_function(postgres: &Postgres, call: &Call<'_>) -> Result<bool, Failure> {
    let missing = || {
        let text = format!("there is no procedure or function {}", call.name);
        Failure::Database(Fault::UnknownTable, text)
    };
    let parts = call.parts();
    let (schema, name) = match &parts[..] {
        [name] => ("", name.as_str()),
        [schema, name] => (schema.as_str(), name.as_str()),
        _ => return Err(missing()),
    };
    let names = [Scalar::Text(name.to_owned()), Scalar::Text(schema.to_owned())];
    let kinds = rows(postgres, KIND, &names, 1)?;
    let kind = kinds.first().ok_or_else(missing)?;
    Ok(kind[0] == "f")
}
