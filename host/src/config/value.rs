//! The value of a plugin's parameter: given in the document, or a reference to where it is.
//!
//! Which parameters are secret only the plugin knows, so a reference is allowed for any of them and
//! is resolved only when asked for.

use std::{
    fmt, fs,
    io::{self, Read},
    path::Path,
};

use super::{sealing::SealingKey, secrets::Secret};

/// What the text of a sealed value begins with.
pub const SEALED: &str = "sealed:";
const ENV: &str = "env:";
const FILE: &str = "file:";
/// What stands in a document in place of a secret that was left out when it was exported.
pub const LEFT_OUT: &str = "left-out:";
const WAS_LEFT_OUT: &str = "was left out at export: seal the secret with `ecma-host seal`, or write \
    \"env:NAME\" or \"file:PATH\"";
const FILE_LIMIT: u64 = 1 << 20;

/// A value as the document has it. Plain text may be a secret too, so it prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub enum ConfigValue {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// true or false.
    Boolean(bool),
    /// A list of strings; references are not looked for in it.
    List(Vec<String>),
    /// Sealed with the host's key: the whole text, `sealed:` included.
    Sealed(String),
    /// In the environment variable of this name.
    Env(String),
    /// In the file of this path, relative to the home, without one newline at its end.
    File(String),
}

/// A value whose reference, if it was one, has been followed.
#[derive(Clone, PartialEq, Eq)]
pub enum Resolved {
    /// A string, which may be a secret.
    Text(Secret),
    /// A whole number.
    Integer(i64),
    /// true or false.
    Boolean(bool),
    /// A list of strings.
    List(Vec<String>),
}

impl ConfigValue {
    /// Recognizes a reference by its prefix; any other string is text.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let reference = |rest: &str, what: &str| {
            if rest.is_empty() { Err(format!("names no {what}")) } else { Ok(rest.to_owned()) }
        };
        if text.starts_with(LEFT_OUT) {
            Err(WAS_LEFT_OUT.into())
        } else if text.starts_with(SEALED) {
            super::sealing::check_form(text).map_err(|error| error.to_string())?;
            Ok(Self::Sealed(text.to_owned()))
        } else if let Some(name) = text.strip_prefix(ENV) {
            reference(name, "environment variable after env:").map(Self::Env)
        } else if let Some(path) = text.strip_prefix(FILE) {
            reference(path, "file after file:").map(Self::File)
        } else {
            Ok(Self::Text(text.to_owned()))
        }
    }

    /// Whether the value is elsewhere or sealed, so that this document shows no secret.
    pub fn is_reference(&self) -> bool {
        matches!(self, Self::Sealed(_) | Self::Env(_) | Self::File(_))
    }

    /// Follows a reference; `home` is what paths are relative to.
    pub fn resolve(&self, home: &Path, key: &SealingKey) -> Result<Resolved, String> {
        Ok(match self {
            Self::Text(text) => Resolved::Text(text.as_str().into()),
            Self::Integer(number) => Resolved::Integer(*number),
            Self::Boolean(flag) => Resolved::Boolean(*flag),
            Self::List(list) => Resolved::List(list.clone()),
            Self::Sealed(text) => {
                Resolved::Text(key.open(text).map_err(|error| error.to_string())?)
            }
            Self::Env(name) => Resolved::Text(read_env(name)?),
            Self::File(path) => Resolved::Text(read_file(home, path)?),
        })
    }
}

impl fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(***)"),
            Self::Integer(number) => write!(f, "Integer({number})"),
            Self::Boolean(flag) => write!(f, "Boolean({flag})"),
            Self::List(list) => write!(f, "List({} ***)", list.len()),
            Self::Sealed(_) => f.write_str("Sealed(***)"),
            Self::Env(name) => write!(f, "Env({name:?})"),
            Self::File(path) => write!(f, "File({path:?})"),
        }
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(secret) => write!(f, "Text({secret})"),
            Self::Integer(number) => write!(f, "Integer({number})"),
            Self::Boolean(flag) => write!(f, "Boolean({flag})"),
            Self::List(list) => write!(f, "List({} ***)", list.len()),
        }
    }
}

/// The text of an environment variable.
pub(super) fn read_env(name: &str) -> Result<Secret, String> {
    match std::env::var(name) {
        Ok(text) => Ok(text.into()),
        Err(std::env::VarError::NotPresent) => {
            Err(format!("environment variable {name} is not set"))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("environment variable {name} is not UTF-8 text"))
        }
    }
}

/// The text of a file without one newline at its end.
pub(super) fn read_file(home: &Path, path: &str) -> Result<Secret, String> {
    // Named as in the document: the text reaches clients, who need not know where the home is.
    let text = read_bounded(&home.join(path))
        .map_err(|error| format!("file {path} cannot be read: {error}"))?;
    let text = zeroize::Zeroizing::new(text);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').filter(|_| line.len() < text.len()).unwrap_or(line).into())
}

fn read_bounded(path: &Path) -> io::Result<String> {
    // A pipe or a device could keep its reader waiting for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    fs::File::open(path)?.take(FILE_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_LIMIT {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_make_references() {
        for (text, expected) in [
            ("people.db", Ok(ConfigValue::Text("people.db".into()))),
            ("environment", Ok(ConfigValue::Text("environment".into()))),
            ("env:PASSWORD", Ok(ConfigValue::Env("PASSWORD".into()))),
            ("file:secrets/db", Ok(ConfigValue::File("secrets/db".into()))),
            ("env:", Err("names no environment variable after env:".into())),
            ("file:", Err("names no file after file:".into())),
            (LEFT_OUT, Err(WAS_LEFT_OUT.into())),
        ] {
            assert_eq!(ConfigValue::from_text(text), expected, "{text}");
        }
        assert!(ConfigValue::from_text("sealed:%").is_err());
    }

    #[test]
    fn references_are_followed() {
        let home = tempfile::tempdir().unwrap();
        let key = SealingKey::load_or_create(&home.path().join("seal.key")).unwrap();
        for (content, expected) in [
            ("s3cret", "s3cret"),
            ("s3cret\n", "s3cret"),
            ("s3cret\r\n", "s3cret"),
            ("two\nlines\n\n", "two\nlines\n"),
            ("s3cret\r", "s3cret\r"),
        ] {
            fs::write(home.path().join("secret"), content).unwrap();
            let resolved = ConfigValue::File("secret".into()).resolve(home.path(), &key);
            assert_eq!(resolved, Ok(Resolved::Text(expected.into())), "{content:?}");
        }
        let sealed = ConfigValue::from_text(&key.seal("s3cret").unwrap()).unwrap();
        assert_eq!(sealed.resolve(home.path(), &key), Ok(Resolved::Text("s3cret".into())));
        let package = ConfigValue::Env("CARGO_PKG_NAME".into()).resolve(home.path(), &key);
        assert_eq!(package, Ok(Resolved::Text(env!("CARGO_PKG_NAME").into())));
        let number = ConfigValue::Integer(-3).resolve(home.path(), &key);
        assert_eq!(number, Ok(Resolved::Integer(-3)));
    }

    #[test]
    fn references_to_nothing_say_so() {
        let home = tempfile::tempdir().unwrap();
        let key = SealingKey::load_or_create(&home.path().join("seal.key")).unwrap();
        let unset = ConfigValue::Env("ECMA_HOST_NEVER_SET".into()).resolve(home.path(), &key);
        assert_eq!(unset.unwrap_err(), "environment variable ECMA_HOST_NEVER_SET is not set");
        let absent = ConfigValue::File("absent".into()).resolve(home.path(), &key).unwrap_err();
        assert!(absent.starts_with("file absent cannot be read: "), "{absent}");
        let folder = ConfigValue::File(".".into()).resolve(home.path(), &key).unwrap_err();
        assert!(folder.ends_with("it is not a regular file"), "{folder}");
    }

    #[test]
    fn text_is_not_printed() {
        assert_eq!(format!("{:?}", ConfigValue::Text("s3cret".into())), "Text(***)");
        assert_eq!(format!("{:?}", ConfigValue::List(vec!["s3cret".into()])), "List(1 ***)");
    }
}
