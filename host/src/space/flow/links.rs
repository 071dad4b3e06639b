//! Multi-valued references: what SCIM shows of those a row has, and what a client's mean.

use super::{Flow, Link};
use crate::{
    scim::{self, Resource},
    space::{cache::Space, layout::Layout, row},
};
use ecma_plugin_sdk::Value;
use serde_json::Value as Json;

impl Flow {
    /// What SCIM shows of the entries that these values name, with their names if `display`; those
    /// that lead nowhere are left out.
    pub fn elements<'v>(
        &self,
        space: &Space,
        link: &Link,
        values: impl Iterator<Item = &'v [u8]>,
        base: &str,
        display: bool,
    ) -> Vec<Json> {
        let rule = &self.rules[link.rule];
        values.filter_map(|value| self.element(space, rule, value, base, display)).collect()
    }

    /// Appends the JSON text of what [`Flow::elements`] answers without names, to a list that begins
    /// with `[`.
    pub fn write_elements<'v>(
        &self,
        space: &Space,
        link: &Link,
        values: impl Iterator<Item = &'v [u8]>,
        base: &str,
        out: &mut Vec<u8>,
    ) {
        let rule = &self.rules[link.rule];
        let (Some(refers), Some(shape)) = (&rule.refers, &rule.shape) else { return };
        for slot in values.filter_map(|value| refers.resolve(space, value)) {
            let before = out.len();
            if out.last() != Some(&b'[') {
                out.push(b',');
            }
            if self.peers.write(space, slot, shape, base, out).is_none() {
                out.truncate(before);
            }
        }
    }

    /// Puts what [`Flow::elements`] answered into a resource; nothing of no elements.
    pub fn put_elements(&self, resource: &mut Resource, link: &Link, elements: Vec<Json>) {
        if elements.is_empty() {
            return;
        }
        resource.put_list(&link.path, elements);
        if link.path.extension().is_some() && resource.text("id").is_some() {
            resource.declare_schemas(&self.schemas);
        }
    }

    /// What the target calls the entry that an element of a client's list means, and how the space
    /// writes that. An entry that is not there is `invalidValue`; of one that went, the name is
    /// answered when `may_be_gone` and it follows from the id.
    pub fn link_value(
        &self,
        space: &Space,
        link: &Link,
        element: &Json,
        may_be_gone: bool,
    ) -> Result<(Value, Vec<u8>), scim::Error> {
        let rule = &self.rules[link.rule];
        let id = match element {
            Json::Object(parts) => parts.get("value").or_else(|| parts.get("$ref")),
            id => Some(id),
        };
        let id = id.ok_or_else(|| rule.unknown(element))?;
        let value = match rule.names(space, id) {
            Some((value, known)) if known || may_be_gone => value,
            _ => return Err(rule.unknown(id)),
        };
        let name = self.link_name(space.layout(), link, value.as_text().unwrap_or_default());
        Ok((value, name))
    }

    /// How the space writes a value that the target has so.
    #[must_use]
    pub fn link_name(&self, layout: &Layout, link: &Link, name: &str) -> Vec<u8> {
        let ours = &layout.types[self.number as usize];
        row::link(ours, link.number, name.as_bytes()).into_owned()
    }

    /// Whether there is an entry that the value names.
    #[must_use]
    pub fn leads_somewhere(&self, space: &Space, link: &Link, name: &[u8]) -> bool {
        let refers = self.rules[link.rule].refers.as_ref();
        refers.is_some_and(|refers| refers.resolve(space, name).is_some())
    }

    /// A value as the target has it that the space has so.
    #[must_use]
    pub fn linked_value(&self, layout: &Layout, link: &Link, bytes: &[u8]) -> Value {
        let ours = &layout.types[self.number as usize];
        row::linked_value(&ours.kept[link.number as usize], bytes)
    }
}
