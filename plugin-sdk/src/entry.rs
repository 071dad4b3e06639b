//! Entries of a connected system: object type, anchor, distinguished name, attributes.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Value {
    /// Text, UTF-8. Also carries [`crate::AttributeType::DateTime`] as RFC 3339.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// Bytes.
    Binary(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Another entry, named by its anchor or DN as the connected system writes it.
    Reference(String),
}

impl Value {
    /// The text of a text or reference value.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) | Value::Reference(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an integer value.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth of a boolean value.
    #[must_use]
    pub fn as_boolean(&self) -> Option<bool> {
        match self {
            Value::Boolean(truth) => Some(*truth),
            _ => None,
        }
    }
}

/// The value as a person would write it; bytes as hexadecimal digits.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) | Value::Reference(text) => f.write_str(text),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Boolean(truth) => write!(f, "{truth}"),
            Value::Binary(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(number)
    }
}
impl From<i32> for Value {
    fn from(number: i32) -> Value {
        Value::Integer(number.into())
    }
}
impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Boolean(truth)
    }
}
impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Binary(bytes)
    }
}

/// What [`Entry::set`] takes: one value, an option, or several.
pub trait IntoValues {
    /// The values, none for an absent attribute.
    fn into_values(self) -> Vec<Value>;
}
impl<V: Into<Value>> IntoValues for V {
    fn into_values(self) -> Vec<Value> {
        vec![self.into()]
    }
}
impl<V: Into<Value>> IntoValues for Option<V> {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}
impl<V: Into<Value>> IntoValues for Vec<V> {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}
impl<V: Into<Value>, const N: usize> IntoValues for [V; N] {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

/// The unique, unchanging key of an entry: the values of one or more attributes, by name, in the
/// order of the schema. Empty when the connected system will make it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Anchor(Vec<(String, Value)>);

impl Anchor {
    /// An anchor of these attributes.
    pub fn new<N: Into<String>, V: Into<Value>>(parts: impl IntoIterator<Item = (N, V)>) -> Anchor {
        Anchor(parts.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of the first attribute.
    #[must_use]
    pub fn first(&self) -> Option<&Value> {
        self.0.first().map(|(_, value)| value)
    }

    /// The value of this attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Adds an attribute, or replaces its value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether the connected system has yet to make it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The anchor as a person would write it: values joined by `+`.
impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (_, value)) in self.0.iter().enumerate() {
            write!(f, "{}{value}", if at == 0 { "" } else { "+" })?;
        }
        Ok(())
    }
}

/// A distinguished name: where an entry stands. Unlike the anchor it may change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dn(String);

impl Dn {
    /// A name as the connected system writes it.
    pub fn new(name: impl Into<String>) -> Dn {
        Dn(name.into())
    }

    /// The name as the connected system writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What tells one entry from all others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntryId {
    /// Object type in the schema.
    pub object_type: String,
    /// The key.
    pub anchor: Anchor,
    /// Where it stands, in systems that have such a thing.
    #[serde(default)]
    pub dn: Option<Dn>,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.object_type, self.anchor)
    }
}

/// An entry with its attributes. An absent attribute has no value; order of attributes is the order
/// in which they were set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    id: EntryId,
    attributes: Vec<(String, Vec<Value>)>,
}

impl Entry {
    /// An entry of this object type, still without anchor and attributes.
    pub fn new(object_type: impl Into<String>) -> Entry {
        let anchor = Anchor::default();
        Entry {
            id: EntryId { object_type: object_type.into(), anchor, dn: None },
            attributes: Vec::new(),
        }
    }

    /// An entry with this identity.
    #[must_use]
    pub fn with_id(id: EntryId) -> Entry {
        Entry { id, attributes: Vec::new() }
    }

    /// With this anchor attribute; call it once per attribute of a composite anchor.
    #[must_use]
    pub fn anchor(mut self, name: impl Into<String>, value: impl Into<Value>) -> Entry {
        self.id.anchor.set(name, value);
        self
    }

    /// With this distinguished name.
    #[must_use]
    pub fn dn(mut self, dn: impl Into<String>) -> Entry {
        self.id.dn = Some(Dn::new(dn));
        self
    }

    /// With these values of an attribute; none removes it.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, values: impl IntoValues) -> Entry {
        self.put(name, values.into_values());
        self
    }

    /// Sets the values of an attribute; none removes it.
    pub fn put(&mut self, name: impl Into<String>, values: Vec<Value>) {
        let name = name.into();
        let at = self.attributes.iter().position(|(known, _)| *known == name);
        match (at, values.is_empty()) {
            (Some(at), true) => drop(self.attributes.remove(at)),
            (Some(at), false) => self.attributes[at].1 = values,
            (None, true) => {}
            (None, false) => self.attributes.push((name, values)),
        }
    }

    /// What tells it from others.
    #[must_use]
    pub fn id(&self) -> &EntryId {
        &self.id
    }

    /// What tells it from others, to change.
    pub fn id_mut(&mut self) -> &mut EntryId {
        &mut self.id
    }

    /// The values of an attribute; an anchor attribute answers the anchor's value.
    #[must_use]
    pub fn get(&self, name: &str) -> &[Value] {
        if let Some((_, values)) = self.attributes.iter().find(|(known, _)| known == name) {
            return values;
        }
        self.id.anchor.get(name).map_or(&[], std::slice::from_ref)
    }

    /// The first value of an attribute as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).first().and_then(Value::as_text)
    }

    /// Names and values of the attributes, the anchor's not among them.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.attributes.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// Keeps the attributes for which the answer is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.attributes.retain(|(name, _)| keep(name));
    }
}
