//! The schema of a connected system: object types and their attributes.

use serde::{Deserialize, Serialize};

/// What kind of values an attribute has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AttributeType {
    /// UTF-8 text.
    Text,
    /// Whole numbers of 64 bits.
    Integer,
    /// True or false.
    Boolean,
    /// Bytes.
    Binary,
    /// A point in time: text in RFC 3339, UTC.
    DateTime,
    /// Another entry, by its DN or anchor; see [`crate::Value::Reference`].
    Reference,
}

/// In which direction an attribute flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Access {
    /// Read and written.
    #[default]
    ImportExport,
    /// Read only: the connected system sets it.
    ImportOnly,
    /// Written only: a password. Never kept by the host.
    ExportOnly,
}

/// One attribute of an object type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attribute {
    /// Name in the connected system, its spelling kept.
    pub name: String,
    /// Kind of values.
    pub kind: AttributeType,
    /// Whether it can have several values.
    #[serde(default)]
    pub multi_valued: bool,
    /// Whether every entry must have it.
    #[serde(default)]
    pub required: bool,
    /// Direction.
    #[serde(default)]
    pub access: Access,
    /// Whether it is (part of) the anchor.
    #[serde(default)]
    pub anchor: bool,
    /// Whether no two entries have the same value.
    #[serde(default)]
    pub unique: bool,
    /// Whether the connected system tells upper from lower case.
    #[serde(default = "yes")]
    pub case_exact: bool,
    /// Whether the connected system makes the value when an entry is added without it.
    #[serde(default)]
    pub generated: bool,
    /// The object types whose entries a reference may name; empty for any.
    #[serde(default)]
    pub refers_to: Vec<String>,
    /// A word for the operator.
    #[serde(default)]
    pub description: String,
}

fn yes() -> bool {
    true
}

impl Attribute {
    /// A single-valued, optional attribute that is read and written.
    pub fn new(name: impl Into<String>, kind: AttributeType) -> Attribute {
        Attribute {
            name: name.into(),
            kind,
            multi_valued: false,
            required: false,
            access: Access::ImportExport,
            anchor: false,
            unique: false,
            case_exact: true,
            generated: false,
            refers_to: Vec::new(),
            description: String::new(),
        }
    }
}

/// One object type: user, group, device.
///
/// Built attribute by attribute; [`ObjectType::required`] and its siblings are about the attribute
/// added last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectType {
    /// Name in the connected system.
    pub name: String,
    /// Attributes, those of the anchor among them.
    pub attributes: Vec<Attribute>,
}

impl ObjectType {
    /// An object type without attributes.
    pub fn new(name: impl Into<String>) -> ObjectType {
        ObjectType { name: name.into(), attributes: Vec::new() }
    }

    /// With an attribute that is (part of) the anchor.
    #[must_use]
    pub fn anchor(self, name: impl Into<String>, kind: AttributeType) -> ObjectType {
        self.attribute(name, kind).change(|attribute| {
            attribute.anchor = true;
            attribute.required = true;
            attribute.unique = true;
        })
    }

    /// With this attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, kind: AttributeType) -> ObjectType {
        self.attributes.push(Attribute::new(name, kind));
        self
    }

    /// With this attribute, complete.
    #[must_use]
    pub fn with(mut self, attribute: Attribute) -> ObjectType {
        self.attributes.push(attribute);
        self
    }

    /// The attribute added last is required.
    #[must_use]
    pub fn required(self) -> ObjectType {
        self.change(|attribute| attribute.required = true)
    }

    /// The attribute added last has several values.
    #[must_use]
    pub fn multi_valued(self) -> ObjectType {
        self.change(|attribute| attribute.multi_valued = true)
    }

    /// No two entries have the same value of the attribute added last.
    #[must_use]
    pub fn unique(self) -> ObjectType {
        self.change(|attribute| attribute.unique = true)
    }

    /// The connected system takes upper and lower case of the attribute added last as the same.
    #[must_use]
    pub fn case_insensitive(self) -> ObjectType {
        self.change(|attribute| attribute.case_exact = false)
    }

    /// The connected system makes the attribute added last when it is not given.
    #[must_use]
    pub fn generated(self) -> ObjectType {
        self.change(|attribute| {
            attribute.generated = true;
            attribute.required = false;
        })
    }

    /// The references of the attribute added last name entries of these object types.
    #[must_use]
    pub fn refers_to<N: Into<String>>(self, types: impl IntoIterator<Item = N>) -> ObjectType {
        self.change(|attribute| attribute.refers_to = types.into_iter().map(Into::into).collect())
    }

    /// The attribute added last is only read.
    #[must_use]
    pub fn import_only(self) -> ObjectType {
        self.change(|attribute| attribute.access = Access::ImportOnly)
    }

    /// The attribute added last is only written.
    #[must_use]
    pub fn export_only(self) -> ObjectType {
        self.change(|attribute| attribute.access = Access::ExportOnly)
    }

    fn change(mut self, change: impl FnOnce(&mut Attribute)) -> ObjectType {
        if let Some(attribute) = self.attributes.last_mut() {
            change(attribute);
        }
        self
    }

    /// The attribute of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The attributes that make the anchor, in order.
    pub fn anchors(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|attribute| attribute.anchor)
    }
}

/// The object types of a connected system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Object types.
    pub types: Vec<ObjectType>,
}

impl Schema {
    /// A schema of these object types.
    pub fn new(types: impl IntoIterator<Item = ObjectType>) -> Schema {
        Schema { types: types.into_iter().collect() }
    }

    /// The object type of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ObjectType> {
        self.types.iter().find(|kind| kind.name == name)
    }
}
