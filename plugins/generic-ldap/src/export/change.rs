//! Changed entries: a new name, values that come and go.

use super::{Export, Place, add::required_lists, is_elsewhere, names_nobody};
use crate::{
    client::{Answer, Doing, Modification, Search, code, control},
    dn::{Name, Rename},
    enabled::ENABLED,
    plan::Plan,
    range,
    schema::{DN, Type},
};
use ecma_plugin_sdk::{AttributeChange, EntryId, Error, Exported, Result, Update, Value};
use ldap3::controls::RawControl;

impl Export<'_> {
    /// Changes an entry.
    pub(super) fn change(&mut self, update: &Update) -> Result<Exported> {
        let target = self.target;
        let kind = self.kind(&update.id)?;
        let enabled = update.get(ENABLED).and_then(|change| {
            let after = change.apply(&[]);
            after.first().and_then(Value::as_boolean)
        });
        let mut place = self.place(kind, update, enabled.is_some())?;
        let mut rename = self.renamed(kind, update, &place)?;
        if rename.is_some() && place.found.dn.is_empty() {
            // The new name depends on where the entry really stands.
            place = self.locate(&update.id, &["1.1".to_owned()])?;
            rename = self.renamed(kind, update, &place)?;
        }
        let mut modifications = Vec::new();
        for (name, change) in &update.attributes {
            let Some(field) = self.field(kind, name)? else { continue };
            if rename.as_ref().is_some_and(|rename| rename.is_about(&field.name, change)) {
                continue;
            }
            modifications.extend(self.modifications(kind, field, change)?);
        }
        if let Some((way, enabled)) = target.enabled.as_ref().zip(enabled) {
            modifications.extend(way.changed(&place.found, enabled));
        }
        let plan = Plan::without_members(target, kind);
        let old = place.dn.clone();
        let moved = rename.is_some();
        let place = match rename {
            Some(rename) => self.rename(place, &rename)?,
            None => place,
        };
        let changed = match modifications.is_empty() {
            true => Ok((place.dn.clone(), Answer::default())),
            false => self.modify(kind, &update.id, &place, modifications, &plan),
        };
        match changed {
            Ok((dn, answer)) => self.after(&plan, &dn, &answer),
            Err(error) => {
                if moved {
                    self.back(&place.dn, &old);
                }
                Err(error)
            }
        }
    }

    /// Where the entry stands; read only when something of it is needed, or when the server cannot
    /// tell by itself whether it is the right one.
    fn place(&mut self, kind: &Type, update: &Update, enabled: bool) -> Result<Place> {
        let named_by = self.named_by(kind, update)?;
        let is_read = enabled || !named_by.is_empty() || names(update);
        if let Some(place) = self.known_place(&update.id).filter(|_| !is_read) {
            return Ok(place);
        }
        let fields = named_by.iter().filter_map(|name| kind.field(name));
        let mut asked: Vec<String> = fields.map(|field| field.wire.clone()).collect();
        let way = self.target.enabled.as_ref().filter(|_| enabled);
        asked.extend(way.map(|way| way.attribute.clone()));
        if asked.is_empty() {
            asked.push("1.1".to_owned());
        }
        self.locate(&update.id, &asked)
    }

    fn rename(&mut self, place: Place, rename: &Rename) -> Result<Place> {
        let superior = rename.superior.as_deref();
        let mut answer = self.client.rename(&place.dn, &rename.rdn, superior)?;
        let new = self.name_after(&place.dn, rename)?;
        // Samba has another code for a place that is not there.
        if let Some(superior) = superior
            && answer.code != code::SUCCESS
            && !self.is_there(superior)?
        {
            self.make_parents(&new)?;
            answer = self.client.rename(&place.dn, &rename.rdn, Some(superior))?;
        }
        answer.done().map_err(|error| error.context(format!("renaming {}", place.dn)))?;
        Ok(Place { dn: new.to_string(), found: place.found })
    }

    fn name_after(&self, dn: &str, rename: &Rename) -> Result<Name> {
        let parsed = |text: &str| {
            Name::parse(text).map_err(|why| Error::internal(format!("{text} is no name: {why}")))
        };
        let old = parsed(dn)?;
        let parent = match &rename.superior {
            Some(superior) => parsed(superior)?,
            None => old.parent().unwrap_or_else(|| old.clone()),
        };
        let rdn = parsed(&rename.rdn)?;
        let rdn = rdn.rdn().ok_or_else(|| Error::internal("a new name without a first part"))?;
        Ok(Name::join(rdn.clone(), &parent))
    }

    /// Gives an entry its old name back, when the rest of its change was refused.
    fn back(&mut self, dn: &str, old: &str) {
        let name = Name::parse(old).ok();
        let Some((rdn, parent)) = name.as_ref().and_then(|name| name.rdn().zip(name.parent()))
        else {
            return;
        };
        let (rdn, parent) = (rdn.to_string(), parent.to_string());
        let answer = self.client.rename(dn, &rdn, Some(&parent));
        if let Err(error) = answer.and_then(Answer::done) {
            tracing::warn!(%error, "An entry kept its new name although its change was refused");
        }
    }

    /// Changes values, in several steps when there are many. Answers where the entry stands.
    pub(super) fn modify(
        &mut self,
        kind: &Type,
        id: &EntryId,
        place: &Place,
        modifications: Vec<Modification>,
        plan: &Plan<'_>,
    ) -> Result<(String, Answer)> {
        let most = self.target.settings.values_per_modification.max(1) as usize;
        let mut dn = place.dn.clone();
        let mut last = Answer::default();
        let mut asserted = self.only_this(id)?;
        let mut steps = steps(modifications, most).into_iter().peekable();
        while let Some(step) = steps.next() {
            let mut controls = Vec::new();
            if steps.peek().is_none() {
                controls.extend(self.post_read(plan));
            }
            if self.target.directory.has_control(control::PERMISSIVE_MODIFY) {
                controls.push(control::control(control::PERMISSIVE_MODIFY, false, None));
            }
            let with = |asserted: &[RawControl]| [asserted, &controls].concat();
            let mut answer = self.client.modify(&dn, step.clone(), with(&asserted))?;
            if is_elsewhere(&answer) {
                dn = self.locate(id, &["1.1".to_owned()])?.dn;
                // OpenLDAP asserts it of all that its overlay `unique` finds too.
                asserted.clear();
                answer = self.client.modify(&dn, step.clone(), controls.clone())?;
                if answer.code == code::NO_SUCH_ENTRY && self.is_there(&dn)? {
                    return Err(names_nobody(&answer));
                }
            }
            last = match answer.code {
                // The last two are Active Directory's words for members.
                code::VALUE_EXISTS
                | code::NO_SUCH_ATTRIBUTE
                | code::ENTRY_EXISTS
                | code::UNWILLING => self.effective(kind, &dn, step, controls, answer)?,
                code::OBJECT_CLASS => self.completed(kind, &dn, step, controls, answer)?,
                _ => answer,
            }
            .done()?;
        }
        Ok((dn, last))
    }

    /// The same change without the values that are there already, or not any more.
    fn effective(
        &mut self,
        kind: &Type,
        dn: &str,
        step: Vec<Modification>,
        controls: Vec<RawControl>,
        refused: Answer,
    ) -> Result<Answer> {
        let names: Vec<String> = step.iter().map(|one| one.name.clone()).collect();
        let gone = || Error::not_found(format!("{dn} is not in the directory any more"));
        let mut found = self.client.find(&Search::entry(dn, &names))?.ok_or_else(gone)?;
        range::complete(self.client, &mut found)?;
        let mut left = Vec::new();
        for Modification { doing, name, mut values } in step.clone() {
            let same = |bytes: &[u8]| same_as(kind, &name, bytes);
            let known: std::collections::HashSet<Vec<u8>> =
                found.get(&name).iter().map(|bytes| same(bytes)).collect();
            match doing {
                Doing::Add => values.retain(|value| !known.contains(&same(value))),
                Doing::Delete => values.retain(|value| known.contains(&same(value))),
                Doing::Replace => {}
            }
            if doing == Doing::Replace || !values.is_empty() {
                left.push(Modification { doing, name, values });
            }
        }
        match left {
            left if left == step => Ok(refused),
            left if left.is_empty() => Ok(Answer::default()),
            left => self.client.modify(dn, left, controls),
        }
    }

    /// The same change with what the directory's rules ask for beside it: auxiliary classes whose
    /// attributes are set, and a member where there has to be one.
    fn completed(
        &mut self,
        kind: &Type,
        dn: &str,
        mut step: Vec<Modification>,
        controls: Vec<RawControl>,
        refused: Answer,
    ) -> Result<Answer> {
        let classes = [crate::schema::OBJECT_CLASS.to_owned()];
        let found = self.client.find(&Search::entry(dn, &classes))?.unwrap_or_default();
        let known = found.get(&classes[0]);
        let missing: Vec<Vec<u8>> = kind
            .auxiliary
            .iter()
            .filter(|class| !known.iter().any(|k| k.eq_ignore_ascii_case(class.as_bytes())))
            .map(|class| class.as_bytes().to_vec())
            .collect();
        let before = step.len();
        let own = dn.as_bytes().to_vec();
        for wire in required_lists(kind) {
            let empties = step.iter_mut().filter(|one| one.name.eq_ignore_ascii_case(wire));
            let empties: Vec<&mut Modification> =
                empties.filter(|one| one.doing == Doing::Delete || one.values.is_empty()).collect();
            let mut is_emptied = false;
            for one in empties {
                is_emptied = true;
                if one.doing == Doing::Replace {
                    one.values = vec![own.clone()];
                    is_emptied = false;
                }
            }
            if is_emptied {
                let (doing, name) = (Doing::Add, wire.to_owned());
                step.insert(0, Modification { doing, name, values: vec![own.clone()] });
            }
        }
        if !missing.is_empty() {
            let [name] = classes;
            step.insert(0, Modification { doing: Doing::Add, name, values: missing });
        } else if step.len() == before && !step.iter().any(|one| one.values.contains(&own)) {
            return Ok(refused);
        }
        self.client.modify(dn, step, controls)
    }
}

/// Whether the update may give the entry another name.
fn names(update: &Update) -> bool {
    let is_part = |name: &Name| {
        let mut avas = name.rdn().into_iter().flat_map(|rdn| rdn.avas());
        avas.any(|(kind, _)| update.attributes.iter().any(|(n, _)| n.eq_ignore_ascii_case(kind)))
    };
    let known = update.id.dn.as_ref().and_then(|dn| Name::parse(dn.as_str()).ok());
    update.get(DN).is_some() || update.new_dn.is_some() || known.is_none_or(|name| is_part(&name))
}

/// A text that is the same for values that the directory takes as one.
fn same_as(kind: &Type, wire: &str, bytes: &[u8]) -> Vec<u8> {
    let Some(field) = kind.field_on_wire(wire) else { return bytes.to_vec() };
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let attribute = kind.object_type.get(&field.name);
    if attribute.is_some_and(|a| a.kind == ecma_plugin_sdk::AttributeType::Reference) {
        return Name::parse(text).map_or_else(|_| text.to_lowercase(), |name| name.key()).into();
    }
    match attribute.is_some_and(|attribute| attribute.case_exact) {
        true => bytes.to_vec(),
        false => text.to_lowercase().into(),
    }
}

/// A change in steps with so many values at most. What is replaced stays whole: in parts it would not
/// be what was asked for in between.
fn steps(modifications: Vec<Modification>, most: usize) -> Vec<Vec<Modification>> {
    let mut steps: Vec<Vec<Modification>> = vec![Vec::new()];
    let mut room = most;
    for Modification { doing, name, values } in modifications {
        if doing == Doing::Replace && values.len() > most {
            // The first part replaces, the others come to it.
            let mut parts = values.chunks(most);
            let first = parts.next().map(<[Vec<u8>]>::to_vec).unwrap_or_default();
            steps.push(vec![Modification { doing, name: name.clone(), values: first }]);
            for part in parts {
                let values = part.to_vec();
                steps.push(vec![Modification { doing: Doing::Add, name: name.clone(), values }]);
            }
            steps.push(Vec::new());
            room = most;
            continue;
        }
        if values.is_empty() {
            steps.last_mut().expect("there is a step").push(Modification { doing, name, values });
            continue;
        }
        let mut rest = values.as_slice();
        while !rest.is_empty() {
            if room == 0 || doing == Doing::Replace && rest.len() > room {
                steps.push(Vec::new());
                room = most;
            }
            let (now, later) = rest.split_at(rest.len().min(room));
            let one = Modification { doing, name: name.clone(), values: now.to_vec() };
            steps.last_mut().expect("there is a step").push(one);
            (room, rest) = (room - now.len(), later);
        }
    }
    steps.retain(|step| !step.is_empty());
    steps
}

impl Rename {
    /// Whether the change of this attribute is what the new name says, so that the directory makes it
    /// with the name.
    fn is_about(&self, attribute: &str, change: &AttributeChange) -> bool {
        let Ok(rdn) = Name::parse(&self.rdn) else { return false };
        let mut avas = rdn.rdn().into_iter().flat_map(|rdn| rdn.avas());
        let Some((_, value)) = avas.find(|(kind, _)| kind.eq_ignore_ascii_case(attribute)) else {
            return false;
        };
        match change {
            AttributeChange::Set(values) => {
                matches!(values.as_slice(), [one] if one.to_string() == value)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(doing: Doing, name: &str, values: usize) -> Modification {
        let values = (0..values).map(|n| n.to_string().into_bytes()).collect();
        Modification { doing, name: name.to_owned(), values }
    }

    #[test]
    fn many_values_go_in_several_steps_and_none_is_lost() {
        let change = vec![
            one(Doing::Replace, "sn", 1),
            one(Doing::Add, "member", 2500),
            one(Doing::Delete, "owner", 10),
            one(Doing::Replace, "description", 0),
        ];
        let steps = steps(change, 1000);
        assert!(steps.len() >= 3);
        for step in &steps {
            assert!(step.iter().map(|one| one.values.len()).sum::<usize>() <= 1000);
        }
        let all = |name: &str| {
            let parts = steps.iter().flatten().filter(|one| one.name == name);
            parts.map(|one| one.values.len()).sum::<usize>()
        };
        assert_eq!((all("sn"), all("member"), all("owner")), (1, 2500, 10));
        assert!(steps.iter().flatten().any(|one| one.name == "description"));
    }

    #[test]
    fn a_long_replacement_begins_with_a_replacement_and_goes_on_with_additions() {
        let steps = steps(vec![one(Doing::Replace, "member", 2500)], 1000);
        let kinds: Vec<Doing> = steps.iter().map(|step| step[0].doing).collect();
        assert_eq!(kinds, [Doing::Replace, Doing::Add, Doing::Add]);
    }
}
