//! Object types from the schema of a server and what the operator chose of it.

mod build;
mod choice;
mod complete;
#[cfg(test)]
mod tests;

use crate::{
    subschema::{Kind, Subschema},
    syntax::Form,
};
use choice::Choice;
use ecma_plugin_sdk::{Access, ObjectType, Problem, Schema};
use std::{cmp::Reverse, collections::HashMap};

/// The parameters that problems are about.
const OBJECT_CLASSES: &str = "object_classes";
const ALIASES: &str = "attribute_aliases";
const ANCHOR: &str = "anchor";
const EXPORT_ONLY: &str = "export_only_attributes";
const READ_ONLY: &str = "read_only_attributes";

/// The attribute that is the distinguished name, when the anchor is another one.
pub(crate) const DN: &str = "-dn-";
/// The attribute that is the distinguished name, when that is the anchor.
pub(crate) const DN_AS_ANCHOR: &str = "dn";
pub(crate) const OBJECT_CLASS: &str = "objectClass";

/// What never changes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Anchor {
    Dn,
    Attribute(String),
}

/// What the operator chose.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// `inetOrgPerson`, or `person=inetOrgPerson+posixAccount`: the name of the object type, its
    /// structural class, auxiliary classes. None for the usual classes that the server has.
    pub(crate) object_classes: Vec<String>,
    /// With the attributes that the directory keeps of every entry.
    pub(crate) operational: bool,
    /// With every attribute in every object type.
    pub(crate) extensible: bool,
    /// Attributes with options: `userCertificate;binary` is how `userCertificate` is named on the
    /// wire, and `cn;lang-de` is an attribute beside `cn`.
    pub(crate) aliases: Vec<String>,
    pub(crate) anchor: Anchor,
    pub(crate) export_only: Vec<String>,
    pub(crate) read_only: Vec<String>,
}

/// The object types.
#[derive(Debug)]
pub(crate) struct Types {
    all: Vec<Type>,
    /// The structural classes of the server by their names in lower case and numbers.
    structural: HashMap<String, Structural>,
}

/// A structural class and those above it, by their numbers.
#[derive(Debug, Clone)]
struct Structural {
    oid: String,
    above: Vec<String>,
}

/// An object type.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) name: String,
    /// The structural class of its entries.
    pub(crate) class: String,
    /// The classes above the structural one, the nearest first.
    pub(crate) superiors: Vec<String>,
    /// The auxiliary classes of new entries, and those above them.
    pub(crate) auxiliary: Vec<String>,
    pub(crate) object_type: ObjectType,
    /// Its attributes, the distinguished name not among them.
    pub(crate) fields: Vec<Field>,
    /// The number of the structural class.
    oid: String,
    by_name: HashMap<String, usize>,
}

/// An attribute as it is named and written on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The attribute of the object type.
    pub(crate) name: String,
    /// The attribute description (RFC 4512 §2.5): the name with its options.
    pub(crate) wire: String,
    pub(crate) form: Form,
    pub(crate) access: Access,
}

impl Types {
    /// The object types that were chosen, or everything that does not fit.
    pub(crate) fn build(schema: &Subschema, chosen: &Chosen) -> Result<Types, Vec<Problem>> {
        let mut problems = Vec::new();
        let choice = Choice::read(schema, chosen, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let all =
            choice.types.iter().map(|kind| build::one(schema, chosen, &choice, kind)).collect();
        Ok(Types { all, structural: structural(schema) })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Type> {
        self.all.iter()
    }

    /// The object type of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Type> {
        self.all.iter().find(|kind| kind.name == name)
    }

    /// The schema for the host.
    pub(crate) fn schema(&self) -> Schema {
        Schema::new(self.all.iter().map(|kind| kind.object_type.clone()))
    }

    /// The object type of an entry with these values of `objectClass`: that of its most derived
    /// structural class. When several are (servers that do not mind have such entries), the one that
    /// is chosen; of several object types with that class, the one whose auxiliary classes the entry
    /// has most of; then the first.
    pub(crate) fn of<C: AsRef<str>>(&self, classes: &[C]) -> Option<&Type> {
        let is = |class: &C| self.structural.get(&class.as_ref().to_ascii_lowercase());
        let structural: Vec<&Structural> = classes.iter().filter_map(is).collect();
        let is_above_another =
            |oid: &String| structural.iter().any(|class| class.above.contains(oid));
        let has =
            |name: &String| classes.iter().any(|class| class.as_ref().eq_ignore_ascii_case(name));
        let own = self.all.iter().filter(|kind| {
            structural.iter().any(|class| class.oid == kind.oid) && !is_above_another(&kind.oid)
        });
        own.min_by_key(|kind| {
            let present = kind.auxiliary.iter().filter(|name| has(name)).count();
            (kind.auxiliary.len() - present, Reverse(present))
        })
    }
}

impl Type {
    /// The attribute with this name on the wire. Servers may answer `;binary` where they were asked
    /// without it, and the other way round; any other option makes another attribute.
    pub(crate) fn field_on_wire(&self, wire: &str) -> Option<&Field> {
        self.by_name.get(&without_binary(wire)).map(|at| &self.fields[*at])
    }

    /// The attribute of the object type with this name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The values of `objectClass` of a new entry, the most general first.
    pub(crate) fn object_classes(&self) -> Vec<&str> {
        let structural = self.superiors.iter().rev().chain([&self.class]);
        structural.chain(&self.auxiliary).map(String::as_str).collect()
    }

    /// A search filter (RFC 4515) that finds all entries of the type, and those of classes below its
    /// own: [`Types::of`] tells which they are.
    pub(crate) fn filter(&self) -> String {
        format!("({OBJECT_CLASS}={})", self.class)
    }
}

/// A name in lower case, without the option for the binary encoding (RFC 4522).
fn without_binary(wire: &str) -> String {
    let folded = wire.to_ascii_lowercase();
    let mut options = folded.split(';');
    let mut name = options.next().unwrap_or_default().to_owned();
    for option in options.filter(|option| *option != "binary") {
        name.extend([";", option]);
    }
    name
}

fn structural(schema: &Subschema) -> HashMap<String, Structural> {
    let mut structural = HashMap::new();
    for class in schema.classes().iter().filter(|class| class.kind == Kind::Structural) {
        let lineage = schema.lineage(class);
        let above = lineage[1..].iter().map(|class| class.oid.clone()).collect();
        let place = Structural { oid: class.oid.clone(), above };
        for name in class.names.iter().chain([&class.oid]) {
            structural.entry(name.to_ascii_lowercase()).or_insert_with(|| place.clone());
        }
    }
    structural
}
