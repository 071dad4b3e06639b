//! The driver for MySQL and MariaDB, nothing to install.
//!
//! Statements are prepared, and values come in the binary protocol. Text is bound as text, and the
//! server reads it as what its column is.

mod call;
pub(super) mod catalog;
pub(super) mod fault;
mod value;

use super::{
    Answer, Call, Called, ColumnFacts, Driver, Each, Failure, Fault, Purpose, Scalar, TableFacts,
    facts::rows, keys::Keys,
};
use crate::{
    dialect::{self, Dialect},
    settings::{Settings, Tls},
};
use ecma_plugin_sdk::{Error, tls};
use mysql_async::{Conn, OptsBuilder, Params, SslOpts, Statement, prelude::Queryable as _};
use std::{
    cell::{Cell as Slot, RefCell},
    collections::HashMap,
    time::Duration,
};
use tokio::{runtime::Runtime, time::timeout};
use value::Sent;

const PORT: u16 = 3306;
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a server may take to hear that we go.
const FAREWELL: Duration = Duration::from_secs(1);
/// Statements that are kept prepared.
const PREPARED: usize = 128;

pub(super) struct Mysql {
    runtime: Runtime,
    /// There until it is dropped.
    connection: RefCell<Option<Conn>>,
    /// Kept here: the library would read a text for names of parameters each time it runs.
    prepared: RefCell<HashMap<String, Statement>>,
    in_transaction: Slot<bool>,
    last_number: Slot<Option<i64>>,
    keys: RefCell<Keys>,
    dialect: &'static dyn Dialect,
    is_mariadb: bool,
}

impl Mysql {
    pub(super) fn open(settings: &Settings) -> Result<Mysql, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::internal(error.to_string()))?;
        let options = OptsBuilder::default()
            .ip_or_hostname(settings.server.clone().unwrap_or_default())
            .tcp_port(settings.port.unwrap_or(PORT))
            .db_name(settings.database_name.clone())
            .user(settings.user.clone())
            .pass(settings.password.as_ref().map(|password| password.expose().to_owned()))
            .ssl_opts(encryption(settings)?)
            // A socket of the same machine would take the place of the encrypted connection.
            .prefer_socket(false)
            // An update that changes nothing counts its row.
            .client_found_rows(true)
            .stmt_cache_size(0)
            .tcp_keepalive(Some(Duration::from_secs(60)));
        let opening = runtime.block_on(async { timeout(PATIENCE, Conn::new(options)).await });
        let late =
            || Failure::Database(Fault::Unreachable, "the server does not answer".to_owned());
        let opened = opening.map_err(|_| late())?.map_err(|error| fault::failure(&error, None))?;
        let (prepared, in_transaction, last_number, keys) = Default::default();
        let connection = RefCell::new(Some(opened));
        let mut mysql = Mysql {
            runtime,
            connection,
            prepared,
            in_transaction,
            last_number,
            keys,
            dialect: dialect::MYSQL,
            is_mariadb: false,
        };
        let seconds = settings.busy_timeout_seconds.max(1);
        mysql.run(&format!(
            "SET NAMES utf8mb4, time_zone = '+00:00', autocommit = 1, lc_messages = 'en_US', \
             sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
             NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,ANSI_QUOTES', \
             innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"
        ))?;
        mysql.speaks()?;
        mysql.limit(settings.command_timeout_seconds)?;
        Ok(mysql)
    }

    /// MariaDB says that it is, and can do more.
    fn speaks(&mut self) -> Result<(), Failure> {
        let version = rows(self, "SELECT VERSION()", &[], 1)?.pop().unwrap_or_default();
        let mut numbers = version[0].split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
        let is_new = numbers.next() >= Some(11) || numbers.next() >= Some(5);
        self.is_mariadb = version[0].contains("MariaDB");
        if self.is_mariadb && is_new {
            self.dialect = dialect::MARIADB;
        }
        Ok(())
    }

    /// MariaDB limits every statement, MySQL those that read.
    fn limit(&self, seconds: u32) -> Result<(), Failure> {
        if seconds == 0 {
            return Ok(());
        }
        self.run(&match self.is_mariadb {
            true => format!("SET max_statement_time = {seconds}"),
            false => format!("SET max_execution_time = {}", u64::from(seconds) * 1000),
        })
    }

    /// The statement, prepared now or before.
    async fn prepared(&self, connection: &mut Conn, sql: &str) -> mysql_async::Result<Statement> {
        let known = self.prepared.borrow().get(sql).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        if self.prepared.borrow().len() >= PREPARED {
            for old in self.prepared.take().into_values() {
                connection.close(old).await?;
            }
        }
        let statement = connection.prep(sql).await?;
        self.prepared.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Lets the connection work; its failure is told with what is known of the statement.
    fn work<T>(
        &self,
        sql: &str,
        work: impl AsyncFnOnce(&mut Conn) -> Result<T, Stopped>,
    ) -> Result<T, Failure> {
        let mut connection = self.connection.borrow_mut();
        let Some(connection) = connection.as_mut() else {
            return Err(Error::internal("the connection is dropped").into());
        };
        let failure = match self.runtime.block_on(work(connection)) {
            Ok(done) => return Ok(done),
            Err(Stopped::Ours(failure)) => return Err(failure),
            Err(Stopped::Server(error)) => fault::failure(&error, self.keys.borrow().of(sql)),
        };
        if matches!(failure, Failure::Database(Fault::Deadlock, _)) {
            // The server undid all of it, or most; nothing of it may be kept by the next one's start.
            let undone = self.runtime.block_on(connection.query_drop("ROLLBACK"));
            undone.map_err(|error| fault::failure(&error, None))?;
            self.in_transaction.set(false);
        }
        Err(failure)
    }
}

/// Why something did not come to its end.
enum Stopped {
    Server(mysql_async::Error),
    /// What was done with a row failed.
    Ours(Failure),
}

impl From<mysql_async::Error> for Stopped {
    fn from(error: mysql_async::Error) -> Stopped {
        Stopped::Server(error)
    }
}

/// How the connection is encrypted. With something here the handshake fails when the server cannot
/// do it, before the password is sent.
fn encryption(settings: &Settings) -> Result<Option<SslOpts>, Failure> {
    if settings.tls == Tls::Off {
        return Ok(None);
    }
    if settings.certificate_sha256.is_some() {
        // The settings say so too; without a look at the fingerprint nothing is sent.
        return Err(Error::config("certificate_sha256 is not for mysql").into());
    }
    tls::choose_ring();
    let roots = tls::roots(settings.trust())?;
    let roots = roots.iter().map(|root| root.to_vec().into()).collect();
    let options = SslOpts::default().with_disable_built_in_roots(true).with_root_certs(roots);
    Ok(Some(options))
}

impl Driver for Mysql {
    fn dialect(&self) -> &'static dyn Dialect {
        self.dialect
    }

    fn alive(&self) -> Result<(), Failure> {
        self.work("", async |connection| Ok(connection.ping().await?))
    }

    fn describe(&self) -> Result<Vec<TableFacts>, Failure> {
        let (facts, keys) = catalog::describe(self)?;
        self.keys.replace(keys);
        Ok(facts)
    }

    fn query(&self, sql: &str, parameters: &[Scalar], each: &mut Each<'_>) -> Result<(), Failure> {
        self.work(sql, async |connection| {
            let statement = self.prepared(connection, sql).await?;
            let mut rows = connection.exec_iter(statement, bound(parameters)).await?;
            while let Some(row) = rows.next().await? {
                each(&Sent::from(row)).map_err(Stopped::Ours)?;
            }
            Ok(rows.drop_result().await?)
        })
    }

    fn columns(&self, sql: &str) -> Result<Vec<ColumnFacts>, Failure> {
        let statement =
            self.work(sql, async |connection| Ok(self.prepared(connection, sql).await?))?;
        Ok(call::columns(&statement.columns()))
    }

    fn call(&self, call: &Call<'_>, each: &mut Answer<'_>) -> Result<Called, Failure> {
        call::call(self, call, each)
    }

    fn execute(&self, sql: &str, parameters: &[Scalar]) -> Result<u64, Failure> {
        self.last_number.set(None);
        let (rows, number) = self.work(sql, async |connection| {
            let statement = self.prepared(connection, sql).await?;
            let done = connection.exec_iter(statement, bound(parameters)).await?;
            let answer = (done.affected_rows(), done.last_insert_id());
            done.drop_result().await?;
            Ok(answer)
        })?;
        self.last_number.set(number.and_then(|number| i64::try_from(number).ok()));
        Ok(rows)
    }

    fn last_number(&self) -> Option<i64> {
        self.last_number.get()
    }

    fn begin(&self, purpose: Purpose) -> Result<(), Failure> {
        match purpose {
            Purpose::Read => {
                self.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
                self.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
            }
            Purpose::Write => self.run("START TRANSACTION")?,
        }
        self.in_transaction.set(true);
        Ok(())
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction.get()
    }

    fn ended(&self) {
        self.in_transaction.set(false);
    }

    fn run(&self, sql: &str) -> Result<(), Failure> {
        self.work(sql, async |connection| Ok(connection.query_drop(sql).await?))
    }
}

impl Drop for Mysql {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.get_mut().take() {
            // That it does not hear us is not our trouble any more.
            drop(self.runtime.block_on(async { timeout(FAREWELL, connection.disconnect()).await }));
        }
    }
}

fn bound(parameters: &[Scalar]) -> Params {
    match parameters {
        [] => Params::Empty,
        several => Params::Positional(several.iter().map(value::bound).collect()),
    }
}
