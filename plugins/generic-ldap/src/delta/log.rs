//! What a line of a log of changes tells, whoever keeps the log.

use super::{News, Scene, forgotten};
use crate::dn::{self, Name};
use ecma_plugin_sdk::Result;

/// What happened to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happened {
    /// It was added, or values of it changed.
    Changed,
    /// It has this name now; `None`: the log does not say which.
    Renamed(Option<String>),
    /// It is gone.
    Deleted,
    /// Nothing that matters.
    Nothing,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'l> {
    /// The name that the entry had.
    pub(super) dn: &'l str,
    /// What the server itself calls the entry, when the log tells.
    pub(super) id: Option<&'l str>,
    pub(super) happened: Happened,
}

/// A log as somebody reads it who imports what stands below a base.
pub(super) struct Log<'s> {
    scene: &'s Scene<'s>,
    base: Option<Name>,
}

impl<'s> Log<'s> {
    pub(super) fn of(scene: &'s Scene<'s>) -> Log<'s> {
        Log { scene, base: Name::parse(scene.base).ok() }
    }

    /// What a line means for who imports below the base.
    pub(super) fn news(&self, line: Line<'_>) -> Result<Option<News>> {
        let Line { dn, id, happened } = line;
        let is_known = self.has(dn);
        match happened {
            Happened::Changed if is_known => Ok(Some(News::Named(dn.to_owned()))),
            Happened::Deleted if is_known => self.gone(dn, id).map(Some),
            Happened::Renamed(name) => {
                let missing = || forgotten(format!("the log does not tell the new name of {dn}"));
                let name = name.ok_or_else(missing)?;
                let is_left = !self.has(&name);
                if is_known && (is_left || self.scene.target.anchor_attribute().is_none()) {
                    // Under the old name there is nothing any more, nor below it.
                    return Err(forgotten(format!("{dn} was renamed")));
                }
                Ok((!is_left).then_some(News::Below(name)))
            }
            _ => Ok(None),
        }
    }

    fn has(&self, dn: &str) -> bool {
        match (Name::parse(dn), &self.base) {
            (Ok(name), Some(base)) => name.is_within(base),
            _ => true,
        }
    }

    fn gone(&self, dn: &str, id: Option<&str>) -> Result<News> {
        if self.scene.target.anchor_attribute().is_none() {
            return Ok(News::Gone(dn::canonical(dn).into_owned()));
        }
        let missing = || format!("the log does not tell which entry {dn} was that is gone");
        super::gone(self.scene, id.ok_or_else(|| forgotten(missing()))?.to_owned())
    }
}

/// The name of an entry after a ModifyDN.
pub(super) fn renamed(dn: &str, rdn: Option<&str>, superior: Option<&str>) -> Option<String> {
    let rdn = Name::parse(rdn?).ok()?.rdn()?.clone();
    let parent = match superior.filter(|text| !text.is_empty()) {
        Some(superior) => Name::parse(superior).ok()?,
        None => Name::parse(dn).ok()?.parent()?,
    };
    Some(Name::join(rdn, &parent).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_entry_has_its_new_name_where_it_was_or_where_it_goes() {
        let dn = "uid=kim,ou=people,dc=example";
        assert_eq!(renamed(dn, Some("uid=kim2"), None).unwrap(), "uid=kim2,ou=people,dc=example");
        let moved = renamed(dn, Some("uid=kim"), Some("ou=left,dc=example"));
        assert_eq!(moved.unwrap(), "uid=kim,ou=left,dc=example");
        assert_eq!(renamed(dn, None, None), None);
    }
}
