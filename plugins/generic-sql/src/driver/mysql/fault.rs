//! What went wrong, by the numbers and the words of the server.

use crate::driver::{Failure, Fault, keys::TableKeys};
use mysql_async::{DriverError, Error, IoError};

/// The failure that an error is, of a statement that writes to a table.
pub(super) fn failure(error: &Error, keys: Option<&TableKeys>) -> Failure {
    match error {
        Error::Server(said) => {
            let fault = fault(said.code, &said.state);
            let text = match keys {
                Some(keys) => words(fault, &said.message, keys),
                None => said.message.clone(),
            };
            Failure::Database(fault, text)
        }
        Error::Driver(DriverError::PacketTooLarge) => {
            Failure::Database(Fault::TooBig, error.to_string())
        }
        Error::Io(IoError::Io(error)) => Failure::Database(Fault::Unreachable, error.to_string()),
        Error::Io(IoError::Tls(error)) => {
            Failure::Database(Fault::Unreachable, format!("TLS: {error}"))
        }
        Error::Driver(
            DriverError::MixedParams
            | DriverError::Params(_)
            | DriverError::StmtParamsMismatch { .. }
            | DriverError::StmtParamsNumberExceedsLimit { .. },
        )
        | Error::Url(_) => Failure::Database(Fault::Bug, error.to_string()),
        Error::Driver(error) => Failure::Database(Fault::Unreachable, error.to_string()),
        Error::Other(error) => Failure::Database(Fault::Unreachable, error.to_string()),
    }
}

/// The server's words, with the column as every driver names it.
pub(in crate::driver) fn words(fault: Fault, message: &str, keys: &TableKeys) -> String {
    let table = &keys.table;
    match fault {
        // The value that stands in the message is nobody's business.
        Fault::Unique => match key_of(message, table) {
            Some(key) => match keys.columns.get(key) {
                Some(column) => format!("Duplicate entry for key '{key}': {table}.{column}"),
                None => format!("Duplicate entry for key '{key}'"),
            },
            None => message.to_owned(),
        },
        Fault::Missing | Fault::Type | Fault::TooBig => match column_of(message) {
            Some(column) => format!("{message}: {table}.{column}"),
            None => message.to_owned(),
        },
        _ => message.to_owned(),
    }
}

/// The key in `Duplicate entry 'ada' for key 'login'`, or `'person.login'` as newer servers say.
fn key_of<'a>(message: &'a str, table: &str) -> Option<&'a str> {
    let (_, key) = message.rsplit_once(" for key '")?;
    let key = key.strip_suffix('\'')?;
    let whole = key.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'));
    Some(whole.unwrap_or(key))
}

/// The column in `Column 'name' cannot be null`, `Field 'name' doesn't have a default value`,
/// `Data too long for column 'name' at row 1`, or ``for column `hr`.`person`.`name` at row 1``.
fn column_of(message: &str) -> Option<&str> {
    if let Some((_, rest)) = message.rsplit_once(" for column ") {
        let (name, _) = rest.rsplit_once(" at row ")?;
        return match name.strip_suffix('`') {
            Some(name) => name.rsplit_once('`').map(|(_, name)| name),
            None => name.strip_prefix('\'')?.strip_suffix('\''),
        };
    }
    let rest = message.strip_prefix("Column '").or_else(|| message.strip_prefix("Field '"))?;
    rest.split_once("' ").map(|(name, _)| name)
}

/// What a number means: MySQL's and MariaDB's lists of error codes.
pub(in crate::driver) fn fault(code: u16, state: &str) -> Fault {
    match code {
        1062 | 1586 | 1859 => Fault::Unique,
        1048 | 1364 => Fault::Missing,
        4025 | 3819 => Fault::Check,
        1216 | 1217 | 1451 | 1452 => Fault::ForeignKey,
        1406 | 1153 | 1301 => Fault::TooBig,
        1264 | 1265 | 1267 | 1292 | 1366 | 1411 | 1416 | 3140 => Fault::Type,
        1054 => Fault::UnknownColumn,
        1146 | 1049 | 1305 => Fault::UnknownTable,
        // SIGNAL SQLSTATE '02000'
        1643 => Fault::NoRow,
        1044 | 1045 | 1142 | 1143 | 1227 | 1290 | 1698 | 1792 | 1820 | 1836 => Fault::Forbidden,
        1040 | 1203 | 1205 | 1226 | 1317 | 1461 => Fault::Busy,
        1969 | 3024 => Fault::Timeout,
        // A deadlock, a row that another transaction changed, too many locks: the transaction ends.
        1213 | 1020 | 1206 => Fault::Deadlock,
        1053 | 1077..=1080 | 1129 | 1130 | 1152 | 1158..=1161 | 1184 | 1927 | 3169 | 4031 => {
            Fault::Unreachable
        }
        1644 => Fault::Trigger,
        _ => match state {
            "45000" => Fault::Trigger,
            _ => match state.get(..2).unwrap_or_default() {
                "08" => Fault::Unreachable,
                "22" => Fault::Type,
                "23" => Fault::Check,
                "28" => Fault::Forbidden,
                "40" => Fault::Deadlock,
                _ => Fault::Bug,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::keys::Keys;

    fn keys() -> TableKeys {
        let columns = [("PRIMARY", "id"), ("by_login", "login")];
        TableKeys {
            table: "person".to_owned(),
            quoted: "`hr`.`person`".to_owned(),
            columns: columns.map(|(key, column)| (key.to_owned(), column.to_owned())).into(),
        }
    }

    #[test]
    fn the_column_stands_at_the_end_of_the_words() {
        for (fault, message, expected) in [
            (
                Fault::Unique,
                "Duplicate entry 'ada' for key 'by_login'",
                "Duplicate entry for key 'by_login': person.login",
            ),
            (
                Fault::Unique,
                "Duplicate entry ' for key 'x'' for key 'person.PRIMARY'",
                "Duplicate entry for key 'PRIMARY': person.id",
            ),
            (Fault::Unique, "Duplicate entry '1' for key 'gone'", "Duplicate entry for key 'gone'"),
            (
                Fault::Missing,
                "Column 'name' cannot be null",
                "Column 'name' cannot be null: person.name",
            ),
            (
                Fault::Missing,
                "Field 'name' doesn't have a default value",
                "Field 'name' doesn't have a default value: person.name",
            ),
            (
                Fault::TooBig,
                "Data too long for column 'login' at row 1",
                "Data too long for column 'login' at row 1: person.login",
            ),
            (
                Fault::Type,
                "Incorrect integer value: ' for column 'x' at row 1' for column `hr`.`person`.`age` at row 1",
                "Incorrect integer value: ' for column 'x' at row 1' for column `hr`.`person`.`age` at row 1: person.age",
            ),
            (
                Fault::Check,
                "Check constraint 'c' is violated.",
                "Check constraint 'c' is violated.",
            ),
        ] {
            assert_eq!(words(fault, message, &keys()), expected);
        }
    }

    #[test]
    fn the_table_of_a_statement_is_known() {
        let all = Keys(vec![keys()]);
        for (sql, known) in [
            ("INSERT INTO `hr`.`person` (`id`) VALUES (?)", true),
            ("UPDATE `hr`.`person` SET `id` = ?", true),
            ("INSERT INTO `hr`.`person``s` () VALUES ()", false),
            ("DELETE FROM `hr`.`person` WHERE `id` = ?", false),
        ] {
            assert_eq!(all.of(sql).is_some(), known, "{sql}");
        }
    }

    #[test]
    fn codes_are_kinds_of_faults() {
        for (code, state, meant) in [
            (1062, "23000", Fault::Unique),
            (1048, "23000", Fault::Missing),
            (1364, "HY000", Fault::Missing),
            (4025, "23000", Fault::Check),
            (3819, "HY000", Fault::Check),
            (1452, "23000", Fault::ForeignKey),
            (1406, "22001", Fault::TooBig),
            (1366, "22007", Fault::Type),
            (1054, "42S22", Fault::UnknownColumn),
            (1146, "42S02", Fault::UnknownTable),
            (1045, "28000", Fault::Forbidden),
            (1205, "HY000", Fault::Busy),
            (1969, "70100", Fault::Timeout),
            (3024, "HY000", Fault::Timeout),
            (1213, "40001", Fault::Deadlock),
            (1644, "45000", Fault::Trigger),
            (9999, "45000", Fault::Trigger),
            (1927, "70100", Fault::Unreachable),
            (1064, "42000", Fault::Bug),
        ] {
            assert_eq!(fault(code, state), meant, "{code}");
        }
    }
}
