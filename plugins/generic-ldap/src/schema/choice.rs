//! What the operator chose, held against what the server has.

use super::{ALIASES, ANCHOR, Anchor, Chosen, EXPORT_ONLY, OBJECT_CLASSES, READ_ONLY};
use crate::{
    known,
    nearest::instead,
    subschema::{AttributeType, Class, Kind, Subschema, Usage},
};
use ecma_plugin_sdk::Problem;

/// The classes and attributes that were chosen.
pub(super) struct Choice<'s> {
    pub(super) types: Vec<TypeChoice<'s>>,
    /// None for the distinguished name.
    pub(super) anchor: Option<&'s AttributeType>,
    pub(super) aliases: Vec<Alias<'s>>,
    export_only: Vec<&'s AttributeType>,
    read_only: Vec<&'s AttributeType>,
}

/// An object type that was chosen.
pub(super) struct TypeChoice<'s> {
    pub(super) name: &'s str,
    pub(super) class: &'s Class,
    pub(super) auxiliary: Vec<&'s Class>,
}

/// An attribute with options.
pub(super) struct Alias<'s> {
    pub(super) kind: &'s AttributeType,
    /// With the semicolons before them.
    pub(super) options: &'s str,
}

impl Alias<'_> {
    /// Whether the option only says how values are encoded.
    pub(super) fn is_binary(&self) -> bool {
        self.options.eq_ignore_ascii_case(";binary")
    }
}

impl<'s> Choice<'s> {
    /// Reads what was chosen, and adds a problem for everything that the server does not have.
    pub(super) fn read(
        schema: &'s Subschema,
        chosen: &'s Chosen,
        problems: &mut Vec<Problem>,
    ) -> Choice<'s> {
        let types = types(schema, chosen, problems);
        let anchor = match &chosen.anchor {
            Anchor::Dn => None,
            Anchor::Attribute(name) => attribute(schema, ANCHOR, "is", name, problems),
        };
        let mut list = |parameter: &str, names: &'s [String]| -> Vec<&'s AttributeType> {
            let found =
                names.iter().map(|name| attribute(schema, parameter, "names", name, problems));
            found.collect::<Vec<_>>().into_iter().flatten().collect()
        };
        let export_only = list(EXPORT_ONLY, &chosen.export_only);
        let read_only = list(READ_ONLY, &chosen.read_only);
        let aliases =
            chosen.aliases.iter().filter_map(|text| alias(schema, text, problems)).collect();
        let choice = Choice { types, anchor, aliases, export_only, read_only };
        choice.check(problems);
        choice
    }

    /// Whether it is written and never read.
    pub(super) fn is_export_only(&self, kind: &AttributeType) -> bool {
        is_secret(kind) || is_in(&self.export_only, kind)
    }

    /// Whether it is read and never written.
    pub(super) fn is_read_only(&self, kind: &AttributeType) -> bool {
        is_made_by_server(kind) || is_in(&self.read_only, kind)
    }

    /// Adds a problem for what cannot be both.
    fn check(&self, problems: &mut Vec<Problem>) {
        for kind in &self.read_only {
            let why = match () {
                () if is_secret(kind) => "which is never read",
                () if is_in(&self.export_only, kind) => {
                    "which export_only_attributes names as well"
                }
                () => continue,
            };
            problems.push(Problem::new(READ_ONLY, format!("names \"{}\", {why}", kind.name())));
        }
        for kind in self.export_only.iter().filter(|kind| is_made_by_server(kind)) {
            let text = format!("names \"{}\", which only the directory writes", kind.name());
            problems.push(Problem::new(EXPORT_ONLY, text));
        }
        let secret = self.anchor.filter(|kind| self.is_export_only(kind));
        if let Some(kind) = secret {
            let text = format!("is \"{}\", which is never read", kind.name());
            problems.push(Problem::new(ANCHOR, text));
        }
    }
}

fn is_in(list: &[&AttributeType], kind: &AttributeType) -> bool {
    list.iter().any(|known| known.oid == kind.oid)
}

fn is_secret(kind: &AttributeType) -> bool {
    kind.names.iter().any(|name| known::is_secret(name))
}

/// Whether no client writes it: the directory does, or for a collective attribute the entry that it
/// is collected from (RFC 3671).
pub(super) fn is_made_by_server(kind: &AttributeType) -> bool {
    kind.no_user_modification || kind.usage == Usage::Operational || kind.collective
}

fn types<'s>(
    schema: &'s Subschema,
    chosen: &'s Chosen,
    problems: &mut Vec<Problem>,
) -> Vec<TypeChoice<'s>> {
    if chosen.object_classes.is_empty() {
        let usual = known::CLASSES.iter().filter_map(|name| schema.class(name));
        let usual = usual.filter(|class| class.kind == Kind::Structural);
        let types: Vec<_> = usual
            .map(|class| TypeChoice { name: class.name(), class, auxiliary: Vec::new() })
            .collect();
        if types.is_empty() {
            let text =
                "is empty, and this directory has none of the usual classes; name those to use";
            problems.push(Problem::new(OBJECT_CLASSES, text));
        }
        return types;
    }
    let mut types: Vec<TypeChoice<'s>> = Vec::new();
    for entry in &chosen.object_classes {
        match type_of(schema, entry) {
            Ok(kind) if types.iter().any(|known| known.name == kind.name) => {
                let text = format!(
                    "has two object types \"{}\"; name one apart, as in staff={entry}",
                    kind.name
                );
                problems.push(Problem::new(OBJECT_CLASSES, text));
            }
            Ok(kind) => types.push(kind),
            Err(text) => problems.push(Problem::new(OBJECT_CLASSES, text)),
        }
    }
    types
}

/// The object type of `person=inetOrgPerson+posixAccount`; the error follows the parameter.
fn type_of<'s>(schema: &'s Subschema, entry: &'s str) -> Result<TypeChoice<'s>, String> {
    let (name, classes) = match entry.split_once('=') {
        Some((name, classes)) => (Some(name.trim()), classes),
        None => (None, entry),
    };
    let mut classes = classes.split('+').map(|name| class(schema, name.trim()));
    let class = classes.next().unwrap_or_else(|| Err("names no class".to_owned()))?;
    if class.kind != Kind::Structural {
        let what = if class.kind == Kind::Abstract { "abstract" } else { "auxiliary" };
        return Err(format!(
            "names \"{}\", an {what} class; an object type begins with a structural one",
            class.name()
        ));
    }
    let mut auxiliary = Vec::new();
    for class in classes {
        let class = class?;
        if class.kind != Kind::Auxiliary {
            return Err(format!(
                "adds \"{}\", which is no auxiliary class; an object type has one structural class",
                class.name()
            ));
        }
        auxiliary.push(class);
    }
    let name = name.unwrap_or(class.name());
    if name.is_empty() {
        return Err(format!("has an object type without a name in \"{entry}\""));
    }
    Ok(TypeChoice { name, class, auxiliary })
}

fn class<'s>(schema: &'s Subschema, name: &str) -> Result<&'s Class, String> {
    schema.class(name).ok_or_else(|| {
        let known = schema.classes().iter().flat_map(|class| &class.names).map(String::as_str);
        format!("names \"{name}\", which is no class of this directory{}", instead(name, known))
    })
}

fn attribute<'s>(
    schema: &'s Subschema,
    parameter: &str,
    verb: &str,
    name: &str,
    problems: &mut Vec<Problem>,
) -> Option<&'s AttributeType> {
    let found = schema.attribute_type(name);
    if found.is_none() {
        let known =
            schema.attribute_types().iter().flat_map(|kind| &kind.names).map(String::as_str);
        let instead = instead(name, known);
        let text = format!("{verb} \"{name}\", which is no attribute of this directory{instead}");
        problems.push(Problem::new(parameter, text));
    }
    found
}

/// The attribute and the options of `cn;lang-de`.
fn alias<'s>(
    schema: &'s Subschema,
    text: &'s str,
    problems: &mut Vec<Problem>,
) -> Option<Alias<'s>> {
    let text = text.trim();
    let (name, options) = text.split_at(text.find(';').unwrap_or(text.len()));
    let is_option = |option: &str| {
        !option.is_empty() && option.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    if options.is_empty() || !options[1..].split(';').all(is_option) {
        let text = format!("has \"{text}\"; it is written as userCertificate;binary");
        problems.push(Problem::new(ALIASES, text));
        return None;
    }
    let kind = attribute(schema, ALIASES, "names", name, problems)?;
    Some(Alias { kind, options })
}
