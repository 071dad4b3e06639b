//! The name of a connector: part of its URL and of its file's name.

use std::{borrow::Borrow, fmt, str::FromStr};

/// 1 to 64 ASCII letters and digits; upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectorName(String);

/// The text is no connector name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connector's name is 1 to 64 ASCII letters and digits")]
pub struct NotAName;

impl ConnectorName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConnectorName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let fits = (1..=64).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAName)
        }
    }
}

impl fmt::Display for ConnectorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Borrow<str> for ConnectorName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ConnectorName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_and_digits() {
        for good in ["a", "CORPDB1", "9", &"x".repeat(64)] {
            assert_eq!(good.parse::<ConnectorName>().unwrap().to_string(), good);
        }
        for bad in ["", "my-hr", "hr db", "hr.db", "größe", "../hr", &"x".repeat(65)] {
            assert_eq!(bad.parse::<ConnectorName>(), Err(NotAName), "{bad}");
        }
        assert_ne!("HR".parse::<ConnectorName>(), "hr".parse::<ConnectorName>());
    }
}
