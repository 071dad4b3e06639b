//! Licences, bans and sources of everything we depend on, held against `deny.toml`.
//!
//! The file is cargo-deny's and means the same there; this reads the part that needs no network
//! and nothing installed. Advisories are left to `cargo deny check advisories`.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::{
    cargo::{self, Metadata, Package},
    say, spdx,
};

#[derive(Deserialize)]
struct Rules {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Graph {
    targets: Vec<String>,
    #[serde(default)]
    all_features: bool,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
    #[serde(default)]
    clarify: Vec<Clarify>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    spec: Spec,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Clarify {
    #[serde(rename = "crate")]
    spec: Spec,
    expression: String,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Named>,
    #[serde(default)]
    skip: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "crate")]
    spec: Spec,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// `name` or `name@version`, of whose version the last parts may be left out.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Spec {
    name: String,
    version: Option<String>,
}

impl From<String> for Spec {
    fn from(text: String) -> Self {
        match text.split_once('@') {
            Some((name, version)) => {
                Self { name: name.into(), version: Some(version.trim_start_matches('=').into()) }
            }
            None => Self { name: text, version: None },
        }
    }
}

impl Spec {
    fn is(&self, package: &Package) -> bool {
        self.name == package.name
            && self.version.as_deref().is_none_or(|wanted| {
                let rest = package.version.strip_prefix(wanted);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+', '-']))
            })
    }
}

/// Checks the workspace; an error lists everything that is wrong.
pub(crate) fn run() -> anyhow::Result<()> {
    let path = cargo::root().join("deny.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let rules: Rules = toml::from_str(&text).context("cannot understand deny.toml")?;
    let mut arguments = Vec::new();
    for target in &rules.graph.targets {
        arguments.extend(["--filter-platform", target]);
    }
    if rules.graph.all_features {
        arguments.push("--all-features");
    }
    let metadata = cargo::metadata(&arguments)?;
    let problems = rules.problems(&metadata)?;
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    say!("{} crates keep to deny.toml", used(&metadata).len());
    Ok(())
}

/// The packages that are built on one of the platforms asked for.
fn used(metadata: &Metadata) -> Vec<&Package> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let ids: HashSet<_> = nodes.map(|node| node.id.as_str()).collect();
    metadata.packages.iter().filter(|package| ids.contains(package.id.as_str())).collect()
}

impl Rules {
    fn problems(&self, metadata: &Metadata) -> anyhow::Result<Vec<String>> {
        let mut problems = Vec::new();
        let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut skipped = HashSet::new();
        let packages = used(metadata);
        for package in &packages {
            let who = format!("{} {}", package.name, package.version);
            if let Some(problem) = self.license_problem(package) {
                problems.push(format!("licence: {who}: {problem}"));
            }
            if let Some(ban) = self.bans.deny.iter().find(|ban| ban.spec.is(package)) {
                problems.push(format!("banned: {who}: {}", ban.reason));
            }
            let registry = |source: &String| {
                let source = source.trim_start_matches("registry+");
                self.sources.allow_registry.iter().any(|allowed| allowed == source)
            };
            if !package.source.as_ref().is_none_or(registry) {
                problems.push(format!("source: {who} comes from elsewhere than the registry"));
            }
            let skip = self.bans.skip.iter().position(|skip| skip.spec.is(package));
            match skip {
                Some(at) => _ = skipped.insert(at),
                None => _ = versions.entry(&package.name).or_default().insert(&package.version),
            }
            if metadata.workspace_members.contains(&package.id) {
                let wild = package.dependencies.iter().filter(|d| d.req == "*" && d.path.is_none());
                problems.extend(wild.map(|d| format!("wildcard: {who} takes any {}", d.name)));
            }
        }
        for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
            let versions: Vec<_> = versions.iter().copied().collect();
            problems.push(format!(
                "duplicate: {name} in the versions {}; unite them, or add all but one to [bans] skip",
                versions.join(" and ")
            ));
        }
        for (at, skip) in self.bans.skip.iter().enumerate() {
            if !skipped.contains(&at) {
                let Spec { name, version } = &skip.spec;
                let version = version.as_deref().unwrap_or("any");
                problems.push(format!("stale: nothing uses {name} {version}; take it from skip"));
            }
        }
        Ok(problems)
    }

    fn license_problem(&self, package: &Package) -> Option<String> {
        let clarified = self.licenses.clarify.iter().find(|clarify| clarify.spec.is(package));
        let Some(expression) =
            clarified.map(|clarify| &clarify.expression).or(package.license.as_ref())
        else {
            return Some(
                "its manifest names none; read it and add it to [[licenses.clarify]]".into(),
            );
        };
        let exceptions = self.licenses.exceptions.iter().filter(|e| e.spec.is(package));
        let more: Vec<_> = exceptions.flat_map(|exception| &exception.allow).collect();
        let allowed =
            |name: &str| self.licenses.allow.iter().chain(more.iter().copied()).any(|a| a == name);
        match spdx::satisfied(expression, &allowed) {
            Ok(true) => None,
            Ok(false) => Some(format!("`{expression}` is not allowed")),
            Err(error) => Some(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const RULES: &str = r#"
        [graph]
        targets = []
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "excepted", allow = ["ISC"] }]
        clarify = [{ crate = "unclear", expression = "MIT", license-files = [] }]
        [bans]
        deny = [{ crate = "openssl", reason = "rustls is used" }]
        skip = [{ crate = "old@1", reason = "on its way out" }]
        [sources]
        allow-registry = ["https://r"]"#;

    fn package(name: &str, version: &str, license: &str) -> Value {
        let license = if license.is_empty() { Value::Null } else { json!(license) };
        json!({"id": format!("{name} {version}"), "name": name, "version": version,
            "license": license, "source": "registry+https://r", "manifest_path": "/x",
            "targets": [], "dependencies": []})
    }

    fn check(packages: Vec<Value>, expected: &[&str]) {
        let old = package("old", "1.2.3", "MIT");
        let packages: Vec<_> = packages.into_iter().chain([old]).collect();
        let nodes: Vec<_> = packages.iter().map(|package| json!({"id": package["id"]})).collect();
        let metadata = json!({"packages": packages, "workspace_members": ["own 1.0.0"],
            "resolve": {"nodes": nodes}});
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        let rules: Rules = toml::from_str(RULES).unwrap();
        let problems = rules.problems(&metadata).unwrap();
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem}");
        }
    }

    #[test]
    fn each_rule_names_the_crate_that_breaks_it() {
        check(vec![package("fine", "1.0.0", "MIT")], &[]);
        check(vec![package("copyleft", "1.0.0", "GPL-3.0")], &["licence: copyleft 1.0.0"]);
        check(vec![package("silent", "1.0.0", "")], &["licence: silent 1.0.0"]);
        check(vec![package("unclear", "1.0.0", "")], &[]);
        check(vec![package("excepted", "1.0.0", "ISC")], &[]);
        check(vec![package("openssl", "1.0.0", "MIT")], &["banned: openssl 1.0.0"]);
        check(
            vec![package("two", "1.0.0", "MIT"), package("two", "2.0.0", "MIT")],
            &["duplicate: two in the versions 1.0.0 and 2.0.0"],
        );
        check(vec![package("old", "2.0.0", "MIT")], &[]);
        let mut forked = package("forked", "1.0.0", "MIT");
        forked["source"] = json!("git+https://elsewhere");
        check(vec![forked], &["source: forked 1.0.0"]);
        let mut own = package("own", "1.0.0", "MIT");
        own["dependencies"] = json!([{"name": "any", "req": "*", "path": null},
            {"name": "beside", "req": "*", "path": "/beside"}]);
        check(vec![own], &["wildcard: own 1.0.0 takes any any"]);
    }

    #[test]
    fn a_skip_that_nothing_needs_is_stale() {
        let rules: Rules = toml::from_str(RULES).unwrap();
        let empty = json!({"packages": [], "workspace_members": [], "resolve": {"nodes": []}});
        let problems = rules.problems(&serde_json::from_value(empty).unwrap()).unwrap();
        assert_eq!(problems, ["stale: nothing uses old 1; take it from skip"]);
    }

    #[test]
    fn a_version_may_be_cut_short_between_its_parts() {
        let package: Package = serde_json::from_value(package("a", "0.52.6", "MIT")).unwrap();
        for (spec, expected) in
            [("a", true), ("a@0.52", true), ("a@=0.52.6", true), ("a@0.5", false), ("b", false)]
        {
            assert_eq!(Spec::from(spec.to_owned()).is(&package), expected, "{spec}");
        }
    }
}
