//! Attribute flow: rows of the space become SCIM resources, resources become entries of the target.
//!
//! Invariant: the only place where SCIM and ECMA words meet.

use super::{
    cache::Stored, identity::ResourceId, layout::Layout, row, rule::parse, template::Template,
};
use crate::{
    config::{DeleteFlow, DisableFlow, DnSource, ObjectMapping},
    scim::{self, Path, Resource, ResourceSchemas},
};
use ecma_plugin_sdk::{Access, Dn, Entry, EntryId, ObjectType, Value, page::Cell};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

pub use super::rule::{LookUp, Rule};

/// The attribute flow of one object type.
#[derive(Debug)]
pub struct Flow {
    /// Number of the object type in the layout.
    pub number: u32,
    /// The object type in the target.
    pub object_type: ObjectType,
    /// The mapping it was compiled from.
    pub mapping: ObjectMapping,
    /// The endpoint, without a slash: `Users`.
    pub endpoint: String,
    /// The schemas a client sees.
    pub schemas: ResourceSchemas,
    rules: Vec<Rule>,
    /// By number of the attribute in the layout: its rules.
    by_number: Vec<Vec<usize>>,
    /// By rule: the number of its attribute, if it is kept.
    numbers: Vec<Option<u32>>,
    /// Whether everybody is shown as active, because nothing in the target says who is.
    shows_active: bool,
    /// How resources are written at once as text, when the mapping is of usual shape.
    template: Option<Template>,
}

impl Flow {
    /// The flow of these rules.
    #[must_use]
    pub fn new(
        number: u32,
        object_type: ObjectType,
        mapping: ObjectMapping,
        rules: Vec<Rule>,
        schemas: ResourceSchemas,
        layout: &Layout,
    ) -> Flow {
        let kept = &layout.types[number as usize].kept;
        let by_number: Vec<Vec<usize>> = kept
            .iter()
            .map(|kept| {
                let fits = |rule: &Rule| rule.target.name == kept.attribute.name;
                (0..rules.len()).filter(|at| fits(&rules[*at])).collect()
            })
            .collect();
        let shows_active =
            mapping.resource == "User" && !rules.iter().any(|rule| rule.path == Path::of("active"));
        let template = Template::new(&rules, &by_number, shows_active, &schemas);
        let number_of = |at| by_number.iter().position(|rules| rules.contains(&at));
        let numbers =
            (0..rules.len()).map(|at| number_of(at).map(|number| number as u32)).collect();
        let endpoint = format!("{}s", mapping.resource);
        Flow {
            number,
            object_type,
            mapping,
            endpoint,
            schemas,
            rules,
            by_number,
            numbers,
            shows_active,
            template,
        }
    }

    /// The name of the resource type.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        &self.mapping.resource
    }

    /// The names of the target attributes that the connector shall import.
    pub fn selected(&self) -> Vec<String> {
        let delete = match &self.mapping.deprovisioning.delete {
            DeleteFlow::Set { attribute, .. } => Some(attribute),
            _ => None,
        };
        let dn = match &self.mapping.dn {
            DnSource::Attribute(attribute) => Some(attribute),
            _ => None,
        };
        let rules = self.rules.iter().filter(|rule| rule.target.access != Access::ExportOnly);
        let names: BTreeSet<&String> =
            rules.map(|rule| &rule.target.name).chain(delete).chain(dn).collect();
        names.into_iter().cloned().collect()
    }

    /// The target attribute behind a SCIM path, when a comparison there is one of its values: its
    /// number in the layout, and how the compared value is written in a cell.
    #[must_use]
    pub fn behind(&self, path: &Path) -> Option<(u32, &Rule)> {
        let path = self.schemas.canonical(path)?;
        let at = self.rules.iter().position(|rule| rule.path == path)?;
        Some(((*self.numbers.get(at)?)?, &self.rules[at]))
    }

    /// The rules.
    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether the mapping is of a shape that is written without a tree.
    #[cfg(test)]
    pub(super) fn writes_text(&self) -> bool {
        self.template.is_some()
    }

    /// Appends the resource of a row as JSON text, the same as that of [`Flow::resource`].
    pub fn write(&self, layout: &Layout, stored: &Stored<'_>, base: &str, out: &mut Vec<u8>) {
        match &self.template {
            Some(template) => template.write(self, layout, stored, base, out),
            None => serde_json::to_writer(out, &self.resource(layout, stored, base))
                .expect("a resource is JSON"),
        }
    }

    /// The resource of a row. `base` is the connector's URL up to `/scim`.
    #[must_use]
    pub fn resource(&self, layout: &Layout, stored: &Stored<'_>, base: &str) -> Resource {
        let mut resource = Resource::new();
        let mut current = u32::MAX;
        let mut values: Vec<Cell<'_>> = Vec::new();
        for cell in row::cells(stored.bytes) {
            if cell.attribute != current {
                self.put(&mut resource, current, &values);
                values.clear();
                current = cell.attribute;
            }
            values.push(cell);
        }
        self.put(&mut resource, current, &values);
        if self.shows_active {
            resource.put(&Path::of("active"), vec![Json::Bool(true)]);
        }
        resource.declare_schemas(&self.schemas);
        let id = ResourceId::of(layout, stored.bytes);
        let modified = jiff::Timestamp::from_second(i64::from(stored.modified)).unwrap_or_default();
        let meta = json!({
            "resourceType": self.mapping.resource,
            "lastModified": modified.to_string(),
            "version": version(stored),
            "location": format!("{base}/{}/{id}", self.endpoint),
        });
        resource.put(&Path::of("id"), vec![Json::from(id.as_str())]);
        resource.put(&Path::of("meta"), vec![meta]);
        resource
    }

    fn put(&self, resource: &mut Resource, number: u32, cells: &[Cell<'_>]) {
        let Some(rules) = self.by_number.get(number as usize) else { return };
        for rule in rules.iter().map(|at| &self.rules[*at]) {
            let take = if rule.multi_valued { cells.len() } else { 1 };
            let values = cells.iter().take(take).filter_map(|cell| rule.to_json(cell)).collect();
            if rule.list || rule.multi_valued {
                resource.put_list(&rule.path, values);
            } else {
                resource.put(&rule.path, values);
            }
        }
    }

    /// The entry that a resource asks for. What the target only lets us read is as it was; the
    /// anchor is that of the entry before, or what the resource says.
    pub fn entry(&self, resource: &Resource, before: Option<&Entry>) -> Result<Entry, scim::Error> {
        let mut entry = match before {
            Some(before) => before.clone(),
            None => Entry::new(self.object_type.name.as_str()),
        };
        for rule in &self.rules {
            if rule.target.access == Access::ImportOnly || (rule.anchor && before.is_some()) {
                continue;
            }
            if rule.path == Path::of("active") && self.disables_by_deleting() {
                continue;
            }
            let known = entry.get(&rule.target.name);
            let known = if rule.multi_valued { known } else { &known[..known.len().min(1)] };
            let shown: Vec<(Json, &Value)> =
                known.iter().filter_map(|value| Some((rule.shown(value)?, value))).collect();
            let mut wanted = resource.get(&rule.path);
            if wanted.is_empty() && rule.path.filter.is_some() {
                wanted = self.untyped(resource, rule);
            }
            if wanted.is_empty() && rule.path == Path::of("active") {
                // Who does not say leaves it as it is, or to the target.
                continue;
            }
            if shown.iter().map(|(shown, _)| shown).eq(wanted.iter().copied()) {
                // As it was, in the target's own words; values that SCIM does not show stay as well.
                continue;
            }
            let mut values = Vec::new();
            for json in wanted {
                let value = match shown.iter().find(|(shown, _)| shown == json) {
                    Some((_, value)) => (*value).clone(),
                    None => rule.to_value(json)?,
                };
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            if !rule.multi_valued {
                values.truncate(1);
            }
            if rule.anchor {
                if let Some(value) = values.into_iter().next() {
                    entry.id_mut().anchor.set(rule.target.name.as_str(), value);
                }
            } else {
                entry.put(rule.target.name.as_str(), values);
            }
        }
        self.name(&mut entry, before);
        Ok(entry)
    }

    /// The values of elements that do not say their type, where the target has only one type of them:
    /// `emails: [{"value": "…"}]` means the only mail there is.
    fn untyped<'r>(&self, resource: &'r Resource, rule: &Rule) -> Vec<&'r Json> {
        let same = |other: &&Rule| {
            other.path.attribute == rule.path.attribute && other.path.schema == rule.path.schema
        };
        if self.rules.iter().filter(same).any(|other| other.path.filter != rule.path.filter) {
            return Vec::new();
        }
        let whole = Path { filter: None, sub: None, ..rule.path.clone() };
        let sub = rule.path.sub.as_deref().unwrap_or("value");
        let elements = resource.get(&whole).into_iter().filter_map(Json::as_object);
        elements.filter(|parts| !parts.contains_key("type")).filter_map(|p| p.get(sub)).collect()
    }

    /// Gives the entry its distinguished name, where the mapping says how. An entry that was there
    /// before gets another one only when the attribute that holds it changed.
    fn name(&self, entry: &mut Entry, before: Option<&Entry>) {
        match &self.mapping.dn {
            // A made name is never kept: imports do not bring it, and rows would differ.
            DnSource::None | DnSource::Autogenerated => {}
            DnSource::Attribute(name) => {
                let stays = before.is_some_and(|before| before.text(name) == entry.text(name));
                if let Some(dn) = entry.text(name).filter(|_| !stays).map(Dn::new) {
                    entry.id_mut().dn = Some(dn);
                }
            }
        }
    }

    /// The target attributes behind the paths a client named.
    #[must_use]
    pub fn named(&self, paths: &[Path]) -> BTreeSet<String> {
        self.rules
            .iter()
            .filter(|rule| !rule.anchor && paths.iter().any(|path| path.overlaps(&rule.path)))
            .map(|rule| rule.target.name.clone())
            .collect()
    }

    /// Whether the resource as wanted asks, by the disable flow, for the entry to be deleted.
    #[must_use]
    pub fn asks_to_delete(&self, wanted: &Resource) -> bool {
        self.disables_by_deleting()
            && wanted.get(&Path::of("active")).first() == Some(&&Json::Bool(false))
    }

    fn disables_by_deleting(&self) -> bool {
        self.mapping.deprovisioning.disable == DisableFlow::Delete
    }

    /// What DELETE writes into the entry instead of deleting it, when the delete flow says so.
    pub fn left(&self, before: &Entry) -> Result<Option<Entry>, scim::Error> {
        let DeleteFlow::Set { attribute, value } = &self.mapping.deprovisioning.delete else {
            return Ok(None);
        };
        let Some(target) = self.object_type.get(attribute) else { return Ok(None) };
        let value = parse(target, value, attribute)?;
        let mut after = before.clone();
        after.put(attribute.as_str(), vec![value]);
        Ok(Some(after))
    }

    /// What the space holds of an entry, target names beside SCIM names, for an operator.
    #[must_use]
    pub fn dump(&self, layout: &Layout, stored: &Stored<'_>) -> Json {
        let entry = row::decode(layout, stored.bytes);
        let shown = |values: &[Value]| -> Vec<Json> {
            values.iter().map(|value| Json::from(value.to_string())).collect()
        };
        let attributes: serde_json::Map<String, Json> = entry
            .attributes()
            .map(|(name, values)| {
                let scim = self.scim_name(name);
                (
                    name.to_owned(),
                    json!({"scim": scim.unwrap_or_default(), "values": shown(values)}),
                )
            })
            .collect();
        let anchor: serde_json::Map<String, Json> = entry
            .id()
            .anchor
            .iter()
            .map(|(name, value)| (name.to_owned(), Json::from(value.to_string())))
            .collect();
        let mut dump = json!({
            "id": ResourceId::of(layout, stored.bytes).as_str(),
            "resourceType": self.mapping.resource,
            "objectType": self.object_type.name,
            "anchor": anchor,
            "attributes": attributes,
        });
        if let Some(dn) = self.export_id(entry.id().clone()).dn {
            dump["dn"] = Json::from(dn.as_str());
        }
        dump
    }

    /// The SCIM name of a target attribute, for messages.
    #[must_use]
    pub fn scim_name(&self, attribute: &str) -> Option<String> {
        let rule = self.rules.iter().find(|rule| rule.target.name == attribute)?;
        Some(rule.path.to_string())
    }

    /// The id of an entry as an export addresses it.
    #[must_use]
    pub fn export_id(&self, mut id: EntryId) -> EntryId {
        if id.dn.is_none() && self.mapping.dn == DnSource::Autogenerated {
            id.dn = Some(Dn::autogenerated(&id.object_type, &id.anchor));
        }
        id
    }
}

/// The weak entity tag of a row (RFC 7644 §3.14).
#[must_use]
pub fn version(stored: &Stored<'_>) -> String {
    format!("W/\"{:016x}\"", row::version(stored.bytes))
}
