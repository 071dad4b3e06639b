//! Connectors as files that travel: exported to one file and imported on another host, with a report
//! of what was taken, changed, or is missing; and Microsoft's exported configuration, read the same way.
//!
//! Everything works on texts, and the caller reads and writes the files; only whether `env:` and
//! `file:` references lead anywhere is looked up. Start at [`export_document`] and [`import`].

mod check;
mod error;
mod export;
mod import;
mod microsoft;
mod parcel;
mod report;
mod sealed_box;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use error::{ExportError, ImportError};
pub use export::{Exported, Origin, Secrets, export_document};
pub use report::{Item, Report, Severity};

use crate::config::{ConnectorName, SealingKey, Secret};
use parcel::Parcel;

/// The largest file that is read: documents have 1 MiB at most, configurations with scripts less.
const LARGEST: usize = 16 << 20;

/// The host that imports.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    /// What `file:` references are relative to.
    pub home: &'a Path,
    /// Seals the secrets anew.
    pub key: &'a SealingKey,
    /// Name and version of each plugin that is here.
    pub plugins: &'a [(String, String)],
}

/// A connector that was imported. Nothing has been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its name here; the document belongs into `connectors/<name>.toml`.
    pub name: ConnectorName,
    /// The document for this host.
    pub document: String,
    /// What was taken, changed, or is missing.
    pub report: Report,
}

/// Reads an exported connector, or the connectors of a configuration of Microsoft's host.
///
/// `name` is what to call the connector here, instead of what it was called. A passphrase opens the
/// sealed secrets of an exported connector; without one they are reported as missing.
pub fn import(
    file: &[u8],
    passphrase: Option<&Secret>,
    name: Option<&ConnectorName>,
    here: &Here<'_>,
) -> Result<Vec<Imported>, ImportError> {
    if file.len() > LARGEST {
        return Err(ImportError::Size(LARGEST));
    }
    if microsoft::is_xml(file) {
        if passphrase.is_some() {
            return Err(ImportError::NoSecrets);
        }
        return microsoft::import(file, name, here);
    }
    let text = str::from_utf8(file).map_err(|_| ImportError::Kind)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !Parcel::is_one(text) {
        return Err(ImportError::Kind);
    }
    Ok(vec![import::unpacked(Parcel::read(text)?, passphrase, name, here)?])
}
