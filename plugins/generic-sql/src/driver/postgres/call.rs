//! Procedures and functions of PostgreSQL, however it is reached: what they answer is a row.

use super::{moments_of, type_of};
use crate::driver::{
    Answer, Call, Called, ColumnFacts, Direction, Driver, Failure, Fault, Scalar, Storage,
    facts::rows,
};
use ecma_plugin_sdk::Error;
use tokio_postgres::Statement;

/// The kind of what has a name: `f` is a function, `p` a procedure.
const KIND: &str = "
SELECT DISTINCT p.prokind::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p') AND p.proname = ";

pub(super) fn columns(statement: &Statement) -> Vec<ColumnFacts> {
    let columns = statement.columns().iter();
    let column = |one: &tokio_postgres::Column| {
        let name = one.type_().name();
        let column = ColumnFacts::new(one.name(), type_of(name), moments_of(name));
        ColumnFacts { padded: name == "bpchar", ..column }
    };
    columns.map(column).collect()
}

pub(in crate::driver) fn call(
    postgres: &dyn Driver,
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
        marks.push(call.placed(postgres.dialect(), argument, mark)?);
    }
    let name = call.quoted(postgres.dialect());
    let sql = match is_function {
        true => format!("SELECT * FROM {name}({})", marks.join(", ")),
        false => postgres.dialect().call(&name, &marks),
    };
    let columns = postgres.columns(&sql)?;
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

fn shown(postgres: &dyn Driver, columns: &[ColumnFacts]) -> String {
    let dialect = postgres.dialect();
    let shown = columns.iter().map(|one| dialect.shown(&dialect.name(&one.name), one.storage));
    shown.collect::<Vec<_>>().join(", ")
}

fn is_function(postgres: &dyn Driver, call: &Call<'_>) -> Result<bool, Failure> {
    let missing = || {
        let text = format!("there is no procedure or function {}", call.name);
        Failure::Database(Fault::UnknownTable, text)
    };
    let parts = call.parts();
    let mark = |number| postgres.dialect().mark(number);
    let (kind, names) = match &parts[..] {
        [name] => (format!("{KIND}{} AND pg_function_is_visible(p.oid)", mark(1)), vec![name]),
        [schema, name] => {
            (format!("{KIND}{} AND n.nspname = {}", mark(1), mark(2)), vec![name, schema])
        }
        _ => return Err(missing()),
    };
    let names: Vec<Scalar> = names.into_iter().map(|name| Scalar::Text(name.clone())).collect();
    let kinds = rows(postgres, &kind, &names, 1)?;
    let kind = kinds.first().ok_or_else(missing)?;
    Ok(kind[0] == "f")
}
