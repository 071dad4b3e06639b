//! New entries with very many values: some of them go with the entry, the rest in modifications
//! behind it.

use super::{Export, Place, add::Added};
use crate::{
    client::{Answer, Doing, Found, Modification, Search, Valued, control, is_lost},
    plan::{self, Plan},
    schema::{OBJECT_CLASS, Type},
};
use ecma_plugin_sdk::{EntryId, Error, ErrorKind, Exported, Result};

impl Export<'_> {
    /// Gives a new entry the values that did not go with it. Without them it is not what was asked
    /// for, and goes again.
    pub(super) fn fill(
        &mut self,
        kind: &Type,
        plan: &Plan<'_>,
        dn: &str,
        added: &Added,
        rest: Vec<Modification>,
    ) -> Result<Exported> {
        let mut id = None;
        let filled = self.new_id(plan, dn, &added.answer).and_then(|known| {
            let known = id.insert(known);
            let place = Place { dn: dn.to_owned(), found: Found::default() };
            self.modify(kind, known, &place, rest, plan)
        });
        match filled {
            Ok((dn, answer)) => self.after(plan, &dn, &answer),
            Err(error) => {
                let removed = self.take_back(plan, dn, added.is_told, id, &error);
                Err(refused(dn, error, removed.err()))
            }
        }
    }

    /// What an entry that was just added is known by.
    fn new_id(&mut self, plan: &Plan<'_>, dn: &str, added: &Answer) -> Result<EntryId> {
        let told = control::value(&added.controls, control::POST_READ).and_then(Found::read);
        let found = match told {
            Some(found) => Some(found),
            None => self.client.find(&Search::entry(dn, plan.asked()))?,
        };
        let hidden = || {
            let text = format!("{dn} was added, and is not there or hidden from this account");
            Error::config(text)
        };
        let found = found.ok_or_else(hidden)?;
        plan::id(self.target, plan.object_type(), &found)
    }

    /// Removes an entry that was just added and could not be filled.
    fn take_back(
        &mut self,
        plan: &Plan<'_>,
        dn: &str,
        is_told: bool,
        id: Option<EntryId>,
        why: &Error,
    ) -> Result<()> {
        if !is_told {
            let text = "the directory did not answer that it is the new one";
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        if is_lost(why) {
            self.reopen()?;
        }
        let id = id.map_or_else(|| self.new_id(plan, dn, &Answer::default()), Ok)?;
        self.delete_alone(&id)?.1.done().map(drop)
    }
}

/// What a client is told of an entry that could not be filled, and of its removal.
fn refused(dn: &str, why: Error, stays: Option<Error>) -> Error {
    if why.kind() == ErrorKind::NotFound {
        // Somebody else was quicker. Nobody asked for an entry that is not there: it is worth
        // another try, and nothing is left to be removed.
        return Error::new(ErrorKind::Busy, why.message()).context("the new entry went away");
    }
    // After a lost connection it may be another server that does not know the entry yet.
    let stays = stays.filter(|error| is_lost(&why) || error.kind() != ErrorKind::NotFound);
    let Some(error) = stays else { return why };
    tracing::error!(entry = dn, kind = ?error.kind(), "A new entry stays without all its values");
    let said = why.message();
    let text = format!("{said}; the new entry {dn} lacks values and could not be removed: {error}");
    match why.kind() {
        // The host sends again what was unreachable, and the entry would be in its own way. What
        // timed out it only looks up.
        ErrorKind::Unreachable => Error::new(ErrorKind::Timeout, text),
        _ => why.with_message(text),
    }
}

/// Parts the values of a new entry into those that go with it, of each attribute so many at most, and
/// the rest.
pub(super) fn part(attributes: &mut [Valued], most: usize) -> Vec<Modification> {
    let many = attributes.iter_mut().filter(|(name, values)| {
        // What it is decides what it may have.
        values.len() > most && !name.eq_ignore_ascii_case(OBJECT_CLASS)
    });
    let rest = many.map(|(name, values)| Modification {
        doing: Doing::Add,
        name: name.clone(),
        values: values.split_off(most),
    });
    rest.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valued(name: &str, values: std::ops::Range<usize>) -> Valued {
        (name.to_owned(), values.map(|n| n.to_string().into_bytes()).collect())
    }

    fn added(name: &str, values: std::ops::Range<usize>) -> Modification {
        let (name, values) = valued(name, values);
        Modification { doing: Doing::Add, name, values }
    }

    #[test]
    fn an_entry_takes_the_first_values_along_and_the_rest_is_added() {
        let mut attributes = vec![
            valued("objectClass", 0..4),
            valued("cn", 0..1),
            valued("member", 0..8),
            valued("owner", 0..3),
            valued("description", 0..4),
        ];
        let rest = part(&mut attributes, 3);
        let along = vec![
            valued("objectClass", 0..4),
            valued("cn", 0..1),
            valued("member", 0..3),
            valued("owner", 0..3),
            valued("description", 0..3),
        ];
        assert_eq!(attributes, along);
        assert_eq!(rest, [added("member", 3..8), added("description", 3..4)]);
    }

    #[test]
    fn an_entry_that_stays_is_told_and_not_sent_again_and_one_that_is_gone_does_not_stay() {
        use ErrorKind::{Busy, Conflict, Invalid, NotFound, Timeout, Unreachable};
        for (why, removal, kind, stays) in [
            (Invalid, None, Invalid, false),
            (Invalid, Some(Unreachable), Invalid, true),
            (Invalid, Some(NotFound), Invalid, false),
            (Unreachable, None, Unreachable, false),
            (Unreachable, Some(Unreachable), Timeout, true),
            (Unreachable, Some(Conflict), Timeout, true),
            (Unreachable, Some(NotFound), Timeout, true),
            (Timeout, Some(Unreachable), Timeout, true),
            (NotFound, Some(NotFound), Busy, false),
            (NotFound, Some(Conflict), Busy, false),
            (NotFound, Some(Unreachable), Busy, false),
        ] {
            let error = |kind| Error::new(kind, format!("{kind:?}"));
            let told = refused("cn=half", error(why), removal.map(error));
            assert_eq!(told.kind(), kind, "{why:?} {removal:?}");
            let text = "the new entry cn=half lacks values and could not be removed";
            assert_eq!(told.message().contains(text), stays, "{why:?} {removal:?}");
        }
    }
}
