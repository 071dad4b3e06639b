//! What a connector can do, and how it wants its changes.

use serde::{Deserialize, Serialize};

/// How an export gets a changed entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ExportStyle {
    /// `Update` with the changed attributes; values of multi-valued ones as added and removed.
    AttributeUpdate,
    /// `Update` with the changed attributes, each with all its values.
    #[default]
    AttributeReplace,
    /// `Replace` with the whole entry.
    ObjectReplace,
    /// `Update` with the changed attributes: references as added and removed, others with all
    /// their values.
    ReferenceUpdate,
}

/// How distinguished names look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DnStyle {
    /// The connected system has none.
    #[default]
    None,
    /// Any text.
    Generic,
    /// RFC 4514.
    Ldap,
}

/// What a connector can do with the given parameter values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Can list all entries.
    pub full_import: bool,
    /// Can list what changed since a watermark.
    pub delta_import: bool,
    /// Can write.
    pub export: bool,
    /// How it wants changed entries.
    pub export_style: ExportStyle,
    /// Is faster with a page of changes than with one at a time.
    pub export_pages: bool,
    /// Can read one entry by its id.
    pub read: bool,
    /// Several connections may be open and in use at once.
    pub concurrent: bool,
    /// Can set and change passwords.
    pub password: bool,
    /// How distinguished names look.
    pub dn_style: DnStyle,
    /// The distinguished name is the anchor.
    pub dn_is_anchor: bool,
    /// The distinguished name of an entry can change.
    pub rename: bool,
    /// References can only be written once what they name is there: first pass without them.
    pub references_in_second_pass: bool,
}

/// Full import and export by attribute, one connection at a time.
impl Default for Capabilities {
    fn default() -> Capabilities {
        Capabilities {
            full_import: true,
            delta_import: false,
            export: true,
            export_style: ExportStyle::AttributeReplace,
            export_pages: false,
            read: false,
            concurrent: false,
            password: false,
            dn_style: DnStyle::None,
            dn_is_anchor: false,
            rename: false,
            references_in_second_pass: false,
        }
    }
}
