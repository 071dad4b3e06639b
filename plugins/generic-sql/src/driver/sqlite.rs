//! The driver for an SQLite file, the library built in. It never creates the file.

use super::{
    Cell, Cells, ColumnFacts, Driver, Failure, Fault, ForeignKey, Merge, Merged, Others, Purpose,
    Scalar, Storage, TableFacts,
};
use crate::{
    dialect::{self, Dialect},
    settings::Settings,
};
use ecma_plugin_sdk::{AttributeType, Error};
use rusqlite::{
    Connection, OpenFlags, Row, Rows, ToSql,
    config::DbConfig,
    fallible_streaming_iterator::FallibleStreamingIterator as _,
    ffi::{self, ErrorCode},
    params_from_iter,
    types::{ToSqlOutput, ValueRef},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

pub(super) struct Sqlite {
    connection: Connection,
    path: PathBuf,
    file: FileId,
}

impl Sqlite {
    pub(super) fn open(settings: &Settings) -> Result<Sqlite, Failure> {
        let path = settings.database.clone();
        let path = path.ok_or_else(|| Error::config("database is missing"))?;
        let file = FileId::of(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(Duration::from_secs(settings.busy_timeout_seconds.into()))?;
        connection.set_prepared_statement_cache_capacity(64);
        // A name in double quotes that is no column would be taken as a text otherwise.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let sqlite = Sqlite { connection, path, file };
        sqlite.alive()?;
        Ok(sqlite)
    }

    fn facts(&self, sql: &str, name: &str) -> Result<Vec<Vec<Fact>>, Failure> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let width = statement.column_count();
        let mut rows = statement.query([name])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((0..width).map(|at| Fact::of(row, at)).collect());
        }
        Ok(found)
    }

    fn columns(&self, table: &str, without_rowid: bool) -> Result<Vec<ColumnFacts>, Failure> {
        let rows = self.facts(
            "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden \
             FROM pragma_table_xinfo(?1) ORDER BY cid",
            table,
        )?;
        let key_columns = rows.iter().filter(|row| row[4].number != 0).count();
        // `INTEGER PRIMARY KEY DESC` and tables without row ids have an index of their own for
        // the key; then the column is not another name of the row id and is not numbered.
        let own_index = !self
            .facts("SELECT name FROM pragma_index_list(?1) WHERE origin = 'pk'", table)?
            .is_empty();
        let mut columns = Vec::new();
        for row in rows {
            let [name, declared, not_null, default, key, hidden] =
                row.try_into().expect("the query has six columns");
            let (name, declared) = (name.text, declared.text);
            let (kind, storage) = type_of(&declared);
            let numbered = key.number != 0
                && key_columns == 1
                && !own_index
                && !without_rowid
                && declared.eq_ignore_ascii_case("integer");
            let (_, collation, ..) =
                self.connection.column_metadata(Some("main"), table, name.as_str())?;
            columns.push(ColumnFacts {
                kind,
                storage,
                not_null: not_null.number != 0,
                default: default.number != 0,
                primary_key: key.number != 0,
                numbered,
                computed: hidden.number >= 2,
                ignores_case: collation
                    .is_some_and(|name| name.to_bytes().eq_ignore_ascii_case(b"nocase")),
                name,
            });
        }
        Ok(columns)
    }

    fn unique(&self, table: &str) -> Result<Vec<Vec<usize>>, Failure> {
        let indexes = self.facts(
            "SELECT name FROM pragma_index_list(?1) \
             WHERE \"unique\" AND NOT partial AND origin <> 'pk'",
            table,
        )?;
        let mut keys = Vec::new();
        for index in indexes {
            let parts = self.facts(
                "SELECT '', cid FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno",
                &index[0].text,
            )?;
            // A part below zero is an expression or the row id, not a column.
            let columns: Option<Vec<usize>> =
                parts.iter().map(|part| usize::try_from(part[1].number).ok()).collect();
            keys.extend(columns);
        }
        keys.sort_by_key(|columns| (columns.len(), columns.clone()));
        Ok(keys)
    }

    fn foreign(&self, table: &str, columns: &[ColumnFacts]) -> Result<Vec<ForeignKey>, Failure> {
        let rows = self.facts(
            "SELECT \"from\", \"table\", \"to\", \
             (SELECT count(*) FROM pragma_foreign_key_list(?1) AS o WHERE o.id = k.id) \
             FROM pragma_foreign_key_list(?1) AS k ORDER BY id, seq",
            table,
        )?;
        let at = |name: &str| columns.iter().position(|c| c.name.eq_ignore_ascii_case(name));
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let [column, table, key, parts] = row.try_into().ok()?;
                Some(ForeignKey {
                    column: at(&column.text)?,
                    table: table.text,
                    key: Some(key.text).filter(|key| !key.is_empty()),
                    alone: parts.number == 1,
                })
            })
            .collect())
    }
}

/// A value of a catalog query, as text and as number.
#[derive(Debug)]
struct Fact {
    text: String,
    number: i64,
}

impl Fact {
    fn of(row: &Row<'_>, column: usize) -> Fact {
        match row.get_ref(column) {
            Ok(ValueRef::Text(text)) => {
                Fact { text: String::from_utf8_lossy(text).into_owned(), number: 0 }
            }
            Ok(ValueRef::Integer(number)) => Fact { text: String::new(), number },
            _ => Fact { text: String::new(), number: 0 },
        }
    }
}

/// SQLite's rules of affinity (<https://www.sqlite.org/datatype3.html> §3.1), and the declared
/// types that mean more than it keeps.
fn type_of(declared: &str) -> (AttributeType, Storage) {
    let upper = declared.to_ascii_uppercase();
    let has = |word: &str| upper.contains(word);
    let storage = if has("INT") {
        Storage::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Storage::Text
    } else if has("BLOB") {
        Storage::Bytes
    } else if upper.is_empty() || upper == "ANY" {
        Storage::AsGiven
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Storage::Real
    } else {
        Storage::Numeric
    };
    let word = upper.split(['(', ' ']).next().unwrap_or_default();
    let kind = match (word, storage) {
        ("BOOLEAN" | "BOOL", _) => AttributeType::Boolean,
        ("DATETIME" | "TIMESTAMP", _) => AttributeType::DateTime,
        (_, Storage::Integer) => AttributeType::Integer,
        (_, Storage::Bytes) => AttributeType::Binary,
        _ => AttributeType::Text,
    };
    (kind, storage)
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
        let tables = self.facts(
            "SELECT name, type, wr FROM pragma_table_list \
             WHERE schema = 'main' AND substr(name, 1, 7) <> ?1 ORDER BY name",
            "sqlite_",
        )?;
        let mut described = Vec::new();
        for table in tables {
            let [name, kind, without_rowid] =
                table.try_into().expect("the query has three columns");
            let unfit = match kind.text.as_str() {
                "table" => None,
                "view" => Some("a view"),
                _ => Some("a virtual table"),
            };
            let name = name.text;
            let quoted = self.dialect().name(&name);
            if unfit.is_some() {
                let (columns, unique, foreign) = Default::default();
                described.push(TableFacts { name, quoted, unfit, columns, unique, foreign });
                continue;
            }
            let columns = self.columns(&name, without_rowid.number != 0)?;
            let unique = self.unique(&name)?;
            let foreign = self.foreign(&name, &columns)?;
            described.push(TableFacts { name, quoted, unfit, columns, unique, foreign });
        }
        Ok(described)
    }

    fn query(
        &self,
        sql: &str,
        parameters: &[Scalar],
        each: &mut dyn FnMut(&dyn Cells) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            each(row)?;
        }
        Ok(())
    }

    /// Side by side: nothing is collected.
    fn merge(&self, merged: &Merged<'_>, each: &mut Merge<'_>) -> Result<(), Failure> {
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

    fn execute(&self, sql: &str, parameters: &[Scalar]) -> Result<u64, Failure> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.execute(params_from_iter(parameters))? as u64)
    }

    fn begin(&self, purpose: Purpose) -> Result<(), Failure> {
        // A writer that begins as a reader can find itself behind another writer half-way.
        let sql = match purpose {
            Purpose::Read => "BEGIN DEFERRED",
            Purpose::Write => "BEGIN IMMEDIATE",
        };
        self.execute(sql, &[]).map(drop)
    }

    fn commit(&self) -> Result<(), Failure> {
        self.execute("COMMIT", &[]).map(drop)
    }

    fn rollback(&self) -> Result<(), Failure> {
        if !self.in_transaction() {
            return Ok(());
        }
        self.execute("ROLLBACK", &[]).map(drop)
    }

    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn save(&self) -> Result<(), Failure> {
        self.execute("SAVEPOINT change", &[]).map(drop)
    }

    fn release(&self) -> Result<(), Failure> {
        self.execute("RELEASE change", &[]).map(drop)
    }

    fn restore(&self) -> Result<(), Failure> {
        self.execute("ROLLBACK TO change", &[])?;
        self.release()
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

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        let (code, text) = match error {
            rusqlite::Error::SqliteFailure(code, text) => {
                let text = text.unwrap_or_else(|| code.to_string());
                (code, text)
            }
            rusqlite::Error::SqlInputError { error, msg, .. } => (error, msg),
            other => return Failure::Database(Fault::Bug, other.to_string()),
        };
        Failure::Database(fault(code, &text), text)
    }
}

fn fault(code: ffi::Error, text: &str) -> Fault {
    match (code.code, code.extended_code) {
        (ErrorCode::ConstraintViolation, extended) => match extended {
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => Fault::Unique,
            ffi::SQLITE_CONSTRAINT_NOTNULL => Fault::Missing,
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Fault::ForeignKey,
            ffi::SQLITE_CONSTRAINT_DATATYPE => Fault::Type,
            ffi::SQLITE_CONSTRAINT_TRIGGER => Fault::Trigger,
            _ => Fault::Check,
        },
        (ErrorCode::TypeMismatch, _) => Fault::Type,
        (ErrorCode::TooBig, _) => Fault::TooBig,
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::SchemaChanged, _) => {
            Fault::Busy
        }
        (
            ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::AuthorizationForStatementDenied,
            _,
        ) => Fault::Forbidden,
        (
            ErrorCode::CannotOpen
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::FileLockingProtocolFailed,
            _,
        ) => Fault::Unreachable,
        (ErrorCode::Unknown, _) if text.starts_with("no such table") => Fault::UnknownTable,
        (ErrorCode::Unknown, _) if text.contains("no such column") => Fault::UnknownColumn,
        (ErrorCode::Unknown, _) if text.contains("has no column named") => Fault::UnknownColumn,
        _ => Fault::Bug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecma_plugin_sdk::ErrorKind;

    #[test]
    fn declared_types_are_kinds_and_storage() {
        use AttributeType::{Binary, Boolean, DateTime, Integer, Text};
        for (declared, kind, storage) in [
            ("INTEGER", Integer, Storage::Integer),
            ("bigint", Integer, Storage::Integer),
            ("VARCHAR(20)", Text, Storage::Text),
            ("clob", Text, Storage::Text),
            ("BLOB", Binary, Storage::Bytes),
            ("", Text, Storage::AsGiven),
            ("ANY", Text, Storage::AsGiven),
            ("DOUBLE PRECISION", Text, Storage::Real),
            ("DECIMAL(10,2)", Text, Storage::Numeric),
            ("BOOLEAN", Boolean, Storage::Numeric),
            ("bool", Boolean, Storage::Numeric),
            ("DATETIME", DateTime, Storage::Numeric),
            ("timestamp with time zone", DateTime, Storage::Numeric),
            ("DATE", Text, Storage::Numeric),
        ] {
            assert_eq!(type_of(declared), (kind, storage), "{declared}");
        }
    }

    #[test]
    fn codes_of_the_library_are_kinds_of_errors() {
        for (code, kind) in [
            (ffi::SQLITE_CONSTRAINT_UNIQUE, ErrorKind::AlreadyExists),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ErrorKind::AlreadyExists),
            (ffi::SQLITE_CONSTRAINT_ROWID, ErrorKind::AlreadyExists),
            (ffi::SQLITE_CONSTRAINT_NOTNULL, ErrorKind::Invalid),
            (ffi::SQLITE_CONSTRAINT_CHECK, ErrorKind::Invalid),
            (ffi::SQLITE_CONSTRAINT_FOREIGNKEY, ErrorKind::Invalid),
            (ffi::SQLITE_CONSTRAINT_DATATYPE, ErrorKind::Invalid),
            (ffi::SQLITE_CONSTRAINT_TRIGGER, ErrorKind::Invalid),
            (ffi::SQLITE_MISMATCH, ErrorKind::Invalid),
            (ffi::SQLITE_TOOBIG, ErrorKind::Invalid),
            (ffi::SQLITE_BUSY, ErrorKind::Busy),
            (ffi::SQLITE_BUSY_SNAPSHOT, ErrorKind::Busy),
            (ffi::SQLITE_LOCKED, ErrorKind::Busy),
            (ffi::SQLITE_CANTOPEN, ErrorKind::Unreachable),
            (ffi::SQLITE_CORRUPT, ErrorKind::Unreachable),
            (ffi::SQLITE_NOTADB, ErrorKind::Unreachable),
            (ffi::SQLITE_FULL, ErrorKind::Unreachable),
            (ffi::SQLITE_IOERR_WRITE, ErrorKind::Unreachable),
            (ffi::SQLITE_READONLY, ErrorKind::Forbidden),
            (ffi::SQLITE_AUTH, ErrorKind::Forbidden),
            (ffi::SQLITE_PERM, ErrorKind::Forbidden),
            (ffi::SQLITE_MISUSE, ErrorKind::Internal),
            (ffi::SQLITE_NOMEM, ErrorKind::Internal),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(Error::from(Failure::from(error)).kind(), kind, "{code}");
        }
    }
}
