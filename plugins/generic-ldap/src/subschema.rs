//! What a server says of its classes and attributes, looked up by any name, inheritance resolved.
//!
//! What cannot be read is left out and told; it is never a reason to stop.

mod definition;
mod description;
#[cfg(test)]
pub(crate) mod excerpts;
#[cfg(test)]
mod tests;

pub(crate) use definition::{AttributeType, Class, Kind, Syntax, Usage};
use definition::{ContentRule, Described};
use description::Description;
use std::collections::{HashMap, HashSet};

/// The number of `objectGUID`.
const OBJECT_GUID: &str = "1.2.840.113556.1.4.2";

/// The values of a subschema entry (RFC 4512 §4.2), as text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Texts<'a> {
    pub(crate) object_classes: &'a [String],
    pub(crate) attribute_types: &'a [String],
    pub(crate) ldap_syntaxes: &'a [String],
    pub(crate) content_rules: &'a [String],
}

/// The schema of a server.
#[derive(Debug, Default)]
pub(crate) struct Subschema {
    classes: Named<Class>,
    types: Named<AttributeType>,
    syntaxes: HashMap<String, Syntax>,
    skipped: Vec<Skipped>,
    active_directory: bool,
}

/// A description that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// The attribute of the subschema entry.
    pub(crate) of: &'static str,
    pub(crate) text: String,
    pub(crate) why: &'static str,
}

/// Definitions in the order of the server, and where each stands by its names in lower case.
#[derive(Debug)]
struct Named<D> {
    all: Vec<D>,
    at: HashMap<String, usize>,
}

impl<D> Default for Named<D> {
    fn default() -> Named<D> {
        Named { all: Vec::new(), at: HashMap::new() }
    }
}

impl<D> Named<D> {
    /// Of two definitions with one name the first has it.
    fn new(all: Vec<D>, names: impl Fn(&D) -> (&String, &[String])) -> Named<D> {
        let mut at = HashMap::new();
        for (place, definition) in all.iter().enumerate() {
            let (oid, names) = names(definition);
            for name in names.iter().chain([oid]) {
                at.entry(name.to_ascii_lowercase()).or_insert(place);
            }
        }
        Named { all, at }
    }

    fn get(&self, name: &str) -> Option<&D> {
        self.at.get(&name.trim().to_ascii_lowercase()).map(|at| &self.all[*at])
    }
}

impl Subschema {
    /// Reads descriptions, and resolves what types and classes have of others. What a content rule
    /// adds to a class is inherited with it, as in Active Directory.
    pub(crate) fn read(texts: Texts<'_>) -> Subschema {
        let mut skipped = Vec::new();
        let classes = each("objectClasses", texts.object_classes, &mut skipped);
        let types = each("attributeTypes", texts.attribute_types, &mut skipped);
        let syntaxes: Vec<Syntax> = each("ldapSyntaxes", texts.ldap_syntaxes, &mut skipped);
        let rules: Vec<ContentRule> = each("dITContentRules", texts.content_rules, &mut skipped);
        let mut schema = Subschema {
            classes: Named::new(classes, |class: &Class| (&class.oid, &class.names)),
            types: Named::new(types, |kind: &AttributeType| (&kind.oid, &kind.names)),
            syntaxes: syntaxes.into_iter().map(|syntax| (syntax.oid.clone(), syntax)).collect(),
            skipped,
            active_directory: false,
        };
        // Active Directory gives each of its syntaxes a way to compare, and names no rule.
        schema.active_directory = schema.attribute_type(OBJECT_GUID).is_some()
            && schema.types.all.iter().all(|kind| kind.equality.is_none());
        for rule in rules {
            let at = schema.classes.at.get(&rule.oid.to_ascii_lowercase());
            if let Some(class) = at.map(|at| &mut schema.classes.all[*at]) {
                class.must.extend(rule.must);
                class.may.extend(rule.may);
            }
        }
        schema.inherit();
        schema
    }

    /// What could not be read.
    pub(crate) fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The class with this name or number, in any case.
    pub(crate) fn class(&self, name: &str) -> Option<&Class> {
        self.classes.get(name)
    }

    /// The classes, in the order of the server.
    pub(crate) fn classes(&self) -> &[Class] {
        &self.classes.all
    }

    /// The attribute type with this name or number, in any case.
    pub(crate) fn attribute_type(&self, name: &str) -> Option<&AttributeType> {
        self.types.get(name)
    }

    /// The attribute types, in the order of the server.
    pub(crate) fn attribute_types(&self) -> &[AttributeType] {
        &self.types.all
    }

    /// What the server says of a syntax.
    pub(crate) fn syntax(&self, oid: &str) -> Option<&Syntax> {
        self.syntaxes.get(oid)
    }

    /// A class and all above it, each once, the nearest first.
    pub(crate) fn lineage<'a>(&'a self, class: &'a Class) -> Vec<&'a Class> {
        let mut lineage = vec![class];
        let mut next = 0;
        while let Some(class) = lineage.get(next).copied() {
            next += 1;
            for superior in class.superiors.iter().filter_map(|name| self.class(name)) {
                if !lineage.iter().any(|known| known.oid == superior.oid) {
                    lineage.push(superior);
                }
            }
        }
        // Every structural class is below "top", even where it does not say so (RFC 4512 §2.4.1).
        let top = self.class("top").filter(|_| class.kind == Kind::Structural);
        lineage.extend(top.filter(|top| !lineage.iter().any(|known| known.oid == top.oid)));
        lineage
    }

    /// Whether this is Active Directory, or a server that is like it.
    pub(crate) fn is_active_directory(&self) -> bool {
        self.active_directory
    }

    /// Gives types the syntax and the equality rule of those above them (RFC 4512 §2.5.1).
    fn inherit(&mut self) {
        let inherited = |kind: &AttributeType, own: fn(&AttributeType) -> Option<&String>| {
            let mut seen = HashSet::new();
            let mut next = Some(kind);
            while let Some(kind) = next.filter(|kind| seen.insert(kind.oid.clone())) {
                if let Some(found) = own(kind) {
                    return Some(found.clone());
                }
                next = kind.superior.as_ref().and_then(|name| self.types.get(name));
            }
            None
        };
        let all = self.types.all.iter();
        let resolved: Vec<_> = all
            .map(|kind| {
                (inherited(kind, |k| k.syntax.as_ref()), inherited(kind, |k| k.equality.as_ref()))
            })
            .collect();
        for (kind, (syntax, equality)) in self.types.all.iter_mut().zip(resolved) {
            (kind.syntax, kind.equality) = (syntax, equality);
        }
    }
}

fn each<D: Described>(of: &'static str, texts: &[String], skipped: &mut Vec<Skipped>) -> Vec<D> {
    let read = |text: &String| match Description::read(text).and_then(|read| D::of(&read)) {
        Ok(definition) => Some(definition),
        Err(why) => {
            skipped.push(Skipped { of, text: text.clone(), why });
            None
        }
    };
    texts.iter().filter_map(read).collect()
}
