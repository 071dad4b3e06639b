//! The Python of programs that others wrote: an environment of its own below the target folder, made again
//! when what it needs has changed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::say;

/// Ends well where they can be installed. Debian has the last two in a package of their own.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";

/// Whether this machine has a Python that they can be installed with.
pub(crate) fn is_there() -> bool {
    succeeds(Command::new("python3").args(["-c", PROBE]))
}

/// The Python of the environment with these requirements, which bring this module.
pub(crate) fn ensure(folder: &Path, requirements: &Path, module: &str) -> anyhow::Result<PathBuf> {
    let wanted = fs::read(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let python = folder.join("bin/python");
    // Written last: an environment that was not finished has none.
    let stamp = folder.join("requirements.txt");
    if fs::read(&stamp).is_ok_and(|had| had == wanted)
        && succeeds(Command::new(&python).args(["-c", &format!("import {module}")]))
    {
        return Ok(python);
    }
    if !is_there() {
        bail!("{module} needs Python 3.11 or newer with venv, in Debian the package python3-venv");
    }
    say!("installing {module} into {}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    finish(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
    finish(Command::new(&python).args(install).arg("--requirement").arg(requirements))?;
    finish(Command::new(&python).args(["-m", "pip", "check", "--disable-pip-version-check"]))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn finish(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdin(Stdio::null()).status();
    let status = status
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
