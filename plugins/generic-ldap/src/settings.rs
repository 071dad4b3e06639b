//! What is asked of the operator.

mod problems;

use ecma_plugin_sdk::{
    prelude::*,
    tls::{Identity, Trust},
};
use std::{path::PathBuf, time::Duration};

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Encryption {
    /// TLS from the first byte, usually on port 636.
    Ldaps,
    /// TLS after a word on the plain port, usually 389.
    Starttls,
    /// Not at all.
    Off,
}

/// How the plugin shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Bind {
    /// A name and a password.
    Simple,
    /// Nobody in particular.
    Anonymous,
    /// The client certificate (SASL EXTERNAL).
    External,
}

/// How the entries of an import are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Paging {
    /// As the server can: in pages, else by a sorted list, else all at once.
    Auto,
    /// In pages (RFC 2696).
    Paged,
    /// By views of a sorted list.
    Vlv,
    /// All at once.
    Off,
}

/// How a delta import finds out what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum DeltaStrategy {
    /// Not at all: there are full imports only.
    None,
    /// The server keeps account for its clients (RFC 4533).
    Syncrepl,
    /// OpenLDAP's log of operations.
    Accesslog,
    /// The log of changes of 389 and other heirs of Netscape's server.
    Changelog,
    /// The numbers that Active Directory gives to changes.
    Usn,
    /// The times of the last change of entries; deleted ones are not seen.
    Timestamp,
}

/// How a password is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum PasswordMethod {
    /// As the server can.
    Auto,
    /// By the operation for it (RFC 3062).
    Extended,
    /// Written into the attribute of the password.
    Attribute,
}

/// The settings of a connector.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    /// Servers
    ///
    /// Names or addresses of the directory's servers, as they stand in their certificates, each with
    /// a port behind a colon where it has another one. They are tried in this order.
    pub(crate) servers: Vec<String>,
    /// Port
    ///
    /// The port of the servers. Without one 636 with `ldaps`, else 389.
    pub(crate) port: Option<u16>,
    /// Encryption
    ///
    /// `ldaps` encrypts from the first byte, `starttls` on the plain port; both check the server's
    /// certificate. `off` sends everything as it is.
    #[config(default = "ldaps")]
    pub(crate) encryption: Encryption,
    /// Certificate authority
    ///
    /// A file with the certificates, in PEM, one of which has signed the server's. Without one, those
    /// the system trusts.
    pub(crate) ca_file: Option<PathBuf>,
    /// Fingerprint of the certificate
    ///
    /// The SHA-256 fingerprint of the server's certificate. That one is accepted, whoever signed it
    /// and whatever name it has, and no other. `openssl x509 -in server.crt -noout -fingerprint
    /// -sha256` prints it.
    pub(crate) certificate_sha256: Option<String>,
    /// Accept any certificate
    ///
    /// Encrypts, but believes every server. Whoever stands between can read and change everything.
    /// For a test; each connection is warned of in the log.
    #[config(default = false)]
    pub(crate) trust_any_certificate: bool,
    /// Log-in
    ///
    /// `simple` is a name and a password, `external` the client certificate, `anonymous` nobody.
    #[config(default = "simple")]
    pub(crate) bind: Bind,
    /// User
    ///
    /// The distinguished name of the account, for Active Directory also `name@domain`. It needs to
    /// read what is imported and to write what clients may change.
    pub(crate) user: Option<String>,
    /// Password
    ///
    /// The account's password.
    pub(crate) password: Option<Secret>,
    /// Password without encryption
    ///
    /// Allows to send passwords over a connection that is not encrypted.
    #[config(default = false)]
    pub(crate) allow_plain_password: bool,
    /// Client certificate
    ///
    /// A file with the certificate of the plugin and those that signed it, in PEM.
    pub(crate) client_certificate: Option<PathBuf>,
    /// Key of the client certificate
    ///
    /// A file with the private key, in PEM.
    pub(crate) client_key: Option<PathBuf>,
    /// Time to connect
    ///
    /// How many seconds a server may take until it is connected; then the next one is tried.
    #[config(default = 10)]
    pub(crate) connect_timeout_seconds: u32,
    /// Time to answer
    ///
    /// How many seconds the server may take for an operation. Less than the host waits for an export,
    /// which is 30 seconds unless the connector's document says otherwise.
    #[config(default = 20)]
    pub(crate) timeout_seconds: u32,
    /// Time to answer an import
    ///
    /// How many seconds the server may be silent in the middle of an import.
    #[config(default = 300)]
    pub(crate) import_timeout_seconds: u32,
    /// Base
    ///
    /// Where entries are looked for: distinguished names, each a partition. Without any, every naming
    /// context of the server that holds people, not its configuration.
    pub(crate) base: Vec<String>,
    /// Object classes
    ///
    /// The object types: a structural class each, or `type=class+auxiliary+auxiliary`, which is also
    /// what new entries get. Without any, those classes of people, groups and containers that the
    /// server has and this plugin knows.
    #[config(schema = 1)]
    pub(crate) object_classes: Vec<String>,
    /// Operational attributes
    ///
    /// Whether attributes that the server keeps for itself can be imported, such as `memberOf` or
    /// `createTimestamp`.
    #[config(schema = 2, default = true)]
    pub(crate) operational_attributes: bool,
    /// Extensible attributes
    ///
    /// Whether every attribute of the server is offered for every object type, as for entries of the
    /// class `extensibleObject`.
    #[config(schema = 2, default = false)]
    pub(crate) extensible_attributes: bool,
    /// Attribute options
    ///
    /// Attributes that are read and written with an option, such as `userCertificate;binary`.
    #[config(schema = 2)]
    pub(crate) attribute_aliases: Vec<String>,
    /// Attributes that are only read
    ///
    /// Beside those that the server says.
    #[config(schema = 2)]
    pub(crate) read_only_attributes: Vec<String>,
    /// Attributes that are only written
    ///
    /// Beside those that hold passwords, which are known.
    #[config(schema = 2)]
    pub(crate) export_only_attributes: Vec<String>,
    /// Attribute of being enabled
    ///
    /// Which attribute says whether an account is disabled: `userAccountControl`, `nsAccountLock`,
    /// `pwdAccountLockedTime`, `loginDisabled` or a boolean of your own. It is offered as the boolean
    /// `-enabled-`. Without one, what the server is known for.
    #[config(schema = 2)]
    pub(crate) enabled_attribute: Option<String>,
    /// Anchor
    ///
    /// The attribute that tells an entry from all others and never changes, or `dn`. Without one,
    /// what the server is known for: `entryUUID`, `objectGUID`, `nsUniqueId`, `GUID`, else `dn`, with
    /// which entries cannot be renamed.
    #[config(schema = 3)]
    pub(crate) anchor: Option<String>,
    /// Distinguished names
    ///
    /// How new entries are named, as `inetOrgPerson=uid={uid},ou=people,{base}`: object type, then the
    /// name with attributes in braces; `{base}` is the base of the partition, the first one. When such
    /// an attribute changes the entry is renamed. Not needed where `-dn-` is mapped.
    #[config(global)]
    pub(crate) dn_templates: Vec<String>,
    /// Missing containers
    ///
    /// Which containers are made when a new entry needs them, as `ou=organizationalUnit`: attribute
    /// of the name and class. Without any, none is made.
    #[config(global)]
    pub(crate) hierarchy: Vec<String>,
    /// Delete subtrees
    ///
    /// Deletes also what stands below an entry. Otherwise an entry with others below it is not
    /// deleted.
    #[config(global, default = false)]
    pub(crate) delete_subtree: bool,
    /// Filters
    ///
    /// What entries of an object type have to fit, as `user=(!(cn=svc-*))`: object type and a filter
    /// (RFC 4515).
    #[config(global)]
    pub(crate) filters: Vec<String>,
    /// Containers
    ///
    /// Distinguished names below which entries are imported. Without any, the whole base.
    #[config(global)]
    pub(crate) include_containers: Vec<String>,
    /// Containers left out
    ///
    /// Distinguished names below which nothing is imported.
    #[config(global)]
    pub(crate) exclude_containers: Vec<String>,
    /// Paging
    ///
    /// How entries are asked for: `auto`, `paged`, `vlv` (a sorted list by views) or `off`.
    #[config(global, default = "auto")]
    pub(crate) paging: Paging,
    /// Delta strategy
    ///
    /// How a delta import finds out what changed: `syncrepl` (RFC 4533), `accesslog` (OpenLDAP),
    /// `changelog` (389 and its relatives), `usn` (Active Directory, Samba), `timestamp`, which tells
    /// nothing of deleted entries, or `none`. Without one, what the server can.
    #[config(global)]
    pub(crate) delta_strategy: Option<DeltaStrategy>,
    /// Log of changes
    ///
    /// The base of the log for `accesslog` and `changelog`. Without one, what the server says, else
    /// `cn=accesslog` or `cn=changelog`.
    #[config(global)]
    pub(crate) change_log: Option<String>,
    /// Overlap of deltas
    ///
    /// How many seconds a delta by time looks back beyond the last one, for changes that servers with
    /// other clocks made late.
    #[config(global, default = 60)]
    pub(crate) delta_overlap_seconds: u32,
    /// Password method
    ///
    /// How a password is set: `auto`, `extended` (RFC 3062), or `attribute`, written as it is.
    #[config(global, default = "auto")]
    pub(crate) password_method: PasswordMethod,
    /// Password attribute
    ///
    /// Where `attribute` writes it. Without one, `unicodePwd` on Active Directory, else
    /// `userPassword`.
    #[config(global)]
    pub(crate) password_attribute: Option<String>,
    /// Values in one modification
    ///
    /// A new entry or a change with more values of an attribute is written in several steps.
    #[config(global, default = 1000)]
    pub(crate) values_per_modification: u32,
    /// Members by name
    ///
    /// Attributes that name other entries not by distinguished names but by another attribute, as
    /// `memberUid=uid`, which is known.
    #[config(global)]
    pub(crate) references: Vec<String>,
}

impl Settings {
    /// The servers in the order in which they are tried, each with its port.
    pub(crate) fn addresses(&self) -> Vec<(&str, u16)> {
        let usual = self.port.unwrap_or(match self.encryption {
            Encryption::Ldaps => 636,
            Encryption::Starttls | Encryption::Off => 389,
        });
        self.servers.iter().map(|server| address(server, usual)).collect()
    }

    /// Which server is believed to be the directory's.
    pub(crate) fn trust(&self) -> Trust<'_> {
        match (&self.certificate_sha256, &self.ca_file) {
            _ if self.trust_any_certificate => Trust::Anybody,
            (Some(fingerprint), _) => Trust::Fingerprint(fingerprint),
            (None, Some(path)) => Trust::Authority(path),
            (None, None) => Trust::System,
        }
    }

    /// The certificate that the plugin shows.
    pub(crate) fn identity(&self) -> Option<Identity<'_>> {
        let (certificate, key) = (self.client_certificate.as_ref()?, self.client_key.as_ref()?);
        Some(Identity { certificate, key })
    }

    /// How long a server may take to be connected.
    pub(crate) fn connect_patience(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds.into())
    }

    /// How long a server may take for an operation.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }

    /// How long a server may be silent in the middle of an import.
    pub(crate) fn import_patience(&self) -> Duration {
        Duration::from_secs(self.import_timeout_seconds.into())
    }

    /// What is said of an object type in a list of `type=text`.
    pub(crate) fn of_type<'s>(list: &'s [String], object_type: &str) -> Option<&'s str> {
        let said = list.iter().filter_map(|entry| entry.split_once('='));
        let (_, text) = said.into_iter().find(|(name, _)| name.trim() == object_type)?;
        Some(text.trim())
    }
}

/// Name or address of a server, and its port: `host`, `host:port`, `[v6]`, `[v6]:port`, `v6`.
fn address(server: &str, usual: u16) -> (&str, u16) {
    let server = server.trim();
    if let Some(rest) = server.strip_prefix('[')
        && let Some((host, port)) = rest.split_once(']')
    {
        return (host, port.strip_prefix(':').and_then(|p| p.parse().ok()).unwrap_or(usual));
    }
    match server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, port),
            Err(_) => (server, usual),
        },
        _ => (server, usual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_have_a_port_of_its_own() {
        for (server, expected) in [
            ("ldap.example.org", ("ldap.example.org", 636)),
            ("ldap.example.org:1636", ("ldap.example.org", 1636)),
            ("127.0.0.1:389", ("127.0.0.1", 389)),
            ("::1", ("::1", 636)),
            ("[::1]", ("::1", 636)),
            ("[::1]:1636", ("::1", 1636)),
        ] {
            assert_eq!(address(server, 636), expected, "{server}");
        }
    }
}
