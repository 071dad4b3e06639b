//! The mapping that is proposed for a target: which object types, which attributes, where SCIM has
//! them, and by what clients search.

use super::names::{EMAIL, MANAGER, MEMBERS, PASSWORD, resource_of, usual_path};
use crate::{
    config::{
        AttributeMapping, DeleteFlow, Deprovisioning, DisableFlow, DnSource, ObjectMapping, nearest,
    },
    space::mapping,
};
use ecma_plugin_sdk::{Access, Attribute, AttributeType, Capabilities, ObjectType, Schema};

/// What the operator wants to be otherwise than proposed.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The object types, each with its resource if that is said; empty: as their names suggest.
    pub objects: Vec<(String, Option<String>)>,
    /// Attribute and SCIM path; the attribute may have its object type and a dot in front.
    pub maps: Vec<(String, String)>,
    /// Attributes that are not mapped, named the same way.
    pub not_mapped: Vec<String>,
    /// What disabling does.
    pub disable: Option<DisableFlow>,
    /// What deleting does.
    pub delete: Option<DeleteFlow>,
}

/// The object types of a target, each with the resource that its name suggests.
#[must_use]
pub fn choices(schema: &Schema) -> Vec<(&str, Option<&'static str>)> {
    let only_one = schema.types.len() == 1;
    let mut taken = Vec::new();
    let resource = |kind: &ObjectType| {
        let usual = resource_of(&kind.name).or(only_one.then_some("User"));
        usual.filter(|resource| !taken.contains(resource)).inspect(|resource| taken.push(resource))
    };
    let resources: Vec<_> = schema.types.iter().map(resource).collect();
    schema.types.iter().map(|kind| kind.name.as_str()).zip(resources).collect()
}

/// The mapping of a target; without a schema, what is wished and nothing else. Otherwise everything
/// that is wrong with the wishes.
pub fn propose(
    schema: Option<&Schema>,
    capabilities: &Capabilities,
    wishes: &Wishes,
) -> Result<Vec<ObjectMapping>, Vec<String>> {
    let chosen = chosen(schema, wishes)?;
    let mut problems = Vec::new();
    let mut objects = Vec::new();
    for (object_type, resource) in &chosen {
        let kind = schema.and_then(|schema| schema.get(object_type)).cloned();
        let kind = kind.map(|kind| match capabilities.password && resource == "User" {
            true if kind.get(mapping::PASSWORD).is_none() => {
                kind.attribute(mapping::PASSWORD, AttributeType::Text).export_only()
            }
            _ => kind,
        });
        objects.push(object(object_type, resource, kind.as_ref(), wishes));
    }
    let maps = wishes.maps.iter().map(|(attribute, _)| ("--map", attribute));
    let not_mapped = wishes.not_mapped.iter().map(|attribute| ("--no-map", attribute));
    let disable = wishes.disable.iter().filter_map(|flow| match flow {
        DisableFlow::Set { attribute, .. } => Some(("--disable", attribute)),
        _ => None,
    });
    for (option, attribute) in maps.chain(not_mapped).chain(disable) {
        let is_there = |schema: &Schema| {
            objects.iter().any(|object| has(object, schema, attribute, capabilities))
        };
        if !schema.is_none_or(is_there) {
            let reason = no_attribute(schema, &chosen, attribute);
            problems.push(format!("{option} {attribute}: {reason}"));
        }
    }
    if problems.is_empty() { Ok(objects) } else { Err(problems) }
}

fn has(object: &ObjectMapping, schema: &Schema, named: &str, capabilities: &Capabilities) -> bool {
    let name = mine(named, &object.object_type);
    let is_password = capabilities.password && name == mapping::PASSWORD;
    is_password || schema.get(&object.object_type).is_some_and(|kind| kind.get(name).is_some())
}

fn no_attribute(schema: Option<&Schema>, chosen: &[(String, String)], named: &str) -> String {
    let kinds = chosen.iter().filter_map(|(name, _)| schema?.get(name));
    let names: Vec<&str> =
        kinds.flat_map(|kind| &kind.attributes).map(|attribute| attribute.name.as_str()).collect();
    match nearest(named, names.iter().copied()) {
        Some(near) => format!("there is no such attribute, did you mean {near}?"),
        None => format!("there is no such attribute; there are {}", names.join(", ")),
    }
}

/// The object types that are exposed, with their resources.
fn chosen(schema: Option<&Schema>, wishes: &Wishes) -> Result<Vec<(String, String)>, Vec<String>> {
    if !wishes.objects.is_empty() {
        let unknown: Vec<String> = wishes
            .objects
            .iter()
            .filter(|(name, _)| schema.is_some_and(|schema| schema.get(name).is_none()))
            .map(|(name, _)| {
                let known: Vec<&str> =
                    schema.iter().flat_map(|s| &s.types).map(|kind| kind.name.as_str()).collect();
                format!(
                    "--object {name}: the target has no such object type; it has {}",
                    known.join(", ")
                )
            })
            .collect();
        let resource = |name: &str| resource_of(name).unwrap_or("User").to_owned();
        let all = wishes.objects.iter();
        return match unknown.is_empty() {
            true => Ok(all
                .map(|(name, wish)| (name.clone(), wish.clone().unwrap_or_else(|| resource(name))))
                .collect()),
            false => Err(unknown),
        };
    }
    let Some(schema) = schema else {
        return Err(vec!["nothing is known of the target: say --object TYPE=User".to_owned()]);
    };
    let usual: Vec<(String, String)> = choices(schema)
        .into_iter()
        .filter_map(|(name, resource)| Some((name.to_owned(), resource?.to_owned())))
        .collect();
    if usual.is_empty() {
        let names: Vec<&str> = schema.types.iter().map(|kind| kind.name.as_str()).collect();
        let names = match names.is_empty() {
            true => "has none".to_owned(),
            false => format!("has {}", names.join(", ")),
        };
        return Err(vec![format!(
            "which object types? The target {names}: say --object TYPE=User"
        )]);
    }
    Ok(usual)
}

/// The attribute that a wish names, for this object type.
fn mine<'w>(named: &'w str, object_type: &str) -> &'w str {
    let attribute = named.strip_prefix(object_type).and_then(|rest| rest.strip_prefix('.'));
    attribute.unwrap_or(named)
}

fn object(
    object_type: &str,
    resource: &str,
    kind: Option<&ObjectType>,
    wishes: &Wishes,
) -> ObjectMapping {
    let wish = |attribute: &str| {
        let found = wishes.maps.iter().find(|(named, _)| mine(named, object_type) == attribute);
        found.map(|(_, path)| path.as_str())
    };
    let is_left_out = |attribute: &Attribute| {
        let name = attribute.name.as_str();
        let is_named = wishes.not_mapped.iter().any(|named| mine(named, object_type) == name);
        is_named || wish(name).is_none() && attribute.kind == AttributeType::Binary
    };
    // What only some object types have disables those.
    let has = |named: &str| kind.is_none_or(|kind| kind.get(mine(named, object_type)).is_some());
    let disable = match wishes.disable.clone().unwrap_or(DisableFlow::None) {
        DisableFlow::Set { attribute, when_true, when_false } if has(&attribute) => {
            let attribute = mine(&attribute, object_type).to_owned();
            DisableFlow::Set { attribute, when_true, when_false }
        }
        DisableFlow::Set { .. } => DisableFlow::None,
        flow => flow,
    };
    let is_active =
        |name: &str| matches!(&disable, DisableFlow::Set { attribute, .. } if attribute == name);
    let attributes: Vec<&Attribute> = kind
        .iter()
        .flat_map(|kind| &kind.attributes)
        .filter(|attribute| !is_left_out(attribute) && !is_active(&attribute.name))
        .collect();
    let mut taken: Vec<String> =
        attributes.iter().filter_map(|one| wish(&one.name)).map(str::to_owned).collect();
    if matches!(disable, DisableFlow::Set { .. }) {
        taken.push("active".to_owned());
    }
    let mut places = proposed(resource, &attributes, &taken, |name| wish(name).is_some());
    for (attribute, place) in attributes.iter().zip(&mut places) {
        if let Some(path) = wish(&attribute.name) {
            *place = Some(path.to_owned());
        }
    }
    let row = |target: &str, scim: Option<String>| AttributeMapping {
        target: target.to_owned(),
        scim: scim.filter(|path| !path.is_empty()),
        when_true: None,
        when_false: None,
        single: false,
    };
    let mut mapped: Vec<AttributeMapping> = attributes
        .iter()
        .zip(places)
        .map(|(attribute, place)| row(&attribute.name, place))
        .collect();
    if kind.is_none() {
        mapped = wishes
            .maps
            .iter()
            .map(|(named, path)| row(mine(named, object_type), Some(path.clone())))
            .collect();
    }
    let searched = |mapping: &&AttributeMapping| {
        let attribute = kind.and_then(|kind| kind.get(&mapping.target));
        let is_user_name = mapping.scim.as_deref() == Some("userName");
        let is_unique = attribute.is_some_and(|a| {
            a.unique && a.access != Access::ExportOnly && (!a.anchor || mapping.scim.is_some())
        });
        is_user_name || is_unique
    };
    ObjectMapping {
        object_type: object_type.to_owned(),
        resource: resource.to_owned(),
        anchor: Vec::new(),
        dn: DnSource::None,
        query: mapped.iter().filter(searched).map(|mapping| mapping.target.clone()).collect(),
        attributes: mapped,
        deprovisioning: Deprovisioning {
            disable,
            delete: wishes.delete.clone().unwrap_or(DeleteFlow::Delete),
        },
    }
}

/// Where SCIM gets each attribute; nothing: in the host's own extension. Of two that are usually in the
/// same place, the one with the better name is there.
fn proposed(
    resource: &str,
    attributes: &[&Attribute],
    taken: &[String],
    is_wished: impl Fn(&str) -> bool,
) -> Vec<Option<String>> {
    let place = |attribute: &Attribute| {
        let (path, rank) = usual_path(resource, &attribute.name)?;
        (suits(attribute, path) && !is_wished(&attribute.name)).then_some((path, rank))
    };
    let places: Vec<_> = attributes.iter().map(|attribute| place(attribute)).collect();
    let best = |at: usize| {
        let (path, rank) = places[at]?;
        let is_better = |(other, place): (usize, &Option<(&str, usize)>)| {
            place.is_some_and(|(same, better)| same == path && (better, other) < (rank, at))
        };
        let is_free = !taken.iter().any(|taken| taken == path);
        let is_best = !places.iter().enumerate().any(is_better);
        (is_free && is_best).then(|| match (path, attributes[at].multi_valued) {
            (EMAIL, true) => "emails".to_owned(),
            _ => path.to_owned(),
        })
    };
    let mut found: Vec<Option<String>> = (0..attributes.len()).map(best).collect();
    let is_user_name = |path: &String| path == "userName";
    if resource == "User" && !found.iter().flatten().chain(taken).any(is_user_name) {
        // A client has to call people something: better an address than nothing.
        let is_text = |attribute: &Attribute| attribute.kind == AttributeType::Text;
        let fits: [&dyn Fn(usize) -> bool; 3] = [
            &|at| found[at].as_deref().is_some_and(|path| path.starts_with("emails")),
            &|at| {
                found[at].is_none()
                    && attributes[at].unique
                    && is_text(attributes[at])
                    && !attributes[at].anchor
            },
            &|at| attributes[at].anchor,
        ];
        let is_open = |at: &usize| !is_wished(&attributes[*at].name);
        let fallback =
            fits.iter().find_map(|fit| (0..attributes.len()).filter(is_open).find(|at| fit(*at)));
        if let Some(at) = fallback {
            found[at] = Some("userName".to_owned());
        }
    }
    found
}

/// Whether an attribute of this kind can be in this place.
fn suits(attribute: &Attribute, path: &str) -> bool {
    match path {
        MEMBERS => attribute.multi_valued,
        MANAGER => !attribute.multi_valued || attribute.kind == AttributeType::Reference,
        PASSWORD => attribute.access == Access::ExportOnly,
        "active" => matches!(
            attribute.kind,
            AttributeType::Boolean | AttributeType::Integer | AttributeType::Text
        ),
        _ => attribute.kind != AttributeType::Reference && attribute.access != Access::ExportOnly,
    }
}
