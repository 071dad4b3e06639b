//! The driver for an SQLite file, the library built in. It never creates the file.

pub(super) mod catalog;
mod fault;

use super::{
    Answer, Call, Called, Cell, Cells, ColumnFacts, Driver, Each, Failure, Merge, Merged, Moments,
    Others, Purpose, Scalar, TableFacts,
};
use crate::{
    dialect::{self, Dialect},
    settings::Settings,
};
use ecma_plugin_sdk::Error;
use rusqlite::{
    Connection, OpenFlags, Row, Rows, ToSql,
    config::DbConfig,
    fallible_streaming_iterator::FallibleStreamingIterator as _,
    params_from_iter,
    types::{ToSqlOutput, ValueRef},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// After so many steps of a statement it is looked at the clock.
const STEPS: i32 = 10_000;

pub(super) struct Sqlite {
    connection: Connection,
    path: PathBuf,
    file: FileId,
    /// How long a statement may take, and until when the one that runs may.
    longest: Option<Duration>,
    until: Arc<Mutex<Option<Instant>>>,
}

impl Sqlite {
    pub(super) fn open(settings: &Settings) -> Result<Sqlite, Failure> {
        let path = settings.database.clone();
        let path = path.ok_or_else(|| Error::config("database is missing"))?;
        let file = FileId::of(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(Duration::from_secs(settings.busy_timeout_seconds.into()))?;
        connection.set_prepared_statement_cache_capacity(64);
        // A name in double quotes that is no column would be taken as a text otherwise.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let until: Arc<Mutex<Option<Instant>>> = Arc::default();
        let seconds = settings.command_timeout_seconds;
        let longest = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
        if longest.is_some() {
            let until = Arc::clone(&until);
            let is_late = move || {
                let until = until.lock().unwrap_or_else(PoisonError::into_inner);
                until.is_some_and(|until| Instant::now() > until)
            };
            connection.progress_handler(STEPS, Some(is_late))?;
        }
        let sqlite = Sqlite { connection, path, file, longest, until };
        sqlite.alive()?;
        Ok(sqlite)
    }
}

impl Sqlite {
    /// A statement begins.
    fn begins(&self) {
        if let Some(longest) = self.longest {
            let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
            *until = Instant::now().checked_add(longest);
        }
    }
}

impl Driver for Sqlite {
    fn dialect(&self) -> &'static dyn Dialect {
        dialect::SQLITE
    }

    fn alive(&self) -> Result<(), Failure> {
        if FileId::of(&self.path)? != self.file {
            // What is written to a file that has been replaced is lost.
            let text = format!("{} was replaced by another file", self.path.display());
            return Err(Failure::Ours(Error::unreachable(text)));
        }
        // Unlike SELECT 1 this reads the file.
        self.query("SELECT count(*) FROM sqlite_schema", &[], &mut |_| Ok(()))
    }

    fn describe(&self) -> Result<Vec<TableFacts>, Failure> {
        let ignores_case = |table: &str, column: &str| {
            // Of a view nothing more is known.
            let metadata = self.connection.column_metadata(Some("main"), table, column).ok();
            let collation = metadata.and_then(|(_, collation, ..)| collation);
            Ok(collation.is_some_and(|name| name.to_bytes().eq_ignore_ascii_case(b"nocase")))
        };
        catalog::describe(self, &ignores_case)
    }

    fn query(&self, sql: &str, parameters: &[Scalar], each: &mut Each<'_>) -> Result<(), Failure> {
        self.begins();
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            each(row)?;
        }
        Ok(())
    }

    /// Side by side: nothing is collected.
    fn merge(&self, merged: &Merged<'_>, each: &mut Merge<'_>) -> Result<(), Failure> {
        self.begins();
        let (dialect, parameters) = (self.dialect(), merged.parameters);
        let sql = merged.parents(dialect, "");
        let sql = merged.most.map_or(sql.clone(), |most| dialect.limit(&sql, most));
        let children = merged.children.iter();
        let others: Vec<String> =
            children.map(|child| merged.children(dialect, child, "")).collect();
        let prepared = others.iter().map(|sql| self.connection.prepare_cached(sql));
        let mut prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let running = prepared.iter_mut().map(|one| one.query(params_from_iter(parameters)));
        let mut beside = Beside(running.collect::<Result<Vec<_>, _>>()?);
        (0..others.len()).try_for_each(|at| beside.advance(at))?;
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            each(row, &mut beside)?;
        }
        Ok(())
    }

    fn columns(&self, sql: &str) -> Result<Vec<ColumnFacts>, Failure> {
        let statement = self.connection.prepare_cached(sql)?;
        let column = |column: rusqlite::Column<'_>| {
            let declared = column.decl_type().unwrap_or_default();
            ColumnFacts::new(column.name(), catalog::type_of(declared), Moments::Text)
        };
        Ok(statement.columns().map(column).collect())
    }

    fn call(&self, _: &Call<'_>, _: &mut Answer<'_>) -> Result<Called, Failure> {
        Err(Error::config("sqlite has no stored procedures; queries take their place").into())
    }

    fn execute(&self, sql: &str, parameters: &[Scalar]) -> Result<u64, Failure> {
        self.begins();
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.execute(params_from_iter(parameters))? as u64)
    }

    fn run(&self, sql: &str) -> Result<(), Failure> {
        self.execute(sql, &[]).map(drop)
    }

    fn begin(&self, purpose: Purpose) -> Result<(), Failure> {
        // A writer that begins as a reader can find itself behind another writer half-way.
        self.run(match purpose {
            Purpose::Read => "BEGIN DEFERRED",
            Purpose::Write => "BEGIN IMMEDIATE",
        })
    }

    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }
}

/// Statements that run beside another one.
struct Beside<'a>(Vec<Rows<'a>>);

impl Others for Beside<'_> {
    fn row(&self, statement: usize) -> Option<&dyn Cells> {
        self.0[statement].get().map(|row| row as &dyn Cells)
    }

    fn advance(&mut self, statement: usize) -> Result<(), Failure> {
        Ok(self.0[statement].advance()?)
    }
}

impl Cells for Row<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        match self.get_ref(column).expect("the statement has this column") {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(text) => Cell::Text(text),
            ValueRef::Blob(bytes) => Cell::Bytes(bytes),
        }
    }
}

impl ToSql for Scalar {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Scalar::Null => ValueRef::Null,
            Scalar::Integer(number) => ValueRef::Integer(*number),
            Scalar::Real(number) => ValueRef::Real(*number),
            Scalar::Text(text) => ValueRef::Text(text.as_bytes()),
            Scalar::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// What tells a file from one that took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    fn of(path: &Path) -> Result<FileId, Failure> {
        let facts = fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::unreachable(format!("there is no file {}", path.display()))
            }
            _ => Error::unreachable(format!("{}: {error}", path.display())),
        })?;
        if facts.is_dir() {
            let text = format!("{} is a folder, not a database", path.display());
            return Err(Failure::Ours(Error::unreachable(text)));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Ok(FileId(facts.dev(), facts.ino()))
        }
        // Elsewhere an open database cannot be replaced.
        #[cfg(not(unix))]
        Ok(FileId(0, 0))
    }
}
