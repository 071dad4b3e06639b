//! What no server says of its types: whether an account is enabled, and that texts name entries.

use super::{Field, Types};
use crate::{
    enabled::{ENABLED, Enabled},
    members::References,
    syntax::Form,
    value,
};
use ecma_plugin_sdk::{Access, Attribute, AttributeType, Value};

/// What an entry has that somebody logs in with.
const PASSWORD: &str = "userPassword";

impl Field {
    /// Whether values are imported.
    pub(crate) fn is_readable(&self) -> bool {
        self.access != Access::ExportOnly
    }

    /// Whether values are exported.
    pub(crate) fn is_writable(&self) -> bool {
        self.access != Access::ImportOnly
    }

    /// A value as the server wrote it.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Value, String> {
        value::decode(self.form, bytes)
    }

    /// A value as the server wants it.
    pub(crate) fn write(&self, value: &Value) -> Result<Vec<u8>, String> {
        value::encode(self.form, value)
    }
}

impl Types {
    /// Adds the virtual attribute of being enabled to accounts, and makes references of what names
    /// others in its own way.
    pub(crate) fn complete(&mut self, enabled: Option<&Enabled>, references: &References) {
        for kind in &mut self.all {
            for field in kind.fields.iter_mut().filter(|f| references.by(&f.name).is_some()) {
                field.form = Form::Reference;
                let attributes = kind.object_type.attributes.iter_mut();
                for attribute in attributes.filter(|attribute| attribute.name == field.name) {
                    attribute.kind = AttributeType::Reference;
                }
            }
            let is_account = |enabled: &&Enabled| {
                let needed = if enabled.is_operational { PASSWORD } else { &enabled.attribute };
                kind.fields.iter().any(|field| field.name.eq_ignore_ascii_case(needed))
            };
            if enabled.filter(is_account).is_some() {
                let mut attribute = Attribute::new(ENABLED, AttributeType::Boolean);
                attribute.description = "Whether the account can be used".to_owned();
                kind.object_type.attributes.push(attribute);
            }
        }
    }
}
