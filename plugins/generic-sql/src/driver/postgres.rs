//! The driver for PostgreSQL, nothing to install.
//!
//! Values are bound as text, and the server reads them as what its column is; so one way of binding
//! serves every type there is. Read are the types that have a cell of their own; the others are
//! cast to text in the statement ([`Storage::Own`]).

pub(super) mod call;
pub(super) mod catalog;

use super::{
    Answer, Call, Called, Cell, Cells, ColumnFacts, Driver, Each, Failure, Fault, Moments, Purpose,
    Scalar, Storage, TableFacts, short,
};
use crate::{
    dialect::{self, Dialect},
    settings::{Settings, Tls},
};
use bytes::BytesMut;
use ecma_plugin_sdk::{AttributeType, Error, tls};
use futures_util::TryStreamExt as _;
use std::{
    cell::{Cell as Slot, RefCell},
    collections::HashMap,
    error::Error as _,
    pin::pin,
    time::Duration,
};
use tokio::runtime::Runtime;
use tokio_postgres::{
    Client, Config, NoTls, Row, Statement,
    config::SslMode,
    error::SqlState,
    types::{Format, FromSql, IsNull, ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

const PORT: u16 = 5432;
const PATIENCE: Duration = Duration::from_secs(15);
/// Statements that are kept prepared.
const PREPARED: usize = 128;

pub(super) struct Postgres {
    runtime: Runtime,
    client: Client,
    prepared: RefCell<HashMap<String, Statement>>,
    in_transaction: Slot<bool>,
}

impl Postgres {
    pub(super) fn open(settings: &Settings) -> Result<Postgres, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::internal(error.to_string()))?;
        let mut config = Config::new();
        config
            .host(settings.server.as_deref().unwrap_or_default())
            .port(settings.port.unwrap_or(PORT))
            .dbname(settings.database_name.as_deref().unwrap_or_default())
            .user(settings.user.as_deref().unwrap_or_default())
            .application_name("ecma-host generic-sql")
            .connect_timeout(PATIENCE)
            .keepalives_idle(Duration::from_secs(60));
        if let Some(password) = &settings.password {
            config.password(password.expose());
        }
        let client = match settings.tls {
            Tls::Off => {
                config.ssl_mode(SslMode::Disable);
                connect(&runtime, config.connect(NoTls))
            }
            Tls::On => {
                config.ssl_mode(SslMode::Require);
                let tls = MakeRustlsConnect::new(tls::client(settings.trust(), None)?);
                connect(&runtime, config.connect(tls))
            }
        }?;
        let (prepared, in_transaction) = Default::default();
        let postgres = Postgres { runtime, client, prepared, in_transaction };
        let seconds = settings.busy_timeout_seconds;
        let longest = settings.command_timeout_seconds;
        postgres.run(&format!(
            "SET client_encoding = 'UTF8'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
             SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'; SET extra_float_digits = 1; \
             SET lock_timeout = '{seconds}s'; SET statement_timeout = '{longest}s'; \
             SET standard_conforming_strings = on"
        ))?;
        Ok(postgres)
    }

    fn prepare(&self, sql: &str) -> Result<Statement, Failure> {
        if let Some(known) = self.prepared.borrow().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.runtime.block_on(self.client.prepare(sql))?;
        let mut prepared = self.prepared.borrow_mut();
        if prepared.len() >= PREPARED {
            prepared.clear();
        }
        prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Connects, and lets the connection work whenever the runtime does.
fn connect<S>(
    runtime: &Runtime,
    connecting: impl Future<
        Output = Result<
            (Client, tokio_postgres::Connection<tokio_postgres::Socket, S>),
            tokio_postgres::Error,
        >,
    >,
) -> Result<Client, Failure>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (client, connection) = runtime.block_on(connecting)?;
    // How it ends is what the client's next call is told.
    drop(runtime.spawn(async move { drop(connection.await) }));
    Ok(client)
}

impl Driver for Postgres {
    fn dialect(&self) -> &'static dyn Dialect {
        dialect::POSTGRES
    }

    fn alive(&self) -> Result<(), Failure> {
        self.run("SELECT 1")
    }

    fn describe(&self) -> Result<Vec<TableFacts>, Failure> {
        // Somebody may have changed a table that is known to a prepared statement.
        self.prepared.borrow_mut().clear();
        // The server itself says which column an error is about.
        catalog::describe(self).map(|(facts, _)| facts)
    }

    fn query(&self, sql: &str, parameters: &[Scalar], each: &mut Each<'_>) -> Result<(), Failure> {
        let statement = self.prepare(sql)?;
        self.runtime.block_on(async {
            let parameters = parameters.iter().map(|value| value as &(dyn ToSql + Sync));
            let mut rows = pin!(self.client.query_raw(&statement, parameters).await?);
            while let Some(row) = rows.try_next().await? {
                each(&row)?;
            }
            Ok(())
        })
    }

    fn columns(&self, sql: &str) -> Result<Vec<ColumnFacts>, Failure> {
        Ok(call::columns(&self.prepare(sql)?))
    }

    fn call(&self, call: &Call<'_>, each: &mut Answer<'_>) -> Result<Called, Failure> {
        call::call(self, call, each)
    }

    fn execute(&self, sql: &str, parameters: &[Scalar]) -> Result<u64, Failure> {
        let statement = self.prepare(sql)?;
        let parameters = parameters.iter().map(|value| value as &(dyn ToSql + Sync));
        Ok(self.runtime.block_on(self.client.execute_raw(&statement, parameters))?)
    }

    fn begin(&self, purpose: Purpose) -> Result<(), Failure> {
        self.run(match purpose {
            Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Purpose::Write => "BEGIN",
        })?;
        self.in_transaction.set(true);
        Ok(())
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction.get() && !self.client.is_closed()
    }

    fn ended(&self) {
        self.in_transaction.set(false);
    }

    fn run(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.runtime.block_on(self.client.batch_execute(sql))?)
    }
}

/// A value as the server sends it.
struct Raw<'a>(Cell<'a>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        kind: &Type,
        raw: &'a [u8],
    ) -> Result<Raw<'a>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(match *kind {
            Type::BOOL => Cell::Integer(bool::from_sql(kind, raw)?.into()),
            Type::INT2 => Cell::Integer(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Cell::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Cell::Integer(i64::from_sql(kind, raw)?),
            Type::OID => Cell::Integer(u32::from_sql(kind, raw)?.into()),
            Type::FLOAT4 => Cell::Real(short(f32::from_sql(kind, raw)?)),
            Type::FLOAT8 => Cell::Real(f64::from_sql(kind, raw)?),
            Type::BYTEA => Cell::Bytes(raw),
            _ => Cell::Text(raw),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Raw<'a>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(Cell::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Cells for Row {
    fn cell(&self, column: usize) -> Cell<'_> {
        let Raw(cell) = self.get(column);
        cell
    }
}

impl ToSql for Scalar {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Scalar::Null => return Ok(IsNull::Yes),
            Scalar::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Scalar::Real(number) => out.extend_from_slice(format!("{number:?}").as_bytes()),
            Scalar::Text(text) => out.extend_from_slice(text.as_bytes()),
            Scalar::Bytes(bytes) if *kind == Type::BYTEA => {
                out.extend_from_slice(b"\\x");
                for byte in bytes {
                    out.extend_from_slice(format!("{byte:02x}").as_bytes());
                }
            }
            Scalar::Bytes(bytes) => out.extend_from_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Failure {
        let Some(said) = error.as_db_error() else {
            let reason = error.source().map(ToString::to_string);
            let text = reason.map_or(error.to_string(), |reason| format!("{error}: {reason}"));
            return Failure::Database(Fault::Unreachable, text);
        };
        let fault = fault(said.code());
        // The detail of other errors has the whole row in it, secrets and all.
        let key = said.detail().filter(|_| fault == Fault::Unique).and_then(key_of);
        let column = said.column().map(str::to_owned).or(key);
        let text = match (said.table(), column) {
            // As every driver names a column.
            (Some(table), Some(column)) => format!("{}: {table}.{column}", said.message()),
            _ => said.message().to_owned(),
        };
        Failure::Database(fault, text)
    }
}

/// The first column in `Key (login)=(ada) already exists.`
fn key_of(detail: &str) -> Option<String> {
    let (columns, _) = detail.strip_prefix("Key (")?.split_once(")=")?;
    let first = columns.split(", ").next()?;
    // An index over `lower(login)` is about login.
    let inner = first.rsplit('(').next()?.split([')', ':']).next()?;
    Some(inner.trim_matches('"').to_owned())
}

/// What a code means: PostgreSQL's manual, appendix A.
fn fault(code: &SqlState) -> Fault {
    match code.code() {
        "23505" | "23P01" => Fault::Unique,
        "23502" => Fault::Missing,
        "23514" | "44000" => Fault::Check,
        "23503" | "23001" => Fault::ForeignKey,
        "22001" => Fault::TooBig,
        "42703" => Fault::UnknownColumn,
        "42P01" | "42883" | "3F000" | "3D000" => Fault::UnknownTable,
        "42501" | "25006" => Fault::Forbidden,
        "40001" | "40P01" => Fault::Deadlock,
        "57014" => Fault::Timeout,
        "55P03" | "53300" => Fault::Busy,
        "P0001" => Fault::Trigger,
        "P0002" | "02000" => Fault::NoRow,
        code => match &code[..2.min(code.len())] {
            "22" => Fault::Type,
            "28" => Fault::Forbidden,
            "08" | "53" | "57" | "58" => Fault::Unreachable,
            _ => Fault::Bug,
        },
    }
}

/// How a type keeps points in time; `name` is that of `pg_type`.
fn moments_of(name: &str) -> Moments {
    match name {
        "timestamptz" => Moments::Absolute,
        "text" | "varchar" | "bpchar" | "citext" | "name" => Moments::Text,
        _ => Moments::Local,
    }
}

/// What kind of values a type stands for; `name` is that of `pg_type`.
fn type_of(name: &str) -> (AttributeType, Storage) {
    match name {
        "int2" | "int4" | "int8" | "oid" => (AttributeType::Integer, Storage::Integer),
        "float4" | "float8" => (AttributeType::Text, Storage::Real),
        "bool" => (AttributeType::Boolean, Storage::Own),
        "bytea" => (AttributeType::Binary, Storage::Bytes),
        "text" | "varchar" | "bpchar" | "name" | "citext" => (AttributeType::Text, Storage::Text),
        "timestamp" | "timestamptz" => (AttributeType::DateTime, Storage::Own),
        _ => (AttributeType::Text, Storage::Own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_of_a_key_is_found() {
        for (detail, column) in [
            ("Key (login)=(ada) already exists.", Some("login")),
            ("Key (site, number)=(a, 1) already exists.", Some("site")),
            ("Key (lower(login))=(ada) already exists.", Some("login")),
            ("Key (lower(login::text))=(ada) already exists.", Some("login")),
            ("Key (\"Log In\")=(a)=(b) already exists.", Some("Log In")),
            ("Failing row contains (1, secret).", None),
        ] {
            assert_eq!(key_of(detail).as_deref(), column, "{detail}");
        }
    }

    #[test]
    fn codes_are_kinds_of_faults() {
        for (code, meant) in [
            ("23505", Fault::Unique),
            ("23502", Fault::Missing),
            ("22P02", Fault::Type),
            ("22003", Fault::Type),
            ("22001", Fault::TooBig),
            ("28P01", Fault::Forbidden),
            ("40P01", Fault::Deadlock),
            ("57014", Fault::Timeout),
            ("57P01", Fault::Unreachable),
            ("XX000", Fault::Bug),
        ] {
            assert_eq!(fault(&SqlState::from_code(code)), meant, "{code}");
        }
    }
}
