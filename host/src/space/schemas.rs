//! The SCIM schemas that a mapping shows: of the standard ones what is mapped, and the host's own
//! extension for what SCIM has no name for.

use super::{
    flow::Rule,
    mapping::extension_urn,
    references::{Refers, Shape},
};
use crate::{
    config::ObjectMapping,
    scim::{
        self, AttributeDefinition, AttributeKind, Filter, Mutability, ResourceSchemas, Returned,
        Uniqueness,
    },
};
use ecma_plugin_sdk::{Access, AttributeType};
use std::collections::BTreeSet;

/// The standard's schemas of a resource type, when it has any.
pub(super) fn standard_schemas(resource: &str) -> Option<ResourceSchemas> {
    match resource {
        "User" => Some(ResourceSchemas::new(scim::user(), vec![(scim::enterprise_user(), false)])),
        "Group" => Some(ResourceSchemas::new(scim::group(), Vec::new())),
        _ => None,
    }
}

/// The schemas of a resource type with these rules, which learn what SCIM says of their paths.
/// `resources` are the resource types by number of the object type; `groups`: entries can be members
/// of groups.
pub(super) fn schemas(
    object: &ObjectMapping,
    rules: &mut [Rule],
    resources: &[&str],
    groups: bool,
) -> ResourceSchemas {
    let resource = &object.resource;
    let standard = standard_schemas(resource);
    let own = extension_urn(resource);
    let mut core = match &standard {
        Some(schemas) => schemas.core().clone(),
        None => scim::Schema {
            id: format!("urn:ietf:params:scim:schemas:ECMA2Host:2.0:{resource}"),
            name: resource.clone(),
            description: format!("{} of the target", object.object_type),
            attributes: rules
                .iter()
                .filter(|rule| rule.path.schema.is_none())
                .map(|rule| definition(rule, &rule.path.attribute, resources))
                .collect(),
        },
    };
    if standard.is_some() {
        core.attributes = mapped(&core.attributes, None, rules, resources);
        for name in ["active", "groups"] {
            let shown = resource == "User" && (groups || name == "active");
            if shown && !core.attributes.iter().any(|known| known.name == name) {
                let standard = scim::user().attributes.into_iter().find(|a| a.name == name);
                core.attributes.extend(standard);
            }
        }
    }
    let mut extensions = Vec::new();
    for extension in standard.iter().flat_map(ResourceSchemas::extensions) {
        let mut schema = extension.schema.clone();
        schema.attributes = mapped(&schema.attributes, Some(&schema.id), rules, resources);
        if !schema.attributes.is_empty() {
            extensions.push((schema, false));
        }
    }
    let attributes: Vec<AttributeDefinition> = rules
        .iter()
        .filter(|rule| rule.path.schema.as_deref() == Some(&own))
        .map(|rule| definition(rule, &rule.path.attribute, resources))
        .collect();
    if !attributes.is_empty() {
        let schema = scim::Schema {
            id: own,
            name: format!("{resource} of the target"),
            description: "Attributes of the target that have no other SCIM name".to_owned(),
            attributes,
        };
        extensions.push((schema, false));
    }
    let schemas = ResourceSchemas::new(core, extensions);
    for rule in rules {
        if let Some(found) = schemas.find(&rule.path) {
            rule.kind = found.compared().map_or(AttributeKind::String, |leaf| leaf.kind);
            rule.list = found.attribute.is_some_and(|attribute| attribute.multi_valued);
            if let (Some(_), Some(attribute)) = (&rule.refers, found.attribute) {
                rule.shape = Some(Shape::of(attribute));
            }
        }
    }
    schemas
}

/// Of these standard attributes, those that a rule is about, as the target has them.
fn mapped(
    standard: &[AttributeDefinition],
    extension: Option<&str>,
    rules: &[Rule],
    resources: &[&str],
) -> Vec<AttributeDefinition> {
    let mut kept = Vec::new();
    for attribute in standard {
        let rules: Vec<&Rule> = rules
            .iter()
            .filter(|rule| rule.path.extension() == extension)
            .filter(|rule| rule.path.attribute == attribute.name)
            .collect();
        if rules.is_empty() {
            continue;
        }
        let mut attribute = attribute.clone();
        let refers = rules.iter().find_map(|rule| rule.refers.as_ref());
        let shape = refers.map(|_| Shape::of(&attribute));
        if attribute.sub_attributes.is_empty() {
            restrict(&mut attribute, &rules);
        } else {
            types(&mut attribute, &rules);
            attribute.sub_attributes.retain_mut(|sub| {
                let about: Vec<&Rule> = rules
                    .iter()
                    .filter(|rule| rule.path.sub.as_deref().unwrap_or("value") == sub.name)
                    .copied()
                    .collect();
                restrict(sub, &about);
                if let Some(refers) = refers {
                    point(sub, refers, resources);
                }
                let selects = |rule: &&Rule| {
                    rule.path.filter.as_ref().is_some_and(|filter| names(filter, &sub.name))
                };
                let fills = shape.as_ref().is_some_and(|shape| shape.fills(&sub.name));
                !about.is_empty() || fills || rules.iter().any(selects)
            });
        }
        kept.push(attribute);
    }
    kept
}

/// The types of elements are those that are mapped, when each rule is about a type.
fn types(attribute: &mut AttributeDefinition, rules: &[&Rule]) {
    let kind = |rule: &&Rule| {
        let equalities = rule.path.filter.as_ref()?.equalities();
        let kind = equalities.iter().find(|(path, _)| path.attribute == "type")?;
        kind.1.as_str().map(str::to_owned)
    };
    let Some(mut kinds) = rules.iter().map(kind).collect::<Option<Vec<String>>>() else { return };
    let mut known = BTreeSet::new();
    kinds.retain(|kind| known.insert(kind.clone()));
    for sub in attribute.sub_attributes.iter_mut().filter(|sub| sub.name == "type") {
        sub.canonical_values.clone_from(&kinds);
    }
}

/// What a sub-attribute of a reference can say: only of the types that are mapped.
fn point(sub: &mut AttributeDefinition, refers: &Refers, resources: &[&str]) {
    let names = refers.types.iter().filter_map(|number| resources.get(*number as usize));
    let names: Vec<String> = names.map(|name| (*name).to_owned()).collect();
    match sub.name.as_str() {
        "$ref" => sub.reference_types = names,
        "type" => sub.canonical_values = names,
        _ => {}
    }
}

/// Whether a filter within brackets looks at this sub-attribute.
fn names(filter: &Filter, sub: &str) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(|part| names(part, sub)),
        Filter::Not(inner) => names(inner, sub),
        Filter::Has(path) | Filter::Compare(path, ..) => path.attribute.eq_ignore_ascii_case(sub),
    }
}

/// What the target allows less than the standard; of several rules about one attribute (work and
/// home mail) all have to agree.
fn restrict(attribute: &mut AttributeDefinition, rules: &[&Rule]) {
    if rules.is_empty() {
        return;
    }
    let all = |access| rules.iter().all(|rule| rule.target.access == access);
    if all(Access::ImportOnly) {
        attribute.mutability = Mutability::ReadOnly;
    } else if all(Access::ExportOnly) {
        attribute.mutability = Mutability::WriteOnly;
        attribute.returned = Returned::Never;
    } else if rules.iter().all(|rule| rule.anchor) {
        attribute.mutability = Mutability::Immutable;
    }
    let must = |rule: &&Rule| {
        let target = &rule.target;
        target.required && !target.generated && target.access != Access::ImportOnly
    };
    if rules.iter().all(|rule| must(rule) && rule.path.filter.is_none() && !rule.is_linked()) {
        attribute.required = true;
    }
    if rules.iter().all(|rule| rule.target.unique) {
        attribute.uniqueness = Uniqueness::Server;
    }
}

/// The definition of a target attribute that has no standard one.
fn definition(rule: &Rule, name: &str, resources: &[&str]) -> AttributeDefinition {
    let kind = if rule.refers.is_some() {
        AttributeKind::Reference
    } else if rule.when_true.is_some() || rule.when_false.is_some() {
        AttributeKind::Boolean
    } else {
        match rule.target.kind {
            AttributeType::Integer => AttributeKind::Integer,
            AttributeType::Boolean => AttributeKind::Boolean,
            AttributeType::Binary => AttributeKind::Binary,
            AttributeType::DateTime => AttributeKind::DateTime,
            _ => AttributeKind::String,
        }
    };
    let mut definition = AttributeDefinition::new(name, kind);
    definition.multi_valued = rule.multi_valued;
    definition.required = rule.target.required && !rule.target.generated;
    definition.case_exact = rule.target.case_exact;
    definition.description = if rule.target.description.is_empty() {
        format!("{} in the target", rule.target.name)
    } else {
        rule.target.description.clone()
    };
    if let Some(refers) = &rule.refers {
        let names = refers.types.iter().filter_map(|number| resources.get(*number as usize));
        definition.reference_types = names.map(|name| (*name).to_owned()).collect();
        definition.case_exact = true;
    }
    restrict(&mut definition, &[rule]);
    definition
}
