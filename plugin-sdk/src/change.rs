//! Changes of entries, in both directions: what an import found, what an export shall do.

use crate::{Dn, Entry, EntryId, IntoValues, Value};
use serde::{Deserialize, Serialize};

/// One change of one entry.
///
/// In an import [`Change::Add`] carries the whole entry as it is now, whether the host knew it or
/// not. What an export gets for a changed entry, `Replace` or `Update`, follows
/// [`crate::Capabilities::export_style`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The entry with all its attributes.
    Add(Entry),
    /// The whole entry; attributes it does not have are to be empty.
    Replace(Entry),
    /// Some attributes of the entry; all others stay.
    Update(Update),
    /// The entry goes.
    Delete {
        /// Which one.
        id: EntryId,
    },
}

/// Changes of some attributes of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Which entry, under the name it had.
    pub id: EntryId,
    /// The name it shall have from now on, when that changes.
    #[serde(default)]
    pub new_dn: Option<Dn>,
    /// Attribute by attribute, each at most once.
    pub attributes: Vec<(String, AttributeChange)>,
}

/// The change of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeChange {
    /// Has these values from now on.
    Set(Vec<Value>),
    /// Has no value from now on.
    Clear,
    /// Gains and loses values, keeps the others.
    Modify {
        /// Values it gains; those it has already stay once.
        added: Vec<Value>,
        /// Values it loses; those it does not have are no error.
        removed: Vec<Value>,
    },
}

impl AttributeChange {
    /// The values after the change, given those before.
    #[must_use]
    pub fn apply(&self, before: &[Value]) -> Vec<Value> {
        match self {
            AttributeChange::Set(values) => values.clone(),
            AttributeChange::Clear => Vec::new(),
            AttributeChange::Modify { added, removed } => {
                let mut after: Vec<Value> =
                    before.iter().filter(|value| !removed.contains(value)).cloned().collect();
                for value in added {
                    if !after.contains(value) {
                        after.push(value.clone());
                    }
                }
                after
            }
        }
    }
}

impl Update {
    /// An update that changes nothing yet.
    #[must_use]
    pub fn new(id: EntryId) -> Update {
        Update { id, new_dn: None, attributes: Vec::new() }
    }

    /// With these values of an attribute; none clears it.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, values: impl IntoValues) -> Update {
        let values = values.into_values();
        let change =
            if values.is_empty() { AttributeChange::Clear } else { AttributeChange::Set(values) };
        self.attributes.push((name.into(), change));
        self
    }

    /// The change of this attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&AttributeChange> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, change)| change)
    }
}

impl Change {
    /// Which entry it is about.
    #[must_use]
    pub fn id(&self) -> &EntryId {
        match self {
            Change::Add(entry) | Change::Replace(entry) => entry.id(),
            Change::Update(update) => &update.id,
            Change::Delete { id } => id,
        }
    }

    /// The values this attribute shall have, when the change says so: `None` leaves it as it is, an
    /// empty list clears it. A [`AttributeChange::Modify`] says no such thing; see [`Change::apply`].
    #[must_use]
    pub fn values(&self, name: &str) -> Option<&[Value]> {
        match self {
            Change::Add(entry) | Change::Replace(entry) => Some(entry.get(name)),
            Change::Update(update) => match update.get(name)? {
                AttributeChange::Set(values) => Some(values),
                AttributeChange::Clear => Some(&[]),
                AttributeChange::Modify { .. } => None,
            },
            Change::Delete { .. } => None,
        }
    }

    /// The first value this attribute shall have, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values(name)?.first().and_then(Value::as_text)
    }

    /// The entry after the change, given the entry before; `None` when there is none afterwards, or
    /// when an update has nothing to start from.
    #[must_use]
    pub fn apply(&self, before: Option<&Entry>) -> Option<Entry> {
        match self {
            Change::Add(entry) | Change::Replace(entry) => Some(entry.clone()),
            Change::Delete { .. } => None,
            Change::Update(update) => {
                let mut entry = before?.clone();
                if let Some(dn) = &update.new_dn {
                    entry.id_mut().dn = Some(dn.clone());
                }
                for (name, change) in &update.attributes {
                    let values = change.apply(entry.get(name));
                    entry.put(name.clone(), values);
                }
                Some(entry)
            }
        }
    }
}
