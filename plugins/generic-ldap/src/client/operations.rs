//! Writing: add, modify, rename, delete, extended operations.

use super::{Answer, Client};
use ecma_plugin_sdk::Error;
use ldap3::{Ldap, LdapResult, Mod, controls::RawControl, exop::Exop};

/// What is done with the values of one attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// They are added.
    Add,
    /// They are taken away; without any, the attribute.
    Delete,
    /// They replace what is there; without any, the attribute goes.
    Replace,
}

/// The change of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Modification {
    /// What is done.
    pub(crate) doing: Doing,
    /// The attribute, with options.
    pub(crate) name: String,
    /// The values.
    pub(crate) values: Vec<Vec<u8>>,
}

impl From<Modification> for Mod<Vec<u8>> {
    fn from(modification: Modification) -> Mod<Vec<u8>> {
        let Modification { doing, name, values } = modification;
        let (name, values) = (name.into_bytes(), values.into_iter().collect());
        match doing {
            Doing::Add => Mod::Add(name, values),
            Doing::Delete => Mod::Delete(name, values),
            Doing::Replace => Mod::Replace(name, values),
        }
    }
}

/// An attribute and its values.
pub(crate) type Valued = (String, Vec<Vec<u8>>);

impl Client {
    /// Does one operation and waits for its answer, as long as the settings say.
    fn ask(
        &mut self,
        controls: Vec<RawControl>,
        operation: impl AsyncFnOnce(&mut Ldap) -> ldap3::result::Result<LdapResult>,
    ) -> Result<Answer, Error> {
        let ldap = self.ldap.with_timeout(self.patience);
        let ldap = if controls.is_empty() { ldap } else { ldap.with_controls(controls) };
        let answered = self.runtime.block_on(operation(ldap));
        answered.map(Answer::from).map_err(|error| self.lost(&error))
    }

    /// Adds an entry. Attributes without values are left out.
    pub(crate) fn add(
        &mut self,
        dn: &str,
        attributes: Vec<Valued>,
        controls: Vec<RawControl>,
    ) -> Result<Answer, Error> {
        let valued = attributes.into_iter().filter(|(_, values)| !values.is_empty());
        let attributes =
            valued.map(|(name, values)| (name.into_bytes(), values.into_iter().collect()));
        let attributes = attributes.collect();
        self.ask(controls, async |ldap| ldap.add(dn, attributes).await)
    }

    /// Changes attributes of an entry, all or none.
    pub(crate) fn modify(
        &mut self,
        dn: &str,
        modifications: Vec<Modification>,
        controls: Vec<RawControl>,
    ) -> Result<Answer, Error> {
        let modifications = modifications.into_iter().map(Mod::from).collect();
        self.ask(controls, async |ldap| ldap.modify(dn, modifications).await)
    }

    /// Gives an entry another name, and another place when there is one.
    pub(crate) fn rename(
        &mut self,
        dn: &str,
        rdn: &str,
        superior: Option<&str>,
    ) -> Result<Answer, Error> {
        self.ask(Vec::new(), async |ldap| ldap.modifydn(dn, rdn, true, superior).await)
    }

    /// Removes an entry.
    pub(crate) fn delete(&mut self, dn: &str, controls: Vec<RawControl>) -> Result<Answer, Error> {
        self.ask(controls, async |ldap| ldap.delete(dn).await)
    }

    /// Does an extended operation (RFC 4511 §4.12).
    pub(crate) fn extended(
        &mut self,
        name: &str,
        value: Vec<u8>,
        controls: Vec<RawControl>,
    ) -> Result<Answer, Error> {
        let operation = Exop { name: Some(name.to_owned()), val: Some(value) };
        self.ask(controls, async |ldap| Ok(ldap.extended(operation).await?.1))
    }
}
