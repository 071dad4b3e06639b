//! What is known of classes and attributes beyond what servers say of them.

/// The classes that are object types when none is chosen, where a server has them.
pub(crate) const CLASSES: [&str; 12] = [
    "inetOrgPerson",
    "user",
    "account",
    "contact",
    "group",
    "groupOfNames",
    "groupOfUniqueNames",
    "groupOfMembers",
    "posixGroup",
    "organizationalUnit",
    "organization",
    "container",
];

/// The classes of what others stand below, as far as it may get another name.
pub(crate) const CONTAINERS: [&str; 7] = [
    "organizationalUnit",
    "organization",
    "container",
    "nsContainer",
    "domain",
    "locality",
    "country",
];

/// What is never read: passwords, hashes of them, and keys.
const SECRETS: [&str; 41] = [
    // RFC 4519, RFC 3112, RFC 2307.
    "userPassword",
    "authPassword",
    // draft-behera-ldap-password-policy.
    "pwdHistory",
    // Active Directory.
    "unicodePwd",
    "dBCSPwd",
    "ntPwdHistory",
    "lmPwdHistory",
    "unixUserPassword",
    "supplementalCredentials",
    "currentValue",
    "priorValue",
    "initialAuthIncoming",
    "initialAuthOutgoing",
    "trustAuthIncoming",
    "trustAuthOutgoing",
    "pekList",
    "msDS-ManagedPassword",
    "msDS-ExecuteScriptPassword",
    "ms-Mcs-AdmPwd",
    "msLAPS-Password",
    "msLAPS-EncryptedPassword",
    "msLAPS-EncryptedPasswordHistory",
    "msLAPS-EncryptedDSRMPassword",
    "msLAPS-EncryptedDSRMPasswordHistory",
    "msFVE-RecoveryPassword",
    "msFVE-KeyPackage",
    "msTPM-OwnerInformation",
    // Samba on other directories.
    "sambaLMPassword",
    "sambaNTPassword",
    "sambaPasswordHistory",
    "sambaClearTextPassword",
    "sambaPreviousClearTextPassword",
    "sambaTrustPassword",
    // Kerberos and FreeIPA.
    "krbPrincipalKey",
    "krbMKey",
    "krbPwdHistory",
    "ipaNTHash",
    "ipatokenOTPkey",
    // 389 Directory Server.
    "passwordHistory",
    "nsds5ReplicaCredentials",
    "nsMultiplexorCredentials",
];

/// What Active Directory demands of every entry of a class and makes when it is not given. The naming
/// attributes are among them: it takes them from the distinguished name.
const MADE_BY_ACTIVE_DIRECTORY: [&str; 12] = [
    "instanceType",
    "nTSecurityDescriptor",
    "objectCategory",
    "objectSid",
    "sAMAccountName",
    "groupType",
    "cn",
    "ou",
    "o",
    "c",
    "l",
    "dc",
];

/// What Active Directory computes for each reader and each time, or keeps for itself: nobody maps it,
/// and it makes looks at single entries slow and long.
const COMPUTED_BY_ACTIVE_DIRECTORY: [&str; 18] = [
    "allowedAttributes",
    "allowedAttributesEffective",
    "allowedChildClasses",
    "allowedChildClassesEffective",
    "fromEntry",
    "msDS-NCReplCursors",
    "msDS-NCReplInboundNeighbors",
    "msDS-NCReplOutboundNeighbors",
    "msDS-ReplAttributeMetaData",
    "msDS-ReplValueMetaData",
    "nTSecurityDescriptor",
    "replPropertyMetaData",
    "sDRightsEffective",
    "structuralObjectClass",
    "subSchemaSubEntry",
    "tokenGroups",
    "tokenGroupsGlobalAndUniversal",
    "tokenGroupsNoGCAcceptable",
];

fn is_among(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether an attribute holds a password, a hash of one or a key.
pub(crate) fn is_secret(name: &str) -> bool {
    is_among(&SECRETS, name)
}

/// Whether Active Directory makes the value when an entry is added without it.
pub(crate) fn is_made_by_active_directory(name: &str) -> bool {
    is_among(&MADE_BY_ACTIVE_DIRECTORY, name)
}

/// Whether Active Directory computes the value for each reader.
pub(crate) fn is_computed_by_active_directory(name: &str) -> bool {
    is_among(&COMPUTED_BY_ACTIVE_DIRECTORY, name)
}
