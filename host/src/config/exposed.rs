//! Files of secrets that others than the host's account may read. They are told of and used all the same.

use std::path::{Path, PathBuf};

use super::{account::Account, connector::ConnectorConfig, host::HostConfig, value::ConfigValue};

/// A file of a secret that others may read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Who may read it.
    pub who: &'static str,
    /// The command that closes it.
    pub remedy: String,
}

/// What others than the host's account may read of the secrets of the certificate: its key and the
/// password of that.
#[must_use]
pub fn exposed_of_host(config: &HostConfig, key: &Path, account: &Account) -> Vec<Exposed> {
    let password = match config.tls.as_ref().and_then(|tls| tls.password.as_ref()) {
        Some(ConfigValue::File(path)) => exposed(&config.home.join(path), false, account),
        _ => None,
    };
    // As for other servers: a group of those who may use the certificate is usual.
    exposed(key, true, account).into_iter().chain(password).collect()
}

/// What others than the host's account may read of the secrets that a connector's document names.
#[must_use]
pub fn exposed_of_connector(
    home: &Path,
    connector: &ConnectorConfig,
    account: &Account,
) -> Vec<Exposed> {
    let mut files = connector.referenced_files();
    files.sort_unstable();
    files.dedup();
    files.iter().filter_map(|file| exposed(&home.join(file), false, account)).collect()
}

/// `for_group`: its group may read it whoever owns it.
#[cfg(unix)]
fn exposed(path: &Path, for_group: bool, account: &Account) -> Option<Exposed> {
    use super::files::quoted;
    use std::os::unix::fs::MetadataExt as _;
    let known = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mode = known.mode() & 0o7777;
    // Nobody comes to a file in a folder that he may not enter.
    let mut reachable = mode;
    for folder in path.canonicalize().ok()?.ancestors().skip(1) {
        match std::fs::metadata(folder).map(|known| known.mode()) {
            Ok(folder) if folder & 0o011 == 0 => reachable &= !0o077,
            Ok(folder) if folder & 0o001 == 0 => reachable &= !0o007,
            _ => (),
        }
    }
    let file = File { owner: known.uid(), group: known.gid(), mode: reachable, for_group };
    let (who, closed) = file.open_to(account)?;
    let shown = quoted(path);
    let remedy = match closed {
        Closed::By(bits) => format!("chmod {bits} {shown}"),
        Closed::AsOwned(bits) => {
            format!("chown {} {shown} && chmod {bits} {shown}", account.user())
        }
    };
    Some(Exposed { path: path.to_owned(), mode, who, remedy })
}

#[cfg(not(unix))]
fn exposed(_: &Path, _: bool, _: &Account) -> Option<Exposed> {
    None
}

/// What is known of a file.
#[cfg(unix)]
#[derive(Clone, Copy)]
struct File {
    owner: u32,
    group: u32,
    mode: u32,
    for_group: bool,
}

/// How the file is closed, and the host's account can read it afterwards.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
enum Closed {
    /// By these permission bits.
    By(&'static str),
    /// By these when it belongs to the account.
    AsOwned(&'static str),
}

#[cfg(unix)]
impl File {
    /// Who but the account may read it, and how it is closed to them.
    fn open_to(self, account: &Account) -> Option<(&'static str, Closed)> {
        let is_for_everybody = self.mode & 0o004 != 0;
        let is_for_group = self.mode & 0o040 != 0;
        let is_owned = self.owner == account.user();
        // Somebody else's file is the account's by its group, as root:ecma with 0640. In which further groups
        // another account is we do not know: what it cannot read otherwise it reads by one.
        let is_read_by_group = !is_owned && account.is_in(self.group);
        let may_be_read_by_group =
            is_read_by_group || !is_owned && !account.is_own() && account.user() != 0;
        let who = match () {
            () if is_for_everybody => "everybody",
            () if is_for_group && !self.for_group && !may_be_read_by_group => "its group",
            () => return None,
        };
        let keeps_group = is_read_by_group || self.for_group && is_for_group;
        let bits = if keeps_group { "640" } else { "600" };
        let stays_readable = is_owned || is_read_by_group;
        Some((who, if stays_readable { Closed::By(bits) } else { Closed::AsOwned(bits) }))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_read_is_told_with_the_command_that_closes_it() {
        let home = tempfile::tempdir().unwrap();
        set(home.path(), 0o755);
        let file = home.path().join("my secret");
        fs::write(&file, "s3cret").unwrap();
        let looks = |mode| {
            set(&file, mode);
            exposed(&file, false, &Account::own())
                .map(|found| (found.who, found.remedy.replace(file.to_str().unwrap(), "FILE")))
        };
        let told = |who| Some((who, "chmod 600 'FILE'".to_owned()));
        assert_eq!(looks(0o600), None);
        assert_eq!(looks(0o644), told("everybody"));
        assert_eq!(looks(0o640), told("its group"));
        set(home.path(), 0o750);
        assert_eq!(looks(0o644), told("its group"), "others do not come to it");
        assert_eq!(looks(0o604), None);
        set(home.path(), 0o700);
        assert_eq!(looks(0o644), None, "nobody comes to it");
        assert_eq!(exposed(&home.path().join("none"), false, &Account::own()), None);
    }

    #[test]
    fn a_file_that_is_closed_stays_readable_for_the_account() {
        use Closed::{AsOwned, By};
        const ECMA: u32 = 4711;
        let account = Account::other(ECMA, ECMA);
        let everybody = |closed| Some(("everybody", closed));
        for (owner, group, mode, for_group, expected) in [
            (ECMA, ECMA, 0o600, false, None),
            (ECMA, ECMA, 0o400, false, None),
            (ECMA, ECMA, 0o644, false, everybody(By("600"))),
            (ECMA, ECMA, 0o640, false, Some(("its group", By("600")))),
            (ECMA, ECMA, 0o640, true, None),
            (ECMA, ECMA, 0o644, true, everybody(By("640"))),
            (ECMA, ECMA, 0o604, true, everybody(By("600"))),
            (0, ECMA, 0o640, false, None),
            (0, ECMA, 0o644, false, everybody(By("640"))),
            (0, ECMA, 0o604, false, everybody(By("640"))),
            (0, 0, 0o644, false, everybody(AsOwned("600"))),
            (0, 0, 0o644, true, everybody(AsOwned("640"))),
            // By one of its further groups.
            (0, 7, 0o640, false, None),
        ] {
            let file = File { owner, group, mode, for_group };
            assert_eq!(file.open_to(&account), expected, "{owner}:{group} {mode:o} {for_group}");
        }
        let file = File { owner: ECMA, group: 7, mode: 0o640, for_group: false };
        let root = Account::other(0, 0);
        assert_eq!(file.open_to(&root), Some(("its group", AsOwned("600"))));
    }
}
