//! Connection strings: taken apart, with a user and a password put in, and written again.
//!
//! ODBC's rule: `KEY=value;KEY={any value}`, where `}` inside of braces is doubled, and the first of
//! two equal keys counts. A value that was given is passed on as it is written.

use crate::{driver::Failure, settings::Settings};
use ecma_plugin_sdk::Error;
use std::{fs, path::Path};

/// A connection string in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts(Vec<(String, String)>);

impl Parts {
    /// What the settings say.
    pub(super) fn of(settings: &Settings) -> Result<Parts, Failure> {
        let mut parts = match (&settings.connection_string, &settings.dsn, &settings.dsn_file) {
            (Some(text), ..) => parse(text.expose())
                .map_err(|reason| Error::config(format!("connection_string {reason}")))?,
            (None, Some(name), _) => Parts(vec![("DSN".to_owned(), passed_on(name))]),
            (None, None, Some(path)) => file(path)?,
            (None, None, None) => return Err(Error::config("connection_string is missing").into()),
        };
        if let Some(user) = &settings.user {
            parts.set("UID", &["UID", "USER", "USERNAME"], quote(user));
        }
        if let Some(password) = &settings.password {
            parts.set("PWD", &["PWD", "PASSWORD"], quote(password.expose()));
        }
        Ok(parts)
    }

    /// The value of a key, without braces.
    pub(super) fn get(&self, key: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(key))?;
        let inner = value.strip_prefix('{').and_then(|value| value.strip_suffix('}'));
        Some(inner.map_or_else(|| value.clone(), |inner| inner.replace("}}", "}")))
    }

    /// Puts a value in unless the key is there.
    pub(super) fn suggest(&mut self, key: &str, value: &str) {
        if self.get(key).is_none() {
            self.0.push((key.to_owned(), value.to_owned()));
        }
    }

    fn set(&mut self, key: &str, names: &[&str], value: String) {
        let is_one = |known: &str| names.iter().any(|name| name.eq_ignore_ascii_case(known));
        self.0.retain(|(known, _)| !is_one(known));
        self.0.push((key.to_owned(), value));
    }

    pub(super) fn text(&self) -> String {
        let parts = self.0.iter().map(|(key, value)| format!("{key}={value};"));
        parts.collect()
    }
}

/// A value as it stands in a connection string. More is put into braces than ODBC asks for: some
/// drivers read `+` and `%` as signs of their own elsewhere.
fn quote(value: &str) -> String {
    match value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        true => value.to_owned(),
        false => format!("{{{}}}", value.replace('}', "}}")),
    }
}

/// A value that an operator wrote where it ends by itself: in braces only when it has to be.
fn passed_on(value: &str) -> String {
    let whole = value.starts_with('{') && end_of_braces(value) == Some(value.len());
    match whole || !value.contains([';', '{', '}']) {
        true => value.to_owned(),
        false => quote(value),
    }
}

/// Takes a connection string apart; the reason never has a value in it.
fn parse(text: &str) -> Result<Parts, String> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches([';', ' ', '\t', '\r', '\n']);
    while !rest.is_empty() {
        let number = parts.len() + 1;
        let (key, value) =
            rest.split_once('=').ok_or_else(|| format!("has no \"=\" in its part {number}"))?;
        let value = value.trim_start();
        let end = match value.starts_with('{') {
            true => end_of_braces(value)
                .ok_or_else(|| format!("has no end of the braces in its part {number}"))?,
            false => value.find(';').unwrap_or(value.len()),
        };
        parts.push((key.trim().to_owned(), value[..end].trim_end().to_owned()));
        rest = &value[end..];
        let behind = rest.trim_start();
        if !behind.is_empty() && !behind.starts_with(';') {
            return Err(format!("has something behind the braces of its part {number}"));
        }
        rest = behind.trim_start_matches([';', ' ', '\t', '\r', '\n']);
    }
    match parts.is_empty() {
        true => Err("is empty".to_owned()),
        false => Ok(Parts(parts)),
    }
}

/// Where a value in braces ends.
fn end_of_braces(value: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += value[at..].find('}')? + 1;
        match value[at..].starts_with('}') {
            true => at += 1,
            false => return Some(at),
        }
    }
}

/// Reads a file with a data source: lines `KEY=value` below `[ODBC]`.
fn file(path: &Path) -> Result<Parts, Failure> {
    let shown = path.display();
    let bytes =
        fs::read(path).map_err(|error| Error::config(format!("dsn_file {shown}: {error}")))?;
    // In UTF-16 each plain letter has a zero beside it.
    let zero = bytes.iter().position(|byte| *byte == 0);
    let text = String::from_utf8(bytes);
    let wrong = text.as_ref().err().map(|error| error.utf8_error().valid_up_to());
    let (None, None, Ok(text)) = (zero, wrong, text) else {
        let at = zero.into_iter().chain(wrong).min().unwrap_or_default();
        let text = format!(
            "dsn_file {shown} is not in UTF-8, first at byte {at}; save it in that encoding"
        );
        return Err(Error::config(text).into());
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut parts = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with([';', '#', '[']) {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            let text = format!("dsn_file {shown} has a line without \"=\"");
            return Err(Error::config(text).into());
        };
        parts.push((key.trim().to_owned(), passed_on(value.trim())));
    }
    match parts.is_empty() {
        true => Err(Error::config(format!("dsn_file {shown} has no data source")).into()),
        false => Ok(Parts(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        parse(text).expect("it is sound").0
    }

    #[test]
    fn parts_are_found_whatever_stands_in_braces() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        for (text, expected) in [
            ("Driver=x;UID=a", vec![pair("Driver", "x"), pair("UID", "a")]),
            (" Driver = {a;b}}c=} ; ;UID=", vec![pair("Driver", "{a;b}}c=}"), pair("UID", "")]),
            ("DSN=x;", vec![pair("DSN", "x")]),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
        for (text, reason) in [
            ("", "is empty"),
            ("Driver", "has no \"=\" in its part 1"),
            ("a=1;PWD={secret", "has no end of the braces in its part 2"),
            ("PWD={secret}x;a=1", "has something behind the braces of its part 1"),
        ] {
            assert_eq!(parse(text).err().as_deref(), Some(reason), "{text}");
        }
    }

    #[test]
    fn what_is_put_in_is_read_back_and_goes_before_what_was_there() {
        for value in ["plain", "a;b", "{", "}", "}}", "a={b};c", " x ", "ü+%20", ""] {
            let mut parts = parse("Driver=x;pwd=old;Password=older").expect("it is sound");
            parts.set("PWD", &["PWD", "PASSWORD"], quote(value));
            let again = parse(&parts.text()).expect("it is sound");
            assert_eq!(again, parts);
            assert_eq!(again.get("pwd").as_deref(), Some(value));
            assert_eq!(again.0.len(), 2);
        }
    }

    #[test]
    fn a_suggestion_leaves_what_the_operator_said() {
        let mut parts = parse("driver={A};usedeclarefetch=0").expect("it is sound");
        parts.suggest("UseDeclareFetch", "1");
        parts.suggest("Fetch", "1000");
        assert_eq!(parts.text(), "driver={A};usedeclarefetch=0;Fetch=1000;");
    }

    #[test]
    fn a_file_is_read_line_by_line() {
        let folder = ecma_plugin_sdk::testkit::temp_dir();
        let path = folder.path().join("hr.dsn");
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("it can be written");
            file(&path).map_err(|failure| Error::from(failure).message().to_owned())
        };
        let parts =
            read(b"\xef\xbb\xbf[ODBC]\r\n; why\r\nDRIVER = {A B}\r\nUID=a;b\r\nX=y,1=2\r\n");
        assert_eq!(parts.expect("it is sound").text(), "DRIVER={A B};UID={a;b};X=y,1=2;");
        let wide: Vec<u8> = "[ODBC]".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let wide = [b"\xff\xfe".as_slice(), &wide].concat();
        let error = read(&wide).expect_err("it is UTF-16");
        assert!(error.contains("hr.dsn is not in UTF-8, first at byte 0"), "{error}");
        let error = read(b"[\0O\0D\0").expect_err("it is UTF-16 without a mark");
        assert!(error.contains("hr.dsn is not in UTF-8, first at byte 1"), "{error}");
        assert!(read(b"[ODBC]\n").is_err() && read(b"[ODBC]\nx\n").is_err());
    }
}
