//! Schemas and what they say of attributes (RFC 7643 §2.2 and §7).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The type of an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttributeKind {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number.
    Integer,
    /// A moment.
    DateTime,
    /// A URI.
    Reference,
    /// Base64 text.
    Binary,
    /// An object of sub-attributes.
    Complex,
}

/// Who may change an attribute, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the server.
    ReadOnly,
    /// Everyone.
    ReadWrite,
    /// Everyone, once.
    Immutable,
    /// Everyone; it is never shown.
    WriteOnly,
}

/// When an attribute is part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// In each answer, whatever is asked.
    Always,
    /// Never.
    Never,
    /// Unless others are asked for or it is excluded.
    Default,
    /// Only when it is asked for.
    Request,
}

/// Where a value may occur only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// It may occur anywhere.
    None,
    /// Once within the endpoint's server.
    Server,
    /// Once in the world.
    Global,
}

/// What a schema says of one attribute or sub-attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeDefinition {
    /// Its name in canonical spelling.
    pub name: String,
    /// The type of its value, or of each value.
    #[serde(rename = "type")]
    pub kind: AttributeKind,
    /// Whether it holds a list.
    pub multi_valued: bool,
    /// A sentence for people.
    pub description: String,
    /// Whether a resource must have it.
    pub required: bool,
    /// Suggested values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Whether comparisons mind the case.
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// Where it is unique.
    pub uniqueness: Uniqueness,
    /// What a reference may point to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// The parts of a complex attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<AttributeDefinition>,
}

impl AttributeDefinition {
    /// An optional, single-valued attribute that everyone may read and write.
    pub fn new(name: impl Into<String>, kind: AttributeKind) -> Self {
        Self {
            name: name.into(),
            kind,
            multi_valued: false,
            description: String::new(),
            required: false,
            canonical_values: Vec::new(),
            case_exact: matches!(kind, AttributeKind::Reference | AttributeKind::Binary),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
        }
    }

    /// With a sentence for people.
    pub fn described(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Holding a list.
    pub fn multi_valued(mut self) -> Self {
        self.multi_valued = true;
        self
    }

    /// Which a resource must have.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Compared with case.
    pub fn case_exact(mut self) -> Self {
        self.case_exact = true;
        self
    }

    /// With this mutability.
    pub fn mutability(mut self, mutability: Mutability) -> Self {
        self.mutability = mutability;
        self
    }

    /// Which only the server changes.
    pub fn read_only(self) -> Self {
        self.mutability(Mutability::ReadOnly)
    }

    /// Shown so.
    pub fn returned(mut self, returned: Returned) -> Self {
        self.returned = returned;
        self
    }

    /// Unique so.
    pub fn uniqueness(mut self, uniqueness: Uniqueness) -> Self {
        self.uniqueness = uniqueness;
        self
    }

    /// With suggested values.
    pub fn canonical(mut self, values: &[&str]) -> Self {
        self.canonical_values = values.iter().map(|value| (*value).to_owned()).collect();
        self
    }

    /// Pointing to these.
    pub fn references(mut self, types: &[&str]) -> Self {
        self.reference_types = types.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// With these parts.
    pub fn with(mut self, sub_attributes: Vec<AttributeDefinition>) -> Self {
        self.sub_attributes = sub_attributes;
        self
    }

    /// The sub-attribute of that name, in any case.
    pub fn sub(&self, name: &str) -> Option<&AttributeDefinition> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }
}

/// A named list of attribute definitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Its URN.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// A sentence for people.
    pub description: String,
    /// Its attributes.
    pub attributes: Vec<AttributeDefinition>,
}

impl Schema {
    /// The URN of schemas' own schema.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

    /// The resource that the schemas' endpoint shows; `base` is the URL in front of `/Schemas`.
    pub fn to_json(&self, base: &str) -> Value {
        let meta =
            json!({"resourceType": "Schema", "location": format!("{base}/Schemas/{}", self.id)});
        json!({
            "schemas": [Self::SCHEMA],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": self.attributes,
            "meta": meta,
        })
    }
}
