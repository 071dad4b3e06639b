//! Classes, attribute types, syntaxes and content rules, from their descriptions.

use super::description::Description;

/// What an object class is for (RFC 4512 §2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    Abstract,
    #[default]
    Structural,
    Auxiliary,
}

/// An object class (RFC 4512 §4.1.1). Superiors and attributes are named as the server names them, by
/// any of their names or their number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Class {
    pub(crate) oid: String,
    pub(crate) names: Vec<String>,
    pub(crate) kind: Kind,
    pub(crate) superiors: Vec<String>,
    pub(crate) must: Vec<String>,
    pub(crate) may: Vec<String>,
}

/// What the values of an attribute are for (RFC 4512 §4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Usage {
    #[default]
    UserApplications,
    /// Any operational usage: of the directory, distributed or of one server.
    Operational,
}

/// An attribute type (RFC 4512 §4.1.2).
#[derive(Debug, Clone, Default)]
pub(crate) struct AttributeType {
    pub(crate) oid: String,
    pub(crate) names: Vec<String>,
    pub(crate) description: String,
    pub(crate) superior: Option<String>,
    /// The number of the syntax, without a length; inherited when it has none of its own.
    pub(crate) syntax: Option<String>,
    /// The equality matching rule, by name or number; inherited when it has none of its own.
    pub(crate) equality: Option<String>,
    pub(crate) single_value: bool,
    pub(crate) no_user_modification: bool,
    pub(crate) collective: bool,
    pub(crate) obsolete: bool,
    pub(crate) usage: Usage,
}

/// What a server says of the values of a syntax beside its number (RFC 4512 §4.1.5).
#[derive(Debug, Clone)]
pub(crate) struct Syntax {
    pub(crate) oid: String,
    /// The values are bytes.
    pub(crate) not_human_readable: bool,
    /// The values are named with `;binary` (RFC 4522, RFC 4523 §2).
    pub(crate) binary_transfer: bool,
}

/// What the entries of a structural class have beyond its own attributes (RFC 4512 §4.1.6): in Active
/// Directory the attributes of the auxiliary classes that every one of them has.
#[derive(Debug, Clone)]
pub(super) struct ContentRule {
    /// The structural class.
    pub(super) oid: String,
    pub(super) must: Vec<String>,
    pub(super) may: Vec<String>,
}

impl Class {
    /// The name to show, or the number of a class without one.
    pub(crate) fn name(&self) -> &str {
        self.names.first().unwrap_or(&self.oid)
    }
}

impl AttributeType {
    /// The name to show, or the number of a type without one.
    pub(crate) fn name(&self) -> &str {
        self.names.first().unwrap_or(&self.oid)
    }

    /// Whether this is one of its names, or its number.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.names.iter().chain([&self.oid]).any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// A text without the spaces that were a line's end in a file of the server.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is read of a text, or why it is not.
pub(super) trait Described: Sized {
    fn of(description: &Description) -> Result<Self, &'static str>;
}

impl Described for Class {
    fn of(description: &Description) -> Result<Class, &'static str> {
        let kind = match () {
            () if description.has("ABSTRACT") => Kind::Abstract,
            () if description.has("AUXILIARY") => Kind::Auxiliary,
            () => Kind::Structural,
        };
        Ok(Class {
            oid: description.oid()?,
            names: description.values("NAME"),
            kind,
            superiors: description.values("SUP"),
            must: description.values("MUST"),
            may: description.values("MAY"),
        })
    }
}

impl Described for AttributeType {
    fn of(description: &Description) -> Result<AttributeType, &'static str> {
        let usage = match description.value("USAGE") {
            Some(usage) if !usage.eq_ignore_ascii_case("userApplications") => Usage::Operational,
            _ => Usage::UserApplications,
        };
        // `1.3.6.1.4.1.1466.115.121.1.15{256}`: a length that servers may go beyond.
        let without_length = |syntax: String| match syntax.split_once('{') {
            Some((oid, _)) => oid.to_owned(),
            None => syntax,
        };
        Ok(AttributeType {
            oid: description.oid()?,
            names: description.values("NAME"),
            description: words(&description.value("DESC").unwrap_or_default()),
            superior: description.value("SUP"),
            syntax: description.value("SYNTAX").map(without_length),
            equality: description.value("EQUALITY"),
            single_value: description.has("SINGLE-VALUE"),
            no_user_modification: description.has("NO-USER-MODIFICATION"),
            collective: description.has("COLLECTIVE"),
            obsolete: description.has("OBSOLETE"),
            usage,
        })
    }
}

impl Described for Syntax {
    fn of(description: &Description) -> Result<Syntax, &'static str> {
        let is_true =
            |word: &str| description.value(word).is_some_and(|v| v.eq_ignore_ascii_case("true"));
        Ok(Syntax {
            oid: description.oid()?,
            not_human_readable: is_true("X-NOT-HUMAN-READABLE"),
            binary_transfer: is_true("X-BINARY-TRANSFER-REQUIRED"),
        })
    }
}

impl Described for ContentRule {
    fn of(description: &Description) -> Result<ContentRule, &'static str> {
        Ok(ContentRule {
            oid: description.oid()?,
            must: description.values("MUST"),
            may: description.values("MAY"),
        })
    }
}
