//! What went wrong, by SQLSTATE, and by the database's own numbers and words where that is too
//! coarse. Numbers are those of the vendors' lists of messages.

use super::{connection_string::Parts, vendor::Vendor, words::Trouble};
use crate::{
    driver::{Failure, Fault, keys::TableKeys, mysql},
    settings::DialectName,
};
use ecma_plugin_sdk::Error;

/// The failure of a statement, perhaps one that writes to a table.
pub(super) fn failure(vendor: Vendor, trouble: &Trouble, keys: Option<&TableKeys>) -> Failure {
    let said = said(&trouble.message);
    let fault = fault(vendor, trouble, said);
    let text = match (vendor.0, keys) {
        (DialectName::Mysql, Some(keys)) => mysql::fault::words(fault, said, keys),
        (_, keys) => words(fault, said, keys),
    };
    Failure::Database(fault, text)
}

/// Why there is no connection; without what the connection string keeps secret.
pub(super) fn not_connected(vendor: Vendor, trouble: &Trouble, parts: &Parts) -> Failure {
    let mut text = said(&trouble.message).to_owned();
    for secret in ["PWD", "PASSWORD"].iter().filter_map(|key| parts.get(key)) {
        if !secret.is_empty() {
            text = text.replace(&secret, "…");
        }
    }
    let state = trouble.state.as_str();
    if state == "IM002" || text.contains("Data source name not found") {
        let text = format!("{text}; look at what `odbcinst -q -s` and `odbcinst -q -d` list");
        return Error::config(text).into();
    }
    if text.contains("Can't open lib") || matches!(state, "IM003" | "IM004" | "IM005") {
        let text = format!("{text}; install that driver, or name one that `odbcinst -q -d` lists");
        return Error::config(text).into();
    }
    // Drivers tell by their words alone that it is the password that was refused.
    let lower = text.to_lowercase();
    let refused = ["authentication failed", "login failed", "access denied", "logon denied"];
    let fault = match fault(vendor, trouble, &text) {
        _ if refused.iter().any(|words| lower.contains(words)) => Fault::Forbidden,
        Fault::Forbidden => Fault::Forbidden,
        _ => Fault::Unreachable,
    };
    Failure::Database(fault, text)
}

/// The message without who passed it on: `[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]`.
fn said(message: &str) -> &str {
    let mut rest = message.trim();
    while let Some(behind) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        rest = behind.1.trim_start();
    }
    // psqlODBC says its own part on a second line.
    let first = rest.split(";\n").next().unwrap_or(rest);
    let first = first.strip_suffix("; Error while executing the query").unwrap_or(first);
    first.trim().trim_end_matches('.')
}

fn fault(vendor: Vendor, trouble: &Trouble, said: &str) -> Fault {
    let (state, native) = (trouble.state.as_str(), trouble.native);
    let known = match vendor.0 {
        DialectName::SqlServer => sql_server(native, said),
        DialectName::Oracle => oracle(native),
        DialectName::Db2 => db2(native, said),
        DialectName::Mysql => {
            u16::try_from(native).ok().filter(|native| *native > 0).map(|native| {
                match lost(native) {
                    true => Fault::Unreachable,
                    false => mysql::fault::fault(native, state),
                }
            })
        }
        DialectName::Sqlite => sqlite(said),
        DialectName::Postgresql | DialectName::Ansi => None,
    };
    known.unwrap_or_else(|| by_state(state, said))
}

/// What the client library of MySQL says of a connection that is not there any more.
fn lost(native: u16) -> bool {
    (2000..2100).contains(&native)
}

/// By SQLSTATE, as the standard, ODBC and PostgreSQL have them.
fn by_state(state: &str, said: &str) -> Fault {
    match state {
        "23505" | "23P01" => Fault::Unique,
        "23502" => Fault::Missing,
        "23503" | "23001" | "23504" => Fault::ForeignKey,
        "23513" | "23514" | "44000" => Fault::Check,
        "22001" => Fault::TooBig,
        "42S22" | "42703" => Fault::UnknownColumn,
        "42S02" | "42P01" | "42883" | "3F000" | "3D000" => Fault::UnknownTable,
        "42501" | "25006" => Fault::Forbidden,
        "40001" | "40P01" => Fault::Deadlock,
        "55P03" | "53300" => Fault::Busy,
        "57014" | "HYT00" => Fault::Timeout,
        "P0002" | "02000" => Fault::NoRow,
        "HYT01" => Fault::Unreachable,
        "P0001" | "45000" => Fault::Trigger,
        state => match state.get(..2).unwrap_or_default() {
            // Which constraint it is, the words may tell.
            "23" => integrity(said),
            "22" => Fault::Type,
            "28" => Fault::Forbidden,
            "40" => Fault::Deadlock,
            "08" | "53" | "57" | "58" => Fault::Unreachable,
            "IM" => Fault::Unreachable,
            _ => Fault::Bug,
        },
    }
}

fn integrity(said: &str) -> Fault {
    let lower = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["unique", "duplicate", "primary key"]) {
        Fault::Unique
    } else if has(&["foreign key", "reference"]) {
        Fault::ForeignKey
    } else if has(&["null"]) {
        Fault::Missing
    } else {
        Fault::Check
    }
}

/// Microsoft's list of database engine errors.
fn sql_server(native: i32, said: &str) -> Option<Fault> {
    Some(match native {
        2627 | 2601 => Fault::Unique,
        515 => Fault::Missing,
        547 if said.contains("CHECK") => Fault::Check,
        547 => Fault::ForeignKey,
        550 => Fault::Check,
        8152 | 2628 => Fault::TooBig,
        241 | 242 | 245 | 248 | 257 | 295 | 206 | 220 | 8114 | 8115 | 8169 => Fault::Type,
        207 => Fault::UnknownColumn,
        208 => Fault::UnknownTable,
        // A deadlock; a row that another transaction changed after the snapshot.
        1205 | 3960 => Fault::Deadlock,
        1222 | 10928 | 10929 | 49918..=49920 | 40501 => Fault::Busy,
        229 | 230 | 262 | 297 | 300 | 3906 | 916 | 4060 | 18452 | 18456 => Fault::Forbidden,
        40197 | 40613 | 10053 | 10054 | 10060 | 233 => Fault::Unreachable,
        // A trigger ended the transaction; what RAISERROR and THROW say.
        3609 => Fault::Trigger,
        native if native >= 50_000 => Fault::Trigger,
        _ => return None,
    })
}

/// Oracle's list of error messages.
fn oracle(native: i32) -> Option<Fault> {
    Some(match native {
        1 => Fault::Unique,
        1400 | 1407 => Fault::Missing,
        2291 | 2292 => Fault::ForeignKey,
        2290 => Fault::Check,
        12899 | 1438 | 1461 => Fault::TooBig,
        1722 | 1830 | 1839..=1862 | 6502 => Fault::Type,
        904 => Fault::UnknownColumn,
        942 => Fault::UnknownTable,
        60 | 8177 => Fault::Deadlock,
        54 | 30_006 | 4021 => Fault::Busy,
        1031 | 1017 | 1045 | 28_000 | 28_001 | 16_000 => Fault::Forbidden,
        3113 | 3114 | 3135 | 1033 | 1034 | 1089 | 12_154 | 12_170 | 12_514 | 12_541 | 12_543 => {
            Fault::Unreachable
        }
        20_000..=20_999 => Fault::Trigger,
        _ => return None,
    })
}

/// SQLCODEs of DB2.
fn db2(native: i32, said: &str) -> Option<Fault> {
    Some(match native {
        -803 => Fault::Unique,
        -407 => Fault::Missing,
        -532..=-530 => Fault::ForeignKey,
        -545 => Fault::Check,
        -302 | -433 => Fault::TooBig,
        -180 | -181 | -420 | -408 => Fault::Type,
        -206 => Fault::UnknownColumn,
        -204 => Fault::UnknownTable,
        // Reason 68 is the end of a wait, 2 a deadlock.
        -911 | -913 if said.contains("\"68\"") => Fault::Busy,
        -911 | -913 => Fault::Deadlock,
        -551 | -552 | -30082 => Fault::Forbidden,
        -438 => Fault::Trigger,
        -30081 | -1224 | -1032 => Fault::Unreachable,
        _ => return None,
    })
}

/// The words of SQLite, whose numbers the driver does not pass on as they are.
fn sqlite(said: &str) -> Option<Fault> {
    let has = |words: &str| said.contains(words);
    Some(if has("UNIQUE constraint failed") {
        Fault::Unique
    } else if has("NOT NULL constraint failed") {
        Fault::Missing
    } else if has("FOREIGN KEY constraint failed") {
        Fault::ForeignKey
    } else if has("CHECK constraint failed") {
        Fault::Check
    } else if has("datatype mismatch") || has("cannot store") {
        Fault::Type
    } else if has("no such table") {
        Fault::UnknownTable
    } else if has("no such column") || has("has no column named") {
        Fault::UnknownColumn
    } else if has("database is locked") || has("table is locked") {
        Fault::Busy
    } else if has("readonly database") || has("not authorized") {
        Fault::Forbidden
    } else if has("unable to open") || has("disk I/O") || has("malformed") || has("is full") {
        Fault::Unreachable
    } else if has("string or blob too big") {
        Fault::TooBig
    } else if said.ends_with("(19)") || said.ends_with("(1811)") {
        // A constraint that is none of these: RAISE in a trigger.
        Fault::Trigger
    } else {
        return None;
    })
}

/// The words, with `table.column` at their end where they tell a column or the key it is in.
fn words(fault: Fault, said: &str, keys: Option<&TableKeys>) -> String {
    // The value that stands there is nobody's business.
    let values = [" The duplicate key value is", " Truncated value: ", "\nDETAIL:"];
    let ends = values.iter().filter_map(|words| said.find(words));
    let said = &said[..ends.min().unwrap_or(said.len())];
    let said = said.trim_end_matches('.');
    // SQLite says it itself, and a number behind it.
    if let Some((words, _)) = said.split_once(" (").filter(|(words, _)| {
        words.contains("UNIQUE constraint failed: ") || words.contains("NULL constraint failed: ")
    }) {
        return words.to_owned();
    }
    let Some(keys) = keys else { return said.to_owned() };
    let column = match fault {
        Fault::Unique => key_in(said, keys),
        Fault::Missing | Fault::TooBig | Fault::Type => column_in(said),
        _ => None,
    };
    match column {
        Some(column) => format!("{said}: {}.{column}", keys.table),
        None => said.to_owned(),
    }
}

/// The first column of the key that the words name, in quotes of some kind or in brackets.
fn key_in<'a>(said: &str, keys: &'a TableKeys) -> Option<&'a str> {
    let names = |key: &str| {
        let inside = [('\'', '\''), ('"', '"'), ('.', ')')];
        inside.iter().any(|(before, behind)| said.contains(&format!("{before}{key}{behind}")))
    };
    let known = keys.columns.iter().find(|(key, _)| names(key));
    known.map(|(_, column)| column.as_str())
}

/// The column in `("HR"."PERSON"."NAME")`, `"HR"."PERSON"."NAME" (actual: …`, `column 'name'` or
/// `column "name"`.
fn column_in(said: &str) -> Option<&str> {
    let whole = said.split_once("\")").or_else(|| said.split_once("\" (actual"));
    if let Some((_, name)) = whole.and_then(|(inner, _)| inner.rsplit_once("\".\"")) {
        return Some(name);
    }
    [("column '", '\''), ("column \"", '"')].iter().find_map(|(before, behind)| {
        let (_, rest) = said.split_once(before)?;
        rest.split_once(*behind).map(|(name, _)| name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(state: &str, native: i32, message: &str) -> Trouble {
        Trouble { state: state.to_owned(), native, message: message.to_owned() }
    }

    fn told(name: DialectName, state: &str, native: i32, message: &str) -> (Fault, String) {
        let columns = [("UQ_login", "login"), ("2", "login"), ("t_login_key", "login")];
        let keys = TableKeys {
            table: "person".to_owned(),
            quoted: "x".to_owned(),
            columns: columns.map(|(key, column)| (key.to_owned(), column.to_owned())).into(),
        };
        match failure(Vendor(name), &trouble(state, native, message), Some(&keys)) {
            Failure::Database(fault, text) => (fault, text),
            Failure::Ours(error) => panic!("{error}"),
        }
    }

    #[test]
    fn vendors_words_are_faults_with_the_column_at_their_end() {
        use DialectName::{Db2, Oracle, Postgresql, SqlServer, Sqlite};
        const DRIVER: &str = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]";
        for (name, state, native, message, fault, text) in [
            (
                SqlServer,
                "23000",
                2627,
                "Violation of UNIQUE KEY constraint 'UQ_login'. Cannot insert duplicate key in \
                 object 'dbo.person'. The duplicate key value is (ada).",
                Fault::Unique,
                "Violation of UNIQUE KEY constraint 'UQ_login'. Cannot insert duplicate key in \
                 object 'dbo.person': person.login",
            ),
            (
                SqlServer,
                "23000",
                515,
                "Cannot insert the value NULL into column 'name', table 'hr.dbo.person'; column \
                 does not allow nulls. INSERT fails.",
                Fault::Missing,
                "Cannot insert the value NULL into column 'name', table 'hr.dbo.person'; column \
                 does not allow nulls. INSERT fails: person.name",
            ),
            (
                SqlServer,
                "22001",
                2628,
                "String or binary data would be truncated in table 'hr.dbo.person', column 'name'. \
                 Truncated value: 'Ada'.",
                Fault::TooBig,
                "String or binary data would be truncated in table 'hr.dbo.person', column 'name': \
                 person.name",
            ),
            (
                Oracle,
                "23000",
                1,
                "ORA-00001: unique constraint (HR.UQ_login) violated",
                Fault::Unique,
                "ORA-00001: unique constraint (HR.UQ_login) violated: person.login",
            ),
            (
                Oracle,
                "23000",
                1400,
                "ORA-01400: cannot insert NULL into (\"HR\".\"person\".\"name\")",
                Fault::Missing,
                "ORA-01400: cannot insert NULL into (\"HR\".\"person\".\"name\"): person.name",
            ),
            (
                Oracle,
                "HY000",
                12899,
                "ORA-12899: value too large for column \"HR\".\"person\".\"name\" (actual: 9, \
                 maximum: 5)",
                Fault::TooBig,
                "ORA-12899: value too large for column \"HR\".\"person\".\"name\" (actual: 9, \
                 maximum: 5): person.name",
            ),
            (
                Db2,
                "23505",
                -803,
                "SQL0803N  One or more values are not valid because the index identified by \"2\" \
                 constrains table \"HR.PERSON\". SQLSTATE=23505",
                Fault::Unique,
                "SQL0803N  One or more values are not valid because the index identified by \"2\" \
                 constrains table \"HR.PERSON\". SQLSTATE=23505: person.login",
            ),
            (
                Postgresql,
                "23505",
                1,
                "ERROR: duplicate key value violates unique constraint \"t_login_key\";\nError \
                 while executing the query",
                Fault::Unique,
                "ERROR: duplicate key value violates unique constraint \"t_login_key\": \
                 person.login",
            ),
            (
                Sqlite,
                "HY000",
                19,
                "[SQLite]UNIQUE constraint failed: person.login (19)",
                Fault::Unique,
                "UNIQUE constraint failed: person.login",
            ),
        ] {
            let whole = match name {
                SqlServer => format!("{DRIVER}{message}"),
                _ => message.to_owned(),
            };
            assert_eq!(told(name, state, native, &whole), (fault, text.to_owned()), "{message}");
        }
    }

    #[test]
    fn numbers_of_vendors_are_kinds_of_faults() {
        use DialectName::{Ansi, Db2, Mysql, Oracle, SqlServer};
        for (name, state, native, words, meant) in [
            (SqlServer, "23000", 547, "conflicted with the CHECK constraint", Fault::Check),
            (SqlServer, "23000", 547, "the FOREIGN KEY constraint", Fault::ForeignKey),
            (SqlServer, "23000", 547, "the REFERENCE constraint", Fault::ForeignKey),
            (SqlServer, "22001", 8152, "", Fault::TooBig),
            (SqlServer, "40001", 1205, "", Fault::Deadlock),
            (SqlServer, "HYT00", 1222, "", Fault::Busy),
            (SqlServer, "42000", 229, "", Fault::Forbidden),
            (SqlServer, "42S02", 208, "", Fault::UnknownTable),
            (SqlServer, "42S22", 207, "", Fault::UnknownColumn),
            (SqlServer, "42000", 50_000, "no", Fault::Trigger),
            (SqlServer, "08S01", 0, "", Fault::Unreachable),
            (SqlServer, "42000", 102, "syntax", Fault::Bug),
            (Oracle, "23000", 2291, "", Fault::ForeignKey),
            (Oracle, "23000", 2290, "", Fault::Check),
            (Oracle, "HY000", 60, "", Fault::Deadlock),
            (Oracle, "HY000", 54, "", Fault::Busy),
            (Oracle, "42000", 1031, "", Fault::Forbidden),
            (Oracle, "42S02", 942, "", Fault::UnknownTable),
            (Oracle, "42S22", 904, "", Fault::UnknownColumn),
            (Oracle, "HY000", 20_001, "", Fault::Trigger),
            (Oracle, "08004", 12_541, "", Fault::Unreachable),
            (Oracle, "28000", 1017, "", Fault::Forbidden),
            (Db2, "23502", -407, "", Fault::Missing),
            (Db2, "23503", -530, "", Fault::ForeignKey),
            (Db2, "23513", -545, "", Fault::Check),
            (Db2, "22001", -433, "", Fault::TooBig),
            (Db2, "40001", -911, "Reason code \"2\"", Fault::Deadlock),
            (Db2, "40001", -911, "Reason code \"68\"", Fault::Busy),
            (Db2, "42501", -551, "", Fault::Forbidden),
            (Db2, "42704", -204, "", Fault::UnknownTable),
            (Db2, "42703", -206, "", Fault::UnknownColumn),
            (Db2, "75000", -438, "", Fault::Trigger),
            (Db2, "08001", -30081, "", Fault::Unreachable),
            (Mysql, "08S01", 2013, "", Fault::Unreachable),
            (Mysql, "23000", 1062, "", Fault::Unique),
            (Ansi, "23000", 0, "UNIQUE constraint", Fault::Unique),
            (Ansi, "23000", 0, "may not be NULL", Fault::Missing),
            (Ansi, "HYT00", 0, "", Fault::Timeout),
            (Ansi, "08003", 0, "", Fault::Unreachable),
        ] {
            let trouble = trouble(state, native, words);
            assert_eq!(fault(Vendor(name), &trouble, words), meant, "{name:?} {native} {state}");
        }
    }
}
