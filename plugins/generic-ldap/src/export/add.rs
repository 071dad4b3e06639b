//! New entries.

use super::{Export, names_nobody, rest, write};
use crate::{
    client::{Answer, Modification, Search, Valued, code, is_lost},
    dn::Name,
    enabled::ENABLED,
    plan::Plan,
    range,
    schema::{OBJECT_CLASS, Type},
};
use ecma_plugin_sdk::{AttributeType, Entry, Error, Exported, Result, Value};
use ldap3::controls::RawControl;

/// What became of an entry that was to be added.
pub(super) struct Added {
    pub(super) answer: Answer,
    /// Whether the server said so; false: the entry was found when the answer did not come.
    pub(super) is_told: bool,
}

impl Export<'_> {
    /// Adds an entry.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<Exported> {
        let target = self.target;
        let kind = self.kind(entry.id())?;
        let name = self.new_name(kind, entry)?;
        let (mut attributes, waits) = self.attributes(kind, entry, &name)?;
        let most = target.settings.values_per_modification.max(1) as usize;
        let rest = rest::part(&mut attributes, most);
        let plan = Plan::without_members(target, kind);
        let controls: Vec<RawControl> = self.post_read(&plan).into_iter().collect();
        let Added { answer, is_told } = self.added(&name, &attributes, &rest, &controls)?;
        let dn = name.to_string();
        // Active Directory says so of other names too.
        if answer.code == code::ENTRY_EXISTS && self.is_there(&dn)? {
            return Err(taken(kind, &name));
        }
        let answer = answer.done()?;
        let exported = match rest.is_empty() {
            true => self.after(&plan, &dn, &answer)?,
            false => self.fill(kind, &plan, &dn, &Added { answer, is_told }, rest)?,
        };
        if waits {
            let anchor = exported.entry.as_ref().map(|entry| &entry.id().anchor);
            let anchor = anchor.or(exported.anchor.as_ref()).and_then(|anchor| anchor.first());
            self.waiting.extend(anchor.map(ToString::to_string));
        }
        Ok(exported)
    }

    /// Adds the entry; makes what is missing above it when the settings say so, and looks when the
    /// answer does not come.
    fn added(
        &mut self,
        name: &Name,
        attributes: &[Valued],
        rest: &[Modification],
        controls: &[RawControl],
    ) -> Result<Added> {
        let dn = name.to_string();
        let mut answer = match self.client.add(&dn, attributes.to_vec(), controls.to_vec()) {
            Err(error) if is_lost(&error) => {
                return self.look_after(&dn, attributes, rest, error);
            }
            answer => answer?,
        };
        if answer.code == code::NO_SUCH_ENTRY {
            self.make_parents(name)?;
            answer = self.client.add(&dn, attributes.to_vec(), controls.to_vec())?;
            if answer.code == code::NO_SUCH_ENTRY {
                return Err(names_nobody(&answer));
            }
        }
        Ok(Added { answer, is_told: true })
    }

    /// Whether an entry was added although its answer never came: with another connection, once.
    fn look_after(
        &mut self,
        dn: &str,
        attributes: &[Valued],
        rest: &[Modification],
        error: Error,
    ) -> Result<Added> {
        if self.reopen().is_err() {
            return Err(error);
        }
        let names: Vec<String> = attributes.iter().map(|(name, _)| name.clone()).collect();
        let Some(mut found) = self.client.find(&Search::entry(dn, &names))? else {
            let answer = self.client.add(dn, attributes.to_vec(), Vec::new())?;
            return Ok(Added { answer, is_told: true });
        };
        range::complete(self.client, &mut found)?;
        // What is not shown, as a password, tells nothing; all else has to be what was sent. Where
        // values are still to come, just that: they are written into this entry.
        let is_ours = attributes.iter().all(|(name, values)| {
            let known = found.get(name);
            let is_part = rest.iter().any(|one| one.name == *name);
            (!is_part || known.len() == values.len())
                && (known.is_empty() || values.iter().all(|value| known.contains(value)))
        });
        let code = if is_ours { code::SUCCESS } else { code::ENTRY_EXISTS };
        Ok(Added { answer: Answer { code, ..Answer::default() }, is_told: false })
    }

    /// What a new entry has, and whether it is to be enabled once it has a password.
    fn attributes(
        &mut self,
        kind: &Type,
        entry: &Entry,
        name: &Name,
    ) -> Result<(Vec<Valued>, bool)> {
        let mut attributes: Vec<Valued> = Vec::new();
        for (attribute, values) in entry.attributes() {
            let Some(field) = self.field(kind, attribute)? else { continue };
            let values = self.written(field, values)?;
            if !values.is_empty() {
                attributes.push((field.wire.clone(), values));
            }
        }
        let classes = attributes.iter().position(|(name, _)| name == OBJECT_CLASS);
        let classes = classes.unwrap_or_else(|| {
            attributes.insert(0, (OBJECT_CLASS.to_owned(), Vec::new()));
            0
        });
        write::add_classes(kind, &mut attributes[classes].1);
        self.name_values(kind, name, &mut attributes);
        own_member(kind, name, &mut attributes);
        let waits = self.enable(entry, &mut attributes);
        Ok((attributes, waits))
    }

    /// What the name says, the entry has (RFC 4511 §4.7).
    fn name_values(&self, kind: &Type, name: &Name, attributes: &mut Vec<Valued>) {
        for (attribute, value) in name.rdn().into_iter().flat_map(|rdn| rdn.avas()) {
            let field = kind.fields.iter().find(|f| f.name.eq_ignore_ascii_case(attribute));
            let wire = field.map_or(attribute, |field| field.wire.as_str());
            let known = attributes.iter().position(|(name, _)| name.eq_ignore_ascii_case(wire));
            match known {
                None => attributes.push((wire.to_owned(), vec![value.into_bytes()])),
                Some(at) => {
                    let many = field.and_then(|field| kind.object_type.get(&field.name));
                    let many = many.is_none_or(|attribute| attribute.multi_valued);
                    in_front(&mut attributes[at].1, value, many);
                }
            }
        }
    }

    /// Whether the account is enabled; true: as soon as it has a password, without which the directory
    /// does not enable it.
    fn enable(&self, entry: &Entry, attributes: &mut Vec<Valued>) -> bool {
        let said = entry.get(ENABLED).first().and_then(Value::as_boolean);
        let Some((way, enabled)) = self.target.enabled.as_ref().zip(said) else { return false };
        let has = |name: &str| attributes.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if has(&way.attribute) {
            return false;
        }
        let waits = enabled && way.needs_password() && !has("unicodePwd");
        attributes.extend(way.added(enabled && !waits));
        waits
    }

    /// Enables a new account that waited for its password.
    pub(super) fn enable_waiting(&mut self, anchor: &str, dn: &str) -> Result<()> {
        let Some(way) = self.target.enabled.as_ref() else { return Ok(()) };
        if !self.waiting.remove(anchor) {
            return Ok(());
        }
        let found = self.client.find(&Search::entry(dn, std::slice::from_ref(&way.attribute)))?;
        let Some(modification) = found.and_then(|found| way.changed(&found, true)) else {
            return Ok(());
        };
        self.client.modify(dn, vec![modification], Vec::new())?.done().map(drop)
    }
}

/// Puts a value of the name before the others, of which some may come only after the entry.
fn in_front(values: &mut Vec<Vec<u8>>, value: String, many: bool) {
    let is_it =
        |known: &Vec<u8>| String::from_utf8_lossy(known).to_lowercase() == value.to_lowercase();
    match values.iter().position(is_it) {
        Some(at) => values.swap(0, at),
        None if many => values.insert(0, value.into_bytes()),
        None => {}
    }
}

/// Another entry has the name; the attribute that it is made of can be mended.
fn taken(kind: &Type, name: &Name) -> Error {
    let error = Error::already_exists(format!("is taken: {name} is there already"));
    let part = name.rdn().and_then(|rdn| rdn.avas().next().map(|(kind, _)| kind.to_owned()));
    let field =
        part.and_then(|part| kind.fields.iter().find(|f| f.name.eq_ignore_ascii_case(&part)));
    match field {
        Some(field) => error.at(field.name.as_str()),
        None => error,
    }
}

/// A group that has to have a member and has none gets itself: it gives nobody a right, and imports
/// leave it out.
fn own_member(kind: &Type, name: &Name, attributes: &mut Vec<Valued>) {
    for wire in required_lists(kind) {
        if !attributes.iter().any(|(known, _)| known == wire) {
            attributes.push((wire.to_owned(), vec![name.to_string().into_bytes()]));
        }
    }
}

/// The lists of references of which an entry must have one, as `member` of `groupOfNames`.
pub(crate) fn required_lists(kind: &Type) -> impl Iterator<Item = &str> {
    kind.object_type
        .attributes
        .iter()
        .filter(|a| a.required && a.multi_valued && a.kind == AttributeType::Reference)
        .filter_map(|attribute| kind.field(&attribute.name))
        .map(|field| field.wire.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_entry_is_called_goes_with_it_however_many_values_there_are() {
        for (values, many, expected) in [
            (["a", "b", "x"], true, &["x", "b", "a"][..]),
            (["a", "X", "b"], true, &["X", "a", "b"]),
            (["a", "b", "c"], true, &["x", "a", "b", "c"]),
            (["a", "b", "c"], false, &["a", "b", "c"]),
        ] {
            let mut values = values.map(|value| value.as_bytes().to_vec()).to_vec();
            in_front(&mut values, "x".to_owned(), many);
            let expected: Vec<Vec<u8>> = expected.iter().map(|v| v.as_bytes().to_vec()).collect();
            assert_eq!(values, expected);
        }
    }
}
