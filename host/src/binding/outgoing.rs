//! What goes to the target for one entry, a change, a password or both, and how a page of that goes
//! over a connection.
//!
//! A password is never part of a change. The password of an entry that is there is set before its
//! change; a new entry whose password is refused is deleted again.

use super::line::Line;
use crate::space::PASSWORD;
use ecma_plugin_sdk::{
    AttributeChange, Change, Dn, EntryId, Error, ErrorKind, Exported, PasswordOptions, Result,
    Secret, Update, Value,
};
use std::sync::atomic::{AtomicBool, Ordering};

/// The rules of the target apply; whether somebody has to choose another password is the target's
/// to say as well.
const OPTIONS: PasswordOptions =
    PasswordOptions { force_change: false, unlock: false, validate: true };

/// What goes to the target for one entry.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The change; an update of nothing when there is only a password.
    pub(super) change: Change,
    password: Option<Secret>,
    /// Whether the host makes the distinguished name of a new entry from its anchor.
    pub(super) makes_dn: bool,
    /// The target has the change already.
    is_done: bool,
}

impl From<Change> for Outgoing {
    fn from(change: Change) -> Outgoing {
        Outgoing { change, password: None, makes_dn: false, is_done: false }
    }
}

impl Outgoing {
    /// A change, a password, or both; `None` when there is neither.
    pub(super) fn of(
        id: &EntryId,
        change: Option<Change>,
        password: Option<Secret>,
    ) -> Option<Outgoing> {
        let is_done = change.is_none();
        if is_done && password.is_none() {
            return None;
        }
        let change = change.unwrap_or_else(|| Change::Update(Update::new(id.clone())));
        Some(Outgoing { is_done, ..Outgoing::from(change).with(password) })
    }

    /// The same with this password.
    pub(super) fn with(self, password: Option<Secret>) -> Outgoing {
        Outgoing { password, ..self }
    }

    /// What is left of it once the target has the change.
    pub(super) fn rest(&self) -> Option<Outgoing> {
        self.has_password().then(|| Outgoing { is_done: true, ..self.clone() })
    }

    pub(super) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// The change as it may be shown to people, and that there is a password.
    pub(super) fn shown(&self) -> Change {
        let mut change = self.change.clone();
        if let Some(password) = &self.password {
            let values = vec![Value::Text(password.to_string())];
            match &mut change {
                Change::Add(entry) | Change::Replace(entry) => entry.put(PASSWORD, values),
                Change::Update(update) => {
                    update.attributes.push((PASSWORD.to_owned(), AttributeChange::Set(values)));
                }
                Change::Delete { .. } => {}
            }
        }
        change
    }
}

/// Sends a page; one result for each, in order. `left` is set when an entry stays in the target that
/// should not.
pub(super) fn send(
    line: &mut Line<'_>,
    page: Vec<Outgoing>,
    left: &AtomicBool,
) -> Vec<Result<Exported>> {
    let (mut changes, mut steps) = (Vec::new(), Vec::new());
    for one in page {
        let Outgoing { change, password, makes_dn, is_done } = one;
        let (first, later) = match (password, &change) {
            (Some(password), Change::Add(entry)) => {
                (Ok(()), Some(New { id: entry.id().clone(), password, makes_dn }))
            }
            (Some(password), _) => (set(line, change.id(), &password), None),
            (None, _) => (Ok(()), None),
        };
        let is_sent = first.is_ok() && !is_done;
        if is_sent {
            changes.push(change);
        }
        steps.push((first, is_sent, later));
    }
    let mut results = export(line, &changes).into_iter();
    let end = |(first, is_sent, later): (Result<()>, bool, Option<New>)| {
        let result = if is_sent { results.next() } else { None };
        let result = result.unwrap_or_else(|| first.map(|()| Exported::done()));
        match later {
            Some(new) => result.and_then(|exported| new.finish(line, exported, left)),
            None => result,
        }
    };
    steps.into_iter().map(end).collect()
}

fn export(line: &mut Line<'_>, changes: &[Change]) -> Vec<Result<Exported>> {
    if changes.is_empty() {
        return Vec::new();
    }
    let results = line.call(|open| open.export(changes));
    let results = results.unwrap_or_else(|error| vec![Err(error); changes.len()]);
    results.iter().for_each(|result| line.heed(result));
    results
}

/// Whatever the target calls it, what it refuses is the password, which no message repeats.
fn set(line: &mut Line<'_>, id: &EntryId, password: &Secret) -> Result<()> {
    line.call(|open| open.set_password(id, password, OPTIONS)).map_err(|error| {
        let message = error.message().replace(password.expose(), "***");
        let error = error.with_message(message);
        match error.kind() {
            ErrorKind::Invalid => error.at(PASSWORD),
            _ => error,
        }
    })
}

/// An entry that was just made, and has no password yet.
struct New {
    id: EntryId,
    password: Secret,
    makes_dn: bool,
}

impl New {
    /// Sets its password, or deletes it again.
    fn finish(
        self,
        line: &mut Line<'_>,
        exported: Exported,
        left: &AtomicBool,
    ) -> Result<Exported> {
        let New { mut id, password, makes_dn } = self;
        if let Some(entry) = &exported.entry {
            id = entry.id().clone();
        }
        if let Some(anchor) = &exported.anchor {
            id.anchor = anchor.clone();
        }
        id.dn = exported.dn.clone().or(id.dn);
        if makes_dn && id.dn.is_none() {
            id.dn = Some(Dn::autogenerated(&id.object_type, &id.anchor));
        }
        let Err(mut refused) = set(line, &id, &password) else {
            // An account may be another one with its password: Active Directory enables it then.
            let read = line.call(|open| open.read(std::slice::from_ref(&id)));
            let entry = read.ok().and_then(|mut entries| entries.pop().flatten());
            return Ok(Exported { entry: entry.or(exported.entry.clone()), ..exported });
        };
        if refused.kind() == ErrorKind::NotFound {
            // Nobody asked for an entry that is not there.
            refused = Error::internal(refused.message()).context("a new entry has no password");
        }
        match export(line, &[Change::Delete { id: id.clone() }]).remove(0) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                left.store(true, Ordering::Relaxed);
                // The answer has what the target said, without the secrets that this thread does not know.
                tracing::error!(entry = %id, kind = ?error.kind(), "An entry without its password stays");
                let message = refused.message();
                let message = format!("{message}; the new entry could not be deleted: {error}");
                Err(refused.with_message(message))
            }
            _ => Err(refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecma_plugin_sdk::Entry;

    #[test]
    fn people_see_that_there_is_a_password_and_not_which() {
        let entry = || Entry::new("user").anchor("id", "1").set("name", "Kim");
        let id = entry().id().clone();
        for change in [
            Change::Add(entry()),
            Change::Replace(entry()),
            Change::Update(Update::new(id.clone()).set("name", "Kim")),
        ] {
            let outgoing = Outgoing::from(change).with(Some(Secret::new("s3cret")));
            let shown = outgoing.shown();
            assert_eq!((shown.text("name"), shown.text(PASSWORD)), (Some("Kim"), Some("***")));
            assert!(!format!("{outgoing:?}").contains("s3cret"));
        }
        let delete = Change::Delete { id };
        assert_eq!(Outgoing::from(delete.clone()).shown(), delete);
    }

    #[test]
    fn nothing_to_send_is_nothing() {
        let id = Entry::new("user").anchor("id", "1").id().clone();
        assert!(Outgoing::of(&id, None, None).is_none());
        let alone = Outgoing::of(&id, None, Some(Secret::new("s3cret"))).unwrap();
        assert_eq!(alone.change, Change::Update(Update::new(id.clone())));
        assert!(alone.is_done && alone.rest().is_some());
        let change = Outgoing::of(&id, Some(Change::Delete { id: id.clone() }), None).unwrap();
        assert!(!change.is_done && change.rest().is_none());
    }
}
