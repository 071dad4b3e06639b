//! The words between the plugin and its companion for ODBC, and the framing of rows. Both include
//! this file, and both are built and staged together; the version is for the day they are not.
//!
//! A page of rows: the number of columns (u32, little endian as all that follows), then cells, row
//! by row. What a procedure answers comes behind a page that begins with [`COLUMNS`] instead, and has
//! a list of [`Described`] in MessagePack. A cell is a tag and, for what has one, a number of 8 bytes: the number itself, or how
//! many bytes follow.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Of these words. The companion refuses another one at its opening.
pub(crate) const VERSION: u32 = 2;

/// Instead of a number of columns: what the columns are.
pub(crate) const COLUMNS: [u8; 4] = [0xff; 4];

/// NULL, and nothing behind it.
pub(crate) const NULL: u8 = 0;
/// A whole number, i64.
pub(crate) const INTEGER: u8 = 1;
/// A fraction, f64.
pub(crate) const REAL: u8 = 2;
/// Text: its length and UTF-8.
pub(crate) const TEXT: u8 = 3;
/// Bytes: their length, and they.
pub(crate) const BYTES: u8 = 4;

/// What the plugin asks.
#[derive(Serialize, Deserialize)]
pub(crate) enum Request {
    /// Connects; the first request of a session. Answers the name of the database system.
    Connect {
        connection_string: String,
        /// How long the driver may take for it.
        seconds: u32,
        /// How long a statement may take, where the driver knows of such a limit; 0 for ever.
        statement_seconds: u32,
    },
    /// Whether the connection works: by a statement, else by what the driver knows.
    Ping(Option<String>),
    /// Forgets the statements that are prepared: tables may have changed.
    Forget,
    /// Runs a statement; its rows go to the pages.
    Query { sql: String, parameters: Vec<Value> },
    /// Runs a statement; answers how many rows it changed.
    Execute { sql: String, parameters: Vec<Value> },
    /// Runs a statement without parameters, not prepared, and forgets what it answers.
    Run(String),
    /// Names and types of what a query answers, which does not run.
    Columns(String),
    /// Calls a procedure; its first result goes to the pages, its columns first. Answers the
    /// arguments after it.
    Call { sql: String, arguments: Vec<Argument> },
    /// Rows of a function of ODBC that tells the catalog; they go to the pages.
    Catalog(Catalog),
    /// Leaves autocommit.
    Begin,
    /// Keeps what was done, and goes back to autocommit.
    Commit,
    /// Undoes what was done, and goes back to autocommit.
    Rollback,
}

/// Functions of ODBC about the catalog.
#[derive(Serialize, Deserialize)]
pub(crate) enum Catalog {
    /// `SQLTables`: all.
    Tables,
    /// `SQLColumns`: of all tables.
    Columns,
    /// `SQLPrimaryKeys` of a table.
    PrimaryKeys { schema: String, table: String },
    /// `SQLForeignKeys` of a table: what its columns refer to.
    ForeignKeys { schema: String, table: String },
}

/// What the companion answers when all went well.
#[derive(Serialize, Deserialize)]
pub(crate) enum Answer {
    Done,
    /// The name of the database system, as the driver tells it.
    Connected(String),
    /// So many rows.
    Rows(u64),
    Columns(Vec<Described>),
    /// The arguments of a call, in their order.
    Arguments(Vec<Value>),
}

/// What went wrong: the first record of the diagnostics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Trouble {
    /// SQLSTATE; empty when it is nothing that ODBC says.
    pub(crate) state: String,
    /// The database's own number.
    pub(crate) native: i32,
    pub(crate) message: String,
}

/// A value that is bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(ByteBuf),
}

/// An argument of a call.
#[derive(Serialize, Deserialize)]
pub(crate) struct Argument {
    pub(crate) value: Value,
    /// Whether the procedure writes to it.
    pub(crate) out: bool,
}

/// A column of what a statement answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) not_null: bool,
}

/// What kind of values stand in a column, as far as they differ for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Integer,
    /// With the digits of single precision.
    Single,
    Real,
    Exact,
    Bit,
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
    /// Whatever else there is; read as text.
    Other,
}
