//! Why a connector is not exported or imported, and what to do.

use crate::config::Problem;

/// The fewest characters of a passphrase.
pub(super) const SHORTEST_PASSPHRASE: usize = 12;

/// Why a document is not exported.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The document is not TOML.
    #[error(transparent)]
    Syntax(#[from] Problem),
    /// The document names no plugin.
    #[error("the document names no plugin: write plugin = \"NAME\"")]
    Plugin,
    /// The passphrase is too short to protect anything.
    #[error("the passphrase is too short: use at least {SHORTEST_PASSPHRASE} characters")]
    Passphrase,
}

/// Why a file is not imported.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The file is of another kind.
    #[error(
        "the file is neither an exported connector nor a configuration of Microsoft's host: export \
         the connector again"
    )]
    Kind,
    /// The file is larger than any of its kind.
    #[error("the file is larger than {} MiB, which no connector is", .0 >> 20)]
    Size(usize),
    /// The file cannot be read.
    #[error("the exported connector is damaged ({0}): export it again")]
    Damaged(String),
    /// The file was made by a newer host.
    #[error("the file has format {0}, which this host does not know: update it")]
    Newer(i64),
    /// The box was made by a newer host.
    #[error("the secrets are sealed in a way that this host does not know: update it")]
    NewerBox,
    /// The passphrase does not open the box.
    #[error(
        "the passphrase is wrong: try another one, or import without one and enter the secrets"
    )]
    Passphrase,
    /// This host has no key to seal secrets with.
    #[error("the secrets cannot be sealed here: {0}; or import without a passphrase")]
    Key(String),
    /// There is nothing that a passphrase could open.
    #[error("the file has no sealed secrets: import it without a passphrase")]
    NoSecrets,
    /// The box, or what stands around it, is not as it was.
    #[error(
        "the sealed secrets do not belong to the rest of the file, or are damaged: nothing in it may \
         be changed after the export; export it again, or import without a passphrase and enter the \
         secrets"
    )]
    Box,
    /// The file has several connectors, and one name was given.
    #[error("the file has {} connectors ({}), and a new name is for one", .0.len(), .0.join(", "))]
    Several(Vec<String>),
    /// The XML cannot be read.
    #[error("the configuration cannot be read: {0}")]
    Xml(String),
    /// The XML is an export of Microsoft Identity Manager.
    #[error(
        "the file is an export of Microsoft Identity Manager: import it into Microsoft's host and \
         export its configuration there"
    )]
    IdentityManager,
    /// The XML has no connector.
    #[error("the configuration has no connector: export it again from the wizard")]
    Empty,
}
