//! Attribute flow: rows of the space become SCIM resources, resources become entries of the target.
//!
//! Invariant: here and in the modules below is the only place where SCIM and ECMA words meet.

use super::{
    cache::{Space, Stored},
    identity::ResourceId,
    layout::Layout,
    needs::Needs,
    references::{Membership, Peer, Peers},
    row,
    template::Template,
};
use crate::{
    config::{DeleteFlow, DnSource, ObjectMapping},
    scim::{Path, Resource, ResourceSchemas},
};
use ecma_plugin_sdk::{Access, Dn, EntryId, ObjectType, Value, page::Cell};
use serde_json::{Value as Json, json};
use std::{collections::BTreeSet, sync::Arc};

mod inward;
mod links;
mod password;

pub use super::rule::{LookUp, Rule};

/// How many values of a multi-valued reference an operator is shown; all are counted.
const DUMPED_LINKS: usize = 100;

/// An attribute that names many other entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Where SCIM has it.
    pub path: Path,
    /// Its name in the target.
    pub target: String,
    /// Its number in the layout.
    pub number: u32,
    rule: usize,
}

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
    /// Whether the groups of an entry are shown.
    shows_groups: bool,
    /// Multi-valued references: the attributes whose values stand beside the rows.
    links: Vec<Link>,
    /// How other object types are shown.
    peers: Arc<Peers>,
    /// How resources are written at once as text, when the mapping is of usual shape.
    template: Option<Template>,
    /// Whether [`PASSWORD`] is the password of an entry, and no attribute of the target.
    sets_password: bool,
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
        let shows_groups = mapping.resource == "User"
            && schemas.find(&Path::of("groups")).is_some()
            && !rules.iter().any(|rule| rule.path.attribute == "groups");
        let template = Template::new(&rules, &by_number, shows_active, shows_groups, &schemas);
        let linked = layout.types[number as usize].linked();
        let links = linked
            .flat_map(|number| by_number[number as usize].iter().map(move |rule| (number, *rule)));
        let links = links
            .map(|(number, rule)| Link {
                path: Path { filter: None, sub: None, ..rules[rule].path.clone() },
                target: rules[rule].target.name.clone(),
                number,
                rule,
            })
            .collect();
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
            shows_groups,
            links,
            peers: Arc::default(),
            template,
            sets_password: false,
        }
    }

    /// The flow whose [`PASSWORD`] is the password of an entry.
    pub(super) fn setting_passwords(self, sets_password: bool) -> Flow {
        Flow { sets_password, ..self }
    }

    /// The flow among those of the other object types.
    pub(super) fn among(self, peers: &Arc<Peers>) -> Flow {
        Flow { peers: Arc::clone(peers), ..self }
    }

    /// Whether any attribute names other entries.
    pub(super) fn refers(&self) -> bool {
        self.rules.iter().any(|rule| rule.refers.is_some())
    }

    /// How entries are shown where others name them.
    pub(super) fn peer(&self) -> Peer {
        let number = |path: &str| {
            let path = Path::parse(path).ok()?;
            let at = self.rules.iter().position(|rule| rule.path == path)?;
            self.numbers[at]
        };
        let display = ["displayName", "name.formatted", "userName"].into_iter();
        Peer {
            resource_type: self.mapping.resource.clone(),
            endpoint: self.endpoint.clone(),
            display: display.filter_map(number).collect(),
        }
    }

    /// The attributes that make other entries members of these.
    pub(super) fn memberships(&self) -> Vec<Membership> {
        let members = self
            .links
            .iter()
            .filter(|link| self.mapping.resource == "Group" && link.path == Path::of("members"));
        let membership = |link: &Link| {
            let refers = self.rules[link.rule].refers.clone()?;
            Some(Membership { type_number: self.number, number: link.number, refers })
        };
        members.filter_map(membership).collect()
    }

    /// The attributes that name many other entries.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Where SCIM has them.
    #[must_use]
    pub fn apart(&self) -> Vec<Path> {
        self.links.iter().map(|link| link.path.clone()).collect()
    }

    /// Those among them that are wanted.
    pub fn links_of<'f>(&'f self, needs: &'f Needs) -> impl Iterator<Item = &'f Link> {
        self.links.iter().filter(|link| needs.links && needs.rule(link.rule))
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

    /// The target attribute behind a canonical path, when it is text and SCIM shows it as it is.
    pub(super) fn text_behind(&self, layout: &Layout, path: &Path) -> Option<u32> {
        let (number, rule) = self.behind(path)?;
        let folded = layout.types[self.number as usize].kept.get(number as usize)?.folded;
        let case_exact = self.schemas.find(path)?.compared()?.case_exact;
        (rule.is_plain_text() && folded != case_exact).then_some(number)
    }

    /// Whether the groups of an entry are shown.
    pub(super) fn shows_groups(&self) -> bool {
        self.shows_groups
    }

    /// Whether an attribute is shown without a rule about it.
    pub(super) fn always_has(&self, attribute: &str) -> bool {
        attribute == "groups" && self.shows_groups || attribute == "active" && self.shows_active
    }

    /// The attributes that make entries of any type members of others.
    pub(super) fn memberships_of_all(&self) -> &[Membership] {
        &self.peers.memberships
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
    pub fn write(&self, space: &Space, stored: &Stored<'_>, base: &str, out: &mut Vec<u8>) {
        match &self.template {
            Some(template) => template.write(self, space, stored, base, out),
            None => {
                let resource = self.resource(space, stored, base, &Needs::ALL);
                serde_json::to_writer(out, &resource).expect("a resource is JSON");
            }
        }
    }

    /// The resource of a row. `base` is the connector's URL up to `/scim`.
    #[must_use]
    pub fn resource(
        &self,
        space: &Space,
        stored: &Stored<'_>,
        base: &str,
        needs: &Needs,
    ) -> Resource {
        let mut resource = Resource::new();
        let mut current = u32::MAX;
        let mut values: Vec<Cell<'_>> = Vec::new();
        let mut put = |number: u32, cells: &[Cell<'_>]| {
            let rules = self.by_number.get(number as usize).into_iter().flatten();
            for at in rules.copied().filter(|at| needs.rule(*at)) {
                self.put(&mut resource, space, &self.rules[at], cells, base, needs.display);
            }
        };
        for cell in row::cells(stored.bytes) {
            if cell.attribute != current {
                put(current, &values);
                values.clear();
                current = cell.attribute;
            }
            values.push(cell);
        }
        put(current, &values);
        for link in self.links_of(needs) {
            let values = space.links(stored.slot, link.number);
            let elements = self.elements(space, link, values, base, needs.display);
            self.put_elements(&mut resource, link, elements);
        }
        if self.shows_groups && needs.groups {
            let groups = self.groups(space, stored, base);
            resource.put_list(&Path::of("groups"), groups);
        }
        if self.shows_active {
            resource.put(&Path::of("active"), vec![Json::Bool(true)]);
        }
        if needs.common {
            self.put_common(&mut resource, space, stored, base);
        }
        resource
    }

    fn put_common(&self, resource: &mut Resource, space: &Space, stored: &Stored<'_>, base: &str) {
        resource.declare_schemas(&self.schemas);
        let id = ResourceId::of(space.layout(), stored.bytes);
        let modified = jiff::Timestamp::from_second(i64::from(stored.modified)).unwrap_or_default();
        let meta = json!({
            "resourceType": self.mapping.resource,
            "lastModified": modified.to_string(),
            "version": version(stored),
            "location": format!("{base}/{}/{id}", self.endpoint),
        });
        resource.put(&Path::of("id"), vec![Json::from(id.as_str())]);
        resource.put(&Path::of("meta"), vec![meta]);
    }

    fn put(
        &self,
        resource: &mut Resource,
        space: &Space,
        rule: &Rule,
        cells: &[Cell<'_>],
        base: &str,
        display: bool,
    ) {
        if rule.is_linked() {
            return;
        }
        if rule.refers.is_some() {
            let cell = cells.first();
            let shown = cell.and_then(|cell| self.reference(space, rule, cell, base, display));
            match shown {
                Some(Json::Object(parts)) => {
                    for (name, part) in parts {
                        let path = Path { sub: Some(name), ..rule.path.clone() };
                        resource.put(&path, vec![part]);
                    }
                }
                shown => resource.put(&rule.path, shown.into_iter().collect()),
            }
            return;
        }
        let take = if rule.multi_valued { cells.len() } else { 1 };
        let values = cells.iter().take(take).filter_map(|cell| rule.to_json(cell)).collect();
        if rule.list || rule.multi_valued {
            resource.put_list(&rule.path, values);
        } else {
            resource.put(&rule.path, values);
        }
    }

    /// The groups of an entry.
    pub(super) fn groups(&self, space: &Space, stored: &Stored<'_>, base: &str) -> Vec<Json> {
        self.peers.groups(space, stored, base)
    }

    /// Appends what [`Flow::reference`] answers, without the name; `false` when that is nothing.
    pub(super) fn write_reference(
        &self,
        space: &Space,
        rule: &Rule,
        cell: &Cell<'_>,
        base: &str,
        out: &mut Vec<u8>,
    ) -> bool {
        let slot = name_in(cell, |name| rule.refers.as_ref()?.resolve(space, name));
        let written = slot.zip(rule.shape.as_ref());
        written
            .is_some_and(|(slot, shape)| self.peers.write(space, slot, shape, base, out).is_some())
    }

    /// What SCIM shows of the entry that a value names, if there is one.
    pub(super) fn reference(
        &self,
        space: &Space,
        rule: &Rule,
        cell: &Cell<'_>,
        base: &str,
        display: bool,
    ) -> Option<Json> {
        name_in(cell, |name| self.element(space, rule, name, base, display))
    }

    fn element(
        &self,
        space: &Space,
        rule: &Rule,
        name: &[u8],
        base: &str,
        display: bool,
    ) -> Option<Json> {
        let slot = rule.refers.as_ref()?.resolve(space, name)?;
        self.peers.shown(space, slot, rule.shape.as_ref()?, display, base)
    }

    /// What the space holds of an entry, target names beside SCIM names, for an operator.
    #[must_use]
    pub fn dump(&self, space: &Space, stored: &Stored<'_>) -> Json {
        let layout = space.layout();
        let entry = row::decode(layout, stored.bytes);
        let texts =
            |values: &[Value]| -> Vec<String> { values.iter().map(ToString::to_string).collect() };
        let shown = |name: &str, values: Vec<String>| {
            let scim = self.scim_name(name);
            json!({"scim": scim.unwrap_or_default(), "values": values})
        };
        let mut attributes: serde_json::Map<String, Json> = entry
            .attributes()
            .map(|(name, values)| (name.to_owned(), shown(name, texts(values))))
            .collect();
        for link in &self.links {
            let values = space.links(stored.slot, link.number).take(DUMPED_LINKS);
            let values = values.map(|value| String::from_utf8_lossy(value).into_owned());
            let mut dumped = shown(&link.target, values.collect());
            dumped["count"] = Json::from(space.link_count(stored, link.number));
            attributes.insert(link.target.clone(), dumped);
        }
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

/// The name of an entry in a cell that refers to it: numbers by their digits.
fn name_in<T>(cell: &Cell<'_>, find: impl FnOnce(&[u8]) -> T) -> T {
    match cell.integer() {
        Some(number) => find(number.to_string().as_bytes()),
        None => find(cell.bytes),
    }
}

/// The weak entity tag of a row (RFC 7644 §3.14).
#[must_use]
pub fn version(stored: &Stored<'_>) -> String {
    format!("W/\"{:016x}\"", row::version(stored.bytes))
}
