//! What kind of directory the server is, by what it says of itself (RFC 4512 §5.1).

use crate::{
    client::{Client, Found, Search, control},
    settings::{DeltaStrategy, Settings},
};
use ecma_plugin_sdk::Error;

/// The operation that changes a password (RFC 3062).
const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";
/// Where OpenLDAP's log of operations usually stands.
const ACCESS_LOG: &str = "cn=accesslog";
/// Active Directory, and what says that it is one.
const ACTIVE_DIRECTORY: [&str; 2] = ["1.2.840.113556.1.4.800", LIGHTWEIGHT];
const LIGHTWEIGHT: &str = "1.2.840.113556.1.4.1851";

/// Whose server it is, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Vendor {
    /// OpenLDAP.
    OpenLdap,
    /// 389 Directory Server, Red Hat's, and their elder relatives.
    Netscape,
    /// Active Directory, its Lightweight Directory Services, Samba.
    ActiveDirectory,
    /// NetIQ eDirectory.
    EDirectory,
    /// OpenDJ, OpenDS, Oracle Unified Directory, PingDirectory.
    OpenDj,
    /// IBM Security Directory Server.
    Ibm,
    /// Any other.
    Other,
}

/// What the server says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    pub(crate) vendor: Vendor,
    /// Of Active Directory: its Lightweight Directory Services.
    is_lightweight: bool,
    /// Where its entries stand.
    pub(crate) contexts: Vec<String>,
    /// The entry that has the schema.
    pub(crate) subschema: String,
    /// Where its log of changes stands, when it says so.
    change_log: Option<String>,
    controls: Vec<String>,
    extensions: Vec<String>,
}

/// What is asked of the root: some servers tell certain attributes only to those who name them.
const ASKED: [&str; 13] = [
    "*",
    "+",
    "namingContexts",
    "defaultNamingContext",
    "subschemaSubentry",
    "supportedControl",
    "supportedExtension",
    "supportedCapabilities",
    "vendorName",
    "vendorVersion",
    "changelog",
    "objectClass",
    "structuralObjectClass",
];

impl Directory {
    /// Asks the server.
    pub(crate) fn ask(client: &mut Client) -> Result<Directory, Error> {
        let root = client.find(&Search::entry("", &ASKED.map(str::to_owned)))?;
        root.as_ref().map(Directory::of).ok_or_else(|| {
            let text = format!("{} does not show its root entry to this account", client.server());
            Error::new(ecma_plugin_sdk::ErrorKind::Forbidden, text)
        })
    }

    fn of(root: &Found) -> Directory {
        let texts = |name: &str| -> Vec<String> {
            root.texts(name).into_iter().map(str::to_owned).collect()
        };
        let first = |name: &str| root.text(name).map(str::to_owned);
        Directory {
            vendor: vendor(root),
            is_lightweight: root.texts("supportedCapabilities").contains(&LIGHTWEIGHT),
            contexts: texts("namingContexts"),
            subschema: first("subschemaSubentry").unwrap_or_else(|| "cn=Subschema".to_owned()),
            change_log: first("changelog"),
            controls: texts("supportedControl"),
            extensions: texts("supportedExtension"),
        }
    }

    /// Whether the server knows this control.
    pub(crate) fn has_control(&self, kind: &str) -> bool {
        self.controls.iter().any(|known| known == kind)
    }

    /// Whether the server has the operation that changes a password.
    pub(crate) fn has_password_operation(&self) -> bool {
        self.extensions.iter().any(|known| known == PASSWORD_MODIFY)
    }

    /// The attribute that tells entries apart and never changes; `None`: their names.
    pub(crate) fn anchor(&self) -> Option<&'static str> {
        match self.vendor {
            Vendor::ActiveDirectory => Some("objectGUID"),
            Vendor::EDirectory => Some("GUID"),
            Vendor::Netscape => Some("nsUniqueId"),
            Vendor::OpenLdap | Vendor::OpenDj => Some("entryUUID"),
            Vendor::Ibm => Some("ibm-entryuuid"),
            Vendor::Other => None,
        }
    }

    /// The attribute that says that an account is disabled.
    pub(crate) fn enabled_attribute(&self) -> Option<&'static str> {
        match self.vendor {
            Vendor::ActiveDirectory if self.is_lightweight => Some("msDS-UserAccountDisabled"),
            Vendor::ActiveDirectory => Some("userAccountControl"),
            Vendor::EDirectory => Some("loginDisabled"),
            Vendor::Netscape => Some("nsAccountLock"),
            Vendor::OpenLdap => Some("pwdAccountLockedTime"),
            Vendor::OpenDj => Some("ds-pwp-account-disabled"),
            Vendor::Ibm => Some("ibm-pwdAccountLocked"),
            Vendor::Other => None,
        }
    }

    /// How changes are best found.
    pub(crate) fn strategy(&self) -> DeltaStrategy {
        match self.vendor {
            Vendor::ActiveDirectory => DeltaStrategy::Usn,
            // 389's cookies are about the filter too, so that those of `syncrepl::mark` say nothing.
            Vendor::Netscape if self.change_log.is_none() => DeltaStrategy::Timestamp,
            Vendor::Netscape => DeltaStrategy::Changelog,
            _ if self.has_control(control::SYNC_REQUEST) => DeltaStrategy::Syncrepl,
            _ if self.change_log.is_some() => DeltaStrategy::Changelog,
            _ if self.has_access_log() => DeltaStrategy::Accesslog,
            _ => DeltaStrategy::Timestamp,
        }
    }

    fn has_access_log(&self) -> bool {
        self.contexts.iter().any(|context| context.eq_ignore_ascii_case(ACCESS_LOG))
    }

    /// Where the log of changes stands.
    pub(crate) fn change_log(&self, settings: &Settings, strategy: DeltaStrategy) -> String {
        let usual = match strategy {
            DeltaStrategy::Accesslog => ACCESS_LOG,
            _ => "cn=changelog",
        };
        let known = self.change_log.as_ref().filter(|_| strategy == DeltaStrategy::Changelog);
        let said = settings.change_log.as_ref().or(known);
        said.map_or_else(|| usual.to_owned(), Clone::clone)
    }

    /// Where entries are looked for: what the settings say, else all that may hold people.
    pub(crate) fn bases(&self, settings: &Settings) -> Vec<String> {
        if !settings.base.is_empty() {
            return settings.base.clone();
        }
        let is_own = |context: &str| {
            let context = context.to_ascii_lowercase().replace(' ', "");
            let first = context.split(',').next().unwrap_or_default();
            let own = ["cn=config", "cn=configuration", "cn=schema", "cn=changelog"];
            let own = own.contains(&first) || ["cn=accesslog", "cn=monitor"].contains(&first);
            own || first.starts_with("dc=domaindnszones") || first.starts_with("dc=forestdnszones")
        };
        let contexts = self.contexts.iter().filter(|context| !context.is_empty());
        contexts.filter(|context| !is_own(context)).cloned().collect()
    }
}

fn vendor(root: &Found) -> Vendor {
    let name = root.text("vendorName").unwrap_or_default().to_lowercase();
    let version = root.text("vendorVersion").unwrap_or_default().to_lowercase();
    let capabilities = root.texts("supportedCapabilities");
    let is_openldap = root.texts("objectClass").contains(&"OpenLDAProotDSE")
        || root.text("structuralObjectClass") == Some("OpenLDAProotDSE");
    let says = |words: &[&str]| words.iter().any(|w| name.contains(w) || version.contains(w));
    if capabilities.iter().any(|known| ACTIVE_DIRECTORY.contains(known)) {
        Vendor::ActiveDirectory
    } else if is_openldap {
        Vendor::OpenLdap
    } else if says(&["389 project", "389-directory", "red hat", "sun microsystems", "sun-"])
        || says(&["netscape", "fedora", "oracle corporation", "sun java", "dsee"])
            && !says(&["unified"])
    {
        Vendor::Netscape
    } else if says(&["netiq", "novell", "edirectory", "micro focus"]) {
        Vendor::EDirectory
    } else if says(&[
        "forgerock",
        "opendj",
        "opends",
        "ping",
        "unboundid",
        "unified",
        "openidentity",
    ]) {
        Vendor::OpenDj
    } else if says(&["international business machines", "ibm"]) {
        Vendor::Ibm
    } else {
        Vendor::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(attributes: &[(&str, &str)]) -> Found {
        let attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![value.as_bytes().to_vec()]));
        Found { attributes: attributes.collect(), ..Found::default() }
    }

    #[test]
    fn servers_are_known_by_what_they_say() {
        for (attributes, expected) in [
            (&[("objectClass", "OpenLDAProotDSE")][..], Vendor::OpenLdap),
            (
                &[("vendorName", "389 Project"), ("vendorVersion", "389-Directory/2.3.1")],
                Vendor::Netscape,
            ),
            (&[("supportedCapabilities", "1.2.840.113556.1.4.800")], Vendor::ActiveDirectory),
            (&[("supportedCapabilities", "1.2.840.113556.1.4.1851")], Vendor::ActiveDirectory),
            (&[("vendorName", "NetIQ Corporation")], Vendor::EDirectory),
            (&[("vendorName", "ForgeRock AS.")], Vendor::OpenDj),
            (
                &[
                    ("vendorName", "Oracle Corporation"),
                    ("vendorVersion", "Oracle Unified Directory 12.2.1"),
                ],
                Vendor::OpenDj,
            ),
            (&[("vendorName", "International Business Machines (IBM)")], Vendor::Ibm),
            (&[("vendorName", "Apache Software Foundation")], Vendor::Other),
            (&[], Vendor::Other),
        ] {
            assert_eq!(vendor(&root(attributes)), expected, "{attributes:?}");
        }
    }
}
