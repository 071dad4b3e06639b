//! Where the servers' programs are, and as whom they run.

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

/// Where Debian keeps PostgreSQL, one folder per version.
const POSTGRES: &str = "/usr/lib/postgresql";
/// Beside PATH: ordinary users often have no `sbin` in theirs.
const MORE: [&str; 3] = ["/usr/local/bin", "/usr/sbin", "/usr/local/sbin"];
/// Whom root becomes, because servers refuse to run as root.
const NOBODY: &str = "nobody";

/// The folders of PATH, and where servers are installed.
pub(crate) fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(MORE.map(PathBuf::from)).collect()
}

/// Debian's folders of PostgreSQL, the newest first, and then all others.
pub(crate) fn postgres_folders() -> Vec<PathBuf> {
    let version = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let entries = fs::read_dir(POSTGRES).into_iter().flatten().flatten();
    let mut versions: Vec<_> = entries.filter_map(version).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let debian = versions.iter().map(|version| PathBuf::from(format!("{POSTGRES}/{version}/bin")));
    debian.chain(folders()).collect()
}

/// The first of the folders that has all programs; their paths in it.
pub(crate) fn together<const N: usize>(
    programs: [&str; N],
    folders: &[PathBuf],
    package: &str,
) -> anyhow::Result<[PathBuf; N]> {
    let has_all = |folder: &&PathBuf| programs.iter().all(|name| folder.join(name).is_file());
    match folders.iter().find(has_all) {
        Some(folder) => Ok(programs.map(|name| folder.join(name))),
        None => bail!(
            "{} not found; install the Debian package `{package}`",
            programs.map(|name| format!("`{name}`")).join(" and ")
        ),
    }
}

/// One program, wherever it is.
pub(crate) fn program(name: &str, folders: &[PathBuf], package: &str) -> anyhow::Result<PathBuf> {
    together([name], folders, package).map(|[path]| path)
}

/// Who runs the servers: this user, or `nobody` when this is root.
pub(crate) struct Account {
    nobody: Option<(u32, u32)>,
}

impl Account {
    pub(crate) fn unprivileged() -> anyhow::Result<Account> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Account { nobody: None });
        }
        program("setpriv", &folders(), "util-linux")?;
        Ok(Account { nobody: Some((number("-u")?, number("-g")?)) })
    }

    /// This user, also when that is root.
    pub(crate) fn this() -> Account {
        Account { nobody: None }
    }

    /// The account's name.
    pub(crate) fn name(&self) -> anyhow::Result<String> {
        if self.nobody.is_some() { Ok(NOBODY.to_owned()) } else { id(&["-un"]) }
    }

    /// A program and its arguments, to be run by this account.
    pub(crate) fn words(&self, program: &Path, arguments: &[String]) -> Vec<String> {
        let mut words = Vec::new();
        if let Some((user, group)) = self.nobody {
            words.push("setpriv".to_owned());
            words.extend([format!("--reuid={user}"), format!("--regid={group}")]);
            words.push("--clear-groups".to_owned());
        }
        words.push(program.display().to_string());
        words.extend_from_slice(arguments);
        words
    }

    /// Hands a file or directory to the account.
    pub(crate) fn own(&self, path: &Path) -> anyhow::Result<()> {
        let Some((user, group)) = self.nobody else { return Ok(()) };
        chown(path, Some(user), Some(group))
            .with_context(|| format!("cannot hand {} to {NOBODY}", path.display()))
    }
}

fn number(which: &str) -> anyhow::Result<u32> {
    id(&[which, NOBODY])?.parse().with_context(|| format!("there is no user {NOBODY}"))
}

fn id(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("id").args(arguments).output().context("cannot start `id`")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_are_named_with_their_package() {
        let wanted = ["no-such-program", "sh"];
        let error = together(wanted, &folders(), "some-package").unwrap_err().to_string();
        assert!(error.contains("`no-such-program` and `sh`"), "{error}");
        assert!(error.contains("`some-package`"), "{error}");
    }
}
