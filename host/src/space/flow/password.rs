//! The password of an entry: a client only writes it, and it goes to the target by a call of its own.

use super::Flow;
use crate::{
    scim::{self, Path, Resource, ScimType},
    space::PASSWORD,
};
use ecma_plugin_sdk::{Access, Entry, Secret};

impl Flow {
    /// Takes the password out of an entry that a client wants.
    #[must_use]
    pub fn take_password(&self, wanted: &mut Entry) -> Option<Secret> {
        if !self.sets_password {
            return None;
        }
        let password = wanted.text(PASSWORD).filter(|text| !text.is_empty()).map(Secret::new);
        wanted.put(PASSWORD, Vec::new());
        password
    }

    /// Whether this target attribute is the password of an entry.
    pub(super) fn is_password(&self, attribute: &str) -> bool {
        self.sets_password && attribute == PASSWORD
    }

    /// That a PATCH takes no password away: the target cannot do that.
    pub fn check_password(&self, patched: &Resource, named: &[Path]) -> Result<(), scim::Error> {
        let rule = self.rules.iter().find(|rule| self.is_password(&rule.target.name));
        match rule.map(|rule| &rule.path) {
            Some(path)
                if named.iter().any(|named| named.overlaps(path))
                    && patched.get(path).is_empty() =>
            {
                let detail = format!("{path} cannot be taken away, only changed");
                Err(scim::Error::new(ScimType::InvalidValue, detail))
            }
            _ => Ok(()),
        }
    }

    /// Whether a client can write SCIM's `password`.
    #[must_use]
    pub fn writes_password(&self) -> bool {
        let is_it = |path: &Path| *path == Path::of("password");
        let mut rules = self.rules.iter().filter(|rule| is_it(&rule.path) && !rule.anchor);
        rules.any(|rule| rule.target.access != Access::ImportOnly)
    }
}
