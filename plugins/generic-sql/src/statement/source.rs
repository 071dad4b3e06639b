//! Object types whose entries are the rows of a query or of a procedure, described as tables are.

use super::{
    Slot, Source, entry,
    procedure::{self, Procedure},
    run,
    text::{Piece, pieces, statements},
};
use crate::{
    driver::{Answer, ColumnFacts, Driver, Failure, Purpose, TableFacts},
    settings::Settings,
};
use ecma_plugin_sdk::{ErrorKind, Problem, Result};

/// Page numbers that mean all rows at once: nothing needs pages here.
const ALL: [(&str, &str); 2] = [("startindex", "1"), ("endindex", "2147483647")];

/// A procedure whose rows are read.
pub(crate) type Reading = Procedure<Slot>;

/// The object types of `queries` and `procedures`, with their columns as the database tells them.
pub(crate) fn sources(
    settings: &Settings,
    driver: &dyn Driver,
    problems: &mut Vec<Problem>,
) -> Result<Vec<TableFacts>> {
    let mut found = Vec::new();
    for text in &settings.queries {
        let source = match entry(text) {
            Some((name, sql)) => query(sql, driver)?
                .map(|(quoted, columns)| facts(name, quoted, Source::Query, columns)),
            None => Err(NO_TYPE.to_owned()),
        };
        match source {
            Ok(source) => found.push(source),
            Err(what) => problems.push(wrong("queries", text, &what)),
        }
    }
    for text in &settings.procedures {
        let call = entry(text).ok_or_else(|| NO_TYPE.to_owned()).and_then(|(name, rest)| {
            reading(rest, settings.named_parameters).map(|procedure| (name, procedure))
        });
        let source = match call {
            Ok((name, procedure)) => first_called(driver, &procedure)?.map(|columns| {
                let quoted = procedure.name.clone();
                facts(name, quoted, Source::Procedure(procedure), columns)
            }),
            Err(what) => Err(what),
        };
        match source {
            Ok(source) => found.push(source),
            Err(what) => problems.push(wrong("procedures", text, &what)),
        }
    }
    Ok(found)
}

/// What is wrong with a statement of the settings; its first line stands for it.
pub(crate) fn wrong(parameter: &str, text: &str, what: &str) -> Problem {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    Problem::new(parameter, format!("has \"{line}\", {what}"))
}

pub(super) const NO_TYPE: &str = "which has no object type and equals sign before it; the list \
    stands in brackets, since a text alone is taken apart at its commas";

/// A query in brackets, and its columns; or what is wrong with it.
pub(crate) fn query(
    sql: &str,
    driver: &dyn Driver,
) -> Result<Result<(String, Vec<ColumnFacts>), String>> {
    let sql = match statement(sql, driver) {
        Ok(sql) => sql,
        Err(what) => return Ok(Err(what)),
    };
    let quoted = format!("({sql}\n)");
    // Its own columns first: in brackets some databases give doubled ones other names.
    let columns = driver
        .columns(&sql)
        .and_then(|columns| driver.columns(&driver.dialect().everything(&quoted)).map(|_| columns));
    Ok(described(columns)?.map(|columns| (quoted, columns)))
}

/// The one statement of a query.
fn statement(sql: &str, driver: &dyn Driver) -> Result<String, String> {
    let statements = statements(sql);
    let [statement] = &statements[..] else {
        return Err(format!(
            "which has {} statements where one is read; a line of a long one begins with a space",
            statements.len()
        ));
    };
    let pieces = pieces(statement, driver.dialect().escapes_with_backslash());
    let mut sql = String::new();
    for piece in pieces.map_err(|what| format!("in which {what}"))? {
        match piece {
            Piece::Text(text) => sql.push_str(&text),
            Piece::Value(name) => {
                let known = ALL.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
                let Some((_, number)) = known else {
                    return Err(format!("which has @{name}: nothing is given to an import"));
                };
                sql.push_str(number);
            }
        }
    }
    Ok(sql)
}

/// The procedure and its parameters in a text.
pub(crate) fn reading(text: &str, is_named: bool) -> Result<Reading, String> {
    let procedure = procedure::parse(text, is_named).map_err(|what| format!("which {what}"))?;
    let parameters = procedure.parameters.into_iter().map(|one| {
        let bare = one.value.trim_start_matches('@');
        let value = match Slot::named(bare) {
            Some(slot @ (Slot::StartIndex | Slot::EndIndex)) => slot,
            _ if one.value.starts_with('@') => {
                return Err(format!("which has @{bare}: nothing is given to an import"));
            }
            _ => Slot::Literal(one.value),
        };
        if one.direction.is_answered() {
            return Err(format!("whose {} is an output: an import reads rows", one.name));
        }
        Ok(procedure::Parameter { name: one.name, direction: one.direction, value })
    });
    let parameters = parameters.collect::<Result<Vec<_>, String>>()?;
    Ok(Procedure { name: procedure.name, parameters, is_named })
}

/// The columns of the rows that a procedure answers: it is called for its first row.
fn first_called(
    driver: &dyn Driver,
    procedure: &Reading,
) -> Result<Result<Vec<ColumnFacts>, String>> {
    driver.begin(Purpose::Read)?;
    let called = run::page(driver, procedure, (1, 1), &mut |_, _| Ok(()));
    let ended = driver.rollback();
    let columns = described(called.map(|called| called.columns));
    ended?;
    columns
}

/// Calls a procedure for all its rows and answers their columns, or what is wrong with it.
pub(crate) fn called(
    driver: &dyn Driver,
    procedure: &Reading,
    each: &mut Answer<'_>,
) -> Result<Result<Vec<ColumnFacts>, String>> {
    described(run::page(driver, procedure, run::ALL, each).map(|called| called.columns))
}

/// What a statement answered, or what is wrong with it; an error when the database is not there.
pub(crate) fn answered<T>(answer: Result<T, Failure>) -> Result<Result<T, String>> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(Failure::Database(fault, text)) if fault.kind() != ErrorKind::Unreachable => {
            Ok(Err(format!("which the database does not take: {text}")))
        }
        Err(Failure::Ours(error)) if error.kind() == ErrorKind::Config => {
            Ok(Err(format!("which cannot be done: {}", error.message())))
        }
        Err(failure) => Err(failure.into()),
    }
}

fn described(
    columns: Result<Vec<ColumnFacts>, Failure>,
) -> Result<Result<Vec<ColumnFacts>, String>> {
    Ok(answered(columns)?.and_then(|columns| {
        if columns.is_empty() {
            return Err("which answers no columns".to_owned());
        }
        for (at, column) in columns.iter().enumerate() {
            if column.name.is_empty() {
                return Err(format!("whose column {} has no name", at + 1));
            }
            if columns[..at].iter().any(|one| one.name.eq_ignore_ascii_case(&column.name)) {
                return Err(format!("which has two columns of the name {}", column.name));
            }
        }
        Ok(columns)
    }))
}

fn facts(name: &str, quoted: String, source: Source, columns: Vec<ColumnFacts>) -> TableFacts {
    let (unique, foreign) = Default::default();
    TableFacts {
        name: name.to_owned(),
        quoted,
        source,
        answers_row: false,
        unfit: None,
        columns,
        unique,
        foreign,
    }
}
