//! The driver for whatever has an ODBC driver. ODBC itself is in a library beside the plugin, the
//! companion, which is opened here; this file knows its words, databases and their dialects.

mod catalog;
mod connection_string;
mod fault;
mod library;
mod rows;
#[cfg(test)]
mod tests;
mod vendor;
#[path = "../../odbc/src/words.rs"]
mod words;

use super::{Cell, Cells, ColumnFacts, Driver, Failure, Purpose, Scalar, TableFacts, keys::Keys};
use crate::{dialect::Dialect, settings::Settings};
use connection_string::Parts;
use ecma_plugin_sdk::{Error, companion::Opened};
use serde_bytes::ByteBuf;
use std::{
    cell::{Cell as Slot, RefCell},
    fmt::Display,
};
use vendor::Vendor;
use words::{Answer, Request, Trouble, Value};

/// How long a driver may take to connect, in seconds.
const PATIENCE: u32 = 15;

pub(super) struct Odbc {
    companion: RefCell<Opened>,
    vendor: Vendor,
    in_transaction: Slot<bool>,
    keys: RefCell<Keys>,
    last_number: Slot<Option<i64>>,
}

/// What is done with a row.
type Each<'a> = dyn FnMut(&dyn Cells) -> Result<(), Failure> + 'a;

impl Odbc {
    pub(super) fn open(settings: &Settings) -> Result<Odbc, Failure> {
        let mut parts = Parts::of(settings)?;
        let guess = Vendor::guess(&parts).unwrap_or(Vendor::UNKNOWN);
        guess.save_memory(&mut parts);
        let (mut companion, system) = connect(&parts, guess)?;
        let told = Vendor::named(&system).unwrap_or(Vendor::UNKNOWN);
        // Who it is may be known only now, and what its driver is to be told.
        if told.save_memory(&mut parts) {
            (companion, _) = connect(&parts, told)?;
        }
        let vendor = settings.dialect.map_or(told, Vendor);
        let companion = RefCell::new(companion);
        let (in_transaction, keys, last_number) = Default::default();
        let odbc = Odbc { companion, vendor, in_transaction, keys, last_number };
        for sql in vendor.session(settings.busy_timeout_seconds) {
            odbc.run(&sql)?;
        }
        Ok(odbc)
    }

    /// Asks the companion; what goes wrong is told with what is known of the statement.
    fn ask(&self, request: &Request, sql: &str, each: &mut Each<'_>) -> Result<Answer, Failure> {
        let asked = ask(&mut self.companion.borrow_mut(), request, each)?;
        let trouble = match asked {
            Ok(answer) => return Ok(answer),
            Err(trouble) => trouble,
        };
        let failure = fault::failure(self.vendor, &trouble, self.keys.borrow().of(sql));
        if let Failure::Database(fault, _) = failure
            && self.vendor.ended_all(fault, trouble.native)
            && self.in_transaction.replace(false)
        {
            // The server undid all of it, or most; nothing of it may be kept by the next one's start.
            let undone = ask(&mut self.companion.borrow_mut(), &Request::Rollback, &mut nothing)?;
            undone.map_err(|trouble| fault::failure(self.vendor, &trouble, None))?;
        }
        Err(failure)
    }

    fn order(&self, request: &Request) -> Result<(), Failure> {
        self.ask(request, "", &mut nothing).map(drop)
    }

    /// The rows of a function of ODBC about the catalog.
    fn catalog(&self, catalog: words::Catalog, each: &mut Each<'_>) -> Result<(), Failure> {
        self.ask(&Request::Catalog(catalog), "", each).map(drop)
    }

    /// Names and types of what a query answers, which does not run.
    #[cfg_attr(not(test), expect(dead_code, reason = "for object types that are queries"))]
    fn columns(&self, sql: &str) -> Result<Vec<ColumnFacts>, Failure> {
        match self.ask(&Request::Columns(sql.to_owned()), sql, &mut nothing)? {
            Answer::Columns(columns) => Ok(columns.iter().map(catalog::described).collect()),
            _ => Err(unexpected()),
        }
    }

    /// Calls a procedure, as `{CALL p(?, ?)}`: what it writes to its arguments stands there then, and
    /// the rows of its first result are handed over. Drivers of MySQL and MariaDB hand over what is
    /// written as one more result.
    #[cfg_attr(not(test), expect(dead_code, reason = "for exports by procedures"))]
    fn call(
        &self,
        sql: &str,
        arguments: &mut [Argument],
        each: &mut Each<'_>,
    ) -> Result<(), Failure> {
        let one = |argument: &Argument| words::Argument {
            value: match argument.direction {
                Direction::Out => Value::Null,
                _ => value(&argument.value),
            },
            out: argument.direction != Direction::In,
        };
        let sent = arguments.iter().map(one).collect();
        let request = Request::Call { sql: sql.to_owned(), arguments: sent };
        match self.ask(&request, sql, each)? {
            Answer::Arguments(values) => {
                for (argument, value) in arguments.iter_mut().zip(values) {
                    argument.value = scalar(value);
                }
                Ok(())
            }
            _ => Err(unexpected()),
        }
    }
}

/// An argument of a procedure.
#[derive(Debug, Clone, PartialEq)]
struct Argument {
    value: Scalar,
    direction: Direction,
}

/// Which way an argument goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), expect(dead_code, reason = "for exports by procedures"))]
enum Direction {
    In,
    Out,
    InOut,
}

fn nothing(_: &dyn Cells) -> Result<(), Failure> {
    Ok(())
}

/// Connects; answers the name of the database system.
fn connect(parts: &Parts, vendor: Vendor) -> Result<(Opened, String), Failure> {
    let mut companion = library::open()?;
    let request = Request::Connect { connection_string: parts.text(), seconds: PATIENCE };
    match ask(&mut companion, &request, &mut nothing)? {
        Ok(Answer::Connected(system)) => Ok((companion, system)),
        Ok(_) => Err(unexpected()),
        Err(trouble) => Err(fault::not_connected(vendor, &trouble, parts)),
    }
}

fn ask(
    companion: &mut Opened,
    request: &Request,
    each: &mut Each<'_>,
) -> Result<Result<Answer, Trouble>, Failure> {
    let request = rmp_serde::to_vec_named(request).map_err(bug)?;
    let mut stopped = None;
    let answer = companion.call(&request, &mut |page| match rows::each(page, each) {
        Ok(()) => true,
        Err(failure) => {
            stopped = Some(failure);
            false
        }
    });
    match stopped {
        Some(failure) => Err(failure),
        None => rmp_serde::from_slice(&answer?).map_err(bug),
    }
}

fn bug(error: impl Display) -> Failure {
    Error::internal(error.to_string()).into()
}

fn unexpected() -> Failure {
    bug("the ODBC library answered something else than what was asked")
}

impl Driver for Odbc {
    fn dialect(&self) -> &'static dyn Dialect {
        self.vendor.dialect()
    }

    fn alive(&self) -> Result<(), Failure> {
        self.order(&Request::Ping(self.vendor.ping().map(str::to_owned)))
    }

    fn describe(&self) -> Result<Vec<TableFacts>, Failure> {
        self.order(&Request::Forget)?;
        let (facts, keys) = catalog::describe(self)?;
        self.keys.replace(keys);
        Ok(facts)
    }

    fn query(&self, sql: &str, parameters: &[Scalar], each: &mut Each<'_>) -> Result<(), Failure> {
        let parameters = parameters.iter().map(value).collect();
        let request = Request::Query { sql: sql.to_owned(), parameters };
        self.ask(&request, sql, each).map(drop)
    }

    fn execute(&self, sql: &str, parameters: &[Scalar]) -> Result<u64, Failure> {
        self.last_number.set(None);
        let insert = sql.starts_with(self.dialect().insert_into());
        let numbering = insert.then(|| self.dialect().numbering(sql)).flatten();
        let values = parameters.iter().map(value).collect();
        if let Some(batch) = numbering {
            let (mut rows, mut number) = (0, None);
            let request = Request::Query { sql: batch, parameters: values };
            self.ask(&request, sql, &mut |cells| {
                rows = integer(cells.cell(0)).unwrap_or_default();
                number = integer(cells.cell(1));
                Ok(())
            })?;
            self.last_number.set(number);
            return Ok(u64::try_from(rows).unwrap_or_default());
        }
        let request = Request::Execute { sql: sql.to_owned(), parameters: values };
        let Answer::Rows(rows) = self.ask(&request, sql, &mut nothing)? else {
            return Err(unexpected());
        };
        if let Some(asked) = self.vendor.last_number().filter(|_| insert) {
            let mut number = None;
            self.query(asked, &[], &mut |cells| {
                number = integer(cells.cell(0));
                Ok(())
            })?;
            self.last_number.set(number);
        }
        Ok(rows)
    }

    fn last_number(&self) -> Option<i64> {
        self.last_number.get()
    }

    fn run(&self, sql: &str) -> Result<(), Failure> {
        self.ask(&Request::Run(sql.to_owned()), sql, &mut nothing).map(drop)
    }

    fn begin(&self, purpose: Purpose) -> Result<(), Failure> {
        self.vendor.before(purpose).iter().try_for_each(|sql| self.run(sql))?;
        self.order(&Request::Begin)?;
        self.in_transaction.set(true);
        let begun = self.vendor.after(purpose).iter().try_for_each(|sql| self.run(sql));
        if begun.is_err() {
            // What is told is why it did not begin.
            drop(self.rollback());
        }
        begun
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction.get()
    }

    fn ended(&self) {
        self.in_transaction.set(false);
    }

    fn commit(&self) -> Result<(), Failure> {
        self.order(&Request::Commit)?;
        self.ended();
        Ok(())
    }

    fn rollback(&self) -> Result<(), Failure> {
        if !self.in_transaction.replace(false) {
            return Ok(());
        }
        self.order(&Request::Rollback)
    }
}

fn integer(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Integer(number) => Some(number),
        Cell::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
        _ => None,
    }
}

fn value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Integer(number) => Value::Integer(*number),
        Scalar::Real(number) => Value::Real(*number),
        Scalar::Text(text) => Value::Text(text.clone()),
        Scalar::Bytes(bytes) => Value::Bytes(ByteBuf::from(bytes.clone())),
    }
}

fn scalar(value: Value) -> Scalar {
    match value {
        Value::Null => Scalar::Null,
        Value::Integer(number) => Scalar::Integer(number),
        Value::Real(number) => Scalar::Real(number),
        Value::Text(text) => Scalar::Text(text),
        Value::Bytes(bytes) => Scalar::Bytes(bytes.into_vec()),
    }
}
