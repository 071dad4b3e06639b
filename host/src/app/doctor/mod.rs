//! Looks at a home as a whole and says what an operator should know, each thing with a remedy.

mod account;
mod home;
mod key;
mod logs;
mod machine;
mod served;

use super::{enter, walk::Ask};
use crate::config::{Account, HostConfig, Problem};
use serde::Serialize;
use std::{fmt, path::Path};

/// How much a finding asks of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Something does not work: act.
    Error,
    /// Something will not work some day: look into it.
    Warning,
    /// Good to know.
    Note,
    /// As it should be.
    Ok,
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Urgency::Error => "error",
            Urgency::Warning => "warning",
            Urgency::Note => "note",
            Urgency::Ok => "ok",
        })
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it asks.
    pub urgency: Urgency,
    /// What it is about: a file, a folder, a part of the machine.
    pub at: String,
    /// What was seen.
    pub what: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn push(
        &mut self,
        urgency: Urgency,
        at: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (at, what, remedy) = (at.to_owned(), what.into(), remedy.into());
        self.0.push(Finding { urgency, at, what, remedy });
    }

    fn error(&mut self, at: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.push(Urgency::Error, at, what, remedy);
    }

    fn warning(&mut self, at: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.push(Urgency::Warning, at, what, remedy);
    }

    /// The host's account cannot write there. Of another account than our own that is computed, and its
    /// further groups are not known.
    fn unwritable(&mut self, account: &Account, at: &str, what: String, path: &Path) {
        match account.is_own() {
            true => self.error(at, what, account.remedy(path)),
            false => {
                let what = format!("{what}, unless by a further group of the host's account");
                self.warning(at, what, account.remedy(path));
            }
        }
    }

    fn note(&mut self, at: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.push(Urgency::Note, at, what, remedy);
    }

    fn ok(&mut self, at: &str, what: impl Into<String>) {
        self.push(Urgency::Ok, at, what, "");
    }
}

/// The settings below this folder, which becomes the working directory, as far as `host.toml` is right,
/// and what is wrong.
pub fn settings_so_far(home: &Path) -> anyhow::Result<(HostConfig, Vec<Problem>)> {
    Ok(HostConfig::as_far_as_right(&enter(home)?))
}

/// Everything that is to be known of a home, the most urgent first. `admin` asks the host that runs in
/// it, if one does.
#[must_use]
pub fn examine(config: &HostConfig, problems: &[Problem], admin: Option<Ask<'_>>) -> Vec<Finding> {
    let mut found = Findings::default();
    for problem in problems {
        found.error("host.toml", problem.to_string(), "correct it; the rest was looked at");
    }
    served::authorities(config, &mut found);
    if found.0.is_empty() {
        found.ok("host.toml", "right, or not there: the defaults count");
    }
    let account = account::of_host(config);
    home::folders(config, &account, &mut found);
    logs::look(config, &account, &mut found);
    if home::is_usable(config) {
        key::look(config, &mut found);
        home::plugins_and_documents(config, &mut found);
        served::certificate(config, &mut found);
    }
    served::exposed(config, &account, &mut found);
    served::running(config, admin, &mut found);
    machine::look(config, &mut found);
    let mut findings = found.0;
    findings.sort_by_key(|finding| finding.urgency);
    findings
}
