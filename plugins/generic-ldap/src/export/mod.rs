//! Exports: changes of entries become operations of the directory.

pub(crate) mod add;
mod change;
mod delete;
mod name;
mod parents;
mod password;
mod rest;
mod write;

use crate::{
    client::{Answer, Client, Found, Search, code, control},
    dn::escape_filter,
    plan::{self, Plan, Taken},
    schema::Type,
    target::Target,
    value,
};
use ecma_plugin_sdk::{Change, Entry, EntryId, Error, ErrorKind, Exported, Result, Value};
use ldap3::controls::RawControl;
use std::collections::HashSet;

/// What exports work with.
pub(crate) struct Export<'e> {
    pub(crate) client: &'e mut Client,
    pub(crate) target: &'e Target,
    /// Anchors of new accounts that are to be enabled as soon as they have a password.
    pub(crate) waiting: &'e mut HashSet<String>,
}

/// Where an entry stands, and what was read of it on the way.
struct Place {
    dn: String,
    found: Found,
}

impl<'e> Export<'e> {
    /// Opens the connection anew.
    fn reopen(&mut self) -> Result<()> {
        *self.client = Client::connect(&self.target.settings)?;
        Ok(())
    }

    /// Does one change.
    pub(crate) fn export(&mut self, change: &Change) -> Result<Exported> {
        match change {
            Change::Add(entry) => self.add(entry),
            Change::Update(update) => self.change(update),
            Change::Delete { id } => self.delete(id),
            Change::Replace(_) => {
                Err(Error::unsupported("entries of a directory are changed, not replaced"))
            }
        }
    }

    /// Reads an entry with all there is of it.
    pub(crate) fn read(&mut self, id: &EntryId) -> Result<Option<Entry>> {
        let kind = self.kind(id)?;
        let plan = Plan::whole(self.target, kind);
        let place = match self.locate(id, plan.asked()) {
            Ok(place) => place,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        self.taken(&plan, place.found)
    }

    fn kind(&self, id: &EntryId) -> Result<&'e Type> {
        self.target.types.get(&id.object_type).ok_or_else(|| {
            let text = format!("there is no object type {}", id.object_type);
            Error::new(ErrorKind::Invalid, text)
        })
    }

    /// The entry of the host that an entry of the directory is.
    fn taken(&mut self, plan: &Plan<'_>, found: Found) -> Result<Option<Entry>> {
        let taken = plan.take(self.client, vec![found])?.pop();
        match taken.map(|(_, taken)| taken).transpose()? {
            Some(Taken::Entry(entry)) => Ok(Some(*entry)),
            _ => Ok(None),
        }
    }

    /// Where the entry with this identity stands now, with these attributes. Its name may be an old
    /// one: the anchor decides.
    fn locate(&mut self, id: &EntryId, asked: &[String]) -> Result<Place> {
        let anchor = id.anchor.first().and_then(Value::as_text);
        let gone = || Error::not_found(format!("there is no {id} in the directory"));
        let Some(name) = self.target.anchor_attribute() else {
            let dn = anchor.or(id.dn.as_ref().map(|dn| dn.as_str())).ok_or_else(gone)?;
            let found = self.client.find(&Search::entry(dn, asked))?.ok_or_else(gone)?;
            return Ok(Place { dn: found.dn.clone(), found });
        };
        let anchor = anchor.ok_or_else(|| Error::internal("the entry came without its anchor"))?;
        let mut asked = asked.to_vec();
        if !asked.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            asked.push(name.to_owned());
        }
        if let Some(dn) = &id.dn {
            let found = self.client.find(&Search::entry(dn.as_str(), &asked))?;
            let is_it = |found: &Found| plan::anchor(self.target, found).is_ok_and(|a| a == anchor);
            if let Some(found) = found.filter(is_it) {
                return Ok(Place { dn: found.dn.clone(), found });
            }
        }
        let filter = format!("({name}={})", escape_filter(&self.anchor_bytes(anchor)?));
        for base in &self.target.bases {
            let search = Search::below(base.as_str(), filter.as_str(), &asked);
            if let Some(found) = self.client.find(&search)? {
                return Ok(Place { dn: found.dn.clone(), found });
            }
        }
        Err(gone())
    }

    /// How the server writes an anchor.
    fn anchor_bytes(&self, anchor: &str) -> Result<Vec<u8>> {
        let name = self.target.anchor_attribute().unwrap_or_default();
        value::encode(self.target.anchor_form, &Value::from(anchor))
            .map_err(|why| Error::invalid(name, why))
    }

    /// The entry by its known name, on which an operation with [`Export::only_this`] can be tried
    /// without a look.
    fn known_place(&self, id: &EntryId) -> Option<Place> {
        let can_assert = self.target.directory.has_control(control::ASSERTION);
        let dn =
            id.dn.as_ref().filter(|_| can_assert && self.target.anchor_attribute().is_some())?;
        Some(Place { dn: dn.as_str().to_owned(), found: Found::default() })
    }

    /// The control that lets an operation only change the entry with this identity, whatever has its
    /// name now. None where the server has no such thing, or where the name is the identity.
    fn only_this(&self, id: &EntryId) -> Result<Vec<RawControl>> {
        let anchor = id.anchor.first().and_then(Value::as_text);
        let can_assert = self.target.directory.has_control(control::ASSERTION);
        match self.target.anchor_attribute().zip(anchor).filter(|_| can_assert) {
            Some((name, anchor)) => Ok(vec![control::asserted(name, &self.anchor_bytes(anchor)?)]),
            None => Ok(Vec::new()),
        }
    }

    /// Asks for the entry as it is after a change, where the server can tell.
    fn post_read(&self, plan: &Plan<'_>) -> Option<RawControl> {
        let can = self.target.directory.has_control(control::POST_READ);
        can.then(|| control::post_read(plan.asked()))
    }

    /// The entry after a change: as the answer tells it, else as the directory shows it.
    fn after(&mut self, plan: &Plan<'_>, dn: &str, answer: &Answer) -> Result<Exported> {
        let told = control::value(&answer.controls, control::POST_READ).and_then(Found::read);
        let found = match told {
            Some(found) => Some(found),
            None => self.client.find(&Search::entry(dn, plan.asked()))?,
        };
        let Some(found) = found else { return Ok(Exported::done()) };
        let id = plan::id(self.target, plan.object_type(), &found)?;
        Ok(match self.taken(plan, found)? {
            Some(entry) => Exported::with_entry(entry),
            // It is not, or not any more, what imports bring; what is known of it stays as asked.
            None => {
                let mut exported = Exported::with_anchor(id.anchor);
                exported.dn = id.dn;
                exported
            }
        })
    }
}

/// Whether the server answered that the entry is not where it was, or is another one.
fn is_elsewhere(answer: &Answer) -> bool {
    matches!(answer.code, code::NO_SUCH_ENTRY | code::ASSERTION_FAILED)
}

/// What it means that there is no such entry, of one that is there itself: Active Directory takes no
/// references to what is not there.
fn names_nobody(answer: &Answer) -> Error {
    let text = answer.error().message().to_owned();
    Error::new(ErrorKind::Invalid, format!("a value names an entry that is not there: {text}"))
}
