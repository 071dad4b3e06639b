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

use super::{
    Call, Called, Cell, Cells, ColumnFacts, Driver, Each, Failure, Purpose, Scalar, TableFacts,
    keys::Keys, postgres,
};
use crate::{
    dialect::Dialect,
    driver,
    settings::{DialectName, Settings},
};
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

impl Odbc {
    pub(super) fn open(settings: &Settings) -> Result<Odbc, Failure> {
        let mut parts = Parts::of(settings)?;
        let guess = Vendor::guess(&parts).unwrap_or(Vendor::UNKNOWN);
        guess.save_memory(&mut parts);
        let limit = settings.command_timeout_seconds;
        let (mut companion, system) = connect(&parts, guess, limit)?;
        let told = Vendor::named(&system).unwrap_or(Vendor::UNKNOWN);
        // Who it is may be known only now, and what its driver is to be told.
        if told.save_memory(&mut parts) {
            (companion, _) = connect(&parts, told, limit)?;
        }
        let vendor = settings.dialect.map_or(told, Vendor);
        let companion = RefCell::new(companion);
        let (in_transaction, keys, last_number) = Default::default();
        let odbc = Odbc { companion, vendor, in_transaction, keys, last_number };
        for sql in vendor.session(settings.busy_timeout_seconds, limit) {
            odbc.run(&sql)?;
        }
        Ok(odbc)
    }

    /// Asks the companion; what goes wrong is told with what is known of the statement.
    fn ask(&self, request: &Request, sql: &str, each: &mut Each<'_>) -> Result<Answer, Failure> {
        let asked = ask(&mut self.companion.borrow_mut(), request, each)?;
        asked.map_err(|trouble| self.failed(&trouble, sql))
    }

    /// What went wrong with a statement.
    fn failed(&self, trouble: &Trouble, sql: &str) -> Failure {
        let failure = fault::failure(self.vendor, trouble, self.keys.borrow().of(sql));
        if let Failure::Database(fault, _) = failure
            && self.vendor.ended_all(fault, trouble.native)
            && self.in_transaction.replace(false)
        {
            // The server undid all of it, or most; nothing of it may be kept by the next one's start.
            match ask(&mut self.companion.borrow_mut(), &Request::Rollback, &mut nothing) {
                Ok(Ok(_)) => {}
                Ok(Err(trouble)) => return fault::failure(self.vendor, &trouble, None),
                Err(failure) => return failure,
            }
        }
        failure
    }

    fn order(&self, request: &Request) -> Result<(), Failure> {
        self.ask(request, "", &mut nothing).map(drop)
    }

    /// The rows of a function of ODBC about the catalog.
    fn catalog(&self, catalog: words::Catalog, each: &mut Each<'_>) -> Result<(), Failure> {
        self.ask(&Request::Catalog(catalog), "", each).map(drop)
    }

    /// Asks for a call; its rows are handed over with what their columns are.
    fn ask_call(
        &self,
        request: &Request,
        sql: &str,
        each: &mut driver::Answer<'_>,
    ) -> Result<(Vec<Value>, Vec<ColumnFacts>), Failure> {
        let mut columns = Vec::new();
        let mut page = |page: &[u8]| match rows::columns(page)? {
            Some(told) => {
                columns = told.iter().map(catalog::described).collect();
                Ok(())
            }
            None => rows::each(page, &mut |cells| each(cells, &columns)),
        };
        let asked = told(&mut self.companion.borrow_mut(), request, &mut page)?;
        match asked.map_err(|trouble| self.failed(&trouble, sql))? {
            Answer::Arguments(values) => Ok((values, columns)),
            _ => Err(unexpected()),
        }
    }
}

fn nothing(_: &dyn Cells) -> Result<(), Failure> {
    Ok(())
}

/// Connects; answers the name of the database system.
fn connect(parts: &Parts, vendor: Vendor, limit: u32) -> Result<(Opened, String), Failure> {
    let mut companion = library::open()?;
    let request = Request::Connect {
        connection_string: parts.text(),
        seconds: PATIENCE,
        statement_seconds: limit,
    };
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
    told(companion, request, &mut |page| rows::each(page, each))
}

/// Asks the companion, and hands over the pages it answers.
fn told(
    companion: &mut Opened,
    request: &Request,
    page: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<Result<Answer, Trouble>, Failure> {
    let request = rmp_serde::to_vec_named(request).map_err(bug)?;
    let mut stopped = None;
    let answer = companion.call(&request, &mut |bytes| match page(bytes) {
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

    fn columns(&self, sql: &str) -> Result<Vec<ColumnFacts>, Failure> {
        match self.ask(&Request::Columns(sql.to_owned()), sql, &mut nothing)? {
            Answer::Columns(columns) => Ok(columns.iter().map(catalog::described).collect()),
            _ => Err(unexpected()),
        }
    }

    /// Drivers of MySQL and MariaDB hand over what is written to arguments as one more result.
    fn call(&self, call: &Call<'_>, each: &mut driver::Answer<'_>) -> Result<Called, Failure> {
        if self.vendor.0 == DialectName::Postgresql {
            return postgres::call::call(self, call, each);
        }
        let dialect = self.dialect();
        let marks = call.arguments.iter().enumerate();
        let marks = marks.map(|(at, one)| call.placed(dialect, one, dialect.mark(at + 1)));
        let marks = marks.collect::<Result<Vec<_>, Failure>>()?;
        let name = call.quoted(dialect);
        let sql = match (call.is_named, self.vendor.0) {
            (true, DialectName::SqlServer) => format!("EXEC {name} {}", marks.join(", ")),
            (true, _) => dialect.call(&name, &marks),
            // As every driver knows it.
            (false, _) => format!("{{{}}}", dialect.call(&name, &marks)),
        };
        let arguments = call.arguments.iter().map(|one| words::Argument {
            value: value(&one.value),
            out: one.direction.is_answered(),
        });
        let request = Request::Call { sql: sql.clone(), arguments: arguments.collect() };
        let (values, columns) = self.ask_call(&request, &sql, each)?;
        let outputs = call.arguments.iter().zip(values);
        let outputs = outputs.filter(|(one, _)| one.direction.is_answered());
        let outputs = outputs.map(|(one, value)| (one.name.clone(), scalar(value))).collect();
        Ok(Called { columns, outputs })
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
