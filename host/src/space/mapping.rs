//! A connector's mapping and the target's schema become a layout and flows, or a list of all that
//! does not fit.

mod deprovisioning;
mod offline;
mod place;

pub use offline::misfits_without_target;

use super::{
    flow::{Flow, Rule},
    layout::{Keeping, Layout},
    references::{Peers, Refers},
    schemas::schemas,
};
use crate::{
    config::{AttributeMapping, DeleteFlow, DnSource, ObjectMapping},
    scim::{AttributeKind, Path},
};
use ecma_plugin_sdk::{
    Access, Attribute, AttributeType, Capabilities, DnStyle, ObjectType, Schema,
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// The extension that holds target attributes without a SCIM name of their own.
#[must_use]
pub fn extension_urn(resource: &str) -> String {
    format!("urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:{resource}")
}

/// What the password of an entry is called in a mapping, where the connector sets passwords. An
/// attribute of the target that has this name is just that.
pub const PASSWORD: &str = "export_password";

/// Something in a mapping that does not fit the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where in the document: `object[0].attributes.mail`.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// A mapping that fits.
pub struct Compiled {
    /// What the space keeps.
    pub layout: Arc<Layout>,
    /// By number of the object type.
    pub flows: Vec<Arc<Flow>>,
    /// What fits but looks like a mistake.
    pub warnings: Vec<Misfit>,
}

/// Endpoints that no resource type may have.
const ENDPOINTS: [&str; 6] =
    ["Schema", "ResourceType", "Bulk", "Me", "ServiceProviderConfig", "cache"];

/// Compiles the mapping of a connector that can do this.
pub fn compile(
    schema: &Schema,
    objects: &[ObjectMapping],
    capabilities: &Capabilities,
) -> Result<Compiled, Vec<Misfit>> {
    let (names, passwords) = (capabilities.dn_style, capabilities.password);
    let mut layout = Layout::default();
    let mut flows = Vec::new();
    let mut misfits = Vec::new();
    let mut warnings = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        let (misfits, warnings) = (&mut misfits, &mut warnings);
        let mut draft = Draft { at, object, schema, objects, passwords, misfits, warnings };
        flows.extend(draft.object(&mut layout));
    }
    if !misfits.is_empty() {
        return Err(misfits);
    }
    if names != DnStyle::None && flows.iter().any(Flow::refers) {
        layout.index_names(names == DnStyle::Ldap);
    }
    let types = flows.iter().map(|flow| (flow.number, flow.peer())).collect();
    let memberships = flows.iter().flat_map(Flow::memberships).collect();
    let peers = Arc::new(Peers { types, memberships });
    let flows = flows.into_iter().map(|flow| Arc::new(flow.among(&peers))).collect();
    Ok(Compiled { layout: Arc::new(layout), flows, warnings })
}

/// Which entries an attribute names, when it does: a reference, or what is mapped to SCIM's `manager`
/// or `members`. Object types have the numbers of their places in the document.
fn refers(
    schema: &Schema,
    objects: &[ObjectMapping],
    target: &Attribute,
    path: &Path,
) -> Option<Refers> {
    let numbers = |fits: &dyn Fn(&ObjectMapping) -> bool| -> Vec<u32> {
        let all = objects.iter().enumerate().filter(|(_, object)| fits(object));
        all.map(|(at, _)| at as u32).collect()
    };
    let refers = if target.kind == AttributeType::Reference {
        let known = |object: &ObjectMapping| {
            target.refers_to.is_empty() || target.refers_to.contains(&object.object_type)
        };
        let of_one_type = match target.refers_to.len() {
            0 => schema.types.len() == 1,
            types => types == 1,
        };
        Refers { types: numbers(&known), plain: of_one_type }
    } else {
        let is_reference = matches!(path.attribute.as_str(), "manager" | "members")
            && path.sub.as_deref().is_none_or(|sub| sub == "value");
        if !is_reference {
            return None;
        }
        Refers { types: numbers(&|object| object.resource == "User"), plain: true }
    };
    (!refers.types.is_empty()).then_some(refers)
}

struct Draft<'a> {
    at: usize,
    object: &'a ObjectMapping,
    schema: &'a Schema,
    objects: &'a [ObjectMapping],
    /// Whether the connector sets passwords.
    passwords: bool,
    misfits: &'a mut Vec<Misfit>,
    warnings: &'a mut Vec<Misfit>,
}

impl Draft<'_> {
    fn key(&self, rest: &str) -> String {
        format!("object[{}].{rest}", self.at)
    }

    fn misfit(&mut self, rest: &str, message: String) {
        let key = self.key(rest);
        self.misfits.push(Misfit { key, message });
    }

    fn resource(&mut self) {
        if ENDPOINTS.contains(&self.object.resource.as_str()) {
            let message = format!("{} is the name of a SCIM endpoint", self.object.resource);
            self.misfit("resource", message);
        }
    }

    fn object(&mut self, layout: &mut Layout) -> Option<Flow> {
        let (schema, object) = (self.schema, self.object);
        self.resource();
        let Some(target) = schema.get(&object.object_type) else {
            let names = schema.types.iter().map(|known| known.name.as_str());
            let message = unknown("object type", &object.object_type, names);
            self.misfit("type", message);
            return None;
        };
        if layout.number(&target.name).is_some() {
            self.misfit("type", format!("{} is another object's type already", target.name));
            return None;
        }
        if target.anchors().next().is_none() {
            let message =
                format!("{} has no anchor, so nothing tells its objects apart", target.name);
            self.misfit("type", message);
            return None;
        }
        let sets_password = self.passwords && target.get(PASSWORD).is_none();
        let mut target = self.without_passwords(target);
        if sets_password {
            target = target.attribute(PASSWORD, AttributeType::Text).export_only();
        }
        let target = &target;
        let anchors: Vec<Attribute> = target.anchors().cloned().collect();
        let anchor_names: Vec<&str> = anchors.iter().map(|anchor| anchor.name.as_str()).collect();
        if !object.anchor.is_empty() && object.anchor != anchor_names {
            self.misfit(
                "anchor",
                format!(
                    "the plugin's anchor of {} is {}; choose another one in [values] if the plugin \
                     lets you",
                    target.name,
                    anchor_names.join(", ")
                ),
            );
        }
        let attributes = self.attributes(target);
        let mut rules = Vec::new();
        for (mapping, attribute) in &attributes {
            let rule = self.rule(mapping, attribute, anchors.contains(attribute));
            let others: Vec<_> =
                rules.iter().map(|rule: &Rule| (rule.target.name.as_str(), &rule.path)).collect();
            let rule = rule.filter(|rule| self.fits(&rule.target.name, &rule.path, &others));
            rules.extend(rule);
        }
        self.disable_rule(target, &mut rules);
        self.delete_value(target);
        self.dn(target);
        self.unmapped(target, &rules);
        let others: Vec<Attribute> = self.kept(target, &rules, &anchors);
        let searchable = |attribute: &&Attribute| attribute.access != Access::ExportOnly;
        for name in &object.query {
            let known =
                || others.iter().filter(searchable).chain(&anchors).map(|a| a.name.as_str());
            self.mapped(name, known);
        }
        let resources: Vec<&str> = self.objects.iter().map(|one| one.resource.as_str()).collect();
        let schemas = schemas(object, &mut rules, &resources, self.is_member());
        self.first_only(&mut rules);
        let case_exact = |name: &str| {
            let rule = rules.iter().find(|rule| rule.target.name == name);
            let leaf = rule.and_then(|rule| schemas.find(&rule.path).and_then(|f| f.compared()));
            leaf.map_or_else(|| target.get(name).is_none_or(|a| a.case_exact), |d| d.case_exact)
        };
        let number = layout.add(&target.name, &anchors, &others, |attribute| {
            let name = attribute.name.as_str();
            let rule = rules.iter().find(|rule| rule.target.name == name);
            // Two people of one user name must be noticed, whatever the operator lists.
            let is_user_name = rule.is_some_and(|rule| rule.path == Path::of("userName"));
            let is_text = matches!(attribute.kind, AttributeType::Text | AttributeType::Reference);
            let refers = rule.is_some_and(|rule| rule.refers.is_some());
            let exact = if refers { attribute.case_exact } else { case_exact(name) };
            Keeping {
                indexed: is_user_name || object.query.iter().any(|query| query == name),
                folded: is_text && !exact,
                linked: is_text && rule.is_some_and(Rule::is_linked),
            }
        });
        let flow = Flow::new(number, target.clone(), object.clone(), rules, schemas, layout);
        Some(flow.setting_passwords(sets_password))
    }

    /// What is mapped to `password` is only written, whatever the plugin says: nobody reads it.
    fn without_passwords(&self, target: &ObjectType) -> ObjectType {
        let mut target = target.clone();
        let is_password = |mapping: &AttributeMapping| {
            mapping.scim.as_deref().and_then(|text| Path::parse(text).ok()).is_some_and(|path| {
                path.extension().is_none() && path.attribute.eq_ignore_ascii_case("password")
            })
        };
        for mapping in self.object.attributes.iter().filter(|mapping| is_password(mapping)) {
            let attributes = target.attributes.iter_mut();
            for attribute in attributes.filter(|a| a.name == mapping.target && !a.anchor) {
                attribute.access = Access::ExportOnly;
            }
        }
        target
    }

    /// Whether clients may search by it.
    fn mapped<'k, K: Iterator<Item = &'k str>>(&mut self, name: &str, known: impl Fn() -> K) {
        if !known().any(|known| known == name) {
            self.misfit("query", unknown("mapped attribute", name, known()));
        }
    }

    fn attributes(&mut self, target: &ObjectType) -> Vec<(AttributeMapping, Attribute)> {
        let mut found = Vec::new();
        for mapping in &self.object.attributes {
            match target.get(&mapping.target) {
                Some(attribute) => found.push((mapping.clone(), attribute.clone())),
                None => {
                    let names = target.attributes.iter().map(|a| a.name.as_str());
                    let message = match mapping.target == PASSWORD {
                        true => "this connector does not set passwords with these values".into(),
                        false => unknown("attribute of the target", &mapping.target, names),
                    };
                    self.misfit(&format!("attributes.{}", mapping.target), message);
                }
            }
        }
        found
    }

    fn rule(
        &mut self,
        mapping: &AttributeMapping,
        target: &Attribute,
        anchor: bool,
    ) -> Option<Rule> {
        let place = format!("attributes.{}", mapping.target);
        let path = self.path(mapping)?;
        for word in [&mapping.when_true, &mapping.when_false].into_iter().flatten() {
            self.value(&place, target, word);
        }
        let multi_valued = target.multi_valued && !mapping.single;
        let mut refers = refers(self.schema, self.objects, target, &path);
        if anchor || multi_valued && target.kind == AttributeType::Integer {
            refers = None;
        }
        Some(Rule {
            target: target.clone(),
            path,
            multi_valued,
            when_true: mapping.when_true.clone(),
            when_false: mapping.when_false.clone(),
            anchor,
            kind: AttributeKind::String,
            list: false,
            refers,
            shape: None,
        })
    }

    /// Whether objects of this type can be members of groups.
    fn is_member(&self) -> bool {
        self.objects.iter().filter(|group| group.resource == "Group").any(|group| {
            let target = self.schema.get(&group.object_type);
            group.attributes.iter().any(|mapping| {
                let path = mapping.scim.as_deref().and_then(|text| Path::parse(text).ok());
                let path = path.filter(|path| path.attribute.eq_ignore_ascii_case("members"));
                let attribute = target.and_then(|target| target.get(&mapping.target));
                path.zip(attribute).is_some_and(|(path, attribute)| {
                    let path = Path { attribute: "members".to_owned(), ..path };
                    let refers = refers(self.schema, self.objects, attribute, &path);
                    let names_us = |refers: Refers| refers.types.contains(&(self.at as u32));
                    attribute.multi_valued && !mapping.single && refers.is_some_and(names_us)
                })
            })
        })
    }

    fn dn(&mut self, target: &ObjectType) {
        if let DnSource::Attribute(name) = &self.object.dn
            && target.get(name).is_none()
        {
            let names = target.attributes.iter().map(|a| a.name.as_str());
            self.misfit("dn", unknown("attribute of the target", name, names));
        }
    }

    /// Of several values only the first flows where SCIM takes one. A directory has many such
    /// attributes: they are told at once.
    fn first_only(&mut self, rules: &mut [Rule]) {
        let mut named = Vec::new();
        for rule in rules.iter_mut().filter(|rule| rule.multi_valued && !rule.list) {
            rule.multi_valued = false;
            named.push(rule.target.name.clone());
        }
        if !named.is_empty() {
            let (key, named) = (self.key("attributes"), named.join(", "));
            let message = format!("SCIM takes one value of {named}, so only the first flows");
            self.warnings.push(Misfit { key, message });
        }
    }

    /// Warns of what the target requires and nobody can give.
    fn unmapped(&mut self, target: &ObjectType, rules: &[Rule]) {
        let missing: Vec<&str> = target
            .attributes
            .iter()
            .filter(|a| a.required && !a.generated && a.access != Access::ImportOnly)
            .filter(|a| !rules.iter().any(|rule| rule.target.name == a.name))
            .map(|a| a.name.as_str())
            .collect();
        if !missing.is_empty() {
            let key = self.key("attributes");
            let message = format!(
                "the target requires {}, which no SCIM attribute is mapped to: nobody can be created",
                missing.join(", ")
            );
            self.warnings.push(Misfit { key, message });
        }
    }

    /// The attributes that the space keeps besides the anchor, in the schema's order.
    fn kept(&self, target: &ObjectType, rules: &[Rule], anchors: &[Attribute]) -> Vec<Attribute> {
        let deprovisioned = match &self.object.deprovisioning.delete {
            DeleteFlow::Set { attribute, .. } => Some(attribute.as_str()),
            _ => None,
        };
        let wanted = |attribute: &Attribute| {
            rules.iter().any(|rule| rule.target.name == attribute.name)
                || deprovisioned == Some(attribute.name.as_str())
                || self.object.dn == DnSource::Attribute(attribute.name.clone())
        };
        let others = target.attributes.iter().filter(|a| !anchors.contains(a) && wanted(a));
        others.cloned().collect()
    }
}

/// "there is no … x", with the nearest one there is.
fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near: BTreeMap<usize, &str> =
        known.map(|known| (strsim::damerau_levenshtein(name, known), known)).collect();
    match near.first_key_value() {
        Some((distance, near)) if *distance <= near.len().div_ceil(3) => {
            format!("there is no {what} \"{name}\", did you mean \"{near}\"?")
        }
        _ => format!("there is no {what} \"{name}\""),
    }
}
