//! What three servers answer of their schema, cut down: OpenLDAP 2.5, 389 Directory Server 2.3 and, in
//! the form of Active Directory, Samba 4.17. What classes have is shortened to what is described.

use super::{Subschema, Texts};

pub(crate) const OPENLDAP: &str = include_str!("excerpts/openldap.ldif");
pub(crate) const DS389: &str = include_str!("excerpts/ds389.ldif");
pub(crate) const SAMBA: &str = include_str!("excerpts/samba.ldif");

/// The schema of lines as in LDIF: `objectClasses: ( … )`.
pub(crate) fn schema(lines: &str) -> Subschema {
    let of = |attribute: &str| -> Vec<String> {
        let texts = lines.lines().filter_map(|line| line.strip_prefix(attribute));
        texts.map(|text| text.trim_start_matches(": ").to_owned()).collect()
    };
    Subschema::read(Texts {
        object_classes: &of("objectClasses"),
        attribute_types: &of("attributeTypes"),
        ldap_syntaxes: &of("ldapSyntaxes"),
        content_rules: &of("dITContentRules"),
    })
}
