//! Whether an account is enabled, in the words of each directory: the virtual boolean `-enabled-`.

use crate::{
    client::{Doing, Found, Modification},
    directory::Directory,
    settings::Settings,
    subschema::{Subschema, Usage},
};
use ecma_plugin_sdk::Problem;

/// The name of the virtual attribute.
pub(crate) const ENABLED: &str = "-enabled-";

/// An account that is disabled (MS-ADTS §2.2.16).
const ACCOUNT_DISABLE: i64 = 2;
/// A usual account (MS-ADTS §2.2.16).
const NORMAL_ACCOUNT: i64 = 512;
/// Locked until somebody unlocks it (draft-behera-ldap-password-policy §5.3.3).
const LOCKED_FOR_GOOD: &str = "000001010000Z";

/// How the directory says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A bit of a number, the other bits stay.
    Bit,
    /// A time that is there.
    Time,
    /// A truth that means disabled; nothing means enabled.
    Disabled,
    /// A truth that means enabled; nothing means enabled too.
    Enabled,
}

/// The attribute that says whether an account is enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Enabled {
    /// Its name.
    pub(crate) attribute: String,
    /// Whether it is one of every entry, so that only those count that somebody logs in with.
    pub(crate) is_operational: bool,
    way: Way,
}

impl Enabled {
    /// The one of the settings, else the one that the server is known for, when its schema has it.
    pub(crate) fn of(
        settings: &Settings,
        directory: &Directory,
        subschema: &Subschema,
    ) -> Result<Option<Enabled>, Problem> {
        let said = settings.enabled_attribute.as_deref();
        let Some(name) = said.or(directory.enabled_attribute()) else { return Ok(None) };
        let Some(kind) = subschema.attribute_type(name) else {
            let text = || format!("is \"{name}\", which is no attribute of this directory");
            return match said {
                Some(_) => Err(Problem::new("enabled_attribute", text())),
                None => Ok(None),
            };
        };
        Ok(Some(Enabled::by(name, kind.usage == Usage::Operational)))
    }

    fn by(name: &str, is_operational: bool) -> Enabled {
        let is = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let way = if is(&["userAccountControl"]) {
            Way::Bit
        } else if is(&["pwdAccountLockedTime"]) {
            Way::Time
        } else if is(&["nsAccountLock", "loginDisabled", "ds-pwp-account-disabled"])
            || is(&["ibm-pwdAccountLocked", "msDS-UserAccountDisabled"])
        {
            Way::Disabled
        } else {
            Way::Enabled
        };
        Enabled { attribute: name.to_owned(), is_operational, way }
    }

    /// Whether an account can be added enabled only with its password.
    pub(crate) fn needs_password(&self) -> bool {
        self.way == Way::Bit
    }

    /// Whether the values of an entry say that it is enabled.
    pub(crate) fn read(&self, found: &Found) -> bool {
        let text = found.text(&self.attribute);
        match self.way {
            Way::Bit => {
                let bits = text.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
                bits & ACCOUNT_DISABLE == 0
            }
            Way::Time => text != Some(LOCKED_FOR_GOOD),
            Way::Disabled => !text.is_some_and(|text| text.eq_ignore_ascii_case("true")),
            Way::Enabled => !text.is_some_and(|text| text.eq_ignore_ascii_case("false")),
        }
    }

    /// What a new entry gets; `None`: nothing says it.
    pub(crate) fn added(&self, enabled: bool) -> Option<(String, Vec<Vec<u8>>)> {
        let text = match (self.way, enabled) {
            (Way::Bit, true) => NORMAL_ACCOUNT.to_string(),
            (Way::Bit, false) => (NORMAL_ACCOUNT | ACCOUNT_DISABLE).to_string(),
            (Way::Time, false) => LOCKED_FOR_GOOD.to_owned(),
            (Way::Disabled, false) | (Way::Enabled, true) => "TRUE".to_owned(),
            (Way::Enabled, false) => "FALSE".to_owned(),
            (Way::Time | Way::Disabled, true) => return None,
        };
        Some((self.attribute.clone(), vec![text.into_bytes()]))
    }

    /// What changes of an entry that is as `found` says; `None`: it is so already.
    pub(crate) fn changed(&self, found: &Found, enabled: bool) -> Option<Modification> {
        if self.read(found) == enabled {
            return None;
        }
        let values = match self.way {
            Way::Bit => {
                let bits = found.text(&self.attribute).and_then(|text| text.parse::<i64>().ok());
                let bits = bits.unwrap_or(NORMAL_ACCOUNT);
                let bits = if enabled { bits & !ACCOUNT_DISABLE } else { bits | ACCOUNT_DISABLE };
                vec![bits.to_string().into_bytes()]
            }
            _ => self.added(enabled).map_or_else(Vec::new, |(_, values)| values),
        };
        Some(Modification { doing: Doing::Replace, name: self.attribute.clone(), values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, value: Option<&str>) -> Found {
        let values = value.map(|value| value.as_bytes().to_vec()).into_iter().collect();
        Found { attributes: vec![(name.to_owned(), values)], ..Found::default() }
    }

    #[test]
    fn each_directory_says_it_in_its_way() {
        for (name, value, enabled) in [
            ("userAccountControl", Some("512"), true),
            ("userAccountControl", Some("514"), false),
            ("userAccountControl", Some("66050"), false),
            ("pwdAccountLockedTime", None, true),
            ("pwdAccountLockedTime", Some("000001010000Z"), false),
            ("pwdAccountLockedTime", Some("20260101000000Z"), true),
            ("nsAccountLock", None, true),
            ("nsaccountlock", Some("true"), false),
            ("loginDisabled", Some("FALSE"), true),
            ("isActive", Some("FALSE"), false),
            ("isActive", Some("TRUE"), true),
        ] {
            let way = Enabled::by(name, false);
            assert_eq!(way.read(&found(name, value)), enabled, "{name} {value:?}");
        }
    }

    #[test]
    fn the_other_bits_stay() {
        let way = Enabled::by("userAccountControl", false);
        let changed = |bits: &str, enabled| {
            way.changed(&found("userAccountControl", Some(bits)), enabled)
                .map(|m| String::from_utf8(m.values[0].clone()).unwrap())
        };
        assert_eq!(changed("66048", false).as_deref(), Some("66050"));
        assert_eq!(changed("66050", true).as_deref(), Some("66048"));
        assert_eq!(changed("512", true), None);
    }

    #[test]
    fn what_was_changed_reads_as_it_was_asked_for() {
        for name in ["userAccountControl", "pwdAccountLockedTime", "nsAccountLock", "isActive"] {
            let way = Enabled::by(name, false);
            for enabled in [false, true] {
                let before = found(
                    name,
                    way.added(!enabled)
                        .map(|(_, v)| String::from_utf8(v[0].clone()).unwrap())
                        .as_deref(),
                );
                let change = way.changed(&before, enabled).unwrap();
                let after = Found { attributes: vec![(change.name, change.values)], ..before };
                assert_eq!(way.read(&after), enabled, "{name}");
            }
        }
    }
}
