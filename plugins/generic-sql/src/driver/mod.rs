//! What the plugin asks of a database, and the drivers that answer it.
//!
//! To add a driver: a file here with `impl Driver`, its SQL in `dialect`, a word in
//! `settings::DriverName`, a line in [`connect`]. Nothing above this folder names a database.

mod call;
mod facts;
mod keys;
mod mysql;
mod odbc;
mod paged;
mod postgres;
mod sqlite;

use crate::{
    child::Child,
    dialect::Dialect,
    schema::{Column, Table},
    settings::{DriverName, Settings},
    statement::Source,
};
use ecma_plugin_sdk::{AttributeType, Error, ErrorKind};

pub(crate) use call::{Answer, Argument, Call, Called, Direction};

/// Opens a connection to the database of the settings.
pub(crate) fn connect(settings: &Settings) -> Result<Box<dyn Driver>, Failure> {
    match settings.driver {
        DriverName::Sqlite => Ok(Box::new(sqlite::Sqlite::open(settings)?)),
        DriverName::Mysql => Ok(Box::new(mysql::Mysql::open(settings)?)),
        DriverName::Odbc => Ok(Box::new(odbc::Odbc::open(settings)?)),
        DriverName::Postgresql => Ok(Box::new(postgres::Postgres::open(settings)?)),
    }
}

/// One connection to a database.
///
/// Statements are prepared once and kept. Transactions do not nest; a savepoint is one change of a
/// page, and there is one at a time.
pub(crate) trait Driver: Send {
    /// How its SQL is written.
    fn dialect(&self) -> &'static dyn Dialect;

    /// Whether the database answers, and is still the one that was opened.
    fn alive(&self) -> Result<(), Failure>;

    /// Its tables, by the catalog.
    fn describe(&self) -> Result<Vec<TableFacts>, Failure>;

    /// Runs a statement and hands over its rows one by one; nothing is collected.
    fn query(&self, sql: &str, parameters: &[Scalar], each: &mut Each<'_>) -> Result<(), Failure>;

    /// Reads a table beside its child tables in the order of the anchor, and hands over its rows one
    /// by one with the rows the others stand on. Here page by page, for a database that reads one
    /// statement at a time: a page and what belongs to it are collected.
    fn merge(&self, merged: &Merged<'_>, each: &mut Merge<'_>) -> Result<(), Failure> {
        paged::merge(
            self.dialect(),
            merged,
            &mut |sql, parameters, each| self.query(sql, parameters, each),
            each,
        )
    }

    /// The columns that a statement answers, none if it answers no rows. It is prepared, not run.
    fn columns(&self, sql: &str) -> Result<Vec<ColumnFacts>, Failure>;

    /// Calls a stored procedure and hands over the first rows that it answers, with their columns.
    fn call(&self, call: &Call<'_>, each: &mut Answer<'_>) -> Result<Called, Failure>;

    /// Runs a statement and answers how many rows it changed itself, triggers not counted.
    fn execute(&self, sql: &str, parameters: &[Scalar]) -> Result<u64, Failure>;

    /// The number that the database gave the row of the last [`execute`](Driver::execute), where a
    /// statement cannot answer it ([`Dialect::answering`]).
    fn last_number(&self) -> Option<i64> {
        None
    }

    /// Runs a statement without parameters that answers nothing.
    fn run(&self, sql: &str) -> Result<(), Failure>;

    /// Begins a transaction.
    fn begin(&self, purpose: Purpose) -> Result<(), Failure>;

    /// Whether a transaction is open; a failure can end it.
    fn in_transaction(&self) -> bool;

    /// Notes that the transaction is over, where nobody else keeps account.
    fn ended(&self) {}

    /// Keeps what the transaction did.
    fn commit(&self) -> Result<(), Failure> {
        self.run("COMMIT")?;
        self.ended();
        Ok(())
    }

    /// Undoes what the transaction did, if there is one.
    fn rollback(&self) -> Result<(), Failure> {
        if !self.in_transaction() {
            return Ok(());
        }
        self.ended();
        self.run("ROLLBACK")
    }

    /// Sets a savepoint inside the transaction, where there are such.
    fn save(&self) -> Result<(), Failure> {
        self.dialect().savepoints().map_or(Ok(()), |words| self.run(words.set))
    }

    /// Forgets the savepoint, keeping what was done since.
    fn release(&self) -> Result<(), Failure> {
        let forget = self.dialect().savepoints().and_then(|words| words.forget);
        forget.map_or(Ok(()), |forget| self.run(forget))
    }

    /// Undoes what was done since the savepoint, and forgets it.
    fn restore(&self) -> Result<(), Failure> {
        self.dialect().savepoints().map_or(Ok(()), |words| self.run(words.back))?;
        self.release()
    }
}

/// What is done with a row.
pub(crate) type Each<'a> = dyn FnMut(&dyn Cells) -> Result<(), Failure> + 'a;

/// What is done with a row and the rows of other statements beside it.
pub(crate) type Merge<'a> = dyn FnMut(&dyn Cells, &mut dyn Others) -> Result<(), Failure> + 'a;

/// A table with its child tables, of which some rows are read.
pub(crate) struct Merged<'a> {
    pub(crate) table: &'a Table,
    pub(crate) columns: Vec<&'a Column>,
    /// Where the anchor stands among the columns.
    pub(crate) anchor: &'a [usize],
    pub(crate) children: &'a [&'a Child],
    /// Which rows of the table; all when it is empty.
    pub(crate) condition: &'a str,
    pub(crate) parameters: &'a [Scalar],
    /// How many at most.
    pub(crate) most: Option<usize>,
}

impl Merged<'_> {
    /// The statement for the table's rows that fit the condition and this one.
    pub(crate) fn parents(&self, dialect: &dyn Dialect, also: &str) -> String {
        let condition = both(self.condition, also);
        dialect.parents(self.table, self.columns.iter().copied(), &condition)
    }

    /// The statement for the rows of a child table that belong to them.
    pub(crate) fn children(&self, dialect: &dyn Dialect, child: &Child, also: &str) -> String {
        dialect.children(self.table, child, &both(self.condition, also))
    }
}

fn both(one: &str, other: &str) -> String {
    match (one, other) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("({one}) AND {other}"),
    }
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading everything as of one moment.
    Read,
    /// Writing.
    Write,
}

/// The row a query stands on.
pub(crate) trait Cells {
    /// The value in this column of the statement.
    fn cell(&self, column: usize) -> Cell<'_>;
}

/// Statements that run beside another one, each on a row of its own.
pub(crate) trait Others {
    /// The row that this statement stands on; `None` after its last one.
    fn row(&self, statement: usize) -> Option<&dyn Cells>;

    /// Goes to its next row.
    fn advance(&mut self, statement: usize) -> Result<(), Failure>;
}

/// A value as the database has it, borrowed from the row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// Meant to be UTF-8; not every database makes sure of it.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

/// A value that is bound to a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Scalar {
    /// The value of a cell, to be bound again.
    pub(crate) fn of(cell: Cell<'_>) -> Scalar {
        match cell {
            Cell::Null => Scalar::Null,
            Cell::Integer(number) => Scalar::Integer(number),
            Cell::Real(number) => Scalar::Real(number),
            Cell::Bytes(bytes) => Scalar::Bytes(bytes.to_vec()),
            // What is not UTF-8 is bytes to us, and equals no text.
            Cell::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Scalar::Text(text.to_owned()),
                Err(_) => Scalar::Bytes(bytes.to_vec()),
            },
        }
    }

    /// The value as a cell that has it.
    pub(crate) fn cell(&self) -> Cell<'_> {
        match self {
            Scalar::Null => Cell::Null,
            Scalar::Integer(number) => Cell::Integer(*number),
            Scalar::Real(number) => Cell::Real(*number),
            Scalar::Text(text) => Cell::Text(text.as_bytes()),
            Scalar::Bytes(bytes) => Cell::Bytes(bytes),
        }
    }
}

/// What the catalog says of a table.
#[derive(Debug, Clone)]
pub(crate) struct TableFacts {
    pub(crate) name: String,
    /// The name as it stands in statements.
    pub(crate) quoted: String,
    pub(crate) source: Source,
    /// Whether what a statement answers of a row is the row as it stays: nothing changes it after.
    pub(crate) answers_row: bool,
    /// Why it cannot be an object type: `a virtual table`.
    pub(crate) unfit: Option<&'static str>,
    pub(crate) columns: Vec<ColumnFacts>,
    /// Columns of each unique key but the primary one.
    pub(crate) unique: Vec<Vec<usize>>,
    pub(crate) foreign: Vec<ForeignKey>,
}

/// What the catalog says of a column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnFacts {
    pub(crate) name: String,
    /// What kind of values its declared type stands for.
    pub(crate) kind: AttributeType,
    pub(crate) storage: Storage,
    pub(crate) not_null: bool,
    pub(crate) default: bool,
    pub(crate) primary_key: bool,
    /// The database numbers new rows here.
    pub(crate) numbered: bool,
    /// Computed from other columns.
    pub(crate) computed: bool,
    pub(crate) ignores_case: bool,
    /// Values are filled up with spaces to the column's length.
    pub(crate) padded: bool,
    pub(crate) moments: Moments,
}

/// How a column keeps points in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moments {
    /// As a text or a number that we write.
    Text,
    /// In a type of its own, as a time that is local somewhere.
    Local,
    /// In a type of its own, with an offset or in UTC.
    Absolute,
}

impl ColumnFacts {
    /// A column of which no more is known, as of what a statement answers.
    fn new(name: &str, (kind, storage): (AttributeType, Storage), moments: Moments) -> ColumnFacts {
        ColumnFacts {
            name: name.to_owned(),
            kind,
            storage,
            not_null: false,
            default: false,
            primary_key: false,
            numbered: false,
            computed: false,
            ignores_case: false,
            padded: false,
            moments,
        }
    }
}

/// How a column keeps values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Integer,
    Real,
    /// Whole numbers and fractions where the value is one, text otherwise.
    Numeric,
    Text,
    Bytes,
    /// As given: `5` and `'5'` are different values.
    AsGiven,
    /// In a type of its own, read and written as text.
    Own,
}

/// A column whose values are the key of rows of a table.
#[derive(Debug, Clone)]
pub(crate) struct ForeignKey {
    pub(crate) column: usize,
    pub(crate) table: String,
    /// The column of that table; its primary key when the catalog does not say.
    pub(crate) key: Option<String>,
    /// Whether the key is of this column alone.
    pub(crate) alone: bool,
}

/// What went wrong, in words that all databases share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Unique,
    Missing,
    Check,
    ForeignKey,
    Type,
    TooBig,
    /// A trigger of the database said no.
    Trigger,
    UnknownColumn,
    UnknownTable,
    /// The row is not there; a procedure says so.
    NoRow,
    Busy,
    /// Two transactions stood in each other's way, and this one was ended; it may be done again.
    Deadlock,
    /// A statement took longer than it may.
    Timeout,
    Unreachable,
    Forbidden,
    Bug,
}

/// Why a call of a driver failed.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The database said so, in these words.
    Database(Fault, String),
    /// Something of ours, on the way through: the host asked to stop.
    Ours(Error),
}

impl Failure {
    pub(crate) fn is_deadlock(&self) -> bool {
        matches!(self, Failure::Database(Fault::Deadlock, _))
    }
}

/// A number of single precision with the digits it is written with: 0.1, not 0.10000000149.
fn short(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Ours(error)
    }
}

impl Fault {
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Fault::Unique => ErrorKind::AlreadyExists,
            Fault::Missing
            | Fault::Check
            | Fault::ForeignKey
            | Fault::Type
            | Fault::TooBig
            | Fault::Trigger
            | Fault::UnknownColumn => ErrorKind::Invalid,
            Fault::UnknownTable => ErrorKind::Config,
            Fault::NoRow => ErrorKind::NotFound,
            Fault::Busy | Fault::Deadlock => ErrorKind::Busy,
            Fault::Timeout => ErrorKind::Timeout,
            Fault::Unreachable => ErrorKind::Unreachable,
            Fault::Forbidden => ErrorKind::Forbidden,
            Fault::Bug => ErrorKind::Internal,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Fault::Unique => "is taken",
            Fault::Missing => "is missing",
            Fault::Check => "is not accepted",
            Fault::ForeignKey => "breaks a reference between tables",
            Fault::Type => "does not fit the type of the column",
            Fault::TooBig => "is too long",
            Fault::Trigger => "is refused by a trigger",
            Fault::UnknownColumn => "is not in the database",
            Fault::UnknownTable => "the table is not there",
            Fault::NoRow => "the row is not there",
            Fault::Busy => "the database is locked by somebody else",
            Fault::Deadlock => "the database ended the transaction for the sake of another one",
            Fault::Timeout => "the statement was ended before it was done",
            Fault::Unreachable => "the database cannot be read or written",
            Fault::Forbidden => "the database may not be written",
            Fault::Bug => "the database failed",
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        match failure {
            Failure::Database(fault, text) => {
                Error::new(fault.kind(), format!("{} ({text})", fault.words()))
            }
            Failure::Ours(error) => error,
        }
    }
}
