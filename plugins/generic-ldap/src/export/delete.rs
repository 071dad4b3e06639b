//! Entries that go.

use super::{Export, Place, is_elsewhere};
use crate::{
    client::{Answer, Search, code, control},
    dn::Name,
};
use ecma_plugin_sdk::{EntryId, Error, ErrorKind, Exported, Result};

impl Export<'_> {
    /// Deletes an entry, and all below it when the settings say so.
    pub(super) fn delete(&mut self, id: &EntryId) -> Result<Exported> {
        let (dn, answer) = self.delete_alone(id)?;
        if answer.code == code::NOT_A_LEAF {
            if !self.target.settings.delete_subtree {
                let text = format!("{dn} has entries below it, and delete_subtree is off");
                return Err(Error::new(ErrorKind::Conflict, text));
            }
            return self.delete_tree(&dn);
        }
        answer.done().map(|_| Exported::done())
    }

    /// Deletes an entry that has none below it. Answers where it stood, and what the server said.
    pub(super) fn delete_alone(&mut self, id: &EntryId) -> Result<(String, Answer)> {
        let place = match self.known_place(id) {
            Some(place) => place,
            None => self.locate(id, &["1.1".to_owned()])?,
        };
        let mut dn = place.dn;
        let mut answer = self.client.delete(&dn, self.only_this(id)?)?;
        if is_elsewhere(&answer) {
            Place { dn, .. } = self.locate(id, &["1.1".to_owned()])?;
            answer = self.client.delete(&dn, Vec::new())?;
        }
        Ok((dn, answer))
    }

    fn delete_tree(&mut self, dn: &str) -> Result<Exported> {
        if self.target.directory.has_control(control::TREE_DELETE) {
            let tree = vec![control::control(control::TREE_DELETE, true, None)];
            return self.client.delete(dn, tree)?.done().map(|_| Exported::done());
        }
        let mut below = Vec::new();
        let search = Search::below(dn, "(objectClass=*)", &["1.1".to_owned()]);
        let mut pages = self.target.pages(self.client, search, 500)?;
        while let Some(page) = pages.next(self.client)? {
            below.extend(page.into_iter().map(|found| found.dn));
        }
        // The deepest first: what is below a name has a longer one.
        let depth = |dn: &String| Name::parse(dn).map_or(0, |name| name.depth());
        below.sort_by_cached_key(|dn| std::cmp::Reverse(depth(dn)));
        for dn in &below {
            let answer = self.client.delete(dn, Vec::new())?;
            if answer.code != code::NO_SUCH_ENTRY {
                answer.done().map_err(|error| error.context(format!("deleting {dn}")))?;
            }
        }
        Ok(Exported::done())
    }
}
