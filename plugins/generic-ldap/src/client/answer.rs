//! What the server answered: a result code (RFC 4511 §4.1.9) and what it means for a connector.

use crate::schema::DN;
use ecma_plugin_sdk::{Error, ErrorKind};
use ldap3::{LdapResult, controls::RawControl};

/// A code that the server gave and the plugin acts on.
pub(crate) mod code {
    /// Done.
    pub(crate) const SUCCESS: u32 = 0;
    /// The time that the server allows is over.
    pub(crate) const TIME_LIMIT: u32 = 3;
    /// More entries than the server allows.
    pub(crate) const SIZE_LIMIT: u32 = 4;
    /// Another limit of the server.
    pub(crate) const ADMIN_LIMIT: u32 = 11;
    /// A control that the server does not know.
    pub(crate) const CRITICAL_EXTENSION: u32 = 12;
    /// The value or the attribute is not there.
    pub(crate) const NO_SUCH_ATTRIBUTE: u32 = 16;
    /// A rule is broken.
    pub(crate) const CONSTRAINT: u32 = 19;
    /// The value is there already.
    pub(crate) const VALUE_EXISTS: u32 = 20;
    /// There is no such entry.
    pub(crate) const NO_SUCH_ENTRY: u32 = 32;
    /// The name or the password is not right.
    pub(crate) const INVALID_CREDENTIALS: u32 = 49;
    /// The server has too much to do.
    pub(crate) const BUSY: u32 = 51;
    /// The server does not want to.
    pub(crate) const UNWILLING: u32 = 53;
    /// The entry does not fit its classes.
    pub(crate) const OBJECT_CLASS: u32 = 65;
    /// There are entries below.
    pub(crate) const NOT_A_LEAF: u32 = 66;
    /// There is such an entry already.
    pub(crate) const ENTRY_EXISTS: u32 = 68;
    /// The entry does not fit what was asserted (RFC 4528).
    pub(crate) const ASSERTION_FAILED: u32 = 122;
    /// What the server kept for a client is not enough any more (RFC 4533 §2.5).
    pub(crate) const REFRESH_REQUIRED: u32 = 4096;
}

/// What the server answered to an operation.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The result code.
    pub(crate) code: u32,
    /// The server's own words.
    pub(crate) text: String,
    /// Where the server sends a client instead.
    pub(crate) referrals: Vec<String>,
    /// Controls, as they came.
    pub(crate) controls: Vec<RawControl>,
}

impl From<LdapResult> for Answer {
    fn from(result: LdapResult) -> Answer {
        let controls = result.ctrls.into_iter().map(|control| control.1).collect();
        let LdapResult { rc: code, text, refs: referrals, .. } = result;
        Answer { code, text, referrals, controls }
    }
}

impl Answer {
    /// The answer, when the server did what was asked.
    pub(crate) fn done(self) -> Result<Answer, Error> {
        if self.code == code::SUCCESS { Ok(self) } else { Err(self.error()) }
    }

    /// What the code means for a connector, in the server's words where it has any.
    pub(crate) fn error(&self) -> Error {
        let (kind, name) = meaning(self.code);
        let (kind, attribute) = self.closer(kind);
        let text = self.text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        // Behind the name of an attribute the message goes on with what is wrong with it.
        let refused = if attribute.is_some() { "is refused: " } else { "" };
        let mut message = format!("{refused}the directory answered {name} ({})", self.code);
        if !text.is_empty() {
            message = format!("{message}: {text}");
        }
        if !self.referrals.is_empty() {
            message = format!("{message}; it sends to {}", self.referrals.join(", "));
        }
        let error = Error::new(kind, message);
        match attribute {
            Some(attribute) => error.at(attribute),
            None => error,
        }
    }

    /// What the server's words tell beyond the code.
    fn closer(&self, kind: ErrorKind) -> (ErrorKind, Option<String>) {
        let text = self.text.as_str();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        match self.code {
            // OpenLDAP's overlay `unique`, 389's plug-in, and Active Directory's numbers of the same.
            code::CONSTRAINT | code::UNWILLING
                if has(&["not unique", "non-unique", "already exists"])
                    || has(&["000021C8", "000021C7", "00002071"]) =>
            {
                let named = between(text, "(attribute: \"", "\"");
                (ErrorKind::AlreadyExists, named.or_else(|| between(text, "with (|(", "=")))
            }
            code::UNWILLING if has(&["restricted", "read-only", "readonly", "shadow context"]) => {
                (ErrorKind::Forbidden, None)
            }
            code::UNWILLING if has(&["no global superior knowledge"]) => {
                (kind, Some(DN.to_owned()))
            }
            // Active Directory's number of what is not in its schema.
            code::NO_SUCH_ATTRIBUTE if has(&["0000200A", "00000057"]) => (ErrorKind::Invalid, None),
            // Active Directory's word for a client that did not log in.
            1 if has(&["successful bind must be completed", "without authentication"]) => {
                (ErrorKind::Credentials, None)
            }
            17 | 18 | 21 if text.contains(':') => {
                // Active Directory begins with a number and names the attribute later.
                let named = between(text, "attribute '", "'");
                let first = text.split(':').next().filter(|name| is_attribute(name));
                (kind, named.or(first.map(str::to_owned)))
            }
            65 => (
                kind,
                between(text, "requires attribute '", "'").or_else(|| {
                    between(text, "attribute '", "'")
                        .or_else(|| between(text, "attribute \"", "\""))
                }),
            ),
            34 | 64 => (kind, Some(DN.to_owned())),
            _ => (kind, None),
        }
    }
}

fn is_attribute(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ';' | '.');
    !name.is_empty() && name.chars().all(fits)
}

/// The name of an attribute between these words.
fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    let (name, _) = rest.split_once(after)?;
    is_attribute(name).then(|| name.to_owned())
}

/// What a result code means and what the standard calls it (RFC 4511 appendix A).
fn meaning(code: u32) -> (ErrorKind, &'static str) {
    use ErrorKind as Kind;
    match code {
        0 => (Kind::Internal, "success"),
        1 => (Kind::Internal, "operationsError"),
        2 => (Kind::Unsupported, "protocolError"),
        3 => (Kind::Timeout, "timeLimitExceeded"),
        4 => (Kind::Config, "sizeLimitExceeded"),
        7 => (Kind::Config, "authMethodNotSupported"),
        8 => (Kind::Config, "strongerAuthRequired"),
        10 => (Kind::Config, "referral"),
        11 => (Kind::Config, "adminLimitExceeded"),
        12 => (Kind::Unsupported, "unavailableCriticalExtension"),
        13 => (Kind::Config, "confidentialityRequired"),
        16 => (Kind::Conflict, "noSuchAttribute"),
        17 => (Kind::Invalid, "undefinedAttributeType"),
        18 => (Kind::Invalid, "inappropriateMatching"),
        19 => (Kind::Invalid, "constraintViolation"),
        20 => (Kind::Invalid, "attributeOrValueExists"),
        21 => (Kind::Invalid, "invalidAttributeSyntax"),
        32 => (Kind::NotFound, "noSuchObject"),
        33 => (Kind::Invalid, "aliasProblem"),
        34 => (Kind::Invalid, "invalidDNSyntax"),
        36 => (Kind::Invalid, "aliasDereferencingProblem"),
        48 => (Kind::Credentials, "inappropriateAuthentication"),
        49 => (Kind::Credentials, "invalidCredentials"),
        50 => (Kind::Forbidden, "insufficientAccessRights"),
        51 => (Kind::Busy, "busy"),
        52 => (Kind::Busy, "unavailable"),
        53 => (Kind::Invalid, "unwillingToPerform"),
        54 => (Kind::Internal, "loopDetect"),
        64 => (Kind::Invalid, "namingViolation"),
        65 => (Kind::Invalid, "objectClassViolation"),
        66 => (Kind::Conflict, "notAllowedOnNonLeaf"),
        67 => (Kind::Invalid, "notAllowedOnRDN"),
        68 => (Kind::AlreadyExists, "entryAlreadyExists"),
        69 => (Kind::Invalid, "objectClassModsProhibited"),
        71 => (Kind::Unsupported, "affectsMultipleDSAs"),
        118 => (Kind::Cancelled, "canceled"),
        122 => (Kind::Conflict, "assertionFailed"),
        _ => (Kind::Internal, "other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_words_are_understood() {
        for (code, text, kind, attribute) in [
            (68, "", ErrorKind::AlreadyExists, None),
            (19, "some attributes not unique", ErrorKind::AlreadyExists, None),
            (
                19,
                "non-unique attributes found with (|(uid=ada))",
                ErrorKind::AlreadyExists,
                Some("uid"),
            ),
            (
                19,
                "Another entry with the same attribute value already exists (attribute: \"uid\")",
                ErrorKind::AlreadyExists,
                Some("uid"),
            ),
            (19, "Password fails quality checking policy", ErrorKind::Invalid, None),
            (21, "mail: value #0 invalid per syntax", ErrorKind::Invalid, Some("mail")),
            (21, "it is wrong: here", ErrorKind::Invalid, None),
            (
                21,
                "0000200B: objectclass_attrs: attribute 'title' on entry 'CN=x' is invalid!",
                ErrorKind::Invalid,
                Some("title"),
            ),
            (53, "no global superior knowledge", ErrorKind::Invalid, Some(DN)),
            (
                65,
                "object class 'inetOrgPerson' requires attribute 'sn'",
                ErrorKind::Invalid,
                Some("sn"),
            ),
            (
                65,
                "missing attribute \"sn\" required by object class",
                ErrorKind::Invalid,
                Some("sn"),
            ),
            (64, "naming attribute 'cn' is not present in entry", ErrorKind::Invalid, Some(DN)),
            (32, "", ErrorKind::NotFound, None),
            (53, "operation restricted", ErrorKind::Forbidden, None),
            (50, "", ErrorKind::Forbidden, None),
            (52, "", ErrorKind::Busy, None),
            (90, "?", ErrorKind::Internal, None),
        ] {
            let answer = Answer { code, text: text.to_owned(), ..Answer::default() };
            let error = answer.error();
            assert_eq!((error.kind(), error.attribute()), (kind, attribute), "{code} {text}");
            assert!(error.message().contains(text), "{error}");
        }
    }

    #[test]
    fn a_referral_tells_where_to() {
        let referrals = vec!["ldap://other.example.org/".to_owned()];
        let answer = Answer { code: 10, referrals, ..Answer::default() };
        assert!(answer.error().message().contains("ldap://other.example.org/"));
    }
}
