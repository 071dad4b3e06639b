//! Containers that are not there yet: made when the settings say of which class they are, and only
//! then.

use super::Export;
use crate::{client::code, dn::Name, schema::DN};
use ecma_plugin_sdk::{Error, Result};

impl Export<'_> {
    /// Makes what is missing above this name. Nothing is made when one of them has no class.
    pub(super) fn make_parents(&mut self, name: &Name) -> Result<()> {
        let above = std::iter::successors(name.parent(), Name::parent);
        let mut missing = Vec::new();
        let mut stands = false;
        for parent in above.filter(|parent| parent.rdn().is_some()) {
            stands = self.is_there(&parent.to_string())?;
            if stands {
                break;
            }
            missing.push(parent);
        }
        if !stands {
            let text = format!("is {name}, which is below nothing that this directory has");
            return Err(Error::invalid(DN, text));
        }
        let named: Vec<(Name, String)> =
            missing.into_iter().map(|parent| self.class_of(name, parent)).collect::<Result<_>>()?;
        for (parent, class) in named.into_iter().rev() {
            self.make(&parent, &class)?;
        }
        Ok(())
    }

    fn class_of(&self, name: &Name, parent: Name) -> Result<(Name, String)> {
        let kind = parent.rdn().and_then(|rdn| rdn.avas().next().map(|(kind, _)| kind.to_owned()));
        let said = self.target.settings.hierarchy.iter().filter_map(|entry| entry.split_once('='));
        let is_it = |(known, _): &(&str, &str)| {
            kind.as_ref().is_some_and(|kind| known.trim().eq_ignore_ascii_case(kind))
        };
        let class = said.into_iter().find(is_it).map(|(_, class)| class.trim().to_owned());
        match class {
            Some(class) => Ok((parent, class)),
            None => Err(Error::invalid(
                DN,
                format!(
                    "is {name}, and {parent} is not there; make it, or say in hierarchy of which \
                     class such containers are"
                ),
            )),
        }
    }

    fn make(&mut self, name: &Name, class: &str) -> Result<()> {
        let mut attributes = vec![("objectClass".to_owned(), vec![class.as_bytes().to_vec()])];
        let avas = name.rdn().into_iter().flat_map(|rdn| rdn.avas());
        attributes.extend(avas.map(|(kind, value)| (kind.to_owned(), vec![value.into_bytes()])));
        let answer = self.client.add(&name.to_string(), attributes, Vec::new())?;
        tracing::info!(container = %name, class, "Container made");
        match answer.code {
            // Somebody else was quicker.
            code::ENTRY_EXISTS => Ok(()),
            _ => answer.done().map(drop).map_err(|e| e.context(format!("making {name}")).at(DN)),
        }
    }
}
