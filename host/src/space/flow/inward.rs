//! From a client's resource to an entry of the target.

use super::{Flow, Rule};
use crate::{
    config::{DeleteFlow, DisableFlow, DnSource},
    scim::{self, Path, Resource},
    space::{cache::Space, identity::ResourceId, references, rule::parse},
};
use ecma_plugin_sdk::{Access, Dn, Entry, Value};
use serde_json::Value as Json;
use std::collections::BTreeSet;

impl Flow {
    /// The entry that a resource asks for. What the target only lets us read is as it was; the
    /// anchor is that of the entry before, or what the resource says.
    ///
    /// `named` are the paths a client wrote to. Multi-valued references stay as they are; see
    /// [`Flow::link_value`].
    pub fn entry(
        &self,
        space: &Space,
        resource: &Resource,
        named: &[Path],
        before: Option<&Entry>,
    ) -> Result<Entry, scim::Error> {
        let clears_active = named.contains(&Path::of("active"));
        let mut entry = match before {
            Some(before) => before.clone(),
            None => Entry::new(self.object_type.name.as_str()),
        };
        for rule in &self.rules {
            if rule.target.access == Access::ImportOnly || (rule.anchor && before.is_some()) {
                continue;
            }
            if rule.path == Path::of("active") && self.disables_by_deleting() || rule.is_linked() {
                continue;
            }
            if rule.refers.is_some() {
                self.refer(space, resource, rule, &mut entry)?;
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
            if wanted.is_empty() && rule.path == Path::of("active") && !clears_active {
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

    /// Writes what the resource says of a reference of one value. One that leads nowhere is not shown,
    /// so whoever says nothing of it does not mean it.
    fn refer(
        &self,
        space: &Space,
        resource: &Resource,
        rule: &Rule,
        entry: &mut Entry,
    ) -> Result<(), scim::Error> {
        let name = rule.target.name.as_str();
        let known = entry.get(name).first().map(ToString::to_string);
        let slot = known.as_ref().and_then(|known| {
            rule.refers.as_ref().and_then(|refers| refers.resolve(space, known.as_bytes()))
        });
        let stored = slot.and_then(|slot| space.stored(slot));
        let shown = stored.map(|stored| ResourceId::of(space.layout(), stored.bytes));
        let url = rule.shape.as_ref().filter(|shape| shape.fills("$ref"));
        let url = url.map(|_| Path { sub: Some("$ref".to_owned()), ..rule.path.clone() });
        let paths = std::iter::once(&rule.path).chain(&url);
        let wanted = paths.flat_map(|path| resource.get(path)).next();
        match wanted {
            None if known.is_some() && shown.is_none() => {}
            None => entry.put(name, Vec::new()),
            Some(Json::String(id)) if shown == Some(references::id_in(id)) => {}
            Some(id) => entry.put(name, vec![rule.named(space, id)?]),
        }
        Ok(())
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

    /// The target attributes behind the paths a client named, without the password.
    #[must_use]
    pub fn named(&self, paths: &[Path]) -> BTreeSet<String> {
        self.rules
            .iter()
            .filter(|rule| !rule.anchor && !rule.is_linked())
            .filter(|rule| !self.is_password(&rule.target.name))
            .filter(|rule| paths.iter().any(|path| path.overlaps(&rule.path)))
            .map(|rule| rule.target.name.clone())
            .collect()
    }

    /// Whether the resource as wanted asks, by the disable flow, for the entry to be deleted.
    #[must_use]
    pub fn asks_to_delete(&self, wanted: &Resource) -> bool {
        self.disables_by_deleting()
            && wanted.get(&Path::of("active")).first() == Some(&&Json::Bool(false))
    }

    /// Whether an attribute of the target holds `active`.
    #[must_use]
    pub fn writes_active(&self) -> bool {
        self.rules.iter().any(|rule| rule.path == Path::of("active"))
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
}
