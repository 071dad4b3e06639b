//! Where entries stand: the name of a new one, and the new name of one that changes.

use super::{Export, Place};
use crate::{
    client::Search,
    dn::{self, Name, Rdn, Rename},
    schema::{DN, DN_AS_ANCHOR, Type},
    settings::Settings,
    template::{Missing, Template},
};
use ecma_plugin_sdk::{AttributeChange, Entry, Error, Result, Update, Value};

impl Export<'_> {
    /// The template for the names of an object type.
    fn template(&self, kind: &Type) -> Result<Option<Template>> {
        let text = Settings::of_type(&self.target.settings.dn_templates, &kind.name);
        let read = text.map(Template::parse).transpose();
        read.map_err(|why| Error::config(format!("dn_templates: the one of {} {why}", kind.name)))
    }

    fn base(&self) -> &str {
        self.target.bases.first().map_or("", String::as_str)
    }

    /// The name that a new entry shall have: the one it comes with, else by the template.
    pub(super) fn new_name(&self, kind: &Type, entry: &Entry) -> Result<Name> {
        let own = entry.text(DN).or_else(|| {
            let anchor = entry.id().anchor.get(DN_AS_ANCHOR).and_then(Value::as_text);
            anchor.or(entry.text(DN_AS_ANCHOR))
        });
        let own = own.or(entry.id().dn.as_ref().map(|dn| dn.as_str()));
        if let Some(text) = own.filter(|text| !text.is_empty()) {
            return parsed(text);
        }
        let template = self.template(kind)?.ok_or_else(|| {
            let text = format!(
                "has no value, and there is no template of names for {}: map {DN}, or set \
                 dn_templates",
                kind.name
            );
            Error::invalid(DN, text)
        })?;
        let value = |name: &str| entry.get(name).first().map(ToString::to_string);
        parsed(&template.render(value, self.base()).map_err(missing)?)
    }

    /// Which attributes decide on the name of an entry that changes so; they are read before.
    pub(super) fn named_by(&self, kind: &Type, update: &Update) -> Result<Vec<String>> {
        if update.get(DN).is_some() {
            return Ok(Vec::new());
        }
        let Some(template) = self.template(kind)? else { return Ok(Vec::new()) };
        if !template.attributes().any(|name| update.get(name).is_some()) {
            return Ok(Vec::new());
        }
        Ok(template.attributes().map(str::to_owned).collect())
    }

    /// The new name of an entry, when the update gives it one.
    pub(super) fn renamed(
        &self,
        kind: &Type,
        update: &Update,
        place: &Place,
    ) -> Result<Option<Rename>> {
        let old = parsed(&place.dn)?;
        let said = match update.get(DN) {
            Some(AttributeChange::Set(values)) => values.first().and_then(Value::as_text),
            Some(_) => return Err(Error::invalid(DN, "cannot be empty")),
            None => update.new_dn.as_ref().map(|dn| dn.as_str()),
        };
        let new = if let Some(text) = said {
            Some(parsed(text)?)
        } else {
            match self.by_template(kind, update, place, &old)? {
                Some(new) => Some(new),
                None => by_part(update, &old),
            }
        };
        let Some(new) = new.filter(|new| !is_written_alike(&old, new)) else { return Ok(None) };
        if self.target.anchor_attribute().is_none() {
            let text = "changes, and this connector knows entries by their names: they cannot be \
                        renamed; choose another anchor";
            return Err(Error::invalid(DN, text));
        }
        Ok(dn::renames(&old, &new))
    }

    /// The name by the template, where an attribute in it changes. What was moved by somebody else
    /// stays where it is as long as what the template says of the place does not change.
    fn by_template(
        &self,
        kind: &Type,
        update: &Update,
        place: &Place,
        old: &Name,
    ) -> Result<Option<Name>> {
        let Some(template) = self.template(kind)? else { return Ok(None) };
        if !template.attributes().any(|name| update.get(name).is_some()) {
            return Ok(None);
        }
        let before = |name: &str| {
            let bytes = place.found.first(&kind.field(name)?.wire)?;
            Some(kind.field(name)?.read(bytes).ok()?.to_string())
        };
        let after = |name: &str| match update.get(name) {
            Some(change) => {
                let known: Vec<Value> = before(name).map(Value::from).into_iter().collect();
                change.apply(&known).first().map(ToString::to_string)
            }
            None => before(name),
        };
        let was = template.render(before, self.base()).ok().and_then(|text| parsed(&text).ok());
        let new = parsed(&template.render(after, self.base()).map_err(missing)?)?;
        let stays = was.is_some_and(|was| same_parent(&was, &new));
        match (stays, new.rdn(), old.parent()) {
            (true, Some(rdn), Some(parent)) => Ok(Some(Name::join(rdn.clone(), &parent))),
            _ => Ok(Some(new)),
        }
    }

    /// Whether an entry of this name is there.
    pub(super) fn is_there(&mut self, dn: &str) -> Result<bool> {
        Ok(self.client.find(&Search::entry(dn, &["1.1".to_owned()]))?.is_some())
    }
}

/// The name with the new value of the attribute that is its nearest part.
fn by_part(update: &Update, old: &Name) -> Option<Name> {
    let avas: Vec<(&str, String)> = old.rdn()?.avas().collect();
    let [(kind, value)] = avas.as_slice() else { return None };
    let (name, change) =
        update.attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind))?;
    let before = [Value::from(value.as_str())];
    let after = change.apply(&before);
    let text = after.first()?.to_string();
    // One of several values names the entry; while it stays, so does the name.
    if after.iter().any(|after| after.to_string() == *value) {
        return None;
    }
    Some(Name::join(Rdn::new(name.as_str(), text), &old.parent()?))
}

fn parsed(text: &str) -> Result<Name> {
    let read = Name::parse(text);
    let name = read.map_err(|why| Error::invalid(DN, format!("is \"{text}\": {why}")))?;
    if name.rdn().is_none() {
        return Err(Error::invalid(DN, "is empty"));
    }
    Ok(name)
}

fn missing(Missing(name): Missing) -> Error {
    Error::invalid(name, "has no value, and the name of the entry is made of it")
}

fn same_parent(one: &Name, other: &Name) -> bool {
    one.parent().map(|name| name.key()) == other.parent().map(|name| name.key())
}

/// Whether nobody can tell the names apart: types of attributes have no case, and what stands above
/// is the same entry.
fn is_written_alike(old: &Name, new: &Name) -> bool {
    let parts = |name: &Name| -> Option<Vec<(String, String)>> {
        Some(name.rdn()?.avas().map(|(kind, value)| (kind.to_lowercase(), value)).collect())
    };
    same_parent(old, new) && parts(old) == parts(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecma_plugin_sdk::EntryId;

    fn update() -> Update {
        let anchor = ecma_plugin_sdk::Anchor::default();
        Update::new(EntryId { object_type: "person".to_owned(), anchor, dn: None })
    }

    #[test]
    fn an_entry_is_named_anew_when_its_naming_attribute_changes() {
        let old = Name::parse("cn=Kim,ou=people,dc=example").unwrap();
        let new = by_part(&update().set("CN", "Kim, PhD"), &old);
        assert_eq!(new.unwrap().to_string(), "CN=Kim\\, PhD,ou=people,dc=example");
        assert_eq!(by_part(&update().set("sn", "x"), &old), None);
        assert_eq!(by_part(&update().set("cn", vec!["Kim", "Kimmy"]), &old), None);
    }

    #[test]
    fn names_that_differ_in_case_of_their_types_are_the_same() {
        let old = Name::parse("CN=Kim,OU=People,DC=example").unwrap();
        for (text, expected) in [
            ("cn=Kim,ou=people,dc=EXAMPLE", true),
            ("cn=kim,ou=people,dc=example", false),
            ("cn=Kim,ou=left,dc=example", false),
        ] {
            assert_eq!(is_written_alike(&old, &Name::parse(text).unwrap()), expected, "{text}");
        }
    }
}
