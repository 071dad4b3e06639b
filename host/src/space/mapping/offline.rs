//! What is wrong with a mapping whatever the target is: told before the target is reached.

use super::{Draft, Misfit};
use crate::config::{DeleteFlow, DisableFlow, DnSource, ObjectMapping};
use ecma_plugin_sdk::Schema;

/// What no target makes right, in the words of [`compile`](super::compile).
#[must_use]
pub fn misfits_without_target(objects: &[ObjectMapping]) -> Vec<Misfit> {
    let (schema, mut misfits, mut warnings) = (Schema::default(), Vec::new(), Vec::new());
    for (at, object) in objects.iter().enumerate() {
        let (schema, passwords) = (&schema, true);
        let (misfits, warnings) = (&mut misfits, &mut warnings);
        let mut draft = Draft { at, object, schema, objects, passwords, misfits, warnings };
        draft.without_target();
    }
    misfits
}

impl Draft<'_> {
    fn without_target(&mut self) {
        let object = self.object;
        self.resource();
        let mut placed = Vec::new();
        for mapping in &object.attributes {
            let Some(path) = self.path(mapping) else { continue };
            let others: Vec<_> = placed.iter().map(|(name, path)| (*name, path)).collect();
            if self.fits(&mapping.target, &path, &others) {
                placed.push((mapping.target.as_str(), path));
            }
        }
        // The anchor needs no mapping, and without that key only the target knows it.
        if object.anchor.is_empty() {
            return;
        }
        let named = names(object);
        for name in &object.query {
            self.mapped(name, || named.iter().copied());
        }
    }
}

/// The attributes that a document names, and the space keeps therefore.
fn names(object: &ObjectMapping) -> Vec<&str> {
    let mut names: Vec<&str> = object.attributes.iter().map(|one| one.target.as_str()).collect();
    names.extend(object.anchor.iter().map(String::as_str));
    if let DnSource::Attribute(name) = &object.dn {
        names.push(name);
    }
    if let DisableFlow::Set { attribute, .. } = &object.deprovisioning.disable {
        names.push(attribute);
    }
    if let DeleteFlow::Set { attribute, .. } = &object.deprovisioning.delete {
        names.push(attribute);
    }
    names
}
