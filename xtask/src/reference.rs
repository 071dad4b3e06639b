//! The generated part of `docs/reference/`: the JSON Schemas of the host's documents, the table of
//! errors, and the commands.

use std::{fs, process::Stdio};

use anyhow::{Context as _, bail};

use crate::{
    cargo::{self, Profile},
    files::{self, Reader},
    say,
};

/// Writes the schemas, or with `check` only compares and fails when one is stale.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let host = cargo::build_program("ecma-host", Profile::Debug)?;
    let mut stale = Vec::new();
    for (document, ends) in
        [("host", ".schema.json"), ("connector", ".schema.json"), ("errors", ".md"), ("cli", ".md")]
    {
        let output = std::process::Command::new(&host)
            .args(["schema", document])
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {}", host.display()))?;
        if !output.status.success() {
            bail!("`ecma-host schema {document}` failed: {}", output.status);
        }
        let name = format!("docs/reference/{document}{ends}");
        let path = cargo::root().join(&name);
        if fs::read(&path).is_ok_and(|old| old == output.stdout) {
            continue;
        }
        if check {
            stale.push(name);
        } else {
            files::write(&path, &output.stdout, Reader::All)?;
            say!("wrote {name}");
        }
    }
    if !stale.is_empty() {
        bail!("stale: {}; run `cargo xtask reference` and commit the result", stale.join(", "));
    }
    Ok(())
}
