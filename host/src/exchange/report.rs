//! What became of a connector on its way: one line for each thing that an operator should know.

use std::fmt;

use serde::Serialize;

/// How much a line asks of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is to be entered or put in place before the connector works.
    Missing,
    /// It is there and not as it was.
    Changed,
    /// Good to know.
    Note,
    /// It is there as it was.
    Taken,
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// How much it asks of the operator.
    pub severity: Severity,
    /// The key of the document with dots, or the name it had in the file that was read; empty when
    /// it is about the whole.
    pub at: String,
    /// What was found.
    pub what: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
}

/// Everything that is to be said, in the order of the document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report {
    /// The lines.
    pub items: Vec<Item>,
}

impl Report {
    /// The lines of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.severity == severity)
    }

    pub(super) fn missing(
        &mut self,
        at: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Severity::Missing, at, what, remedy);
    }

    pub(super) fn changed(
        &mut self,
        at: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Severity::Changed, at, what, remedy);
    }

    pub(super) fn note(
        &mut self,
        at: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Severity::Note, at, what, remedy);
    }

    pub(super) fn taken(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.push(Severity::Taken, at, what, "");
    }

    fn push(
        &mut self,
        severity: Severity,
        at: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (at, what, remedy) = (at.into(), what.into(), remedy.into());
        self.items.push(Item { severity, at, what, remedy });
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Missing => "missing",
            Severity::Changed => "changed",
            Severity::Note => "note",
            Severity::Taken => "taken",
        })
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7}  ", self.severity)?;
        if !self.at.is_empty() {
            write!(f, "{}: ", self.at)?;
        }
        f.write_str(&self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}
