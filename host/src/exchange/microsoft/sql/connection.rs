//! How Microsoft's SQL connector reaches its database, an ODBC file of settings, said as ours wants it.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Draft, Source, missing_secret};
use crate::config::SealingKey;

const FROM: &str = "DSN File";
/// What a comment may show of a connection; all else may be a secret.
const SHOWN: [&str; 6] = ["driver", "server", "servername", "database", "port", "dsn"];

pub(super) fn convert(source: &Source<'_>, key: &SealingKey, draft: &mut Draft) {
    draft.set("driver", "odbc", "ODBC is what that connector uses");
    let written = source.take(FROM).unwrap_or_default();
    let content = content(written);
    match &content {
        Some(text) => {
            let connection = connection_string(text);
            let (place, shown) = ("values.connection_string", shown(&connection));
            match key.seal(&connection) {
                Ok(sealed) => {
                    draft.set("connection_string", sealed, &format!("{FROM}: {shown}"));
                    let what = format!(
                        "is what the {FROM} says, sealed since a password may stand in it: {shown}"
                    );
                    draft.report.changed(place, what, "install that ODBC driver here");
                }
                Err(error) => draft.report.missing(
                    place,
                    format!("the {FROM} cannot be sealed: {error}"),
                    "mend the sealing key and import again",
                ),
            }
        }
        None => {
            let base = written.rsplit(['\\', '/']).next().unwrap_or_default();
            let is_name = base.to_ascii_lowercase().ends_with(".dsn");
            let file = if is_name { base.to_owned() } else { format!("{}.dsn", source.name) };
            draft.set("dsn_file", file.as_str(), FROM);
            let what = match is_name {
                true => format!("the {FROM} is {written} there"),
                false => format!("the configuration does not have the {FROM}"),
            };
            let remedy = format!(
                "put it into this host's home as {file}, in UTF-8, and install its ODBC driver here"
            );
            draft.report.missing("values.dsn_file", what, remedy);
        }
    }
    native(content.as_deref().unwrap_or_default(), draft);
    log_in(source, draft);
}

/// The file's content, when the configuration has that and not its name. The host keeps it as text or
/// in base64.
fn content(written: &str) -> Option<String> {
    let is_content = |text: &str| text.contains('=') && (text.contains('[') || text.contains(';'));
    if is_content(written) {
        return Some(written.to_owned());
    }
    let bytes = STANDARD.decode(written).ok()?;
    Some(String::from_utf8(bytes).ok()?).filter(|text| is_content(text))
}

/// Lines `KEY=value` below `[ODBC]`, as a connection string; such a string stays as it is.
fn connection_string(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    if lines().count() == 1 && !text.trim_start().starts_with('[') {
        return text.trim().to_owned();
    }
    let pairs = lines().filter(|line| !line.starts_with(['[', ';', '#']));
    let pairs = pairs.filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| format!("{}={};", key.trim(), quoted(key, value.trim()))).collect()
}

fn quoted(key: &str, value: &str) -> String {
    let is_quoted = value.starts_with('{') && value.ends_with('}');
    let odd = value.contains([';', '{', '}']) || key.trim().eq_ignore_ascii_case("driver");
    match odd && !is_quoted {
        true => format!("{{{}}}", value.replace('}', "}}")),
        false => value.to_owned(),
    }
}

fn shown(connection: &str) -> String {
    let pairs = connection.split(';').filter_map(|pair| pair.split_once('='));
    let shown =
        pairs.filter(|(key, _)| SHOWN.iter().any(|known| known.eq_ignore_ascii_case(key.trim())));
    shown
        .map(|(key, value)| format!("{}={}", key.trim(), value.trim()))
        .collect::<Vec<_>>()
        .join("; ")
}

/// Our own drivers need nothing to be installed.
fn native(content: &str, draft: &mut Draft) {
    let content = content.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| content.contains(word));
    let what = match () {
        () if has(&["postgres", "psqlodbc"]) => "this plugin reaches PostgreSQL without ODBC",
        () if has(&["mysql", "maria"]) => "this plugin reaches MySQL and MariaDB without ODBC",
        () if has(&["sql server", "sqlsrv", "oracle", "db2"]) => return,
        () => "this plugin reaches PostgreSQL, MySQL, MariaDB and SQLite without ODBC",
    };
    let remedy = "driver = \"postgresql\", \"mysql\" or \"sqlite\" needs nothing to be installed";
    draft.report.note("values.driver", what, remedy);
}

fn log_in(source: &Source<'_>, draft: &mut Draft) {
    let user = source.take("User Name");
    if let Some(user) = user {
        draft.take("user", user, "User Name");
        if user.contains('\\') {
            draft.report.changed(
                "values.user",
                "is an account of Windows",
                "use a log-in of the database, or Kerberos as the driver's documentation says",
            );
        }
    }
    let password = source.parameters.find("Password");
    if user.is_some() || password.is_some_and(|password| password.is_given) {
        missing_secret("password", "Password", draft);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsn_file_is_a_connection_string() {
        for (text, expected) in [
            (
                "[ODBC]\r\nDRIVER=ODBC Driver 18 for SQL Server\r\n; note\r\nUID=sa\nPWD=a;b}c\n",
                "DRIVER={ODBC Driver 18 for SQL Server};UID=sa;PWD={a;b}}c};",
            ),
            ("Driver={PostgreSQL Unicode};Server=db", "Driver={PostgreSQL Unicode};Server=db"),
            ("[ODBC]\nDRIVER={A B}\n", "DRIVER={A B};"),
        ] {
            assert_eq!(connection_string(&content(text).unwrap()), expected);
            assert_eq!(connection_string(&content(&STANDARD.encode(text)).unwrap()), expected);
        }
        for name in ["", "<data present>", "C:\\ODBC\\hr.dsn", "hr.dsn"] {
            assert_eq!(content(name), None, "{name}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = shown("Driver={X};Server=db;UID=sa;PWD=s3cret;AccessToken=t");
        assert_eq!(shown, "Driver={X}; Server=db");
    }
}
