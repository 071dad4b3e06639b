//! A connection: its transaction, and the statements that are kept prepared.

use crate::{
    catalog, fetch,
    parameters::{self, Habits},
    procedure,
    words::{Argument, Catalog, Described, Trouble, Value},
};
use odbc_api::{
    ConnectionOptions, ConnectionTransitions as _, Error, Prepared, SharedConnection, environment,
    handles::StatementConnection,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Statements that are kept prepared.
const PREPARED: usize = 64;

pub(crate) type Shared = SharedConnection<'static>;
type Statement = Prepared<StatementConnection<Shared>>;

/// A statement that is kept, and what it answers once somebody asked.
struct Kept {
    statement: Statement,
    columns: Option<Vec<Described>>,
}

/// Where pages go.
pub(crate) type Pages<'a> = dyn FnMut(&[u8]) -> bool + 'a;

pub(crate) struct Connected {
    // Before the connection: they end first.
    prepared: HashMap<String, Kept>,
    connection: Shared,
    /// What the driver says the database is.
    pub(crate) system: String,
    habits: Habits,
    /// How many seconds a statement may take.
    limit: usize,
}

impl Connected {
    pub(crate) fn open(
        connection_string: &str,
        seconds: u32,
        limit: u32,
    ) -> Result<Connected, Trouble> {
        let options =
            ConnectionOptions { login_timeout_sec: Some(seconds), ..ConnectionOptions::default() };
        let environment = environment()?;
        let connected = environment.connect_with_connection_string(connection_string, options);
        let connection = match connected {
            // A driver that has no such timeout is no reason to stay away.
            Err(Error::Diagnostics { record, .. }) if record.state.as_str() == "HYC00" => {
                let options = ConnectionOptions::default();
                environment.connect_with_connection_string(connection_string, options)?
            }
            connected => connected?,
        };
        let system = connection.database_management_system_name()?;
        let habits = Habits::of(&system);
        let connection = Arc::new(Mutex::new(connection));
        let (prepared, limit) = (HashMap::new(), limit as usize);
        Ok(Connected { prepared, connection, system, habits, limit })
    }

    fn lock(&self) -> MutexGuard<'_, odbc_api::Connection<'static>> {
        // One thread at a time is here; the lock is what makes it safe to say so.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ping(&self, sql: Option<&str>) -> Result<(), Trouble> {
        match sql {
            Some(sql) => self.run(sql),
            None if self.lock().is_dead()? => Err(Trouble {
                state: "08S01".to_owned(),
                native: 0,
                message: "the connection was lost".to_owned(),
            }),
            None => Ok(()),
        }
    }

    pub(crate) fn forget(&mut self) {
        self.prepared.clear();
    }

    /// The statement, prepared now or before.
    fn prepared(&mut self, sql: &str) -> Result<&mut Kept, Trouble> {
        if !self.prepared.contains_key(sql) {
            if self.prepared.len() >= PREPARED {
                self.prepared.clear();
            }
            let mut statement = Arc::clone(&self.connection).into_prepared(sql)?;
            if self.limit > 0 {
                // A driver that knows no such limit is told another way, or has none.
                drop(statement.set_query_timeout_sec(self.limit));
            }
            self.prepared.insert(sql.to_owned(), Kept { statement, columns: None });
        }
        Ok(self.prepared.get_mut(sql).expect("it was just put there"))
    }

    /// Forgets a statement that failed: its tables may be others than when it was prepared.
    fn heed<T>(&mut self, sql: &str, result: Result<T, Trouble>) -> Result<T, Trouble> {
        if result.is_err() {
            self.prepared.remove(sql);
        }
        result
    }

    /// Runs a statement, and hands its rows over.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        parameters: &[Value],
        pages: &mut Pages<'_>,
    ) -> Result<(), Trouble> {
        let read = self.read(sql, parameters, pages);
        self.heed(sql, read)
    }

    /// What is longer than its driver said is read again from the start, another way, and the rows
    /// that are known are passed over.
    fn read(
        &mut self,
        sql: &str,
        parameters: &[Value],
        pages: &mut Pages<'_>,
    ) -> Result<(), Trouble> {
        let habits = self.habits;
        let statement = &mut self.prepared(sql)?.statement;
        let types = parameters::described(statement, parameters.len(), habits);
        let bound = parameters::bound(parameters, &types, habits);
        let mut known = None;
        loop {
            let Some(cursor) = statement.execute(bound.as_slice())? else { return Ok(()) };
            let read = match known.take() {
                None => fetch::rows(cursor, habits, pages),
                Some(known) => {
                    let mut cursor = fetch::row_by_row(cursor)?;
                    let read = fetch::rows_one_by_one(&mut cursor, habits, known, pages);
                    fetch::closed(cursor, read.map(|()| None))
                }
            };
            match read? {
                None => return Ok(()),
                again => known = again,
            }
        }
    }

    pub(crate) fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, Trouble> {
        let changed = self.change(sql, parameters);
        self.heed(sql, changed)
    }

    fn change(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, Trouble> {
        let habits = self.habits;
        let statement = &mut self.prepared(sql)?.statement;
        let types = parameters::described(statement, parameters.len(), habits);
        let bound = parameters::bound(parameters, &types, habits);
        if let Some(cursor) = statement.execute(bound.as_slice())? {
            fetch::closed(cursor, Ok(()))?;
        }
        let rows = statement.row_count()?;
        Ok(rows.unwrap_or_default() as u64)
    }

    pub(crate) fn run(&self, sql: &str) -> Result<(), Trouble> {
        self.lock().execute(sql, (), None)?;
        Ok(())
    }

    pub(crate) fn columns(&mut self, sql: &str) -> Result<Vec<Described>, Trouble> {
        let habits = self.habits;
        let kept = self.prepared(sql)?;
        if let Some(columns) = &kept.columns {
            return Ok(columns.clone());
        }
        let columns = fetch::described(&mut kept.statement, habits)?;
        kept.columns = Some(columns.clone());
        Ok(columns)
    }

    pub(crate) fn call(
        &mut self,
        sql: &str,
        arguments: Vec<Argument>,
        pages: &mut Pages<'_>,
    ) -> Result<Vec<Value>, Trouble> {
        procedure::call(&self.lock(), sql, arguments, self.habits, pages)
    }

    pub(crate) fn catalog(
        &mut self,
        catalog: &Catalog,
        pages: &mut Pages<'_>,
    ) -> Result<(), Trouble> {
        catalog::rows(&self.lock(), catalog, self.habits, pages)
    }

    pub(crate) fn begin(&self) -> Result<(), Trouble> {
        Ok(self.lock().set_autocommit(false)?)
    }

    pub(crate) fn commit(&self) -> Result<(), Trouble> {
        let connection = self.lock();
        connection.commit()?;
        Ok(connection.set_autocommit(true)?)
    }

    pub(crate) fn rollback(&self) -> Result<(), Trouble> {
        let connection = self.lock();
        connection.rollback()?;
        Ok(connection.set_autocommit(true)?)
    }
}

impl Trouble {
    /// Something that no database said.
    pub(crate) fn ours(message: String) -> Trouble {
        Trouble { state: String::new(), native: 0, message }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        match error {
            Error::Diagnostics { record, .. }
            | Error::UnsupportedOdbcApiVersion(record)
            | Error::InvalidRowArraySize { record, .. }
            | Error::UnableToRepresentNull(record)
            | Error::OracleOdbcDriverDoesNotSupport64Bit(record) => {
                let text = record.to_string();
                let message = text.split_once(", Message: ").map_or("", |(_, message)| message);
                Trouble {
                    state: record.state.as_str().to_owned(),
                    native: record.native_error,
                    message: message.to_owned(),
                }
            }
            // They have a full stop, and more lines than one.
            error => Trouble::ours(
                error
                    .to_string()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim_end_matches('.')
                    .to_owned(),
            ),
        }
    }
}
