//! Runs: what an import is asked for, what an export answers, passwords.

use crate::{Anchor, Dn, Entry, Values};
use serde::{Deserialize, Serialize};

/// Where a delta import shall go on: a text of the connector's own making, kept by the host and
/// handed back unread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Watermark(String);

impl Watermark {
    /// This text.
    pub fn new(text: impl Into<String>) -> Watermark {
        Watermark(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Everything, or what changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ImportKind {
    /// Every entry, each once.
    Full,
    /// What changed since this watermark.
    Delta(Watermark),
}

/// A part of the connected system that is imported and exported by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Unchanging key.
    pub id: String,
    /// Words to show.
    pub name: String,
    /// Where it stands, in systems with distinguished names.
    #[serde(default)]
    pub dn: Option<Dn>,
}

impl Partition {
    /// The one partition of a system that has none.
    #[must_use]
    pub fn default_partition() -> Partition {
        Partition { id: "default".to_owned(), name: "Default".to_owned(), dn: None }
    }
}

/// A container below which entries stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HierarchyNode {
    /// Where it stands.
    pub dn: Dn,
    /// Words to show.
    pub name: String,
}

/// An object type the host wants, with the attributes it wants of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Name of the object type.
    pub object_type: String,
    /// Names of the attributes; the anchor comes in any case.
    pub attributes: Vec<String>,
}

/// What an import is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImportRun {
    /// Everything, or what changed.
    pub kind: ImportKind,
    /// Which object types and attributes; empty: all of the schema.
    #[serde(default)]
    pub selected: Vec<Selection>,
    /// Where.
    pub partition: Partition,
    /// Only below these containers, when there are any.
    #[serde(default)]
    pub include: Vec<Dn>,
    /// Not below these containers.
    #[serde(default)]
    pub exclude: Vec<Dn>,
    /// Entries of a page.
    pub page_size: u32,
    /// Answers to the parameters of the run step and the partition.
    #[serde(default)]
    pub values: Values,
}

impl ImportRun {
    /// An import of everything there is, in pages of 500.
    #[must_use]
    pub fn full() -> ImportRun {
        ImportRun {
            kind: ImportKind::Full,
            selected: Vec::new(),
            partition: Partition::default_partition(),
            include: Vec::new(),
            exclude: Vec::new(),
            page_size: 500,
            values: Values::default(),
        }
    }

    /// An import of what changed since this watermark.
    #[must_use]
    pub fn delta(since: Watermark) -> ImportRun {
        ImportRun { kind: ImportKind::Delta(since), ..ImportRun::full() }
    }

    /// Whether entries of this object type are wanted.
    #[must_use]
    pub fn wants(&self, object_type: &str) -> bool {
        self.selected.is_empty() || self.selected.iter().any(|s| s.object_type == object_type)
    }

    /// Whether this attribute is wanted.
    #[must_use]
    pub fn wants_attribute(&self, object_type: &str, attribute: &str) -> bool {
        self.selected.is_empty()
            || self.selected.iter().any(|selection| {
                selection.object_type == object_type
                    && selection.attributes.iter().any(|known| known == attribute)
            })
    }
}

/// What a successful export of one change answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exported {
    /// The anchor, when the connected system made or changed it.
    pub anchor: Option<Anchor>,
    /// The distinguished name, when the connected system made or changed it.
    pub dn: Option<Dn>,
    /// The whole entry as the connected system has it now, when the connector knows; it may differ
    /// from what was asked for. Then anchor and name are taken from it. Multi-valued references may
    /// be left out, as a group's members are many: those are taken to be as asked for.
    pub entry: Option<Entry>,
}

impl Exported {
    /// Done as asked.
    #[must_use]
    pub fn done() -> Exported {
        Exported::default()
    }

    /// Done; the connected system made this anchor.
    #[must_use]
    pub fn with_anchor(anchor: Anchor) -> Exported {
        Exported { anchor: Some(anchor), ..Exported::default() }
    }

    /// Done; this is what the connected system has now.
    #[must_use]
    pub fn with_entry(entry: Entry) -> Exported {
        Exported { entry: Some(entry), ..Exported::default() }
    }
}

/// How a password is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PasswordOptions {
    /// The person must change it at the next log-in.
    pub force_change: bool,
    /// A locked account is unlocked.
    pub unlock: bool,
    /// The system's password policy applies.
    pub validate: bool,
}
