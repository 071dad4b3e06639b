//! Runs the statements of the operator with the values of an entry. Values are bound, never text.

use super::{Method, Procedure, Slot, Source, text::Piece};
use crate::{
    delta::Known,
    dialect::Dialect,
    driver::{Answer, Argument, Call, Called, Cells, ColumnFacts, Driver, Each, Failure, Scalar},
    schema::Table,
    value,
};
use ecma_plugin_sdk::{Entry, Error, ErrorKind, PasswordOptions, Secret};

/// What a statement can be given.
pub(crate) struct Given<'a> {
    pub(crate) table: &'a Table,
    /// The entry as it is to be, its anchor among the values.
    pub(crate) entry: &'a Entry,
    pub(crate) password: Option<Password<'a>>,
}

/// A new password.
#[derive(Clone, Copy)]
pub(crate) struct Password<'a> {
    pub(crate) new: &'a Secret,
    pub(crate) old: Option<&'a Secret>,
    pub(crate) options: PasswordOptions,
}

/// What a method did.
#[derive(Debug, Default)]
pub(crate) struct Did {
    /// Rows that the first statement changed or answered; a procedure does not say.
    pub(crate) rows: Option<u64>,
    /// The number that the database gave the row of the first statement.
    pub(crate) number: Option<i64>,
    /// Values that were answered, by the names of columns.
    pub(crate) answered: Vec<(String, Scalar)>,
}

impl Given<'_> {
    fn value(&self, slot: &Slot) -> Result<Scalar, Failure> {
        let secret = |secret: Option<&Secret>| match secret {
            Some(secret) => Scalar::Text(secret.expose().to_owned()),
            None => Scalar::Null,
        };
        Ok(match slot {
            Slot::Column(at) => {
                let column = &self.table.columns[*at];
                value::store(column, self.entry.get(&column.name))?
            }
            Slot::Literal(text) => Scalar::Text(text.clone()),
            Slot::NewPassword => secret(self.password.map(|password| password.new)),
            Slot::OldPassword => secret(self.password.and_then(|password| password.old)),
            Slot::PasswordOptions => Scalar::Text(self.password.map(words).unwrap_or_default()),
            Slot::StartIndex | Slot::EndIndex => {
                return Err(Error::internal("only an import has pages").into());
            }
        })
    }

    /// Does it.
    pub(crate) fn run(&self, driver: &dyn Driver, method: &Method) -> Result<Did, Failure> {
        let statements = match method {
            Method::Queries(statements) => statements,
            Method::Procedure(procedure) => return self.call(driver, procedure),
        };
        let mut did = Did::default();
        for (at, pieces) in statements.iter().enumerate() {
            let (sql, parameters) = self.bind(driver.dialect(), pieces)?;
            let columns = driver.columns(&sql)?;
            let mut rows = 0;
            if columns.is_empty() {
                rows = driver.execute(&sql, &parameters)?;
            } else {
                driver.query(&sql, &parameters, &mut |cells| {
                    rows += 1;
                    did.answered = named(&columns, cells);
                    Ok(())
                })?;
            }
            if at == 0 {
                (did.rows, did.number) = (Some(rows), driver.last_number());
            }
        }
        Ok(did)
    }

    fn bind(
        &self,
        dialect: &dyn Dialect,
        pieces: &[Piece<Slot>],
    ) -> Result<(String, Vec<Scalar>), Failure> {
        let (mut sql, mut parameters) = (String::new(), Vec::new());
        for piece in pieces {
            match piece {
                Piece::Text(text) => sql.push_str(text),
                Piece::Value(slot) => {
                    parameters.push(self.value(slot)?);
                    sql.push_str(&dialect.mark(parameters.len()));
                }
            }
        }
        Ok((sql, parameters))
    }

    fn call(&self, driver: &dyn Driver, procedure: &Procedure<Slot>) -> Result<Did, Failure> {
        let arguments = procedure.parameters.iter().map(|one| {
            let value = match one.direction.is_given() {
                true => self.value(&one.value)?,
                false => Scalar::Null,
            };
            Ok(Argument { name: one.name.clone(), direction: one.direction, value })
        });
        let arguments = arguments.collect::<Result<Vec<_>, Failure>>()?;
        let call =
            Call { name: &procedure.name, arguments: &arguments, is_named: procedure.is_named };
        let mut first = Vec::new();
        let called = driver.call(&call, &mut |cells, columns| {
            if first.is_empty() {
                first = named(columns, cells);
            }
            Ok(())
        })?;
        // A parameter is named as the procedure wants it; its value says which column it is.
        let outputs = called.outputs.into_iter().filter_map(|(name, value)| {
            let parameter = procedure.parameters.iter().find(|one| one.name == name)?;
            let Slot::Column(at) = &parameter.value else { return None };
            Some((self.table.columns[*at].name.clone(), value))
        });
        Ok(Did { rows: None, number: None, answered: outputs.chain(first).collect() })
    }
}

/// The values of a row by the names of its columns.
fn named(columns: &[ColumnFacts], cells: &dyn Cells) -> Vec<(String, Scalar)> {
    let values = columns.iter().enumerate();
    values.map(|(at, column)| (column.name.clone(), Scalar::of(cells.cell(at)))).collect()
}

fn words(password: Password<'_>) -> String {
    let PasswordOptions { force_change, unlock, validate, .. } = password.options;
    let all = [
        (force_change, "ForceChangeAtLogOn"),
        (unlock, "UnlockAccount"),
        (validate, "ValidatePassword"),
    ];
    let set: Vec<&str> = all.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| *word).collect();
    set.join(",")
}

/// The first and the last row of a page that has all.
pub(super) const ALL: (i64, i64) = (1, i32::MAX as i64);

/// Calls a procedure for the rows of a page, counted from 1, the last one included.
pub(super) fn page(
    driver: &dyn Driver,
    procedure: &Procedure<Slot>,
    (first, last): (i64, i64),
    each: &mut Answer<'_>,
) -> Result<Called, Failure> {
    let arguments = procedure.parameters.iter().map(|one| {
        let value = match &one.value {
            Slot::StartIndex => Scalar::Integer(first),
            Slot::EndIndex => Scalar::Integer(last),
            Slot::Literal(text) => Scalar::Text(text.clone()),
            _ => Scalar::Null,
        };
        Argument { name: one.name.clone(), direction: one.direction, value }
    });
    let arguments: Vec<Argument> = arguments.collect();
    let call = Call { name: &procedure.name, arguments: &arguments, is_named: procedure.is_named };
    driver.call(&call, each)
}

/// Every row that a procedure answers, page by page if it takes pages.
pub(crate) fn rows(
    driver: &dyn Driver,
    table: &Table,
    page_size: u32,
    each: &mut Each<'_>,
) -> Result<(), Failure> {
    let Source::Procedure(procedure) = &table.source else {
        return Err(Error::internal("only a procedure is called for rows").into());
    };
    let has = |slot| procedure.parameters.iter().any(|one| one.value == slot);
    if !has(Slot::StartIndex) || !has(Slot::EndIndex) {
        return page(driver, procedure, ALL, &mut |cells, _| each(cells)).map(drop);
    }
    let size = i64::from(page_size.max(1));
    let width = table.columns.iter().filter(|column| column.readable).count();
    let (mut next, mut first_before) = (1, None);
    loop {
        let (mut count, mut first) = (0, None);
        page(driver, procedure, (next, next + size - 1), &mut |cells, _| {
            if count == 0 {
                first = Some(Known::of(cells, width));
                if first == first_before {
                    return Err(not_paged(procedure).into());
                }
            }
            count += 1;
            if count > size {
                return Err(not_paged(procedure).into());
            }
            each(cells)
        })?;
        // Fewer rows than asked for may be a page some of whose rows were left out.
        if count == 0 {
            return Ok(());
        }
        (next, first_before) = (next + size, first);
    }
}

fn not_paged(procedure: &Procedure<Slot>) -> Error {
    let text = format!(
        "the procedure {} answers the same rows for each page: it has to heed StartIndex and \
         EndIndex, or not to be given them",
        procedure.name
    );
    Error::new(ErrorKind::Config, text)
}
