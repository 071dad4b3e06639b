//! What went wrong, by the codes of SQLite.

use crate::driver::{Failure, Fault};
use rusqlite::ffi::{self, ErrorCode};

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
        (ErrorCode::OperationInterrupted, _) => Fault::Timeout,
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
    use ecma_plugin_sdk::{Error, ErrorKind};

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
            (ffi::SQLITE_INTERRUPT, ErrorKind::Timeout),
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
