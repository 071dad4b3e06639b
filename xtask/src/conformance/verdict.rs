//! What the suite found, beside what is known of it.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::say;

/// How much of a reason is shown.
const SHOWN: usize = 400;

/// A result, as `tests/conformance/run.py` prints it.
#[derive(Deserialize, Debug)]
pub(super) struct Line {
    status: String,
    check: String,
    resource: Option<String>,
    reason: Option<String>,
    data: Option<String>,
}

/// The results in what was printed.
pub(super) fn lines(printed: &str) -> anyhow::Result<Vec<Line>> {
    let line = |line| {
        serde_json::from_str(line).with_context(|| format!("cannot read the result `{line}`"))
    };
    printed.lines().map(line).collect()
}

/// The checks that may be skipped, by connector, resource and check, each with a reason.
pub(super) struct Skips(BTreeMap<String, String>);

impl Skips {
    /// Reads the file of lines `CONNECTOR RESOURCE CHECK = reason`.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("cannot use {}", path.display());
        Self::parse(&fs::read_to_string(path).with_context(place)?).with_context(place)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut known = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, reason) = line.split_once(" = ").unwrap_or((line, ""));
            if reason.trim().is_empty() || name.split(' ').count() != 3 {
                bail!("`{line}` is not `CONNECTOR RESOURCE CHECK = reason`");
            }
            if known.insert(name.to_owned(), reason.to_owned()).is_some() {
                bail!("`{name}` stands there twice");
            }
        }
        Ok(Self(known))
    }
}

/// What is to be said of all connectors.
pub(super) struct Verdict<'s> {
    skips: &'s Skips,
    /// The known skips that have not happened.
    unseen: BTreeMap<&'s str, &'s str>,
    faults: Vec<String>,
}

impl<'s> Verdict<'s> {
    pub(super) fn new(skips: &'s Skips) -> Self {
        let unseen = skips.0.iter().map(|(name, why)| (name.as_str(), why.as_str())).collect();
        Self { skips, unseen, faults: Vec::new() }
    }

    /// Tells what was found of a connector, which has these resources.
    pub(super) fn add(&mut self, connector: &str, resources: &[&str], lines: &[Line]) {
        let (mut passed, mut skipped, before) = (0, 0, self.faults.len());
        for line in lines {
            let resource = line.resource.as_deref().unwrap_or("-");
            let name = format!("{connector} {resource} {}", line.check);
            match line.status.as_str() {
                "SUCCESS" | "COMPLIANT" | "ACCEPTABLE" => passed += 1,
                "SKIPPED" if self.skips.0.contains_key(&name) => {
                    skipped += 1;
                    if let Some(why) = self.unseen.remove(name.as_str()) {
                        say!("{name} is skipped: {why}");
                    }
                }
                _ => self.faults.push(format!("{name}: {}", line.told())),
            }
        }
        for resource in resources {
            if !lines.iter().any(|line| line.resource.as_deref() == Some(resource)) {
                self.faults.push(format!("{connector} {resource}: nothing was checked"));
            }
        }
        let failed = self.faults.len() - before;
        say!("{connector}: {passed} checks passed, {failed} failed, {skipped} skipped as known");
    }

    /// Names every fault; there must be none.
    pub(super) fn conclude(mut self) -> anyhow::Result<()> {
        for name in self.unseen.keys() {
            self.faults.push(format!("{name} was not skipped: take it out of skipped.txt"));
        }
        for fault in &self.faults {
            say!("{fault}");
        }
        match self.faults.len() {
            0 => Ok(()),
            count => bail!("{count} faults, named above"),
        }
    }
}

impl Line {
    /// Status, reason and what belongs to it, as one line of a readable length.
    fn told(&self) -> String {
        let parts = [Some(&self.status), self.reason.as_ref(), self.data.as_ref()];
        let text: Vec<_> = parts.into_iter().flatten().flat_map(|s| s.split_whitespace()).collect();
        let text = text.join(" ");
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(skips: &str, results: &[(&str, &str)]) -> Vec<String> {
        let skips = Skips::parse(skips).unwrap();
        let printed: Vec<_> = results
            .iter()
            .map(|(status, check)| {
                serde_json::json!({"status": status, "check": check, "resource": "User",
                    "reason": "because\n of it", "data": null})
                .to_string()
            })
            .collect();
        let mut verdict = Verdict::new(&skips);
        verdict.add("CSV", &["User"], &lines(&printed.join("\n")).unwrap());
        verdict.faults.extend(verdict.unseen.keys().map(|name| (*name).to_owned()));
        verdict.faults
    }

    #[test]
    fn what_did_not_pass_is_a_fault_unless_its_skip_is_known() {
        assert!(found("", &[("SUCCESS", "a"), ("ACCEPTABLE", "b")]).is_empty());
        let failed = found("", &[("SUCCESS", "a"), ("ERROR", "b"), ("SKIPPED", "c")]);
        assert_eq!(
            failed,
            ["CSV User b: ERROR because of it", "CSV User c: SKIPPED because of it"]
        );
        let known = "# a comment\n\nCSV User c = the column cannot be written\n";
        assert!(found(known, &[("SKIPPED", "c"), ("SKIPPED", "c")]).is_empty());
        assert_eq!(found(known, &[("SUCCESS", "c")]), ["CSV User c"]);
        assert_eq!(found("", &[]), ["CSV User: nothing was checked"]);
    }

    #[test]
    fn a_skip_has_a_reason_and_a_whole_name() {
        for wrong in ["CSV User c", "CSV User c = ", "c = why", "A B c = x\nA B c = y"] {
            assert!(Skips::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        let line = Line {
            status: "ERROR".into(),
            check: "c".into(),
            resource: None,
            reason: Some("ä".repeat(SHOWN)),
            data: None,
        };
        assert_eq!(line.told().chars().count(), SHOWN + 1);
        assert!(line.told().ends_with("ä…"));
    }
}
