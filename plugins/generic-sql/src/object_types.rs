//! Object types that rows name: the values of a column, or what a query or a procedure answers.

use crate::{
    driver::{Cell, ColumnFacts, Driver, Failure, Purpose, TableFacts},
    nearest::instead,
    schema::{Table, qualifies},
    settings::Settings,
    statement, value,
};
use ecma_plugin_sdk::{Error, Problem, Result};
use std::collections::BTreeSet;

const COLUMN: &str = "object_type_column";
const QUERY: &str = "object_type_query";
const PROCEDURE: &str = "object_type_procedure";

/// The most names there may be. What has more values has something else.
const MOST: usize = 200;

/// The names of all object types, and the parameter that says where they stand.
pub(crate) struct Named {
    pub(crate) parameter: &'static str,
    pub(crate) names: Vec<String>,
}

/// The parameters that say where names stand, and what they say.
fn said(settings: &Settings) -> impl Iterator<Item = (&'static str, &str)> {
    let all = [
        (COLUMN, &settings.object_type_column),
        (QUERY, &settings.object_type_query),
        (PROCEDURE, &settings.object_type_procedure),
    ];
    all.into_iter().filter_map(|(parameter, text)| Some((parameter, text.as_deref()?)))
}

/// Whether rows name the object types.
pub(crate) fn are_named(settings: &Settings) -> bool {
    said(settings).next().is_some()
}

/// What is wrong without a look at the database.
pub(crate) fn problems(settings: &Settings) -> Vec<Problem> {
    let wrong = |(parameter, text): (&'static str, &str)| {
        let what = match parameter {
            COLUMN if !text.contains('.') => "which is not written as table.column".to_owned(),
            PROCEDURE => call(text, settings.named_parameters).err()?,
            _ => return None,
        };
        Some(statement::wrong(parameter, text, &what))
    };
    let mut problems: Vec<Problem> = said(settings).filter_map(wrong).collect();
    for (parameter, _) in said(settings).skip(1) {
        let text = format!("is too much: one of {COLUMN}, {QUERY} and {PROCEDURE} is needed");
        problems.push(Problem::new(parameter, text));
    }
    problems
}

/// The column of the names, and the procedure whose rows have it.
fn call(text: &str, is_named: bool) -> Result<(&str, statement::Reading), String> {
    let (column, rest) = statement::entry(text).ok_or(
        "which has no column and equals sign before the procedure; it is written as column = procedure",
    )?;
    Ok((column, statement::reading(rest, is_named)?))
}

/// The object types by their rows, or what is wrong with these; `None` when the settings name them.
/// Those of the tables that a session has stay as they are.
pub(crate) fn named(
    settings: &Settings,
    driver: &dyn Driver,
    facts: &[TableFacts],
    tables: &[Table],
) -> Result<Result<Option<Named>, Problem>> {
    let Some((parameter, text)) = said(settings).next() else { return Ok(Ok(None)) };
    let names = match tables {
        [] => {
            driver.begin(Purpose::Read)?;
            let names = match parameter {
                COLUMN => of_column(text, driver, facts),
                QUERY => of_query(text, driver),
                _ => of_procedure(text, settings.named_parameters, driver),
            };
            let ended = driver.rollback();
            let names = names?;
            ended?;
            names
        }
        tables => Ok(tables.iter().map(|table| table.object_type.clone()).collect()),
    };
    Ok(match names {
        Ok(names) => Ok(Some(Named { parameter, names })),
        Err(what) => Err(statement::wrong(parameter, text, &what)),
    })
}

type Names = Result<Vec<String>, String>;

fn of_column(entry: &str, driver: &dyn Driver, facts: &[TableFacts]) -> Result<Names> {
    match column(entry, facts) {
        Ok((table, column)) => select(driver, &table.quoted, column),
        Err(what) => Ok(Err(what)),
    }
}

fn of_query(sql: &str, driver: &dyn Driver) -> Result<Names> {
    let (quoted, columns) = match statement::query(sql, driver)? {
        Ok(query) => query,
        Err(what) => return Ok(Err(what)),
    };
    match &columns[..] {
        [column] => select(driver, &quoted, column),
        _ => Ok(Err(format!("which answers {} columns where one is read", columns.len()))),
    }
}

fn of_procedure(text: &str, is_named: bool, driver: &dyn Driver) -> Result<Names> {
    let (name, procedure) = match call(text, is_named) {
        Ok(call) => call,
        Err(what) => return Ok(Err(what)),
    };
    let place = |columns: &[ColumnFacts]| {
        columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    };
    let mut values = Values::default();
    let columns =
        statement::called(driver, &procedure, &mut |cells, columns| match place(columns) {
            Some(at) => values.add(cells.cell(at)),
            None => Ok(()),
        })?;
    Ok(columns.and_then(|columns| match place(&columns) {
        Some(_) => values.names(),
        None => {
            let instead = instead(name, columns.iter().map(|column| column.name.as_str()));
            Err(format!("whose \"{name}\" is no column of what it answers{instead}"))
        }
    }))
}

/// The column that `table.column` means; names may have dots.
fn column<'f>(
    entry: &str,
    facts: &'f [TableFacts],
) -> Result<(&'f TableFacts, &'f ColumnFacts), String> {
    let all = || facts.iter().flat_map(|table| table.columns.iter().map(move |one| (table, one)));
    let exact = all().find(|(table, one)| format!("{}.{}", table.name, one.name) == entry);
    let found =
        exact.or_else(|| all().find(|(table, one)| qualifies(entry, &[&table.name], &one.name)));
    found.ok_or_else(|| {
        let (word, column) = entry.rsplit_once('.').unwrap_or((entry, ""));
        match facts.iter().find(|table| table.name.eq_ignore_ascii_case(word)) {
            Some(TableFacts { name, columns, .. }) => {
                let instead = instead(column, columns.iter().map(|one| one.name.as_str()));
                format!("whose \"{column}\" is no column of {name}{instead}")
            }
            None => {
                let instead = instead(word, facts.iter().map(|table| table.name.as_str()));
                format!("whose \"{word}\" is no table or view{instead}")
            }
        }
    })
}

/// The names in a column of a table, or of a query in brackets.
fn select(driver: &dyn Driver, quoted: &str, column: &ColumnFacts) -> Result<Names> {
    // NULL is one row more, and another one tells that there are too many.
    let sql = driver.dialect().different(quoted, &column.name, column.storage, MOST + 2);
    let mut values = Values::default();
    let read = driver.query(&sql, &[], &mut |cells| values.add(cells.cell(0)));
    Ok(statement::answered(read)?.and_then(|()| values.names()))
}

/// Different values, as many as it takes to see that they are too many.
#[derive(Default)]
struct Values(BTreeSet<String>);

impl Values {
    fn add(&mut self, cell: Cell<'_>) -> Result<(), Failure> {
        let text = value::text(cell).map_err(|what| Error::config(format!("a value {what}")))?;
        if self.0.len() <= MOST && cell != Cell::Null {
            self.0.insert(text.into_owned());
        }
        Ok(())
    }

    /// The names that they are: trimmed, each once, in their order.
    fn names(self) -> Names {
        if self.0.len() > MOST {
            return Err(format!(
                "which has more than {MOST} different values: name where only object types stand"
            ));
        }
        let trimmed = self.0.iter().map(|value| value.trim()).filter(|name| !name.is_empty());
        let names: BTreeSet<&str> = trimmed.collect();
        let mut folded: Vec<(String, &str)> =
            names.iter().map(|name| (name.to_lowercase(), *name)).collect();
        folded.sort_unstable();
        if let Some(same) = folded.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!(
                "which has \"{}\" and \"{}\": write an object type in one way only",
                same[0].1, same[1].1
            ));
        }
        match names.is_empty() {
            true => {
                Err("whose rows name no object type: there are none, or nothing in them".to_owned())
            }
            false => Ok(names.into_iter().map(str::to_owned).collect()),
        }
    }
}
