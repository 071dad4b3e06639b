//! Passwords: by the operation for them, or as values of an attribute.

use super::Export;
use crate::{
    ber::{self, Reader},
    client::{Answer, Client, Doing, Modification, code, control},
    settings::{Bind, PasswordMethod},
};
use ecma_plugin_sdk::{EntryId, Error, ErrorKind, PasswordOptions, Result, Secret, Value};
use ldap3::controls::RawControl;

/// The operation that changes a password (RFC 3062).
const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";
/// The name of passwords among the attributes.
const PASSWORD: &str = "export_password";

impl Export<'_> {
    /// Sets the password of an entry, whatever it was before.
    pub(crate) fn set_password(
        &mut self,
        id: &EntryId,
        new: &Secret,
        options: PasswordOptions,
    ) -> Result<()> {
        let place = self.locate(id, &["1.1".to_owned()])?;
        let dn = place.dn;
        let answer = if self.by_operation() {
            self.operation(&dn, None, new)?
        } else {
            let name = self.password_attribute();
            let values = vec![self.password_bytes(&name, new)?];
            let set = Modification { doing: Doing::Replace, name, values };
            self.client.modify(&dn, vec![set], self.policy())?
        };
        accepted(answer)?;
        self.options(&dn, options)?;
        let anchor = id.anchor.first().map(ToString::to_string).unwrap_or_default();
        self.enable_waiting(&anchor, &dn)
    }

    /// Changes the password of an entry that knows its old one.
    pub(crate) fn change_password(
        &mut self,
        id: &EntryId,
        old: &Secret,
        new: &Secret,
    ) -> Result<()> {
        let dn = self.locate(id, &["1.1".to_owned()])?.dn;
        if self.by_operation() {
            let answer = self.operation(&dn, Some(old), new)?;
            return match answer.code {
                code::INVALID_CREDENTIALS => Err(not_the_old_one()),
                _ => accepted(answer),
            };
        }
        let name = self.password_attribute();
        let values = vec![self.password_bytes(&name, new)?];
        let steps = if self.target.is_active_directory() {
            let known = vec![self.password_bytes(&name, old)?];
            let (delete, add) = (Doing::Delete, Doing::Add);
            vec![
                Modification { doing: delete, name: name.clone(), values: known },
                Modification { doing: add, name, values },
            ]
        } else {
            // What is kept is a hash, so that the old one cannot be named: it is tried.
            self.try_password(&dn, old)?;
            vec![Modification { doing: Doing::Replace, name, values }]
        };
        accepted(self.client.modify(&dn, steps, self.policy())?)
    }

    fn by_operation(&self) -> bool {
        match self.target.settings.password_method {
            PasswordMethod::Extended => true,
            PasswordMethod::Attribute => false,
            PasswordMethod::Auto => {
                let directory = &self.target.directory;
                !self.target.is_active_directory() && directory.has_password_operation()
            }
        }
    }

    fn password_attribute(&self) -> String {
        let usual = if self.target.is_active_directory() { "unicodePwd" } else { "userPassword" };
        let said = self.target.settings.password_attribute.as_deref();
        said.unwrap_or(usual).to_owned()
    }

    fn password_bytes(&self, name: &str, password: &Secret) -> Result<Vec<u8>> {
        let fields = self.target.types.iter().flat_map(|kind| &kind.fields);
        let field = fields.into_iter().find(|field| field.name.eq_ignore_ascii_case(name));
        match field {
            Some(field) => field
                .write(&Value::from(password.expose()))
                .map_err(|_| Error::invalid(PASSWORD, "cannot be written")),
            None => Ok(password.expose().as_bytes().to_vec()),
        }
    }

    /// Asks what the password policy says, where the server has one.
    fn policy(&self) -> Vec<RawControl> {
        let has = self.target.directory.has_control(control::PASSWORD_POLICY);
        let asked = has.then(|| control::control(control::PASSWORD_POLICY, false, None));
        asked.into_iter().collect()
    }

    /// The operation that changes a password (RFC 3062 §2).
    fn operation(&mut self, dn: &str, old: Option<&Secret>, new: &Secret) -> Result<Answer> {
        const USER: u8 = 0x80;
        const OLD: u8 = 0x81;
        const NEW: u8 = 0x82;
        let user = ber::element(USER, &[dn.as_bytes()]);
        let old = old.map(|old| ber::element(OLD, &[old.expose().as_bytes()]));
        let new = ber::element(NEW, &[new.expose().as_bytes()]);
        let value = ber::element(ber::SEQUENCE, &[&user, &old.unwrap_or_default(), &new]);
        let policy = self.policy();
        self.client.extended(PASSWORD_MODIFY, value, policy)
    }

    fn options(&mut self, dn: &str, options: PasswordOptions) -> Result<()> {
        let one = |name: &str, value: Option<&str>| Modification {
            doing: Doing::Replace,
            name: name.to_owned(),
            values: value.map(|value| value.as_bytes().to_vec()).into_iter().collect(),
        };
        let directory = self.target.is_active_directory();
        let has_policy = self.target.directory.has_control(control::PASSWORD_POLICY);
        let mut changes = Vec::new();
        if options.force_change && directory {
            changes.push(one("pwdLastSet", Some("0")));
        } else if options.force_change && has_policy {
            changes.push(one("pwdReset", Some("TRUE")));
        }
        if options.unlock && directory {
            changes.push(one("lockoutTime", Some("0")));
        } else if options.unlock && has_policy {
            changes.push(one("pwdAccountLockedTime", None));
        }
        if changes.is_empty() {
            return Ok(());
        }
        self.client.modify(dn, changes, Vec::new())?.done().map(drop)
    }

    /// Whether this is the password, on a connection of its own.
    fn try_password(&self, dn: &str, password: &Secret) -> Result<()> {
        let mut settings = self.target.settings.clone();
        settings.bind = Bind::Simple;
        settings.user = Some(dn.to_owned());
        settings.password = Some(password.clone());
        Client::connect(&settings).map(drop).map_err(|error| match error.kind() {
            ErrorKind::Credentials => not_the_old_one(),
            _ => error,
        })
    }
}

fn not_the_old_one() -> Error {
    Error::invalid(PASSWORD, "cannot be changed: the old one is another")
}

/// The answer to a new password; what a policy refuses is the client's to mend.
fn accepted(answer: Answer) -> Result<()> {
    if answer.code == 0 {
        return Ok(());
    }
    let error = answer.error();
    let said = control::value(&answer.controls, control::PASSWORD_POLICY).and_then(policy_error);
    let is_policy = said.is_some() || matches!(answer.code, 19 | 53);
    if !is_policy {
        return Err(error);
    }
    let said = said.map(|said| format!("{said}: ")).unwrap_or_default();
    Err(Error::invalid(PASSWORD, format!("is refused by the directory: {said}{}", error.message())))
}

/// What a password policy says is wrong (draft-behera-ldap-password-policy-10 §6.2).
fn policy_error(value: &[u8]) -> Option<&'static str> {
    const WARNING: u8 = 0xa0;
    const ERROR: u8 = 0x81;
    let mut inside = Reader::new(value).enter(ber::SEQUENCE)?;
    inside.expect(WARNING);
    Some(match inside.number(ERROR)? {
        0 => "the password has expired",
        1 => "the account is locked",
        2 => "the password has to be changed after it was reset",
        3 => "the password may not be changed",
        4 => "the old password is needed",
        5 => "the quality is not sufficient",
        6 => "it is too short",
        7 => "the last change is too recent",
        8 => "it was used before",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_tells_what_is_wrong() {
        for (number, expected) in [(6, Some("it is too short")), (8, Some("it was used before"))] {
            let value = ber::element(ber::SEQUENCE, &[&ber::number(0x81, number)]);
            assert_eq!(policy_error(&value), expected);
        }
        let warned = ber::element(0xa0, &[&ber::number(0x80, 100)]);
        let value = ber::element(ber::SEQUENCE, &[&warned, &ber::number(0x81, 5)]);
        assert_eq!(policy_error(&value), Some("the quality is not sufficient"));
        assert_eq!(policy_error(b"\x30\x00"), None);
    }
}
