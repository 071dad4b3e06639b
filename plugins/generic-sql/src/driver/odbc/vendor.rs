//! What differs from database to database behind ODBC, but for SQL: how it is recognized, what a
//! session and a transaction begin with, and which driver has to be told not to keep whole results.

use super::connection_string::Parts;
use crate::{
    dialect::{self, Dialect},
    driver::{Fault, Purpose},
    settings::DialectName,
};

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vendor(pub(super) DialectName);

/// The last words in a name decide nothing; the first that fits is it.
const SYSTEMS: [(&str, DialectName); 7] = [
    ("sql server", DialectName::SqlServer),
    ("oracle", DialectName::Oracle),
    ("db2", DialectName::Db2),
    ("mariadb", DialectName::Mysql),
    ("mysql", DialectName::Mysql),
    ("postgres", DialectName::Postgresql),
    ("sqlite", DialectName::Sqlite),
];

impl Vendor {
    /// One that nobody here knows.
    pub(super) const UNKNOWN: Vendor = Vendor(DialectName::Ansi);

    /// The one whose name a driver or the database itself says.
    pub(super) fn named(text: &str) -> Option<Vendor> {
        let text = text.to_lowercase();
        let known = SYSTEMS.iter().find(|(word, _)| text.contains(word));
        known.map(|(_, name)| Vendor(*name))
    }

    /// What the driver's name in a connection string says.
    pub(super) fn guess(parts: &Parts) -> Option<Vendor> {
        let driver = parts.get("Driver")?.to_lowercase();
        let files = [
            ("psqlodbc", DialectName::Postgresql),
            ("maodbc", DialectName::Mysql),
            ("myodbc", DialectName::Mysql),
            ("msodbcsql", DialectName::SqlServer),
        ];
        let known = files.iter().find(|(word, _)| driver.contains(word));
        known.map(|(_, name)| Vendor(*name)).or_else(|| Vendor::named(&driver))
    }

    pub(super) fn dialect(self) -> &'static dyn Dialect {
        match self.0 {
            DialectName::Ansi => dialect::ANSI,
            DialectName::SqlServer => dialect::SQL_SERVER,
            DialectName::Oracle => dialect::ORACLE,
            DialectName::Db2 => dialect::DB2,
            DialectName::Mysql => dialect::MYSQL,
            DialectName::Postgresql => dialect::POSTGRES_BY_ODBC,
            DialectName::Sqlite => dialect::SQLITE_BY_ODBC,
        }
    }

    /// Tells the driver to hand rows over while they come, unless the operator said something
    /// about it. Whether anything was said now.
    pub(super) fn save_memory(self, parts: &mut Parts) -> bool {
        let before = parts.clone();
        match self.0 {
            DialectName::Postgresql => {
                parts.suggest("UseDeclareFetch", "1");
                parts.suggest("Fetch", "1000");
                // What is undone after an error is our affair.
                parts.suggest("Protocol", "7.4-0");
            }
            // Rows found and not rows changed, no cache, forward only.
            DialectName::Mysql => parts.suggest("OPTION", "3145730"),
            _ => {}
        }
        *parts != before
    }

    /// A statement that any account may run.
    pub(super) fn ping(self) -> Option<&'static str> {
        match self.0 {
            DialectName::Ansi => None,
            DialectName::Oracle => Some("SELECT 1 FROM DUAL"),
            DialectName::Db2 => Some("SELECT 1 FROM SYSIBM.SYSDUMMY1"),
            _ => Some("SELECT 1"),
        }
    }

    /// What a session begins with: points in time are in UTC and written as we write them, nobody
    /// waits for a lock longer than this, and no statement takes longer than `limit`.
    pub(super) fn session(self, seconds: u32, limit: u32) -> Vec<String> {
        let texts: &[&str] = match self.0 {
            DialectName::Ansi => &[],
            DialectName::SqlServer => {
                &["SET DATEFORMAT ymd", "SET XACT_ABORT OFF", "SET ANSI_WARNINGS ON"]
            }
            DialectName::Oracle => &[
                "ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS'",
                "ALTER SESSION SET NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF'",
                "ALTER SESSION SET NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM'",
                "ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,'",
                "ALTER SESSION SET TIME_ZONE = '+00:00'",
            ],
            DialectName::Db2 => &[],
            DialectName::Mysql => &["SET time_zone = '+00:00', lc_messages = 'en_US', \
                 sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
                 ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"],
            DialectName::Postgresql => &[
                "SET TimeZone = 'UTC'",
                "SET DateStyle = 'ISO, YMD'",
                "SET IntervalStyle = 'iso_8601'",
                "SET standard_conforming_strings = on",
            ],
            DialectName::Sqlite => &["PRAGMA foreign_keys = ON"],
        };
        let waits = match self.0 {
            DialectName::SqlServer => {
                Some(format!("SET LOCK_TIMEOUT {}", u64::from(seconds) * 1000))
            }
            DialectName::Db2 => Some(format!("SET CURRENT LOCK TIMEOUT {seconds}")),
            DialectName::Mysql => {
                let seconds = seconds.max(1);
                Some(format!(
                    "SET innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"
                ))
            }
            DialectName::Postgresql => Some(format!("SET lock_timeout = '{seconds}s'")),
            DialectName::Sqlite => {
                Some(format!("PRAGMA busy_timeout = {}", u64::from(seconds) * 1000))
            }
            // An INSERT or UPDATE of Oracle waits for good.
            DialectName::Ansi | DialectName::Oracle => None,
        };
        let limit = match self.0 {
            _ if limit == 0 => None,
            DialectName::Postgresql => Some(format!("SET statement_timeout = '{limit}s'")),
            // MySQL passes over what stands there for MariaDB.
            DialectName::Mysql => Some(format!(
                "SET /*M! max_statement_time = {limit}, */ /*!50708 \
                 max_execution_time = {}, */ @ecma_limited = 1",
                u64::from(limit) * 1000
            )),
            // The companion tells the driver.
            _ => None,
        };
        texts.iter().map(|text| (*text).to_owned()).chain(waits).chain(limit).collect()
    }

    /// What is said before a transaction begins.
    pub(super) fn before(self, purpose: Purpose) -> &'static [&'static str] {
        match (self.0, purpose) {
            // A snapshot where the database keeps such; without one, a repeatable read would lock
            // all that is read until the import ends.
            (DialectName::SqlServer, Purpose::Read) => {
                &["IF (SELECT snapshot_isolation_state FROM sys.databases \
                 WHERE database_id = DB_ID()) = 1 \
                 SET TRANSACTION ISOLATION LEVEL SNAPSHOT \
                 ELSE SET TRANSACTION ISOLATION LEVEL READ COMMITTED"]
            }
            (DialectName::SqlServer, Purpose::Write) => {
                &["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"]
            }
            (DialectName::Mysql, Purpose::Read) => {
                &["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"]
            }
            _ => &[],
        }
    }

    /// What a transaction begins with.
    pub(super) fn after(self, purpose: Purpose) -> &'static [&'static str] {
        match (self.0, purpose) {
            (DialectName::Postgresql, Purpose::Read) => {
                &["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"]
            }
            (DialectName::Mysql, Purpose::Read) => {
                &["START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"]
            }
            (DialectName::Oracle, Purpose::Read) => &["SET TRANSACTION READ ONLY"],
            _ => &[],
        }
    }

    /// Whether the database has ended the whole transaction: for the sake of another one, or because
    /// a trigger rolled back.
    pub(super) fn ended_all(self, fault: Fault, native: i32) -> bool {
        match self.0 {
            DialectName::SqlServer => fault == Fault::Deadlock || native == 3609,
            DialectName::Db2 | DialectName::Mysql => fault == Fault::Deadlock,
            _ => false,
        }
    }

    /// The statement that answers the number that the last row of this session got.
    pub(super) fn last_number(self) -> Option<&'static str> {
        match self.0 {
            DialectName::Mysql => Some("SELECT LAST_INSERT_ID()"),
            DialectName::Sqlite => Some("SELECT last_insert_rowid()"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_recognized_by_what_their_drivers_say() {
        for (system, name) in [
            ("Microsoft SQL Server", Some(DialectName::SqlServer)),
            ("SQL Server", Some(DialectName::SqlServer)),
            ("Oracle", Some(DialectName::Oracle)),
            ("DB2/LINUXX8664", Some(DialectName::Db2)),
            ("MariaDB", Some(DialectName::Mysql)),
            ("MySQL", Some(DialectName::Mysql)),
            ("PostgreSQL", Some(DialectName::Postgresql)),
            ("SQLite", Some(DialectName::Sqlite)),
            ("Adaptive Server Anywhere", None),
        ] {
            assert_eq!(Vendor::named(system).map(|vendor| vendor.0), name, "{system}");
        }
    }
}
