//! Distinguished names (RFC 4514): read, written, compared and taken apart.
//!
//! Invariant: no name is compared as text. Two texts mean the same entry when their keys are equal.

mod read;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

/// A distinguished name, the part nearest to the entry first. Empty for the root of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Name {
    rdns: Vec<Rdn>,
}

/// A relative distinguished name: one or more attributes with their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rdn {
    avas: Vec<Ava>,
}

/// An attribute type and the value asserted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ava {
    attribute: String,
    value: Asserted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Asserted {
    Text(String),
    /// The BER encoding of a value: what stands behind `#`.
    Encoded(Vec<u8>),
}

/// Why a text is no distinguished name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// The character, counted from one.
    pub(crate) at: usize,
    pub(crate) why: &'static str,
}

/// What a ModifyDN request needs beside the old name (RFC 4511 §4.9). The old values of the RDN are
/// always to be deleted: an entry named anew does not keep its old name as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rename {
    pub(crate) rdn: String,
    /// The new parent, when it is another one.
    pub(crate) superior: Option<String>,
}

impl Name {
    /// Reads RFC 4514, and the spaces, quotes and semicolons of LDAPv2 (RFC 2253 §4).
    pub(crate) fn parse(text: &str) -> Result<Name, Malformed> {
        read::name(text)
    }

    /// The name with this RDN below a parent.
    pub(crate) fn join(rdn: Rdn, parent: &Name) -> Name {
        let rdns = std::iter::once(rdn).chain(parent.rdns.iter().cloned()).collect();
        Name { rdns }
    }

    /// The part nearest to the entry; none of the root.
    pub(crate) fn rdn(&self) -> Option<&Rdn> {
        self.rdns.first()
    }

    /// How many parts it has.
    pub(crate) fn depth(&self) -> usize {
        self.rdns.len()
    }

    /// The name without its first part; none of the root.
    pub(crate) fn parent(&self) -> Option<Name> {
        let (_, above) = self.rdns.split_first()?;
        Some(Name { rdns: above.to_vec() })
    }

    /// Whether this is the base itself or stands anywhere below it.
    pub(crate) fn is_within(&self, base: &Name) -> bool {
        let Some(below) = self.rdns.len().checked_sub(base.rdns.len()) else {
            return false;
        };
        self.rdns[below..].iter().zip(&base.rdns).all(|(own, its)| own.key() == its.key())
    }

    /// Whether this stands below the base, at any depth, and is not the base itself.
    pub(crate) fn is_below(&self, base: &Name) -> bool {
        self.rdns.len() > base.rdns.len() && self.is_within(base)
    }

    /// A text that is the same for names that mean the same entry: attribute types in lower case,
    /// values as caseIgnoreMatch compares them (RFC 4518: case folded, spaces at the ends dropped and
    /// inner ones squeezed), the parts of a multi-valued RDN in order. Different names of one
    /// attribute type, `cn` and `2.5.4.3`, stay different.
    pub(crate) fn key(&self) -> String {
        let keys: Vec<String> = self.rdns.iter().map(Rdn::key).collect();
        keys.join(",")
    }
}

/// The one way in which a name is written here. Servers write names as they were given, so that an
/// entry and a reference to it may differ in their escapes; what is no name stays as it is.
pub(crate) fn canonical(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_around = |at: usize| {
        let separates =
            |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_none_or(|b| b",=+".contains(b));
        bytes[at] == b' ' && (separates(at.checked_sub(1)) || separates(Some(at + 1)))
    };
    let unusual = |at: usize| b"\\\";#<>".contains(&bytes[at]) || is_around(at);
    if !(0..bytes.len()).any(unusual) {
        return Cow::Borrowed(text);
    }
    Name::parse(text).map_or(Cow::Borrowed(text), |name| Cow::Owned(name.to_string()))
}

/// What makes an entry of the old name one of the new name; nothing when they are written alike.
pub(crate) fn renames(old: &Name, new: &Name) -> Option<Rename> {
    let rdn = new.rdn().filter(|_| old != new)?;
    let superior =
        new.parent().filter(|parent| old.parent().is_none_or(|o| o.key() != parent.key()));
    Some(Rename { rdn: rdn.to_string(), superior: superior.map(|parent| parent.to_string()) })
}

impl Rdn {
    /// An RDN of one attribute.
    pub(crate) fn new(attribute: impl Into<String>, value: impl Into<String>) -> Rdn {
        let value = Asserted::Text(value.into());
        Rdn { avas: vec![Ava { attribute: attribute.into(), value }] }
    }

    /// Attribute types and values as text, an encoded value as `#` and its digits.
    pub(crate) fn avas(&self) -> impl Iterator<Item = (&str, String)> {
        self.avas.iter().map(|ava| {
            let value = match &ava.value {
                Asserted::Text(text) => text.clone(),
                encoded => encoded.to_string(),
            };
            (ava.attribute.as_str(), value)
        })
    }

    fn key(&self) -> String {
        let mut keys: Vec<String> = self.avas.iter().map(Ava::key).collect();
        keys.sort_unstable();
        keys.join("+")
    }
}

impl Ava {
    fn key(&self) -> String {
        let value = match &self.value {
            Asserted::Text(text) => Asserted::Text(folded(text)),
            encoded => encoded.clone(),
        };
        Ava { attribute: self.attribute.to_ascii_lowercase(), value }.to_string()
    }
}

/// A value as caseIgnoreMatch compares it.
fn folded(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    // By way of upper case, so that letters with several lower cases are one: the final sigma.
    words.join(" ").chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// A value as it stands in a distinguished name (RFC 4514 §2.4).
pub(crate) fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.len().saturating_sub(1);
    for (at, c) in value.char_indices() {
        match c {
            // Samba wants the equals sign escaped too, which is allowed (§3).
            '"' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' => escaped.extend(['\\', c]),
            ' ' | '#' if at == 0 => escaped.extend(['\\', c]),
            ' ' if at == last => escaped.push_str("\\ "),
            // Only NUL has to be; the others would break the line of a log.
            c if c.is_ascii_control() => escaped.push_str(&format!("\\{:02X}", c as u8)),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Bytes as they stand in the assertion of a search filter (RFC 4515 §3): what is not plain ASCII is
/// escaped, so that any bytes make a filter.
pub(crate) fn escape_filter(value: &[u8]) -> String {
    let mut escaped = String::with_capacity(value.len());
    for &byte in value {
        match byte {
            b' '..=b'~' if !b"()*\\".contains(&byte) => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("\\{byte:02x}")),
        }
    }
    escaped
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, &self.rdns, ",")
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, &self.avas, "+")
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[impl fmt::Display], between: &str) -> fmt::Result {
    parts.iter().enumerate().try_for_each(|(at, part)| {
        f.write_str(if at == 0 { "" } else { between })?;
        part.fmt(f)
    })
}

impl fmt::Display for Ava {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.attribute, self.value)
    }
}

impl fmt::Display for Asserted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asserted::Text(text) => f.write_str(&escape(text)),
            Asserted::Encoded(bytes) => {
                f.write_str("#")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// Follows "is": `is no distinguished name: a value does not end at character 4`.
impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no distinguished name: {} at character {}", self.why, self.at)
    }
}
