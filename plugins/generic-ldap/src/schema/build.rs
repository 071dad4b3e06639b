//! One object type, made of its classes.

use super::{
    Chosen, DN, DN_AS_ANCHOR, Field, OBJECT_CLASS, Type,
    choice::{Choice, TypeChoice, is_made_by_server},
    without_binary,
};
use crate::{
    known,
    subschema::{AttributeType, Class, Subschema, Usage},
    syntax::{Form, is_case_exact, needs_binary_option},
};
use ecma_plugin_sdk::{Access, Attribute, AttributeType as Kind, ObjectType};
use std::collections::hash_map::{Entry::Vacant, HashMap};

/// The class that allows an entry every attribute (RFC 4512 §4.3).
const EXTENSIBLE_OBJECT: &str = "1.3.6.1.4.1.1466.101.120.111";

pub(super) fn one(
    schema: &Subschema,
    chosen: &Chosen,
    choice: &Choice<'_>,
    kind: &TypeChoice<'_>,
) -> Type {
    let lineage = schema.lineage(kind.class);
    let mut auxiliary: Vec<&Class> = Vec::new();
    for class in kind.auxiliary.iter().flat_map(|class| schema.lineage(class)) {
        if !lineage.iter().chain(&auxiliary).any(|known| known.oid == class.oid) {
            auxiliary.push(class);
        }
    }
    let classes: Vec<&Class> = lineage.iter().chain(&auxiliary).copied().collect();
    let mut builder = Builder {
        schema,
        choice,
        object_type: identity(kind.name, choice),
        fields: Vec::new(),
        by_name: HashMap::new(),
    };
    for (attribute, required) in attributes(schema, chosen, choice, &classes) {
        builder.add(attribute, required);
    }
    let Builder { object_type, fields, by_name, .. } = builder;
    let names = |classes: &[&Class]| classes.iter().map(|class| class.name().to_owned()).collect();
    Type {
        name: kind.name.to_owned(),
        class: kind.class.name().to_owned(),
        superiors: names(&lineage[1..]),
        auxiliary: names(&auxiliary),
        oid: kind.class.oid.clone(),
        object_type,
        fields,
        by_name,
    }
}

/// An object type with what is an attribute of every entry and of no class: its distinguished name.
/// It may be left out of a new entry, for there may be a template of it.
fn identity(name: &str, choice: &Choice<'_>) -> ObjectType {
    let kind = ObjectType::new(name);
    match choice.anchor {
        None => kind.anchor(DN_AS_ANCHOR, Kind::Text).generated(),
        Some(_) => kind.attribute(DN, Kind::Text).unique(),
    }
    .case_insensitive()
}

/// The attributes of these classes and whether they are required, each once, and the anchor.
fn attributes<'s>(
    schema: &'s Subschema,
    chosen: &Chosen,
    choice: &Choice<'s>,
    classes: &[&Class],
) -> Vec<(&'s AttributeType, bool)> {
    let must = classes.iter().flat_map(|class| &class.must).map(|name| (name, true));
    let may = classes.iter().flat_map(|class| &class.may).map(|name| (name, false));
    let named = must.chain(may);
    let named = named.filter_map(|(name, must)| Some((schema.attribute_type(name)?, must)));
    let is_extensible =
        chosen.extensible || classes.iter().any(|class| class.oid == EXTENSIBLE_OBJECT);
    let others = schema.attribute_types().iter().filter(|kind| match kind.usage {
        Usage::UserApplications => is_extensible,
        Usage::Operational => chosen.operational,
    });
    let all = choice.anchor.into_iter().map(|kind| (kind, false)).chain(named);
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut attributes: Vec<(&AttributeType, bool)> = Vec::new();
    for (kind, must) in all.chain(others.map(|kind| (kind, false))) {
        let is_anchor = choice.anchor.is_some_and(|anchor| anchor.oid == kind.oid);
        if schema.is_active_directory()
            && kind.names.iter().any(|name| known::is_computed_by_active_directory(name))
        {
            continue;
        }
        if kind.usage == Usage::Operational && !chosen.operational && !is_anchor {
            continue;
        }
        match places.get(kind.oid.as_str()) {
            Some(at) => attributes[*at].1 |= must,
            None => {
                places.insert(&kind.oid, attributes.len());
                attributes.push((kind, must));
            }
        }
    }
    attributes
}

struct Builder<'b> {
    schema: &'b Subschema,
    choice: &'b Choice<'b>,
    object_type: ObjectType,
    fields: Vec<Field>,
    by_name: HashMap<String, usize>,
}

impl Builder<'_> {
    /// Adds an attribute, and what it is with options.
    fn add(&mut self, kind: &AttributeType, must: bool) {
        let (export_only, read_only) =
            (self.choice.is_export_only(kind), self.choice.is_read_only(kind));
        let access = match (export_only, read_only) {
            // A history of passwords: nothing to read, and nothing to write.
            (true, true) => return,
            (true, false) => Access::ExportOnly,
            (false, true) => Access::ImportOnly,
            (false, false) => Access::ImportExport,
        };
        let is_class = kind.is(OBJECT_CLASS);
        let is_anchor = self.choice.anchor.is_some_and(|anchor| anchor.oid == kind.oid);
        let form = match Form::of(self.schema, kind) {
            // An anchor is compared with what is stored, so it is shown as it is stored.
            form if is_anchor && !matches!(form.kind(), Kind::Integer | Kind::Binary) => match form
            {
                Form::Guid | Form::Hex => form,
                _ => Form::Text,
            },
            form => form,
        };
        let made_by_directory = is_made_by_server(kind)
            || (self.schema.is_active_directory()
                && kind.names.iter().any(|name| known::is_made_by_active_directory(name)));
        let mut attribute = Attribute::new(kind.name(), form.kind());
        attribute.multi_valued = !kind.single_value && !is_anchor;
        attribute.anchor = is_anchor;
        attribute.unique = is_anchor;
        attribute.generated = is_class || ((must || is_anchor) && made_by_directory);
        attribute.required = (must || is_anchor) && !attribute.generated;
        // The classes of an entry are the plugin's to write, whatever Active Directory says of them.
        attribute.access = if is_class { Access::ImportExport } else { access };
        attribute.case_exact = is_case_exact(self.schema, kind);
        attribute.description = match kind.obsolete {
            true => format!("Obsolete. {}", kind.description).trim_end().to_owned(),
            false => kind.description.clone(),
        };
        let aliases = || self.choice.aliases.iter().filter(|alias| alias.kind.oid == kind.oid);
        let is_binary =
            needs_binary_option(self.schema, kind) || aliases().any(|alias| alias.is_binary());
        let mut wires = vec![(attribute, if is_binary { ";binary" } else { "" })];
        for alias in aliases().filter(|alias| !alias.is_binary()) {
            let mut tagged =
                Attribute::new(format!("{}{}", kind.name(), alias.options), form.kind());
            tagged.multi_valued = wires[0].0.multi_valued;
            tagged.access = access;
            tagged.case_exact = wires[0].0.case_exact;
            wires.push((tagged, ""));
        }
        for (attribute, option) in wires {
            let (name, access) = (attribute.name.clone(), attribute.access);
            let wire = format!("{name}{option}");
            let Vacant(place) = self.by_name.entry(without_binary(&wire)) else {
                continue;
            };
            place.insert(self.fields.len());
            self.fields.push(Field { name, wire, form, access });
            self.object_type.attributes.push(attribute);
        }
    }
}
