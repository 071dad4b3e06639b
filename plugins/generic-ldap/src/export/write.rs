//! Values of the host as the directory writes them.

use super::Export;
use crate::{
    client::{Doing, Modification},
    enabled::ENABLED,
    members,
    schema::{DN, DN_AS_ANCHOR, Field, OBJECT_CLASS, Type},
};
use ecma_plugin_sdk::{AttributeChange, Error, Result, Value};

impl Export<'_> {
    /// The attribute of this name, when it may be written. `None` for what is no attribute of the
    /// directory.
    pub(super) fn field<'k>(&self, kind: &'k Type, name: &str) -> Result<Option<&'k Field>> {
        if [DN, DN_AS_ANCHOR, ENABLED].contains(&name) {
            return Ok(None);
        }
        let field = kind
            .field(name)
            .ok_or_else(|| Error::invalid(name, format!("is no attribute of {}", kind.name)))?;
        if !field.is_writable() {
            return Err(Error::invalid(name, "is only read: the directory makes it"));
        }
        Ok(Some(field))
    }

    /// The values of an attribute as the directory writes them.
    pub(super) fn written(&mut self, field: &Field, values: &[Value]) -> Result<Vec<Vec<u8>>> {
        let by = self.target.references.by(&field.name).map(str::to_owned);
        let mut written = Vec::with_capacity(values.len());
        for value in values {
            let bytes = match (&by, value.as_text()) {
                (Some(by), Some(name)) => {
                    members::written(self.client, by, &field.name, name)?.into_bytes()
                }
                _ => field.write(value).map_err(|why| Error::invalid(&field.name, why))?,
            };
            if bytes.is_empty() && !matches!(value, Value::Binary(_)) {
                // No syntax of a directory has an empty text: it is no value.
                continue;
            }
            written.push(bytes);
        }
        Ok(written)
    }

    /// What is done with the values of one attribute.
    pub(super) fn modifications(
        &mut self,
        kind: &Type,
        field: &Field,
        change: &AttributeChange,
    ) -> Result<Vec<Modification>> {
        let name = field.wire.clone();
        let one = |doing, values| Modification { doing, name: name.clone(), values };
        Ok(match change {
            AttributeChange::Clear => vec![one(Doing::Replace, Vec::new())],
            AttributeChange::Set(values) => {
                let mut values = self.written(field, values)?;
                if field.name == OBJECT_CLASS {
                    add_classes(kind, &mut values);
                }
                vec![one(Doing::Replace, values)]
            }
            AttributeChange::Modify { added, removed } => {
                let mut removed = self.written(field, removed)?;
                let added = self.written(field, added)?;
                if field.name == OBJECT_CLASS {
                    let classes = kind.object_classes();
                    let is_own = |bytes: &[u8]| {
                        classes.iter().any(|class| class.as_bytes().eq_ignore_ascii_case(bytes))
                    };
                    removed.retain(|bytes| !is_own(bytes));
                }
                // First what comes: a group that must have a member always has one.
                let steps = [(Doing::Add, added), (Doing::Delete, removed)];
                let steps = steps.into_iter().filter(|(_, values)| !values.is_empty());
                steps.map(|(doing, values)| one(doing, values)).collect()
            }
        })
    }
}

/// Adds the classes of an object type to those that are there.
pub(super) fn add_classes(kind: &Type, values: &mut Vec<Vec<u8>>) {
    for class in kind.object_classes() {
        if !values.iter().any(|known| known.eq_ignore_ascii_case(class.as_bytes())) {
            values.push(class.as_bytes().to_vec());
        }
    }
}
