//! How the values of an attribute are read and written, from what a server says of its type.

use crate::subschema::{AttributeType, Subschema};
use ecma_plugin_sdk::AttributeType as Kind;

/// How values are written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// UTF-8.
    Text,
    /// Digits that fit 64 bits.
    Integer,
    /// `TRUE` and `FALSE` (RFC 4517 §3.3.3).
    Boolean,
    /// Bytes as they are.
    Binary,
    /// Generalized Time (RFC 4517 §3.3.13).
    GeneralizedTime {
        /// A fraction is written even when it is zero, as Active Directory wants it.
        always_fraction: bool,
    },
    /// UTC Time (RFC 4517 §3.3.34).
    UtcTime,
    /// A distinguished name (RFC 4517 §3.3.9).
    Reference,
    /// A distinguished name with an optional unique identifier, `cn=a#'01'B` (RFC 4517 §3.3.21). The
    /// identifier tells entries apart that had one name one after the other; it is not read.
    ReferenceAndUid,
    /// 16 bytes in the order of Active Directory, as the text of a GUID.
    Guid,
    /// Bytes as the text of their hexadecimal digits.
    Hex,
    /// A password in quotes, in UTF-16: `unicodePwd` of Active Directory. Only written.
    UnicodePassword,
}

impl Form {
    /// The kind of values in the host.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Form::Text | Form::Guid | Form::Hex | Form::UnicodePassword => Kind::Text,
            Form::Integer => Kind::Integer,
            Form::Boolean => Kind::Boolean,
            Form::Binary => Kind::Binary,
            Form::GeneralizedTime { .. } | Form::UtcTime => Kind::DateTime,
            Form::Reference | Form::ReferenceAndUid => Kind::Reference,
        }
    }

    /// How the values of an attribute type are written.
    pub(crate) fn of(schema: &Subschema, kind: &AttributeType) -> Form {
        let oid = kind.syntax.as_deref().unwrap_or(DIRECTORY_STRING);
        let own = match oid {
            "1.3.6.1.4.1.1466.115.121.1.7" => Form::Boolean,
            "1.3.6.1.4.1.1466.115.121.1.27" | LARGE_INTEGER => Form::Integer,
            "1.3.6.1.4.1.1466.115.121.1.24" => {
                Form::GeneralizedTime { always_fraction: schema.is_active_directory() }
            }
            "1.3.6.1.4.1.1466.115.121.1.53" => Form::UtcTime,
            "1.3.6.1.4.1.1466.115.121.1.12" => Form::Reference,
            "1.3.6.1.4.1.1466.115.121.1.34" => Form::ReferenceAndUid,
            oid if BINARY.contains(&oid) => Form::Binary,
            oid if schema.syntax(oid).is_some_and(|syntax| syntax.not_human_readable) => {
                Form::Binary
            }
            _ => Form::Text,
        };
        match own {
            Form::Binary if kind.is("objectGUID") => Form::Guid,
            // Of eDirectory: its tools do not agree on an order of the bytes, so it is shown as it is.
            Form::Binary if kind.is("GUID") => Form::Hex,
            Form::Binary if kind.is("unicodePwd") => Form::UnicodePassword,
            // What is a password there is a text here.
            Form::Binary if kind.is("userPassword") || kind.is("unixUserPassword") => Form::Text,
            own => own,
        }
    }
}

/// Whether the server tells upper from lower case in values of this type.
pub(crate) fn is_case_exact(schema: &Subschema, kind: &AttributeType) -> bool {
    let syntax = kind.syntax.as_deref().unwrap_or(DIRECTORY_STRING);
    if matches!(Form::of(schema, kind), Form::Reference | Form::ReferenceAndUid | Form::Guid) {
        return false;
    }
    match &kind.equality {
        Some(rule) => {
            !IGNORES_CASE.iter().any(|(name, oid)| rule.eq_ignore_ascii_case(name) || rule == oid)
        }
        // Active Directory names no rules; each of its syntaxes has one (MS-ADTS 3.1.1.2.2.4).
        None if schema.is_active_directory() => {
            !matches!(syntax, DIRECTORY_STRING | TELETEX_STRING | OBJECT_IDENTIFIER)
        }
        None => true,
    }
}

/// Whether the server wants the type named with `;binary` (RFC 4523 §2).
pub(crate) fn needs_binary_option(schema: &Subschema, kind: &AttributeType) -> bool {
    let syntax = kind.syntax.as_deref().and_then(|oid| schema.syntax(oid));
    syntax.is_some_and(|syntax| syntax.binary_transfer)
}

const DIRECTORY_STRING: &str = "1.3.6.1.4.1.1466.115.121.1.15";
const OBJECT_IDENTIFIER: &str = "1.3.6.1.4.1.1466.115.121.1.38";
/// Active Directory's LargeInteger, 64 bits.
const LARGE_INTEGER: &str = "1.2.840.113556.1.4.906";
/// Active Directory's String(Teletex), which ignores case.
const TELETEX_STRING: &str = "1.2.840.113556.1.4.905";

/// Syntaxes whose values are bytes, whether or not the server says so.
const BINARY: [&str; 12] = [
    "1.3.6.1.4.1.1466.115.121.1.4",   // Audio
    "1.3.6.1.4.1.1466.115.121.1.5",   // Binary
    "1.3.6.1.4.1.1466.115.121.1.8",   // Certificate
    "1.3.6.1.4.1.1466.115.121.1.9",   // Certificate List
    "1.3.6.1.4.1.1466.115.121.1.10",  // Certificate Pair
    "1.3.6.1.4.1.1466.115.121.1.23",  // Fax
    "1.3.6.1.4.1.1466.115.121.1.28",  // JPEG
    "1.3.6.1.4.1.1466.115.121.1.40",  // Octet String
    "1.3.6.1.4.1.1466.115.121.1.49",  // Supported Algorithm
    "1.3.6.1.4.1.4203.666.11.10.2.1", // OpenLDAP: X.509 attribute certificate
    "1.2.840.113549.1.8.1.1",         // PKCS#8 private key
    "1.2.840.113556.1.4.907",         // Active Directory: NT security descriptor
];

/// Equality rules that take upper and lower case as the same (RFC 4517 §4.2, RFC 4530), by name and
/// number.
const IGNORES_CASE: [(&str, &str); 13] = [
    ("caseIgnoreMatch", "2.5.13.2"),
    ("caseIgnoreIA5Match", "1.3.6.1.4.1.1466.109.114.2"),
    ("caseIgnoreListMatch", "2.5.13.11"),
    ("telephoneNumberMatch", "2.5.13.20"),
    ("numericStringMatch", "2.5.13.8"),
    ("objectIdentifierMatch", "2.5.13.0"),
    ("distinguishedNameMatch", "2.5.13.1"),
    ("uniqueMemberMatch", "2.5.13.23"),
    ("keywordMatch", "2.5.13.33"),
    ("wordMatch", "2.5.13.32"),
    ("UUIDMatch", "1.3.6.1.1.16.2"),
    ("directoryStringFirstComponentMatch", "2.5.13.31"),
    ("objectIdentifierFirstComponentMatch", "2.5.13.30"),
];
